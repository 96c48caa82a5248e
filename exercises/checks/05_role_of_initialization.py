"""Checks of assignment 5."""

# ruff: noqa: D401  (students read the first lines: they say what is checked)

import math

import numpy as np
import torch

from grading.checking import Wrong, close, part

# --- Task 1


@part("extra_steps", points=0.5, public=True)
def whole_steps(ask, params):
    """A noise that is smaller by growth**2.5 costs two and a half steps."""
    growth = params.uniform(1.1, 1.6)
    got = ask.number("extra_steps(growth, growth**2.5)", growth=growth)
    log = math.log(growth)
    hints = [
        (2.5 * math.log10(growth), "which growth per step does your formula use?"),
        (2.5 * log, "which growth per step does your formula use?"),
        (2.5 * log / (growth - 1), "a factor of growth, so its logarithm, not growth - 1"),
        (1.5 * log, "a power is undone by dividing logarithms, not by subtracting them"),
        (1 / 2.5, "a smaller noise should take more steps: which logarithm is divided?"),
        (2.5 / math.log(10), "take one kind of logarithm, not two"),
        (3, "do not round"),
        (-2.5, "a smaller noise takes MORE steps"),
        (2.5 * math.log2(growth), "which growth per step does your formula use?"),
        (growth**1.5, "factors multiply where steps add: what has a logarithm to do with it?"),
    ]
    close(got, 2.5, "the number of steps", mistakes=hints)
    more = ask.number("extra_steps(growth, growth**4.5)", growth=growth)
    close(more, 4.5, "the number of steps for growth**4.5")
    steps = params.randint(2, 8) + params.uniform(0.12, 0.44)
    got = ask.number("extra_steps(growth, growth**steps)", growth=growth, steps=steps)
    close(got, steps, "the number of steps for growth**steps")


@part("extra_steps", points=1.5)
def any_steps(ask, params):
    """The number of steps is right for other growths and noises."""
    for _ in range(3):
        growth, times = params.uniform(1.02, 1.9), 10 ** params.uniform(0.5, 7)
        got = ask.number("extra_steps(growth, times)", growth=growth, times=times)
        close(got, math.log(times) / math.log(growth), "the number of steps", rtol=1e-5)


# --- Task 2


def read_units(ask, widths, k):
    """Return the answer for a network as a list of numbers, one per hidden layer."""
    return ask.array("units_left(widths, k)", (len(widths),), widths=widths, k=k)


@part("units_left", points=0.5, public=True)
def output_random(ask, params):
    """A random output layer wakes the layer that the chapter says."""
    widths = [params.randint(5, 9) for _ in range(2)]
    got = read_units(ask, widths, 3)
    if got[0] != 1:
        raise Wrong("units_left: can the units of layer 1 differ if only the output is random?")
    if got[1] != widths[1]:
        raise Wrong("units_left: a random output sends which gradients to the units of layer 2?")


@part("units_left", points=0.5, public=True)
def first_random(ask, params):
    """The layers are right if the first weights are random."""
    widths = [params.randint(5, 30) for _ in range(params.randint(3, 6))]
    got = read_units(ask, widths, 1)
    if got[0] != widths[0]:
        raise Wrong("units_left: random rows of W^1 are whose incoming weights?")
    if (got[1:] != 1).any():
        raise Wrong(
            "units_left: only W^1 is random. Do the rows of W^2 differ, or the columns of W^3?"
            " What else could make units of layer 2 different?"
        )


@part("units_left", points=1)
def middle_random(ask, params):
    """The layers are right if weights in the middle, or those of a deep output, are random."""
    widths = [params.randint(5, 30) for _ in range(params.randint(5, 8))]
    middle = params.randint(2, len(widths) - 1)
    for k in (middle, len(widths), len(widths) + 1):
        expected = [1] * len(widths)
        expected[k - 2] = widths[k - 2]
        if k <= len(widths):
            expected[k - 1] = widths[k - 1]
        close(read_units(ask, widths, k), expected, f"the list of units for k = {k}")


# --- Task 3


