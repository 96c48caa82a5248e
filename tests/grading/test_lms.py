"""Marks in the files of Moodle and Canvas: one column changes, and nothing else does."""

import csv
import errno
import io

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed")

from grading import lms  # noqa: E402
from grading.course import Stop  # noqa: E402
from grading.report import cell, write_csv  # noqa: E402

POINTS = {"ada": "5.5", "bob": "0", "Çelik": "3"}
MOODLE = (
    '"First name","Last name","ID number",Institution,Department,"Email address",'
    '"Assignment: toy (Real)","Assignment: toy 2 (Real)","Course total (Real)",'
    '"Last downloaded from this course"\r\n'
    'Ada,"O\'Hara, ""A""",007,,,Ada@uni.example,-,-,12.50,1764370000\r\n'
    "Bob,=SUM(A1),008,,,bob@uni.example,4.0,-,-,1764370000\r\n"
    '"Ümit\nZwei",Çelik,009,,,çelik@uni.example,-,1,-,1764370000\r\n'
    "Eve,Not Marked,010,,,eve@uni.example,-,-,-,1764370000\r\n"
)
CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,toy (4711),toy 2 (4712),Current Score\n"
    ",,,,,Manual Posting,,(read only)\n"
    "    Points Possible,,,,,9,20,(read only)\n"
    '"Hara, Ada",101,s1,ada,"Fall, A",,,61.5\n'
    '"Bob",102,s2,bob,"Fall, A",7,3,\n'
    '"Çelik, Ümit",103,s3,çelik,"Fall, B",,,\n'
    '"Student, Test",104,,,"Fall, B",,,\n'
)


def table(data):
    text = data.decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def filled(tmp_path, text, column, by=None, points=POINTS, encoding="utf-8"):
    """Fill a file; return the cells before and after, as tables."""
    path = tmp_path / "Grades.csv"
    before = text.encode(encoding) if isinstance(text, str) else text
    path.write_bytes(before)
    said = lms.filled(path, column, by, points)
    assert path.read_bytes() == before, "the file of the LMS itself was changed"
    out = tmp_path / "Grades_with_marks.csv"
    assert said == f"{len(points)} marks are in {out}"
    return table(before), table(out.read_bytes())


def changed(before, after):
    assert [len(row) for row in before] == [len(row) for row in after]
    return {
        (row[0], at): new
        for row, made in zip(before, after, strict=True)
        for at, (old, new) in enumerate(zip(row, made, strict=True))
        if old != new
    }


