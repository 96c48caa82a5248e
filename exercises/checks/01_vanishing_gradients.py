"""Checks of assignment 1, vanishing gradients."""

import math

import numpy as np
import torch

from grading.checking import Wrong, close, part


@part("until", points=0.5, public=True)
def until_squared(ask, params):
    """Twice as many layers for a squared threshold; the right number if each halves the size."""
    chi, threshold = params.uniform(0.4, 0.8), 10.0 ** -params.randint(4, 6)
    words = "layers_until(chi, threshold)"
    once = ask.number(words, chi=chi, threshold=threshold)
    if once != round(once):
        raise Wrong(f"`{words}` should be a whole number: round up")
    if once <= 0:
        raise Wrong(f"`{words}` should be positive: both logarithms are negative")
    # Rounding up moves each number by less than 1, and so the difference by less than 2.
    twice = ask.number(words, chi=chi, threshold=threshold**2)
    if twice <= once:  # a small number that is always the same is near its double
        raise Wrong("a smaller threshold should take more layers")
    if not -2 < 2 * once - twice < 2:
        raise Wrong("squaring the threshold should double the number of layers")
    if not -2 < 2 * once - ask.number(words, chi=chi**0.5, threshold=threshold) < 2:
        raise Wrong("a factor chi1**0.5 in the place of chi1 should double the number of layers")
    halvings = params.randint(7, 12)
    got = ask.number(words, chi=0.25, threshold=1.5 * 0.5**halvings)
    if got != halvings:
        raise Wrong(
            f"chi1 = 1/4 halves the size: after {halvings - 1} layers it is"
            f" {0.5 ** (halvings - 1):.3g}, after {halvings} layers {0.5**halvings:.3g}. So the"
            f" threshold {1.5 * 0.5**halvings:.3g} takes {halvings} layers; yours takes {got:.6g}"
        )


@part("until", points=1)
def until_layers(ask, params):
    """The number of layers is right."""
    # Far from whole numbers before rounding, above and below the half; odd and even after it.
    for odd, share in ((1, params.uniform(0.6, 0.8)), (0, params.uniform(0.2, 0.4))):
        chi, layers = params.uniform(0.3, 0.95), 2 * params.randint(10, 50) + odd
        threshold = chi ** ((layers - share) / 2)
        close(
            ask.number("layers_until(chi, threshold)", chi=chi, threshold=threshold),
            layers,
            "the number of layers",
            rtol=1e-9,
            mistakes=[
                (layers - 1, "after this many layers the size is still above the threshold"),
                (layers + 1, "one layer fewer is enough"),
                (math.ceil((layers - share) / 2), "chi1 is the factor on the square of the size"),
                (math.ceil(2 * (layers - share)), "chi1 is the factor on the square of the size"),
            ],
        )


@part("flat", points=0.5, public=True)
def flat_line(ask, params):
    """The weight gradient is flat for a = b and for one layer, and right in two; steps add up."""
    a, layers = params.uniform(0.2, 0.8), params.randint(4, 12)
    got = ask.number("weight_gradient_ratio(a, a, L)", a=a, L=layers)
    close(
        got,
        1,
        "the ratio for a = b",
        mistakes=[
            (a ** (2 * layers - 2), "does the signal shrink in the direction of the gradient?"),
            (a ** (layers - 1), "the weight gradient is a product of two"),
            (1 / a, "which x belongs to the gradient by W^l? Count the steps of each factor"),
            (a, "which x belongs to the gradient by W^l? Count the steps of each factor"),
        ],
    )
    if ask.number("weight_gradient_ratio(a, b, L)", a=a, b=1 + a, L=layers) == got:
        raise Wrong("the ratio should depend on both factors: it is flat only where they agree")
    if ask.number("weight_gradient_ratio(a, 1.0, L)", a=a, L=layers) <= 1:
        raise Wrong(
            "a gradient by h that keeps its size (b = 1), times an x that shrinks upward (a < 1):"
            " which layer has the larger weight gradient? The ratio is the first over the last"
        )
    one = ask.number("weight_gradient_ratio(a, b, 1)", a=a, b=1 + a)
    what = "the ratio in a network of one layer, where W^1 is W^L,"
    close(one, 1, what, mistakes=[(one, "from layer 1 to layer L there are L - 1 steps")])
    b = params.uniform(1.1, 1.6)

    def ratio(layers):
        return ask.number("weight_gradient_ratio(a, b, L)", a=a, b=b, L=layers)

    upward, often = b / a, "from layer 1 to layer 2 each size is multiplied once"
    hints = [(upward**2, often), (upward**0.5, often)]
    hints += [(a / b, "is this the last layer over the first?")]
    hints += [(b, "this is the ratio of the gradients by h")]
    close(ratio(2), upward, "the ratio in a network of two layers", mistakes=hints)
    what = "the ratio for L = 6, beside that for L = 3 times that for L = 4,"
    close(ratio(6), ratio(3) * ratio(4), what)


