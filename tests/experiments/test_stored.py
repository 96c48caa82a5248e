"""The files of the long experiments: complete, and still what the code gives."""

import json

import numpy as np
import pytest
from scipy.stats import ks_2samp

from weightinit import experiments, training
from weightinit.data import digits
from weightinit.experiments import (
    batch_normalization,
    depths,
    last_rows,
    relu_starts,
    residual_blocks,
    very_deep,
)
from weightinit.experiments import stored as stored_results

pytestmark = pytest.mark.usefixtures("one_thread")  # as `make sweeps` runs

FUNCTIONS = list(experiments.GRIDS)
TRAINING = [
    batch_normalization,
    depths,
    last_rows,
    relu_starts,
    residual_blocks,
]


def stored(function):
    lines = (stored_results.RESULTS / f"{function.__name__}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines[1:]]


def cells(records):
    return sorted(json.dumps(record["cell"], sort_keys=True) for record in records)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_file_holds_its_grid_and_nothing_else(function):
    wanted = [{"cell": cell} for cell in experiments.GRIDS[function]]
    assert cells(stored(function)) == cells(wanted)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_file_is_read_as_that_of_its_function(function, monkeypatch):
    monkeypatch.setattr("weightinit.grids.run.computed", None)  # nothing is left to compute
    table = experiments.results(function)
    assert len(table) == sum(len(record["rows"]) for record in stored(function))


def test_every_file_belongs_to_a_grid():
    names = {function.__name__ for function in FUNCTIONS}
    assert {path.stem for path in stored_results.RESULTS.glob("*.jsonl")} == names


@pytest.mark.parametrize("wrong", [None, "scheme_and_rate", [1], experiments.relu_network, int])
def test_what_has_no_grid_is_refused(wrong):
    message = "no grid belongs to .*one for each of gain_and_optimizer, "
    with pytest.raises(ValueError, match=message):
        experiments.results(wrong)


# The networks of a cell do not know of each other, so the first ones are enough, and where a table
# has rows on the way, so are the first steps. The cells are those in which rounding stays small:
# where every weight is off by a millionth, ten times what any processor's rounding makes of it,
# losses and accuracies differ by at most a third of what is allowed here.
AGAIN = [
    (experiments.depth_and_scale, {"depth": 4, "sigma_w2": 1.0}, 3, None, None, 0.003),
    (experiments.scheme_and_rate, {"scheme": "xavier_normal", "lr": 0.00562}, 1, None, 1e-3, 0.003),
    (experiments.branch_and_rate, {"branch": 0.1, "lr": 0.00316}, 2, 10, 1e-4, 0.003),
    (
        experiments.std_and_normalization,
        {"normalization": None, "factor": 1.0, "lr": 0.001},
        1,
        None,
        5e-3,
        0.02,
    ),
    (
        experiments.normalized_scheme_and_rate,
        {"scheme": "he_normal", "place": "before", "lr": 0.00316},
        1,
        None,
        0.05,
        0.05,
    ),
    (
        experiments.first_layers_and_rate,
        {"activation": "tanh", "first": 5, "factor": 1.0, "lr": 0.01},
        1,
        None,
        1e-4,
        1e-9,
    ),
    (
        experiments.batch_size_and_rate,
        {"normalization": "batch", "factor": 1.0, "batch_size": 256, "lr": 0.01},
        2,
        None,
        1e-3,
        1e-9,
    ),
    (
        experiments.batch_size_and_rate,
        {"normalization": "layer", "factor": 1.0, "batch_size": 256, "lr": 0.01},
        2,
        None,
        1e-3,
        0.003,
    ),
    (
        experiments.rule_and_optimizer,
        {"rule": "orthogonal", "optimizer": "SGD", "lr": 0.001, "seed": 0},
        1,
        1,
        1e-4,
        0.003,
    ),
]


@pytest.mark.slow  # networks are trained
@pytest.mark.parametrize("function, cell, networks, most, rtol, atol", AGAIN)
def test_cells_again(function, cell, networks, most, rtol, atol, monkeypatch):
    (old,) = (record["rows"] for record in stored(function) if record["cell"] == cell)

    def ensemble(models, digits, *, lrs, steps, evaluate_every=None, **options):
        return training.train_ensemble(
            models[:networks],
            digits,
            lrs=lrs[:networks],
            steps=min(steps, most or steps),
            evaluate_every=evaluate_every if most else steps,
            **options,
        )

    def one(model, digits, *, steps, **options):
        return training.train(model, digits, steps=min(steps, most), **options)

    for module in TRAINING:
        monkeypatch.setattr(module, "train_ensemble", ensemble)
    monkeypatch.setattr(very_deep, "train", one)
    new = function(**cell)
    if "step" in new and most:  # a last step of its own
        new = new[new["step"] % 10 == 0]
    keys = [name for name in ("lr", "seed", "step") if name in old[0]]
    old = {tuple(row[key] for key in keys): row for row in old}
    assert len(new) == networks * (2 if most and most > 1 else 1)
    for row in new.to_dict("records"):
        known = old[tuple(row[key] for key in keys)]
        assert row.keys() == known.keys()
        if rtol is not None:
            assert row["loss"] == pytest.approx(known["loss"], rel=rtol)
        for name in known.keys() & {"train_accuracy", "test_accuracy"}:
            assert row[name] == pytest.approx(known[name], abs=atol)
        if "steps_to_90" in known:  # these networks are too slow for it
            assert np.isnan(row["steps_to_90"]) and np.isnan(known["steps_to_90"])


@pytest.mark.slow
def test_law_of_the_steps_at_a_large_rate_again():
    """Rounding decides about single networks there, so that only their law can be compared.

    Half of the stored networks need 80 steps or fewer; here they are followed for 140. Two samples
    of the same law have a p-value below 1e-4 once in 10,000 times.
    """
    seen, cell = 140, {"scheme": "orthogonal", "lr": 0.05623}
    (old,) = (r["rows"] for r in stored(experiments.scheme_and_rate) if r["cell"] == cell)
    models = [experiments.relu_network("orthogonal", seed) for seed in range(len(old))]
    table = training.train_ensemble(
        models, digits(), lrs=[cell["lr"]] * len(old), steps=seen, evaluate_every=20
    )
    right = table[table["test_accuracy"] >= 0.9].groupby("member")["step"].min()
    new = right.reindex(range(len(old))).fillna(np.inf).clip(upper=seen)
    old = np.minimum(np.nan_to_num([row["steps_to_90"] for row in old], nan=np.inf), seen)
    assert np.median(old) <= 80
    assert ks_2samp(old, new).pvalue > 1e-4