def test_a_long_text_of_a_student_in_the_table_stays(tmp_path):
    text = f'Identifier,Grade,Online text\nParticipant 12,,"{"x" * 2**20}\n=1+1"\n'
    before, after = filled(tmp_path, text, "Grade", points={"12": "3"})
    assert changed(before, after) == {("Participant 12", 1): "3"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_moodle(tmp_path, encoding):
    """Addresses in another case, quotes, commas and lines in cells, formulas of others."""
    before, after = filled(tmp_path, MOODLE, "Assignment: toy (Real)", encoding=encoding)
    assert changed(before, after) == {("Ada", 6): "5.5", ("Bob", 6): "0", ("Ümit\nZwei", 6): "3"}


def test_canvas(tmp_path):
    """The rows before the students, and the test student, stay as they are."""
    before, after = filled(tmp_path, CANVAS, "toy (4711)")
    assert changed(before, after) == {
        ("Hara, Ada", 5): "5.5",
        ("Bob", 5): "0",
        ("Çelik, Ümit", 5): "3",
    }
    assert after[2][5] == "9", "points possible"


def test_a_part_of_the_name_of_a_column_will_do_if_no_other_has_it(tmp_path):
    before, after = filled(tmp_path, CANVAS, "4711")
    assert {at for _, at in changed(before, after)} == {5}
    before, after = filled(tmp_path, CANVAS, "TOY 2")
    assert {at for _, at in changed(before, after)} == {6}


@pytest.mark.parametrize("by", ["ID number", "id NUMBER", "number"])
def test_students_by_another_column(tmp_path, by):
    points = {"007": "1", "008": "2"}
    before, after = filled(tmp_path, MOODLE, "toy (Real)", by, points)
    assert changed(before, after) == {("Ada", 6): "1", ("Bob", 6): "2"}


def test_folders_with_whole_addresses(tmp_path):
    points = {"ADA@uni.example": "1", "bob@uni.example": "2"}
    before, after = filled(tmp_path, MOODLE, "toy (Real)", None, points)
    assert changed(before, after) == {("Ada", 6): "1", ("Bob", 6): "2"}


def test_two_people_with_equal_names_at_two_hosts_are_not_confused(tmp_path):
    text = "Email address,toy\r\nada@a.example,-\r\nada@b.example,-\r\n"
    points = {"ada@b.example": "2"}
    before, after = filled(tmp_path, text, "toy", None, points)
    assert changed(before, after) == {("ada@b.example", 1): "2"}
    before, after = filled(tmp_path, text, "toy", None, points | {"ada@a.example": "1"})
    assert changed(before, after) == {("ada@a.example", 1): "1", ("ada@b.example", 1): "2"}
    (tmp_path / "Grades_with_marks.csv").unlink()
    refused(tmp_path, text, "toy", None, {"ada": "2"}, said="not clear in column")
    text = "Email address,toy\r\nada@a.example,-\r\n"
    refused(tmp_path, text, "toy", None, {"ada": "2", "Ada@a.example": "1"}, said="not clear in")
    refused(tmp_path, text, "toy", None, {"ada@b.example": "1"}, said="not in column")


def test_the_column_with_most_of_the_students_is_taken(tmp_path):
    before, after = filled(tmp_path, CANVAS, "4711", None, {"S1": "1", "s2": "2", "s3": "3"})
    assert {at for _, at in changed(before, after)} == {5}
    before, after = filled(tmp_path, CANVAS, "4711", None, {"101": "1"})
    assert changed(before, after) == {("Hara, Ada", 5): "1"}
    text = "Identifier,Full name,Grade\r\nParticipant 17,Ada,\r\nParticipant 171,Bob,\r\n"
    before, after = filled(tmp_path, text, "Grade", None, {"17": "1"})
    assert changed(before, after) == {("Participant 17", 2): "1"}


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_stay(tmp_path, separator):
    text = "Student;SIS Login ID;toy\nHara, Ada;ada;\n".replace(";", separator)
    path = tmp_path / "Grades.csv"
    path.write_text(text)
    lms.filled(path, "toy", None, {"ada": "2.5"})
    made = (tmp_path / "Grades_with_marks.csv").read_text()
    assert made == text.replace("ada" + separator, f"ada{separator}2.5")


def refused(tmp_path, text, column, by=None, points=POINTS, said=""):
    path = tmp_path / "Grades.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    before = {one.name: one.read_bytes() for one in tmp_path.iterdir()}
    with pytest.raises(Stop) as caught:
        lms.filled(path, column, by, points)
    assert said in str(caught.value) and "Grades.csv" in str(caught.value)
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("text", "column", "by", "said"),
    [
        (CANVAS, "toy", None, "more than one"),
        (CANVAS, "exam", None, "no column"),
        (CANVAS, "4711", "S", "more than one"),
        (CANVAS, "4711", "Matrikel", "'Matrikel'"),
        (CANVAS.replace("SIS", "X").replace(",ID", ",X"), "4711", None, "--by"),
        ("", "toy", None, "is empty"),
        ("\ufeff", "toy", None, "empty"),
        (CANVAS, "4711", "SIS User ID", "not in column 'SIS User ID'"),
        (CANVAS.encode("utf-16"), "4711", None, "UTF-8"),
        (
            "SIS Login ID,toy\nada,\nada,\nbob,\nçelik,\n",
            "toy",
            None,
            "not clear in column 'SIS Login ID'",
        ),
        ('SIS Login ID,toy\n"ada,\n', "toy", None, "not in column"),
    ],
    ids=range(11),
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(tmp_path, text, column, by, said):
    refused(tmp_path, text, column, by, said=said)


def test_a_marked_student_who_is_not_in_the_file_is_named(tmp_path):
    points = POINTS | {"dora": "1", "carl": "2"}
    refused(tmp_path, CANVAS, "4711", points=points, said=": carl, dora; nothing is written")


def test_ends_of_lines_stay_as_they_were(tmp_path):
    for text, end in ((MOODLE, b"\r\n"), (CANVAS, b"\n")):
        path = tmp_path / "Grades.csv"
        path.write_bytes(text.encode())
        lms.filled(path, "toy (", None, POINTS)
        made = (tmp_path / "Grades_with_marks.csv").read_bytes()
        assert made.endswith(end) and (b"\r" in made) == (end == b"\r\n")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_the_mark_that_excel_needs_stays(tmp_path, encoding):
    path = tmp_path / "Grades.csv"
    path.write_bytes(MOODLE.encode(encoding))
    lms.filled(path, "toy (", None, POINTS)
    made = (tmp_path / "Grades_with_marks.csv").read_bytes()
    assert made.startswith(b"\xef\xbb\xbf") == (encoding == "utf-8-sig")


def test_a_full_disk_leaves_no_part_of_a_file(tmp_path, monkeypatch):
    path = tmp_path / "Grades.csv"
    path.write_text(MOODLE)

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        lms.filled(path, "toy (", None, POINTS)
    assert not (tmp_path / "Grades_with_marks.csv").exists()


@pytest.fixture
def marks(monkeypatch):
    """Let the gradebook say what a test sets."""
    known = {"points": {"toy": dict(POINTS)}, "waiting": {}}
    monkeypatch.setattr(lms, "scores", lambda course: (known["points"], known["waiting"]))
    return known


class Course:
    assignments = ["toy", "toy 2"]

    def __init__(self, root):
        self.root = root


def test_answers_that_nobody_has_graded_are_not_exported_to_an_lms(tmp_path, marks):
    marks["waiting"] = {"toy": ["bob"]}
    path = tmp_path / "Grades.csv"
    path.write_text(CANVAS)
    with pytest.raises(Stop, match="grade these by hand first: bob"):
        lms.export(Course(tmp_path), "toy", path, "4711")
    assert [one.name for one in tmp_path.iterdir()] == ["Grades.csv"]
    said = lms.export(Course(tmp_path), "toy")
    assert "1 students have answers not graded by hand yet" in said


def test_an_assignment_without_marks_or_without_a_name_is_not_exported(tmp_path, marks):
    path = tmp_path / "Grades.csv"
    path.write_text(CANVAS)
    with pytest.raises(Stop, match="nothing of toy 2 has been marked"):
        lms.export(Course(tmp_path), "toy 2", path)
    with pytest.raises(Stop, match="name the assignment"):
        lms.export(Course(tmp_path), None, path)
    assert [one.name for one in tmp_path.iterdir()] == ["Grades.csv"]


def test_the_table_of_all_marks(tmp_path, marks):
    marks["points"]["toy 2"] = {"=cmd": "1", "ada": "20"}
    lms.export(Course(tmp_path))
    assert table((tmp_path / "marks" / "all.csv").read_bytes()) == [
        ["student", "toy", "toy 2"],
        ["'=cmd", "", "1"],
        ["ada", "5.5", "20"],
        ["bob", "0", ""],
        ["Çelik", "3", ""],
    ]


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1+cmd|' /C calc'!A0", "-1+1", "@SUM(1)", "\t=1", "\r=1", " =1", "\n=1", "＝1"],
)
def test_no_text_of_a_student_is_a_formula_in_the_report(tmp_path, text):
    write_csv(tmp_path / "a.csv", [["student", text], [text, f'a",{text}']])
    for row in table((tmp_path / "a.csv").read_bytes()):
        assert len(row) == 2
        assert not any(value.lstrip()[:1] in tuple("=+-@＝＋－＠") for value in row)
    assert cell("-0.5") == "-0.5" and cell("1e-3") == "1e-3" and cell(3.5) == "3.5"


def test_a_report_takes_what_no_file_can_hold(tmp_path):
    write_csv(tmp_path / "a.csv", [["\ud800", "a\0b", "ü"]])
    assert table((tmp_path / "a.csv").read_bytes()) == [["?", "ab", "ü"]]
