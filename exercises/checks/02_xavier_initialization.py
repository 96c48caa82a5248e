"""Checks of assignment 2, Xavier initialization."""

import math

import numpy as np
import torch

from grading.checking import Wrong, close, part, within


@part("bound", points=0.5, public=True)
def bound_measured(ask, params):
    """The factor agrees with a simulation, for one layer and for three."""
    n, networks, depth = params.randint(20, 30), 4000, 3
    a, draw = math.sqrt(params.uniform(1.5, 2.2) / n), params.numpy()
    x, measured = np.ones((networks, n, 1)), []
    for _ in range(depth):
        x = draw.uniform(-a, a, (networks, n, n)) @ x
        measured.append((x**2).mean())
    one = measured[0]
    # Normal weights would give one network's mean square, after d layers, a relative variance of
    # (1 + 2/n)**d - 1; that of uniform weights, which have no tails, is smaller.
    deviation = [math.sqrt(((1 + 2 / n) ** d - 1) / networks) for d in (1, depth)]
    first = ask.number("factor_of_bound(n, a, 1)", n=n, a=a)
    within(
        first,
        one,
        one * deviation[0],
        "the factor of one layer",
        mistakes=[
            (3 * one, "a is the bound, not the standard deviation"),
            (one / 4, "the interval from -a to a is 2a wide, not a"),
            (4 * one, "the interval from -a to a is 2a wide: is its half counted twice?"),
            (one / n, "this is the variance of a weight: how many of them meet in one unit?"),
            (math.sqrt(one), "the question is about the mean square, not its root"),
            (math.sqrt(n * one), "is this the standard deviation where the variance belongs?"),
            (1 / 3, "this holds for a = 1/√n only; your answer must use n and a"),
            (1, "a network of one layer has one factor, not none"),
        ],
    )
    within(
        ask.number("factor_of_bound(n, a, depth)", n=n, a=a, depth=depth),
        measured[-1],
        measured[-1] * deviation[1],
        "the factor of three layers",
        mistakes=[
            (first, "this is the factor of one layer"),
            (first * depth, "each layer multiplies what the one before it left"),
            (3.0**-depth, "this holds for a = 1/√n only; your answer must use n and a"),
        ],
    )


@part("bound", points=1)
def bound_many_layers(ask, params):
    """The factor is right for other widths, bounds and depths."""
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
            ((one / 4) ** depth, "the interval from -a to a is 2a wide, not a"),
        ],
    )


@part("sparse", points=0.5, public=True)
def sparse_measured(ask, params):
    """Each of the four variances does in a simulated sparse layer what it is for."""
    n_in, n_out = params.randint(15, 20), params.randint(100, 120)
    p, draw, layers = params.uniform(0.2, 0.5), params.numpy(), 1000
    kept = draw.random((layers, n_out, n_in)) < p
    w = np.where(kept, draw.normal(size=kept.shape), 0)  # v = 1
    f, b = (w.sum(2) ** 2).mean(), (w.sum(1) ** 2).mean()
    # A sum over n weights of kurtosis 3/p has the kurtosis 3 + (3/p - 3)/n.
    chance = [(2 + (3 / p - 3) / n) / m for n, m in ((n_in, n_out), (n_out, n_in))]
    chance = [6 * math.sqrt(one / layers) for one in chance]
    got = ask.array("sparse_variances(n_in, n_out, p)", (4,), n_in=n_in, n_out=n_out, p=p)
    swapped, exchanged = "are 1 and 2 exchanged?", "are 3 and 4 exchanged?"
    product = math.sqrt(f * b)
    cases = [
        ("forward factor", f, chance[0], [(f / b, swapped)]),
        ("backward factor", b, chance[1], [(b / f, swapped)]),
        (
            "average of the two factors",
            (f + b) / 2,
            max(chance),
            [
                ((f + b) / 2 / product, exchanged),
                (1 / 2, "the average is half the sum"),
                ((f + b) ** 2 / (4 * f * b), "average the two factors, not the two variances"),
            ],
        ),
        (
            "root of the product of the two factors",
            product,
            sum(chance) / 2,
            [
                (product / ((f + b) / 2), exchanged),
                (1 / product, "the product of both factors contains v twice, and p as well"),
                (p / product, "the product of both factors contains v twice, and p as well"),
                (1 / (p * product), "the product of both factors contains v twice, and p as well"),
            ],
        ),
    ]
    for v, (name, factor, most, hints) in zip(got, cases, strict=True):
        if abs(v * factor - 1) <= most:
            continue
        which = ("1st", "2nd", "3rd", "4th")[[case[0] for case in cases].index(name)]
        hints += [
            (p, "does it know that weights are missing?"),
            (p * p, "with fewer weights, must each be larger or smaller?"),
            (1 / p, "is the square of M again M?"),
            (math.sqrt(p), "is p under a root where it should not be?"),
            (math.sqrt(factor), "is this a standard deviation? A variance is asked for"),
        ]
        r, words = min(hints, key=lambda one: abs(v * factor / one[0] - 1))
        hint = f": {words}" if abs(v * factor / r - 1) <= most else ""
        much = f"{v * factor:.2f}" if 0.01 <= v * factor < 1000 else f"{v * factor:.2g}"
        raise Wrong(
            f"with your {which} variance the {name} is measured as {much}, not near 1{hint}"
        )
    got = ask.array("sparse_variances(n, n, p)", (4,), n=n_in, p=p)
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
    """Variances 1 and 2 are right for other numbers."""
    got, n_in, n_out, p = _sparse(ask, params)
    _compare(got[0], 1 / n_in, p, "the signal")
    _compare(got[1], 1 / n_out, p, "the gradient")


