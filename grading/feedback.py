"""A page for each student, and all pages of an assignment as one zip to give back."""

import contextlib
import io
import re
import shutil
import zipfile

from grading.course import Stop, alone
from grading.outputs import line
from grading.prepare import within_limits

# What Moodle looks for in its "feedback files in a zip": a word, the participant, what it is.
MOODLE = "feedback_{}_assignfeedback_file_{}"


def feedback(course, assignment, students=None, say=print, moodle=False):
    """Write ``feedback/<student>/<assignment>`` and ``feedback/<assignment>.zip``.

    Parameters
    ----------
    course : Course
    assignment : str
    students : list of str, optional
        Only these, and no zip.
    say : function
        Is told who has answers that nobody has graded by hand yet, and whose page cannot be made.
    moodle : bool
        Whether the pages in the zip get names that Moodle takes back. Students' names must be the
        numbers of participants, as `collect` takes them from Moodle.

    Returns
    -------
    path
        Of the zip, or of the folder.

    Raises
    ------
    Stop
        If nothing has been marked yet.
    """
    folder = course.root / "autograded"
    known = sorted(path.parent.name for path in folder.glob(f"*/{assignment}"))
    if moodle and (others := [one for one in known if not re.fullmatch("[0-9]+", one)]):
        raise Stop(f"no numbers of Moodle's participants: {', '.join(others)}")
    if unknown := {*(students or [])} - {*known}:
        raise Stop(f"not marked yet: {', '.join(sorted(unknown))}; run `make grade` first")
    if not known:
        raise Stop(f"nothing of {assignment} has been marked: run `make grade` first")
    api = course.nbgrader()
    with alone(course):
        for student in students or known:
            # What one of them handed in must not keep the others from their pages.
            made = within_limits(_page, api, assignment, student)
            if not made or not made["success"]:
                shutil.rmtree(course.root / "feedback" / student / assignment, ignore_errors=True)
                log = ((made or {}).get("log") or "it takes too much memory or time").strip()
                log = "\n".join(map(line, log[-1000:].split("\n")))
                say(f"{student}: NO PAGE, as drawing it failed:\n{log}")
    waiting = ungraded(api, assignment)
    if waiting:
        say(f"answers that nobody has graded by hand yet: {len(waiting)}, of {', '.join(waiting)}")
    out = course.root / "feedback"
    if students:
        return out
    out.mkdir(exist_ok=True)
    path = out / f"{assignment}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for page in sorted(out.glob(f"*/{assignment}/*.html")):
            student, name = page.parts[-3], page.relative_to(out)
            archive.write(page, MOODLE.format(student, page.name) if moodle else name)
    return path


def _page(api, assignment, student):
    quiet = io.StringIO()
    with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        return api.generate_feedback(assignment, student)


def ungraded(api, assignment):
    """Return the students with answers that wait for a person."""
    with api.gradebook as book:
        found = book.assignment_submissions(assignment)
        return sorted(one.student.id for one in found if one.needs_manual_grade)