@part("flat", points=1)
def flat_or_not(ask, params):
    """The ratio is right for any two factors."""
    a, b, layers = params.uniform(0.3, 0.9), params.uniform(1.1, 1.6), params.randint(5, 15)
    if params.random() < 0.5:
        a, b = b, a
    steps = layers - 1
    close(
        ask.number("weight_gradient_ratio(a, b, L)", a=a, b=b, L=layers),
        (b / a) ** steps,
        "the ratio",
        mistakes=[
            ((a / b) ** steps, "is this the last layer over the first?"),
            ((a * b) ** steps, "does the signal shrink in the direction of the gradient?"),
            ((b / a) ** layers, "between L layers there are fewer steps than L"),
            (b**steps, "this is the ratio of the gradients by h"),
            (1, "this is so only if a = b"),
        ],
    )


NEAR = "chi1_near_zero(n, v, q, s, c)"


def near_numbers(params):
    """Draw the arguments of the function, other than q."""
    numbers = {"n": params.randint(20, 300), "v": params.uniform(0.001, 0.1)}
    return numbers | {"s": params.uniform(1.5, 4), "c": params.uniform(0.3, 0.8)}


@part("near", points=0.5, public=True)
def near_at_zero(ask, params):
    """At q = 0 all slopes are the slope at zero, found from differences."""
    numbers = near_numbers(params)
    s, c, step = numbers["s"], numbers["c"], 1e-3
    up, down = (s / (1 + math.exp(-c * h)) for h in (step, -step))
    slope = (up - down) / (2 * step)
    right = numbers["n"] * numbers["v"] * slope**2
    got = ask.number(NEAR, q=0.0, **numbers)
    hints = [(right / slope, "square the slope"), (right / c**2, "the chain rule gives a factor c")]
    hints += [(4 * right, "1/4 is the slope of the sigmoid at zero: square it, too")]
    hints += [(right / (s * c), "square s and c, too")]
    hints += [(right / c, "the slope is squared, with all its factors")]
    hints += [(right / s, "the slope is squared, with all its factors")]
    hints += [(right / s**2, "s scales the slope too")]
    hints += [(slope**2, "n v is missing"), (math.sqrt(right), "chi1 itself, not its root")]
    close(got, right, "chi1 at q = 0", rtol=1e-5, mistakes=hints)