@part("sparse", points=1)
def sparse_compromises(ask, params):
    """Variances 3 and 4 are right for other numbers."""
    got, n_in, n_out, p = _sparse(ask, params)
    _compare(got[2], 2 / (n_in + n_out), p, "the average of the factors")
    _compare(got[3], (n_in * n_out) ** -0.5, p, "the product of the factors")


@part("fans", points=0.5, public=True)
def fans_linear(ask, params):
    """For a linear layer, both numbers are right, and integers."""
    n_in, n_out = params.randint(20, 60), params.randint(70, 120)
    for words in ("fans(weight_shape)", f"fans(({n_out}, {n_in}), 1)"):  # a list, a tuple
        got = ask.array(words, (2,), weight_shape=[n_out, n_in])
        if list(got) == [n_out, n_in]:
            raise Wrong("n_in and n_out are swapped: which index of a weight belongs to the input?")
        close(got, [n_in, n_out], "(n_in, n_out) of a linear layer")
    found = ask("fans(weight_shape)", weight_shape=[n_out, n_in])
    numbers = found.tolist() if type(found) is np.ndarray else found
    if type(numbers) is not list or not all(type(number) is int for number in numbers):
        raise Wrong(
            "the numbers are right, but not integers: `/` gives a float, and the product of "
            "nothing is the float 1.0 in numpy and in torch"
        )


