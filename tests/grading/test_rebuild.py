"""What is left of a damaged or hostile notebook: the release with the student's sources in it."""

import copy
import functools
import json

import nbformat
import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed")

from nbformat.v4 import new_code_cell, new_markdown_cell  # noqa: E402

from grading.rebuild import REVIEW, rebuild  # noqa: E402
from tests.grading import rebuilding  # noqa: E402
from tests.grading.rebuilding import ANSWERS, DRAW, answers, by_name, own  # noqa: E402


@pytest.fixture
def release():
    return rebuilding.release()


@pytest.fixture
def submitted():
    return rebuilding.submitted()


@pytest.fixture
def rebuilt(tmp_path):
    return functools.partial(rebuilding.rebuilt, folder=tmp_path)


def test_an_honest_notebook_needs_no_mending(rebuilt, submitted):
    made, notes = rebuilt(submitted)
    assert answers(made) == ANSWERS and notes == [] and own(made) == []


def test_an_untouched_notebook_is_the_release(rebuilt, release):
    made, notes = rebuilt(json.loads(nbformat.writes(release)))
    assert [cell.source for cell in made.cells] == [cell.source for cell in release.cells]
    assert notes == []


def test_own_cells_stay_where_they_were_in_their_order(rebuilt, submitted):
    one, two = (json.loads(json.dumps(new_code_cell(text))) for text in ("a = 1", "b = 2"))
    text = json.loads(json.dumps(new_markdown_cell("before <b>all</b>")))
    submitted["cells"][2:2] = [one, two]
    made, notes = rebuilt({**submitted, "cells": [text, *submitted["cells"]]})
    assert [cell.source for cell in made.cells[:5]] == [
        "before < b>all< /b>",
        made.cells[1].source,
        made.cells[2].source,
        "a = 1",
        "b = 2",
    ]
    assert answers(made) == ANSWERS and notes == []


def colab(notebook):
    notebook["metadata"] |= {"colab": {"provenance": []}, "accelerator": "GPU"}
    notebook["metadata"]["kernelspec"] = {"name": "ir", "display_name": "R", "language": "R"}
    for number, cell in enumerate(notebook["cells"]):
        cell["metadata"] |= {"id": f"x{number}", "colab": {"height": 35}}
        cell["id"] = f"colab-{number}"


def points_and_flags(notebook):
    for cell in notebook["cells"]:
        cell["metadata"]["nbgrader"] |= {"points": 400, "grade": False, "locked": False}
        cell["metadata"]["nbgrader"] |= {"solution": True, "task": True, "schema_version": 1}


def outputs(notebook):
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            data = {"text/html": "<script>1</script>", "text/plain": "4.0"}
            cell["outputs"] = [{"output_type": "display_data", "data": data, "metadata": {}}]
            cell["execution_count"] = 7


def without_what_is_optional(notebook):
    notebook["nbformat_minor"] = 0
    for cell in notebook["cells"]:
        for name in ("id", "outputs", "execution_count"):
            cell.pop(name, None)


def source_in_lines(notebook):
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"]).splitlines(keepends=True)


def windows_lines(notebook):
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"]).replace("\n", "\r\n")


def attachments_and_tags(notebook):
    for cell in notebook["cells"]:
        cell["attachments"] = {"a.svg": {"image/svg+xml": "<svg onload=alert(1)>"}}
        cell["metadata"]["tags"] = ["remove-cell"]


def same_ids(notebook):
    for cell in notebook["cells"]:
        cell["id"] = "same"


DAMAGE = [colab, points_and_flags, outputs, without_what_is_optional, source_in_lines]
DAMAGE += [windows_lines, attachments_and_tags, same_ids]


@pytest.mark.parametrize("change", DAMAGE, ids=lambda change: change.__name__)
def test_damage_outside_of_the_sources_does_not_matter(rebuilt, submitted, change):
    change(submitted)
    made, notes = rebuilt(submitted)
    assert answers(made) == ANSWERS and notes == [] and own(made) == []


def test_a_byte_order_mark_and_windows_lines_of_the_file(rebuilt, submitted):
    text = json.dumps(submitted, indent=1).replace("\n", "\r\n")
    made, notes = rebuilt(b"\xef\xbb\xbf" + text.encode())
    assert answers(made) == ANSWERS and notes == []


def test_the_old_format_with_worksheets(rebuilt, submitted):
    cells = []
    for cell in submitted["cells"]:
        old = dict(cell)
        if cell["cell_type"] == "code":
            old["input"] = old.pop("source")
        cells.append(old)
    cells.append({"cell_type": "heading", "level": 2, "source": "Mine", "metadata": {}})
    made, _ = rebuilt({"nbformat": 3, "metadata": {}, "worksheets": [{"cells": cells}]})
    assert answers(made) == ANSWERS and own(made) == ["Mine"]