def units(params, groups, copies, tolerance):
    """Return the values of some units, each of which appears several times, nearly equal.

    Some values lie where rounding to multiples of the tolerance goes up or down. Copies differ by
    most of the tolerance, on many examples; two of the groups by little more, on a single one.
    """
    numbers = params.numpy()
    x = np.round(numbers.normal(size=(60, groups)) / tolerance) * tolerance
    x[1::2] += tolerance / 2
    x[0] = 0  # on the first example, all units agree
    x[:, 1] = -2 * x[:, 0]
    x[:, 2] = x[:, 0]
    x[np.abs(x[:, 0]).argmax(), 2] += 3 * tolerance
    x = np.repeat(x, copies, axis=1)
    noise = numbers.uniform(0.3, 0.45, size=x.shape) * numbers.choice([-1, 1], size=x.shape)
    x = x + noise * tolerance
    return x[:, numbers.permutation(x.shape[1])]


SAME = "two units are the same if no difference is above the tolerance"


def said_of_count(ask, got, groups, x, tolerance):
    """Return a hint at what may be wrong with a count, with the help of a few more questions."""

    def asked(x):
        return ask.number("different_units(x, tolerance)", x=np.array(x), tolerance=tolerance)

    exact = np.arange(60.0)[:, None] * np.array([1.0, 3.0])  # two units, far from any edge
    copies = np.repeat(exact, 3, axis=1)
    if got > groups:
        if got > x.shape[1]:
            return "there are fewer: count units, not pairs"
        if got == len(x):
            return "a column of x is a unit, a row is an example"
        if asked(copies) != 2:
            return "a unit that appears several times counts once"
        if asked(copies[:, [0, 3, 1, 4, 2, 5]]) != 2:
            return "compare a unit with all units before it, not only with the last one"
        if asked(copies + tolerance / 100 * np.arange(6)) != 2:
            return "units that differ by less than the tolerance are the same"
        if asked(copies + 0.4 * tolerance * np.array([0, 1] * 3)) != 2:
            return "take the largest difference on one example, not a sum over all"
        return f"{SAME}, and values that differ by less may be rounded to different numbers"
    if got == 0:
        return "a unit that appears several times counts once"
    if asked([[0.0, 0.0], [1.0, 5.0], [5.0, 1.0]]) != 2:
        return "on how many of the examples do you compare the units?"
    if asked([[1.0, 0.0]]) != asked([[0.0, 1.0]]):
        return "a difference below 0 is a difference, too"
    if asked(exact @ [[1, -2], [0, 0]]) != 2:
        return "multiples of a unit are other units"
    if asked(1e4 + exact[:, [0, 0]] + [0, 30 * tolerance]) != 2:
        return "compare with the tolerance alone: some functions add a relative one by default"
    return "one difference above the tolerance is enough"


def count(ask, params, tolerance):
    """Check the number of different units of one layer."""
    groups, copies = params.randint(3, 9), params.randint(2, 5)
    x = units(params, groups, copies, tolerance)
    got = ask.number("different_units(x, tolerance)", x=x, tolerance=tolerance)
    if got != groups:
        hint = said_of_count(ask, got, groups, x, tolerance)
        raise Wrong(f"you count too {'many' if got > groups else 'few'} units: {hint}")


def count_steps(ask, params):
    """Check the number of units of which each is below the one before, on every example."""
    width = params.randint(3, 9)
    x = params.numpy().normal(size=(5, 1)) - np.arange(width)
    got = ask.number("different_units(x)", x=x)
    if got != width:
        raise Wrong(
            "units that fall from one to the next are miscounted: take sizes of differences"
        )


@part("different_units", points=1, public=True)
def count_units(ask, params):
    """Copies count once, up to the tolerance; units that differ on some example count apart."""
    for tolerance in (1e-6, 1e-3):
        count(ask, params, tolerance)
    count_steps(ask, params)


@part("different_units", points=1)
def count_more_units(ask, params):
    """The count is right at other tolerances, for equal units, and for one unit."""
    for tolerance in (1e-6, 1e-4):
        count(ask, params, tolerance)
    width = params.randint(3, 9)
    x = params.numpy().normal(size=(5, width))
    close(ask.number("different_units(x)", x=x), width, "the number of different units")
    count_steps(ask, params)
    equal = np.repeat(x[:, :1], width, axis=1)
    close(ask.number("different_units(x)", x=equal), 1, "the number of units that are all equal")


