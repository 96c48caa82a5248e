"""Notebooks that are heavy to read or to draw hold up nobody else."""

import json
import os
import time

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed")

import nbformat  # noqa: E402
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook  # noqa: E402

from grading import drawing, prepare  # noqa: E402
from grading.drawing import drawable  # noqa: E402
from grading.feedback import feedback  # noqa: E402
from tests.grading import toy  # noqa: E402


def test_what_takes_too_much_is_given_up(monkeypatch):
    monkeypatch.setattr(prepare, "SECONDS", 1)
    assert prepare.within_limits(sum, [1, 2]) == 3
    assert prepare.within_limits(bytes, 2 * prepare.MEMORY) is None
    assert prepare.within_limits(sum, iter(int, 1)) is None
    with pytest.raises(FileNotFoundError):
        prepare.within_limits(open, "/no/such/file")


def test_what_ends_amid_its_answer_is_given_up(monkeypatch):
    def half(connection, found):
        os.write(connection.fileno(), (100).to_bytes(4, "big") + b"half")
        os._exit(1)

    monkeypatch.setattr("multiprocessing.connection.Connection.send", half)
    assert prepare.within_limits(sum, [1, 2]) is None


@pytest.fixture
def course(toy_course, tmp_path):
    return toy_course(tmp_path / "course")


def prepared(course, **changed):
    """Return the notebook and the notes that marking goes on with."""
    release = nbformat.read(course.notebook("release", toy.NAME), as_version=4)
    arguments = course, toy.NAME, "eve", release, "sign"
    found = prepare.within_limits(prepare.prepare, *arguments)
    return found or prepare.prepare(*arguments, damage=prepare.HEAVY)


def test_a_notebook_of_millions_of_cells_is_not_readable(course, monkeypatch):
    monkeypatch.setattr(prepare, "MEMORY", 2**27)
    # Cells of some 300 bytes, 900 MB: memory that earlier tests gave back is not counted again.
    toy.submit(course, "eve", '{"cells": [' + '{"":{}},' * 3_000_000 + "{}]}")
    text, notes, _ = prepared(course)
    assert notes == [f"NOT READABLE: {prepare.HEAVY}"] and prepare.HEAVY in text


def test_a_time_of_handing_in_does_not_stay_for_what_comes_later(course):
    stamp = toy.folder(course, "eve") / "timestamp.txt"
    kept = course.notebook("prepared", toy.NAME, "eve").with_name("timestamp.txt")
    toy.submit(course, "eve", toy.answered(course))
    for text in ("2026-01-01 10:00:00 UTC", "2026-06-01 10:00:00 UTC"):
        stamp.write_text(text)
        assert prepared(course)[2] == text == kept.read_text()
    stamp.write_text("no date")
    assert prepared(course)[2] is None and not kept.exists()


SLOW_CODE = ("x\n" + " \n" * 20_000, "." * 60_000, "print('%" + "0" * 20_000)
SLOW_WORDS = ("\\\\[" * 6000, "\\\\(" * 6000)


@pytest.fixture
def impatient(monkeypatch):
    """Give a cell a tenth of a second: what takes a second and more is slow on any computer."""
    monkeypatch.setattr(drawing, "ONE", 0.1)


def test_cells_that_are_slow_to_draw_are_shown_plainly(impatient):
    cells = [new_code_cell(text) for text in SLOW_CODE]
    cells += [new_markdown_cell(text) for text in SLOW_WORDS]
    cells += [new_code_cell("x = 1  # short"), new_markdown_cell("As $a^2$ says.")]
    notebook = new_notebook(cells=cells)
    start = time.process_time()
    assert drawable(notebook) == 5
    assert time.process_time() - start < 2 * drawing.ALL
    assert [cell.metadata.get("magics_language") for cell in cells[:3]] == ["text"] * 3
    assert cells[3].source.startswith("    \\\\[")
    assert (cells[5].metadata, cells[6].source) == ({}, "As $a^2$ says.")


def test_what_is_honest_is_drawn_with_colors(course):
    notebook = nbformat.from_dict(json.loads(json.dumps(toy.answered(course))))
    before = [cell.source for cell in notebook.cells]
    assert drawable(notebook) == 0
    assert [cell.source for cell in notebook.cells] == before


def test_feedback_of_a_slow_notebook_is_made_soon(course, sandbox, impatient):
    toy.submit(course, "eve", toy.answered(course, {"explain": SLOW_WORDS[0]}, SLOW_CODE[1]))
    toy.grade_all(course)
    assert "shown plainly: 2" in toy.known(course, "eve")["notes"][0]
    start = time.process_time()
    feedback(course, toy.NAME, say=str)
    assert time.process_time() - start < 20
    page = (course.root / "feedback" / "eve" / toy.NAME / f"{toy.NAME}.html").read_text()
    assert '<span class="k">def</span>' in page, "other code has its colors"
