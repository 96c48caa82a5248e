"""The critical line, and how deep a signal reaches on its two sides."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq

from weightinit import activations, theory

# q*, sigma_w2 and sigma_b2 on the critical line of tanh, to the digits shown.
CRITICAL = [
    (0.01, 1.0197107607, 1.258e-6),
    (0.1, 1.1775690962, 0.0008322804),
    (0.5, 1.6879751206, 0.0380412011),
    (0.5700478816, 1.7609546396, 0.05),
    (1, 2.1533026489, 0.1509646294),
    (2, 2.8611624, 0.5122649476),
]


@pytest.mark.parametrize("q, sigma_w2, sigma_b2", CRITICAL)
def test_critical_line_of_tanh(q, sigma_w2, sigma_b2):
    on_line = theory.critical_line("tanh", q)
    assert on_line == pytest.approx((sigma_w2, sigma_b2), rel=1e-8, abs=6e-10)
    assert theory.chi1("tanh", q, on_line[0]) == pytest.approx(1, rel=1e-13)
    found = theory.fixed_point("tanh", *on_line)
    assert found.outcome == "converged" and found.q == pytest.approx(q, rel=1e-10)
    xi_q, xi_c = theory.depth_scales("tanh", *on_line)
    assert xi_c == math.inf and 0.5 < xi_q < 60


@pytest.mark.parametrize("q", [0.01, 1.0, 37.0])
def test_critical_line_of_relu_is_a_point(q):
    assert theory.critical_line("relu", q) == (pytest.approx(2, rel=1e-13), 0.0)


@pytest.mark.parametrize("q", [1e-8, 1e-7, 1e-3, 1.0])
def test_critical_line_at_a_small_q(q):
    """For h + h^3, sigma_b2 = 12 q^3 / (1 + 6 q + 27 q^2): no difference of two numbers near q."""
    cubic = activations.Activation("cubic", lambda h: h + h**3, lambda h: 1 + 3 * h**2)
    slope2 = 1 + 6 * q + 27 * q**2
    expected = (1 / slope2, 12 * q**3 / slope2)
    assert theory.critical_line(cubic, q) == pytest.approx(expected, rel=1e-7, abs=0)


def test_critical_line_of_tanh_near_zero():
    """sigma_b2 = 4/3 q^3 and so on; at 1e-14, what bends the tanh is below its rounding."""
    assert theory.critical_line("tanh", 1e-6)[1] == pytest.approx(4 / 3 * 1e-18, rel=1e-4)
    with pytest.raises(ValueError, match="is not known"):
        theory.critical_line("tanh", 1e-14)
    assert theory.critical_line("linear", 1e-14) == (1.0, 0.0)


def test_critical_line_ends_where_a_variance_would_be_negative():
    with pytest.raises(ValueError, match=r"q = 1.0 on its critical line: sigma_b2 would .* -5.54"):
        theory.critical_line("sigmoid", 1.0)
    flat = activations.Activation("flat", np.zeros_like, np.zeros_like)
    with pytest.raises(ValueError, match=r"flat is flat under N\(0, 1.0\)"):
        theory.critical_line(flat, 1.0)


# ---- Depth scales -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, sigma_w2, sigma_b2",
    [
        ("tanh", 1.3, 0.1),  # order
        ("tanh", 3.0, 0.1),  # chaos
        ("hardtanh", 3.0, 0.1),  # chaos, corners
        ("gelu", 1.5, 0.2),
        ("relu", 1.5, 0.1),
    ],
)
def test_depth_scales_are_how_the_maps_converge(name, sigma_w2, sigma_b2):
    """Close to the fixed point, each layer takes a factor exp(-1/xi) off the error."""
    xi_q, xi_c = theory.depth_scales(name, sigma_w2, sigma_b2)
    q = theory.fixed_point(name, sigma_w2, sigma_b2).q
    error = theory.q_map(name, q + 1e-5 * q, sigma_w2, sigma_b2) - q
    assert error / (1e-5 * q) == pytest.approx(math.exp(-1 / xi_q), rel=1e-4)

    rise = lambda c: theory.c_map(name, c, q, sigma_w2, sigma_b2) - c  # noqa: E731
    c, slope = 1.0, theory.chi1(name, q, sigma_w2)
    if slope > 1:
        c = brentq(rise, 0, 0.99, xtol=1e-14)
        slope = theory.c_slope(name, c, q, sigma_w2, sigma_b2)
    assert rise(c - 0.05) > 0 and abs(rise(c)) < 1e-12
    assert xi_c == pytest.approx(-1 / math.log(slope), rel=1e-9)


def test_depth_scales_without_biases():
    """In chaos an odd activation makes any two inputs orthogonal: c* = 0."""
    _, xi_c = theory.depth_scales("tanh", 3.0)
    q = theory.fixed_point("tanh", 3.0).q
    slope = theory.c_slope("tanh", 0.0, q, 3.0)
    assert xi_c == pytest.approx(-1 / math.log(slope), rel=1e-9)


def test_depth_scales_at_the_limits():
    assert theory.depth_scales("relu", 2.0) == (math.inf, math.inf)
    assert theory.depth_scales("tanh", 0.0, 0.1) == (0.0, 0.0)


@pytest.mark.parametrize(
    "name, sigma_w2, outcome",
    [
        ("relu", 2.1, "diverges"),
        ("tanh", 0.9, "to zero"),
        ("tanh", 1.0, "power law"),
        ("gelu", theory.gain("gelu") ** 2, "unstable"),
    ],
)
def test_no_fixed_point_no_depth_scale(name, sigma_w2, outcome):
    with pytest.raises(ValueError, match=f"{name} has no depth scale .*outcome: {outcome}"):
        theory.depth_scales(name, sigma_w2)
