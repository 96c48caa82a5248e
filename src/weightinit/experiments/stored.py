"""The tables of the long experiments: read from their files, or computed where these lack cells."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from weightinit import _rerun
from weightinit.experiments import (
    activation_starts,
    batch_normalization,
    batch_sizes,
    confident_starts,
    critical_tanh,
    depths,
    explosions,
    fixup_blocks,
    forget_gates,
    frozen_parts,
    pixel_readers,
    relu_starts,
    residual_blocks,
    scaled_layers,
    small_starts,
    tanh_gains,
    tanh_rules,
    ten_layers,
    thirty_layers,
    very_deep,
    wide_layers,
)
from weightinit.grids import run_grid

# Beside the chapters that show them, in the checkout in which this package is installed.
RESULTS = Path(__file__).parents[3] / "chapters" / "results"
GRIDS = (
    tanh_gains.GRIDS
    | activation_starts.GRIDS
    | explosions.GRIDS
    | depths.GRIDS
    | critical_tanh.GRIDS
    | relu_starts.GRIDS
    | very_deep.GRIDS
    | thirty_layers.GRIDS
    | ten_layers.GRIDS
    | small_starts.GRIDS
    | residual_blocks.GRIDS
    | batch_normalization.GRIDS
    | batch_sizes.GRIDS
    | scaled_layers.GRIDS
    | frozen_parts.GRIDS
    | confident_starts.GRIDS
    | tanh_rules.GRIDS
    | pixel_readers.GRIDS
    | forget_gates.GRIDS
    | fixup_blocks.GRIDS
    | wide_layers.GRIDS
)


def results(function: Callable) -> pd.DataFrame:
    """Return the table of a grid: what the file lacks is computed, and kept there.

    In `make reseed`, too, these are the rows of the file, and its table says so.

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
        If the function has no grid, its file holds results of another one, or there is no folder
        for it, as where this package is installed without its chapters.

    Examples
    --------
    >>> list(results(relu_starts.scheme_and_rate))  # from its file
    ['scheme', 'lr', 'seed', 'steps_to_90', 'loss', 'test_accuracy']
    """
    if not any(function is known for known in GRIDS):
        names = ", ".join(known.__name__ for known in GRIDS)
        raise ValueError(f"no grid belongs to {function!r}; there is one for each of {names}")
    _rerun.note_stored_rows(function.__name__)
    store = RESULTS / f"{function.__name__}.jsonl"
    return run_grid(function, GRIDS[function], store=store)