@part("near", points=0.5, public=True)
def near_scaled(ask, params):
    """The term in q is right for c = 1, and changes rightly with c."""
    numbers, q = near_numbers(params), params.uniform(0.1, 0.3)
    c = numbers.pop("c")
    zero, got = (ask.number(NEAR, q=size, c=c, **numbers) for size in (0.0, q))
    if abs(got - zero) <= 1e-9 * abs(zero):
        raise Wrong("q has no effect: the correction is missing")
    if got > zero:
        raise Wrong("the slope is largest at zero: does a wider spread make chi1 larger?")
    other = c**2 * ask.number(NEAR, q=c**2 * q, c=1.0, **numbers)
    if abs(got - other) > 1e-9 * abs(other):
        raise Wrong(
            f"c has the wrong effect: q = {q:.3g} and c = {c:.3g} should give c**2 times as much as"
            " c**2 * q and c = 1. (If h has variance q, then c h has variance c**2 q.) How often"
            " does c appear in the term in q?"
        )
    step, z = 1e-3, np.linspace(-8, 8, 4001)
    weights = np.exp(-z * z / 2) / np.exp(-z * z / 2).sum()
    slopes = 0.25 / np.cosh(math.sqrt(step) * z / 2) ** 2  # of the sigmoid, for h from N(0, step)
    right = numbers["n"] * numbers["v"] * numbers["s"] ** 2 * (weights @ slopes**2 - 1 / 16)
    change = ask.number(NEAR, q=step, c=1.0, **numbers) - ask.number(NEAR, q=0.0, c=1.0, **numbers)
    hints = [(right / 2, "a square has twice the mixed product")]
    hints += [(right * 2, "the mixed product of 1/4 and 1/16 comes twice, not four times")]
    what = "the change of chi1 from q = 0 to a small q, for c = 1,"
    close(change, right, what, rtol=5e-3, mistakes=hints)


@part("near", points=1)
def near_correction(ask, params):
    """The term in q is right."""
    numbers = near_numbers(params)
    q, c = 1e-4, numbers["c"]
    change = ask.number(NEAR, q=q, **numbers) - ask.number(NEAR, q=0.0, **numbers)
    right = -numbers["n"] * numbers["v"] * (numbers["s"] * c**2) ** 2 / 32
    hints = [
        (0.0, "it is missing"),
        (-right, "does a wider spread make the mean slope larger?"),
        (right / c**2, "c appears in the argument of the slope, too"),
        (right / c, "the argument c h is squared"),
        (right / 2, "a square has twice the mixed product"),
        (right * q, "the mean of h squared is q"),
        (right / math.sqrt(q), "the mean of h squared is q"),
    ]
    # Further terms, which are judged apart, are smaller by the order of q.
    close(change / q, right, "the term in q", rtol=1e-3, mistakes=hints)


@part("near", points=0.5, public=True)
def near_no_more(ask, params):
    """There are no terms beyond the one in q."""
    numbers, q = near_numbers(params), params.uniform(0.2, 0.6)
    zero, once, twice = (ask.number(NEAR, q=k * q, **numbers) for k in (0.0, 1.0, 2.0))
    if abs(once - zero) <= 1e-9 * abs(zero):  # also where all three are 0
        raise Wrong("q has no effect")
    linear = "the change from q = 0 to 2 q, beside twice that to q,"
    hint = "drop the terms with higher powers of q"
    close(twice - zero, 2 * (once - zero), linear, mistakes=[(twice - zero, hint)])


LAYER = "layer_backward(x, W, b, lambda h: 2 * a * h + c, g)[{}]"
ABOVE = "here the activation comes after the weights: first the slope at h, then the weights"


def through_layer(ask, params, images, which):
    """Check one of the three gradients for the activation a h**2 + c h, by autograd."""
    draw = params.numpy()
    n_in, n_out = params.sample(range(3, 9), 2)
    shapes = {"x": (images, n_in), "W": (n_out, n_in), "b": (n_out,), "g": (images, n_out)}
    values = {name: draw.normal(size=shape) for name, shape in shapes.items()}
    a, c = params.uniform(0.3, 1), params.uniform(0.5, 2)
    x, W, b, g = (torch.tensor(one, requires_grad=True) for one in values.values())
    h = x @ W.T + b

    def gradient(loss):
        return torch.autograd.grad(loss.sum(), (x, W, b), retain_graph=True)[which].numpy()

    def slope_at(where):
        return gradient(g * h * (2 * a * where + c).detach())

    right = gradient(g * (a * h * h + c * h))
    got = ask.array(LAYER.format(which), right.shape, **values, a=a, c=c)
    hints = [
        (gradient(g * h), "the slope is missing"),
        (gradient(g * torch.sigmoid(h)), "the slope is that of the argument `slope`"),
        (slope_at(h - b), "the slope is taken at h, with the bias"),
        (slope_at(g), "the slope is taken at h, not at what arrives"),
        (right / images, "the mean over images is in the arriving gradient already"),
    ]
    if which == 0:
        hints += [(gradient(g * h) * (2 * a * x + c).detach().numpy(), ABOVE)]
    name = ["by the input", "by the weights", "by the bias"][which]
    close(got, right, f"the gradient {name}", mistakes=hints)