# --- Task 4


@part("gain_for", points=0.5, public=True)
def wide_gain(ask, params):
    """The gain gives a square and a wide matrix of the library the right mean square."""
    n_out, n_in = params.randint(10, 30), params.randint(50, 90)
    variance = params.uniform(0.01, 0.2)
    for shape in ((n_in, n_in), (n_out, n_in)):
        n, m = shape
        gain = ask.number("gain_for(n_out, n_in, variance)", n_out=n, n_in=m, variance=variance)
        if gain <= 0:
            raise Wrong("the gain should be positive")
        w = torch.nn.init.orthogonal_(torch.empty(shape, dtype=torch.float64), gain)
        what = f"for a matrix of shape {shape}, the mean square of the weights with your gain"
        found = w.square().mean().item()
        hints = [
            (variance / m, "the square of the gain is the sum of squares of a row, not their mean"),
            (variance**2 * m, "the mean square goes with the square of the gain"),
            (variance * n / m, "which of the two sides is left after you divide?"),
            (variance**2 / m, "that gain is `variance` itself: what does a trace of it give?"),
            (2 * variance, "`variance` is the mean square itself: the 2 of He's rule is in it"),
            (2 / m, "that is the gain for He's variance; `variance` may be another"),
            (variance / m**2, "solve for the gain again: what stands beside its square?"),
            (variance**2 / m**3, "solve for the gain again: what stands beside its square?"),
        ]
        close(found, variance, what, rtol=1e-6, mistakes=hints)


@part("gain_for", points=0.5, public=True)
def gain_of_a_tall_one(ask, params):
    """The gain gives a tall matrix the right mean square."""
    n_out, n_in = params.randint(50, 90), params.randint(10, 30)
    variance = params.uniform(0.01, 0.2)
    gain = ask.number("gain_for(n_out, n_in, variance)", n_out=n_out, n_in=n_in, variance=variance)
    w = torch.nn.init.orthogonal_(torch.empty((n_out, n_in), dtype=torch.float64), 1.0)
    close(
        w.square().mean().item() * gain * abs(gain),
        variance,
        f"for a matrix of shape {(n_out, n_in)}, the mean square of the weights with your gain",
        mistakes=[(variance * n_in / n_out, "a tall matrix has orthogonal columns: what is left?")],
    )


@part("gain_for", points=0.5)
def tall_gain(ask, params):
    """The gain is right for a tall matrix."""
    n_out, n_in = params.randint(100, 300), params.randint(20, 90)
    variance = params.uniform(0.001, 0.2)
    gain = ask.number("gain_for(a, b, v)", a=n_out, b=n_in, v=variance)
    close(gain, math.sqrt(variance * n_out), "the gain")


@part("gain_for", points=0.5)
def other_wide_gain(ask, params):
    """The gain is right for other wide matrices."""
    n_out, n_in = params.randint(20, 90), params.randint(100, 300)
    variance = params.uniform(0.001, 0.2)
    gain = ask.number("gain_for(a, b, v)", a=n_out, b=n_in, v=variance)
    close(gain, math.sqrt(variance * n_in), "the gain")


# --- Task 5


def is_orthogonal(ask, params, n_out, n_in, gain):
    """Check the shape, the angles and the lengths of orthogonal weights."""
    values = {"n_out": n_out, "n_in": n_in, "gain": gain, "seed": params.randint(0, 10**6)}
    w = ask.array("orthogonal(n_out, n_in, gain, seed)", (n_out, n_in), **values)
    side, products = ("rows", w @ w.T) if n_out <= n_in else ("columns", w.T @ w)
    lengths = np.diag(products)
    if lengths.max() > 1.001 * lengths.min():
        raise Wrong(
            f"for shape {(n_out, n_in)}, the {side} differ in length: multiply by signs alone, and"
            " where another shape is asked for, draw that of the transpose and turn it"
        )
    what = f"for shape {(n_out, n_in)}, the squared length of the {side}"
    entered = {0: "the gain is missing", 1: "the gain is the length, not its square"}
    entered[4] = "the gain enters once, not as a square"
    hints = [(np.full(len(products), gain**k), hint) for k, hint in entered.items()]
    close(lengths, np.full(len(products), gain**2), what, mistakes=hints)
    if np.abs(products - np.diag(np.diag(products))).max() > 1e-6 * gain**2:
        raise Wrong(f"for shape {(n_out, n_in)}, the {side} are not orthogonal to each other")


