"""Tests of the comparison of outputs, without running anything: stored ones against spoilt ones."""

import base64
import copy
import io

import numpy as np
import pytest
from matplotlib.image import imsave
from nbformat import v4

from tests.notebooks.comparison import CellMetadataError, compare, tolerance
from tests.notebooks.honest_notebook import CASES, find, honest

NOTEBOOK = honest()


def spoilt(case):
    cell = copy.deepcopy(find(NOTEBOOK, case.name))
    case.spoil(cell)
    return cell


def only_outputs(case):
    """Say whether the spoiler leaves the code and its place in the order alone."""
    keys = ("source", "execution_count")
    honest_cell = find(NOTEBOOK, case.name)
    return case.spoil and all(spoilt(case)[key] == honest_cell[key] for key in keys)


@pytest.mark.parametrize("case", list(filter(only_outputs, CASES)), ids=lambda case: case.name)
def test_spoilt_outputs_are_found(case):
    cell, computed = spoilt(case), find(NOTEBOOK, case.name).outputs
    try:
        found = compare(cell.outputs, computed, tolerance(cell))
    except CellMetadataError as error:
        found = [str(error)]
    if case.says is None:
        assert found == []
    else:
        assert case.says in "\n".join(found) + "\n"


def test_honest_outputs_are_equal_to_themselves():
    for cell in NOTEBOOK.cells:
        if cell.cell_type == "code":
            assert compare(cell.outputs, cell.outputs, tolerance(cell)) == []


def figure(pixels):
    """Return an output that shows these pixels, 0 to 255."""
    file = io.BytesIO()
    imsave(file, pixels.astype(np.uint8), format="png")
    png = base64.b64encode(file.getvalue()).decode()
    return v4.new_output("display_data", {"image/png": png, "text/plain": "Figure with 1 axes"})


@pytest.mark.parametrize(
    ("pixels", "by", "same"),
    [
        (10_000, 25, True),  # 0.098 of black to white, everywhere
        (10_000, 26, False),
        (1, 255, True),
        (2, 255, False),
        (2, 26, False),
    ],
)
@pytest.mark.parametrize("colour", [0, 1, 2])
@pytest.mark.parametrize("lighter", [True, False])
def test_edge_of_what_counts_as_the_same_picture(pixels, by, same, colour, lighter):
    black = np.zeros((100, 100, 3))
    other = black.copy()
    other.reshape(-1, 3)[:pixels, colour] = by
    pair = [figure(other), figure(black)] if lighter else [figure(black), figure(other)]
    assert (compare(*([output] for output in pair), 1e-6) == []) == same


@pytest.mark.parametrize("rtol", [1e-12, 1e-2, 1])
def test_tolerance_with_a_reason(rtol):
    cell = v4.new_code_cell(metadata={"weightinit": {"rtol": rtol, "reason": "trained"}})
    if rtol <= 1e-2:
        assert tolerance(cell) == rtol
    else:
        with pytest.raises(CellMetadataError, match="at most 0.01, got 1$"):
            tolerance(cell)


def test_default_tolerance():
    assert tolerance(v4.new_code_cell()) == 1e-6
