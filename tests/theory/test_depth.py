"""Many layers: fixed points, the critical line, depth scales, and layers that are not wide."""

import math

import numpy as np
import pytest
import torch
from scipy.special import digamma, polygamma
from scipy.stats import binom

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


def activation(name, f, df):
    return activations.Activation(name, f, df)


SQUARE = activation("square", lambda h: h**2, lambda h: 2 * h)


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


def test_critical_line_ends_where_a_variance_would_be_negative():
    with pytest.raises(ValueError, match=r"q = 1.0 on its critical line: sigma_b2 would .* -5.54"):
        theory.critical_line("sigmoid", 1.0)
    flat = activation("flat", np.zeros_like, np.zeros_like)
    with pytest.raises(ValueError, match=r"flat is flat under N\(0, 1.0\)"):
        theory.critical_line(flat, 1.0)


# ---- Where q goes -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, sigma_w2, sigma_b2, outcome, q",
    [
        ("relu", 2, 0, "line of fixed points", 1),
        ("relu", 2, 0.1, "diverges", math.inf),
        ("relu", 2.1, 0, "diverges", math.inf),
        ("relu", 1.9, 0, "to zero", 0),
        ("relu", 1.9, 0.1, "converged", 2),
        ("leaky_relu", 2 / 1.0001, 0, "line of fixed points", 1),
        ("tanh", 1, 0, "power law", 0),
        ("tanh", 0.99, 0, "to zero", 0),
        ("tanh", 0, 0, "to zero", 0),
        ("tanh", 0, 0.3, "converged", 0.3),
        ("tanh", 0.5, 1e-200, "converged", 2e-200),
        ("tanh", 1.0001, 0, "converged", 5.0002083e-5),  # (1 - 1/s)/2 and a little
        ("tanh", 1, 1e-20, "converged", 7.0710737e-11),  # V(q) = q - 2 q^2 + sigma_b2
        ("hardtanh", 1, 0, "power law", 0),
        ("selu", 1, 0, "converged", 1),
        ("sigmoid", 1, 0, "converged", 0.26468688),
        ("elu", 2, 0, "diverges", math.inf),
        ("softplus", 2, 0, "diverges", math.inf),
        ("softplus", 1.99, 0, "converged", 51.0341173),
        ("gelu", 2, 0, "to zero", 0),
        ("gelu", 2.1, 0.01, "converged", 0.022041828),
    ],
)
def test_outcomes(name, sigma_w2, sigma_b2, outcome, q):
    found = theory.fixed_point(name, sigma_w2, sigma_b2)
    assert found.outcome == outcome and found.q == pytest.approx(q, rel=3e-8)
    if outcome == "converged":
        assert theory.q_map(name, found.q, sigma_w2, sigma_b2) == pytest.approx(found.q, rel=1e-12)
        assert theory.q_slope(name, found.q, sigma_w2) < 1


@pytest.mark.parametrize("sigma_w2", [0.3, 0.9, 1.3, 2.5, 6.0])
@pytest.mark.parametrize("name", activations.names())
def test_outcomes_are_where_iteration_goes(name, sigma_w2):
    q = 1.0
    for _ in range(250):
        q = theory.q_map(name, q, sigma_w2, 0.02)
        if not 1e-6 < q < 1e6:
            break
    found = theory.fixed_point(name, sigma_w2, 0.02)
    if found.outcome == "converged":
        assert q == pytest.approx(found.q, rel=1e-3)
    else:
        assert found.outcome == "diverges" and q > 100


def test_gelu_leaves_its_fixed_point_on_both_sides():
    """The slope at q = 1 is 1.144; below there is nothing but 0, above no end."""
    sigma_w2 = theory.gain("gelu") ** 2
    starts = {0.99: "to zero", 1.0: "unstable", 1.01: "diverges"}
    found = {s: theory.fixed_point("gelu", sigma_w2, start=s).outcome for s in starts}
    assert found == starts


def test_tanh_with_xavier_falls_as_a_power():
    """Not to 0.25, and not exponentially: q l -> 1/2, with a logarithm on the way."""
    table = theory.propagate("tanh", [1] * 1002, lambda *_: 1.0)
    assert table["q"].iloc[-1] * 2 * 1000 == pytest.approx(1, abs=0.02)


def test_exponential_whose_expectation_overflows_diverges():
    exponential = activation("exp", np.exp, np.exp)
    assert theory.fixed_point(exponential, 1.0).outcome == "diverges"
    assert theory.fixed_point(exponential, 0.05).outcome == "converged"