@part("orthogonal", points=1, public=True)
def orthonormal(ask, params):
    """Square, wide and tall weights are orthogonal, with the gain as length."""
    small, large = params.randint(5, 20), params.randint(30, 50)
    for shape in ((small, small), (small, large), (large, small)):
        is_orthogonal(ask, params, *shape, params.uniform(1.3, 2))
    kind = ask("str(orthogonal(3, 3, 1.0, 0).dtype)")
    if type(kind) is not str or kind.rpartition(".")[2] != "float64":
        raise Wrong("the weights should have dtype float64: draw the numbers with it")


@part("orthogonal", points=0.5, public=True)
def seeds(ask, params):
    """The seed decides the weights."""
    n, first = params.randint(5, 20), params.randint(0, 10**6)
    expression = "orthogonal(n, n, 1.0, seed)"
    one, two = (ask.array(expression, (n, n), n=n, seed=first) for _ in range(2))
    other = ask.array(expression, (n, n), n=n, seed=first + 1)
    if not np.array_equal(one, two):
        raise Wrong("the same seed gives different weights: which generator draws the numbers?")
    if np.abs(one - other).max() < 1e-3:
        raise Wrong("different seeds give the same weights")


def no_preference(ask, params, n_out, n_in):
    """Check that over many seeds no entry prefers a sign, and no pair of entries equal signs.

    With n the larger side, an entry has mean 0 and mean square 1/n. The product of two entries in
    other rows and columns has mean 0 and mean square (n + 1) / (n (n - 1) (n + 2)). A determinant
    is 1 or -1, equally often. Means over N seeds have 1/N of these as variance.
    """
    start, number = params.randint(0, 10**6), 500
    found = ask.array(
        "[orthogonal(n_out, n_in, 1.0, seed) for seed in seeds]",
        (number, n_out, n_in),
        n_out=n_out,
        n_in=n_in,
        seeds=list(range(start, start + number)),
    )
    # All squares add up to the smaller side; weights of zeros have no signs to prefer.
    squares = (found**2).sum(axis=(1, 2))
    if np.abs(squares - min(n_out, n_in)).max() > 1e-3:
        raise Wrong(
            f"with gain 1, the {'rows' if n_out <= n_in else 'columns'} of a matrix of shape"
            f" {(n_out, n_in)} do not all have length 1: multiply Q by signs alone"
        )
    n = max(n_out, n_in)
    if np.abs(found.mean(axis=0)).max() > 6 / math.sqrt(number * n):
        raise Wrong(
            f"over {number} seeds, some entry of a matrix of shape {(n_out, n_in)} has a mean far"
            " from 0: did you make the diagonal of R positive?"
        )
    most = 6 * math.sqrt((n + 1) / (n * (n - 1) * (n + 2) * number))
    if abs((found[:, 0, 0] * found[:, 1, 1]).mean()) > most:
        raise Wrong(
            f"over {number} seeds, two entries on the diagonal of a matrix of shape"
            f" {(n_out, n_in)} have equal signs too often or too seldom: does each column of Q get"
            " its own sign?"
        )
    if n_out == n_in and abs(np.linalg.det(found).mean()) > 6 / math.sqrt(number):
        raise Wrong("over many seeds, one sign of the determinant is preferred")


@part("orthogonal", points=0.5, public=True)
def uniform(ask, params):
    """Over many seeds, no entry of a square matrix prefers a sign."""
    n = params.randint(3, 4)
    no_preference(ask, params, n, n)


@part("orthogonal", points=1)
def other_shapes(ask, params):
    """Weights of other shapes and gains are orthogonal."""
    small, large = params.randint(2, 30), params.randint(31, 80)
    for shape in ((large, large), (small, large), (large, small), (1, small), (small, 1)):
        is_orthogonal(ask, params, *shape, params.uniform(0.1, 5) + 1e-3)


