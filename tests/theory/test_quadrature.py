"""Expectations of any function: against closed forms, or refused."""

import numpy as np
import pytest
from scipy.special import gamma, ndtr

from weightinit import theory
from weightinit.theory import quadrature


def cosh(h):
    return 1 / np.cosh(np.clip(h, -300, 300))


# ---- The rule ------------------------------------------------------------------------------


def test_gauss_and_kronrod_are_exact_for_polynomials():
    """Degree 13 and 22 (odd ones by symmetry); the next even degree is not exact."""
    for weights, degree in ((quadrature.GAUSS, 13), (quadrature.KRONROD, 22)):
        for k in range(0, degree + 1, 2):
            assert weights @ quadrature.NODES**k == pytest.approx(2 / (k + 1), rel=4e-15)
    k = 14
    assert quadrature.GAUSS @ quadrature.NODES**k != pytest.approx(2 / (k + 1), rel=1e-8)
    k = 24
    assert quadrature.KRONROD @ quadrature.NODES**k != pytest.approx(2 / (k + 1), rel=1e-12)


# ---- One variable --------------------------------------------------------------------------

# g, q, kinks, E[g]
KNOWN = {
    "exp, far out": (lambda h: np.exp(2 * h), 16.0, (), np.exp(32)),
    "exp, farther out": (lambda h: np.exp(2 * h), 100.0, (), np.exp(200)),
    "exp on the left": (lambda h: np.exp(-h), 400.0, (), np.exp(200)),
    "cosh squared": (lambda h: np.cosh(h) ** 2, 25.0, (), (1 + np.exp(50)) / 2),
    "exp of a square": (lambda h: np.exp(0.4 * h**2), 1.0, (), 5**0.5),
    # E[(phi')^2] of tanh(1000 h): the density is flat where it counts, the area 4/3 * 1000.
    "steep": (lambda h: (1000 * cosh(1000 * h) ** 2) ** 2, 1.0, (), 4e3 / 3 / (2 * np.pi) ** 0.5),
    "jump": (lambda h: (h > 0.125) * 1.0, 1.0, (), ndtr(-0.125)),
    "jump off every break": (lambda h: (h > 1 / 3) * 1.0, 4.0, (), ndtr(-1 / 6)),
    "jump far out": (lambda h: (h > 1000 / 3) * 1.0, 1e4, (), ndtr(-10 / 3)),
    "corner": (lambda h: np.abs(h - 0.3), 1.0, (), None),
    "fast": (lambda h: np.sin(100 * h) ** 2, 1.0, (), 0.5),
    "wide": (lambda h: np.cos(h) ** 2, 1e5, (), 0.5),
    "swinging": (lambda h: np.cos(3 * h), 1.0, (), np.exp(-4.5)),
    # E|h|^-1/2 = 2^(-1/4) Gamma(1/4) / sqrt(pi)
    "singular": (lambda h: np.abs(h) ** -0.5, 1.0, [0], gamma(0.25) / np.pi**0.5 / 2**0.25),
    "constant": (lambda h: 0 * h + 2.0, 1.0, (), 2.0),
    "overflow where nothing is": (lambda h: np.log(1 + np.exp(h)) ** 0, 400.0, (), 1.0),
}


@pytest.mark.parametrize("case", KNOWN)
def test_mean_in_closed_form(case):
    g, q, kinks, expected = KNOWN[case]
    if expected is None:  # E|h - a| = a (2 P(h < a) - 1) + 2 density(a)
        expected = 0.3 * (2 * ndtr(0.3) - 1) + 2 * np.exp(-0.045) / np.sqrt(2 * np.pi)
    rel = 1e-6 if case == "steep" else 1e-10
    assert theory.gaussian_mean(g, q, kinks) == pytest.approx(expected, rel=rel)


