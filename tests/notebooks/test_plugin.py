"""Tests of the running of notebooks: honest cells pass, each spoilt one fails for its fault."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import nbformat
import pytest

from tests.notebooks import plugin
from tests.notebooks.honest_notebook import CASES, honest, honest_and_spoilt, unexecuted

ROOT = Path(__file__).parents[2]


def run_pytest(notebook, folder, *options):
    """Run pytest on a notebook with our plugin; return the failure text of each cell."""
    nbformat.write(notebook, folder / "notebook.ipynb")
    report = folder / "report.xml"
    plugins = ["-p", "no:nbval", "-p", "tests.notebooks.plugin", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "-q", *plugins, f"--junitxml={report}"]
    path = os.pathsep.join([str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [*command, "-c", os.devnull, f"--rootdir={folder}", *options, str(folder)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert report.is_file(), done.stdout + done.stderr
    failures = [case.find("failure") for case in ElementTree.parse(report).iter("testcase")]
    return ["" if failure is None else failure.text for failure in failures]


@pytest.fixture(scope="module")
def failures(tmp_path_factory):
    """Failure text of each case: of its honest cell, and of the spoilt one."""
    found = run_pytest(honest_and_spoilt(), tmp_path_factory.mktemp("notebook"))
    honest, spoilt = found[: len(CASES)], found[len(CASES) :]
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
    return dict(zip(names, zip(honest, spoilt, strict=True), strict=True))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_spoilt_cell_fails_for_the_right_reason(failures, case):
    of_honest, of_spoilt = failures[case.name]
    assert of_honest == ""
    if case.says is None:
        assert of_spoilt == ""
    else:
        assert case.says in of_spoilt


def test_stored_notebook_is_the_one_described():
    """After a change: python -m tests.notebooks.honest_notebook."""
    described = [(cell.source, cell.metadata) for cell in unexecuted().cells]
    assert [(cell.source, cell.metadata) for cell in honest().cells] == described


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


def test_every_chapter_sets_the_number_of_threads_that_the_option_replaces():
    chapters = sorted(ROOT.glob("chapters/*.ipynb"))
    assert chapters
    for chapter in chapters:
        assert plugin.SET_THREADS.search(chapter.read_text("utf-8")), chapter.name


def test_notebooks_are_run_in_this_project(request):
    assert request.config.pluginmanager.hasplugin("tests.notebooks.plugin")
    assert request.config.option.nbval
    assert request.config.option.nbval_current_env
