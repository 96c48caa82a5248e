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


def collected(course, files, pattern="moodle", taken=None):
    """Collect an archive; return what each student then has, and what was said."""
    path, said = course.root.parent / "all.zip", []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    count = collect(course, "toy", path, pattern, said.append)
    there = course.root.glob("submitted/*/toy/toy.ipynb")
    found = {one.parts[-3]: one.read_text() for one in there}
    assert count == (len(found) if taken is None else taken)
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
    assert found == {"99": "bob"} and "12: NOT TAKEN: 2 notebooks: " in said
    assert said.endswith("submitted/12/toy/toy.ipynb")


def test_a_file_that_cannot_be_unpacked_stops_nobody_else(course):
    path, said = course.root.parent / "all.zip", []
    with zipfile.ZipFile(path, "w") as archive:
        for name in (f"{EVE}/a.ipynb", f"{BOB}/b.ipynb", "Ann_1_assignsubmission_file_/a.ipynb"):
            archive.writestr(name, name)
    data = bytearray(path.read_bytes())
    data[data.index(b"Eve", 40)] ^= 1  # the contents no longer fit their checksum
    data[data.rindex(b"PK\1\2") + 8] |= 1  # the last one is encrypted
    path.write_bytes(data)
    assert collect(course, "toy", path, say=said.append) == 1
    assert [one.split(" cannot")[0] for one in said] == [
        "1: NOT TAKEN: Ann_1_assignsubmission_file_/a.ipynb",
        f"12: NOT TAKEN: {EVE}/a.ipynb",
    ]


def test_what_is_no_archive_is_refused(course):
    path = course.root.parent / "a.zip"
    with pytest.raises(Stop, match="there is no .*a.zip"):
        collect(course, "toy", path)
    path.write_text("PK")
    with pytest.raises(Stop, match="neither a folder nor a whole zip"):
        collect(course, "toy", path)


def test_a_notebook_handed_in_twice_is_one(course):
    found, said = collected(course, {f"{EVE}/a.ipynb": "1", f"{EVE}/a (1).ipynb": "1"})
    assert found == {"12": "1"} and not said


def test_what_was_handed_in_before_stays(course):
    collected(course, {f"{EVE}/a.ipynb": "1"})
    found, said = collected(course, {f"{EVE}/a.ipynb": "2", f"{EVE}/b.ipynb": "3"}, taken=0)
    assert found == {"12": "1"} and said.endswith("what was handed in before stays")


def test_moodle_without_folders(course):
    """What follows the number is the student's, and names nobody else."""
    forged = f"{EVE}x_99_assignsubmission_file_a.ipynb"
    found, said = collected(
        course, {f"{EVE}a_1.ipynb": "eve", f"{BOB}b.ipynb": "bob", forged: "no"}
    )
    assert found == {"12": "eve", "99": "bob"} and f"left out: {forged}" in said


def test_a_file_named_like_those_of_another_stays_in_its_folder(course):
    found, _ = collected(course, {f"{EVE}/x_99_assignsubmission_file_a.ipynb": "eve"})
    assert found == {"12": "eve"}


@pytest.mark.parametrize("pattern", ["moodle", "folders", "names"])
def test_files_that_programs_leave_are_no_submissions(course, pattern):
    name = {"moodle": f"{EVE}/a.ipynb", "folders": "12/a.ipynb", "names": "12.ipynb"}[pattern]
    folder, _, file = name.rpartition("/")
    names = (
        f"__MACOSX/{folder}/._{file}",
        f"{folder}/.ipynb_checkpoints/{file}",
        "__MACOSX/a.ipynb",
    )
    files = {name: "eve"} | {one.removeprefix("/").replace("//", "/"): "no" for one in names}
    assert collected(course, files, pattern) == ({"12": "eve"}, "")


@pytest.mark.parametrize(
    ("pattern", "files"),
    [
        ("moodle", [f"{EVE}/a.zip"]),
        ("moodle", [f"{EVE}a.zip"]),
        ("moodle", [f"{EVE}/deep/a.ipynb", f"{EVE}/b.pdf"]),
        ("canvas", ["eve_LATE_12_345_a.zip"]),
        ("folders", ["12/deep/a.ipynb"]),
    ],
)
def test_a_student_without_a_notebook_is_named(course, pattern, files):
    bob = {"moodle": f"{BOB}/b.ipynb", "canvas": "bob_99_346_b.ipynb", "folders": "99/b.ipynb"}
    found, said = collected(course, dict.fromkeys(files, "") | {bob[pattern]: "bob"}, pattern)
    assert found == {"99": "bob"}
    assert f"12: NOT TAKEN: no notebook, only {', '.join(files)}" in said and "99: " not in said


def test_the_notebook_of_another_assignment_is_not_taken(course):
    for name in ("toy", "other"):
        path = course.notebook("source", name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'{{"grade_id": "setup"}} {{"grade_id": "{name}_answer"}}')
    texts = {name: course.notebook("source", name).read_text() for name in ("toy", "other")}
    files = {f"{EVE}/a.ipynb": texts["other"], f"{BOB}/b.ipynb": texts["toy"] + texts["other"]}
    found, said = collected(course, files | {"Ann_1_assignsubmission_file_/a.ipynb": "no names"})
    assert {*found} == {"1", "99"}
    assert "12: NOT TAKEN: it is the notebook of other" in said


def test_the_pattern_that_fits_is_named(course):
    with pytest.raises(Stop, match="as --pattern moodle needs it.*; try --pattern canvas"):
        collected(course, {"eve_LATE_12_345_a.ipynb": ""})


def test_nor_does_one_that_is_too_large(course, monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 2**20)
    found, said = collected(course, {f"{EVE}/a.ipynb": bytes(2**20 + 1), f"{BOB}/b.ipynb": "bob"})
    assert found == {"99": "bob"} and f"12: NOT TAKEN: {EVE}/a.ipynb is larger than 1 MB" in said


def test_names_do_nothing_to_a_terminal(course):
    found, said = collected(course, {f"{BOB}/b.ipynb": "bob", f"{EVE}/\x1b[2J\n12: ok": ""})
    assert "\x1b" not in said and "\n12: ok" not in said


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
    with pytest.raises(Stop, match="has a path as --pattern moodle needs it"):
        collected(course, {"a.txt": ""})
