"""Assignments in this process, without a kernel: fast, for answers that are not hostile."""

import ast
import contextlib
import functools
import re

import matplotlib
import matplotlib.pyplot as plt
import nbformat

from grading.checking import Ask, parts
from grading.codec import answer
from grading.marking import COURSE, load_checks, mark

ASSIGNMENTS = sorted(path.name for path in (COURSE / "source").iterdir() if path.is_dir())
REGION = re.compile(r"^([ \t]*)### BEGIN SOLUTION.*?### END SOLUTION[^\n]*", re.M | re.S)


def source(assignment):
    path = COURSE / "source" / assignment / f"{assignment}.ipynb"
    return nbformat.read(path, as_version=4)


def settings(cell):
    return cell.metadata.get("nbgrader", {})


def tasks(notebook):
    """Return the points of each task that a machine grades."""
    return {
        settings(cell)["grade_id"]: settings(cell)["points"]
        for cell in notebook.cells
        if settings(cell).get("grade") and not settings(cell)["solution"]
    }


def by_hand(notebook):
    """Return the points of each task that a person grades."""
    return {
        settings(cell)["grade_id"]: settings(cell)["points"]
        for cell in notebook.cells
        if settings(cell).get("grade") and settings(cell)["solution"]
    }


def cleared(text):
    """Return a solution cell as students get it."""
    return REGION.sub(r"\1raise NotImplementedError()", text)


def run(notebook, answers=None, untouched=False):
    """Return the names after running a notebook, with other sources for some solution cells."""
    names = {"__name__": "__main__", "check": lambda task: None}
    for cell in notebook.cells:
        known = settings(cell)
        if cell.cell_type != "code" or (known.get("grade") and not known["solution"]):
            continue
        text = (answers or {}).get(known.get("grade_id"), cell.source)
        text = cleared(text) if untouched else text
        text = re.sub(r"^from checks import .*$|^%.*$", "", text, flags=re.M)
        try:
            with alone():
                exec(compile(text, known.get("grade_id", "cell"), "exec"), names)
        except Exception:
            if not (untouched or answers):
                raise  # only a wrong answer may stop with an error
    return names


@contextlib.contextmanager
def alone():
    """Let figures be as in a new process, whatever style other tests have set; close them."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.use("agg")
        yield
    plt.close("all")


@functools.cache
def checks(assignment):
    return load_checks(assignment)


def marks(assignment, names, secret=b"a secret", student="ada"):
    """Return the marks of each task of the machine."""
    ask = Ask(lambda text: answer(text, names).text)
    return {
        task: mark(checks(assignment), task, ask, secret, student, assignment)
        for task in tasks(source(assignment))
    }


def withheld(assignment):
    """Return lines that no student may see before the marks are out, by what they are.

    Those that stand also in a cell or in a part that is given are left out: they say nothing.
    """
    notebook, path = source(assignment), COURSE / "checks" / f"{assignment}.py"
    tree, lines = ast.parse(path.read_text()), path.read_text().splitlines()
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    texts = {node.name: lines[node.lineno - 1 : node.end_lineno] for node in functions}
    hidden = [one for one in parts(checks(assignment)) if not one.public]
    given = [cleared(cell.source) for cell in notebook.cells]
    known = {one.__name__ for one in hidden}
    given += ["\n".join(lines) for name, lines in texts.items() if name not in known]
    given = "\n".join(given)
    found = {"solutions and rubrics": [], "checks": []}
    for cell in notebook.cells:
        for region in REGION.finditer(cell.source):
            found["solutions and rubrics"] += region[0].splitlines()[1:-1]
    for one in hidden:
        found["checks"] += [*texts[one.__name__][1:], one.__doc__]
    for kind, some in found.items():
        stripped = {line.strip() for line in some}
        found[kind] = sorted(line for line in stripped if len(line) > 14 and line not in given)
    # A name that is a word of the language may stand anywhere.
    found["names"] = [name if "_" in name else f"def {name}" for name in sorted(known)]
    return found