REFUSED = {
    "diverges at 0": (lambda h: 1 / np.abs(h), 1.0, [0], "not known|must be finite"),
    "nearly diverges at 0": (lambda h: np.abs(h) ** -0.99, 1.0, [0], "not known|must be finite"),
    "diverges off 0": (lambda h: np.abs(h - 0.3) ** -1.0, 1.0, [0.3], "not known|must be finite"),
    "as fast as a Gaussian": (lambda h: np.exp(h**2 / 2), 1.0, (), "must be finite"),
    "faster than a Gaussian": (lambda h: np.exp(h**2), 1.0, (), "must be finite"),
    "on one side": (lambda h: np.where(h > 0, np.exp(h**2), 0), 1.0, (), "must be finite"),
    "later than 9 standard deviations": (
        lambda h: h**2 + 1e-60 * np.exp(2 * h**2 / 3), 1.0, (), "must be finite",
    ),
    "beyond 38 standard deviations": (
        lambda h: np.exp(0.49 * h**2), 1.0, (), "faster than the Gaussian falls",
    ),
    "exp of exp": (lambda h: np.exp(np.exp(h)), 9.0, (), "must be finite"),
    "beyond double precision": (lambda h: np.exp(2 * h), 400.0, (), "must be finite"),
    "swings a little too often": (lambda h: np.sin(h) ** 2, 1e7, (), "is not known"),
    "swings too often": (lambda h: np.sin(h) ** 2, 1e10, (), "is not known.*swing"),
    "below double precision": (lambda h: h**4, 1e-157, (), "leaves the range of double prec"),
    "NaN": (lambda h: h * np.nan, 1.0, (), "must be finite, got nan"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_mean_that_is_not_known_is_refused(case):
    g, q, kinks, message = REFUSED[case]
    with pytest.raises(ValueError, match=rf"the expectation under N\(0, {q}\) .*({message})"):
        theory.gaussian_mean(g, q, kinks)


def test_kinks_of_the_caller_save_halvings():
    """Named, a corner is where a panel ends: a single pass over the panels is enough."""
    calls = []

    def corner(h):
        calls.append(h.size)
        return np.abs(h - 0.3)

    theory.gaussian_mean(corner, 1.0, kinks=[0.3])
    assert len(calls) == 2  # the tails, and the panels
    theory.gaussian_mean(corner, 1.0)
    assert len(calls) > 6


def test_named_points_make_a_narrow_bump_seen():
    """Width 1e-4 between two nodes: the docstring says that it is not seen, and how it is."""
    g = lambda h: np.exp(-(((h - 0.31) / 1e-4) ** 2))  # noqa: E731
    expected = 1e-4 * np.sqrt(np.pi) * np.exp(-(0.31**2) / 2) / np.sqrt(2 * np.pi)
    near = 0.31 + np.outer([-1, 1], 1e-4 * 2.0 ** np.arange(12)).ravel()
    assert theory.gaussian_mean(g, 1.0, near) == pytest.approx(expected, rel=1e-6)


# ---- Two variables -------------------------------------------------------------------------

NEAR_ONE = [0.5, -0.5, 0.99, -0.99, 1 - 1e-6, 1 - 1e-12, -1 + 1e-12, 1 - 1e-16, 1, -1, 0, 1e-300]


@pytest.mark.parametrize("q", [0.01, 1.0, 16.0])
@pytest.mark.parametrize("c", NEAR_ONE)
def test_pair_mean_of_exponentials(c, q):
    """E[exp(h1 + h2)] = exp(q (1 + c)): at q = 16 most of it lies beyond 5 standard deviations."""
    mean = theory.gaussian_pair_mean(np.exp, c, q)
    assert mean == pytest.approx(np.exp(q * (1 + c)), rel=0, abs=1e-10 * np.exp(2 * q))


@pytest.mark.parametrize("q", [1.0, 9.0])
@pytest.mark.parametrize("c", NEAR_ONE[:8])
def test_pair_mean_of_cosines(c, q):
    """E[cos h1 cos h2] = (exp(-q (1 - c)) + exp(-q (1 + c))) / 2."""
    expected = (np.exp(-q * (1 - c)) + np.exp(-q * (1 + c))) / 2
    assert theory.gaussian_pair_mean(np.cos, c, q) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("c", [0.7, 0.95, -0.95])
def test_pair_mean_of_signs_whose_jump_is_named(c):
    expected = 2 * np.arcsin(c) / np.pi
    found = theory.gaussian_pair_mean(np.sign, c, 2.0, kinks=[0])
    assert found == pytest.approx(expected, rel=0, abs=1e-13)


@pytest.mark.parametrize(
    "g, q, message",
    [
        (lambda h: np.sign(h - 1 / 3), 1.0, "is not known"),  # a jump that is not named
        (lambda h: np.exp(h**2 / 4), 1.0, "must be finite"),
        (lambda h: np.exp(h), 400.0, "must be finite"),
    ],
)
def test_pair_mean_that_is_not_known_is_refused(g, q, message):
    with pytest.raises(ValueError, match=message):
        theory.gaussian_pair_mean(g, 0.5, q)


def test_pair_mean_that_takes_too_long_is_refused():
    with pytest.raises(ValueError, match="takes .* panels: the function swings too often"):
        theory.gaussian_pair_mean(np.sin, 0.5, 1.0, breaks=np.linspace(-9, 9, 2000))
