"""A submission of the toy to be damaged, and what must hold of all that are rebuilt."""

import json

import nbformat

from grading.rebuild import load, rebuild, settings
from tests.grading import toy
from tests.grading.support import cleared

DRAW = "def draw(n_in, n_out, seed):\n    return 'mine'"
COUNT = "def count(widths):\n    return 17"
PLOT = "print('my plot')"
WORDS = "Because of $n_\\text{in}$ products."
ANSWERS = {"draw_answer": DRAW, "count_answer": COUNT, "plot": PLOT, "explain": WORDS}


def release():
    """Return the notebook of students, as nbgrader makes it."""
    notebook = toy.source()
    for cell in notebook.cells:
        cell.source = cleared(cell.source)
    notebook.cells[-1].source = "YOUR ANSWER HERE"
    return notebook


def submitted():
    """Return a notebook with an honest answer to everything, as a dictionary to be damaged."""
    notebook = release()
    for cell in notebook.cells:
        cell.source = ANSWERS.get(cell["id"], cell.source)
    return json.loads(nbformat.writes(notebook))


def rebuilt(notebook, folder):
    """Rebuild a notebook, look at what must hold for all, and return it with the notes."""
    path, given = folder / "toy.ipynb", release()
    path.write_bytes(notebook if isinstance(notebook, bytes) else json.dumps(notebook).encode())
    made, notes = rebuild(given, load(path))
    assert given == release(), "the release itself was changed"
    nbformat.validate(made)
    assert made.metadata == given.metadata
    ours = [cell for cell in made.cells if settings(cell)]
    assert [cell.metadata for cell in ours] == [cell.metadata for cell in given.cells]
    assert [cell.cell_type for cell in ours] == [cell.cell_type for cell in given.cells]
    for cell, locked in zip(ours, given.cells, strict=True):
        assert settings(cell)["solution"] or cell.source == locked.source
    assert all(not cell.get("outputs") for cell in made.cells)
    assert len({cell["id"] for cell in made.cells}) == len(made.cells)
    nbformat.writes(made).encode()
    return made, notes


def by_name(notebook):
    found = notebook["cells"] if isinstance(notebook, dict) else notebook.cells
    return {cell["metadata"].get("nbgrader", {}).get("grade_id"): cell for cell in found}


def answers(notebook):
    return {name: cell.source for name, cell in by_name(notebook).items() if name in ANSWERS}


def own(notebook):
    return [cell.source for cell in notebook.cells if not settings(cell)]
