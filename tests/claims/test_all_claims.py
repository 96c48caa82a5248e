"""Tests of all_claims.py: the page of all claims, from what the chapters have stored."""

import json
from pathlib import Path

import nbformat
import pytest

from weightinit.claims import Claim, all_claims, claim, load, page, results, stored_results, table

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of two chapters with three claims; the first is measured twice."""
    entries = {
        id: Claim(id, chapter, f"claim-{id}", f"statement {id}", "holds", f"finding {id}")
        for id, chapter in (("1.0", "01_x"), ("1.1", "01_x"), ("2.0", "02_y"))
    }
    for module in (all_claims, results):
        monkeypatch.setattr(module, "load", lambda: entries)
    (tmp_path / "chapters").mkdir()
    for chapter, ids in (("02_y", ["2.0"]), ("01_x", ["1.1", "1.0", "1.1"])):
        outputs = [
            {"metadata": {"weightinit": claim(id, n, at_most=9, source="x").to_dict()}}
            for n, id in enumerate(ids)
        ]
        cells = [{"source": "# T"}, {"outputs": [{"text": "1"}, *outputs, {"metadata": {}}]}]
        (tmp_path / "chapters" / f"{chapter}.ipynb").write_text(json.dumps({"cells": cells}))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_table_has_a_row_for_each_claim_in_the_order_of_the_file(course):
    rows = table()
    assert rows["id"].tolist() == ["1.0", "1.1", "2.0"]
    assert [[r.value for r in found] for found in rows["results"]] == [["1"], ["0", "2"], ["0"]]
    assert rows["link"][1] == (
        "[Where it is measured](#claim-1.1), [the whole chapter](../chapters/01_x.ipynb)"
    )
    columns = ["id", "statement", "verdict", "finding", "results", "link"]
    assert rows.columns.tolist() == columns


def test_page(course, monkeypatch):
    blocks = page().markdown
    assert blocks.startswith(
        "**1.0: holds**\n\n- *People say:* statement 1.0\n- *We find:* finding 1.0\n"
        "- Measured, x: 1. Required: at most 9.\n- [Where it is measured](#claim-1.0), "
    )
    assert "x: 0. Required: at most 9.\n- Measured, x: 2." in blocks
    assert page(chapter="02_y").markdown.startswith("**2.0: holds**")
    assert page(chapter="01_x").markdown.count("People say") == 2
    assert repr(page()) == page()._repr_markdown_() == blocks
    (course / "appendix").mkdir()
    monkeypatch.chdir(course / "appendix")
    assert page().markdown == blocks  # as from the folder above
    chapters = [str(course / "chapters" / f"{name}.ipynb") for name in ("01_x", "02_y")]
    assert page(chapters).markdown == page(map(Path, chapters)).markdown == blocks


def test_results_of_a_notebook_without_any():
    assert list(stored_results({"cells": []})) == []


def test_a_claim_that_no_chapter_measures_is_named(course):
    (course / "chapters" / "01_x.ipynb").unlink()
    with pytest.raises(ValueError, match="no stored result for claim 1.0, 1.1; execute its chap"):
        table()
    (course / "chapters" / "02_y.ipynb").unlink()
    with pytest.raises(
        FileNotFoundError, match="no notebooks in 'chapters' or '../chapters', seen"
    ):
        page()


@pytest.mark.parametrize(
    ("function", "error", "says", "given"),
    [
        (page, ValueError, "no claims of chapter '1'; known: 01_vanishing", {"chapter": "1"}),
        (page, ValueError, "no claims of chapter 1; known", {"chapter": 1}),
        (page, ValueError, r"no claims of chapter \['a'\]; known", {"chapter": ["a"]}),
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


def test_page_of_one_chapter():
    chapters = sorted((ROOT / "chapters").glob("*.ipynb"))
    blocks = page(chapters, chapter="01_vanishing_gradients").markdown.split("\n\n**")
    assert [block.lstrip("*")[:3] for block in blocks] == [f"1.{n}" for n in range(7)]


def test_the_page_of_all_claims_has_every_chapter_under_its_heading():
    cells = nbformat.read(ROOT / "appendix" / "claims.ipynb", as_version=4).cells[1:]
    shown = {}
    for heading, code in zip(cells[::2], cells[1::2], strict=True):
        chapter = code.source.splitlines()[-1].split('"')[1]
        assert code.source.endswith(f'claims.page(chapter="{chapter}")')
        shown[chapter] = heading.source
    assert list(shown) == list(dict.fromkeys(entry.chapter for entry in load().values()))
    for chapter, heading in shown.items():
        path = ROOT / "chapters" / f"{chapter}.ipynb"
        first = json.loads(path.read_text("utf-8"))["cells"][0]
        assert heading == "#" + "".join(first["source"]).splitlines()[0]
