"""Checks of assignment 3."""

import math

import numpy as np
import torch

from grading.checking import Wrong, close, part, within


def _gaussian(f, n=40001):
    """Return E[f(z)] for z from N(0, 1), by a fine sum."""
    z = np.linspace(-9, 9, n)
    weight = np.exp(-z * z / 2)
    return (weight * f(z)).sum() / weight.sum()


def _tensor(array):
    return torch.from_numpy(np.ascontiguousarray(array, dtype=float))


def _sigmoid(h):
    return 1 / (1 + np.exp(-h))


# --- gradient_ratio


@part("gradient_ratio", points=0.5, public=True)
def ratio_after_two_layers(ask, params):
    """The ratio is right after two layers, and twice three layers make six."""
    first, second = params.uniform(3, 9), params.uniform(1, 2.5)

    def ratio(factors):
        what = "gradient_ratio(first, second, factors)"
        return ask.number(what, first=first, second=second, factors=factors)

    mean_squares = "is that the ratio of the mean squares, not of the root mean squares?"
    close(
        ratio(2),
        first / second,
        "the ratio after two layers",
        mistakes=[
            ((first / second) ** 2, mean_squares),
            (second / first, "which network is above, which below the fraction bar?"),
            (1.0, "equal shares do not mean equal gradients; what else stands in chi_1?"),
            (
                (first / second) ** 0.5,
                "two layers give two factors: is one lost?",
            ),
        ],
    )
    close(ratio(6), ratio(3) ** 2, "the ratio after six layers, against the square after three,")


@part("gradient_ratio", points=1)
def ratio_for_other_numbers(ask, params):
    """The ratio is right for other weights and depths."""
    first, second = params.uniform(0.5, 2), params.uniform(2.2, 6)
    factors = 2 * params.randint(4, 12) + 1
    got = ask.number(
        "gradient_ratio(first, second, factors)", first=first, second=second, factors=factors
    )
    close(got, (first / second) ** (factors / 2), "the ratio", rtol=1e-5)


# --- edge


@part("edge", points=1, public=True)
def edge_where_the_slope_is(ask, params):
    """At the edge, the slope of tanh is the given fraction of the slope at 0."""
    fraction = params.uniform(0.02, 0.4)
    at = ask.number("edge(fraction, 1.0, 1.0)", fraction=fraction)
    if at <= 0:
        raise Wrong("the edge should be positive: give the h > 0 of the two")
    slope = 1 - np.tanh(at) ** 2
    squared = "the slope of tanh is 1 - tanh(h)**2; did you forget the square, or its root?"
    close(
        slope,
        fraction,
        "the slope at your edge",
        rtol=1e-5,
        mistakes=[
            (1 - (1 - fraction) ** 2, squared),
            (1 - fraction**2, "tanh is the function; its slope is what has to be the fraction"),
            (1 - fraction, "1 - tanh(h)**2 has to be the fraction, not tanh(h)**2"),
        ],
    )


@part("edge", points=1.5)
def edge_scaled(ask, params):
    """The edge is right for other fractions, and for a tanh that is scaled in both directions."""
    for sign in (1, -1):
        fraction = params.uniform(0.01, 0.5)
        a, b = sign * params.uniform(0.2, 0.8), params.uniform(1.3, 4)
        got = ask.number("edge(fraction, a, b)", fraction=fraction, a=a, b=b)
        expected = math.acosh(1 / math.sqrt(fraction)) / b
        close(
            got,
            expected,
            "the edge",
            rtol=1e-5,
            mistakes=[
                (expected * b, "which role does b play?"),
                (expected * b * b, "does the function become flat earlier or later if b grows?"),
            ],
        )


# --- saturated_share


