"""The project itself: its requirements, its set-up, its floors, its house style."""

import ast
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "weightinit"
MODULES = sorted(path for path in PACKAGE.glob("*.py") if path.stem != "__init__")
sys.path.insert(0, str(ROOT / "tools"))

import check_python  # noqa: E402
import count_tests  # noqa: E402
import environment  # noqa: E402
import execute_notebooks  # noqa: E402
import landing_figure  # noqa: E402

# A module imports from the floors below its own, or from a neighbour, never from above. A private
# module stands on the lowest floor that uses it.
FLOORS = {
    1: "activations data claims",
    2: "theory initializers networks normalization",
    3: "probes curvature training grids",
    4: "describe plotting",
    5: "keras_parity",
}
FLOOR = {name: floor for floor, names in FLOORS.items() for name in names.split()}
PINNED = re.compile(r"([A-Za-z0-9._-]+)==([0-9][A-Za-z0-9.]*)")


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


# Requirements ---------------------------------------------------------------------------------


def pins(content):
    """Package names and versions; a line that is neither a pin nor a comment fails."""
    lines = [line.strip() for line in content.splitlines()]
    matches = [PINNED.fullmatch(line) for line in lines if line and not line.startswith("#")]
    assert all(matches), "a line is not of the form package==version"
    found = {re.sub(r"[-_.]+", "-", m[1]).lower(): m[2] for m in matches}
    assert len(found) == len(matches), "a package is listed twice"
    return found


def test_every_requirement_is_pinned_and_in_the_full_set():
    assert pins(text("requirements.txt")).items() <= pins(text("constraints.txt")).items()


@pytest.mark.parametrize("line", ["numpy", "numpy>=2", "torch==2.13.0+cpu", "numpy==2.*"])
def test_requirement_that_is_not_one_portable_version_is_found(line):
    with pytest.raises(AssertionError, match="not of the form"):
        pins(line)


def test_this_environment_is_the_one_described():
    for name, version in pins(text("requirements.txt")).items():
        assert importlib.metadata.version(name).split("+")[0] == version


def test_every_dependency_of_the_package_is_a_requirement():
    project = tomllib.loads(text("pyproject.toml"))["project"]
    names = {re.match(r"[\w.-]+", dependency).group() for dependency in project["dependencies"]}
    assert names <= pins(text("requirements.txt")).keys()


# Set-up ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [(3, 11), (3, 11, 0), (3, 12, 1), (3, 13, 9, "final", 0)])
def test_supported_python_is_accepted(version):
    assert check_python.complaint(version) is None


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 8, 18), (3, 10, 13), (3, 14, 0), (4, 0, 0)])
def test_other_python_is_turned_away_in_one_sentence(version):
    sentence = check_python.complaint(version)
    assert "3.11, 3.12 or 3.13" in sentence
    assert "found " + ".".join(map(str, version)) in sentence
    assert "\n" not in sentence


def test_supported_pythons_are_the_same_everywhere():
    project = tomllib.loads(text("pyproject.toml"))["project"]
    after = (check_python.NEWEST[0], check_python.NEWEST[1] + 1)
    oldest, after = (".".join(map(str, version)) for version in (check_python.OLDEST, after))
    assert project["requires-python"] == f">={oldest},<{after}"
    matrix = yaml.safe_load(text(".github/workflows/course.yml"))["jobs"]["check"]["strategy"]
    assert matrix["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert "3.11, 3.12 or 3.13" in text("README.md")


@pytest.mark.parametrize("name", ["check_python.py", "environment.py"])
def test_what_meets_an_old_python_avoids_new_syntax(name):
    tree = ast.parse(text(f"tools/{name}"), feature_version=(3, 4))
    new = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.Match, ast.AsyncFunctionDef)
    assert not [node for node in ast.walk(tree) if isinstance(node, new)]
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert not [f.name for f in functions if f.returns or f.args.kwonlyargs]


