"""Checks of assignment 4."""

import math

import numpy as np
import torch

from grading.checking import Wrong, close, part, within

LARGEST = {
    "float16": 65504.0,
    "bfloat16": (2 - 2.0**-7) * 2.0**127,
    "float32": (2 - 2.0**-23) * 2.0**127,
}


def _tensor(array, dtype=float):
    return torch.from_numpy(np.ascontiguousarray(array, dtype=dtype))


# --- gradient_growth


@part("gradient_growth", points=0.5, public=True)
def growth_of_few_layers(ask, params):
    """The ratio is right for one layer, for three and for four."""
    sigma_w2 = params.uniform(3, 9)
    close(
        ask.number("gradient_growth(sigma_w2, 1)", sigma_w2=sigma_w2),
        1.0,
        "the ratio in a network with a single layer",
        mistakes=[
            ((sigma_w2 / 2) ** 0.5, "how many factors lie between L layers?"),
            (sigma_w2 / 2, "how many factors lie between L layers?"),
            ((2 / sigma_w2) ** 0.5, "how many factors lie between L layers?"),
            (0.5 ** ((sigma_w2 - 1) / 2), "do the parameters stand in the order of the text?"),
        ],
    )
    factor = sigma_w2 / 2
    close(
        ask.number("gradient_growth(sigma_w2, 3)", sigma_w2=sigma_w2),
        factor,
        "the ratio in a network of three layers",
        mistakes=[
            (factor**2, "is that the ratio of the mean squares, not of the root mean squares?"),
            (1 / factor, "which of the two gradients stands above the fraction bar?"),
            (sigma_w2, "which share of the slopes is 1?"),
            (sigma_w2**2 / 2, "sigma_w2 is a square already"),
        ],
    )
    close(
        ask.number("gradient_growth(sigma_w2, 4)", sigma_w2=sigma_w2),
        factor**1.5,
        "the ratio in a network of four layers",
        mistakes=[
            (factor, "half of the number of factors need not be whole: do not round"),
            (factor**2, "half of the number of factors need not be whole: do not round"),
        ],
    )


@part("gradient_growth", points=1)
def growth_of_many_layers(ask, params):
    """The ratio is right for other scales, also for those below 2, and other depths."""
    for scales in ((2.5, 6), (0.8, 1.6)):
        sigma_w2, layers = params.uniform(*scales), 2 * params.randint(5, 20)
        got = ask.number("gradient_growth(sigma_w2, layers)", sigma_w2=sigma_w2, layers=layers)
        close(got, (sigma_w2 / 2) ** ((layers - 1) / 2), "the ratio", rtol=1e-5)


# --- growth_per_layer


def _gradients(draw, sizes, widths, images=6):
    """Return a gradient for each layer whose RMS is exactly the given size."""
    found = []
    for size, width in zip(sizes, widths, strict=True):
        g = draw.normal(size=(images, width))
        found.append(g * size / np.sqrt((g * g).mean()))
    return found


def _growth(ask, tensors, growth, mistakes):
    got = ask.number("growth_per_layer([a, b, c, d])", **dict(zip("abcd", tensors, strict=True)))
    close(got, growth, "the factor per layer", rtol=1e-5, mistakes=mistakes)


@part("growth_per_layer", points=0.5, public=True)
def growth_of_equal_widths(ask, params):
    """The factor is right for four layers of equal width."""
    growth, last = params.uniform(1.5, 3), params.uniform(0.01, 0.1)
    sizes = [last * growth**k for k in (3, 2, 1, 0)]
    a, b, c, d = map(_tensor, _gradients(params.numpy(), sizes, [5] * 4))
    by_size = float(a.abs().mean() / d.abs().mean()) ** (1 / 3)
    by_deviation = float(a.std() / d.std()) ** (1 / 3)
    _growth(
        ask,
        (a, b, c, d),
        growth,
        mistakes=[
            (1 / growth, "on its way back, a gradient goes from the last layer to layer 1"),
            (growth**0.75, "how many factors lie between four layers?"),
            (growth**2, "is that the factor of the mean square?"),
            (growth**3, "is that the factor over all layers?"),
            (3 * growth, "factors multiply: take a root, do not divide"),
            (by_size, "is that the mean of the sizes? The RMS is the root of the mean of SQUARES"),
            (by_deviation, "a standard deviation takes the mean off first, the RMS does not"),
        ],
    )


