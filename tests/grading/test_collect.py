"""What an LMS gives, with names and files by which a student would stop or be another one."""

import os
import zipfile

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed")

from grading import collect as module  # noqa: E402
from grading.collect import collect  # noqa: E402
from grading.course import Course, Stop  # noqa: E402

EVE, BOB = "Eve_12_assignsubmission_file_", "Bob_99_assignsubmission_file_"


@pytest.fixture
def course(tmp_path):
    for name in ("source/toy", "checks"):
        (tmp_path / "course" / name).mkdir(parents=True)
    return Course(tmp_path / "course")


def collected(course, files, pattern="moodle"):
    """Collect an archive; return what each student then has, and what was said."""
    path, said = course.root.parent / "all.zip", []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    count = collect(course, "toy", path, pattern, said.append)
    there = course.root.glob("submitted/*/toy/toy.ipynb")
    found = {one.parts[-3]: one.read_text() for one in there}
    assert count == len(found)
    return found, "\n".join(said)


@pytest.mark.parametrize("top", ["", "all/"])
def test_a_folder_within_a_folder_is_not_another_student(course, top):
    files = {f"{top}{EVE}/a.ipynb": "eve", f"{top}{EVE}/x_99_assignsubmission_file_/a.ipynb": "no"}
    found, said = collected(course, files | {f"{top}{BOB}/b.ipynb": "bob"})
    assert found == {"12": "eve", "99": "bob"} and "left out: " in said


def test_nor_is_one_in_a_shared_folder(course):
    found, _ = collected(course, {"eve/e.ipynb": "eve", "eve/bob/b.ipynb": "no"}, "folders")
    assert found == {"eve": "eve"}


def test_two_notebooks_of_one_student_stop_nobody_else(course):
    files = {f"{EVE}/a.ipynb": "1", f"{EVE}/b.ipynb": "2", f"{BOB}/b.ipynb": "bob"}
    found, said = collected(course, files)
    assert found == {"99": "bob"} and "12: NOT TAKEN: two notebooks" in said


def test_nor_does_one_that_is_too_large(course, monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 2**20)
    found, said = collected(course, {f"{EVE}/a.ipynb": bytes(2**20 + 1), f"{BOB}/b.ipynb": "bob"})
    assert found == {"99": "bob"} and f"12: NOT TAKEN: {EVE}/a.ipynb is larger than 1 MB" in said


def test_names_do_nothing_to_a_terminal(course):
    found, said = collected(course, {f"{BOB}/b.ipynb": "bob", f"{EVE}/\x1b[2J\n12: ok": ""})
    assert "\x1b" not in said and "\n" not in said


@pytest.mark.parametrize("becomes", ["link", "folder", "pipe"])
def test_a_file_that_becomes_another_one_is_not_read(course, becomes):
    folder = course.root.parent / "shared"
    for name in ("ann", "eve"):
        (folder / name).mkdir(parents=True)
        (folder / name / "a.ipynb").write_text(name)
    secret, path, said = course.root.parent / "secret", folder / "eve" / "a.ipynb", []
    secret.mkdir()
    (secret / "a.ipynb").write_text("secret")
    files = module._files

    def changed(*arguments):
        yield from list(files(*arguments))
        path.unlink()
        if becomes == "link":
            path.symlink_to(secret / "a.ipynb")
        elif becomes == "pipe":
            os.mkfifo(path)
        else:
            path.parent.rmdir()
            path.parent.symlink_to(secret)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_files", changed)
        assert collect(course, "toy", folder, "folders", said.append) == 1
    assert not (course.root / "submitted" / "eve").exists()
    assert "eve: NOT TAKEN: " in "\n".join(said)


def test_an_archive_without_notebooks_is_refused(course):
    with pytest.raises(Stop, match="has a path like"):
        collected(course, {"a.txt": ""})
