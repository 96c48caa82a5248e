"""Checks of assignment 6."""

# ruff: noqa: D401  (students read the first lines: they say what is checked)

import math

import numpy as np
import torch

from grading.checking import Wrong, close, part


def batch(params, examples, eps):
    """Return the inputs of a batch normalization, and a gradient for its result."""
    numbers, units = params.numpy(), params.randint(2, 5)
    size = numbers.uniform(0.5, 2, size=units)
    return {
        "h": numbers.normal(size=(examples, units)) * size + numbers.uniform(-3, 3, size=units),
        "gamma": numbers.uniform(0.5, 2, size=units) * numbers.choice([-1, 1], size=units),
        "beta": numbers.uniform(0.5, 2, size=units),
        "eps": eps,
        "g": numbers.normal(size=(examples, units)) + numbers.uniform(-1, 1, size=units),
    }


def given(values, *names):
    """Return some of the values by name."""
    return {name: values[name] for name in names}


# --- Task 1

FORWARD = "bn_forward(h, gamma, beta, eps)"


@part("bn_forward", points=1, public=True)
def mean_and_deviation(ask, params):
    """Each unit has mean beta and deviation |gamma|, and a constant unit gives beta."""
    n = params.randint(5, 9)
    values = batch(params, n, 1e-12)
    h, gamma, beta = values["h"], values["gamma"], values["beta"]
    y = ask.array(FORWARD, h.shape, **given(values, "h", "gamma", "beta", "eps"))
    said = _forward_hint(y, h, gamma, beta)
    if said:
        raise Wrong(f"the result is wrong: {said}")
    close(y.mean(axis=0), beta, "the mean of each unit over the batch")
    hints = [(gamma**2 * (n - 1) / n, "by what do you divide in the variance, n or n - 1?")]
    close(y.var(axis=0), gamma**2, "the variance of each unit over the batch", mistakes=hints)
    along = (y * h).mean(axis=0) - y.mean(axis=0) * h.mean(axis=0)
    if (np.sign(along) != np.sign(gamma)).any():
        raise Wrong("some unit has the wrong sign: only a negative gamma turns a unit around")
    h = np.full_like(h, params.uniform(1, 2))
    y = ask.array(FORWARD, h.shape, h=h, gamma=gamma, beta=beta, eps=1e-5)
    close(y, np.broadcast_to(beta, h.shape), "for units that are constant, the result", rtol=1e-5)
    values = batch(params, n, params.uniform(0.3, 1))
    _with_eps(ask, values)


def _forward_hint(y, h, gamma, beta):
    """Return what is wrong with a result if it is a frequent mistake, else nothing."""

    def normal(axis, power=0.5):
        centered = h - h.mean(axis=axis, keepdims=True)
        return centered / h.var(axis=axis, keepdims=True) ** power

    hints = [
        (gamma * normal(1) + beta, "normalize each column over the rows, not each row"),
        (gamma * normal(None) + beta, "each unit has its own mean and deviation: which axis?"),
        (gamma * normal(0, 1) + beta, "you divide by the variance: where is the root?"),
        (gamma * (h - h.mean(axis=0)) + beta, "the deviation is not divided out"),
        (beta * normal(0) + gamma, "are gamma and beta exchanged?"),
        (normal(0), "where are gamma and beta?"),
    ]
    return next((words for wrong, words in hints if np.allclose(y, wrong, rtol=1e-4)), None)


def _with_eps(ask, values):
    """Compare every entry, for an eps that is not small."""
    h, gamma, beta, eps = (values[name] for name in ("h", "gamma", "beta", "eps"))
    got = ask.array(FORWARD, h.shape, **given(values, "h", "gamma", "beta", "eps"))
    deviation = h.std(axis=0)
    centered = gamma * (h - h.mean(axis=0))
    hints = [
        (centered / (deviation + eps) + beta, "eps belongs under the root"),
        (centered / (deviation + math.sqrt(eps)) + beta, "eps belongs under the root"),
        (centered / np.sqrt(deviation**2 + 1e-5) + beta, "use the eps that the function gets"),
        (centered / deviation + beta, "eps has no effect"),
    ]
    expected = centered / np.sqrt(deviation**2 + eps) + beta
    close(got, expected, f"with eps = {eps:.3g}, the result", mistakes=hints)


