"""Checks of assignment 2, Xavier initialization."""

import math

import numpy as np
import torch

from grading.checking import Wrong, close, part, within


@part("bound", points=0.5, public=True)
def bound_measured(ask, params):
    """The factor of one layer agrees with a simulation."""
    n, a = params.randint(30, 60), params.uniform(0.05, 0.4)
    h = params.numpy().uniform(-a, a, (40_000, n)) @ np.ones(n)  # the input has mean square 1
    measured = (h**2).mean()
    within(
        ask.number("factor_of_bound(n, a, 1)", n=n, a=a),
        measured,
        measured * math.sqrt(2 / h.size),  # h is nearly normal
        "the factor of one layer, beside a simulation,",
        mistakes=[
            (3 * measured, "a is the bound, not the standard deviation"),
            (measured / 4, "is a the bound, or the width of the interval?"),
            (math.sqrt(measured), "mean squares, not their roots"),
        ],
    )


@part("bound", points=1)
def bound_many_layers(ask, params):
    """The factor of a whole network is right."""
    n, depth = params.randint(20, 200), params.randint(3, 12)
    a = params.uniform(0.7, 1.5) * math.sqrt(3 / n)
    one = n * a * a / 3
    close(
        ask.number("factor_of_bound(n, a, depth)", n=n, a=a, depth=depth),
        one**depth,
        "the factor",
        mistakes=[
            (one * depth, "factors of layers are multiplied, not added"),
            (one, "this is the factor of one layer"),
            (one ** (depth / 2), "the question is about the mean square, not its root"),
            ((3 * one) ** depth, "the variance of U(-a, a) is not a²"),
        ],
    )


@part("sparse", points=0.5, public=True)
def sparse_full(ask, params):
    """With p = 1 nothing is missing: the chapter's results, and one answer for equal widths."""
    n_in, n_out = params.randint(20, 60), params.randint(70, 120)
    got = ask.array("sparse_variances(n_in, n_out, 1.0)", (4,), n_in=n_in, n_out=n_out)
    swapped = "forward and backward are swapped"
    close(got[0], 1 / n_in, "variance 1 (signal), for p = 1,", mistakes=[(1 / n_out, swapped)])
    close(got[1], 1 / n_out, "variance 2 (gradient), for p = 1,", mistakes=[(1 / n_in, swapped)])
    average = "variance 3 (average of the factors), for p = 1,"
    half = [(1 / (n_in + n_out), "the average is half the sum")]
    half += [((1 / n_in + 1 / n_out) / 2, "average the two factors, not the two variances")]
    close(got[2], 2 / (n_in + n_out), average, mistakes=half)
    got = ask.array("sparse_variances(n, n, 1.0)", (4,), n=n_in)
    if not np.allclose(got, got[0], rtol=1e-6, atol=0):
        raise Wrong("with equal widths one variance keeps both: all four should be the same")


def _sparse(ask, params):
    n_in, n_out = params.randint(20, 400), params.randint(401, 900)
    if params.random() < 0.5:
        n_in, n_out = n_out, n_in
    p = params.uniform(0.05, 0.6)
    got = ask.array("sparse_variances(n_in, n_out, p)", (4,), n_in=n_in, n_out=n_out, p=p)
    return got, n_in, n_out, p


def _compare(got, full, p, name):
    hints = [
        (full, "p has no effect"),
        (full * p, "with fewer weights, must each be larger or smaller?"),
        (full / p**2, "is the square of M again M?"),
        (full / math.sqrt(p), "p belongs to the variance, not to the standard deviation"),
    ]
    close(got, full / p, f"the variance for {name}", mistakes=hints)


@part("sparse", points=1)
def sparse_conditions(ask, params):
    """The forward and the backward condition hold for any p."""
    got, n_in, n_out, p = _sparse(ask, params)
    _compare(got[0], 1 / n_in, p, "the signal")
    _compare(got[1], 1 / n_out, p, "the gradient")


