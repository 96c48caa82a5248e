"""What students get: the notebook without solutions, the public checks, and how to begin."""

import ast
import hashlib
import re
import zipfile
from pathlib import Path

import nbformat

from grading.course import Stop, alone, done

HERE = Path(__file__).parent
TOLD = """\
{title}

What you need: Python 3.11, 3.12 or 3.13 (python3 --version, or py --list on Windows, tells) and a
network once, to install. No account, no GPU. About 2 GB of disk; on Linux, several GB more, as
pip's default PyTorch brings what a GPU needs. To have the small one instead, first set the variable
PIP_EXTRA_INDEX_URL to the address that the selector on the PyTorch site's "Get started" page shows
for Linux, pip and CPU.

1. Unpack this folder, open a terminal in it, and type (on Linux and macOS)

       python3 -m venv .venv         # Debian and Ubuntu: apt install python3-venv, if it fails
       .venv/bin/python -m pip install -r requirements.txt
       .venv/bin/python -m jupyterlab {name}.ipynb

   or, in PowerShell on Windows,

       py -3.12 -m venv .venv        # or 3.11, or 3.13
       .venv\\Scripts\\python -m pip install -r requirements.txt
       .venv\\Scripts\\python -m jupyterlab {name}.ipynb

2. Write your answers into the cells that say so, in place of "raise NotImplementedError()" or
   "YOUR ANSWER HERE"; delete that line. Run the cell again after each change, then the cell below
   it with check(...), where there is one: it says what holds, and what does not yet. Marking asks
   more: other numbers, and other cases that the text names. Tasks without such a cell are
   graded by a person. You may add cells; functions in them count. Leave the given ones as they are.
   Keep checks.py beside the notebook: it holds what check(...) runs.

3. Before you hand in: Kernel > Restart Kernel and Run All Cells. Save. The restart matters: until
   then a function that you have renamed or deleted still answers under its old name. A cell that
   raises an error stops Run All; marking goes on with the next cell, and what depends on the one
   with the error earns nothing.

4. Hand in the one file {name}.ipynb, under this name, in the way that your instructor has told you.
   Only the notebook counts; other files are not used, so keep all your code in it.
   To be marked, each cell must end within a minute and the notebook within ten, without a network.
"""
REQUIREMENTS = ("numpy", "torch", "matplotlib", "scikit-learn", "jupyterlab", "ipykernel")


def public_checks(checks, assignment):
    """Return the module that students get: the public parts of the checks, and what they use.

    Parameters
    ----------
    checks : str
        The source of a check module.
    assignment : str
        Its name.

    Returns
    -------
    str
        One file that needs nothing else of the course.

    Raises
    ------
    Stop
        If a public part uses a name that is also that of a hidden one, or of `asking`,
        `checking` or `codec`, which stand in the same file.

    Examples
    --------
    >>> source = '''
    ... import math
    ... from grading.checking import part
    ... def _answer(x): return 2 * x
    ... @part("double", points=1, public=True)
    ... def finite(ask, params): assert math.isfinite(ask.number("double(1)"))
    ... @part("double", points=1)
    ... def right(ask, params): assert ask.number("double(3)") == _answer(3)
    ... '''
    >>> text = public_checks(source, "0")
    >>> "def finite" in text, "import math" in text, "_answer" in text, "def right" in text
    (True, True, False, False)
    """
    lines, tree = checks.splitlines(), ast.parse(checks)
    named = _names(tree)
    wanted = [name for name, node in named.items() if "public=True" in _decorators(node)]
    imports = [
        ast.unparse(node)
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        and not getattr(node, "module", "").startswith("grading")
    ]
    for name in wanted:  # grows as names are found that these use
        used = {one.id for one in ast.walk(named[name]) if isinstance(one, ast.Name)}
        wanted += [one for one in named if one in used and one not in wanted]
    functions = [name for name in wanted if isinstance(named[name], ast.FunctionDef)]
    decorated = {name: _decorators(named[name]) for name in functions}
    hidden = [name for name, text in decorated.items() if text and "public=True" not in text]
    if hidden:
        raise Stop(f"the public checks use the names of hidden ones: {', '.join(hidden)}")
    kept = [node for name, node in named.items() if name in wanted]
    body = ["\n".join(lines[_first(node) - 1 : node.end_lineno]) for node in dict.fromkeys(kept)]
    intro = f'"""The checks of assignment {assignment} that you can run by yourself."""'
    ours = [_module(name) for name in ("codec", "asking", "checking")]
    taken = {*wanted} & _names(ast.parse("\n".join(ours))).keys()
    if taken:
        raise Stop(f"the public checks give new meanings to our names: {', '.join(sorted(taken))}")
    code = [*ours, "\n".join(imports), f"POINTS |= {points(tree)}"]
    return "\n\n\n".join([intro, *code, *body]) + "\n"