@part("saturated_share", points=0.5, public=True)
def slopes_are_differences(ask, params):
    """The slopes agree with differences of the function, entry by entry."""
    a, b = params.uniform(0.5, 2), params.uniform(0.5, 2)
    h = params.numpy().normal(size=(4, 5))
    what = "slopes(lambda h: a * (b * h).tanh(), h)"
    got = ask.array(what, h.shape, a=a, b=b, h=_tensor(h))
    d = 1e-5
    expected = a * (np.tanh(b * (h + d)) - np.tanh(b * (h - d))) / (2 * d)
    average = "did you differentiate the mean of the outputs instead of the sum?"
    close(got, expected, "the slope", rtol=1e-5, mistakes=[(expected / h.size, average)])
    again = ask.array(f"[{what} for _ in range(2)][1]", h.shape, a=a, b=b, h=_tensor(h))
    added = "gradients add up in h.grad; differentiate by a copy of h"
    close(again, got, "the slope at the same h, asked again,", mistakes=[(2 * got, added)])


@part("saturated_share", points=0.5)
def slopes_with_signs(ask, params):
    """The slopes are right where they are negative, too."""
    a, b = params.uniform(0.5, 2), params.uniform(0.5, 2)
    h = params.numpy().normal(size=30) * 2
    s = _sigmoid(b * h)
    got = ask.array(
        "slopes(lambda h: -a * h * (b * h).sigmoid(), h)", (30,), a=a, b=b, h=_tensor(h)
    )
    close(got, -a * (s + b * h * s * (1 - s)), "the slope", rtol=1e-5)


@part("saturated_share", points=0.5, public=True)
def share_of_tanh_units(ask, params):
    """Of units of a scaled tanh, steep, on the bend and far out, the share is right."""
    left, right, steep = params.randint(3, 9), params.randint(10, 20), params.randint(25, 30)
    bend = params.randint(31, 40)  # where the slope is 0.18 to 0.42 of the largest
    draw, a = params.numpy(), params.uniform(3, 4)
    h = [-draw.uniform(2.5, 5, left), draw.uniform(2.5, 5, right)]
    h += [draw.uniform(-0.5, 0.5, steep), draw.uniform(1, 1.5, bend)]
    h = draw.permutation(np.concatenate(h))
    n = len(h)
    scale = "the largest slope is not 1 here, but 3 to 4: search it on the grid"
    close(
        ask.share("saturated_share(lambda h: a * h.tanh(), h)", a=a, h=_tensor(h)),
        (left + right) / n,
        "the share",
        mistakes=[
            ((steep + bend) / n, "is that the share of the units that are not saturated?"),
            (right / n, "units far out on the left are flat as well"),
            (left / n, "units far out on the right are flat as well"),
            ((np.abs(a * np.tanh(h)) > 0.95).mean(), "the slope counts, not the value"),
            ((a * (1 - np.tanh(h) ** 2) < 0.05).mean(), scale),
        ],
    )
    close(
        ask.share("saturated_share(lambda h: a * h.tanh(), h, 0.5)", a=a, h=_tensor(h)),
        (left + right + bend) / n,
        "the share for the fraction 0.5",
        mistakes=[
            ((left + right) / n, "is the argument `fraction` used?"),
            ((a * (1 - np.tanh(h) ** 2) < 0.5).mean(), scale),
        ],
    )
    signs = "the function falls: compare sizes of slopes, without their signs"
    got = ask.share("saturated_share(lambda h: -a * h.tanh(), h)", a=a, h=_tensor(h))
    close(got, (left + right) / n, "the share for a falling tanh", mistakes=[(got, signs)])
    far = _tensor(draw.uniform(3, 6, size=20))
    got = ask.share("saturated_share(lambda h: h.tanh(), h)", h=far)
    reference = "the largest slope is that of the function, not that of the units at hand"
    close(got, 1.0, "the share where all units are far out", mistakes=[(got, reference)])


