"""Tests of the checks themselves: an honest notebook passes, and every spoilt one is found."""

import copy
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import nbformat
import pytest
from nbformat import v4

from tests.notebooks import plugin, published
from tests.notebooks.honest_notebook import ALT, CASES, find, honest
from tests.notebooks.published import CHECKS
from weightinit import claims

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def notebook():
    return honest()


def run_pytest(folder):
    """Run pytest on a folder with our plugin; return the failure text of each cell, by file."""
    report = folder / "report.xml"
    path = os.pathsep.join([str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, f"--rootdir={folder}"]
    command += [
        "-p",
        "tests.notebooks.plugin",
        "-p",
        "no:cacheprovider",
        f"--junitxml={report}",
    ]
    subprocess.run(
        [*command, str(folder)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
    )
    results = {}
    for case in ElementTree.parse(report).iter("testcase"):
        file = case.get("classname").removesuffix(".ipynb")
        failure = case.find("failure")
        results.setdefault(file, []).append("" if failure is None else failure.text)
    return results


# --- the comparison of outputs ---------------------------------------------------------------


@pytest.fixture(scope="module")
def failures(notebook, tmp_path_factory):
    """Failure text of each cell, of the honest notebook and of one with every cell spoilt."""
    folder = tmp_path_factory.mktemp("comparison")
    spoilt = copy.deepcopy(notebook)
    for case in CASES:
        if case.spoil:
            case.spoil(find(spoilt, case.name))
    nbformat.write(notebook, folder / "honest.ipynb")
    nbformat.write(spoilt, folder / "spoilt.ipynb")
    results = run_pytest(folder)
    return {
        name: dict(zip((case.name for case in CASES), results[name], strict=True))
        for name in ("honest", "spoilt")
    }


def test_honest_notebook_passes(failures):
    assert not any(failures["honest"].values()), failures["honest"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_spoilt_cell_fails_for_the_right_reason(failures, case):
    failure = failures["spoilt"][case.name]
    if case.says is None:
        assert failure == ""
    else:
        assert case.says in failure


@pytest.mark.parametrize("option", ["nbval_lax", "nbval_sanitize_with", "sanitize_with"])
def test_options_that_look_away_are_refused(option):
    options = dict.fromkeys(("nbval_lax", "nbval_sanitize_with", "sanitize_with"))
    config = SimpleNamespace(option=SimpleNamespace(**{**options, option: "given"}))
    with pytest.raises(pytest.UsageError, match=f"--{option.replace('_', '-')} would let"):
        plugin.pytest_configure(config)


def test_number_of_threads_can_be_replaced():
    source = "import torch\ntorch.set_num_threads(1)  # fastest"
    replaced = "import torch\ntorch.set_num_threads(2)  # fastest"
    assert plugin.with_threads(source, 2) == replaced
    assert plugin.with_threads(source, None) == source


def test_every_chapter_sets_the_number_of_threads_that_the_option_replaces():
    chapters = sorted(ROOT.glob("chapters/*.ipynb"))
    assert chapters
    for chapter in chapters:
        assert plugin.SET_THREADS.search(chapter.read_text("utf-8")), chapter.name


def test_comparison_is_on_in_this_project(request):
    assert request.config.pluginmanager.hasplugin("tests.notebooks.plugin")
    assert request.config.option.nbval


# --- the guards ------------------------------------------------------------------------------


def first_output(notebook, name):
    return find(notebook, name).outputs[0]


def add_stderr(notebook):
    find(notebook, "tiny").outputs.append(v4.new_output("stream", name="stderr", text="Warning"))


def add_error(notebook):
    find(notebook, "tiny").outputs.append(v4.new_output("error", ename="ValueError", evalue="x"))


def add_markdown(source):
    return lambda notebook: notebook.cells.append(v4.new_markdown_cell(source))


def set_source(source):
    return lambda notebook: find(notebook, "never run").update(source=source)


def set_tags(*tags):
    return lambda notebook: find(notebook, "tiny").metadata.update(tags=list(tags))


def set_alt(alt, name="curve"):
    return lambda notebook: find(notebook, name).metadata.mystnb.image.update(alt=alt)


def undescribed(notebook):
    first_output(notebook, "curve").data["text/plain"] = "<Figure size 640x480 with 1 Axes>"


def two_figures(notebook):
    find(notebook, "curve").outputs *= 2


def ends_in_axes(notebook):
    first_output(notebook, "table").data["text/plain"] = "<Axes: title='x'>"


SPOILERS = {
    "never run": ("executed_in_order", lambda n: find(n, "count").update(execution_count=None)),
    "out of order": ("executed_in_order", lambda n: find(n, "count").update(execution_count=1)),
    "empty cell": ("executed_in_order", set_source(" ")),
    "stderr": ("no_stderr_no_error", add_stderr),
    "exception": ("no_stderr_no_error", add_error),
    "comment": ("nothing_excused", set_source("# NBVAL_SKIP\na = 1")),
    "indented comment": (
        "nothing_excused",
        set_source("if 1:\n    #NBVAL_IGNORE_OUTPUT\n    a = 1"),
    ),
    "capture": ("nothing_excused", set_source("%%capture\nprint(1)")),
    "inline again": ("nothing_excused", set_source("%matplotlib inline")),
    "tag": ("nothing_excused", set_tags("nbval-ignore-output")),
    "raises without reason": ("nothing_excused", set_tags("raises-exception")),
    "no alt": ("pictures_have_alternative_text", lambda n: find(n, "curve").metadata.clear()),
    "empty alt": ("pictures_have_alternative_text", set_alt(" ")),
    "short alt": ("pictures_have_alternative_text", set_alt("A plot of the gradient")),
    "same alt": ("pictures_have_alternative_text", set_alt(ALT + "label")),
    "Markdown image": ("pictures_have_alternative_text", add_markdown("![](a.png)")),
    "HTML image": ("pictures_have_alternative_text", add_markdown('<img src="a.png" width="3">')),
    "directive": (
        "pictures_have_alternative_text",
        add_markdown("```{figure} a.png\n:width: 3\nCaption\n```"),
    ),
    "undescribed": ("figures_are_described", undescribed),
    "two figures": ("figures_are_described", two_figures),
    "ends in axes": ("figures_are_described", ends_in_axes),
    "path in source": ("no_local_paths", set_source("open('/home/someone/data.csv')")),
    "path in output": (
        "no_local_paths",
        lambda n: first_output(n, "tiny").update(text="/tmp/x.py:3"),
    ),
    "Windows path": ("no_local_paths", set_source(r"open(r'C:\data\x.csv')")),
    "path in Markdown": ("no_local_paths", add_markdown("see /Users/someone/notes")),
    "long cell": ("short_cells", set_source("\n".join(["a = 1"] * 26))),
    "kernel": ("clean_metadata", lambda n: n.metadata.kernelspec.update(name="my-env")),
    "widgets": ("clean_metadata", lambda n: n.metadata.update(widgets={})),
    "times": ("clean_metadata", lambda n: find(n, "tiny").metadata.update(execution={})),
}


def faults(notebook, folder):
    """Return the faults by check."""
    path = folder / "notebook.ipynb"
    nbformat.write(notebook, path)
    return {check.__name__: list(check(path, notebook)) for check in CHECKS}


@pytest.fixture
def only_claim_1_1(monkeypatch):
    """Let claims.toml hold nothing but claim 1.1, to be measured in 'notebook'."""
    entry = {**vars(claims.load()["1.1"]), "chapter": "notebook"}
    for module in (claims, claims.verdicts, claims.all_claims):
        monkeypatch.setattr(module, "load", lambda: {"1.1": claims.Claim(**entry)})


@pytest.mark.usefixtures("only_claim_1_1")
class TestGuards:
    def test_honest_notebook_has_no_fault(self, notebook, tmp_path):
        assert not any(faults(notebook, tmp_path).values()), faults(notebook, tmp_path)

    @pytest.mark.parametrize("name", SPOILERS)
    def test_spoilt_notebook_is_found(self, notebook, tmp_path, name):
        check, spoil = SPOILERS[name]
        spoilt = copy.deepcopy(notebook)
        spoil(spoilt)
        assert [key for key, found in faults(spoilt, tmp_path).items() if found] == [check]

    def test_too_big(self, notebook, tmp_path):
        big = copy.deepcopy(notebook)
        first_output(big, "curve").data["image/png"] += "A" * published.MAX_BYTES
        assert [key for key, found in faults(big, tmp_path).items() if found] == ["small_enough"]

    def test_paths_that_are_not_local_are_left_alone(self, notebook, tmp_path):
        fine = copy.deepcopy(notebook)
        add_markdown("https://example.org/home/me/ ../chapters/x.ipynb $n/var$ $f:\\mathbb R$")(
            fine
        )
        assert not faults(fine, tmp_path)["no_local_paths"]

    def test_announced_exception_is_allowed(self, notebook, tmp_path):
        fine = copy.deepcopy(notebook)
        add_error(fine)
        set_tags("raises-exception")(fine)
        find(fine, "tiny").metadata["weightinit"] = {"raises": "shows the error readers will meet"}
        assert not any(faults(fine, tmp_path).values())

    @pytest.mark.parametrize(
        ("spoil", "says"),
        [
            (lambda n: n.cells.__setitem__(slice(None), n.cells[:5]), "never measured"),
            (lambda n: n.cells[0].update(source="# A test"), "no label (claim-1-1)="),
            (set_source("claims.claim('9.9', 1)"), "claim 9.9 is measured but"),
            (set_source("claim(name, 1)"), "must be the id"),
        ],
    )
    def test_claims_and_notebook_must_agree(self, notebook, tmp_path, spoil, says):
        spoilt = copy.deepcopy(notebook)
        spoil(spoilt)
        found = faults(spoilt, tmp_path)["claims_match"]
        assert any(says in fault for fault in found), found

    def test_claim_must_be_shown(self, notebook, tmp_path):
        spoilt = copy.deepcopy(notebook)
        for cell in spoilt.cells:
            if "claim(" in cell.source and cell.cell_type == "code":
                cell.outputs = []
        assert "not shown" in faults(spoilt, tmp_path)["claims_match"][0]

    def test_page_is_made_from_stored_outputs(self, notebook, tmp_path):
        path = tmp_path / "notebook.ipynb"
        nbformat.write(notebook, path)
        (row,) = claims.table([path]).itertuples()
        assert "(#claim-1-1)" in row.link
        assert "(../chapters/notebook.ipynb)" in row.link
        assert [result.measured[1] for result in row.results] == [2.38418579e-07] * 4
        assert "2.384e-07 (median of 3" in claims.page([path])._repr_markdown_()


def test_page_needs_every_claim_measured(notebook, tmp_path):
    path = tmp_path / "notebook.ipynb"
    nbformat.write(notebook, path)
    with pytest.raises(ValueError, match="no stored result for claim 1.0, 1.2"):
        claims.table([path])
