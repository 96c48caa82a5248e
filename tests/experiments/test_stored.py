"""The files of the long experiments: complete, and still what the code gives."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp

from weightinit import experiments
from weightinit.experiments import stored as stored_results

pytestmark = pytest.mark.usefixtures("one_thread")  # as `make sweeps` runs

FUNCTIONS = list(experiments.GRIDS)


def stored(function):
    lines = (stored_results.RESULTS / f"{function.__name__}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines[1:]]


def cells(records):
    return sorted(json.dumps(record["cell"], sort_keys=True) for record in records)


def same_cell(function, **cell):
    """Return a cell's rows from the file, and computed again."""
    table = experiments.results(function)
    old = table[(table[list(cell)] == pd.Series(cell)).all(axis=1)].drop(columns=list(cell))
    return old.reset_index(drop=True), function(**cell)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_file_holds_its_grid_and_nothing_else(function):
    wanted = [{"cell": cell} for cell in experiments.GRIDS[function]]
    assert cells(stored(function)) == cells(wanted)


def test_every_file_belongs_to_a_grid():
    names = {function.__name__ for function in FUNCTIONS}
    assert {path.stem for path in stored_results.RESULTS.iterdir()} == names


@pytest.mark.parametrize("scheme, lr", [("he_normal", 0.03162), ("orthogonal", 0.05623)])
def test_scheme_and_rate_again(scheme, lr):
    """At such rates rounding decides about single networks, so that only their law can be compared.

    Two samples of the same law have a p-value below 1e-4 once in 10,000 times.
    """
    old, new = same_cell(experiments.scheme_and_rate, scheme=scheme, lr=lr)
    for column in ("steps_to_90", "test_accuracy"):
        assert ks_2samp(old[column], new[column]).pvalue > 1e-4


@pytest.mark.parametrize(
    "function, cell, tolerance",
    [
        (experiments.depth_and_scale, {"depth": 8, "sigma_w2": 1.2}, 0.01),
        (experiments.scale_and_rate, {"scale": 1.0, "lr": 0.01}, 0.02),
        (experiments.branch_and_rate, {"branch": 0.1, "lr": 0.00316}, 0.02),
        (
            experiments.start_and_optimizer,
            {"start": "xavier_normal", "optimizer": "SGD", "lr": 0.01},
            1e-9,
        ),
        (
            experiments.std_and_normalization,
            {"normalization": "batch", "factor": 1.0, "lr": 0.001},
            0.03,
        ),
        (
            experiments.normalized_scheme_and_rate,
            {"scheme": "he_normal", "place": "before", "lr": 0.00316},
            0.05,
        ),
        (
            experiments.convolutions,
            {"scheme": "he_normal", "normalization": "batch", "lr": 0.00316},
            0.02,
        ),
        (
            experiments.first_layers_and_rate,
            {"activation": "tanh", "first": 5, "factor": 1.0, "lr": 0.01},
            1e-9,
        ),
        (
            experiments.batch_size_and_rate,
            {"normalization": "batch", "factor": 1.0, "batch_size": 64, "lr": 0.01},
            1e-9,
        ),
        (
            experiments.batch_size_and_rate,
            {"normalization": "layer", "factor": 1.0, "batch_size": 256, "lr": 0.1},
            0.02,
        ),
    ],
)
def test_cells_with_small_rates_again(function, cell, tolerance):
    old, new = same_cell(function, **cell)
    np.testing.assert_allclose(old["test_accuracy"], new["test_accuracy"], rtol=0, atol=tolerance)