@part("saturated_share", points=1)
def share_of_other_functions(ask, params):
    """The share is right for a falling function, another fraction, and units that are all flat."""
    a, fraction = params.uniform(1.3, 3), params.uniform(0.1, 0.3)

    def slope(h):
        s = _sigmoid(h)
        return -a * (s + h * s * (1 - s))

    h = params.numpy().normal(size=(20, 60)) * 2
    ratio = np.abs(slope(h)) / np.abs(slope(np.linspace(-10, 10, 2001))).max()
    h[np.abs(ratio - fraction) < 1e-3] = 1.0  # none so near that rounding decides
    ratio = np.abs(slope(h)) / np.abs(slope(np.linspace(-10, 10, 2001))).max()
    what = "saturated_share(lambda h: -a * h * h.sigmoid(), h, fraction)"
    got = ask.share(what, a=a, fraction=fraction, h=_tensor(h))
    signs = "the function falls where it is steep; compare sizes of slopes, without their signs"
    close(got, (ratio < fraction).mean(), "the share", mistakes=[(1.0, signs), (0.0, signs)])
    h = params.numpy().uniform(6, 7, size=40)
    got = ask.share("saturated_share(lambda h: a * h.sigmoid(), h)", a=a, h=_tensor(h))
    reference = "the largest slope is that of the function, not that of the units at hand"
    close(got, 1.0, "the share where all units are far out", mistakes=[(0.0, reference)])


# --- predicted_share


@part("predicted_share", points=0.5, public=True)
def share_against_draws(ask, params):
    """For mean 0 the prediction agrees with a count of Gaussian numbers."""
    at, variance, n = params.uniform(1.5, 3), params.uniform(2.5, 6), 4_000_000
    z = np.abs(params.numpy().standard_normal(n, dtype=np.float32))

    def beyond(edge):
        return np.count_nonzero(z > edge) / n

    for edge in (at, at / 2):  # six deviations of the count are 0.0015 at most
        got = ask.share("predicted_share(at, variance)", at=edge, variance=variance)
        root = edge / variance**0.5
        counted = beyond(root)
        within(
            got,
            counted,
            (counted * (1 - counted) / n) ** 0.5,
            "the share, which should be right to 0.001,",
            mistakes=[
                (counted / 2, "the units far out on the left count as well"),
                (1 - counted, "is that the share of the units that are not saturated?"),
                (beyond(edge / variance), "did you take the variance for its root?"),
                (beyond(root * 2**0.5), "erfc(x) belongs to variance 1/2: where is the root of 2?"),
            ],
        )


@part("predicted_share", points=1)
def share_with_a_mean(ask, params):
    """The prediction is right for other numbers, with means on both sides of 0."""
    for sign in (1, -1):
        at, variance = params.uniform(1.5, 4), params.uniform(2, 8)
        mean = sign * params.uniform(0.7, 1.4)
        what = "predicted_share(at, variance, mean)"
        got = ask.share(what, at=at, variance=variance, mean=mean)
        root = math.sqrt(2 * variance)
        expected = (math.erfc((at + mean) / root) + math.erfc((at - mean) / root)) / 2
        close(got, expected, "the share with a mean that is not 0", rtol=0, atol=1e-3)


# --- centred


def _applied(ask, what, shape, **values):
    """Return what a centred function gives; say so where it is no function."""
    try:
        return ask.array(what, shape, **values)
    except Wrong as error:
        said = str(error)
        number = "object is not callable" in said and "NoneType" not in said
        if number or "name 'h' is not defined" in said:
            function = "return the function itself, `psi`, not `psi(h)`"
            raise Wrong(f"{error}. `centred(phi)` should be a function: {function}") from None
        raise


@part("centred", points=1, public=True)
def centred_moments(ask, params):
    """A centred sigmoid, shifted and scaled, has mean 0 and variance 1 for inputs from N(0, 1)."""
    a, b, c = params.uniform(0.5, 3), params.uniform(0.6, 1.2), params.uniform(-1, 1)
    z = np.linspace(-8, 8, 4001)
    weight = np.exp(-z * z / 2)
    weight /= weight.sum()
    what = "centred(lambda h: a * (h + b).sigmoid() + c)(z)"
    got = _applied(ask, what, z.shape, a=a, b=b, c=c, z=_tensor(z))
    mean = (weight * got).sum()
    if abs(mean) > 1e-3:
        sample = "is that the mean of a sample? `expectation` is more exact"
        order = "take the mean off before you divide, and take the mean for inputs from N(0, 1)"
        raise Wrong(f"the mean is not 0 but {mean:.3g}: {sample if abs(mean) < 0.05 else order}")
    before = a * _sigmoid(z + b) + c
    second = (weight * before**2).sum()
    variance = second - (weight * before).sum() ** 2
    close(
        (weight * got**2).sum(),
        1.0,
        "the variance",
        rtol=1e-3,
        mistakes=[
            (1 / variance, "did you divide by the variance instead of its root?"),
            (variance / second, "E[phi^2] is the variance only if the mean is 0"),
            (variance, "did you forget to divide?"),
            (variance / before.var(), "m and s are constants, not those of the h at hand"),
        ],
    )
    spread = (got[-1] - got[0]) / (before[-1] - before[0])
    if np.abs(got - got[0] - spread * (before - before[0])).max() > 1e-4 * np.abs(got).max():
        raise Wrong("the mean and the variance are right, but it is not phi, shifted and scaled")


