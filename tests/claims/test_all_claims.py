"""Tests of all_claims.py: the page of all claims, from what the chapters have stored."""

import json
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from markdown_it import MarkdownIt

from weightinit.claims import (
    Claim,
    all_claims,
    claim,
    evidence,
    load,
    page,
    statements,
    stored_results,
    table,
)

ROOT = Path(__file__).resolve().parents[2]


def output(id, number=1):
    result = claim(id, evidence("x", number, at_most=9, control=("c", 10)))
    return {"metadata": {"weightinit": result.to_dict()}}


def chapter(path, *outputs):
    cells = [{"source": "# T"}, {"outputs": [{"text": "1"}, *outputs, {"metadata": {}}]}]
    path.write_text(json.dumps({"cells": cells}))


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of two chapters with three claims."""
    entries = {
        id: Claim(id, chapter, f"claim-{id}", f"statement {id}", "true", f"x | <y> *{id}*")
        for id, chapter in (("1.0", "01_x"), ("1.1", "01_x"), ("2.0", "02_y"))
    }
    for module in (all_claims, statements):
        monkeypatch.setattr(module, "load", lambda: entries)
    (tmp_path / "chapters").mkdir()
    chapter(tmp_path / "chapters" / "02_y.ipynb", output("2.0", 2))
    chapter(tmp_path / "chapters" / "01_x.ipynb", output("1.1", 1), output("1.0", 0))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_table_has_a_row_for_each_claim_in_the_order_of_the_file(course):
    rows = table()
    assert rows["id"].tolist() == ["1.0", "1.1", "2.0"]
    assert [result.evidence[0].value for result in rows["result"]] == ["0", "1", "2"]
    assert rows["link"][1] == "[section on 1.1](#claim-1.1), [chapter 1](../chapters/01_x.ipynb)"
    columns = ["id", "chapter", "statement", "verdict", "finding", "result", "link"]
    assert rows.columns.tolist() == columns


def test_a_claim_can_be_measured_in_a_further_experiment(course, monkeypatch):
    (course / "appendix").mkdir()
    (course / "chapters" / "02_y.ipynb").rename(course / "appendix" / "side_trip.ipynb")
    entries = all_claims.load() | {"2.0": replace(all_claims.load()["2.0"], chapter="side_trip")}
    monkeypatch.setattr(all_claims, "load", lambda: entries)
    link = "[section on 2.0](#claim-2.0), [further experiment](../appendix/side_trip.ipynb)"
    assert table()["link"][2] == link
    monkeypatch.chdir(course / "appendix")
    assert table()["link"][2] == link


def test_page(course, monkeypatch):
    text = page().markdown
    first, empty, head, _, *rows, empty_too, last = text.splitlines()
    assert (first, empty, empty_too, last) == ('<div class="all-claims">', "", "", "</div>")
    assert head == "| Claim | Verdict | People say | We find | Where |"
    assert rows[2].startswith('| 2.0 | <span class="verdict true"')
    assert rows[2].endswith("| [section on 2.0](#claim-2.0), [chapter 2](../chapters/02_y.ipynb) |")
    shown = MarkdownIt().enable("table").render(text)
    assert shown.count("<tr>") == 4 and shown.count("<td ") == 15
    assert ">x | &lt;y&gt; *1.0*</td>" in shown  # as it is written
    assert repr(page()) == page()._repr_markdown_() == text
    (course / "appendix").mkdir()
    monkeypatch.chdir(course / "appendix")
    assert page().markdown == text  # as from the folder above
    chapters = [str(course / "chapters" / f"{name}.ipynb") for name in ("01_x", "02_y")]
    assert page(chapters).markdown == page(map(Path, chapters)).markdown == text


def test_results_of_a_notebook_without_any():
    assert list(stored_results({"cells": []})) == []


def test_a_claim_that_no_chapter_measures_is_named(course):
    (course / "chapters" / "01_x.ipynb").unlink()
    with pytest.raises(ValueError, match="no stored result for claim 1.0, 1.1; execute its note"):
        table()
    (course / "chapters" / "02_y.ipynb").unlink()
    with pytest.raises(
        FileNotFoundError, match="no notebooks in 'chapters' or '../chapters', seen"
    ):
        page()


def test_a_claim_measured_twice_is_refused(course):
    chapter(course / "chapters" / "02_y.ipynb", output("2.0"), output("1.1"))
    with pytest.raises(ValueError, match="claim 1.1 is measured more than once"):
        table()


@pytest.mark.parametrize(
    ("function", "error", "says", "given"),
    [
        (page, TypeError, "notebooks must be a sequence", {"notebooks": "chapters"}),
        (table, TypeError, "notebooks must be a sequence", {"notebooks": 3}),
        (table, TypeError, "notebooks must hold paths, got None", {"notebooks": [None]}),
        (table, ValueError, "no stored result for claim 1.0", {"notebooks": []}),
    ],
)
def test_wrong_calls(function, error, says, given):
    with pytest.raises(error, match=says):
        function(**given)


@pytest.mark.parametrize("given", [None, "notebook", 3, ["cells"]])
def test_results_of_what_is_no_notebook(given):
    with pytest.raises(TypeError, match="notebook must be a .*Mapping"):
        list(stored_results(given))


def test_the_page_of_all_claims_shows_what_the_chapters_have_stored():
    code = nbformat.read(ROOT / "appendix" / "claims.ipynb", as_version=4).cells[-1]
    assert code.source.endswith("claims.page()")
    (shown,) = code.outputs
    notebooks = [*(ROOT / "chapters").glob("*.ipynb"), *(ROOT / "appendix").glob("*.ipynb")]
    text = page(notebooks).markdown
    assert shown.data["text/markdown"] == text
    assert [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| ")][1:] == [
        f"| {id}" for id in load()
    ]
