"""Where the variance goes, layer after layer."""

import math

import numpy as np
import pytest
import torch

from weightinit import activations, theory


def activation(name, f, df):
    return activations.Activation(name, f, df)


SQUARE = activation("square", lambda h: h**2, lambda h: 2 * h)


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


def test_a_fixed_point_near_zero_is_found():
    """V(q) = s (q - 2 q^2): at s = 1 + 1e-11 it is 5e-12; 1 + 1e-11 itself has six digits."""
    found = theory.fixed_point("tanh", 1 + 1e-11)
    assert found.outcome == "converged" and found.q == pytest.approx(5e-12, rel=1e-2)
