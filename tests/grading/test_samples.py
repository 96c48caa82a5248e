"""The sample submissions have the marks that the page for instructors states."""

import io
import re
import shutil
from contextlib import redirect_stdout
from pathlib import Path

import pytest

pytest.importorskip("nbgrader", reason="make grading installs it")

from grading.course import Course, Stop  # noqa: E402
from grading.marking import COURSE  # noqa: E402
from grading.release import release  # noqa: E402
from grading.samples import ASSIGNMENT, PARTLY, changed, hostile, right, samples  # noqa: E402
from tests.grading.support import marks, run  # noqa: E402

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "teaching" / "grading.md"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    root = tmp_path_factory.mktemp("course")
    for name in ("source", "checks"):
        shutil.copytree(COURSE / name, root / name)
    shutil.copy(COURSE / "nbgrader_config.py", root)
    release(Course(root), ASSIGNMENT)
    return Course(root)


def points(notebook):
    with redirect_stdout(io.StringIO()):
        names = run(notebook, answers={"bottleneck_plot": "pass"})
    return sum(one.points for given in marks(ASSIGNMENT, names).values() for one in given)


def test_points_are_those_of_the_page(course):
    text = " ".join(PAGE.read_text().split())
    (most, second) = re.search(
        r"the first has (\S+) of the 16 points .* the second ([\d.]+),", text
    ).groups()
    assert points(right(course)) == float(most) == 16
    assert points(changed(course, PARTLY)) == float(second)


def test_samples_are_handed_in_once(course):
    assert samples(course) == ["sample-right", "sample-partly", "sample-hostile"]
    before = course.notebook("submitted", ASSIGNMENT, "sample-right").read_bytes()
    with pytest.raises(Stop, match="there already, and left as it is: .*sample-right"):
        samples(course)
    assert course.notebook("submitted", ASSIGNMENT, "sample-right").read_bytes() == before
    assert "script" in str(hostile(course).cells[-1].source)
