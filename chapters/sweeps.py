"""Experiments that take longer than a chapter may: computed by `make sweeps`, kept in `results`.

The experiments are functions of two files beside this one, by chapter. Here are their grids.
`results` gives the table of a whole grid, read from its file as far as that holds it. Delete the
file to compute all of it again.
"""

from pathlib import Path

import joblib
import pandas as pd
import torch
from sweeps_normalization import (
    batch_size_and_rate,
    convolutions,
    first_layers_and_rate,
    normalized_scheme_and_rate,
    std_and_normalization,
)
from sweeps_starts import (
    branch_and_rate,
    depth_and_scale,
    rule_and_optimizer,
    scale_and_rate,
    scheme_and_rate,
    start_and_optimizer,
)

from weightinit.grids import product, run_grid

RESULTS = Path(__file__).parent / "results"
RATES = [round(10 ** (quarter / 4), 5) for quarter in range(-10, 2)]  # quarters of a decade
LARGE_RATES = [*RATES, *(round(10 ** (quarter / 4), 5) for quarter in range(2, 7))]


def half_decades(low: float, high: float) -> list[float]:
    """Return powers of the root of ten, from ``10 ** low`` to ``10 ** high``.

    Examples
    --------
    >>> half_decades(-1, 0.5)
    [0.1, 0.31623, 1.0, 3.16228]
    """
    return [round(10 ** (half / 2), 5) for half in range(round(2 * low), round(2 * high) + 1)]


SCHEMES = ["he_normal", "he_uniform", "orthogonal", "xavier_normal", "lecun_normal"]
GRIDS = {
    depth_and_scale: product(
        depth=[4, 8, 12, 16, 24, 32, 48, 64, 96, 128],
        sigma_w2=[1.0, 1.2, 1.4, 1.6, 1.76, 2.0, 2.3, 2.6, 3.0, 3.5, 4.0],
    ),
    scale_and_rate: product(scale=[round(2 ** (half / 2), 4) for half in range(-6, 7)], lr=RATES),
    rule_and_optimizer: [
        *product(rule=["orthogonal"], optimizer=["SGD"], lr=[1e-3], seed=range(5)),
        *product(rule=["lecun_normal"], optimizer=["SGD"], lr=[1e-5, 1e-3, 0.1, 10], seed=range(5)),
        *product(rule=["lecun_normal"], optimizer=["Adam"], lr=[1e-5, 1e-4, 1e-3], seed=range(5)),
    ],
    start_and_optimizer: [
        *product(start=["he_normal", "lsuv"], optimizer=["SGD"], lr=half_decades(-4, -2)),
        *product(start=["xavier_normal"], optimizer=["SGD"], lr=half_decades(-4, 0)),
        *product(start=["he_normal", "xavier_normal"], optimizer=["Adam"], lr=half_decades(-4, -1)),
    ],
    branch_and_rate: [
        *product(branch=[1.0], lr=[10.0**power for power in (*range(-24, -10, 2), -8, -4, -2)]),
        *product(branch=[0.1, 0.0], lr=half_decades(-3.5, -0.5)),
    ],
    scheme_and_rate: product(scheme=[*SCHEMES, "default", "small"], lr=RATES),
    std_and_normalization: [
        *product(normalization=[None, "batch"], factor=half_decades(-3, 3), lr=half_decades(-3, 1)),
        # N(0, 10^2)
        *product(normalization=["batch"], factor=[10 * 32**0.5], lr=half_decades(-3, 3)),
    ],
    normalized_scheme_and_rate: [
        *product(
            scheme=["he_normal", "xavier_normal", "default", "small"],
            place=["before"],
            lr=LARGE_RATES,
        ),
        *product(scheme=["he_normal"], place=["after"], lr=LARGE_RATES),
    ],
    convolutions: product(
        scheme=["he_normal", "xavier_normal", "default"],
        normalization=[None, "batch"],
        lr=half_decades(-2.5, 0.5),
    ),
    first_layers_and_rate: [
        *product(
            activation=["relu", "tanh"],
            first=[5],
            factor=[0.01, 0.1, 1.0, 10.0, 100.0],
            lr=half_decades(-3, 1),
        ),
        *product(activation=["relu", "tanh"], first=[0], factor=[1.0], lr=half_decades(-3, 1)),
    ],
    batch_size_and_rate: product(
        normalization=["batch", "layer", "group"],
        factor=[1.0, 32**0.5],  # He; N(0, 1)
        batch_size=[2, 4, 8, 16, 64, 256],
        lr=half_decades(-2, 0),
    ),
}


def results(function) -> pd.DataFrame:
    """Return the table of a grid: what the file lacks is computed, and kept there.

    Examples
    --------
    >>> list(results(scale_and_rate))  # from its file
    ['scale', 'lr', 'seed', 'loss', 'test_accuracy']
    """
    store = RESULTS / f"{function.__name__}.jsonl"
    return run_grid(function, GRIDS[function], store=store)


def main() -> None:
    """Compute whatever is missing, on all cores of this machine."""
    torch.set_num_threads(1)
    with joblib.parallel_config("loky", n_jobs=-1, inner_max_num_threads=1):
        for function in GRIDS:
            results(function)
            print(f"{function.__name__}: all {len(GRIDS[function])} cells are there", flush=True)
