"""Rebuilding within bounds: large notebooks, odd letters, and damage at random."""

import copy
import random
import time

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed")

from nbconvert.filters import markdown2html  # noqa: E402
from nbformat.v4 import new_code_cell, new_markdown_cell  # noqa: E402

from grading.rebuild import LONGEST, harmless  # noqa: E402
from tests.grading import toy  # noqa: E402
from tests.grading.rebuilding import ANSWERS, DRAW, answers, rebuilt, submitted  # noqa: E402


def test_a_very_large_notebook_is_cut_and_rebuilt_soon(tmp_path):
    """50 MB of outputs, and without any identity as many cells as are allowed, all nearly alike."""
    notebook = submitted()
    large = {"output_type": "stream", "name": "stdout", "text": "x" * 50_000_000}
    notebook["cells"][1]["outputs"] = [large]
    made, notes = rebuilt(notebook, tmp_path)
    assert answers(made) == ANSWERS and notes == []
    letters = list(toy.EXPLAIN + toy.PLOT)
    random.Random(0).shuffle(letters)
    for make in (new_code_cell, new_markdown_cell):
        start = time.monotonic()
        rebuilt({"cells": [make("".join(letters))] * 2000}, tmp_path)
        rebuilt({"cells": [make("x" * 300_000)] * 100}, tmp_path)
        assert time.monotonic() - start < 10


@pytest.mark.parametrize("run", ["\\", "<", "]", "`", "``` ", "```\t", "\\html", "\\\\n"])
def test_one_sign_over_and_over_takes_no_time(run):
    """All submissions are rebuilt before the first is marked, so a slow one would hold up all."""
    start = time.monotonic()
    harmless((run * LONGEST)[:LONGEST])
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("run", ["[", "\\begin{a} ", "*a **a ", "> ", "`` ` "])
def test_a_page_of_one_sign_over_and_over_is_made_soon(run):
    """The feedback of all is written by one process: 190,000 brackets took it minutes."""
    start = time.monotonic()
    markdown2html(harmless((run * LONGEST)[:LONGEST]))
    assert time.monotonic() - start < 10


def test_sources_that_no_file_can_hold_are_replaced(tmp_path):
    notebook = submitted()
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"]) + "\ud800"
    made, _ = rebuilt(notebook, tmp_path)
    assert answers(made)["draw_answer"] == DRAW + "?"


def test_noise_in_a_notebook_never_changes_what_is_locked(tmp_path):
    """Cells lost, copied, moved, retyped and cut at random; `rebuilt` looks at the rest."""
    dice = random.Random(11)
    for _ in range(150):
        notebook = submitted()
        cells = notebook["cells"]
        for _ in range(dice.randint(1, 6)):
            at, other = dice.randrange(len(cells)), dice.randrange(len(cells))
            kind = dice.randrange(8)
            if kind == 0 and len(cells) > 1:
                del cells[at]
            elif kind == 1:
                cells.insert(other, copy.deepcopy(cells[at]))
            elif kind == 2:
                cells[at]["metadata"] = {}
            elif kind == 3:
                cells[at]["cell_type"] = dice.choice(["code", "markdown", "raw", 3])
            elif kind == 4:
                cells[at]["source"] = "".join(cells[at]["source"])[: dice.randint(0, 30)]
            elif kind == 5:
                cells[at]["metadata"] = cells[other]["metadata"]
            elif kind == 6:
                cells.insert(at, cells.pop(min(other, len(cells) - 1)))
            else:
                cells[at].pop(dice.choice(sorted(cells[at])))
        rebuilt(notebook, tmp_path)