def _count(channels_in, channels_out, kernel, groups):
    """Return the shape of a weight, and both fans, counted in a convolution of ones."""
    shape = (channels_out, channels_in // groups, *kernel)
    image = torch.ones(1, channels_in, *(2 * k + 1 for k in kernel), requires_grad=True)
    convolve = [torch.conv1d, torch.conv2d, torch.conv3d][len(kernel) - 1]
    out = convolve(image, torch.ones(shape), groups=groups)
    out.sum().backward()
    return shape, [round(out.max().item()), round(image.grad.max().item())]


def _compare_fans(ask, channels_in, channels_out, kernel, groups):
    """Compare with a count: an output of ones sums to n_in, an input is used n_out times."""
    shape, count = _count(channels_in, channels_out, kernel, groups)
    got = ask.array("fans(weight_shape, groups)", (2,), weight_shape=list(shape), groups=groups)
    where = f" for the shape {list(shape)}" + (f" with groups = {groups}" if groups > 1 else "")
    if list(got) == count[::-1] and count[0] != count[1]:
        raise Wrong(f"n_in and n_out are swapped{where}")
    hints_in, hints_out = [], []
    if groups > 1:
        hints_in += [
            (count[0] // groups, "does the shape hold all channels in, or those of one group?"),
            (count[0] * groups, "over which channels does one output sum?"),
        ]
        hints_out += [
            (count[1] * groups, "an input feeds the outputs of its own group only"),
            (count[1] // groups, "are the groups divided out twice?"),
        ]
    positions = {
        kernel[0] ** len(kernel): "the sides of the kernel differ",
        kernel[-1] ** len(kernel): "the sides of the kernel differ",
        kernel[0]: "the kernel has more than one side",
        kernel[-1] ** 2: "not every kernel has two dimensions",
        sum(kernel): "how many positions has a kernel with these sides?",
        1: "each position of the kernel counts",
    }
    for number, hint in positions.items():  # the right number is among them, but is not wrong
        hints_in.append((shape[1] * number, hint))
        hints_out.append((shape[1] * number * count[1] / count[0], hint))
    close(got[0], count[0], f"n_in{where}", mistakes=hints_in)
    close(got[1], count[1], f"n_out{where}", mistakes=hints_out)


@part("fans", points=0.5, public=True)
def fans_convolution(ask, params):
    """For convolutions of one, two and three dimensions both numbers agree with a count."""
    _compare_fans(ask, params.randint(3, 6), params.randint(7, 12), (3, 3), 1)
    _compare_fans(ask, params.randint(3, 6), params.randint(7, 12), (5,), 1)
    _compare_fans(ask, params.randint(2, 3), params.randint(4, 5), (2, 5, 3), 1)
    groups = params.randint(2, 3)
    channels = groups * groups
    _compare_fans(
        ask, channels * params.randint(1, 2), channels * params.randint(3, 4), (5,), groups
    )


@part("fans", points=0.75)
def fans_groups(ask, params):
    """Other convolutions with groups are counted right."""
    groups = params.randint(2, 5)
    channels_in, channels_out = groups * params.randint(2, 4), groups * params.randint(5, 8)
    _compare_fans(ask, channels_in, channels_out, (3, 3), groups)
    _compare_fans(ask, channels_in, channels_in, (5, 5), channels_in)  # depthwise


@part("fans", points=0.75)
def fans_kernels(ask, params):
    """Other kernels, of one to three dimensions, are counted right."""
    for dimensions in (1, 2, 3):
        kernel = tuple(params.sample(range(2, 6), dimensions))
        _compare_fans(ask, params.randint(2, 4), params.randint(5, 7), kernel, 1)


def _library_hints(c_in, c_out, g):
    """Return what other counts give, and what to say then."""
    of_group = c_in // g
    right = 2 * of_group / (of_group + c_out)
    exchanged = "are c_in and c_out exchanged?"
    count = of_group + c_out  # what the library adds up, per position of the kernel
    return [
        (2 / (1 + g), "this holds for as many channels in as out, but here they differ"),
        (2 * c_in / (c_in + c_out), "this is the factor with the true counts, or without groups"),
        (2 * c_in / count, "over how many inputs does one output sum?"),
        (2 * of_group / (c_in + c_out / g), "which of its two counts does the library get wrong?"),
        (2 / count, "this is a variance, for a kernel of one position: is it a factor?"),
        (2 * c_out / g / count, "is this the backward factor?"),
        (2 * c_out / count, "is this the backward factor?"),
        (2 * of_group / (of_group + c_out * g), "the library knows nothing of the groups"),
        (2 * of_group / (c_in + c_out), "the library finds the right fan-in"),
        (2 * c_out / (c_out + g * c_in), exchanged),
        (2 * c_out / (c_in + c_out), f"{exchanged} And where are the groups?"),
        (1 / right, "this is the factor upside down"),
        (1 / g, "the groups make one count wrong, but the variance has both counts in it"),
        (g, "the groups make one count wrong, but the variance has both counts in it"),
        (
            count / (of_group + c_out / g),
            "this compares two variances, and upside down: is it a factor of the signal?",
        ),
        (right / 2, "is a factor 2 missing?"),
        (
            (of_group + c_out / g) / count,
            "this compares two variances: is it a factor of the signal?",
        ),
        (1.0, "this holds for as many channels in as out, and one group"),
        (math.sqrt(right), "the question is about the mean square, not its root"),
    ]


@part("library", points=0.5, public=True)
def library_measured(ask, params):
    """The factor agrees with many layers that `torch.nn.init.xavier_normal_` initialized."""
    g, layers = params.randint(2, 4), 400
    c_in, c_out, size = g * params.randint(4, 6), g * params.randint(12, 18), params.choice([1, 3])
    weight, out = torch.empty(c_out, c_in // g, size), []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(params.getrandbits(32))
        for _ in range(layers):
            torch.nn.init.xavier_normal_(weight)
            out.append(torch.conv1d(torch.ones(1, c_in, size), weight, groups=g))
    measured = torch.stack(out).square().mean().item()
    words = "library_factor(c_in, c_out, g)"
    got, again = (ask.number(words, c_in=c_in, c_out=c_out, g=g) for _ in range(2))
    if got != again:
        raise Wrong("two calls give two numbers: calculate the factor, do not measure it")
    if abs(got / measured - 1) > 6 * math.sqrt(2 / (layers * c_out)):  # each output is normal
        hints = _library_hints(c_in, c_out, g)
        close(got, measured, f"the factor with {g} groups", rtol=1e-6, mistakes=hints)


@part("library", points=1)
def library_groups(ask, params):
    """The factor is right for other channels and groups, and for one group."""
    for g in (1, params.randint(2, 8)):
        c_in, c_out = g * params.randint(2, 9), g * params.randint(10, 19)
        n_in = c_in / g
        right = 2 * n_in / (n_in + c_out)
        close(
            ask.number("library_factor(c_in, c_out, g)", c_in=c_in, c_out=c_out, g=g),
            right,
            "the factor" if g > 1 else "the factor with one group",
            mistakes=_library_hints(c_in, c_out, g),
        )


# Calls `words` and returns what it used: a generator from which it drew, then torch.nn.init. A
# profile function sees each call, under whatever name the generator was imported.
USED = """(lambda sys, torch, seen, initial: [
    sys.setprofile(lambda frame, event, called: (
        seen.append(called.__self__)
        if event == "c_call" and type(getattr(called, "__self__", None)) is torch.Generator
        else initial.append(event)
        if event == "call" and frame.f_globals.get("__name__") == "torch.nn.init" else None
    )),
    {words},
    sys.setprofile(None),
    any(
        g is not torch.default_generator
        and not torch.equal(
            g.get_state(), torch.Generator().manual_seed(g.initial_seed()).get_state()
        )
        for g in seen
    ),
    bool(initial),
][3:])(__import__("sys"), __import__("torch"), [], [])"""


@part("xavier", points=0.5, public=True)
def xavier_shape_and_seed(ask, params):
    """The result is a torch tensor of the shape asked for; `seed` alone decides on its numbers."""
    shape, seed = (params.randint(10, 20), params.randint(21, 30)), params.randint(0, 10**6)
    for name in ("uniform", "normal"):
        words = f"xavier(weight_shape, 1, '{name}', seed)"
        first = ask.array(words, shape, weight_shape=list(shape), seed=seed)
        if not np.array_equal(first, ask.array(words, shape, weight_shape=list(shape), seed=seed)):
            raise Wrong(f"`{words}` returns other weights at its second call: use the seed")
        before = ask("__import__('torch').get_rng_state()")
        if np.array_equal(first, ask.array(words, shape, weight_shape=list(shape), seed=seed + 1)):
            raise Wrong(f"`{words}` returns the same weights for another seed")
        if not np.array_equal(before, ask("__import__('torch').get_rng_state()")):
            raise Wrong(f"`{words}` changes the seed of all of torch: make a generator of your own")
        try:
            ask.number(f"{words}.numel()", weight_shape=list(shape), seed=seed)
        except Wrong:
            raise Wrong(f"`{words}` should be a torch tensor") from None
        question = USED.format(words=words)
        drawn, initialized = ask.array(question, (2,), weight_shape=list(shape), seed=seed)
        if initialized:
            raise Wrong(f"`{words}` calls torch.nn.init: draw the weights with torch.rand or randn")
        if not drawn:
            raise Wrong(
                f"`{words}` draws nothing from a torch.Generator of its own: all weights must come "
                "from one"
            )


def _xavier_hints(v, n_in, n_out, distribution, groups=1):
    """Return the variances of frequent mistakes, and what to say then."""
    hints = [
        (2 / (n_in + n_out * groups), "is your n_out that of one group?"),
        (1 / n_in, "did you use n_in alone?"),
        (1 / n_out, "did you use n_out alone?"),
        ((1 / n_in + 1 / n_out) / 2, "average the two factors, not the two variances"),
        (v * v, "is this the variance where the standard deviation belongs?"),
        (v / 2, "is a factor 2 missing?"),
    ]
    uniform = [
        (v / 3, "is your bound the standard deviation?"),
        (v / 4, "torch.rand is U(0, 1): how wide is your interval?"),
    ]
    return hints + (uniform if distribution == "uniform" else [])


def _moments(ask, shape, groups, distribution, seed):
    """Check the mean and the variance of a weight; return it and the variance asked for."""
    words = f"xavier(weight_shape, groups, '{distribution}', seed)"
    w = ask.array(words, shape, weight_shape=list(shape), groups=groups, seed=seed).ravel()
    size = math.prod(shape[2:])
    n_in, n_out = shape[1] * size, shape[0] // groups * size
    v = 2 / (n_in + n_out)
    within(w.mean(), 0, math.sqrt(v / w.size), f"the mean of the weights ({distribution})")
    which = f"{distribution}, " + ("linear" if len(shape) == 2 else f"groups = {groups}")
    # The mean of N squares with variance v and kurtosis k has deviation v * sqrt((k - 1) / N).
    kurtosis = 1.8 if distribution == "uniform" else 3
    within(
        (w**2).mean(),
        v,
        v * math.sqrt((kurtosis - 1) / w.size),
        f"the variance of the weights ({which})",
        mistakes=_xavier_hints(v, n_in, n_out, distribution, groups),
    )
    if distribution == "normal" and w.size > 14_000:  # one of 700 is that far out
        farthest = np.abs(w).max() / math.sqrt(v)
        if 1.8 < farthest < 3.2:
            raise Wrong(
                f"none of {w.size} normal weights is farther from 0 than {farthest:.2f} standard "
                "deviations: do not cut the normal distribution off"
            )
    if len(shape) == 2:
        _independent(w.reshape(shape), v, distribution)
    return w, v


def _independent(w, v, distribution):
    """Check that the sums of rows and columns vary as sums of independent weights do.

    Their mean square is v times a chi-square variable of 150 degrees of freedom or more, divided
    by their number: below 0.4 or above 2 in one honest answer of ten billion.
    """
    for axis, of in ((1, "one unit"), (0, "one input")):
        sums = w.sum(axis)
        ratio = (sums**2).mean() / (w.shape[axis] * v)
        if not 0.4 < ratio < 2:
            raise Wrong(
                f"the variance of single {distribution} weights is right, but the sum of all "
                f"weights of {of} has {ratio:.2g} times the variance that it should have: draw "
                "each weight by itself, without regard to the others"
            )


def _chance(ask, distribution, seed):
    """Check that the mean square of a small weight differs from draw to draw."""
    words, shape = f"xavier(weight_shape, 1, '{distribution}', seed)", (12, 15)
    draws = [ask.array(words, shape, weight_shape=list(shape), seed=seed + k) for k in range(3)]
    if np.array_equal(draws[0], draws[1]):
        raise Wrong(f"the {distribution} weights are the same for another seed: use the seed")
    for found in ([w.var() for w in draws], [(w**2).mean() for w in draws]):
        if np.ptp(found) < 1e-5 * found[0]:
            raise Wrong(
                f"the {distribution} weights of three seeds have exactly the same variance: do not "
                "divide by the standard deviation of the sample, the rule gives the factor"
            )


def _mean_size(w, v, distribution):
    """Tell the two distributions apart by the mean of abs(w), given that the variance is right."""
    sizes = {"uniform": (math.sqrt(3) / 2, 0.5), "normal": (math.sqrt(2 / math.pi), 0.603)}
    other = "normal" if distribution == "uniform" else "uniform"
    mean, deviation = sizes[distribution]
    within(
        np.abs(w).mean() / math.sqrt(v),
        mean,
        deviation / math.sqrt(w.size),
        f"the variance is right, but the mean absolute value of {distribution} weights",
        mistakes=[(sizes[other][0], f"these weights look {other}")],
    )


@part("xavier", points=0.5, public=True)
def xavier_uniform(ask, params):
    """Uniform weights, linear and with groups, have mean 0, Xavier's variance and their shape."""
    _public(ask, params, "uniform")


@part("xavier", points=0.5, public=True)
def xavier_normal_of_groups(ask, params):
    """Normal weights, linear and with groups, have mean 0, Xavier's variance and their shape."""
    _public(ask, params, "normal")


def _public(ask, params, distribution):
    seed, groups = params.randint(0, 10**6), params.choice([2, 4])
    linear = (params.randint(150, 200), params.randint(300, 500))
    channels = groups * params.randint(20, 25), groups * params.randint(40, 50)
    for shape, count in ((linear, 1), (_count(*channels, (3, 3), groups)[0], groups)):
        w, v = _moments(ask, shape, count, distribution, seed)
        _mean_size(w, v, distribution)
    _chance(ask, distribution, seed)


@part("xavier", points=0.5)
def xavier_shape_of_uniform(ask, params):
    """The uniform weights spread evenly, up to the bound and no further."""
    shape = (params.randint(150, 200), params.randint(300, 500))
    w, v = _moments(ask, shape, 1, "uniform", params.randint(0, 10**6))
    if np.abs(w).max() > math.sqrt(3 * v) * (1 + 1e-5):
        raise Wrong("some uniform weights are beyond the bound")
    _mean_size(w, v, "uniform")
    _chance(ask, "uniform", params.randint(0, 10**6))


@part("xavier", points=1)
def xavier_normal(ask, params):
    """A normal weight has mean 0, Xavier's variance and the right distribution."""
    shape = (params.randint(300, 500), params.randint(150, 200))
    w, v = _moments(ask, shape, 1, "normal", params.randint(0, 10**6))
    _mean_size(w, v, "normal")
    _chance(ask, "normal", params.randint(0, 10**6))


@part("xavier", points=0.5)
def xavier_convolution(ask, params):
    """Convolutions with groups get the variance of their own fans."""
    groups = params.choice([2, 4, 8])
    shape = (groups * params.randint(16, 20), params.randint(50, 60), 3, 3)
    _moments(ask, shape, groups, "uniform", params.randint(0, 10**6))
    _moments(ask, shape, groups, "normal", params.randint(0, 10**6))


def _repeated(q, end):
    """Return the number of layers by the step q - 2q², another form of the rule."""
    layers = 0
    while q > end:
        q, layers = q - 2 * q**2, layers + 1
    return layers


@part("tanh", points=0.5, public=True)
def tanh_measured(ask, params):
    """The number is whole, near that of a tanh network, and follows the rule for 1/q."""
    q = 1 / params.randint(100, 200)
    end = q / params.uniform(2.5, 3.5)
    got = ask.number("layers_until(q, end)", q=q, end=end)
    if got != round(got):
        raise Wrong("a number of layers is a whole number: round up")
    x, weights = np.polynomial.hermite_e.hermegauss(60)
    now, layers = q, 0
    while now > end:  # layers of infinite width
        now = (weights @ np.tanh(math.sqrt(now) * x) ** 2) / weights.sum()
        layers += 1
    if abs(got - layers) > 4:  # the rule's next term counts for less than two layers
        others = [
            (layers / (1 - end / q), "does it matter where the signal starts?"),
            (2 * layers, "by how much does 1/q grow per layer?"),
            (layers / 2, "by how much does 1/q grow per layer?"),
            (4 * layers, "by how much does 1/q grow per layer?"),
            (-layers, "which of q and q_end is smaller?"),
        ]
        hint = next((": " + words for n, words in others if abs(got - n) <= 8), "")
        first = ask.number("layers_until(q, end)", q=q, end=q / 2)
        second = ask.number("layers_until(q, end)", q=q / 2, end=q / 4)
        if abs(first - second) <= 1:
            hint = ": yours halves q as fast when q is small as when it is large: does tanh?"
        raise Wrong(f"a wide tanh network takes another number of layers, not {got:g}{hint}")
    one = ask.number("layers_until(q, end)", q=q, end=0.9999 * q)
    if one != 1:
        raise Wrong(
            f"from q to 0.9999 q one layer is enough, and 0 layers are not: your answer is "
            f"{one:g}; which way do you round?"
        )
    # With these digits each half, rounded up, down or to the nearest, gives two answers.
    rise = 2 * params.randint(50, 60) + 0.3
    starts = [6 + params.uniform(0.15, 0.2), 81 + params.uniform(0.75, 0.85)]
    first, second = (
        ask.number("layers_until(q, end)", q=1 / start, end=1 / (start + rise)) for start in starts
    )
    if first != second:
        repeated = [_repeated(1 / start, 1 / (start + rise)) for start in starts]
        hint = "do you round more than once? Round at the end only"
        if [first, second] == repeated:
            hint = "did you repeat q - 2q² in place of the rule for 1/q?"
        raise Wrong(
            f"1/q rises by {rise:g} from two starts, but you need {first:g} layers from the one "
            f"and {second:g} from the other: {hint}"
        )
    # 1/q rises from 16 to 64. Powers of two: no usual way to calculate the number rounds.
    whole = ask.number("layers_until(q, end)", q=1 / 16, end=1 / 64)
    if whole != 24:
        hint = ": with one layer fewer it is q_end, and it may be" if whole == 25 else ""
        raise Wrong(f"the variance does not take {whole:g} layers from 1/16 to 1/64{hint}")


@part("tanh", points=1)
def tanh_layers(ask, params):
    """The number of layers is right for other variances."""
    for more in (0.2, 0.6):  # of the last layer, this much or a little more is not needed
        q, layers = params.uniform(0.01, 0.05), params.randint(40, 400)
        end = 1 / (1 / q + 2 * (layers - params.uniform(more, more + 0.2)))
        repeated = _repeated(q, end)
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
                (math.ceil(0.5 / end), "does it matter where the signal starts?"),
                (repeated, "did you repeat q - 2q² in place of the rule for 1/q?"),
            ],
        )


@part("drift", points=1, public=True)
def drift_measured(ask, params):
    """Three layers do what F and B say, measured in many small networks."""
    widths = [*params.sample([3, 5, 8], 3), 12]
    # Factors below 1, as 2 + 2 = 2 * 2; nearer to each other than two widths are.
    variances = [params.uniform(0.45, 0.6) / n for n in widths[:-1]]
    draw, networks = params.numpy(), 10_000
    shapes = zip(widths[1:], widths[:-1], variances, strict=True)
    weights = [draw.normal(0, v**0.5, (networks, n, m)) for n, m, v in shapes]
    x, g = np.ones((widths[0], 1)), np.ones((widths[3], 1))
    f, b = [1.0], [1.0]  # from the input, and back to it
    for w in weights:
        x = w @ x
        f.append((x**2).mean())
    for w in weights[::-1]:
        g = w.transpose(0, 2, 1) @ g
        b.insert(0, (g**2).mean())
    f, b, n = np.array(f), np.array(b), np.array(widths)
    layers, roots = (
        "these are the factors of single layers",
        "mean squares are asked for, not roots",
    )
    forward = [
        (f[:-1], "F of layer 1 belongs to the output of layer 1, not to its input"),
        (f[1:] / f[:-1], layers),
        (np.cumsum(f[1:] / f[:-1]), "factors of layers are multiplied, not added"),
        (np.sqrt(f[1:]), roots),
        (f[1:] * n[1:] / n[0], "does a sum over the inputs of layer l have n_l terms?"),
        (f[:0:-1], "F is in the reverse order: its first entry belongs to layer 1"),
        (b[1:], "this is B: are F and B exchanged?"),
        (b[:0:-1], "this is B, in the reverse order: are F and B exchanged?"),
    ]
    backward = [
        (b[:0:-1], "it is in the reverse order"),
        (np.append(1.0, b[1:3]), "the 1 stands at the wrong end: B of the last layer is 1"),
        (b[:-1], "which weights lie between the loss and this layer? Not its own"),
        (np.append(b[1:3] / b[2:], 1), layers),
        (np.sqrt(b[1:]), roots),
        (b[1:] * n[1:] / n[3], "over how many terms does the gradient sum?"),
        (f[1:], "this is F: are F and B exchanged?"),
        (f[:0:-1], "this is F, in the reverse order"),
    ]
    v = np.array(variances)
    for step in (n[2:] * v[:-1], n[1:-1] * v[:-1], n[:-2] * v[:-1]):  # all with v_l
        one = np.append(np.cumprod(step[::-1])[::-1], 1.0)
        backward.append((one, "the step back to layer l meets the weights of layer l + 1, not v_l"))
    forward_steps = np.append(np.cumprod((n[1:] * v)[1:]), 1.0)
    backward.append((forward_steps, "multiply from the last layer on, not from the first"))
    # One network's mean square has a relative variance below (1 + 2/3)**3 - 1 < 4.
    most = 6 * 2 / math.sqrt(networks)
    for k, right, mistakes in ((0, f[1:], forward), (1, b[1:], backward)):
        words, name = f"drift(widths, variances)[{k}]", "FB"[k]
        got = ask.array(words, (3,), widths=widths, variances=variances)
        wrong = np.abs(got / right - 1) > most
        if not wrong.any():
            continue
        hints = (
            ": " + words for one, words in mistakes if np.allclose(got, one, rtol=most, atol=0)
        )
        which = f"{name} of layer {wrong.argmax() + 1}"
        raise Wrong(f"{which} is not what many networks measure{next(hints, '')}")


def _drift(params):
    length = params.randint(5, 9)
    widths = np.array([params.randint(10, 300) for _ in range(length + 1)])
    variances = np.array([params.uniform(0.5, 2) / n for n in widths[:-1]])
    return widths, variances


@part("drift", points=1)
def drift_forward(ask, params):
    """F is right in every layer of other networks."""
    n, v = _drift(params)
    got = ask.array("drift(widths, variances)[0]", v.shape, widths=n, variances=v)
    right = np.cumprod(n[:-1] * v)
    ones = np.ones(v.shape)
    mistakes = [(np.cumprod(n[1:] * v) / right, "does a sum over inputs have n_l terms?")]
    mistakes += [(n[:-1] * v / right, "this is the factor of each layer, not their product")]
    mistakes += [(np.sqrt(1 / right), "mean squares, not their roots")]
    mistakes += [(right[::-1] / right, "it is in the reverse order")]
    close(got / right, ones, "F", mistakes=mistakes)


@part("drift", points=1)
def drift_backward(ask, params):
    """B is right in every layer of other networks."""
    n, v = _drift(params)
    got = ask.array("drift(widths, variances)[1]", v.shape, widths=n, variances=v)
    factors = n[1:] * v
    right = np.append(np.cumprod(factors[:0:-1])[::-1], 1)
    ones = np.ones(v.shape)
    fan_in = np.append(np.cumprod((n[:-1] * v)[:0:-1])[::-1], 1)
    own = np.append(np.cumprod((n[2:] * v[:-1])[::-1])[::-1], 1)
    mistakes = [
        (np.cumprod(factors[::-1])[::-1] / right, "B of layer l does not meet the weights of l"),
        (right[::-1] / right, "it is in the reverse order"),
        (fan_in / right, "over how many terms does the gradient sum?"),
        (own / right, "the step back to layer l meets the weights of layer l + 1, not v_l"),
    ]
    close(got / right, ones, "B", mistakes=mistakes)
