"""The cells of a grid: the arguments of each call, told apart by their JSON."""

import itertools
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Set

import numpy as np
import pandas as pd

from weightinit._checks import check_sequence

SCALARS = (str, int, float, bool, type(None))


def product(**axes: Iterable) -> list[dict]:
    """Return one cell for each combination of values; the last axis changes fastest.

    Parameters
    ----------
    **axes : iterable
        The values of each argument, in an order: no text, set or dict.

    Returns
    -------
    list of dict
        The cells.

    Raises
    ------
    TypeError
        If an axis is none of these.
    ValueError
        If there is no axis, or one without values.

    Examples
    --------
    >>> product(depth=[2, 4], seed=[0])
    [{'depth': 2, 'seed': 0}, {'depth': 4, 'seed': 0}]
    """
    for name, values in axes.items():
        check_sequence(name, values)
        if isinstance(values, bytes | Mapping | Set) or getattr(values, "ndim", 1) == 0:
            raise TypeError(f"{name} must be a sequence, such as [1, 2], got {values!r}")
    lists = [list(values) for values in axes.values()]
    if not lists or not all(lists):
        raise ValueError(f"need at least one axis and a value on each, got {axes}")
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*lists)]


def checked(cells: Iterable[dict]) -> list[dict]:
    """Return the cells with Python's numbers; raise an error unless each is another one."""
    check_sequence("cells", cells)
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
    cells = [plain({name: cell[name] for name in cells[0]}) for cell in cells]
    for cell in cells:
        if nameless := [name for name, value in cell.items() if value != value]:
            raise ValueError(f"{nameless[0]} must be a value that equals itself, got nan")
    # In a table, 1, 1.0 and True are the same, and so are 0.0 and -0.0.
    values, times = Counter(tuple(cell.values()) for cell in cells).most_common(1)[0]
    if times > 1:
        key = key_of(dict(zip(cells[0], values, strict=True)))
        raise ValueError(f"the cell {described(key)} is there {times} times; once is enough")
    return cells


def plain(values: Mapping) -> dict:
    """Turn NumPy's numbers into Python's, and refuse what JSON would lose or change."""
    result = {}
    for name, value in values.items():
        # Of a time, NumPy would return a whole number.
        known = isinstance(value, np.generic) and value.dtype.kind in "biufU"
        result[name] = math.nan if value is pd.NA else value.item() if known else value
        if type(name) is not str or type(result[name]) not in SCALARS:
            raise TypeError(
                "names must be text and values text, numbers, booleans or None, "
                f"got {name!r}: {value!r}"
            )
    return result


def key_of(cell: dict) -> str:
    """Return what a cell is known by: 1, 1.0 and True are three cells."""
    return json.dumps(cell, sort_keys=True)


def described(key: str) -> str:
    """Return a cell as a message shows it."""
    return ", ".join(f"{name}={value!r}" for name, value in json.loads(key).items())


def parsed(line: str | bytes) -> dict[str, list[dict]]:
    """Return the rows of a cell by its key, from a line of a store."""
    cell, rows = map(json.loads(line).__getitem__, ("cell", "rows"))
    if not isinstance(cell, dict) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("not the rows of a cell")
    return {key_of(cell): rows}