@part("sparse", points=1)
def sparse_compromises(ask, params):
    """Both compromises hold for any p."""
    got, n_in, n_out, p = _sparse(ask, params)
    _compare(got[2], 2 / (n_in + n_out), p, "the average of the factors")
    _compare(got[3], (n_in * n_out) ** -0.5, p, "the product of the factors")


@part("fans", points=0.5, public=True)
def fans_linear(ask, params):
    """A linear layer: n_in and n_out are found in its weight."""
    n_in, n_out = params.randint(20, 60), params.randint(70, 120)
    got = ask.array("fans(weight_shape)", (2,), weight_shape=(n_out, n_in))
    if list(got) == [n_out, n_in]:
        raise Wrong("n_in and n_out are swapped: which index of a weight belongs to the input?")
    close(got, [n_in, n_out], "(n_in, n_out) of a linear layer")


def _count(channels_in, channels_out, kernel, groups):
    """Return the shape of a weight, and both fans, counted in a convolution of ones."""
    shape = (channels_out, channels_in // groups, *kernel)
    image = torch.ones(1, channels_in, *(2 * k + 1 for k in kernel), requires_grad=True)
    convolve = [torch.conv1d, torch.conv2d, torch.conv3d][len(kernel) - 1]
    out = convolve(image, torch.ones(shape), groups=groups)
    out.sum().backward()
    return shape, [round(out.max().item()), round(image.grad.max().item())]


@part("fans", points=0.5, public=True)
def fans_convolution(ask, params):
    """A convolution of ones: one output sums to n_in, one input is used n_out times."""
    shape, count = _count(params.randint(3, 6), params.randint(7, 12), (3, 3), 1)
    got = ask.array("fans(weight_shape, 1)", (2,), weight_shape=shape)
    if list(got) == count[::-1]:
        raise Wrong("n_in and n_out of a convolution are swapped")
    hint = "has the kernel one position, or an area?"
    close(got[0], count[0], "n_in of a convolution", mistakes=[(shape[1], hint)])
    close(got[1], count[1], "n_out of a convolution", mistakes=[(shape[0], hint)])


def _compare_fans(ask, channels_in, channels_out, kernel, groups):
    shape, count = _count(channels_in, channels_out, kernel, groups)
    got = ask.array("fans(weight_shape, groups)", (2,), weight_shape=shape, groups=groups)
    size, part_out = math.prod(kernel), shape[0] // groups
    hints_in = [
        (shape[1] * kernel[0], "count all positions of the kernel, in all its dimensions"),
        (shape[1] * sum(kernel), "positions of the kernel multiply"),
        (count[0] / groups, "does the shape hold all channels, or those of one group?"),
        (count[0] * groups, "over which channels does one output sum?"),
        (count[1], "n_in and n_out are swapped"),
    ]
    hints_out = [
        (shape[0] * size, "with groups, which outputs does one input reach?"),
        (part_out * kernel[0], "count all positions of the kernel, in all its dimensions"),
        (part_out * sum(kernel), "positions of the kernel multiply"),
    ]
    close(got[0], count[0], f"n_in of a convolution with groups = {groups}", mistakes=hints_in)
    close(got[1], count[1], f"n_out of a convolution with groups = {groups}", mistakes=hints_out)


@part("fans", points=0.75)
def fans_groups(ask, params):
    """Convolutions with groups are counted right."""
    groups = params.randint(2, 5)
    channels_in, channels_out = groups * params.randint(2, 4), groups * params.randint(5, 8)
    _compare_fans(ask, channels_in, channels_out, (3, 3), groups)
    _compare_fans(ask, channels_in, channels_in, (5, 5), channels_in)  # depthwise


@part("fans", points=0.75)
def fans_kernels(ask, params):
    """Kernels of any shape, with one to three dimensions, are counted right."""
    for dimensions in (1, 2, 3):
        kernel = tuple(params.sample(range(2, 6), dimensions))
        _compare_fans(ask, params.randint(2, 4), params.randint(5, 7), kernel, 1)


@part("library", points=0.5, public=True)
def library_one_group(ask, params):
    """With one group the library's count is right, and so is Xavier's factor."""
    c_in, c_out = params.randint(4, 20), params.randint(30, 60)
    got = ask.number("library_factor(c_in, c_out, 1)", c_in=c_in, c_out=c_out)
    close(
        got,
        2 * c_in / (c_in + c_out),
        "the factor of a convolution with one group",
        mistakes=[
            (2 * c_out / (c_in + c_out), "is this the backward factor?"),
            (1.0, "the channels in and out differ"),
            (math.sqrt(2 * c_in / (c_in + c_out)), "this is the factor on the root mean square"),
        ],
    )


@part("library", points=1)
def library_groups(ask, params):
    """With groups the factor is right too."""
    g = params.randint(2, 8)
    c_in, c_out = g * params.randint(2, 9), g * params.randint(10, 19)
    n_in = c_in / g
    close(
        ask.number("library_factor(c_in, c_out, g)", c_in=c_in, c_out=c_out, g=g),
        2 * n_in / (n_in + c_out),
        "the factor",
        mistakes=[
            (2 * c_in / (c_in + c_out), "g has no effect"),
            (2 * c_in / (n_in + c_out), "over how many inputs does one output sum?"),
            (2 * c_out / g / (n_in + c_out), "is this the backward factor?"),
            (2 * n_in / (n_in + c_out / g), "this uses the true fan-out, not the library's"),
            ((n_in + c_out / g) / (n_in + c_out), "this compares two variances: is it a factor?"),
            (2 / (1 + g), "the channels in and out differ"),
        ],
    )


@part("xavier", points=0.5, public=True)
def xavier_shape_and_seed(ask, params):
    """The weight has the shape asked for; the seed, and nothing else, decides on its numbers."""
    shape, seed = (params.randint(10, 20), params.randint(21, 30)), params.randint(0, 10**6)
    for name in ("uniform", "normal"):
        words = f"xavier(weight_shape, 1, '{name}', seed)"
        first = ask.array(words, shape, weight_shape=shape, seed=seed)
        if not np.array_equal(first, ask.array(words, shape, weight_shape=shape, seed=seed)):
            raise Wrong(f"`{words}` returns other weights at its second call: use the seed")
        if np.array_equal(first, ask.array(words, shape, weight_shape=shape, seed=seed + 1)):
            raise Wrong(f"`{words}` returns the same weights for another seed")


@part("xavier", points=1, public=True)
def xavier_uniform(ask, params):
    """A uniform weight of a linear layer has mean 0 and Xavier's variance."""
    n_out, n_in = params.randint(150, 200), params.randint(300, 500)
    values = {"weight_shape": (n_out, n_in), "seed": params.randint(0, 10**6)}
    w = ask.array("xavier(weight_shape, 1, 'uniform', seed)", (n_out, n_in), **values)
    v = 2 / (n_in + n_out)
    within(w.mean(), 0, math.sqrt(v / w.size), "the mean of the weights")
    hints = [
        (v / 3, "is your bound the standard deviation?"),
        (v / 2, "is a factor 2 missing?"),
        (v / 4, "torch.rand is U(0, 1): how wide is your interval?"),
        (1 / n_in, "did you use n_in alone?"),
        (1 / n_out, "did you use n_out alone?"),
    ]
    # The mean of N squares of U(-a, a) has a relative deviation of sqrt((9/5 - 1) / N).
    within((w**2).mean(), v, v * math.sqrt(0.8 / w.size), "the variance", mistakes=hints)


def _moments(ask, shape, groups, distribution, seed):
    """Check the mean and the variance of a weight; return it and the variance asked for."""
    words = f"xavier(weight_shape, groups, '{distribution}', seed)"
    w = ask.array(words, shape, weight_shape=shape, groups=groups, seed=seed).ravel()
    size = math.prod(shape[2:])
    n_in, n_out = shape[1] * size, shape[0] // groups * size
    v = 2 / (n_in + n_out)
    within(w.mean(), 0, math.sqrt(v / w.size), f"the mean of the weights ({distribution})")
    # The mean of N squares with variance v and kurtosis k has deviation v * sqrt((k - 1) / N).
    kurtosis = 1.8 if distribution == "uniform" else 3
    within(
        (w**2).mean(),
        v,
        v * math.sqrt((kurtosis - 1) / w.size),
        f"the variance of the weights ({distribution})",
        mistakes=[
            (v / 3, "is your bound the standard deviation?"),
            (3 * v, "is your standard deviation the bound?"),
            (v / 2, "count the factor 2 again"),
            (v * v, "is this the variance where the standard deviation belongs?"),
            (1 / n_in, "did you use n_in alone?"),
            (1 / n_out, "did you use n_out alone?"),
            (v / 12, "torch.rand is U(0, 1): how wide is your interval?"),
            (v / 4, "torch.rand is U(0, 1): how wide is your interval?"),
            (2 / (n_in + n_out * groups), "is your n_out that of one group?"),
        ],
    )
    return w, v


def _mean_size(w, v, distribution):
    """Tell the two distributions apart by the mean of abs(w), given that the variance is right."""
    sizes = {"uniform": (math.sqrt(3) / 2, 0.5), "normal": (math.sqrt(2 / math.pi), 0.603)}
    other = "normal" if distribution == "uniform" else "uniform"
    mean, deviation = sizes[distribution]
    within(
        np.abs(w).mean() / math.sqrt(v),
        mean,
        deviation / math.sqrt(w.size),
        f"the variance is right, but the mean size of a {distribution} weight",
        mistakes=[(sizes[other][0], f"these weights look {other}")],
    )


@part("xavier", points=0.5)
def xavier_shape_of_uniform(ask, params):
    """The uniform weights spread evenly, up to the bound and no further."""
    shape = (params.randint(150, 200), params.randint(300, 500))
    w, v = _moments(ask, shape, 1, "uniform", params.randint(0, 10**6))
    if np.abs(w).max() > math.sqrt(3 * v) * (1 + 1e-5):
        raise Wrong("some uniform weights are beyond the bound")
    _mean_size(w, v, "uniform")


@part("xavier", points=1)
def xavier_normal(ask, params):
    """A normal weight has mean 0, Xavier's variance and the right distribution."""
    shape = (params.randint(300, 500), params.randint(150, 200))
    w, v = _moments(ask, shape, 1, "normal", params.randint(0, 10**6))
    _mean_size(w, v, "normal")


@part("xavier", points=0.5)
def xavier_convolution(ask, params):
    """Convolutions with groups get the variance of their own fans."""
    groups = params.choice([2, 4, 8])
    shape = (groups * params.randint(16, 20), params.randint(50, 60), 3, 3)
    _moments(ask, shape, groups, "uniform", params.randint(0, 10**6))
    _moments(ask, shape, groups, "normal", params.randint(0, 10**6))


@part("tanh", points=0.5, public=True)
def tanh_halving(ask, params):
    """The decay is a power law: the second halving takes twice as many layers."""
    q = 1 / params.randint(50, 100)
    first = ask.number("layers_until(q, end)", q=q, end=0.51 * q)
    second = ask.number("layers_until(q, end)", q=0.51 * q, end=0.51**2 * q)
    if first != round(first) or second != round(second):
        raise Wrong("a number of layers is a whole number: round up")
    if min(first, second) <= 0:
        raise Wrong("the number of layers should be positive: which of q, q_end is smaller?")
    if abs(second - first) <= 1:
        raise Wrong("both halvings take as many layers: that is an exponential, not a power law")
    if abs(second - first / 0.51) > 3:
        raise Wrong("the second halving does not take twice as many layers as the first")


@part("tanh", points=1)
def tanh_layers(ask, params):
    """The number of layers is right."""
    q, layers = params.uniform(0.01, 0.05), params.randint(40, 400)
    end = 1 / (1 / q + 2 * (layers - params.uniform(0.2, 0.8)))
    close(
        ask.number("layers_until(q, end)", q=q, end=end),
        layers,
        "the number of layers",
        rtol=1e-9,
        mistakes=[
            (layers - 1, "after this many the variance is still above q_end"),
            (layers + 1, "one layer fewer is enough"),
            (2 * layers, "by how much does 1/q grow per layer?"),
            (2 * layers - 1, "by how much does 1/q grow per layer?"),
            (math.ceil(0.5 / end), "the first of these layers has variance q, not 1"),
        ],
    )


@part("drift", points=1, public=True)
def drift_measured(ask, params):
    """Three layers do what the prediction says, measured in many small networks."""
    widths = params.sample(range(3, 13), 4)
    variances = np.array([params.uniform(0.5, 2) / n for n in widths[:-1]])
    draw, networks = params.numpy(), 40_000
    shapes = zip(widths[1:], widths[:-1], variances, strict=True)
    weights = [draw.normal(0, v**0.5, (networks, n, m)) for n, m, v in shapes]
    x, g = np.ones((widths[0], 1)), np.ones((widths[3], 1))
    forward, backward = [], [1.0]
    for w in weights:
        x = w @ x
        forward.append((x**2).mean())
    for w in weights[:0:-1]:
        g = w.transpose(0, 2, 1) @ g
        backward.insert(0, (g**2).mean())
    values = {"widths": widths, "variances": variances}
    for k, measured, name in ((0, forward, "F"), (1, backward, "B")):
        got = ask.array(f"drift(widths, variances)[{k}]", (3,), **values)
        for layer, (mine, theirs) in enumerate(zip(got, measured, strict=True), start=1):
            # One network's mean square has a relative variance below (1 + 2/3)**3 - 1 < 4.
            if abs(mine / theirs - 1) > 6 * 2 / math.sqrt(networks):
                hint = "" if name == "F" else ": which weights lie between the loss and this layer?"
                end = name == "B" and layer == 3
                hint = ": there it is compared with itself" if end else hint
                raise Wrong(f"{name} of layer {layer} is not what many networks measure{hint}")


def _drift(params):
    length = params.randint(5, 9)
    widths = np.array([params.randint(10, 300) for _ in range(length + 1)])
    variances = np.array([params.uniform(0.5, 2) / n for n in widths[:-1]])
    return widths, variances


@part("drift", points=1)
def drift_forward(ask, params):
    """The signal is predicted in every layer."""
    n, v = _drift(params)
    got = ask.array("drift(widths, variances)[0]", v.shape, widths=n, variances=v)
    right = np.cumprod(n[:-1] * v)
    ones = np.ones(v.shape)
    mistakes = [(np.cumprod(n[1:] * v) / right, "does a sum over inputs have n_l terms?")]
    mistakes += [(n[:-1] * v / right, "this is the factor of each layer, not their product")]
    mistakes += [(np.sqrt(1 / right), "mean squares, not their roots")]
    close(got / right, ones, "F", mistakes=mistakes)


@part("drift", points=1)
def drift_backward(ask, params):
    """The gradient is predicted in every layer."""
    n, v = _drift(params)
    got = ask.array("drift(widths, variances)[1]", v.shape, widths=n, variances=v)
    factors = n[1:] * v
    right = np.append(np.cumprod(factors[:0:-1])[::-1], 1)
    ones = np.ones(v.shape)
    fan_in = np.append(np.cumprod((n[:-1] * v)[:0:-1])[::-1], 1)
    mistakes = [
        (np.cumprod(factors[::-1])[::-1] / right, "B of layer l does not meet the weights of l"),
        (right[::-1] / right, "it is in the reverse order"),
        (fan_in / right, "over how many terms does the gradient sum?"),
    ]
    close(got / right, ones, "B", mistakes=mistakes)
