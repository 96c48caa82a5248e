"""What students get: nothing that is withheld, checks that run alone, exact versions."""

import ast
import json
import re
import shutil
import subprocess
import sys
import zipfile

import nbformat
import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed")

from grading.__main__ import main  # noqa: E402
from grading.checking import parts  # noqa: E402
from grading.course import Course, Stop  # noqa: E402
from grading.marking import COURSE  # noqa: E402
from grading.release import public_checks, release, released, requirements  # noqa: E402
from tests.grading import toy  # noqa: E402
from tests.grading.support import ASSIGNMENTS, checks, settings, source, tasks, withheld  # noqa: E402

pytestmark = pytest.mark.slow
FILES = {"READ_ME_FIRST.txt", "checks.py", "requirements.txt"}


def copied(root, assignments):
    """Return a course with some of the assignments of the real one."""
    for folder in ("source", "checks"):
        (root / folder).mkdir(parents=True)
    for name in assignments:
        shutil.copytree(COURSE / "source" / name, root / "source" / name)
        shutil.copy(COURSE / "checks" / f"{name}.py", root / "checks")
    shutil.copy(COURSE / "nbgrader_config.py", root)
    return Course(root)


@pytest.fixture(scope="module", params=ASSIGNMENTS)
def assignment(request):
    return request.param


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    found = copied(tmp_path_factory.mktemp("course") / "exercises", ASSIGNMENTS)
    for name in ASSIGNMENTS:
        release(found, name)
    return found


@pytest.fixture(scope="module")
def unpacked(course, assignment, tmp_path_factory):
    folder = tmp_path_factory.mktemp("student")
    with zipfile.ZipFile(course.root / "zips" / f"{assignment}.zip") as archive:
        archive.extractall(folder)
    return folder / assignment


def texts(folder):
    """Return what the files of a folder say; of a notebook also the sources as they are read."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            found[path] = path.read_bytes().decode(errors="replace")
            if path.suffix == ".ipynb":
                cells = nbformat.read(path, as_version=4).cells
                found[path] += "\n".join(cell.source for cell in cells)
    return found


def leaks(assignment, found):
    hidden = withheld(assignment)
    for kind in ("solutions and rubrics", "checks"):
        assert len(hidden[kind]) > 10, "what is looked for?"
    assert hidden["names"]
    return [
        f"{path.name}: {line}"
        for path, text in found.items()
        for lines in hidden.values()
        for line in lines
        if re.search(rf"(?<!\w){re.escape(line)}(?!\w)", text)
    ]


def test_nothing_that_is_withheld_is_released(course, assignment, unpacked):
    assert leaks(assignment, texts(course.root / "release" / assignment)) == []
    assert leaks(assignment, texts(unpacked)) == []


def test_a_leak_would_be_seen(assignment, tmp_path):
    for name, path in {
        "notebook": COURSE / "source" / assignment / f"{assignment}.ipynb",
        "checks": COURSE / "checks" / f"{assignment}.py",
    }.items():
        (tmp_path / name).mkdir()
        shutil.copy(path, tmp_path / name)
        assert len(leaks(assignment, texts(tmp_path / name))) > 5


def test_the_zip_holds_one_folder_with_what_is_needed(course, assignment, unpacked):
    names = {path.name for path in unpacked.iterdir()}
    assert names == FILES | {f"{assignment}.ipynb"}
    assert [path.name for path in unpacked.parent.iterdir()] == [assignment]
    told = (unpacked / "READ_ME_FIRST.txt").read_text()
    first = source(assignment).cells[0].source.partition("\n")[0].removeprefix("# ")
    assert told.startswith(first + "\n") and f"{assignment}.ipynb" in told


def test_the_notebook_has_no_outputs_and_no_metadata_beyond_what_nbgrader_needs(unpacked):
    (path,) = unpacked.glob("*.ipynb")
    notebook = nbformat.read(path, as_version=4)
    assert notebook.metadata.keys() <= {"kernelspec", "language_info"}
    for cell in notebook.cells:
        assert not cell.get("outputs") and not cell.get("attachments")
        assert cell.metadata.keys() <= {"nbgrader", "deletable", "editable"}
        assert "BEGIN SOLUTION" not in cell.source
        if settings(cell)["solution"]:
            assert re.search(r"raise NotImplementedError\(\)|YOUR ANSWER HERE", cell.source)


ALONE = """\
import io, json, os, sys
from contextlib import redirect_stdout
sys.path.insert(0, os.getcwd())
for name in ("grading", "weightinit", "nbgrader", "tests"):
    sys.modules[name] = None  # importing it is an error
said = {}
for kind, name, text in json.load(sys.stdin):
    out = io.StringIO()
    with redirect_stdout(out):
        try:
            exec(compile(text, name, "exec"), globals())
        except NotImplementedError:
            pass
    said[name] = out.getvalue()
print(json.dumps({name: said[name] for kind, name, text in json.load(open("cells.json"))
                  if kind == "check"}))
