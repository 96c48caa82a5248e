"""Running a function over the cells of a grid, on one core or many, without losing what is done."""

from __future__ import annotations

import hashlib
import inspect
import itertools
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from typing import BinaryIO

import pandas as pd
from tqdm import tqdm

from weightinit._checks import check_sequence
from weightinit._progress import show
from weightinit.grids import pools


def product(**axes: Iterable) -> list[dict]:
    """Return one cell for each combination of values; the last axis changes fastest.

    Parameters
    ----------
    **axes : iterable
        The values of each argument.

    Returns
    -------
    list of dict
        The cells.

    Raises
    ------
    TypeError
        If the values of an axis are text or no iterable.
    ValueError
        If there is no axis, or one without values.

    Examples
    --------
    >>> product(depth=[2, 4], seed=[0])
    [{'depth': 2, 'seed': 0}, {'depth': 4, 'seed': 0}]
    """
    for name, values in axes.items():
        check_sequence(name, values)
    lists = [list(values) for values in axes.values()]
    if not lists or not all(lists):
        raise ValueError(f"need at least one axis and a value on each, got {axes}")
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*lists)]


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
        The arguments of each call: the same names in each, values as above.
    store : path, optional
        A file that each result is added to as soon as it is there, as one line of JSON. Cells that
        it holds are not computed again, so the same call resumes a run that was interrupted. It
        belongs to the function as its source is; what the function calls is not looked at. Only
        one run at a time may use it.
    progress : bool, optional
        Show a progress bar; by default only in a terminal.

    Returns
    -------
    pandas.DataFrame
        The rows of each cell, in the order of ``cells``; the arguments are the first columns.

    Raises
    ------
    TypeError
        If a cell is no dict, the function returns something else or a value is none of the above,
        or results are to be stored of something that was not made by ``def``.
    ValueError
        If there is no cell or one twice, the names differ, a result is named like an argument, or
        the store is damaged or that of another function.
    RuntimeError
        If cells keep killing their workers, or it raises what cannot be sent between processes.
    Exception
        Whatever the function raises, with a note that names the cell.
    KeyboardInterrupt
        With a note that says how many cells the store holds.

    Examples
    --------
    >>> import joblib
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
    cells = _checked(cells)
    keys = [pools.key_of(cell) for cell in cells]
    key, times = Counter(keys).most_common(1)[0]
    if times > 1:
        raise ValueError(f"the cell {pools.described(key)} is there {times} times; once is enough")
    with nullcontext((None, {})) if store is None else _opened(store, function) as (file, done):
        missing = [key for key in keys if key not in done]
        n = len(keys)
        bar = tqdm(total=n, initial=n - len(missing), disable=not show(progress), leave=False)
        try:
            with bar, closing(pools.computed(function, missing)) as lines:
                for line in lines:
                    if file is not None:
                        _write(file, line.encode())
                    done |= pools.parsed(line)
                    bar.update()
        except KeyboardInterrupt as stop:
            if file is not None:
                kept = sum(key in done for key in keys)
                stop.add_note(f"{store} holds {kept} of the {n} cells; the same call goes on.")
            raise
    rows = [cell | row for cell, key in zip(cells, keys, strict=True) for row in done[key]]
    return pd.DataFrame(rows, columns=None if rows else list(cells[0]))


def _checked(cells: Iterable[dict]) -> list[dict]:
    cells = list(cells)
    if not cells:
        raise ValueError("need at least one cell, got none")
    for number, cell in enumerate(cells):
        if not isinstance(cell, Mapping) or not cell:
            raise TypeError(f"cell {number} must be a dict of arguments, got {cell!r}")
        if cell.keys() != cells[0].keys():
            raise ValueError(
                "the cells must have the same arguments; "
                f"the first has {list(cells[0])}, cell {number} has {list(cell)}"
            )
    names = list(cells[0])
    return [pools.plain({name: cell[name] for name in names}) for cell in cells]


# The store --------------------------------------------------------------------------------------


@contextmanager
def _opened(path: str | os.PathLike, function: Callable) -> Iterator[tuple[BinaryIO, dict]]:
    """Open a store to add lines to; return it along with the results that it holds."""
    header = _header(function)
    first = json.dumps(header).encode() + b"\n"
    done = {}
    with open(path, "a+b") as file:
        file.seek(0)
        # What follows the last newline was being written when the run was killed.
        *lines, torn = file.read().split(b"\n")
        if not lines and first.startswith(torn):
            file.truncate(0)
            _write(file, first)
        else:
            _check_header(path, lines[0] if lines else torn, header)
            file.truncate(sum(len(line) + 1 for line in lines))
        for number, line in enumerate(lines[1:], start=2):
            try:
                record = pools.parsed(line)
            except (ValueError, TypeError, KeyError) as error:
                raise ValueError(
                    f"line {number} of {path} is damaged: {line[:80]!r}; "
                    "delete that line, and its cell is computed again"
                ) from error
            if record.keys() & done.keys():
                raise ValueError(
                    f"line {number} of {path} holds a cell a second time: delete one of the lines, "
                    f"and let one run at a time use the file. It is {pools.described(*record)}"
                )
            done |= record
        yield file, done


def _header(function: Callable) -> dict:
    if not inspect.isfunction(function):
        raise TypeError(
            f"results can be stored of a function made by def, known by its source; "
            f"got {function!r}"
        )
    try:
        source = hashlib.sha256(inspect.getsource(function).encode()).hexdigest()
    except OSError:  # typed into an interpreter that does not keep what is typed
        source = None
    return {"results of": f"{function.__module__}.{function.__qualname__}", "source": source}


def _check_header(path: str | os.PathLike, line: bytes, header: dict) -> None:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.keys() != header.keys():
        raise ValueError(f"{path} is no store of results: name another file")
    if found != header:
        name, other = header["results of"], found["results of"]
        whose = (
            f"{other}, not {name}"
            if other != name
            else f"{name} before its source changed, if only in a comment"
        )
        raise ValueError(f"{path} holds results of {whose}: delete the file or name another")


def _write(file: BinaryIO, line: bytes) -> None:
    file.write(line)
    file.flush()
    os.fsync(file.fileno())