@part("growth_per_layer", points=0.5, public=True)
def growth_from_the_ends(ask, params):
    """The factor is right if layers grow in width, and do not all grow by the same factor."""
    growth, middle = params.uniform(1.5, 2), params.uniform(2, 4)
    sizes = [growth**3, middle, 1 / middle, 1.0]
    a, b, c, d = map(_tensor, _gradients(params.numpy(), sizes, [4, 9, 16, 36]))
    steps = [above / below for above, below in zip(sizes, sizes[1:], strict=False)]
    _growth(
        ask,
        (a, b, c, d),
        growth,
        mistakes=[
            (
                growth * (4 / 36) ** (1 / 6),
                "lengths grow with the width: take a root MEAN square",
            ),
            (sum(steps) / 3, "factors multiply: their mean does not take the last to the first"),
        ],
    )


@part("growth_per_layer", points=1)
def growth_of_other_widths(ask, params):
    """The factor is right for layers of different widths, whatever the layers between do."""
    growth, middle = params.uniform(0.4, 0.8), params.uniform(2, 4)
    sizes = [growth**4, middle, 1 / middle, growth, 1.0]
    a, b, c, d, e = map(_tensor, _gradients(params.numpy(), sizes, [4, 9, 16, 25, 64]))
    got = ask.number("growth_per_layer([a, b, c, d, e])", a=a, b=b, c=c, d=d, e=e)
    length = "the layers differ in width, so lengths do not compare: take the root MEAN square"
    mistakes = [(growth * (4 / 64) ** (1 / 8), length)]
    close(got, growth, "the factor per layer", rtol=1e-5, mistakes=mistakes)


@part("growth_per_layer", points=0.5)
def growth_in_single_precision(ask, params):
    """The factor is right where squares leave the range of single precision."""
    for size in (1e27, 1e-28):
        growth = params.uniform(2, 5)
        sizes = [size * growth**2, size * growth, size]
        found = _gradients(params.numpy(), sizes, [8] * 3)
        a, b, c = (_tensor(g, np.float32) for g in found)
        got = ask.number("growth_per_layer([a, b, c])", a=a, b=b, c=c)
        close(got, growth, "the factor per layer, in single precision,", rtol=1e-4)


# --- overflow_layer


def _clear(params, largest, growths, starts):
    """Return a start and a growth whose layer does not depend on rounding, and that layer.

    Nor does it on the third digit of the largest number, which may have been rounded as well.
    """
    while True:
        start, growth = params.uniform(*starts), params.uniform(*growths)
        factors, margin = math.log(largest / start) / math.log(growth), 0.005 / math.log(growth)
        if margin < factors % 1 < 1 - margin:
            return start, growth, 1 + math.ceil(factors)


@part("overflow_layer", points=1, public=True)
def overflow_of_two_formats(ask, params):
    """In the layer found, float16 or float32 has overflowed, and in the one before it has not."""
    for name in ("float16", "float32"):
        start, growth, first = _clear(params, LARGEST[name], (1.2, 2.5), (2, 9))
        what = "overflow_layer(start, growth, name)"
        layer = ask.number(what, start=start, growth=growth, name=name)
        if layer != round(layer):
            raise Wrong("the layer should be a whole number")
        if layer < 1:
            raise Wrong("layers are counted from 1, and the signal grows, so it overflows in one")
        short = 1 + math.ceil(math.log(LARGEST["float16"] / start) / math.log(growth))
        if name == "float32" and abs(layer - short) <= 1:
            raise Wrong("for float32 that is too early: is it where float16 ends?")
        if layer < first:
            raise Wrong(
                f"in this layer {name} has not overflowed yet: layer 1 holds `start` itself"
            )
        if layer > first + 1:
            raise Wrong(f"that layer is too high: {name} has overflowed layers earlier")
        if layer > first:
            raise Wrong(f"{name} has overflowed one layer earlier: layer 1 holds `start`")