def test_square_is_unstable_at_its_fixed_point():
    """V(q) = 3 q^2 / 3: below 1 to zero, above to infinity."""
    outcomes = [theory.fixed_point(SQUARE, s).outcome for s in (0.3, 1 / 3, 0.4)]
    assert outcomes == ["to zero", "unstable", "diverges"]


COSINE = activation("cos", np.cos, lambda h: -np.sin(h))
# V(q) = s (3 q^2 - 2 q + 1) touches q at this q and s, without crossing it.
TOUCHES = activation("h^2-1", lambda h: h**2 - 1, lambda h: 2 * h)
# Its fixed point lies near 1e-40.
TINY = activations.from_module(torch.nn.Hardtanh(-1e-20, 1e-20))


@pytest.mark.parametrize(
    "phi, sigma_w2, start, message",
    [
        (COSINE, 1.0, 1.0, "the q-map falls between 0.562 and 1"),
        (TOUCHES, 1 / (12**0.5 - 2), 3**-0.5, "at q = 0.577.* the slope is 1"),
        (TINY, 2.0, 1.0, "slope of the q-map at 0 is 2.0"),
    ],
    ids=["cosine", "touches", "tiny"],
)
def test_what_cannot_be_decided_is_an_error(phi, sigma_w2, start, message):
    with pytest.raises(ValueError, match="can't tell where .*" + message):
        theory.fixed_point(phi, sigma_w2, start=start)


@pytest.mark.parametrize("start", [0, -1.0, math.nan, math.inf])
def test_start_must_be_positive(start):
    with pytest.raises(ValueError, match=f"start must be a positive finite .*, got {start}"):
        theory.fixed_point("tanh", 1.0, start=start)


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

    c = [0.7]
    while len(c) < 3 or abs(c[-1] - c[-2]) > 1e-4:  # to the fixed point, wherever it is
        c.append(theory.c_map(name, c[-1], q, sigma_w2, sigma_b2))
    rate = (c[-1] - c[-2]) / (c[-2] - c[-3])
    assert rate == pytest.approx(math.exp(-1 / xi_c), rel=2e-2)
    assert (c[-1] > 0.998) == (theory.chi1(name, q, sigma_w2) < 1)


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


# ---- Layers that are not wide -------------------------------------------------------------


@pytest.mark.parametrize("width", [50, 100, 400])
def test_log_ratio_to_the_next_order(width):
    """Exactly: k of the n units are active, k binomial, and their squares add up to a chi^2_k."""
    k = np.arange(1, width + 1)
    weights = binom.pmf(k, width, 0.5)
    log = digamma(k / 2) + np.log(4 / width)
    mean = weights @ log
    variance = weights @ (polygamma(1, k / 2) + (log - mean) ** 2)
    lead_mean, lead_variance = theory.relu_log_ratio(width, 1)
    # The next terms, as documented, and what is of the order after that.
    assert mean - lead_mean == pytest.approx(-4.1 / width**2, abs=50 / width**3)
    assert variance - lead_variance == pytest.approx(18.5 / width**2, abs=200 / width**3)


def log_ratio(width, depth, seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(width, generator=generator)
    before = x.square().sum()
    for _ in range(depth):
        layer = torch.nn.utils.skip_init(torch.nn.Linear, width, width, bias=False)
        torch.nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
        with torch.no_grad():
            x = torch.relu(layer(x))
    return math.log(x.square().sum() / before)


def test_log_ratio_of_real_networks():
    """300 networks: mean and variance within four standard errors and the next order."""
    width, depth = 60, 20
    mean, variance = theory.relu_log_ratio(width, depth)
    logs = np.array([log_ratio(width, depth, seed) for seed in range(300)])
    error = logs.std(ddof=1) / np.sqrt(len(logs))
    assert abs(logs.mean() - mean) < 4 * error + 4.1 * depth / width**2
    # The logarithm is nearly normal, so that its variance has a relative error of sqrt(2/N).
    error = variance * np.sqrt(2 / len(logs))
    assert abs(logs.var(ddof=1) - variance) < 4 * error + 18.5 * depth / width**2
    assert abs(logs.mean()) > 8 * logs.std() / np.sqrt(len(logs))  # it would see a mean of 0


@pytest.mark.parametrize("width, depth", [(0, 5), (5, 0), (2.5, 5), (5, True)])
def test_width_and_depth_are_counts(width, depth):
    with pytest.raises(ValueError, match="must be a whole number of at least 1, got"):
        theory.relu_log_ratio(width, depth)
