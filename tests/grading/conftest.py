"""What the tests of the grading share: a toy course, the sandbox, warnings of nbgrader's own."""

import importlib.util
import shutil
from pathlib import Path

import pytest

# What the tests here share; without nbgrader it cannot even be looked through for doctests.
if importlib.util.find_spec("nbgrader") is None:
    here = Path(__file__).parent
    collect_ignore = [path.name for path in here.glob("*.py") if not path.match("test_*.py")]

# nbgrader 0.9 fills its gradebook in an order that SQLAlchemy 2 warns about.
NBGRADERS = ("ignore:Object of type <:sqlalchemy.exc.SAWarning",)


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.parent.name == "grading":
            for text in NBGRADERS:
                item.add_marker(pytest.mark.filterwarnings(text))


@pytest.fixture(scope="session")
def sandbox():
    """Skip, and say why, where student code cannot be run."""
    pytest.importorskip("nbgrader")
    from grading.sandbox import NoSandbox, check_sandbox

    try:
        check_sandbox()
    except NoSandbox as error:
        pytest.skip(" ".join(str(error).split("\n")[:2]))


@pytest.fixture(scope="session")
def released_toy(tmp_path_factory):
    """The root of a toy course whose assignment is released; nobody changes it."""
    pytest.importorskip("nbgrader")
    from tests.grading import toy

    root = tmp_path_factory.mktemp("toy") / "course"
    toy.make_course(root)
    return root


@pytest.fixture(scope="session")
def toy_course(released_toy, tmp_path_factory):
    """Return a function that makes a new copy of the toy course."""
    from grading.course import Course

    def copy(root=None):
        root = root or tmp_path_factory.mktemp("copy") / "course"
        shutil.copytree(released_toy, root)
        return Course(root)

    return copy