@part("centred", points=1)
def centred_relu(ask, params):
    """A centred ReLU gives the right numbers, in the shape of its input."""
    h = params.numpy().normal(size=(params.randint(3, 6), 7)) * 2
    got = _applied(ask, "centred(lambda h: h.relu())(h)", h.shape, h=_tensor(h))
    mean, variance = 1 / math.sqrt(2 * math.pi), 1 / 2 - 1 / (2 * math.pi)
    close(got, (np.maximum(h, 0) - mean) / math.sqrt(variance), "the centred ReLU", rtol=1e-3)


@part("centred", points=1)
def centred_other(ask, params):
    """Other functions give the right numbers, also at inputs that are not from N(0, 1)."""
    b, h = params.uniform(0.5, 2), params.numpy().uniform(1, 3, size=25)
    for what, f in (
        ("centred(lambda h: (b * h).exp().log1p())(h)", lambda z: np.log1p(np.exp(b * z))),
        ("centred(lambda h: -(b * h).sigmoid())(h)", lambda z: -_sigmoid(b * z)),
    ):
        mean = _gaussian(f)
        expected = (f(h) - mean) / math.sqrt(_gaussian(lambda z, f=f: f(z) ** 2) - mean**2)
        got = _applied(ask, what, (25,), b=b, h=_tensor(h))
        close(got, expected, "the centred function", rtol=1e-3)


# --- chi1_centred


@part("chi1_centred", points=0.5, public=True)
def chi1_and_a_shift(ask, params):
    """Without a mean it is the chapter's quotient, and adding a constant changes nothing."""
    second, slope2, c = params.uniform(0.5, 2), params.uniform(0.2, 2), params.uniform(0.5, 2)
    what = "chi1_centred(mean, second, slope2)"
    got = ask.number(what, mean=0.0, second=second, slope2=slope2)
    close(
        got,
        slope2 / second,
        "chi_1 of a function of mean 0",
        mistakes=[
            (slope2 / second**2, "the derivative is divided by s, its square by s**2"),
            ((slope2 / second) ** 0.5, "chi_1 is for the square of the gradient"),
            (slope2 / second**0.5, "the derivative is divided by s, its square by s**2"),
        ],
    )
    shifted = ask.number(what, mean=c, second=second + c * c, slope2=slope2)
    close(
        shifted,
        got,
        "chi_1 after a constant is added to an activation of mean 0",
        mistakes=[
            (slope2 / (second + c * c), "s**2 is the variance: unlike E[phi^2], it has not grown"),
            (slope2 / (second + c * c - c), "the variance is E[phi^2] less the SQUARE of the mean"),
            ((slope2 - c * c) / second, "a constant does not change the derivative"),
        ],
    )


@part("chi1_centred", points=1)
def chi1_for_other_moments(ask, params):
    """It is right for other moments."""
    mean, variance = params.uniform(-1, 1), params.uniform(0.1, 0.6)
    slope2 = params.uniform(0.1, 1)
    what = "chi1_centred(mean, second, slope2)"
    got = ask.number(what, mean=mean, second=mean**2 + variance, slope2=slope2)
    close(got, slope2 / variance, "chi_1")


# --- expected_dead