@part("layer", points=0.5, public=True)
def layer_bias(ask, params):
    """For a few images the gradient by the bias agrees with autograd."""
    through_layer(ask, params, params.randint(2, 4), 2)


@part("layer", points=1, public=True)
def layer_weights_and_input(ask, params):
    """For one image the gradients by the weights and by the input agree with autograd."""
    through_layer(ask, params, 1, 1)
    through_layer(ask, params, 1, 0)


@part("layer", points=1)
def layer_input(ask, params):
    """For a batch the gradient by the input is right."""
    through_layer(ask, params, params.randint(10, 20), 0)


@part("layer", points=1)
def layer_weights(ask, params):
    """For a batch the gradient by the weights is right."""
    through_layer(ask, params, params.randint(10, 20), 1)


@part("layer", points=0.5)
def layer_bias_of_batch(ask, params):
    """For a batch the gradient by the bias is right."""
    through_layer(ask, params, params.randint(10, 20), 2)


def through_network(ask, params, depth):
    """Check the sizes in a network with the activation a h**2 + c h, by autograd."""
    draw = params.numpy()
    a, c = params.uniform(0.1, 0.3), params.uniform(0.5, 1.5)
    widths = params.sample(range(4, 4 + 2 * depth), depth)
    images = params.randint(5, 9)
    hs = [torch.tensor(draw.normal(size=(images, widths[0])), requires_grad=True)]
    weights = []
    for n, m in zip(widths[1:], widths[:-1], strict=True):
        weights.append(torch.tensor(draw.normal(size=(n, m)) / math.sqrt(m)))
        hs.append((a * hs[-1] ** 2 + c * hs[-1]) @ weights[-1].T)
    top = torch.tensor(draw.normal(size=(images, widths[-1])))
    gradients = torch.autograd.grad((hs[-1] * top).sum(), hs)
    right = np.array([one.square().mean().sqrt().item() for one in gradients])
    values = {
        "hs": [one.detach().numpy() for one in hs],
        "weights": [one.numpy() for one in weights],
        "top": top.numpy(),
        "a": a,
        "c": c,
    }
    words = "walk_back(hs, weights, lambda h: 2 * a * h + c, top)"
    got = ask.array(words, (depth,), **values)
    norms = right * np.sqrt([images * n for n in widths])
    hints = [
        (right[::-1], "the list should begin with layer 1"),
        (right**2, "the root of the mean square, not the mean square"),
        (norms, "this is the norm; take the mean before the root"),
        (right * np.sqrt(images), "the mean is over the images, too"),
        ([one.abs().mean().item() for one in gradients], "this is the mean absolute value"),
        ([one.std(correction=0).item() for one in gradients], "do not subtract the mean"),
    ]
    for value, hint in hints:
        if np.allclose(got, value, rtol=1e-6, atol=0):
            raise Wrong(f"the list of sizes has wrong entries: {hint}")
    arrive = top @ weights[-1], (top * (2 * a * hs[-1] + c).detach()) @ weights[-1]
    arrive += (top * (2 * a * (hs[-2] @ weights[-1].T) + c).detach() @ weights[-1],)
    bare, above, other = (one.square().mean().sqrt().item() for one in arrive)
    hints = [
        (bare, "the slope is missing"),
        (above, "the slope belongs to the h that the step leads to"),
        (other, "in task 4 the activation comes after the weights, here before them"),
    ]
    for layer in range(depth, 0, -1):
        what = f"the size in layer {layer} of {depth}"
        close(got[layer - 1], right[layer - 1], what, mistakes=hints)


@part("walk", points=1, public=True)
def walk_three_layers(ask, params):
    """In a network of three layers the sizes agree with autograd."""
    through_network(ask, params, 3)


@part("walk", points=1)
def walk_many_layers(ask, params):
    """In deeper networks the sizes are right, too."""
    through_network(ask, params, params.randint(5, 8))