@part("bn_forward", points=1)
def every_entry(ask, params):
    """Every entry is right, with small and large eps."""
    for examples, eps in ((params.randint(3, 20), params.uniform(0.1, 2)), (2, 1e-5)):
        _with_eps(ask, batch(params, examples, eps))


# --- Task 2

BACKWARD = "bn_backward(g, h, gamma, eps)"


def derivatives(values):
    """Return the gradients by h, gamma and beta, as the library differentiates."""
    h, gamma, beta, g = (torch.from_numpy(values[name]) for name in ("h", "gamma", "beta", "g"))
    inputs = [one.clone().requires_grad_() for one in (h, gamma, beta)]
    h, gamma, beta = inputs
    y = torch.nn.functional.batch_norm(h, None, None, gamma, beta, True, 0.1, values["eps"])
    return [one.numpy() for one in torch.autograd.grad((g * y).sum(), inputs)]


def backward(ask, values, which):
    """Return one of the three gradients that the student computes."""
    shape = values["h"].shape if which == 0 else values["gamma"].shape
    return ask.array(f"{BACKWARD}[{which}]", shape, **given(values, "g", "h", "gamma", "eps"))


@part("bn_backward", points=1, public=True)
def by_gamma_and_beta(ask, params):
    """The gradients by gamma and beta agree with automatic differentiation."""
    values = batch(params, params.randint(4, 9), params.uniform(0.1, 0.5))
    _, gamma, beta = derivatives(values)
    g, h = values["g"], values["h"]
    hints = [
        (beta / len(g), "a sum over the batch is asked for, not a mean"),
        (gamma, "this is the gradient by gamma: are the two exchanged?"),
    ]
    close(backward(ask, values, 2), beta, "the gradient by beta", mistakes=hints)
    hints = [
        (gamma / len(g), "a sum over the batch is asked for, not a mean"),
        ((g * h).sum(axis=0), "what does gamma multiply?"),
        (values["gamma"] * gamma, "y has the factor gamma, but its derivative by gamma has not"),
        (gamma * np.sqrt(1 + values["eps"] / h.var(axis=0)), "where is eps?"),
    ]
    close(backward(ask, values, 1), gamma, "the gradient by gamma", mistakes=hints)


@part("bn_backward", points=1.5, public=True)
def by_input(ask, params):
    """The gradient by h has no part that shifts a unit, and agrees with differentiation."""
    for eps in (1e-9, params.uniform(0.3, 2)):
        _by_input(ask, batch(params, params.randint(5, 9), eps))


def _by_input(ask, values):
    """Compare the gradient by h with automatic differentiation."""
    expected = derivatives(values)[0]
    got = backward(ask, values, 0)
    g, h, gamma = values["g"], values["h"], values["gamma"]
    sigma, n = np.sqrt(h.var(axis=0) + values["eps"]), len(g)
    scale, z = gamma / sigma, (h - h.mean(axis=0)) / sigma
    mean, along = g.mean(axis=0), z * (g * z).mean(axis=0)
    pure = (h - h.mean(axis=0)) / h.std(axis=0)
    pure = pure * (g * pure).mean(axis=0)
    under = "eps stays under the root in sigma, and in the normalized h"
    means = "what is taken out of g are means over the batch, not sums"
    hints = [
        (scale * g, "do mean and deviation not depend on h?"),
        (scale * (g - mean), "the deviation depends on h, too"),
        (scale * (g - along), "the mean depends on h, too"),
        (scale * (g - n * mean - n * along), means),
        (scale * (g - mean - n * along), means),
        (scale * (g - n * mean - along), means),
        (scale * (g - mean + along), "the part of g along the normalized h has the wrong sign"),
        (scale * (g - mean - along * sigma), "the normalized h is needed, not the centred h"),
        (scale * (g - mean - along * sigma**2), "the normalized h is needed, not the centred h"),
        (expected / gamma, "where is gamma?"),
        (expected * sigma, "where is the deviation?"),
        (expected / sigma, "divide by the deviation, not by the variance"),
        (scale * (g - mean - pure), under),
        (gamma / h.std(axis=0) * (g - mean - pure), under),
        (gamma / h.std(axis=0) * (g - mean - along), under),
    ]
    how = next((hint for wrong, hint in hints if np.allclose(got, wrong, rtol=1e-5)), None)
    if how and not np.allclose(got, expected, rtol=1e-5):  # a small eps has no effect
        raise Wrong(f"with eps = {values['eps']:.3g} the gradient by h has wrong entries: {how}")
    if np.abs(got.sum(axis=0)).max() > 1e-6 * np.abs(got).sum():
        raise Wrong("the gradient by h does not sum to 0 over the batch, as a shift does nothing")
    close(got, expected, "the gradient by h")


