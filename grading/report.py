"""The report of an assignment: one row for each student and task, with the reason in words."""

import csv
import io
import json
import re

from grading.course import usable
from grading.outputs import line, writable
from grading.rebuild import REVIEW, settings

COLUMNS = ["student", "task", "points", "most", "graded by", "reason", "notes"]


def tasks(notebook):
    """Return ``(name, points, who grades it)`` of each task, in order."""
    found = []
    for cell in notebook.cells:
        known = settings(cell)
        if known.get("grade"):
            who = "hand" if known["solution"] else "machine"
            found.append((known["grade_id"], float(known["points"]), who))
    return found


def rows(course, assignment, notebook):
    """Return the rows, those that need a person first; and the tracebacks of checks that failed."""
    found, bugs = [], []
    submitted, _ = course.students(assignment)
    for student in sorted({*submitted, *roster(course)}):
        path = course.root / "marks" / assignment / f"{student}.json"
        try:
            known = json.loads(path.read_text())
        except (OSError, ValueError):
            why = "NOT MARKED: see the log" if student in submitted else "nothing was handed in"
            known = {"marks": {}, "notes": [why]}
        notes, order = list(known["notes"]), 2
        if needs_eyes(notes):
            order = 1
        for task, most, who in tasks(notebook):
            mark = known["marks"].get(task, {})
            if mark.get("bugs"):
                order = 0
                bugs += [(student, task, text) for text in mark["bugs"]]
            points = f"{mark['points']:g}" if mark else ""
            row = [student, task, points, f"{most:g}", who, mark.get("reason", "")]
            found.append([order, *row, "; ".join(notes)])
    first = {student: min(row[0] for row in found if row[1] == student) for _, student, *_ in found}
    return [row[1:] for row in sorted(found, key=lambda row: (first[row[1]], row[1]))], bugs


def needs_eyes(notes):
    """Whether a person should look: something was guessed, lost, or took too long."""
    return any(note.startswith((REVIEW, "NOT ", "kernel ended", "a cell took")) for note in notes)


def roster(course):
    """Return the students that the gradebook knows."""
    if not (course.root / "gradebook.db").exists():
        return []
    with course.nbgrader().gradebook as book:
        return [one.id for one in book.students if usable(one.id)]


def write_report(course, assignment, notebook, say):
    """Write ``marks/<assignment>.csv``, say what needs a person, and return the path."""
    found, bugs = rows(course, assignment, notebook)
    path = course.root / "marks" / f"{assignment}.csv"
    write_csv(path, [COLUMNS, *found])
    for student, task, text in bugs[:5]:
        text = "\n".join(map(line, text.split("\n")))
        say(f"CHECK BUG in {task}, met with {student}; 0 points until it is mended:\n{text}")
    said = {}
    for student, *_, notes in found:
        said.setdefault(student, notes)
    for student, notes in said.items():
        if needs_eyes(notes.split("; ")):
            say(f"look at {student}: {notes}")
    return path


def write_csv(path, table):
    """Write a table so that a program that opens it runs nothing of what a student wrote."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([[cell(value) for value in row] for row in table])
    part = path.with_name(f".{path.name}.part")
    part.write_text(text.getvalue(), encoding="utf-8", newline="")
    part.replace(path)


def cell(value):
    """Return a text that no spreadsheet takes for a formula.

    Examples
    --------
    >>> cell("=HYPERLINK(...)"), cell("-0.5"), cell("ada")
    ("'=HYPERLINK(...)", '-0.5', 'ada')

    Some programs begin a new cell at other signs than a comma.

    >>> cell("a;=1+1"), cell("a; b")
    ("a;'=1+1", 'a; b')
    """
    text = writable(str(value).replace("\0", ""))
    try:
        float(text)
    except ValueError:
        risky = text[:1] in ("\t", "\r", "\n") or text.lstrip()[:1] in tuple("=+-@＝＋－＠")
        text = re.sub(r"([;|\t\r\n][\s\"]*)(?=[=+\-@＝＋－＠])", r"\1'", text)
        return f"'{text}" if risky else text
    return text
