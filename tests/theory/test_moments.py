"""Moments of the activations."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import ndtr

from weightinit import activations, theory

# E[phi^2], E[phi'^2] and E[phi] under N(0, 1), to the digits shown.
TABLE = {
    "relu": (0.5, 0.5, 0.398942280401),
    "leaky_relu": (0.50005, 0.50005, 0.394952857597),
    "elu": (0.644945417493, 0.668102001223, 0.160520572267),
    "selu": (1.0, 1.071574992456, 0.0),
    "gelu": (0.425221482570, 0.455850865649, 0.282094791774),
    "silu": (0.355775519817, 0.379482351633, 0.206620964142),
    "softplus": (0.921245908859, 0.293379035858, 0.806059183347),
    "tanh": (0.394294490398, 0.464402902448, 0.0),
    "sigmoid": (0.293379035858, 0.044836241350, 0.5),
    "softsign": (0.183014021267, 0.227671340422, 0.0),
    "hardtanh": (0.516058550962, 0.682689492137, 0.0),
    "mish": (0.452342192376, 0.479083758374, 0.240403888375),
}


@pytest.mark.parametrize("name", TABLE)
def test_moments_equal_the_published_table(name):
    measured = (
        theory.second_moment(name, 1.0),
        theory.slope_second_moment(name, 1.0),
        theory.gaussian_mean(activations.get(name), 1.0, activations.get(name).kinks),
    )
    assert measured == pytest.approx(TABLE[name], rel=0, abs=5.1e-13)  # 12 decimals, rounded
    second, _, center = TABLE[name]
    assert theory.variance(name, 1.0) == pytest.approx(second - center**2, rel=0, abs=2e-12)


def adaptive_mean(g, std, kinks):
    """Integrate with scipy's adaptive rule, piece by piece; also return the mean of abs(g)."""
    corners = [0.0, *kinks, *(sign * 2.0**k for sign in (-1, 1) for k in range(-1, 7))]
    breaks = {*np.arange(-9.0, 10.0), *(c / std for c in corners if abs(c) < 9 * std)}
    breaks = sorted(breaks)

    def weighted(z):
        return g(np.array(std * z)) * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)

    pieces = [
        quad(weighted, low, high, epsabs=0, epsrel=1e-13, limit=200)[0]
        for low, high in zip(breaks, breaks[1:], strict=False)
    ]
    return sum(pieces), sum(map(abs, pieces))


# Corners off the half units at which panels end anyway: only the kinks tell where they are.
OFF_GRID = activations.from_module(torch.nn.Hardtanh(-0.7, 1.3))


@pytest.mark.filterwarnings("ignore::scipy.integrate.IntegrationWarning")  # 1e-13 of 1e-18
@pytest.mark.parametrize("std", [0.01, 0.1, 1, 5, 50, 1e4])
@pytest.mark.parametrize("phi", [*map(activations.get, activations.names()), OFF_GRID], ids=repr)
def test_moments_equal_adaptive_quadrature(phi, std):
    center, size = adaptive_mean(phi.f, std, phi.kinks)
    # Of the mean of abs(phi): the mean itself is 0 for an odd activation.
    mean = theory.gaussian_mean(phi.f, std**2, phi.kinks)
    assert mean == pytest.approx(center, rel=0, abs=1e-13 * size)
    for moment, g in (
        (theory.second_moment, lambda h: phi.f(h) ** 2),
        (theory.slope_second_moment, lambda h: phi.df(h) ** 2),
        (theory.variance, lambda h: (phi.f(h) - center) ** 2),
    ):
        expected, _ = adaptive_mean(g, std, phi.kinks)
        assert moment(phi, std**2) == pytest.approx(expected, rel=1e-12)


def test_variance_does_not_cancel():
    """A sigmoid at q = 1e-8 is 1/2 + h/4; the difference of its moments has four digits at best."""
    assert theory.variance("sigmoid", 1e-8) == pytest.approx(1e-8 / 16, rel=1e-8)


@pytest.mark.parametrize("q", [1e-300, 1e-20, 1e20, 1e300])
def test_moments_of_relu_and_tanh_at_extreme_q(q):
    assert theory.second_moment("relu", q) == pytest.approx(q / 2, rel=1e-13)
    if q > 1:  # the slope becomes a peak of area 4/3 in a density of 1/sqrt(2 pi q) at 0
        expected = 4 / 3 / np.sqrt(2 * np.pi * q)
        assert theory.slope_second_moment("tanh", q) == pytest.approx(expected, rel=1e-12)
    else:  # tanh(h) = h - ...
        assert theory.second_moment("tanh", q) == pytest.approx(q, rel=1e-13)