def test_deleted_cells_are_put_back(rebuilt, submitted):
    lost = ("draw", "explain", "setup")
    submitted["cells"] = [cell for cell in submitted["cells"] if cell["id"] not in lost]
    made, notes = rebuilt(submitted)
    assert answers(made) == ANSWERS | {"explain": "YOUR ANSWER HERE"}
    assert notes == ["missing cells put back: setup, draw, explain"]


def test_changed_locked_cells_come_from_the_release(rebuilt, submitted):
    by_name(submitted)["draw"]["source"] = "def check(task): pass"
    by_name(submitted)["setup"]["source"] = "import os"
    made, notes = rebuilt(submitted)
    assert notes == [
        "locked cells changed, taken from the release: setup, draw",
    ]
    assert not any("os" in cell.source for cell in made.cells if cell["id"] == "setup")


@pytest.mark.parametrize("kind", ["markdown", "raw", "heading", "nonsense", None])
def test_a_cell_of_another_type_becomes_what_it_was(rebuilt, submitted, kind):
    for name in ("draw", "draw_answer"):
        by_name(submitted)[name]["cell_type"] = kind
    made, notes = rebuilt(submitted)
    assert answers(made) == ANSWERS
    assert notes == ["type of cell changed, taken from the release: draw_answer"]


def test_code_in_place_of_words_is_made_harmless(rebuilt, submitted):
    by_name(submitted)["explain"] |= {"cell_type": "code", "source": "<script>1</script>"}
    made, notes = rebuilt(submitted)
    assert answers(made)["explain"] == "< script>1< /script>"
    assert notes == ["type of cell changed, taken from the release: explain"]


@pytest.mark.parametrize("first", [True, False])
def test_of_two_copies_the_one_that_was_worked_on_counts(rebuilt, release, submitted, first):
    stub = json.loads(json.dumps(by_name(release)["draw_answer"]))
    submitted["cells"].insert(2 if first else 3, stub)
    made, notes = rebuilt(submitted)
    assert answers(made) == ANSWERS and notes == []


def test_of_two_answers_the_last_counts_and_a_person_looks(rebuilt, submitted):
    copied = copy.deepcopy(by_name(submitted)["draw_answer"]) | {"source": "draw = len"}
    submitted["cells"].insert(3, copied)
    made, notes = rebuilt(submitted)
    assert answers(made)["draw_answer"] == "draw = len"
    assert notes == [f"{REVIEW}: two answers in draw_answer, the last one counts"]


def strip(notebook, names=None):
    for cell in notebook["cells"]:
        if names is None or cell["id"] in names:
            cell["metadata"] = {}


def test_without_any_identity_answers_are_found_by_text_and_place(rebuilt, submitted):
    strip(submitted)
    made, notes = rebuilt(submitted)
    assert answers(made) == ANSWERS and own(made) == []
    assert len(notes) == len(ANSWERS) and all(note.startswith(REVIEW) for note in notes)


def test_one_lost_identity_is_found_and_no_other_touched(rebuilt, submitted):
    strip(submitted, ["count_answer"])
    made, notes = rebuilt(submitted)
    assert answers(made) == ANSWERS
    assert notes == [f"{REVIEW}: identity of count_answer was lost, found by its text or place"]


def test_identities_of_other_assignments_are_none(rebuilt, submitted):
    for cell in submitted["cells"]:
        cell["metadata"]["nbgrader"]["grade_id"] += "-of-another"
    made, notes = rebuilt(submitted)
    assert answers(made) == ANSWERS and all(note.startswith(REVIEW) for note in notes)


@pytest.mark.parametrize(
    "odd", [None, 3, [], "x", {"grade_id": 7}, {"grade_id": ["draw"]}, {"grade_id": None}], ids=str
)
def test_odd_metadata_is_as_good_as_none(rebuilt, submitted, odd):
    by_name(submitted)["count_answer"]["metadata"]["nbgrader"] = odd
    made, _ = rebuilt(submitted)
    assert answers(made) == ANSWERS
    submitted["cells"][4]["metadata"] = odd
    made, _ = rebuilt(submitted)
    assert answers(made) == ANSWERS


def test_an_answer_in_a_cell_of_its_own_is_run_and_kept(rebuilt, release):
    notebook = json.loads(nbformat.writes(release))
    notebook["cells"].insert(3, json.loads(json.dumps(new_code_cell(DRAW))))
    made, notes = rebuilt(notebook)
    assert own(made) == [DRAW] and notes == []


def test_no_cells_at_all_are_the_release(release):
    made, notes = rebuild(release, [])
    assert [cell.source for cell in made.cells] == [cell.source for cell in release.cells]
    assert notes and notes[0].startswith("missing cells put back: intro, setup")