@part("bn_backward", points=1)
def by_input_with_eps(ask, params):
    """The gradient by h is right with a large eps as well."""
    values = batch(params, params.randint(4, 20), params.uniform(0.3, 2))
    close(backward(ask, values, 0), derivatives(values)[0], "with a large eps, the gradient by h")


@part("bn_backward", points=0.5)
def small_batches(ask, params):
    """All three gradients are right in small batches, and with a constant unit."""
    for examples in (2, 3):
        values = batch(params, examples, params.uniform(0.01, 0.1))
        values["h"][:, 0] = params.uniform(1, 2)
        for which, name in enumerate(("h", "gamma", "beta")):
            expected = derivatives(values)[which]
            what = f"in a batch of {examples}, the gradient by {name}"
            close(backward(ask, values, which), expected, what)


# --- Task 3

RUNNING = "running_update(mean, var, h, momentum)"


def averages(values, batches):
    """Return the running averages as the library keeps them."""
    mean, var = torch.from_numpy(values["mean"].copy()), torch.from_numpy(values["var"].copy())
    for h in batches:
        momentum = values["momentum"]
        torch.nn.functional.batch_norm(torch.from_numpy(h), mean, var, None, None, True, momentum)
    return mean.numpy(), var.numpy()


def start(params, examples):
    """Return the arguments of an update."""
    numbers, units = params.numpy(), params.randint(2, 5)
    return {
        "mean": numbers.normal(size=units),
        "var": numbers.uniform(0.5, 2, size=units),
        "h": numbers.normal(size=(examples, units)) * 3 + 1,
        "momentum": params.uniform(0.05, 0.3),
    }


@part("running_update", points=0.5, public=True)
def running_mean(ask, params):
    """The average of the means agrees with PyTorch."""
    values = start(params, params.randint(4, 8))
    got = ask.array(f"{RUNNING}[0]", values["mean"].shape, **values)
    m, new = values["momentum"], values["h"].mean(axis=0)
    hints = [
        (m * values["mean"] + (1 - m) * new, "PyTorch's momentum is not Keras's: see the chapter"),
        (new, "the average so far is lost"),
        (values["mean"], "the new batch has no effect"),
        (values["mean"] + m * new, "the two weights should add up to 1"),
        ((1 - m) * values["var"] + m * values["h"].var(axis=0, ddof=1), "are the two exchanged?"),
        ((1 - m) * values["mean"] + m * values["h"].mean(), "each unit has its own mean"),
    ]
    close(got, averages(values, [values["h"]])[0], "the average of the means", mistakes=hints)


@part("running_update", points=0.5, public=True)
def running_variance(ask, params):
    """The average of the variances agrees with PyTorch."""
    values = start(params, params.randint(4, 8))
    got = ask.array(f"{RUNNING}[1]", values["var"].shape, **values)
    m, h = values["momentum"], values["h"]
    hints = [
        ((1 - m) * values["var"] + m * h.var(axis=0), "by what does PyTorch divide here?"),
        (
            m * values["var"] + (1 - m) * h.var(axis=0, ddof=1),
            "PyTorch's momentum is not Keras's: see the chapter",
        ),
        (
            m * values["var"] + (1 - m) * h.var(axis=0),
            "PyTorch's momentum is not Keras's, and its variance has another divisor",
        ),
        ((1 - m) * values["var"] + m * h.std(axis=0, ddof=1), "average variances, not deviations"),
        ((1 - m) * values["var"] + m * h.std(axis=0), "average variances, not deviations"),
        ((1 - m) * values["mean"] + m * h.mean(axis=0), "are the two exchanged?"),
        (h.var(axis=0, ddof=1), "the average so far is lost"),
        (values["var"], "the new batch has no effect"),
    ]
    close(got, averages(values, [h])[1], "the average of the variances", mistakes=hints)