@part("overflow_layer", points=1)
def overflow_of_wide_formats(ask, params):
    """The layer is right for all three formats and other numbers."""
    for name, largest in LARGEST.items():
        start, growth, layer = _clear(params, largest, (1.05, 3), (0.1, 20))
        what = "overflow_layer(start, growth, name)"
        got = ask.number(what, start=start, growth=growth, name=name)
        mistakes = [(layer - 1, "layer 1 holds `start` itself")]
        mistakes += [(layer + 1, "layer 1 holds `start` itself")]
        short = 1 + math.ceil(math.log(LARGEST["float16"] / start) / math.log(growth))
        mistakes += [(short, "is that where float16 ends?")]
        close(got, layer, f"the layer in {name}", rtol=0, atol=1e-6, mistakes=mistakes)


@part("overflow_layer", points=0.5)
def overflow_at_once_or_never(ask, params):
    """It is 0 if the signal never overflows, and right if it does so from the start."""
    what = 'overflow_layer(start, growth, "float16")'
    for growth in (1.0, params.uniform(0.3, 0.9)):
        got = ask.number(what, start=params.uniform(1, 9), growth=growth)
        close(got, 0.0, "the layer for a signal that does not grow")
    for growth in (params.uniform(1.5, 3), params.uniform(0.3, 0.9)):
        got = ask.number(what, start=params.uniform(1e5, 1e7), growth=growth)
        close(got, 1.0, "the layer for a signal that is too large from the start")


# --- layers_won


@part("layers_won", points=0.5, public=True)
def layers_won_in_special_cases(ask, params):
    """It is right if the scale makes up for one layer, and a scale twice wins twice as much."""
    factor, scale = params.uniform(0.3, 0.8), params.uniform(10, 1000)
    what = "layers_won(scale, factor)"
    once = ask.number(what, scale=scale, factor=factor)
    if once >= 1 and once == round(once):
        raise Wrong("the number of layers need not be whole: do not round")
    close(
        ask.number(what, scale=1 / factor, factor=factor),
        1.0,
        "the number of layers for a scale that undoes one of them",
        mistakes=[
            (-1.0, "a positive number of layers is won"),
            (2.0, "each layer multiplies the gradient itself by the factor, not its square"),
            (0.5, "each layer multiplies the gradient itself by the factor, not its root"),
            (1 / math.log(10), "take one kind of logarithm, not two"),
            (math.log(10), "take one kind of logarithm, not two"),
            (1 / math.log(2), "take one kind of logarithm, not two"),
            (math.log(2), "take one kind of logarithm, not two"),
            (-math.log2(factor), "a layer multiplies by the factor; that need not be one half"),
        ],
    )
    twice = ask.number(what, scale=scale * scale, factor=factor)
    upside = "which of the two logarithms is above the fraction bar?"
    close(twice, 2 * once, "what a scale wins that is applied twice", mistakes=[(once / 2, upside)])


@part("layers_won", points=1)
def layers_won_for_other_numbers(ask, params):
    """It is right for other scales and factors."""
    scale, factor = 2.0 ** params.randint(5, 16), params.uniform(0.2, 0.45)
    got = ask.number("layers_won(scale, factor)", scale=scale, factor=factor)
    close(got, math.log(scale) / -math.log(factor), "the number of layers")


# --- loss_factor


@part("loss_factor", points=0.5, public=True)
def loss_at_special_rates(ask, params):
    """It is right at the rate that hits the bottom, at the edge, and halfway between."""
    curvature, steps = params.uniform(2, 9), 2 * params.randint(1, 4) + 1
    what = "loss_factor(rate, curvature, steps)"

    def factor(times, steps=steps):
        return ask.number(what, rate=times / curvature, curvature=curvature, steps=steps)

    close(
        factor(1),
        0.0,
        "the loss at the rate 1/curvature",
        atol=1e-9,
        mistakes=[
            (0.25**steps, "the slope at a is the curvature times a, without the half"),
            (4.0**steps, "a step goes against the slope, not along it"),
            (math.exp(-2 * steps), "that is for very many, very small steps"),
        ],
    )
    sign = "the sign is that of a; the loss has a square"
    start = "divide by the loss at the start"
    mistakes = [(-1.0, sign), (curvature / 2, start)]
    close(factor(2), 1.0, "the loss at the rate 2/curvature", mistakes=mistakes)
    mistakes = [
        (0.5, "is that the factor of a, not of the loss?"),
        (0.0625, "is that the square of the loss?"),
    ]
    after = "the loss after one step at the rate 1.5/curvature"
    close(factor(1.5, steps=1), 0.25, after, mistakes=mistakes)
    product = factor(1.7, steps=2) * factor(1.7, steps=3)
    close(product, factor(1.7, steps=5), "the factor of two steps times that of three")


