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
    close(y.mean(axis=0), beta, "the mean of each unit over the batch")
    hints = [(gamma**2 * (n - 1) / n, "by what do you divide in the variance, n or n - 1?")]
    close(y.var(axis=0), gamma**2, "the variance of each unit over the batch", mistakes=hints)
    along = (y * h).mean(axis=0) - y.mean(axis=0) * h.mean(axis=0)
    if (np.sign(along) != np.sign(gamma)).any():
        raise Wrong("some unit has the wrong sign: only a negative gamma turns a unit around")
    h = np.full_like(h, params.uniform(1, 2))
    y = ask.array(FORWARD, h.shape, h=h, gamma=gamma, beta=beta, eps=1e-5)
    close(y, np.broadcast_to(beta, h.shape), "for units that are constant, the result", rtol=1e-5)


@part("bn_forward", points=1)
def every_entry(ask, params):
    """Every entry is right, with small and large eps."""
    for examples, eps in ((params.randint(3, 20), params.uniform(0.1, 2)), (2, 1e-5)):
        values = batch(params, examples, eps)
        h, gamma, beta = values["h"], values["gamma"], values["beta"]
        got = ask.array(FORWARD, h.shape, **given(values, "h", "gamma", "beta", "eps"))
        deviation = h.std(axis=0)
        centered = gamma * (h - h.mean(axis=0))
        hints = [
            (centered / (deviation + eps) + beta, "eps belongs under the root"),
            (centered / (deviation + math.sqrt(eps)) + beta, "eps belongs under the root"),
        ]
        expected = centered / np.sqrt(deviation**2 + eps) + beta
        close(got, expected, f"with eps = {eps:.3g}, the result", mistakes=hints)


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
    hints = [(beta / len(g), "a sum over the batch is asked for, not a mean")]
    close(backward(ask, values, 2), beta, "the gradient by beta", mistakes=hints)
    hints = [
        (gamma / len(g), "a sum over the batch is asked for, not a mean"),
        ((g * h).sum(axis=0), "what does gamma multiply?"),
    ]
    close(backward(ask, values, 1), gamma, "the gradient by gamma", mistakes=hints)


@part("bn_backward", points=1.5, public=True)
def by_input(ask, params):
    """The gradient by h has no part that shifts a unit, and agrees with differentiation."""
    values = batch(params, params.randint(5, 9), 1e-9)
    expected = derivatives(values)[0]
    got = backward(ask, values, 0)
    g, h, gamma = values["g"], values["h"], values["gamma"]
    centered = gamma * (g - g.mean(axis=0)) / h.std(axis=0)
    hints = [
        (gamma * g / h.std(axis=0), "do mean and deviation not depend on h?"),
        (centered, "the deviation depends on h, too"),
        (expected / gamma, "where is gamma?"),
        (expected * h.std(axis=0), "where is the deviation?"),
    ]
    how = next((hint for wrong, hint in hints if np.allclose(got, wrong, rtol=1e-5)), None)
    if how:
        raise Wrong(f"the gradient by h has wrong entries: {how}")
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
    hints = [(m * values["mean"] + (1 - m) * new, "whose word is momentum here, Keras's?")]
    close(got, averages(values, [values["h"]])[0], "the average of the means", mistakes=hints)


@part("running_update", points=0.5, public=True)
def running_variance(ask, params):
    """The average of the variances agrees with PyTorch."""
    values = start(params, params.randint(4, 8))
    got = ask.array(f"{RUNNING}[1]", values["var"].shape, **values)
    m, h = values["momentum"], values["h"]
    hints = [
        ((1 - m) * values["var"] + m * h.var(axis=0), "by what does PyTorch divide here?"),
        (m * values["var"] + (1 - m) * h.var(axis=0, ddof=1), "is momentum Keras's word here?"),
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
    if got != round(got) or got < 0:
        raise Wrong("the number of batches should be a whole number")
    return got


@part("batches_until", points=0.5, public=True)
def enough(ask, params):
    """The number of batches is enough, and one fewer is not."""
    momentum, number = params.uniform(0.05, 0.3), params.randint(15, 40)
    share = (1 - momentum) ** (number - params.uniform(0.6, 0.8))
    got = whole(ask, momentum, share)
    if (1 - momentum) ** got > share:
        raise Wrong("after that many batches, more of the starting values is left")
    if (1 - momentum) ** (got - 1) <= share:
        raise Wrong("fewer batches are enough already")


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
    for use_sign, name in ((False, "gradient descent"), (True, "steps along the sign")):
        first = directions(w, target, rate, 3, use_sign)
        second = directions(a * w, target, rates[int(use_sign)], 3, use_sign)
        if np.abs(first - second).max() > 1e-5:
            long = np.linalg.norm(second[0] - w / np.linalg.norm(w))
            short = np.linalg.norm(first[0] - w / np.linalg.norm(w))
            how = "more" if long > short else "less"
            raise Wrong(
                f"with your rate for {name}, the long weights turn {how} than the short ones:"
                " how long are the weights, and how long is a step?"
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
    """A linear layer keeps the gradient, ReLU is as in the chapter, and mirroring does nothing."""
    got = ask.number("growth(1.0)")
    if abs(got - 1) > 1e-9:
        raise Wrong("with slope 1 the layer is linear, and should leave the gradient as it is")
    got = ask.number("growth(0.0)")
    hints = [
        (1, "what is thrown away if the mean of the output is not 0?"),
        (1 / (1 - 2 / math.pi), "the mean of max(h, 0) is half of the mean of |h|"),
    ]
    close(got, math.pi / (math.pi - 1), "for ReLU, the factor", mistakes=hints)
    a = params.uniform(0.1, 0.9)
    one, two = ask.number("growth(a)", a=a), ask.number("growth(b)", b=1 / a)
    if abs(one - two) > 1e-9 * abs(one):
        raise Wrong(
            "slopes a and 1/a should give the same factor, as the two activations are mirror images"
            " of each other, up to a constant"
        )


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
    """The gain is right for leaky ReLU."""
    a = params.uniform(0.1, 0.6)
    got = ask.number("he_gain(lambda z: (z > 0) * z + a * (z <= 0) * z)", a=a)
    square, mean = (1 + a * a) / 2, (1 - a) / math.sqrt(2 * math.pi)
    hints = [
        (1 / math.sqrt(square - mean**2), "the mean square counts, not the variance"),
        (math.sqrt(2), "that is the gain of ReLU"),
        (1 / square, "where is the root?"),
        (math.sqrt(square), "turn it around"),
    ]
    is_gain(got, square, "leaky ReLU", mistakes=hints)


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