@part("running_update", points=1)
def running_on(ask, params):
    """Both averages are right after several batches of other sizes."""
    values = start(params, 2)
    shape, numbers = values["mean"].shape, params.numpy()
    batches = [numbers.normal(size=(n, *shape)) * 2 for n in (2, params.randint(3, 9), 2)]
    mean, var = values["mean"], values["var"]
    for h in batches:
        now = {"mean": mean, "var": var, "h": h, "momentum": values["momentum"]}
        mean, var = (ask.array(f"{RUNNING}[{one}]", shape, **now) for one in (0, 1))
    expected = averages(values, batches)
    close(mean, expected[0], "after three batches, the average of the means")
    close(var, expected[1], "after three batches, the average of the variances")


# --- Task 4


def whole(ask, momentum, share):
    """Return the student's number of batches, and check that it is whole."""
    got = ask.number("batches_until(momentum, share)", momentum=momentum, share=share)
    if got != round(got):
        raise Wrong("the number of batches should be a whole number: round up")
    if got < 0:
        raise Wrong("the number of batches should not be negative")
    return got


@part("batches_until", points=0.5, public=True)
def enough(ask, params):
    """The number of batches is enough, and one fewer is not."""
    momentum, number = params.uniform(0.05, 0.3), params.randint(15, 40)
    share = (1 - momentum) ** (number - params.uniform(0.6, 0.8))
    got, said = whole(ask, momentum, share), f"with momentum {momentum:.3g} and share {share:.3g}, "
    hints = [
        (number - 1, "which way do you round?"),
        (math.ceil(math.log(share) / math.log(momentum)), "the old average has the weight 1 - m"),
        (
            math.ceil(math.log(1 - share) / math.log(1 - momentum)),
            "is this the share that is gone?",
        ),
        (math.ceil((1 - share) / momentum), "each batch takes a share of what is left"),
        (math.ceil(-math.log(share) / momentum), "the power of 1 - m is not an exponential of m"),
        (math.ceil(math.log10(share) / math.log(1 - momentum)), "are two bases of the log mixed?"),
    ]
    hint = next((": " + words for wrong, words in hints if got == wrong), "")
    if (1 - momentum) ** got > share:
        raise Wrong(f"{said}after {got:g} batches more of the starting values is left{hint}")
    if (1 - momentum) ** (got - 1) <= share:
        raise Wrong(f"{said}fewer than {got:g} batches are enough already{hint}")
    for number in (2, 4):  # a half to these powers is exact, and so are the quotients of logarithms
        if whole(ask, 0.5, 0.5**number) != number:
            raise Wrong(
                f"with momentum 0.5 exactly {0.5**number:g} is left after {number} batches, and "
                "this is enough: do not round a whole number up"
            )


@part("batches_until", points=1)
def enough_elsewhere(ask, params):
    """The number of batches is right for other momenta and shares."""
    # Before rounding the numbers are far from whole ones, above and below the half.
    for momenta, batches in (((0.001, 0.02), (200, 500)), ((0.3, 0.9), (2, 6))):
        for part_left in (params.uniform(0.6, 0.8), params.uniform(0.2, 0.4)):
            momentum, expected = params.uniform(*momenta), params.randint(*batches)
            share = (1 - momentum) ** (expected - part_left)
            close(whole(ask, momentum, share), expected, "the number of batches", rtol=1e-9)


# --- Task 5

RATES = "equal_rates(rate, a)"


def directions(w, target, rate, steps, use_sign):
    """Return the directions of weights whose loss depends on their direction only."""
    found = []
    for _ in range(steps):
        w = torch.from_numpy(w).requires_grad_()
        loss = ((w / w.norm() - torch.from_numpy(target)) ** 3).sum()
        slope = torch.autograd.grad(loss, w)[0].numpy()
        w = w.detach().numpy() - rate * (np.sign(slope) if use_sign else slope)
        found.append(w / np.linalg.norm(w))
    return np.array(found)


