"""Running a function over the cells of a grid, on one core or many, without losing what is done."""

import inspect
import os
from collections.abc import Callable, Iterable
from contextlib import closing, nullcontext

import pandas as pd
from tqdm import tqdm

from weightinit._progress import show
from weightinit.grids.cells import checked, key_of, parsed
from weightinit.grids.pools import computed
from weightinit.grids.store import Store


def run_grid(
    function: Callable[..., dict | list[dict] | pd.DataFrame],
    cells: Iterable[dict],
    *,
    store: str | os.PathLike | None = None,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Call ``function(**cell)`` for every cell and put the results into one table.

    The calls go through joblib, one after the other unless a backend is named around this one:
    ``with joblib.parallel_config("loky", n_jobs=4):`` for four processes of this machine, or
    ``with joblib.parallel_config("dask"):`` for the cluster that a ``distributed.Client`` is
    connected to. The table is the same wherever the function returns the same.

    The cells of a worker that is killed are computed again by another. A cell that was in flight
    when three pools of workers broke, the last time alone, is given up after all others are done.

    Parameters
    ----------
    function : callable
        Returns the rows of a cell: a dict, a list of dicts or a data frame (its index is dropped).
        All values are numbers, text, booleans or None; NumPy's become Python's.
    cells : iterable of dict
        The arguments of each call: the same names in each, values as above but for NaN. No two are
        equal in a table, where 1, 1.0 and True are the same.
    store : path, optional
        A file that each result is added to as soon as it is there, as one line of JSON. Cells that
        it holds are not computed again, so the same call resumes a run that was interrupted. It
        belongs to the function as it is: to its source, its default arguments, and the constants,
        and functions and classes of its file, that it uses. What other files define is known by
        its name only. 1, 1.0 and True are three cells of a store, as a function may tell them
        apart. While one run adds to the file, others can only read it; they know by a lock, on a
        file beside it whose name ends in ``.lock``.
    progress : bool, optional
        Show a progress bar; by default only in a terminal.

    Returns
    -------
    pandas.DataFrame
        The rows of each cell, in the order of ``cells``; the arguments are the first columns.

    Raises
    ------
    TypeError
        If a cell is no dict or does not fit the function, the function returns something else or a
        value is none of the above, or results are to be stored of something that was not made by
        ``def`` or that uses what may change unseen, such as a random generator.
    ValueError
        If there is no cell or one twice, the names differ, an argument is NaN, a result is named
        like an argument, or the store is damaged or that of another function.
    RuntimeError
        If another run is writing to the store, if cells keep killing their workers, or if it raises
        what cannot be sent between processes.
    Exception
        Whatever the function raises, with a note that names the cell.
    KeyboardInterrupt
        With a note that says how many cells the store holds.

    Examples
    --------
    >>> import joblib
    >>> from weightinit.grids import product
    >>> def power(base, exponent):
    ...     return {"value": base**exponent}
    >>> cells = product(base=[2, 10], exponent=[1, 3])
    >>> table = run_grid(power, cells)
    >>> table
       base  exponent  value
    0     2         1      2
    1     2         3      8
    2    10         1     10
    3    10         3   1000
    >>> with joblib.parallel_config("threading", n_jobs=2):
    ...     run_grid(power, cells).equals(table)
    True
    """
    if not callable(function):
        raise TypeError(f"function must be callable, such as one made by def, got {function!r}")
    cells = checked(cells)
    _check_call(function, cells[0])
    hidden = not show(progress)
    kept = None if store is None else Store(store, function)
    keys = [key_of(cell) for cell in cells]
    n, done = len(keys), kept.read() if kept else {}
    if not done.keys() >= set(keys):
        try:
            with kept.writing() if kept else nullcontext(lambda line: None) as add:
                done = kept.read() if kept else {}  # another run may have ended in between
                missing = [key for key in keys if key not in done]
                bar = tqdm(total=n, initial=n - len(missing), disable=hidden, leave=False)
                with bar, closing(computed(function, missing)) as lines:
                    for line in lines:
                        add(line)
                        done |= parsed(line)
                        bar.update()
        except KeyboardInterrupt as stop:
            if kept:
                found = len(kept.read().keys() & set(keys))
                stop.add_note(f"{store} holds {found} of the {n} cells; the same call goes on.")
            raise
    rows = [cell | row for cell, key in zip(cells, keys, strict=True) for row in done[key]]
    return pd.DataFrame(rows, columns=None if rows else list(cells[0]))


def _check_call(function: Callable, cell: dict) -> None:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return  # of some built-in functions, nobody knows
    try:
        signature.bind(**cell)
    except TypeError as error:
        raise TypeError(f"the cells do not fit {function!r}: {error}") from error