def test_variance_lost_in_rounding_is_refused():
    for q in (1e-18, 1e-20, 1e-30):
        with pytest.raises(ValueError, match="the variance of sigmoid .* lost in|is not known"):
            theory.variance("sigmoid", q)


# ---- Activations of a reader ---------------------------------------------------------------


def own(f, df, **kwargs):
    return activations.Activation("own", f, df, **kwargs)


def steep(factor, at=0.0):
    return own(
        lambda h: np.tanh(factor * (h - at)),
        lambda h: factor / np.cosh(np.clip(factor * (h - at), -300, 300)) ** 2,
    )


@pytest.mark.parametrize(
    "factor, at, q",
    [
        (1e3, 0, 1),
        (1e3, 0.1234, 1),
        (1e6, 0.1234567, 1),
        (1e6, -2.2345, 1),
        (1, 700.7, 1e6),
        (30, 777, 1e6),
    ],
)
def test_moments_of_a_steep_bend_wherever_it_is(factor, at, q):
    """The slope is a peak of area 4/3 factor, the density around it that of the Gaussian there."""
    density = np.exp(-(at**2) / 2 / q) / np.sqrt(2 * np.pi * q)
    phi = steep(factor, at)
    slope2 = theory.slope_second_moment(phi, q)
    assert slope2 == pytest.approx(4 / 3 * factor * density, rel=2e-6)
    # The square dips from 1 to 0 there: an area of 2 / factor.
    dip = 1 - theory.second_moment(phi, q)
    assert dip == pytest.approx(2 / factor * density, rel=2e-6, abs=1e-11)


@pytest.mark.parametrize("at, width", [(0.305, 1e-3), (-2.7182, 0.01), (31.4, 0.2)])
def test_a_narrow_bump_is_not_stepped_over(at, width):
    bump = lambda h: np.exp(-(((h - at) / width) ** 2))  # noqa: E731
    phi, q = own(bump, lambda h: -2 * (h - at) / width**2 * bump(h)), max(1.0, at**2)
    # A product of two Gaussians: variance of the bump squared is width^2 / 4.
    total = q + width**2 / 4
    expected = width / 2 / np.sqrt(total) * np.exp(-(at**2) / 2 / total)
    assert theory.second_moment(phi, q) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("q", [0.5, 16, 100])
def test_moments_of_an_exponential(q):
    phi = own(np.exp, np.exp)
    for moment in (theory.second_moment, theory.slope_second_moment):
        assert moment(phi, q) == pytest.approx(np.exp(2 * q), rel=1e-12)
    expected = np.exp(2 * q) - np.exp(q)
    assert theory.variance(phi, q) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("frequency", [1, 7, 60])
def test_moments_of_a_sine(frequency):
    phi = own(lambda h: np.sin(frequency * h), lambda h: frequency * np.cos(frequency * h))
    fade = np.exp(-2 * frequency**2)
    assert theory.second_moment(phi, 1.0) == pytest.approx((1 - fade) / 2, rel=1e-10)
    expected = frequency**2 * (1 + fade) / 2
    assert theory.slope_second_moment(phi, 1.0) == pytest.approx(expected, rel=1e-10)


ROOT = own(
    lambda h: np.sign(h) * np.sqrt(np.abs(h)),
    lambda h: 0.5 / np.sqrt(np.abs(h)),
    kinks=0,
)


def test_a_slope_without_a_second_moment_is_refused():
    """The slope is |h|^(-1/2) / 2: its square has the integral of 1/|h|."""
    assert theory.second_moment(ROOT, 1.0) == pytest.approx((2 / np.pi) ** 0.5, rel=1e-12)
    for call in (theory.slope_second_moment, lambda *a: theory.gain(a[0], "backward", a[1])):
        with pytest.raises(ValueError, match="is not known|must be finite"):
            call(ROOT, 1.0)


@pytest.mark.parametrize("at", [1 / 8, 1 / 3, -40, 64])
def test_what_is_not_declared_is_refused(at):
    step = own(lambda h: (h > at) * 1.0, np.zeros_like)
    for moment in (theory.second_moment, theory.slope_second_moment, theory.variance):
        with pytest.raises(ValueError, match=f"own: .*is there a kink near h = {at:.6g}"):
            moment(step, 1.0)
    declared = own(step.f, step.df, kinks=at)
    expected = ndtr(-at / 30)
    assert theory.second_moment(declared, 900.0) == pytest.approx(expected, rel=1e-12)
    with pytest.raises(ValueError, match="own jumps at"):
        theory.slope_second_moment(declared, 1.0)


def test_a_wrong_derivative_is_refused():
    with pytest.raises(ValueError, match="own: df is not the derivative of f: near h = 0 the sl"):
        theory.q_map(own(np.tanh, lambda h: 0.5 / np.cosh(h) ** 2), 1.0, 1.0)
