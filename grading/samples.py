"""Three sample submissions of assignment 2: one right, one partly, one hostile."""

import copy

import nbformat

from grading.course import Stop, replace
from grading.rebuild import settings

ASSIGNMENT = "02_xavier_initialization"
PARTLY = {
    "xavier_answer": """\
def xavier(shape, groups=1, distribution="uniform", seed=0):
    n_in, n_out = fans(shape, groups)
    generator = torch.Generator().manual_seed(seed)
    a = math.sqrt(3 / n_in)
    return (2 * torch.rand(shape, generator=generator) - 1) * a
""",
    "tanh_answer": None,  # not touched
    "bottleneck": "The signal gets smaller. This is because of the bottlenecks.",
}
ATTACKS = {
    "reads the gradebook": """\
from pathlib import Path
for path in [Path("/"), *Path("/").iterdir()]:
    print(path, [one.name for one in path.iterdir()] if path.is_dir() else "")
print([path for path in Path("/").rglob("gradebook.db")])
print(open("../../../secret").read())
""",
    "uses the network": """\
import socket
socket.create_connection(("127.0.0.1", 8888), timeout=2)
""",
    "makes every comparison true": """\
import builtins, json
class Always(float):
    def __eq__(self, other): return True
    def __array__(self, *args, **kwargs): raise SystemExit
factor_of_bound = lambda *args: Always(1)
builtins.abs = lambda x: 0
""",
    "ends the kernel": "import os; os._exit(0)",
    "never ends": "while True: pass",
}
SCRIPT = "My answer. <script>document.title = 'owned'</script> [more](javascript:alert(1))"


def samples(course):
    """Write the submissions of three students into ``submitted``; return their names.

    Raises
    ------
    Stop
        If one of them is there already.
    """
    notebooks = {"sample-right": right(course), "sample-partly": None, "sample-hostile": None}
    paths = {name: course.notebook("submitted", ASSIGNMENT, name) for name in notebooks}
    if there := [str(path.parent) for path in paths.values() if path.parent.exists()]:
        raise Stop(f"there already, and left as it is: {', '.join(there)}")
    notebooks["sample-partly"] = changed(course, PARTLY)
    notebooks["sample-hostile"] = hostile(course)
    for name, notebook in notebooks.items():
        paths[name].parent.mkdir(parents=True)
        replace(paths[name], nbformat.writes(notebook))
    return list(notebooks)


def right(course):
    """Return the solutions as a submission, with the model answer as the student's."""
    notebook = nbformat.read(course.notebook("source", ASSIGNMENT), as_version=4)
    for cell in notebook.cells:
        lines = [line for line in cell.source.split("\n") if "### " not in line]
        if settings(cell).get("grade") and settings(cell)["solution"]:
            lines = "\n".join(lines).partition("**Rubric**")[0].strip().split("\n")
        cell.source = "\n".join(lines)
    return notebook


def changed(course, answers):
    """Return the right submission with other answers in some cells."""
    notebook = right(course)
    stubs = nbformat.read(course.notebook("release", ASSIGNMENT), as_version=4).cells
    stubs = {settings(cell).get("grade_id"): cell.source for cell in stubs}
    for cell in notebook.cells:
        name = settings(cell).get("grade_id")
        if name in answers:
            cell.source = stubs[name] if answers[name] is None else answers[name]
    return notebook


def hostile(course):
    """Return a submission that answers nothing, but attacks in several ways."""
    notebook = changed(course, {"bottleneck": SCRIPT})
    notebook.cells = [copy.deepcopy(cell) for cell in notebook.cells]
    for cell in notebook.cells:
        if settings(cell).get("grade_id", "").endswith("_answer"):
            cell.source = "pass"
    attacks = [nbformat.v4.new_code_cell(f"# {what}\n{text}") for what, text in ATTACKS.items()]
    notebook.cells[2:2] = attacks
    return notebook
