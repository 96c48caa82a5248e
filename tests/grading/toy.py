"""A small course that needs only NumPy, so that a kernel starts in a second."""

import json
import shutil
import textwrap
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grading.batch import grade
from grading.course import Course
from grading.marking import COURSE
from grading.release import release
from grading.sandbox import Limits

NAME = "toy"
LIMITS = Limits(cell=5, question=3, total=25, memory=700, disk=32, processes=60)
HIDDEN = "reference-7361"  # stands in the checks; no student may ever see it
SETUP = "import numpy as np\nfrom checks import check"
DRAW = '''\
def draw(n_in, n_out, seed):
    """Return a weight of shape (n_out, n_in)."""
    ### BEGIN SOLUTION
    return np.random.default_rng(seed).normal(0, np.sqrt(2 / n_in), (n_out, n_in))
    ### END SOLUTION
'''
COUNT = '''\
def count(widths):
    """Return the number of weights and biases of a network."""
    ### BEGIN SOLUTION
    return sum(n * m + m for n, m in zip(widths[:-1], widths[1:]))
    ### END SOLUTION
'''
PLOT = """\
### BEGIN SOLUTION
import matplotlib.pyplot as plt

plt.figure(num="weights")
plt.plot(sorted(draw(20, 10, 0).ravel()))
plt.show()
### END SOLUTION
"""
EXPLAIN = """\
### BEGIN SOLUTION
Each unit sums n_in products.

**Rubric, 3 points.** 2: the sum. 1: the variance.
### END SOLUTION
"""
CHECKS = f'''\
"""Checks of the toy."""

from grading.checking import Wrong, close, part, within

REFERENCE = "{HIDDEN}"


@part("draw", points=1, public=True)
def draw_shape(ask, params):
    """The weight has its shape, and follows from the seed."""
    n, m, seed = params.randint(5, 20), params.randint(5, 20), params.randint(0, 1000)
    first = ask.array("draw(n, m, seed)", (m, n), n=n, m=m, seed=seed)
    close(ask.array("draw(n, m, seed)", (m, n), n=n, m=m, seed=seed), first, "the second weight")


@part("draw", points=3)
def draw_variance(ask, params):
    """The weight has the right variance."""
    n, m, seed = params.randint(100, 200), params.randint(100, 200), params.randint(0, 1000)
    got, want = ask.array("draw(n, m, seed)", (m, n), n=n, m=m, seed=seed).var(), 2 / n
    within(got, want, want * (2 / n / m) ** 0.5, "the variance", [(1 / n, "where is the 2?")])


@part("count", points=2)
def count_right(ask, params):
    """The number of parameters is right."""
    widths = [params.randint(2, 50) for _ in range(5)]
    want = sum(n * m + m for n, m in zip(widths, widths[1:]))
    if ask.number("count(widths)", widths=widths) != want:
        raise Wrong("the number is wrong")
'''
PICTURE = "from IPython.display import Image\nImage(data=b'\\x89PNG' + bytes(999), format='png')"
# What most submissions of the tests are, so that a kernel need not import a plotting library.
TEXT_PLOT = 'print("a plot of text")'
ANSWERS = {
    "draw_answer": DRAW,
    "count_answer": COUNT,
    "plot": TEXT_PLOT,
    "explain": "It keeps the mean square.",
}


def _cell(make, source, name, *, locked=True, solution=False, points=None):
    known = {"grade": points is not None, "grade_id": name, "locked": locked, "schema_version": 3}
    known |= {"solution": solution, "task": False}
    known |= {} if points is None else {"points": points}
    cell = make(source, metadata={"nbgrader": known})
    cell["id"] = name
    return cell


def source():
    """Return the notebook of the course, with solutions."""
    answer = {"locked": False, "solution": True}
    cells = [
        _cell(new_markdown_cell, "# A toy\n\nTwo functions, a plot, a question.", "intro"),
        _cell(new_code_cell, SETUP, "setup"),
        _cell(new_code_cell, DRAW, "draw_answer", **answer),
        _cell(new_code_cell, 'check("draw")', "draw", points=4),
        _cell(new_code_cell, COUNT, "count_answer", **answer),
        _cell(new_code_cell, 'check("count")', "count", points=2),
        _cell(new_code_cell, PLOT, "plot", **answer),
        _cell(new_markdown_cell, "Why is the variance what it is?", "question"),
        _cell(new_markdown_cell, EXPLAIN, "explain", points=3, **answer),
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


def make_course(root):
    """Make the course in a folder, release its assignment, and return the `Course`."""
    root = Path(root)
    (root / "checks").mkdir(parents=True)
    (root / "source" / NAME).mkdir(parents=True)
    (root / "checks" / f"{NAME}.py").write_text(CHECKS)
    nbformat.write(source(), root / "source" / NAME / f"{NAME}.ipynb")
    shutil.copy(COURSE / "nbgrader_config.py", root)
    course = Course(root)
    release(course, NAME)
    return course


def answered(course, changed=(), extra=None, before="draw_answer"):
    """Return the released notebook with honest answers, some changed, and a cell more."""
    notebook = nbformat.read(course.notebook("release", NAME), as_version=4)
    changed = ANSWERS | dict(changed)
    for cell in notebook.cells:
        cell.source = changed.get(cell["id"], cell.source)
    if extra is not None:
        at = [cell["id"] for cell in notebook.cells].index(before)
        notebook.cells.insert(at, new_code_cell(textwrap.dedent(extra)))
    return notebook


def folder(course, student):
    """Return the folder of a submission, made if need be."""
    path = course.root / "submitted" / student / NAME
    path.mkdir(parents=True, exist_ok=True)
    return path


def submit(course, student, notebook):
    """Hand in a notebook, a text, or bytes."""
    path = folder(course, student) / f"{NAME}.ipynb"
    if isinstance(notebook, dict):
        notebook = json.dumps(notebook)  # also what is no valid notebook
    path.write_bytes(notebook if isinstance(notebook, bytes) else notebook.encode())


def grade_all(course, **changed):
    """Mark all that was handed in, and return what was said."""
    said = []
    grade(course, NAME, **{"workers": 2, "limits": LIMITS, "say": said.append} | changed)
    return said


def known(course, student):
    """Return what is stored of a student: marks, notes, seconds."""
    return json.loads((course.root / "marks" / NAME / f"{student}.json").read_text())


def points(course, student):
    """Return the points of both tasks of the machine."""
    marks = known(course, student)["marks"]
    return marks["draw"]["points"], marks["count"]["points"]


def shown(course, student):
    """Return all text that the cells of a student show after marking."""
    notebook = nbformat.read(course.notebook("autograded", NAME, student), as_version=4)
    outputs = [one for cell in notebook.cells for one in cell.get("outputs", [])]
    return "\n".join(
        one.get("text") or "\n".join(one.get("traceback", [])) or one["data"].get("text/plain", "")
        for one in outputs
    )


def scores(course):
    """Return ``{student: {task: (machine, hand)}}`` from the gradebook."""
    found = {}
    with course.nbgrader().gradebook as book:
        for one in book.assignment_submissions(NAME):
            grades = [grade for part in one.notebooks for grade in part.grades]
            found[one.student.id] = {g.name: (g.auto_score, g.manual_score) for g in grades}
    return found