@part("fit", points=0.5, public=True)
def fit_exact(ask, params):
    """Of a list of sizes that shrink by one factor, exactly or with scatter, it finds it."""
    factor, layers = params.uniform(0.2, 0.8), params.randint(5, 10)
    sizes = params.uniform(0.1, 5) * factor ** np.arange(layers)[::-1]
    hints = [
        (1 / factor, "is this the factor on the way up?"),
        (math.log(factor), "this is the logarithm of the factor"),
        (-math.log(factor), "this is a slope of logarithms, not yet a factor"),
        (factor**2, "the sizes themselves, not their squares"),
        (sizes[0] / sizes[-1], "this is the factor of all layers together"),
        (1 / sizes[0], "polyfit returns slope and intercept: take the slope"),
        (math.exp(1 / math.log(factor)), "polyfit takes the layers first, then the logarithms"),
        (factor ** (1 / math.log(10)), "exp does not undo log10"),
        (factor ** math.log(10), "10 to a power does not undo log, exp does"),
    ]
    got = ask.number("fit_factor(sizes)", sizes=sizes.tolist())
    close(got, factor, "the factor", mistakes=hints)
    above = np.array([0.3, -0.2, 0.1, -0.4, -0.3, 0.5]) * params.uniform(1, 2)
    away = np.arange(6) - 2.5
    above -= above.mean() + away * (away @ above) / (away @ away)  # the best line is at 0
    sizes = factor ** np.arange(6)[::-1] * np.exp(above)
    what = "the factor of sizes that scatter about such a line"
    ratios = sizes[:-1] / sizes[1:]
    hints = [
        ((sizes[0] / sizes[-1]) ** (1 / 5), "it uses the first and last size only"),
        (ratios.mean(), "this is the mean of the ratios: fit the line"),
        (np.median(ratios), "this is the median of the ratios: fit the line"),
    ]
    close(ask.number("fit_factor(sizes)", sizes=sizes.tolist()), factor, what, mistakes=hints)


def _line(sizes):
    """Return the factor from the normal equations of the line through the logarithms."""
    keep = np.flatnonzero(sizes)
    away, logs = keep - keep.mean(), np.log(sizes[keep])
    return math.exp(-(away @ logs) / (away @ away))


def _noisy(params, layers):
    factor = params.uniform(0.2, 0.8)
    noise = params.numpy().normal(size=layers)
    return factor ** np.arange(layers)[::-1] * np.exp(0.3 * noise)


@part("fit", points=1)
def fit_noisy(ask, params):
    """Of sizes that scatter, it finds the line of least squares."""
    sizes = _noisy(params, params.randint(8, 15))
    ratios = sizes[:-1] / sizes[1:]
    hints = [
        ((sizes[0] / sizes[-1]) ** (1 / (len(sizes) - 1)), "it uses the first and last size only"),
        (ratios.mean(), "this is the mean of the ratios: fit the line"),
        (np.median(ratios), "this is the median of the ratios: fit the line"),
        (1 / _line(sizes), "is this the factor on the way up?"),
    ]
    close(ask.number("fit_factor(sizes)", sizes=sizes), _line(sizes), "the factor", mistakes=hints)


@part("fit", points=0.5, public=True)
def fit_zeros(ask, params):
    """Sizes of 0 are left out, and the other layers keep their numbers."""
    factor = params.uniform(0.2, 0.8)
    sizes = factor ** np.arange(14)[::-1]
    sizes[: params.randint(1, 3)] = 0
    sizes[params.randint(5, 9)] = 0
    got = ask.number("fit_factor(sizes)", sizes=sizes)
    close(got, factor, "with zeros left out and no layer renumbered, the factor")


