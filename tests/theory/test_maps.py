"""One layer: the q-map, the c-map, their slopes."""

import numpy as np
import pytest
import torch
from scipy.special import ndtr, owens_t

from weightinit import activations, theory

SHIFTED = activations.from_module(torch.nn.Hardtanh(-0.7, 1.3))  # kinks where no panel ends
STEP = activations.Activation("step", lambda h: (h > 0.3) * 1.0, np.zeros_like, kinks=(0.3,))
ALL = pytest.mark.parametrize(
    "phi", [*map(activations.get, activations.names()), SHIFTED], ids=repr
)


@ALL
@pytest.mark.parametrize("q", [0.04, 1.0, 90.0])
def test_q_slope_equals_finite_differences(phi, q):
    step = 1e-4 * q
    high, low = (theory.q_map(phi, q + s, 1.7, 0.3) for s in (step, -step))
    # The error of the difference: 1e-8 of a curvature, and 1e-15 / 1e-4 of rounding.
    numeric, size = (high - low) / (2 * step), high / q
    assert theory.q_slope(phi, q, 1.7) == pytest.approx(numeric, rel=0, abs=3e-9 * size)


@pytest.mark.parametrize("q", [1e-300, 1e-20, 1e20, 1e150])
def test_q_slope_at_extreme_q(q):
    assert theory.q_slope("relu", q, 2.0) == pytest.approx(1, rel=1e-13)
    if q < 1:
        assert theory.q_slope("tanh", q, 1.0) == pytest.approx(1, rel=1e-13)


CORRELATIONS = [1 - 1e-12, 1 - 1e-6, 1 - 1e-3, 0.9, 0.5, 1e-9, 0, -0.3, -0.99, -1 + 1e-6, 1, -1]


@pytest.mark.parametrize("q", [1e-4, 1, 2500])
@pytest.mark.parametrize("c", CORRELATIONS)
def test_relu_has_the_arc_cosine_c_map(c, q):
    expected = (np.sqrt((1 - c) * (1 + c)) + c * (np.pi - np.arccos(c))) / np.pi
    assert theory.c_map("relu", c, q, 2.0) == pytest.approx(expected, rel=0, abs=1e-14)
    slope = 1 - np.arccos(c) / np.pi
    assert theory.c_slope("relu", c, q, 2.0) == pytest.approx(slope, rel=0, abs=1e-14)


@pytest.mark.parametrize("q", [0.04, 1, 2500])
@pytest.mark.parametrize("c", CORRELATIONS[:-2])
def test_c_map_of_a_step_off_the_grid(c, q):
    """P(h1 > a, h2 > a) has a closed form (Owen 1956)."""
    a = 0.3 / np.sqrt(q)
    both = ndtr(-a) - 2 * owens_t(a, np.sqrt((1 - c) / (1 + c)))
    c_next = theory.c_map(STEP, c, q, 1.5, 0.1)
    assert c_next == pytest.approx((1.5 * both + 0.1) / (1.5 * ndtr(-a) + 0.1), rel=0, abs=1e-14)


@pytest.mark.parametrize("c", [0.95, 0.3, -0.6])
def test_c_map_of_tanh_by_monte_carlo(c):
    """A million pairs, mean product within four standard errors."""
    z1, z2 = np.random.default_rng(0).standard_normal((2, 1_000_000))
    products = np.tanh(2 * z1) * np.tanh(2 * (c * z1 + np.sqrt(1 - c**2) * z2))
    error = products.std() / 1000
    predicted = theory.gaussian_pair_mean(np.tanh, c, 4.0)
    assert abs(products.mean() - predicted) < 4 * error < 0.003
    q_next = theory.q_map("tanh", 4.0, 1.5, 0.2)
    assert theory.c_map("tanh", c, 4.0, 1.5, 0.2) == pytest.approx(
        (1.5 * predicted + 0.2) / q_next, rel=1e-13
    )


@ALL
def test_c_map_and_its_slope_belong_together(phi):
    for c in (-0.7, 0.9):
        high, low = (theory.c_map(phi, c + s, 1.3, 1.7, 0.3) for s in (1e-4, -1e-4))
        # The third derivative of the map of a corner is large: 1e-8 / 6 times up to 30.
        slope = theory.c_slope(phi, c, 1.3, 1.7, 0.3)
        assert slope == pytest.approx((high - low) / 2e-4, rel=0, abs=1e-7)


@ALL
def test_identical_inputs_stay_identical(phi):
    assert theory.c_map(phi, 1.0, 2.0, 1.5, 0.3) == 1.0


def test_nearly_opposite_inputs_are_nearly_like_opposite_ones():
    """At -1 the two kinks have mirror images, which no panel meets by itself."""
    c_next = [theory.c_map(SHIFTED, c, 1.0, 1.5, 0.1) for c in (-1.0, -1 + 1e-12)]
    assert c_next[0] == pytest.approx(c_next[1], rel=0, abs=3e-12)


def test_opposite_inputs_of_an_odd_activation_stay_opposite():
    assert theory.c_map("tanh", -1.0, 2.0, 1.5) == pytest.approx(-1, rel=1e-14)
    assert theory.c_map("softsign", 0.0, 2.0, 1.5) == pytest.approx(0, abs=1e-15)


