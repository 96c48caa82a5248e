"""Notebooks and folders that are damaged, by accident or on purpose, and what comes of them."""

import copy
import dataclasses
import functools
import os

import nbformat

from tests.grading.toy import DRAW, NAME, answered, folder, submit

COLAB = {"colab": {"provenance": [], "gpuType": "T4"}, "accelerator": "GPU"}
SCRIPT = """\
<script>alert(1)</script> <img src=x onerror=alert(1)> [a](javascript:alert(1))
[b]: javascript:alert(1)

<\\html onmouseover=alert(1)> <\\style>* {display: none} \\\\href{javascript:alert(1)}{x}
$\\href{javascript:alert(1)}{x}$ ![p](http://127.0.0.1/seen) <iframe src="//x"></iframe>"""


@dataclasses.dataclass
class Damage:
    """A function that hands something in, the marks, and words that the notes must hold."""

    make: object
    draw: float = 4
    count: float = 2
    words: tuple = ()


def change(function):
    """Hand in an honest notebook, as a plain dict, after a function changed it."""

    @functools.wraps(function)
    def make(course, student):
        notebook = copy.deepcopy(dict(answered(course)))
        cells = {cell["id"]: cell for cell in notebook["cells"]}
        submit(course, student, function(notebook, cells) or notebook)

    return make


@change
def locked(notebook, cells):
    cells["setup"]["source"] = "import numpy as np\ncheck = print"
    cells["draw"]["source"] = "4.0"
    cells["draw"]["metadata"]["nbgrader"] |= {"points": 400, "grade": False, "locked": False}
    cells["draw_answer"]["metadata"]["nbgrader"] |= {"grade": True, "points": 400, "checksum": "x"}


@change
def bonus(notebook, cells):
    extra = nbformat.v4.new_code_cell("4.0")
    extra["metadata"]["nbgrader"] = cells["draw"]["metadata"]["nbgrader"] | {"grade_id": "bonus"}
    notebook["cells"].append(extra)
    notebook["cells"] += [copy.deepcopy(cells["draw"]), copy.deepcopy(cells["setup"])]


@change
def twice_empty(notebook, cells):
    stub = copy.deepcopy(cells["draw_answer"])
    stub["source"] = DRAW.partition("    ###")[0] + "    raise NotImplementedError()"
    notebook["cells"].append(stub)


@change
def twice(notebook, cells):
    wrong = copy.deepcopy(cells["draw_answer"])
    wrong["source"] = "draw = None"
    notebook["cells"].append(wrong)


@change
def deleted(notebook, cells):
    for name in ("draw", "explain", "setup"):
        notebook["cells"].remove(cells[name])


@change
def retyped(notebook, cells):
    cells["draw_answer"]["cell_type"] = cells["draw"]["cell_type"] = "markdown"
    cells["explain"]["cell_type"], cells["count"]["cell_type"] = "code", "raw"


@change
def swapped(notebook, cells):
    one, two = (cells[name]["metadata"]["nbgrader"] for name in ("draw_answer", "count_answer"))
    one["grade_id"], two["grade_id"] = two["grade_id"], one["grade_id"]


@change
def stripped(notebook, cells):
    notebook["metadata"] = {}
    for cell in cells.values():
        cell["metadata"] = {}
        del cell["id"]


@change
def colab(notebook, cells):
    notebook["metadata"] |= COLAB
    for number, cell in enumerate(cells.values()):
        cell["metadata"] |= {"id": f"x{number}", "outputId": "y", "colab": {"base_uri": "z"}}
        del cell["id"]
    notebook["nbformat_minor"] = 0


@change
def kernel(notebook, cells):
    notebook["metadata"] = {"kernelspec": {"name": "ir", "language": "R"}, "nbgrader": 5}
    cells["draw"]["outputs"] = [{"output_type": "execute_result", "data": {"text/plain": "4.0"}}]