"""


def said_by_checks(folder, notebook, tmp_path):
    """Run a notebook where nothing but the student's folder and libraries can be imported."""
    shutil.copytree(folder, tmp_path / "student")
    cells = [
        (
            "check" if settings(cell).get("grade") and not settings(cell)["solution"] else "other",
            settings(cell).get("grade_id"),
            re.sub(r"^%.*$", "", cell.source, flags=re.M),
        )
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]
    text = json.dumps(cells)
    (tmp_path / "student" / "cells.json").write_text(text)
    run = [sys.executable, "-I", "-c", ALONE]
    env = {"MPLBACKEND": "agg", "OMP_NUM_THREADS": "1", "HOME": str(tmp_path)}
    done = subprocess.run(
        run, input=text, env=env, cwd=tmp_path / "student", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_public_checks_refuse_the_untouched_notebook(assignment, unpacked, tmp_path):
    notebook = nbformat.read(unpacked / f"{assignment}.ipynb", as_version=4)
    said = said_by_checks(unpacked, notebook, tmp_path)
    assert said.keys() == tasks(source(assignment)).keys()
    for task, text in said.items():
        assert "DOES NOT HOLD YET: " in text and "holds: " not in text, task
        assert "is not written yet" in text or "is not defined" in text, text


@pytest.mark.slow
def test_public_checks_accept_the_solutions(assignment, unpacked, tmp_path):
    said = said_by_checks(unpacked, source(assignment), tmp_path)
    for task in tasks(source(assignment)):
        public = [one for one in parts(checks(assignment), task) if one.public]
        assert said[task].count("holds: ") == len(public) and "DOES NOT" not in said[task], said[
            task
        ]


def test_requirements_are_exact_published_versions_of_all_that_is_imported(unpacked):
    lines = (unpacked / "requirements.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[\w-]+==\d+(\.\d+)+", line) for line in lines), lines
    names = {line.partition("==")[0].lower() for line in lines}
    (path,) = unpacked.glob("*.ipynb")
    code = [(unpacked / "checks.py").read_text()]
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            code.append(re.sub(r"^%.*$", "", cell.source, flags=re.M))
    used = set()
    for text in code:
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                used |= {one.name.partition(".")[0] for one in node.names}
            elif isinstance(node, ast.ImportFrom):
                used.add(node.module.partition(".")[0])
    used -= {*sys.stdlib_module_names, "checks"}
    packages = {"sklearn": "scikit-learn"}
    assert {packages.get(name, name) for name in used} <= names
    assert {"jupyterlab", "ipykernel"} <= names


def test_requirements_are_those_of_the_course():
    root = COURSE.parent
    course = (root / "requirements.txt").read_text() + (root / "constraints.txt").read_text()
    assert set(requirements().splitlines()) <= set(course.splitlines())


def test_the_same_source_makes_the_same_zip(course, tmp_path):
    """In another process, later, with another order of what has none."""
    shutil.copytree(course.root, tmp_path / "exercises")
    course = Course(tmp_path / "exercises")
    first = (course.root / "zips" / f"{ASSIGNMENTS[0]}.zip").read_bytes()
    shutil.rmtree(course.root / "release")
    shutil.rmtree(course.root / "zips")
    run = [sys.executable, "-m", "grading", "--course", str(course.root), "assignments", "1"]
    subprocess.run(run, check=True, cwd=COURSE.parent, capture_output=True)
    assert (course.root / "zips" / f"{ASSIGNMENTS[0]}.zip").read_bytes() == first


def test_a_release_gives_away_no_more_than_students_need(toy_course, tmp_path):
    """Also not by permissions, times or what lies beside the notebook in the source."""
    course = toy_course(tmp_path / "course")
    text = (course.root / "release" / toy.NAME / "checks.py").read_text()
    assert toy.HIDDEN not in text and "draw_variance" not in text and "def draw_shape" in text
    with zipfile.ZipFile(course.root / "zips" / f"{toy.NAME}.zip") as archive:
        assert {one.date_time for one in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert toy.HIDDEN.encode() not in b"".join(map(archive.read, archive.namelist()))


CHECKS = '''
from grading.checking import part
import math as m
LIMIT: int = 5
_a, (_b, _c) = 1, (2, 3)
if True:
    SECRET = 42

def _used(x):
    return _deeper(x) + _b

def _deeper(x):
    return m.sqrt(x) + LIMIT

def _unused(x):
    return "expected"

@part("t", points=1, public=True)
def shown(ask, params):
    """Shown."""
    return _used(4)

@part("t", points=1)
def hidden(ask, params):
    """Hidden."""
    return _unused(4)
'''


def test_public_checks_take_all_that_they_use_and_nothing_else():
    text = public_checks(CHECKS, "0")
    names = {"__name__": "checks"}
    exec(compile(text, "checks.py", "exec"), names)
    assert names["shown"](None, None) == 9
    for name in ("_unused", "def hidden", 'return "expected"', "SECRET", "Hidden.", "from grading"):
        assert name not in text, name
    with pytest.raises(Stop, match="hidden ones: hidden"):
        public_checks(CHECKS.replace("return _used(4)", "return hidden(ask, params)"), "0")
    for name in ("TOO_LARGE", "Ask", "question"):  # of checking, and of codec
        with pytest.raises(Stop, match=f"new meanings to our names: {name}"):
            public_checks(CHECKS.replace("_used", name), "0")


@pytest.mark.parametrize("what", ["source", "checks"])
def test_a_release_is_used_only_while_it_fits_its_source(toy_course, tmp_path, what, capsys):
    course = toy_course(tmp_path / "course")
    assert released(course, toy.NAME).cells
    if what == "source":
        path = course.notebook("source", toy.NAME)
    else:
        path = course.root / "checks" / f"{toy.NAME}.py"
    path.write_text(path.read_text() + "\n")
    with pytest.raises(Stop, match="have changed since its release: run `make assignments`"):
        released(course, toy.NAME)
    assert main(["--course", str(course.root), "assignments", "toy"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == str(course.root / "zips" / "toy.zip")
    assert released(course, toy.NAME).cells