@part("expected_dead", points=0.5, public=True)
def dead_in_one_group(ask, params):
    """It is right if all images are alike, and two groups and three make five."""
    p, images = params.uniform(0.3, 0.8), params.randint(20, 90)

    def dead(groups):
        what = "expected_dead(p, images, groups)"
        return ask.share(what, p=p, images=images, groups=groups)

    close(
        dead(1),
        p,
        "the probability for images that are all alike",
        mistakes=[
            (p**images, "if one of the images is negative, so are all others"),
            (1 - p, "is that the probability that the unit is alive?"),
        ],
    )
    close(dead(2) * dead(3), dead(5), "the probability for two groups times that for three")


@part("expected_dead", points=1)
def dead_in_many_groups(ask, params):
    """It is right for other numbers, also if all images differ."""
    for groups in (params.randint(3, 7), 12):
        p, images = params.uniform(0.4, 0.9), 12
        what = "expected_dead(p, images, groups)"
        got = ask.share(what, p=p, images=images, groups=groups)
        close(got, p**groups, "the probability")


# --- dead_share


def _batch(draw, images, units, dead):
    """Return pre-activations in which exactly the given units are never positive."""
    h = draw.normal(size=(images, units))
    h[draw.integers(images, size=units), np.arange(units)] = draw.uniform(0.5, 1, units)
    h[:, dead] = -np.abs(h[:, dead]) - 0.01
    return h


@part("dead_share", points=0.5, public=True)
def dead_in_one_batch(ask, params):
    """The share is right for a single batch, and for two that differ in size."""
    draw, units, images = params.numpy(), params.randint(20, 40), params.randint(6, 12)
    n, some = params.randint(4, 12), "a unit that is negative for some images is not dead"
    h = _batch(draw, images, units, draw.permutation(units)[:n])
    close(
        ask.share("dead_share([h])", h=_tensor(h)),
        n / units,
        "the share in one batch",
        mistakes=[
            (0.0, "each column is a unit; do you look along the images?"),
            (1 - n / units, "is that the share of the units that are alive?"),
            ((h <= 0).mean(), f"{some}; if you ask for `all`, does it run over the images?"),
            ((h <= 0).any(axis=0).mean(), some),
        ],
    )
    order = draw.permutation(units)
    dead = order[:9], order[6:18]  # 3 units are dead in both
    a, b = (_batch(draw, images + k, units, d) for k, d in zip((0, 5), dead, strict=True))
    close(
        ask.share("dead_share([a, b])", a=_tensor(a), b=_tensor(b)),
        3 / units,
        "the share in two batches",
        mistakes=[
            (21 / 2 / units, "the share is not the mean of the shares of the batches"),
            (18 / units, "a unit that is alive in one of the batches is not dead"),
            (9 / units, "is that the first batch alone?"),
            (12 / units, "is that the last batch alone?"),
        ],
    )


@part("dead_share", points=1)
def dead_in_all_batches(ask, params):
    """A unit is dead only if it is so in each batch; batches differ in size."""
    draw, units = params.numpy(), params.randint(40, 60)
    order = draw.permutation(units)
    dead = [order[:25], order[10:35], order[5:20]]  # 10 units are dead in all three
    a, b, c = (_batch(draw, n, units, d) for n, d in zip((5, 9, 14), dead, strict=True))
    got = ask.share("dead_share([a, b, c])", a=_tensor(a), b=_tensor(b), c=_tensor(c))
    mistakes = [
        ((25 + 25 + 15) / 3 / units, "the share is not the mean of the shares of the batches"),
        (35 / units, "a unit that is alive in one of the batches is not dead"),
        (15 / units, "is that the last batch alone?"),
        (25 / units, "is that the first batch alone?"),
    ]
    close(got, 10 / units, "the share", mistakes=mistakes)


@part("dead_share", points=0.5)
def dead_at_zero(ask, params):
    """A pre-activation of exactly 0 does not make a unit alive."""
    draw, units = params.numpy(), params.randint(20, 40)
    order = draw.permutation(units)
    h = _batch(draw, 8, units, order[:9])
    alone = _batch(draw, 8, units, order[:9])
    h[2, order[:4]] = 0.0
    got = ask.share("dead_share([a, b])", a=_tensor(h), b=_tensor(alone))
    zero = "which slope has a ReLU at exactly 0?"
    close(got, 9 / units, "the share where some are 0", mistakes=[(5 / units, zero)])