@part("orthogonal", points=1)
def uniform_shapes(ask, params):
    """Over many seeds, no entry prefers a sign, whatever the shape."""
    small, large = params.randint(2, 3), params.randint(4, 5)
    for shape in ((large, large), (small, large), (large, small)):
        no_preference(ask, params, *shape)


# --- Task 6

ORDER = "`train` takes a start, a rate and a seed, in this order"
CALL = (
    "tuned_comparison(lambda start, rate, seed: "
    "shares[starts.index(start), rates.index(rate), seed].item() "
    "if start in starts and rate in rates else {}[order], "
    "starts, rates, choosing, showing)"
)


class Trainings:
    """Shares of right answers of trainings that never took place.

    For each start one rate has the best mean over the choosing seeds. Another gives one of them a
    lucky result, a third is the best for the showing seeds, one has the best median, one the best
    minimum.
    """

    def __init__(self, params):
        numbers = params.numpy()
        self.starts = [f"start {letter}" for letter in params.sample("abcdefgh", 3)]
        self.rates = sorted(n / 1000 for n in params.sample(range(1, 1000), 7))
        seeds = params.sample(range(40), 11)
        self.choosing, self.showing = seeds[:4], seeds[4:]
        self.shares = numbers.uniform(0.3, 0.4, size=(3, 7, 40))
        self.best = []
        for shares, unlucky in zip(self.shares, (0, params.choice((1, 2)), 3), strict=True):
            best, lucky, shown, uneven, even, self.free = params.sample(range(7), 6)
            shares[best, self.choosing] = numbers.uniform(0.7, 0.8, size=4)
            shares[best, params.choice(self.choosing)] = 0.5
            shares[uneven, self.choosing] = 0.82
            shares[uneven, self.choosing[unlucky]] = 0
            shares[even, self.choosing] = numbers.uniform(0.55, 0.6, size=4)
            shares[lucky, self.choosing[0]] = 0.98
            shares[shown, self.showing] = numbers.uniform(0.9, 0.95, size=7)
            self.best.append(best)

    def table(self, ask):
        """Return the student's table as an array: a row for each start."""
        names = ("shares", "starts", "rates", "choosing", "showing")
        try:
            got = ask(CALL, order=ORDER, **{name: getattr(self, name) for name in names})
        except Wrong as error:
            raise Wrong(ORDER) if f"KeyError: {ORDER!r}" in str(error) else error from None
        if got is None:
            raise Wrong("tuned_comparison returned None: is a `return` missing?")
        if type(got) is not dict or set(got) != set(self.starts):
            raise Wrong("tuned_comparison should return a dict whose keys are the names of starts")
        try:
            rows = np.array([got[start] for start in self.starts], dtype=float)
        except (TypeError, ValueError, OverflowError):
            raise Wrong("each value of the dict should be (rate, mean, deviation)") from None
        if rows.shape != (3, 3):
            raise Wrong("each value of the dict should be (rate, mean, deviation)")
        if not np.isfinite(rows).all():
            raise Wrong("the table contains nan or infinity: nan from `train` counts as 0")
        if not np.isin(rows[:, 0], self.rates).any() and np.isin(rows[:, 1:], self.rates).any():
            raise Wrong("each value of the dict should be (rate, mean, deviation), in this order")
        return rows

    def at_best(self, rows):
        """Return the shares of the showing seeds; a table of other rates shows something else."""
        shares = self.shares[range(3), self.best][:, self.showing]
        rates_off = np.abs(rows[:, 0] - np.array(self.rates)[self.best]).max() > 1e-9
        if rates_off and np.abs(rows[:, 1] - np.nan_to_num(shares).mean(axis=1)).max() > 1e-9:
            raise Wrong("the chosen rates are not right yet, and so neither is what is shown")
        return shares


