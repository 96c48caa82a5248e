"""The one way in which this course chooses a learning rate."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from torch import nn

from weightinit._checks import check_number, check_sequence
from weightinit.data import Digits
from weightinit.training import loop
from weightinit.training.ensemble import sweep

SEEDS = tuple(range(100, 105))  # of the networks that choose; those that are shown start from 0
ORDER_SEED = 100  # of the order of the images, which is another one, too
MOST = 2  # two rates next to each other differ by this factor at most


@dataclass(frozen=True)
class Tuned:
    """What `tune` returns.

    Attributes
    ----------
    lr : float
        The rate chosen.
    scores : pandas.Series
        The score of each rate, the lower the better.
    tied : tuple of float
        The rates that are as good as the best one.
    table : pandas.DataFrame
        All runs, as `sweep` returns them.
    """

    lr: float
    scores: pd.Series
    tied: tuple[float, ...]
    table: pd.DataFrame


class BestRateAtEdge(ValueError):
    """The best learning rate is the smallest or the largest tried: a better one may lie beyond."""


def final_loss(history: pd.DataFrame) -> float:
    """Return the training loss at a network's last evaluation: infinite if it is not finite."""
    loss = history["loss"].iloc[-1]
    return float(loss) if np.isfinite(loss) else np.inf


def steps_until(accuracy: float) -> Callable[[pd.DataFrame], float]:
    """Return a criterion: the first step at which so large a share of the test images is right.

    Examples
    --------
    >>> history = pd.DataFrame({"step": [0, 10, 20], "test_accuracy": [0.1, 0.4, 0.6]})
    >>> steps_until(0.3)(history), steps_until(0.9)(history)
    (10.0, inf)
    """
    check_number("accuracy", accuracy)
    if not 0 < accuracy <= 1:
        raise ValueError(f"accuracy must be above 0 and at most 1, got {accuracy}")

    def first_step(history: pd.DataFrame) -> float:
        reached = history.loc[history["test_accuracy"] >= accuracy, "step"]
        return float(reached.min()) if len(reached) else np.inf

    return first_step


def tune(
    build: Callable[[int], nn.Module],
    data: Digits,
    *,
    lrs: Sequence[float],
    steps: int,
    seeds: Sequence[int] = SEEDS,
    criterion: Callable[[pd.DataFrame], float] = final_loss,
    tie: float = 0.02,
    **options,
) -> Tuned:
    """Choose the learning rate of a network on other seeds than those that are shown.

    Every rate trains one network for each seed; its score is the median of their criterion. Rates
    whose scores lie within ``tie`` of the best one count as equal, and the middle one is taken: in
    the middle of a plateau, and not where luck has put the lowest point.

    Parameters
    ----------
    build : callable
        ``build(seed)`` returns an initialized network, of which a copy is trained.
    data : Digits
        The images.
    lrs : sequence of float
        The grid: at least three rates in increasing order, each at most twice the one before.
    steps : int
        The budget of each run.
    seeds : sequence of int
        Seeds of the networks that choose.
    criterion : callable
        Given the evaluations of one run (columns as in `sweep`), returns a number, the lower the
        better, infinite for a failure. By default `final_loss`; `steps_until` makes another.
    tie : float
        Share of the best score by which another may be worse and still be as good.
    **options
        What `sweep` takes besides, such as ``optimizer=torch.optim.Adam``; ``order_seed`` is 100.

    Returns
    -------
    Tuned

    Raises
    ------
    BestRateAtEdge
        If one of the rates that count as best is the smallest or the largest: extend the grid.
    TypeError, ValueError
        As `sweep`; and if the grid is not as described, ``tie`` is negative, or the criterion
        returns no number.
    RuntimeError
        If every rate fails, so that there is nothing to choose; or as `sweep`.

    Examples
    --------
    >>> from weightinit import data, networks
    >>> def build(seed):
    ...     return networks.mlp(1, 16, "tanh", seed=seed)
    >>> rates = [2.0**k for k in range(-4, 5)]
    >>> tune(build, data.digits(), lrs=rates, steps=30).lr in rates[1:-1]
    True
    """
    rates = _grid(lrs)
    loop.check_function("criterion", criterion, "the evaluations of one run")
    check_number("tie", tie)
    if not 0 <= tie < 1:
        raise ValueError(f"tie must be at least 0 and below 1, got {tie}")
    options.setdefault("order_seed", ORDER_SEED)
    table = sweep(build, data, lrs=rates, seeds=seeds, steps=steps, **options)
    found = {
        key: _score(criterion, run.sort_values("step"))
        for key, run in table.groupby(["lr", "seed"])
    }
    scores = pd.Series(found).groupby(level=0).median()
    scores = scores.rename("score").rename_axis("lr")
    best = scores.min()
    if not np.isfinite(best):
        raise RuntimeError(f"no learning rate of {rates} works: every score is infinite")
    tied = [lr for lr in rates if scores[lr] <= best + tie * abs(best)]
    if rates[0] in tied or rates[-1] in tied:
        edge = rates[0] if rates[0] in tied else rates[-1]
        raise BestRateAtEdge(
            f"the rate {edge:g} is as good as the best and stands at the edge of the grid "
            f"({rates[0]:g} to {rates[-1]:g}); extend the grid"
        )
    return Tuned(tied[(len(tied) - 1) // 2], scores, tuple(tied), table)


def _grid(lrs: Sequence[float]) -> list[float]:
    check_sequence("lrs", lrs)
    for lr in (rates := list(lrs)):
        loop.check_rate(lr)
    steps = [later / earlier for earlier, later in zip(rates, rates[1:], strict=False)]
    if len(rates) < 3 or not all(1 < step <= MOST * (1 + 1e-9) for step in steps):
        raise ValueError(
            "lrs must be three rates or more, in increasing order, each at most twice the one "
            f"before, got {rates}"
        )
    return rates


def _score(criterion, run: pd.DataFrame) -> float:
    score = criterion(run)
    check_number("what the criterion returns", score)
    if np.isnan(score):
        raise ValueError("what the criterion returns must not be NaN; infinite means a failure")
    return float(score)