@part("loss_factor", points=1)
def loss_at_other_rates(ask, params):
    """It is right for other rates, below and above the edge."""
    for times in (params.uniform(0.2, 0.8), params.uniform(1.3, 1.8), params.uniform(2.1, 2.5)):
        curvature, steps = params.uniform(0.5, 20), params.randint(2, 7)
        rate = times / curvature
        what = "loss_factor(rate, curvature, steps)"
        got = ask.number(what, rate=rate, curvature=curvature, steps=steps)
        root = abs(1 - times) ** steps
        mistakes = [(root, "is that the factor of a, not of the loss?")]
        close(got, root**2, "the factor of the loss", rtol=1e-5, mistakes=mistakes)


# --- branch_scale


@part("branch_scale", points=0.5, public=True)
def branches_of_two_layers(ask, params):
    """With two layers the growth is the one asked for, and weights twice as large halve beta."""
    sigma_w2, most = params.uniform(1, 5), params.uniform(1.5, 4)
    what = "branch_scale(sigma_w2, 2, most)"
    beta = ask.number(what, sigma_w2=sigma_w2, most=most)
    if beta <= 0:
        raise Wrong("beta should be positive")
    slopes = "half of the slopes are 0; which share of the mean square gets through a branch?"
    close(
        beta**2 * sigma_w2 / 2,
        most - 1,
        "the mean square that comes through the branch, relative to that on the direct path,",
        mistakes=[
            ((most - 1) / 2, slopes),
            ((most - 1) ** 2 * sigma_w2 / 2, "is that beta, or its square?"),
            ((most - 1) ** 2 * 2 / sigma_w2, "is that beta, or its square?"),
            (most**2 - 1, "the mean square grows by most**2 over both layers together"),
            (most**0.5 - 1, "the RMS grows by `most`; by what does the mean square grow?"),
            ((most**0.5 - 1) ** 2, "mean squares of the two paths add up, their roots do not"),
            (most, "the direct path is there as well: it brings 1 to the mean square"),
            (math.log(most), "that is for very many layers: take the power itself"),
            ((most - 1) * sigma_w2**2 / 4, "do larger weights need a larger beta, or a smaller?"),
        ],
    )
    halved = ask.number(what, sigma_w2=4 * sigma_w2, most=most)
    close(2 * halved, beta, "twice the beta for weights that are twice as large")


def _growth_over_branches(draw, layers, sigma_w2, beta, networks=20, width=64, images=8):
    """Return by how much the RMS of a gradient grows over all layers, in a few real networks."""
    x, g = (draw.normal(size=(networks, images, width)) for _ in range(2))
    before, passed = (g * g).mean(), []
    for _ in range(layers):
        w = draw.normal(size=(networks, width, width)) * math.sqrt(sigma_w2 / width)
        passed.append((w, x > 0))
        x = x + beta * np.maximum(x, 0) @ w.swapaxes(1, 2)
    for w, slope in reversed(passed):
        g = g + beta * slope * (g @ w)
    return math.sqrt((g * g).mean() / before)


@part("branch_scale", points=0.5, public=True)
def branches_of_networks(ask, params):
    """In real networks with this beta, of several layers, the gradient grows as asked for.

    For the right beta the measured growth is 1.01 times the one asked for, with a deviation of
    0.02 between draws of 20 networks; `within` gets 0.04, and allows six times as much.
    """
    most, few = params.uniform(2.5, 3.2), params.randint(6, 8)
    for layers, sigma_w2 in ((few, params.uniform(1, 1.6)), (2 * few, params.uniform(3, 4))):
        what = "branch_scale(sigma_w2, layers, most)"
        beta = ask.number(what, sigma_w2=sigma_w2, layers=layers, most=most)
        if not 0 < beta < 10:
            raise Wrong(f"beta for {layers} layers is too {'small' if beta < 10 else 'large'}")
        within(
            _growth_over_branches(params.numpy(), layers, sigma_w2, beta),
            most,
            0.04 * most,
            f"with your beta, the growth of the gradient over {layers} layers of real networks",
            mistakes=[(most ** (layers / 2), "does your beta depend on the number of layers?")],
        )