@part("equal_rates", points=0.5, public=True)
def same_directions(ask, params):
    """Three steps lead long weights in the same directions."""
    numbers, rate, a = params.numpy(), params.uniform(0.01, 0.05), params.uniform(2, 4)
    w, target = numbers.normal(size=6), numbers.normal(size=6)
    rates = ask.array(RATES, (2,), rate=rate, a=a)
    if np.allclose(rates, [a * rate, a * a * rate]):
        raise Wrong("are the two rates exchanged?")
    said = [
        [
            (rate, "the weights are longer, so their steps must be longer"),
            (a * rate, "the gradient at a w is not as large as that at w"),
            (rate / a, "longer weights need longer steps, and their gradient is smaller"),
            (rate / a**2, "longer weights need longer steps: is it upside down?"),
            (a * a, "where is the rate of the first network?"),
            (a**3 * rate, "count the powers of a: the length, and the gradient"),
        ],
        [
            (rate, "the weights are longer, so their steps must be longer"),
            (a * a * rate, "does the size of the gradient change a step along its sign?"),
            (rate / a, "longer weights need longer steps: is it upside down?"),
            (a, "where is the rate of the first network?"),
        ],
    ]
    for use_sign, name in ((False, "gradient descent"), (True, "steps along the sign")):
        first = directions(w, target, rate, 3, use_sign)
        second = directions(a * w, target, rates[int(use_sign)], 3, use_sign)
        if np.abs(first - second).max() > 1e-5:
            long = np.linalg.norm(second[0] - w / np.linalg.norm(w))
            short = np.linalg.norm(first[0] - w / np.linalg.norm(w))
            how = "more" if long > short else "less"
            hints = (
                words for one, words in said[use_sign] if np.isclose(rates[int(use_sign)], one)
            )
            hint = next(hints, "how long are the weights, and how long is a step?")
            raise Wrong(
                f"with your rate for {name}, the long weights turn {how} than the short ones: "
                f"{hint}"
            )


@part("equal_rates", points=1)
def other_lengths(ask, params):
    """The rates are right for other lengths, also for short weights."""
    for low, high in ((-3, -0.3), (0.3, 3)):
        rate, a = 10 ** params.uniform(-4, 0), 10 ** params.uniform(low, high)
        got = ask.array(RATES, (2,), rate=rate, a=a)
        close(got[0], a * a * rate, "the rate of gradient descent")
        close(got[1], a * rate, "the rate of the optimizer that uses the sign")


# --- Task 6


@part("growth", points=0.5, public=True)
def special_slopes(ask, params):
    """Slopes 1, 0 and -1 give the right factors, and mirroring does nothing."""
    got = ask.number("growth(1.0)")
    if abs(got - 1) > 1e-9:
        raise Wrong("with slope 1 the layer is linear, and should leave the gradient as it is")
    got = ask.number("growth(0.0)")
    right, mean = math.pi / (math.pi - 1), 1 / math.sqrt(2 * math.pi)
    hints = [
        (1, "what is thrown away if the mean of the output is not 0?"),
        (1 / (1 - 2 / math.pi), "the mean of max(h, 0) is half of the mean of |h|"),
        (1 / (0.5 - mean**2), "the mean of the squared slope is missing above"),
        (1 / right, "this is the factor upside down"),
        (0.5 / (0.5 - mean), "the mean is not squared"),
        (0.25 / (0.5 - mean**2), "average the squares of the slope, not the slope"),
        (math.sqrt(right), "the question is about the squared gradient, not its root"),
        (0.5, "this is the mean of the squared slope: divide it by the variance"),
        (0.5 - mean**2, "this is the variance of the output alone"),
    ]
    close(got, right, "for ReLU, the factor", mistakes=hints)
    a = params.uniform(0.1, 0.9)
    one, two = ask.number("growth(a)", a=a), ask.number("growth(b)", b=1 / a)
    if abs(one - two) > 1e-9 * abs(one):
        raise Wrong(
            "slopes a and 1/a should give the same factor, as the two activations are mirror images"
            " of each other, up to a constant"
        )
    hints = [(1, "with slope -1 the output is |h|, and its mean is not 0: keep the sign")]
    right = 1 / (1 - 2 / math.pi)
    close(ask.number("growth(-1.0)"), right, "for slope -1, the factor", mistakes=hints)


@part("growth", points=1.5)
def other_slopes(ask, params):
    """The factor is right for any slope."""
    for low, high in ((0.02, 0.95), (-3, -0.1), (1.2, 4)):
        slope = params.uniform(low, high)
        square = (1 + slope**2) / 2
        expected = square / (square - (1 - slope) ** 2 / (2 * math.pi))
        close(ask.number("growth(slope)", slope=slope), expected, "the factor")


# --- Task 7