@ALL
def test_chi1_is_the_slope_of_the_c_map_at_a_fixed_point(phi):
    sigma_w2 = theory.gain(phi, q=1.3) ** 2  # keeps q = 1.3
    chi1 = theory.chi1(phi, 1.3, sigma_w2)
    assert theory.c_slope(phi, 1.0, 1.3, sigma_w2) == pytest.approx(chi1, rel=1e-12)
    secant = (1 - theory.c_map(phi, 1 - 1e-6, 1.3, sigma_w2)) / 1e-6
    # Beside a corner the map bends like (1 - c)^(3/2): its slope is off by 1e-3 here.
    assert secant == pytest.approx(chi1, rel=2e-3 if phi.kinks else 1e-5)


@pytest.mark.parametrize("q", [0, -1.0, np.nan, np.inf])
def test_q_must_be_positive(q):
    for call in (
        lambda: theory.q_map("tanh", q, 1.0),
        lambda: theory.q_slope("tanh", q, 1.0),
        lambda: theory.chi1("tanh", q, 1.0),
        lambda: theory.c_map("tanh", 0.5, q, 1.0),
        lambda: theory.c_slope("tanh", 0.5, q, 1.0),
        lambda: theory.critical_line("tanh", q),
        lambda: theory.gaussian_pair_mean(np.tanh, 0.5, q),
    ):
        with pytest.raises(ValueError, match=f"q must be positive and finite, got {q}"):
            call()


@pytest.mark.parametrize("c", [1.0001, -2, np.nan])
def test_correlation_is_at_most_one(c):
    for function in (theory.c_map, theory.c_slope):
        with pytest.raises(ValueError, match=f"correlation from -1 to 1, got {c}"):
            function("tanh", c, 1.0, 1.0)


@pytest.mark.parametrize("name", ["sigma_w2", "sigma_b2"])
def test_variances_are_not_negative(name):
    maps = [lambda **v: theory.q_map("tanh", 1, **v), lambda **v: theory.c_map("tanh", 0, 1, **v)]
    maps += [lambda **v: theory.fixed_point("tanh", **v)]
    maps += [lambda **v: theory.depth_scales("tanh", **v)]
    if name == "sigma_w2":  # biases change nothing in these
        maps += [lambda sigma_w2, **_: theory.chi1("tanh", 1.0, sigma_w2)]
        maps += [lambda sigma_w2, **_: theory.q_slope("tanh", 1.0, sigma_w2)]
    for function in maps:
        with pytest.raises(ValueError, match=f"{name} must be finite and not negative, got -0.1"):
            function(**{"sigma_w2": 1.0, "sigma_b2": 0.0, name: -0.1})


def test_unknown_activation_is_named():
    for function in (theory.q_map, theory.q_slope, theory.chi1):
        with pytest.raises(ValueError, match="unknown activation 'rely'; allowed: .*relu"):
            function("rely", 1.0, 1.0)


def test_a_jump_has_no_slope():
    for function in (theory.q_slope, theory.chi1):
        with pytest.raises(ValueError, match="step jumps at 0.3: its slope is infinite there"):
            function(STEP, 1.0, 1.0)


def test_nothing_has_no_correlation():
    for function in (theory.c_map, theory.c_slope):
        with pytest.raises(ValueError, match="all 0: they have no correlation"):
            function("tanh", 0.5, 1.0, sigma_w2=0.0)


@ALL
def test_rounding_takes_no_correlation_beyond_one(phi):
    for c in (1 - 1e-16, -1 + 1e-16):
        for q in (0.1, 1.7):
            c_next = theory.c_map(phi, c, q, 2.0, 0.05)
            assert -1 <= c_next <= 1
            theory.c_map(phi, c_next, q, 2.0, 0.05)


@pytest.mark.parametrize("size", [1e-20, 1e-13, 1.0, 1e9])
@pytest.mark.parametrize("at", [0.0, 0.3, -7.7])
def test_a_jump_is_one_at_any_size(size, at):
    def step(base, slope):
        return activations.Activation(
            "step",
            lambda h: base * np.maximum(h - at, 0) + size * (h > at),
            lambda h: slope * (h > at),
            kinks=at,
        )

    with pytest.raises(ValueError, match=f"step jumps at {at}: its slope is infinite there"):
        theory.chi1(step(0.0, 0.0), 1.0, 1.0)
    corner = activations.Activation(
        "corner",
        lambda h: size * np.abs(h - at),
        lambda h: size * np.sign(h - at),
        kinks=at,
    )
    assert theory.chi1(corner, 1.0, 1.0) == pytest.approx(size**2, rel=1e-12)


def test_a_slope_lost_in_rounding_is_refused():
    """E[phi phi' h] / q of a sigmoid: two halves of 1e4 / q^(1/2) leave 1/16."""
    assert theory.q_slope("sigmoid", 1e-12, 1.0) == pytest.approx(1 / 16, rel=1e-7)
    for q in (1e-20, 1e-300):
        with pytest.raises(ValueError, match=f"q-map of sigmoid at q = {q} is lost in rounding"):
            theory.q_slope("sigmoid", q, 1.0)
    assert theory.q_slope("tanh", 1e-300, 1.0) == pytest.approx(1, rel=1e-13)