@part("tuned_comparison", points=1, public=True)
def chosen(ask, params):
    """The rate of each start is the best by the mean over the choosing seeds."""
    made = Trainings(params)
    got = made.table(ask)[:, 0]
    shares = made.shares
    hints = [
        (shares[..., made.showing].mean(-1), "the showing seeds must not choose"),
        (shares[..., made.choosing].max(-1), "one lucky seed must not choose: take the mean"),
        (np.median(shares[..., made.choosing], -1), "the mean chooses, not the median"),
        (shares[..., made.choosing].min(-1), "the mean chooses, not the worst seed"),
        (shares[..., made.choosing + made.showing].mean(-1), "the showing seeds must not choose"),
    ]
    rates = np.array(made.rates)
    hints = [(rates[scores.argmax(axis=1)], hint) for scores, hint in hints]
    together = shares[..., made.choosing].mean(axis=(0, 2)).argmax()
    hints += [(np.full(3, rates[together]), "each start has a rate of its own")]
    hints += [(np.array(made.best), "these are places in the list of rates, not the rates")]
    close(got, rates[made.best], "the list of chosen rates", mistakes=hints)


@part("tuned_comparison", points=0.5, public=True)
def shown(ask, params):
    """The mean is over the showing seeds, at the chosen rate."""
    made = Trainings(params)
    at_best = made.shares[range(3), made.best]
    hints = [
        (at_best[:, made.choosing].mean(axis=1), "these are the seeds that chose the rate"),
        (at_best[:, made.choosing + made.showing].mean(axis=1), "leave out the choosing seeds"),
    ]
    rows = made.table(ask)
    close(rows[:, 1], made.at_best(rows).mean(axis=1), "the list of means", mistakes=hints)


@part("tuned_comparison", points=0.5, public=True)
def spread(ask, params):
    """The deviation is that of the showing seeds, at the chosen rate."""
    made = Trainings(params)
    rows = made.table(ask)
    shares = made.at_best(rows)
    hints = [
        (shares.std(axis=1), "divide by n - 1"),
        (shares.var(axis=1), "that is a variance: take the root"),
        (shares.var(axis=1, ddof=1), "that is a variance: take the root"),
        (shares.std(axis=1, ddof=1) / math.sqrt(7), "that is the deviation of the mean"),
        (shares.std(axis=1) / math.sqrt(7), "that is the deviation of the mean"),
    ]
    close(rows[:, 2], shares.std(axis=1, ddof=1), "the list of deviations", mistakes=hints)


@part("tuned_comparison", points=0.5, public=True)
def diverged_when_shown(ask, params):
    """A training with a showing seed that has diverged counts as 0."""
    made = Trainings(params)
    made.shares[range(3), made.best, made.showing[2]] = math.nan
    rows = made.table(ask)
    shares = made.at_best(rows)
    hints = [(np.nanmean(shares, axis=1), "a training that has diverged counts as 0")]
    expected = np.nan_to_num(shares).mean(axis=1)
    close(rows[:, 1], expected, "with nan, the list of means", mistakes=hints)


@part("tuned_comparison", points=0.75)
def diverged(ask, params):
    """A training that has diverged counts as 0, in choosing and in showing."""
    made = Trainings(params)
    made.shares[2, made.free, made.choosing] = 0.9
    made.shares[2, made.free, made.choosing[1]] = math.nan
    made.shares[2, made.free, made.choosing[2]] = math.nan
    made.shares[0, made.best[0], made.showing[3]] = math.nan
    rows = made.table(ask)
    close(rows[:, 0], np.array(made.rates)[made.best], "with nan, the list of chosen rates")
    expected = np.nan_to_num(made.at_best(rows)).mean(axis=1)
    close(rows[:, 1], expected, "with nan, the list of means")


@part("tuned_comparison", points=0.75)
def whole_table(ask, params):
    """The whole table is right, also where two rates are equally good."""
    made = Trainings(params)
    equal = made.best[1] + (1 if made.best[1] < 6 else -1)
    made.shares[1, equal] = made.shares[1, made.best[1]]
    made.best[1] = min(equal, made.best[1])
    shares = made.shares[range(3), made.best][:, made.showing]
    rates = np.array(made.rates)[made.best]
    rows = made.table(ask)
    for column, expected, what in (
        (0, rates, "the list of chosen rates"),
        (1, shares.mean(axis=1), "the list of means"),
        (2, shares.std(axis=1, ddof=1), "the list of deviations"),
    ):
        hints = [(shares.std(axis=1), "divide by n - 1")] if column == 2 else []
        close(rows[:, column], expected, what, mistakes=hints)