def is_gain(got, square, what, mistakes=()):
    """Check a gain by the second moment that belongs to it."""
    expected = 1 / math.sqrt(square)
    known = any(abs(got / value - 1) < 1e-5 for value, _ in mistakes)
    if not known and 1e-5 < abs(got / expected - 1) < 0.02:
        raise Wrong(
            f"for {what}, the gain is nearly right, but not to five digits: is the grid too coarse"
            " or too short, or does chance play a part?"
        )
    close(got, expected, f"for {what}, the gain", rtol=1e-5, mistakes=mistakes)


@part("he_gain", points=1, public=True)
def leaky_gain(ask, params):
    """The gain is right for leaky ReLU, for a kink away from 0, and for a cube."""
    a = params.uniform(0.1, 0.6)
    got = ask.number("he_gain(lambda z: (z > 0) * z + a * (z <= 0) * z)", a=a)
    square, mean = (1 + a * a) / 2, (1 - a) / math.sqrt(2 * math.pi)
    hints = [
        (1 / math.sqrt(square - mean**2), "the mean square counts, not the variance"),
        (math.sqrt(2), "that is the gain of ReLU"),
        (1 / square, "where is the root?"),
        (math.sqrt(square), "turn it around"),
        (math.sqrt(2 / square), "check the density: its factor, and the 2 in the exponent"),
        ((2 * math.pi) ** -0.25 / math.sqrt(square), "where is 1/√(2π) in the density?"),
        (1 / math.sqrt(mean), "the square of the activation counts, not the activation"),
        (
            1 / (math.sqrt(2 / math.pi) * (1 + a) / 2),
            "the root of the mean square, not the mean size",
        ),
    ]
    if got < 0.2 / math.sqrt(square):
        raise Wrong("for leaky ReLU, the gain is much too small: where is the spacing of the grid?")
    is_gain(got, square, "leaky ReLU", mistakes=hints)
    c = params.uniform(0.3, 1.5)
    tail, density = _tail(c)
    got = ask.number("he_gain(lambda z: (z > c) * (z - c))", c=c)
    hints = [(1 / math.sqrt(tail), "the activation counts here, not its slope")]
    is_gain(got, (1 + c * c) * tail - c * density, "max(z - c, 0)", hints)
    is_gain(ask.number("he_gain(lambda z: z**3)"), 15, "z**3")


def _tail(c):
    return math.erfc(c / math.sqrt(2)) / 2, math.exp(-c * c / 2) / math.sqrt(2 * math.pi)


@part("he_gain", points=1)
def kinks(ask, params):
    """The gain is right for activations with kinks away from zero."""
    c = params.uniform(0.3, 1.5)
    tail, density = _tail(c)
    got = ask.number("he_gain(lambda z: (z > c) * (z - c))", c=c)
    is_gain(got, (1 + c * c) * tail - c * density, "a ReLU that is shifted")
    got = ask.number("he_gain(lambda z: (abs(z) <= c) * z + (z > c) * c - (z < -c) * c)", c=c)
    square = 1 - 2 * tail - 2 * c * density + 2 * c * c * tail
    is_gain(got, square, "an activation that is cut at both sides")


@part("he_gain", points=1)
def smooth(ask, params):
    """The gain is right for smooth activations, growing or bounded, with or without a mean."""
    a = params.uniform(0.1, 0.5)
    got = ask.number("he_gain(lambda z: z + a * z**3)", a=a)
    is_gain(got, 1 + 6 * a + 15 * a * a, "a polynomial")
    k = params.uniform(0.3, 1)
    z = np.linspace(-12, 12, 100_001)  # smooth and nothing at the ends: exact to rounding
    weights = np.exp(-z * z / 2) * (z[1] - z[0]) / math.sqrt(2 * math.pi)
    gate = (1 + k * z / np.sqrt(1 + (k * z) ** 2)) / 2  # no exponential: it overflows far out
    got = ask.number("he_gain(lambda z: z * (1 + k * z / (1 + (k * z) ** 2) ** 0.5) / 2)", k=k)
    is_gain(got, (weights * (z * gate) ** 2).sum(), "a gated line")
    got = ask.number("he_gain(lambda z: (1 + k * z / (1 + (k * z) ** 2) ** 0.5) / 2)", k=k)
    is_gain(got, (weights * gate**2).sum(), "a sigmoid")