@part("branch_scale", points=1.5)
def branches_of_many_layers(ask, params):
    """The scale is right for other depths."""
    for layers in (1, params.randint(5, 15), params.randint(100, 900)):
        sigma_w2, most = params.uniform(0.5, 4), params.uniform(1.5, 20)
        what = "branch_scale(sigma_w2, layers, most)"
        got = ask.number(what, sigma_w2=sigma_w2, layers=layers, most=most)
        expected = math.sqrt(2 / sigma_w2 * math.expm1(2 * math.log(most) / layers))
        what = f"beta for {layers} layer" + ("s" if layers > 1 else "")
        close(got, expected, what, rtol=3e-4)  # single precision loses digits in many layers


# --- clip_norm_


def _draw(params, length, shapes):
    """Return arrays whose global norm is the given length."""
    draw = params.numpy()
    found = [draw.normal(size=shape) for shape in shapes]
    norm = math.sqrt(sum((g * g).sum() for g in found))
    return [g * length / norm for g in found]


def _after(ask, arrays, limit):
    """Return the gradients after clipping; up to four arrays."""
    names = "abcd"[: len(arrays)]
    listed = ", ".join(names)
    values = dict(zip(names, map(_tensor, arrays), strict=True))
    return [
        ask.array(f"(clip_norm_([{listed}], limit), {name})[1]", g.shape, limit=limit, **values)
        for name, g in zip(names, arrays, strict=True)
    ]


def _norm(arrays):
    return math.sqrt(sum((g * g).sum() for g in arrays))


def _short_unchanged(ask, params, share):
    """Check that a gradient shorter than the limit stays as it is, and that its length is right."""
    limit = params.uniform(2, 5)
    before = _draw(params, share * limit, [(3, 3), (6,)])
    for a, b in zip(before, _after(ask, before, limit), strict=True):
        if not np.array_equal(a, b):
            close(b, a, "a gradient shorter than the limit, after clipping,", rtol=0)
    a, b = map(_tensor, before)
    got = ask.number("clip_norm_([a, b], limit)", a=a, b=b, limit=limit)
    close(got, share * limit, "the length of a short gradient", rtol=1e-4)