@change
def old(notebook, cells):
    for cell in cells.values():
        if cell["cell_type"] == "code":
            cell["input"], cell["prompt_number"] = cell.pop("source"), 3
    sheets = [{"cells": [{**cell} for cell in cells.values()]}]
    return {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": sheets}


@change
def poor(notebook, cells):
    keys = ("cell_type", "source", "metadata")
    return {"cells": [{key: cell[key] for key in keys} for cell in cells.values()]}


@change
def odd_types(notebook, cells):
    cells["intro"] |= {"source": ["a", 5, None], "metadata": []}
    cells["question"]["metadata"] = {"nbgrader": {"grade_id": ["x"]}}
    cells["setup"]["cell_type"] = {"a": 1}
    cells["plot"]["metadata"]["nbgrader"] = 7
    notebook |= {"nbformat": "x", "metadata": 5}


@change
def not_cells(notebook, cells):
    notebook["cells"] = ["x", 5, None]


@change
def surrogates(notebook, cells):
    cells["plot"]["source"] = 'print("a\ud800b\\ud800c")'
    cells["explain"]["source"] = "An answer \udfff with \0 and \x1b[31m and \u2028."


@change
def script(notebook, cells):
    cells["explain"]["source"] = SCRIPT
    cells["plot"]["source"] = (
        "from IPython.display import HTML, Javascript, Markdown, SVG, Latex, display\n"
        f"for show in HTML, Javascript, Markdown, Latex: display(show({SCRIPT!r}))\n"
        "display(SVG('<svg><script>alert(1)</script></svg>'))\n"
        f"print({SCRIPT!r})\nraise ValueError({SCRIPT!r})"
    )
    notebook["cells"].append(nbformat.v4.new_markdown_cell(SCRIPT))
    notebook["cells"].append(nbformat.v4.new_raw_cell(SCRIPT))
    notebook["cells"].append(nbformat.v4.new_code_cell("# " + SCRIPT.replace("\n", " ")))


@change
def formulas(notebook, cells):
    cells["count_answer"]["source"] = "def count(w): raise ValueError('=1+1\\n=1+1\\r@x;=1+1;,\"')"
    cells["explain"]["source"] = "=HYPERLINK(1)"


def text(change):
    """Hand in an honest notebook, as text, after a function changed it."""

    def make(course, student):
        submit(course, student, change(nbformat.writes(answered(course))))

    return make


def beside(course, student):
    submit(course, student, answered(course))
    for name in ("numpy", "checks", "sitecustomize", "json", "answer_in_kernel"):
        (folder(course, student) / f"{name}.py").write_text("import os; os._exit(1)")
    with open(os.fsencode(folder(course, student)) + b"/caf\xe9=\xff.txt", "w") as file:
        file.write("named by another system")


def stamped(course, student):
    submit(course, student, answered(course))
    (folder(course, student) / "timestamp.txt").write_text("yesterday, \0 perhaps")


def named(name, both=False):
    def make(course, student):
        submit(course, student, answered(course))
        path = folder(course, student) / f"{NAME}.ipynb"
        (path.with_name(name)).write_bytes(path.read_bytes())
        if not both:
            path.unlink()

    return make


def linked(course, student):
    target = course.notebook("submitted", NAME, "honest_1")
    (folder(course, student) / f"{NAME}.ipynb").symlink_to(target)


def linked_folder(course, student):
    path = folder(course, student)
    path.rmdir()
    path.symlink_to(folder(course, "honest_1"))


def linked_student(course, student):
    (course.root / "submitted" / student).symlink_to(course.root / "submitted" / "honest_1")


def special(make):
    def hand_in(course, student):
        make(folder(course, student) / f"{NAME}.ipynb")

    return hand_in


def a_file(course, student):
    folder(course, student).rmdir()
    (course.root / "submitted" / student / NAME).write_text("x")


UNREAD = "NOT READABLE"
DAMAGES = {
    "locked": Damage(locked, words=["locked cells changed, taken from the release: setup", "draw"]),
    "bonus": Damage(bonus),
    "twice_empty": Damage(twice_empty),
    "twice": Damage(twice, 0, 2, ["REVIEW: two answers in draw_answer"]),
    "deleted": Damage(deleted, words=["missing cells put back"]),
    "retyped": Damage(retyped, words=["type of cell changed"]),
    "swapped": Damage(swapped, 0, 2, ["`draw` is not defined"]),
    "stripped": Damage(stripped, words=["REVIEW: identity of explain was lost"]),
    "colab": Damage(colab),
    "other_kernel": Damage(kernel),
    "version_3": Damage(old),
    "poor": Damage(poor),
    "odd_types": Damage(odd_types),
    "not_cells": Damage(not_cells, 0, 0, [UNREAD]),
    "surrogates": Damage(surrogates),
    "script": Damage(script),
    "formulas": Damage(formulas, 4, 0, ["ValueError: =1+1"]),
    "bom": Damage(text(lambda t: b"\xef\xbb\xbf" + t.replace("\n", "\r\n").encode())),
    "utf_16": Damage(text(lambda t: t.encode("utf-16")), 0, 0, [UNREAD]),
    "half": Damage(text(lambda t: t[: len(t) // 2]), 0, 0, [UNREAD]),
    "empty": Damage(text(lambda t: ""), 0, 0, ["the file is empty"]),
    "a_list": Damage(text(lambda t: "[" + t + "]"), 0, 0, [UNREAD]),
    "deep": Damage(text(lambda t: "[" * 10**6), 0, 0, [UNREAD]),
    "huge": Damage(text(lambda t: t + " " * 2**26), 0, 0, ["larger than 64 MB"]),
    "long_cell": Damage(text(lambda t: t.replace("It keeps", "It keeps " + "x" * 10**6))),
    "beside": Damage(beside, words=["other files, not used"]),
    "stamped": Damage(stamped),
    "renamed": Damage(named("toy (1).ipynb"), words=["renamed: taken from 'toy (1).ipynb'"]),
    "renamed_oddly": Damage(named("=1+1;'\n.ipynb"), words=["renamed"]),
    "two_notebooks": Damage(named("final.ipynb", True), words=["REVIEW: more notebooks"]),
    "linked": Damage(linked, 0, 0, ["a link to another file"]),
    "linked_folder": Damage(linked_folder, 0, 0, ["a link to another folder"]),
    "linked_student": Damage(linked_student, 0, 0, ["a link to another folder"]),
    "a_pipe": Damage(special(os.mkfifo), 0, 0, ["what was handed in is no file"]),
    "a_folder": Damage(special(os.mkdir), 0, 0, ["what was handed in is no file"]),
    "dangling": Damage(special(lambda p: p.symlink_to("nothing")), 0, 0, ["a link"]),
    "nothing_in_it": Damage(folder, 0, 0, ["there is no notebook in the folder"]),
    "a_file": Damage(a_file, 0, 0, ["there is no notebook in the folder"]),
}
if os.geteuid() == 0:
    ZERO = special(lambda path: os.mknod(path, 0o020666, os.makedev(1, 5)))
    DAMAGES["a_device"] = Damage(ZERO, 0, 0, ["what was handed in is no file"])