def test_environment_without_a_readable_stamp_is_made_anew(tmp_path):
    (tmp_path / "ready").write_text("{")
    for path in (tmp_path / "ready", tmp_path / "absent"):
        assert environment.plan(environment.present(path), environment.wanted()) == "create"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "keep"),
        ({"contents": "other"}, "update"),
        ({"python": "3.0"}, "create"),
        ({"root": "elsewhere"}, "create"),
        ({"root": "elsewhere", "contents": "other"}, "create"),
    ],
)
def test_environment_is_renewed_as_far_as_needed(tmp_path, change, expected):
    stamp = tmp_path / "ready"
    stamp.write_text(json.dumps(environment.wanted() | change))
    assert environment.plan(environment.present(stamp), environment.wanted()) == expected


def test_makefile_targets_are_explained_in_help_and_readme():
    makefile = text("Makefile")
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert set(phony.split()) == set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    for target in set(phony.split()) - {"help"}:
        assert f'"make {target} ' in makefile
        assert f"`make {target}`" in text("README.md")


def test_every_line_of_the_makefile_is_in_the_readme():
    readme = text("README.md").replace("\\", "/")
    recipes = re.findall(r"^\t(?:[A-Z_]+=\S+ )*\.venv/bin/(.*)$", text("Makefile"), re.MULTILINE)
    assert len(recipes) > 8
    lines = [line.removesuffix(" $(TESTS)") for line in recipes]
    assert [line for line in lines if f".venv/Scripts/{line}\n" not in readme] == []


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make")
def test_nothing_is_served_before_there_is_a_site(tmp_path):
    command = ["make", "-f", ROOT / "Makefile", "--old-file=environment", "serve"]
    # As a reader types it: inside `make test`, make would also say which folder it enters.
    outside = {k: v for k, v in os.environ.items() if k not in ("MAKELEVEL", "MAKEFLAGS")}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=outside)
    assert done.returncode != 0
    assert done.stdout == "There is no site yet: run make book first\n"


# The tools ------------------------------------------------------------------------------------


def report(**numbers):
    counts = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0} | numbers
    return "<testsuite " + " ".join(f'{key}="{value}"' for key, value in counts.items()) + "/>"


def test_count_covers_all_reports(tmp_path, capsys):
    (tmp_path / "a.xml").write_text(f"<testsuites>{report(tests=3)}</testsuites>")
    (tmp_path / "b.xml").write_text(report(tests=4, failures=1, skipped=1))
    assert count_tests.main(tmp_path) == 1
    assert capsys.readouterr().out == "5 passed, 1 failed, 1 skipped\n"


def test_count_of_nothing_is_a_failure(tmp_path, capsys):
    assert count_tests.main(tmp_path) == 1
    assert capsys.readouterr().out == "0 passed, 0 failed\n"


def landing_notebook(tags=("landing",), alt="Gradients\n fall.", pictures=1):
    cell = nbformat.v4.new_code_cell("plot()", metadata={"tags": list(tags)})
    cell.metadata["mystnb"] = {"image": {"alt": alt}}
    picture = nbformat.v4.new_output("display_data", data={"image/png": "UE5H"})
    cell.outputs = [picture] * pictures
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# T"), cell])


def test_landing_figure_is_the_stored_picture_with_its_description():
    assert landing_figure.extract(landing_notebook()) == (b"PNG", "Gradients fall.")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"tags": []}, "0 cells are tagged 'landing'"),
        ({"alt": " "}, "no alternative text"),
        ({"pictures": 0}, "stores 0 PNG"),
        ({"pictures": 2}, "stores 2 PNG"),
    ],
)
def test_landing_figure_that_is_not_there_is_an_error(change, complaint):
    with pytest.raises(ValueError, match=complaint):
        landing_figure.extract(landing_notebook(**change))


