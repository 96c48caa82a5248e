"""Marks out of the gradebook: one table of all, or one column of a file that an LMS exported.

Moodle and Canvas take back the file that they wrote. So one column of it is filled and all else is
left as it is; a table of our own would need their numbers for students and columns.
"""

import codecs
import csv
import io
from pathlib import Path

from grading.course import Stop, replace
from grading.report import write_csv

NAMES = ("Identifier", "ID", "SIS Login ID", "SIS User ID")  # Moodle's worksheet; Canvas
NAMES += ("Username", "Email address", "ID number", "Student ID")  # Moodle's gradebook; others


def export(course, assignment=None, fill=None, column=None, by=None):
    """Write marks as a table of students and assignments, or into a file of an LMS.

    Parameters
    ----------
    course : Course
    assignment : str, optional
        Needed with ``fill``.
    fill : path, optional
        A CSV file that Moodle or Canvas exported; it stays as it is.
    column : str, optional
        The column for the points: its name, or a part that no other has. By default the
        assignment's name.
    by : str, optional
        The column that holds the names of the students' folders. By default the first of those
        that Moodle and Canvas write in which all of them are found.

    Returns
    -------
    str
        What was written.

    Raises
    ------
    Stop
        If an answer waits to be graded by hand, or a column or a student is not found.
    """
    points, waiting = scores(course)
    if not fill:
        if not points:
            raise Stop("nothing has been marked: run `make grade` first")
        names = [assignment] if assignment else course.assignments
        known = sorted({student for one in points.values() for student in one})
        table = [["student", *names]]
        table += [[one, *(points.get(name, {}).get(one, "") for name in names)] for one in known]
        path = course.root / "marks" / "all.csv"
        path.parent.mkdir(exist_ok=True)
        write_csv(path, table)
        late = sorted({student for name in names for student in waiting.get(name, [])})
        told = f"; {len(late)} students have answers not graded by hand yet" if late else ""
        return f"The marks are in {path}{told}"
    if not assignment:
        raise Stop("name the assignment whose points are to be filled in")
    if not points.get(assignment):
        raise Stop(f"nothing of {assignment} has been marked: run `make grade` first")
    if late := waiting.get(assignment):
        raise Stop(f"grade these by hand first: {', '.join(late)}")
    return filled(Path(fill), column or assignment, by, points[assignment])


def scores(course):
    """Return the points by assignment and student, and who waits to be graded by hand."""
    points, waiting = {}, {}
    with course.nbgrader().gradebook as book:
        for assignment in book.assignments:
            for one in book.assignment_submissions(assignment.name):
                points.setdefault(assignment.name, {})[one.student.id] = f"{one.score:g}"
                if one.needs_manual_grade:
                    waiting.setdefault(assignment.name, []).append(one.student.id)
    return points, waiting


def filled(path, column, by, points):
    """Write a copy of a file in which one column holds the points.

    Rows without a mark keep what they had. Students are found by name, in any case of letters;
    where one of the two has no host, the part of an address before @ is compared.
    """
    text = _text(path)
    separator = max(",;\t", key=text.partition("\n")[0].count)
    # Moodle writes into this table, too, what students typed, which may be long.
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    table = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    if not table:
        raise Stop(f"{path} is empty")
    header = table[0]
    at = _column(header, column, f"no column of {path} is called {column!r}")
    names = [by] if by else [name for name in NAMES if name in header]
    if not names:
        raise Stop(f"name the column of {path} that holds the students' names, with --by: {header}")
    keys = {
        name: _column(header, name, f"no column of {path} is called {name!r}") for name in names
    }
    found = {name: _rows(table, at, key, points) for name, key in keys.items()}
    who = max(names, key=lambda name: sum(len(rows) > 0 for rows in found[name].values()))
    if missing := sorted(student for student, rows in found[who].items() if not rows):
        raise Stop(f"not in column {who!r} of {path}: {', '.join(missing)}; nothing is written")
    used = [id(row) for rows in found[who].values() for row in rows]
    if twice := sorted(
        student
        for student, rows in found[who].items()
        if len(rows) > 1 or used.count(id(rows[0])) > 1
    ):
        raise Stop(f"not clear in column {who!r} of {path}: {', '.join(twice)}; nothing is written")
    for student, (row,) in found[who].items():
        row[at] = points[student]
    out = path.with_name(f"{path.stem}_with_marks.csv")
    written, end = io.StringIO(newline=""), "\r\n" if "\r\n" in text else "\n"
    csv.writer(written, delimiter=separator, lineterminator=end).writerows(table)
    # Excel needs the mark at the beginning, if there was one, to read letters such as ü.
    mark = codecs.BOM_UTF8 if path.read_bytes().startswith(codecs.BOM_UTF8) else b""
    replace(out, mark + written.getvalue().encode())
    return f"{len(points)} marks are in {out}"


def _text(path):
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Stop(f"{path} is not UTF-8, as Moodle and Canvas write it") from None


def _rows(table, at, key, points):
    """Return the rows of each student that are found by the entries of one column."""
    known = [row for row in table[1:] if len(row) > max(at, key)]
    names = [row[key].strip().lower().removeprefix("participant ") for row in known]
    found = {}
    for student in points:
        name = student.lower()
        rows = [row for one, row in zip(names, known, strict=True) if one == name]
        found[student] = rows or [
            row for one, row in zip(names, known, strict=True) if _alike(one, name)
        ]
    return found


def _alike(one, other):
    return ("@" in one) != ("@" in other) and one.partition("@")[0] == other.partition("@")[0]


def _column(header, name, said):
    found = [at for at, one in enumerate(header) if one.strip() == name]
    found = found or [at for at, one in enumerate(header) if name.lower() in one.lower()]
    if len(found) != 1:
        raise Stop(f"{said}, or more than one; there are: {', '.join(header)}")
    return found[0]
