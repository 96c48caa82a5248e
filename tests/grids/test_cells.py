"""The cells of a grid: which are refused, and which are the same."""

import numpy as np
import pandas as pd
import pytest

from tests.grids.support import square
from weightinit.grids import product, run_grid


@pytest.mark.parametrize(
    "grid, error, message",
    [
        (None, TypeError, "cells must be a sequence.* got None"),
        (5, TypeError, "cells must be a sequence.* got 5"),
        ("x", TypeError, "cells must be a sequence.* got 'x'"),
        ([], ValueError, "at least one cell, got none"),
        ([{"x": 1}, 2], TypeError, "cell 1 must be a dict of arguments, got 2"),
        ([{}], TypeError, "cell 0 must be a dict of arguments, got {}"),
        ({"x": [1, 2]}, TypeError, "cell 0 must be a dict of arguments, got 'x'"),
        (pd.DataFrame({"x": [1]}), TypeError, "cell 0 must be a dict of arguments, got 'x'"),
        ([{"x": 1}, {"y": 1}], ValueError, r"the first has \['x'\], cell 1 has \['y'\]"),
        ([{"x": 1}, {"x": 1, "y": 2}], ValueError, r"cell 1 has \['x', 'y'\]"),
        ([{"x": 1}, {"x": np.int64(1)}], ValueError, "the cell x=1 is there 2 times"),
        ([{"x": 0.0}, {"x": -0.0}], ValueError, "the cell x=0.0 is there 2 times"),
        ([{"x": 1}, {"x": 1.0}, {"x": True}], ValueError, "the cell x=1 is there 3 times"),
        ([{"x": "1"}, {"x": 2}, {"x": "1"}], ValueError, "the cell x='1' is there 2 times"),
        ([{"x": 1}, {"x": np.nan}], ValueError, "x must be a value that equals itself, got nan"),
        ([{"x": np.float32("nan")}], ValueError, "x must be a value that equals itself, got nan"),
        ([{"x": pd.NA}], ValueError, "x must be a value that equals itself, got nan"),
        ([{"x": [1]}], TypeError, r"got 'x': \[1\]"),
        ([{"x": (1,)}], TypeError, r"got 'x': \(1,\)"),
        ([{"x": {"a": 1}}], TypeError, "got 'x': {'a': 1}"),
        ([{"x": 1j}], TypeError, "got 'x': 1j"),
        ([{"x": b"1"}], TypeError, "got 'x': b'1'"),
        ([{"x": int}], TypeError, "got 'x': <class 'int'>"),
        ([{"x": np.longdouble(1)}], TypeError, "got 'x': np.longdouble"),
        ([{"x": np.datetime64("2020-01-01")}], TypeError, "got 'x': np.datetime64"),
        ([{1: 1}], TypeError, "names must be text.*got 1: 1"),
        ([{"x": np.ones(1)}], TypeError, "values text, numbers, booleans or None, got 'x': array"),
    ],
)
def test_cells_that_cannot_be_told_apart_or_kept_are_refused(grid, error, message, tmp_path):
    with pytest.raises(error, match=message):
        run_grid(square, grid, store=tmp_path / "store")
    assert not list(tmp_path.iterdir())


def kind(x):
    return {"kind": type(x).__name__, "text": repr(x)}


@pytest.mark.parametrize(
    "values", [(1, 1.0, True, "1"), (0.0, -0.0, 0, False), (None, "None"), (np.inf, -np.inf)]
)
def test_what_is_equal_in_a_table_has_cells_of_its_own_in_a_store(values, tmp_path):
    for _ in range(2):
        for x in values:
            table = run_grid(kind, [{"x": x}], store=tmp_path / "store")
            assert table.loc[0, ["kind", "text"]].tolist() == [type(x).__name__, repr(x)]
    assert len((tmp_path / "store").read_text().splitlines()) == 1 + len(values)


def test_product_has_every_combination_once():
    grid = product(a=range(2), b=(c for c in "xy"), c=np.array([0.5]))
    assert grid == [{"a": a, "b": b, "c": 0.5} for a in (0, 1) for b in "xy"]


@pytest.mark.parametrize(
    "values", ["xy", 3, None, 0.5, list, b"xy", {"x": 1}, {1, 2}, frozenset([1]), np.array(1.0)]
)
def test_what_is_no_axis_is_refused(values):
    with pytest.raises(TypeError, match=r"^a must be a sequence, such as \[.*\], got "):
        product(b=[1], a=values)


@pytest.mark.parametrize("axes", [{}, {"a": [1], "b": []}, {"a": np.array([])}])
def test_a_product_without_values_is_refused(axes):
    with pytest.raises(ValueError, match="at least one axis and a value on each"):
        product(**axes)