@part("clip_norm_", points=1, public=True)
def clipped_length_and_direction(ask, params):
    """A gradient that is too long, in three tensors, gets shorter and keeps its direction."""
    limit, length = params.uniform(0.5, 2), params.uniform(20, 60)
    before = _draw(params, length, [(4, 3), (4,), (2, 2, 2)])
    after = _after(ask, before, limit)
    same = [np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
    if all(same):
        short = _draw(params, limit / 3, [(4, 3)])
        if _norm(_after(ask, short, limit)) > limit / 2:
            raise Wrong("a long gradient stays, and a short one grows: the factor is at most 1")
        raise Wrong(
            "nothing has changed: change the tensors themselves, in place, before you return"
        )
    if same == [False, True, True]:
        raise Wrong("only the first tensor has changed: does the loop end before the others?")
    each = "did you clip each tensor by itself? All of them together are one vector"
    again = [g.copy() for g in before]
    for g in again:
        g *= min(1, limit / _norm(again))
    grown = [g * min(1, limit / _norm(before[: upto + 1])) for upto, g in enumerate(before)]
    means = math.sqrt(sum((g * g).mean() for g in before))
    rms = length / math.sqrt(sum(g.size for g in before))
    added = sum(_norm([g]) for g in before)
    close(
        _norm(after),
        limit,
        "the length after clipping",
        rtol=1e-4,
        mistakes=[
            (limit * math.sqrt(3), each),
            (1.0, "shorten it to `limit`, not to 1"),
            (limit**2 / length, "is the factor applied twice?"),
            (length**2 / limit, "is the factor the wrong way up?"),
            (_norm([g.clip(-limit, limit) for g in before]), "shorten the vector, not each entry"),
            (_norm(again), "find the length once, before any tensor has changed"),
            (_norm(grown), "the length is that of all tensors: find it before you change any"),
            (limit * length / means, "the length has the SUM of the squares, not their mean"),
            (limit * length / rms, "the length has the SUM of the squares, not their mean"),
            (limit * length / added, "lengths of tensors do not add up; their squares do"),
        ],
    )
    factors = np.concatenate([(b / a).ravel() for a, b in zip(before, after, strict=True)])
    if (factors < 0).any():
        raise Wrong("some entries have changed their sign: the direction should stay")
    if np.ptp(factors) > 1e-4 * factors.mean():
        raise Wrong(
            "the direction has changed: multiply all entries of all tensors by the same number"
        )


@part("clip_norm_", points=0.5, public=True)
def clipping_returns_the_length_before(ask, params):
    """The length before clipping is returned."""
    limit, length = params.uniform(0.5, 2), params.uniform(20, 60)
    a, b = map(_tensor, _draw(params, length, [(5, 2), (3,)]))
    got = ask.number("clip_norm_([a, b], limit)", a=a, b=b, limit=limit)
    a_norm, b_norm = float(a.norm()), float(b.norm())
    means = math.sqrt(float(a.square().mean() + b.square().mean()))
    close(
        got,
        length,
        "the length that is returned",
        rtol=1e-4,
        mistakes=[
            (limit, "return the length BEFORE clipping"),
            (limit * math.sqrt(2), "return the length BEFORE clipping"),
            (length**2, "the length is the ROOT of the sum of squares"),
            (a_norm + b_norm, "lengths of tensors do not add up; their squares do"),
            (b_norm, "is that the length of the last tensor alone?"),
            (a_norm, "is that the length of the first tensor alone?"),
            (0.0, "these are plain tensors; functions for parameters look at their `.grad`"),
            (means, "the length has the SUM of the squares, not their mean"),
            (length / math.sqrt(13), "the length has the SUM of the squares, not their mean"),
            (limit / length, "is that the factor instead of the length?"),
        ],
    )


@part("clip_norm_", points=0.5, public=True)
def shorter_than_the_limit(ask, params):
    """A gradient that is short enough does not change at all, and its length is returned."""
    _short_unchanged(ask, params, params.uniform(0.4, 0.6))


@part("clip_norm_", points=1)
def short_gradient_unchanged(ask, params):
    """Gradients that are short enough do not change, however short, and return their lengths."""
    for share in (params.uniform(0.1, 0.5), params.uniform(0.9, 0.98)):
        _short_unchanged(ask, params, share)


@part("clip_norm_", points=0.5)
def zero_gradient(ask, params):
    """A gradient of zeros stays as it is, and its length is 0."""
    before, limit = [np.zeros((3, 2)), np.zeros(4)], params.uniform(0.5, 2)
    for g in _after(ask, before, limit):
        close(g, np.zeros(g.shape), "a gradient of zeros, after clipping,")
    a, b = map(_tensor, before)
    close(
        ask.number("clip_norm_([a, b], limit)", a=a, b=b, limit=limit),
        0.0,
        "the length of a gradient of zeros",
    )
    if ask.number("clip_norm_([a + 1, b], limit)", a=a, b=b, limit=limit) <= 0:
        raise Wrong("the length of a gradient that is not zero should be more than 0")


@part("clip_norm_", points=0.5)
def other_gradients_clipped(ask, params):
    """Other gradients are clipped rightly: one tensor, two short ones, four with a zero."""
    for shapes in ([(7,)], [(2, 3), (2, 3)], [(2, 3), (5,), (1, 4), (3, 1, 2)]):
        limit = params.uniform(2, 8)
        before = _draw(params, limit * params.uniform(1.2, 3), shapes)
        if len(before) == 2:  # together above the limit, each by itself below it, and below 1
            limit = params.uniform(0.1, 0.5)
            lengths = [limit * params.uniform(0.8, 0.95) for _ in before]
            before = [g * to / _norm([g]) for g, to in zip(before, lengths, strict=True)]
        if len(before) == 4:
            before[1] = before[1] * 0
            before[0] = before[0] * 9  # so that what is left is longer than the limit
        length = _norm(before)
        after = _after(ask, before, limit)
        for a, b in zip(before, after, strict=True):
            close(b, a * min(1, limit / length), "a clipped tensor", rtol=1e-4)
