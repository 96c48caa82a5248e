"""Tests of tuning.py: which rate is chosen, and when the choice is refused."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch

from weightinit import data, networks, training
from weightinit.training import tuning

RATES = [0.25, 0.5, 1.0, 2.0, 4.0]


def build(seed):
    return networks.mlp(1, 8, "tanh", seed=seed)


@pytest.fixture
def losses(monkeypatch):
    """Let a sweep return these losses: a number for each rate, or one for each rate and seed."""

    def pretend(values):
        def sweep(build, data, *, lrs, seeds, steps, **options):
            rows = [
                {
                    "lr": lr,
                    "seed": seed,
                    "step": step,
                    "loss": np.ravel(values[lr])[k % np.size(values[lr])],
                }
                for lr in lrs
                for k, seed in enumerate(seeds)
                for step in (steps, 0)  # not in their order
            ]
            return pd.DataFrame(rows)

        monkeypatch.setattr(tuning, "sweep", sweep)
        return training.tune(build, None, lrs=list(values), steps=10)

    return pretend


@pytest.mark.parametrize(
    ("values", "chosen", "tied"),
    [
        ([5, 3, 1, 3, 5], 1.0, (1.0,)),
        ([5, 1, 1, 1, 5], 1.0, (0.5, 1.0, 2.0)),  # a plateau: its middle
        ([5, 1.01, 1.01, 1, 5], 1.0, (0.5, 1.0, 2.0)),  # within two percent
        ([5, 1.03, 1.03, 1, 5], 2.0, (2.0,)),
        ([5, 1, 1, 5, 5], 0.5, (0.5, 1.0)),  # of two, the smaller
        ([5, [1, 1, 1, 9, 9], 2, 5, 5], 0.5, (0.5,)),  # the median over five seeds
        ([5, [1, 1, 9, 9, 9], 2, 5, 5], 1.0, (1.0,)),
        ([5, np.inf, 2, np.nan, np.inf], 1.0, (1.0,)),
        ([5, -3, -1, -1, 5], 0.5, (0.5,)),
    ],
)
def test_choice(losses, values, chosen, tied):
    found = losses(dict(zip(RATES, values, strict=True)))
    assert (found.lr, found.tied) == (chosen, tied)
    assert found.scores.index.tolist() == RATES


@pytest.mark.parametrize(
    "values", [[1, 2, 3, 4, 5], [5, 4, 3, 2, 1], [1.01, 1, 2, 2, 2], [1, 1, 1, 1, 1]]
)
def test_the_edge_of_the_grid_is_refused(losses, values):
    with pytest.raises(training.BestRateAtEdge, match="edge of the grid .0.25 to 4.; extend"):
        losses(dict(zip(RATES, values, strict=True)))


def test_if_nothing_works_there_is_nothing_to_choose(losses):
    with pytest.raises(RuntimeError, match="no learning rate of .* works"):
        losses(dict.fromkeys(RATES, np.nan))


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam])
def test_the_rate_is_best_where_each_network_is_trained_alone(optimizer):
    digits, seeds = data.digits(), (100, 101, 102)
    rates = [2.0**k for k in (range(-6, 2) if optimizer is torch.optim.SGD else range(-9, -1))]
    found = training.tune(
        build, digits, lrs=rates, steps=20, seeds=seeds, optimizer=optimizer, tie=0
    )
    alone = {}
    for lr in rates:
        options = {"steps": 20, "seed": 100, "optimizer": partial(optimizer, lr=lr)}
        runs = [training.train(build(seed), digits, **options) for seed in seeds]
        alone[lr] = np.median([run.history["loss"].iloc[-1] for run in runs])
    assert found.lr == min(alone, key=alone.get)
    np.testing.assert_allclose(found.scores, list(alone.values()), rtol=1e-9)


def test_criteria():
    history = pd.DataFrame({"step": [0, 5, 9], "test_accuracy": [0.1, 0.3, 0.2], "loss": [3, 2, 1]})
    assert training.steps_until(0.3)(history) == 5 and training.final_loss(history) == 1
    assert training.steps_until(0.31)(history) == np.inf
    assert training.final_loss(history.assign(loss=np.nan)) == np.inf


@pytest.mark.parametrize(
    ("error", "says", "given"),
    [
        (ValueError, "lrs must be three rates or more", {"lrs": [1.0, 2.0]}),
        (ValueError, "each at most twice the one before", {"lrs": [1.0, 2.0, 5.0]}),
        (ValueError, "in increasing order", {"lrs": [4.0, 2.0, 1.0]}),
        (TypeError, "lrs must be a sequence", {"lrs": 1.0}),
        (ValueError, "learning rate must be positive", {"lrs": [0.0, 1.0, 2.0]}),
        (ValueError, "tie must be at least 0 and below 1, got 1", {"tie": 1}),
        (TypeError, "tie must be a number", {"tie": "2 %"}),
        (TypeError, "criterion must be a function", {"criterion": "loss"}),
        (TypeError, "what the criterion returns must be a number", {"criterion": lambda run: "a"}),
        (ValueError, "must not be NaN", {"criterion": lambda run: np.nan}),
    ],
)
def test_wrong_calls(error, says, given):
    options = {"lrs": [0.5, 1.0, 2.0], "steps": 2, "seeds": [0], **given}
    with pytest.raises(error, match=says):
        training.tune(build, data.digits(), **options)


@pytest.mark.parametrize(
    ("accuracy", "error"), [(0, ValueError), (1.1, ValueError), ("a", TypeError)]
)
def test_wrong_accuracy(accuracy, error):
    with pytest.raises(error, match="accuracy must be"):
        training.steps_until(accuracy)
