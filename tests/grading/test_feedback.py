"""The pages to give back, as one zip."""

import contextlib
import zipfile

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed")

from grading import feedback as module  # noqa: E402
from grading import prepare  # noqa: E402
from grading.course import Course, Stop  # noqa: E402


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course with two marked submissions, whose pages are there."""
    for name in ("source/toy", "checks"):
        (tmp_path / name).mkdir(parents=True)
    for student in ("12", "99"):
        (tmp_path / "autograded" / student / "toy").mkdir(parents=True)
        page = tmp_path / "feedback" / student / "toy" / "toy.html"
        page.parent.mkdir(parents=True)
        page.write_text(student)

    class Api:
        def generate_feedback(self, assignment, student):
            return {"success": True}

    monkeypatch.setattr(Course, "nbgrader", lambda course: Api())
    monkeypatch.setattr(module, "ungraded", lambda api, assignment: [])
    monkeypatch.setattr(module, "alone", lambda course: contextlib.nullcontext())
    return Course(tmp_path)


def pages(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_a_folder_for_each_student(course):
    made = pages(module.feedback(course, "toy"))
    assert made == {"12/toy/toy.html": "12", "99/toy/toy.html": "99"}


def test_names_that_moodle_takes_back(course):
    """Its importer splits at the first four _: any word, participant, kind, plugin, file."""
    made = pages(module.feedback(course, "toy", moodle=True))
    assert {tuple(name.split("_", 4)) for name in made} == {
        ("feedback", one, "assignfeedback", "file", "toy.html") for one in ("12", "99")
    }
    assert all(name.split("_")[1] == text for name, text in made.items())


def test_names_that_are_no_participants_are_refused(course):
    (course.root / "autograded" / "ada" / "toy").mkdir(parents=True)
    with pytest.raises(Stop, match="no numbers of Moodle's participants: ada"):
        module.feedback(course, "toy", moodle=True)


@pytest.mark.parametrize("kind", ["fails", "ends", "loops"])
def test_a_page_that_cannot_be_made_is_said_and_the_others_are_made(course, monkeypatch, kind):
    def page(api, assignment, student):
        if student == "12" and kind == "fails":
            return {"success": False, "log": "no such color"}
        if student == "12" and kind == "ends":
            raise IndexError
        while student == "12":
            pass
        return {"success": True}

    monkeypatch.setattr(type(course.nbgrader()), "generate_feedback", page)
    monkeypatch.setattr(prepare, "SECONDS", 1)
    said = []
    assert pages(module.feedback(course, "toy", say=said.append)) == {"99/toy/toy.html": "99"}
    assert said[0].startswith("12: NO PAGE, as drawing it failed:")