def points(tree):
    """Return the points of each task, public or not, as the decorators of a module state them."""
    found = {}
    for node in tree.body:
        for one in getattr(node, "decorator_list", []):
            if isinstance(one, ast.Call) and ast.unparse(one.func) == "part":
                names = {word.arg: word.value for word in one.keywords}
                task = ast.literal_eval(one.args[0] if one.args else names["task"])
                value = ast.literal_eval(names["points"] if "points" in names else one.args[1])
                found[task] = found.get(task, 0) + value
    return found


def _names(tree):
    """Return what a module defines at its top: the node of each name."""
    named = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            named[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            given = node.targets if isinstance(node, ast.Assign) else [node.target]
            targets = [one for target in given for one in ast.walk(target)]
            named |= {one.id: node for one in targets if isinstance(one, ast.Name)}
    return named


def _decorators(node):
    return " ".join(ast.unparse(one) for one in getattr(node, "decorator_list", ()))


def _first(node):
    return min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])


def _module(name):
    """Return the source of a module of ours, without its docstring and imports of ours."""
    text = (HERE / f"{name}.py").read_text()
    text = text.removeprefix(f'"""{ast.get_docstring(ast.parse(text), clean=False)}"""')
    return re.sub(r"^from grading\S* import .*\n", "", text, flags=re.M).strip()


def release(course, assignment):
    """Make ``release/<assignment>`` and the zip for students; return the path of the zip.

    Raises
    ------
    Stop
        If a file is missing, nbgrader refuses the notebook, or another program is grading.
    """
    with alone(course):  # marking reads the release, and the gradebook that this writes
        return _release(course, assignment)


def _release(course, assignment):
    needed = course.notebook("source", assignment), course.root / "checks" / f"{assignment}.py"
    if missing := [str(path) for path in needed if not path.is_file()]:
        raise Stop(f"this is missing: {', '.join(missing)}")
    done(course.nbgrader().generate_assignment(assignment, force=True), "releasing the notebook")
    notebook = course.notebook("release", assignment)
    title = re.search(r"# (.+)", notebook.read_text())
    files = {
        "checks.py": public_checks(
            (course.root / "checks" / f"{assignment}.py").read_text(), assignment
        ),
        "requirements.txt": requirements(),
        "READ_ME_FIRST.txt": TOLD.format(
            name=assignment, title=title[1].removesuffix('\\n",') if title else assignment
        ),
    }
    for name, text in files.items():
        (notebook.parent / name).write_text(text)
    made_from(course, assignment).write_text(state(course, assignment))
    course.secret(new=True)
    path = course.root / "zips" / f"{assignment}.zip"
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(notebook.parent.iterdir()):
            # A fixed date, so that equal contents make equal archives.
            entry = zipfile.ZipInfo(f"{assignment}/{file.name}")
            entry.external_attr, entry.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())
    return path


def requirements():
    """Return the lines of the course's versions that an assignment needs."""
    lines = {}
    for name in ("constraints.txt", "requirements.txt"):
        for line in (HERE.parent / name).read_text().splitlines():
            package, equal, version = line.partition("==")
            if equal:
                lines[package.lower()] = line
    return "".join(lines[name] + "\n" for name in REQUIREMENTS if name in lines)


def released(course, assignment):
    """Return the released notebook.

    Raises
    ------
    Stop
        If there is none, or if the source has changed since.
    """
    path, again = course.notebook("release", assignment), "run `make assignments`"
    if not path.is_file():
        raise Stop(f"{assignment} has not been released: {again}")
    known = made_from(course, assignment)
    if not known.is_file() or known.read_text() != state(course, assignment):
        raise Stop(f"the source or checks of {assignment} have changed since its release: {again}")
    return nbformat.read(path, as_version=4)


def made_from(course, assignment):
    """Return the path of the file that says from what a release was made."""
    return course.root / "release" / f"{assignment}.made_from"


def state(course, assignment):
    """Return a hash of the source notebook and the checks."""
    files = course.notebook("source", assignment), course.root / "checks" / f"{assignment}.py"
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
