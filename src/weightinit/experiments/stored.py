"""The tables of the long experiments: read from their files, or computed where these lack cells."""

from collections.abc import Callable
from pathlib import Path

import joblib
import pandas as pd
import torch

from weightinit.experiments import (
    batch_normalization,
    batch_sizes,
    convolutional,
    depths,
    relu_starts,
    residual_blocks,
    thirty_layers,
    very_deep,
)
from weightinit.grids import run_grid

# Beside the chapters that show them, in the checkout in which this package is installed.
RESULTS = Path(__file__).parents[3] / "chapters" / "results"
GRIDS = (
    depths.GRIDS
    | relu_starts.GRIDS
    | very_deep.GRIDS
    | thirty_layers.GRIDS
    | residual_blocks.GRIDS
    | batch_normalization.GRIDS
    | batch_sizes.GRIDS
    | convolutional.GRIDS
)


def results(function: Callable) -> pd.DataFrame:
    """Return the table of a grid: what the file lacks is computed, and kept there.

    Parameters
    ----------
    function : callable
        One of the keys of `GRIDS`.

    Returns
    -------
    pandas.DataFrame
        The rows of every cell, as `weightinit.grids.run_grid` puts them together.

    Raises
    ------
    ValueError
        If the function has no grid, or its file holds results of another one.

    Examples
    --------
    >>> list(results(relu_starts.scale_and_rate))  # from its file
    ['scale', 'lr', 'seed', 'loss', 'test_accuracy']
    """
    if function not in GRIDS:
        names = ", ".join(known.__name__ for known in GRIDS)
        raise ValueError(f"no grid belongs to {function!r}; there is one for each of {names}")
    store = RESULTS / f"{function.__name__}.jsonl"
    return run_grid(function, GRIDS[function], store=store)


def main() -> None:
    """Compute whatever is missing, on all cores of this machine."""
    torch.set_num_threads(1)
    with joblib.parallel_config("loky", n_jobs=-1, inner_max_num_threads=1):
        for function in GRIDS:
            results(function)
            print(f"{function.__name__}: all {len(GRIDS[function])} cells are there", flush=True)