@part("theory", points=0.5, public=True)
def theory_linear(ask, params):
    """For a linear activation every factor is the same, whatever the input."""
    slope, nv, layers = params.uniform(0.3, 0.9), params.uniform(1.2, 3), params.randint(4, 9)
    words = "predicted_factors(lambda h: a * h, lambda h: a + 0 * h, nv, L, m)"
    values = {"a": slope, "nv": nv, "L": layers, "m": params.uniform(0.2, 3)}
    got = ask.array(words, (layers - 1,), **values)
    right = np.full(layers - 1, math.sqrt(nv) * slope)
    hints = [
        (right**2, "the size changes by the root of chi1"),
        (right / math.sqrt(nv), "nv is missing"),
        (right * math.sqrt(nv), "nv belongs under the root"),
        (np.cumprod(right), "return the factors of single layers, not their products"),
    ]
    close(got, right, "the list of factors", rtol=1e-5, mistakes=hints)


SQUARE = "predicted_factors(lambda h: a * h * h / 2, lambda h: a * h, nv, 3, m)"


def _factors(a, c, nv, layers, q, shift=0):
    """Return the factors for the activation a h + c h**2, whose means are known exactly."""
    found = []
    for _ in range(layers - 1 + shift):
        found.append(math.sqrt(nv * (a * a + 4 * c * c * q)))
        q = nv * (a * a * q + 3 * c * c * q * q)
    return np.array(found[shift:])


@part("theory", points=0.5, public=True)
def theory_square(ask, params):
    """For the activation a h**2 / 2 the first two factors are right."""
    a, m, nv = params.uniform(0.4, 0.8), params.uniform(0.3, 0.8), params.uniform(1.2, 2)
    first = nv * m  # q in layer 1; the slope is a h
    second = nv * 3 * (a * first / 2) ** 2  # for h from N(0, q) the mean of h**4 is 3 q**2
    got = ask.array(SQUARE, (2,), a=a, nv=nv, m=m)
    if got[0] == got[1]:
        raise Wrong("the factors are equal: q changes from layer to layer")
    right = a * np.sqrt(nv * np.array([first, second]))
    if np.allclose(got, right[::-1], rtol=1e-5, atol=0):
        raise Wrong("the list of factors has the wrong order: it should begin with layer 1")
    nothing = "nv is missing once: q in layer 1 is nv m, and nv stands under the root of a factor"
    hints = [(a * math.sqrt(nv * m), nothing)]
    root = "mean_over_gaussian takes the variance q, not its root"
    hints += [(a * math.sqrt(nv * math.sqrt(first)), root)]
    hints += [(a * nv, "the mean square m of the input has no effect")]
    hints += [(right[1], "the factor of layer 1 belongs to q of layer 1: store it first")]
    hints += [(0.0, "the mean of the squared slope, not the square of the mean slope")]
    close(got[0], right[0], "the first factor", rtol=1e-5, mistakes=hints)
    hints = [(right[1] / math.sqrt(nv), "nv is missing in the map of q")]
    hints += [(right[1] / math.sqrt(3), "the mean of the squared activation, not its mean squared")]
    hints += [(right[1] * math.sqrt(2 / 3), "the mean square of the activation, not its variance")]
    close(got[1], right[1], "the second factor", rtol=1e-5, mistakes=hints)


@part("theory", points=1.5)
def theory_curved(ask, params):
    """For another activation the factors follow the map of q, from the first layer on."""
    a, c, m = params.uniform(0.4, 0.8), params.uniform(0.1, 0.25), params.uniform(0.3, 1.5)
    nv, layers = params.uniform(0.5, 1), params.randint(5, 9)
    words = "predicted_factors(lambda h: a * h + c * h * h, lambda h: a + 2 * c * h, nv, L, m)"
    got = ask.array(words, (layers - 1,), a=a, c=c, nv=nv, L=layers, m=m)
    right = _factors(a, c, nv, layers, nv * m)
    constant = np.full(layers - 1, right[0])
    hints = [
        (right[::-1], "the list should begin with the factor of layer 1"),
        (_factors(a, c, nv, layers, m), "what is q in layer 1?"),
        (_factors(a, c, nv, layers, nv), "the mean square of the input has no effect"),
        (_factors(a, c, nv, layers, nv * m, 1), "the step to layer l uses the slopes of layer l"),
        (constant, "q changes from layer to layer"),
    ]
    close(got, right, "the list of factors", rtol=1e-5, mistakes=hints)
