"""The house: which room stands on which floor, and that each can be found, entered and read."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "weightinit"

# A room (a folder, or a file beside the folders) imports from the floors below its own only.
FLOORS = {
    0: "_checks _rerun",
    1: "_one_pass _progress",
    2: "activations failures grids curvature normalization data",
    3: "networks theory _layers",
    4: "probes initializers",
    5: "training",
    6: "keras_parity experiments",
}
FLOOR = {room: floor for floor, rooms in FLOORS.items() for room in rooms.split()}
# What is shown and said stands beside the house: it imports no room but those of the ground floor.
BESIDE = {"plotting", "claims"}
WITHOUT_FRAMEWORK = ("activations", "claims", "data", "grids", "plotting", "theory")
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")
GRADING = sorted((PACKAGE.parents[1] / "grading").glob("*.py"))


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(source, room=None):
    """Return the rooms that a module imports, at its top or within a function."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute here"
            if node.module == "weightinit":
                found |= {alias.name for alias in node.names}
            elif (node.module or "").startswith("weightinit."):
                found.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
            found |= {name[1] for name in names if name[0] == "weightinit" and len(name) > 1}
    return found - {room}


def too_high(room, used):
    """Return the rooms of those used that this room must not use."""
    if room in BESIDE:
        return {other for other in used if FLOOR.get(other) != 0}
    return {other for other in used if FLOOR.get(other, 99) >= FLOOR[room]}


def test_every_import_is_seen():
    source = (
        "import weightinit.a, os\nfrom weightinit import b\nfrom weightinit.c.d import x\n"
        "from weightinit.own.e import y\ndef f():\n    from weightinit import g\n"
    )
    assert imported(source, "own") == {"a", "b", "c", "g"}
    with pytest.raises(AssertionError, match="absolute"):
        imported("from . import d")


def test_an_import_from_above_or_beside_is_found():
    assert too_high("networks", {"activations", "_checks", "theory", "probes"}) == {
        "theory",
        "probes",
    }
    assert too_high("training", {"probes", "failures", "plotting"}) == {"plotting"}
    assert too_high("plotting", {"_checks", "data"}) == {"data"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_module_imports_only_from_lower_floors(path):
    room = room_of(path)
    assert room in FLOOR or room in BESIDE, f"{room} is new and needs a floor: see FLOORS"
    assert too_high(room, imported(path.read_text("utf-8"), room)) == set()


def test_every_floor_is_there():
    assert {room_of(path) for path in FILES} == FLOOR.keys() | BESIDE


FACES = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


@pytest.mark.parametrize("room", FACES)
def test_face_names_what_is_public_and_every_file(room):
    if room == "keras_parity":
        pytest.importorskip("tensorflow")
    face = importlib.import_module(f"weightinit.{room}")
    files = {path.stem for path in (PACKAGE / room).glob("*.py")} - {"__init__", "__main__"}
    assert all(hasattr(face, name) for name in face.__all__)
    assert not files & set(face.__all__), "a file and a public name would shadow each other"
    assert not [name for name in files if name.startswith("_")]
    unnamed = {name for name in files if f"`{name}`" not in face.__doc__}
    assert unnamed == set(), "the face says in which order to read the files"


def test_the_face_of_the_grading_says_in_which_order_to_read_it():
    names = {path.stem for path in GRADING} - {"__init__", "__main__"}
    text = GRADING[0].parent.joinpath("__init__.py").read_text("utf-8")
    assert {name for name in names if f"`{name}`" not in text} == set()


@pytest.mark.parametrize(
    "path", FILES + GRADING, ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_module_can_be_read_in_one_sitting(path):
    assert len(path.read_text("utf-8").splitlines()) <= 300


def test_tests_mirror_the_house():
    tested = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir()}
    assert set(FACES) <= tested


def loaded_by(statement):
    script = (
        f"import sys, {statement}; print({{'torch', 'tensorflow', 'keras'}} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout.strip()


def test_importing_the_package_is_instant():
    assert loaded_by("weightinit") == "set()"


def test_what_needs_no_framework_loads_none():
    names = ", ".join(f"weightinit.{room}" for room in WITHOUT_FRAMEWORK)
    assert loaded_by(names) == "set()"