def write_notebook(path, source):
    cells = [nbformat.v4.new_code_cell(source, id="only")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


def test_executing_a_notebook_stores_outputs_and_nothing_of_the_machine(tmp_path):
    path = tmp_path / "lesson.ipynb"
    write_notebook(path, "print(6 * 7)")
    execute_notebooks.execute(path)
    stored = nbformat.read(path, as_version=4)
    assert stored.cells[0].outputs[0].text == "42\n"
    assert stored.cells[0].execution_count == 1
    assert stored.cells[0].metadata == {}
    assert stored.metadata == execute_notebooks.METADATA
    assert list(tmp_path.iterdir()) == [path]


def test_a_notebook_that_fails_is_left_as_it_was(tmp_path):
    path = tmp_path / "lesson.ipynb"
    write_notebook(path, "1 / 0")
    before = path.read_bytes()
    with pytest.raises(Exception, match="ZeroDivisionError"):
        execute_notebooks.execute(path)
    assert path.read_bytes() == before


def test_notebooks_are_executed_in_the_order_of_the_folders_named(tmp_path):
    for name in ("b/2", "b/1", "a/3", "b/.ipynb_checkpoints/1"):
        path = tmp_path / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_notebook(path, "")
    found = execute_notebooks.find([tmp_path / "b", tmp_path / "a"])
    assert [path.stem for path in found] == ["1", "2", "3"]


def test_no_notebook_to_execute_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="no notebook in"):
        execute_notebooks.find([tmp_path])


# The package ----------------------------------------------------------------------------------


def imports(source):
    """Modules of the package that a module imports, at its top or within a function."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == "weightinit":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("weightinit."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.ImportFrom) and node.level:
            found |= {node.module} if node.module else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
            found |= {name[1] for name in names if name[0] == "weightinit" and len(name) > 1}
    return found


def test_every_import_is_seen():
    source = (
        "import weightinit.a, os\nfrom weightinit import b\nfrom weightinit.c import x\n"
        "from . import d\nfrom .e import y\ndef f():\n    from weightinit import g\n"
    )
    assert imports(source) == set("abcdeg")


IMPORTS = {path.stem: imports(path.read_text("utf-8")) for path in MODULES}


def floor(name):
    if not name.startswith("_"):
        assert name in FLOOR, f"{name} is new and needs a floor: see FLOORS"
        return FLOOR[name]
    users = [user for user, used in IMPORTS.items() if name in used]
    assert users, f"nothing imports {name}"
    return min(floor(user) for user in users)


@pytest.mark.parametrize("name", IMPORTS)
def test_module_imports_nothing_from_a_floor_above(name):
    assert [used for used in IMPORTS[name] if floor(used) > floor(name)] == []


def test_no_module_needs_itself():
    assert list(TopologicalSorter(IMPORTS).static_order())  # raises CycleError, naming the modules


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.stem)
def test_module_can_be_read_in_one_sitting(path):
    assert len(path.read_text("utf-8").splitlines()) <= 300


def test_importing_the_package_is_instant():
    script = "import sys, weightinit; print({'torch', 'tensorflow', 'keras'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("set()\n", "")


def test_the_ground_floor_needs_no_framework():
    names = ", ".join(f"weightinit.{name}" for name in FLOORS[1].split())
    script = f"import sys, {names}; print({{'torch', 'tensorflow', 'keras'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("set()\n", "")


def test_version_is_the_same_everywhere():
    version = tomllib.loads(text("pyproject.toml"))["project"]["version"]
    assert version == importlib.metadata.version("weightinit")
    assert version == yaml.safe_load(text("CITATION.cff"))["version"]
    assert f'__version__ = "{version}"' in text("src/weightinit/__init__.py")


# The house ------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["check"], ["format", "--check"]], ids=["lint", "format"])
def test_ruff_has_nothing_to_say(arguments):
    command = [sys.executable, "-m", "ruff", *arguments, "--quiet", "."]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_citation_file_has_what_its_format_requires():
    citation = yaml.safe_load(text("CITATION.cff"))
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["cff-version"] == "1.2.0"
    assert all(
        "name" in a or {"family-names", "given-names"} <= a.keys() for a in citation["authors"]
    )


def test_both_licenses_are_there():
    assert "BSD 3-Clause License" in text("LICENSE")
    assert "SPDX-License-Identifier: CC-BY-4.0" in text("LICENSE-text")
