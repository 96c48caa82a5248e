"""A rerun says which claims other seeds, or other images, break: on a toy with a few claims."""

import json
from dataclasses import replace

import nbformat
import pytest
import reseed

from weightinit import claims

FIRST = """
import numpy as np
from weightinit.claims import claim, evidence
x = np.random.default_rng(0).random()
"""
KEPT = 'claim("1.1", evidence("x", x, at_least=0, control=("below", -1)))'
BREAKS = 'claim("1.2", evidence("x - 0.637", abs(x - 0.637), at_most=1e-3, control=("one", 1)))'
FAILS = 'assert x < 0.637, "not\\nas before"\n' + KEPT.replace("1.1", "1.4")
NOT_FINITE = 'y = x if abs(x - 0.637) < 1e-3 else np.nan\nclaim("1.5", ' + KEPT.split(", ", 1)[1]
NOT_FINITE = NOT_FINITE.replace('"x", x', '"y", y')


def write(path, *sources):
    cells = [nbformat.v4.new_code_cell(source) for source in (FIRST, *sources)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def stored(output, data="digits"):
    return json.loads(output.read_text("utf-8"))[data]["toy"]["evidence"]


@pytest.mark.slow  # starts kernels
def test_claims_that_a_shift_breaks_are_told_from_those_that_it_keeps(tmp_path, capsys):
    path = write(tmp_path / "toy.ipynb", KEPT, BREAKS, FAILS, NOT_FINITE)
    before, output = path.read_bytes(), tmp_path / "result.json"
    options = [str(path), "--jobs", "2", "--output", str(output), "--shifts"]
    assert reseed.main([*options, "0"]) == 0  # the seeds as they are
    assert all(row["kept"] for row in stored(output))
    assert capsys.readouterr().out.endswith("every claim was kept\n")
    assert reseed.main([*options, "0", "1"]) == 1
    kept, broken, missing, nan = stored(output)
    assert (kept["kept"], kept["broken_at"], kept["problem"]) == (True, [], None)
    assert 0 < kept["margin"] < 1
    assert (broken["kept"], broken["broken_at"], broken["shift"]) == (False, [1], 1)
    assert broken["margin"] < -0.1
    assert missing["claim"] == "1.4" and missing["margin"] is missing["source"] is None
    assert missing["problem"] == "as before"
    assert nan["margin"] is None and nan["problem"] == "measured nan, required at least 0"
    assert path.read_bytes() == before
    out = capsys.readouterr().out
    assert "toy, shift 1: " in out
    assert out.endswith("broken or missing: 1.2, 1.4, 1.5\n")
    for line in (
        "1.1      0.64      0  kept",
        "kept     x\n",
        "BROKEN   x - 0.637; measured",
        "MISSING  as before",
    ):
        assert line in out


@pytest.mark.slow
def test_a_kernel_that_dies_takes_the_claims_behind_it_along_but_nothing_else(tmp_path):
    path = write(tmp_path / "toy.ipynb", KEPT, "import os\nos._exit(1)", BREAKS)
    (kept, missing), seconds = reseed.execute(path, 0, "digits")
    assert kept["kept"] and not missing["kept"] and seconds > 0
    assert (missing["claim"], missing["problem"]) == (
        "1.2",
        "DeadKernelError before or in its cell",
    )


def executed(*cells):
    """Return a notebook whose cells have outputs, each with that metadata or an error."""
    notebook = nbformat.v4.new_notebook()
    for source, *outputs in cells:
        cell = nbformat.v4.new_code_cell(source)
        for output in outputs:
            cell.outputs.append(nbformat.v4.new_output("display_data", metadata=output))
        notebook.cells.append(cell)
    return notebook


def result(number, control=-1.0, id="1.1"):
    piece = claims.evidence("x", number, at_least=0, control=("below", control))
    return {"weightinit": claims.Result(claims.load()[id], (piece,)).to_dict()}


def test_a_control_that_keeps_the_bound_is_no_control():
    (row,) = reseed.collect(executed((KEPT, result(0.5, control=0.0))))
    assert not row["kept"] and row["margin"] == 0.5
    assert row["problem"] == "Control, below: 0, which does not break the bound."


def test_a_claim_that_its_cell_does_not_show_is_missing():
    (row,) = reseed.collect(executed((KEPT + "\nx",)))
    assert (row["claim"], row["kept"]) == ("1.1", False)
    assert row["problem"] == "the cell does not show the claim"


def test_evidence_from_stored_rows_is_said_not_to_be_reseeded():
    rows = {"weightinit_stored": "depths"}
    notebook = executed(
        ("table = results()", rows),
        (KEPT.replace("x, at", "table, at"), result(0.5)),
        (KEPT, result(0.5)),
    )
    assert [row["stored"] for row in reseed.collect(notebook)] == [["depths"], []]
    text = reseed.table("toy", reseed.compare({1: reseed.collect(notebook)}), "digits")
    assert text.count("NOT RESEEDED, as stored: depths") == 1


def test_a_claim_about_the_digits_alone_may_break_on_other_images(monkeypatch, tmp_path, capsys):
    broken = reseed.compare({1: reseed.collect(executed((KEPT, result(-1.0))))})
    monkeypatch.setattr(reseed, "execute", None)
    alone = {"1.1": replace(claims.load()["1.1"], digits_alone=True)}
    assert not reseed.excused(broken[0], "mnist")
    monkeypatch.setattr(reseed, "load", lambda: alone)
    assert reseed.excused(broken[0], "mnist") and not reseed.excused(broken[0], "digits")
    assert "said of the digits alone" in reseed.table("toy", broken, "mnist")


def test_a_chapter_takes_the_place_of_its_own_last_result_only(tmp_path):
    path = tmp_path / "result.json"
    for data, name, shifts in [("mnist", "b", [1]), ("digits", "b", [1]), ("digits", "a", [2, 1])]:
        reseed.keep(path, data, name, shifts, [])
    reseed.keep(path, "digits", "b", [3], [{"claim": "1.1"}])
    found = json.loads(path.read_text("utf-8"))
    assert list(found) == ["digits", "mnist"] and list(found["digits"]) == ["a", "b"]
    assert found["digits"]["b"] == {"shifts": [3], "evidence": [{"claim": "1.1"}]}
    assert found["digits"]["a"]["shifts"] == [1, 2]
    assert list(tmp_path.iterdir()) == [path]


def test_wrong_arguments_are_named(capsys, tmp_path):
    for wrong in (["--shifts", "x"], ["--data", "cats"], ["--jobs", "0"]):
        with pytest.raises(SystemExit):
            reseed.main([str(tmp_path), *wrong])
    assert "choose from" in capsys.readouterr().err
    with pytest.raises(FileNotFoundError, match="no notebook in"):
        reseed.main([str(tmp_path)])
    write(tmp_path / "none.ipynb", "page()")
    with pytest.raises(FileNotFoundError, match="measures a claim"):
        reseed.main([str(tmp_path)])


def test_notebooks_without_a_claim_are_left_out(tmp_path):
    write(tmp_path / "none.ipynb", "page()")
    assert reseed.measuring([str(tmp_path), str(write(tmp_path / "toy.ipynb", KEPT))]) == [
        tmp_path / "toy.ipynb",
        tmp_path / "toy.ipynb",
    ]
