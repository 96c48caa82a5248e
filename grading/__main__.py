"""The programs for instructors: ``python -m grading --help``."""

import argparse
import dataclasses
import sys

from grading.course import Course, Stop
from grading.marking import COURSE
from grading.sandbox import Limits, NoSandbox, check_sandbox


def assignments(course, options):
    """Make what students get: a zip of each assignment."""
    from grading.release import release

    known = (course.root / "secret").exists()
    for name in [course.assignment(one) for one in options.assignment] or course.assignments:
        print(release(course, name))
    if not known:
        print(f"A new secret of the term is in {course.root / 'secret'}: keep a copy of it.")
    print("Next: give the zips to students; what they hand in belongs in exercises/submitted.")


def collect(course, options):
    """Put what an LMS gives as an archive, or a folder of files, into submitted."""
    from grading.collect import collect as run

    count = run(course, course.assignment(options.assignment), options.archive, options.pattern)
    print(f"{count} notebooks are in {course.root / 'submitted'}")


def grade(course, options):
    """Mark what was handed in."""
    from grading.batch import grade as run

    changed = {one.name: getattr(options, one.name) for one in dataclasses.fields(Limits)}
    limits = dataclasses.replace(Limits(), **changed)
    name = course.assignment(options.assignment)
    path = run(course, name, options.student, options.workers, limits, options.again)
    print(f"The marks and the reasons are in {path}")
    print("Next: grade by hand (make formgrader), then make feedback and make marks.")


def feedback(course, options):
    """Write a page for each student, with marks, comments and the reasons."""
    from grading.feedback import feedback as run

    name = course.assignment(options.assignment)
    print(f"The pages are in {run(course, name, options.student, moodle=options.moodle)}")


def export(course, options):
    """Write the marks of all assignments, or fill a column of a file of Moodle or Canvas."""
    from grading.lms import export as run

    name = course.assignment(options.assignment) if options.assignment else None
    print(run(course, name, options.fill, options.column, options.by))


def samples(course, options):
    """Hand in three sample submissions of assignment 2: one right, one partly, one hostile."""
    from grading.samples import samples as run

    print(f"Handed in by {', '.join(run(course))}. Next: make grade ASSIGNMENT=2")


def sandbox(course, options):
    """Say whether the sandbox works here."""
    check_sandbox()
    print("The sandbox works.")


def main(arguments=None):
    """Run one of the programs; return the exit status."""
    options = parser().parse_args(arguments)
    try:
        options.run(Course(options.course), options)
    except (Stop, NoSandbox, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{error.filename or 'writing'}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


def parser():
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(prog="python -m grading", description=__doc__)
    top.add_argument("--course", default=COURSE, help="its folder (default: %(default)s)")
    programs = top.add_subparsers(required=True, metavar="PROGRAM")

    def program(run):
        one = programs.add_parser(run.__name__, help=run.__doc__, description=run.__doc__)
        one.set_defaults(run=run)
        return one

    one = program(assignments)
    one.add_argument("assignment", nargs="*", help="its name or number (default: all)")
    one = program(collect)
    one.add_argument("assignment", help="its name or number")
    one.add_argument("archive", help="a zip or a folder")
    text = "moodle, canvas, folders, names, or a regular expression with a group called student"
    one.add_argument("--pattern", default="moodle", help=f"{text} (default: %(default)s)")
    one = program(grade)
    one.add_argument("assignment", help="its name or number")
    one.add_argument("--student", action="append", help="only this one; may be repeated")
    one.add_argument("--workers", type=int, default=2, help="how many at once (default: 2)")
    one.add_argument("--again", action="store_true", help="mark also what has not changed")
    told = {
        "cell": "seconds for a cell",
        "question": "seconds for a question of a check",
        "total": "seconds for a notebook",
        "memory": "MB for all processes of a notebook",
        "disk": "MB in each of the places for files",
        "processes": "processes and threads",
        "output": "bytes kept of what a cell prints",
    }
    for field in dataclasses.fields(Limits):
        kind = type(field.default)
        text = f"{told[field.name]} (default: {field.default})"
        one.add_argument(f"--{field.name}", type=kind, default=field.default, help=text)
    one = program(feedback)
    one.add_argument("assignment", help="its name or number")
    one.add_argument("--student", action="append", help="only this one; may be repeated")
    text = "name the pages in the zip as Moodle takes them back"
    one.add_argument("--moodle", action="store_true", help=text)
    one = program(export)
    one.add_argument("assignment", nargs="?", help="its name or number (default: all)")
    one.add_argument("--fill", metavar="FILE", help="a CSV file that Moodle or Canvas exported")
    one.add_argument("--column", help="the column of the file that the points go to")
    one.add_argument("--by", help="the column that holds the names of the students' folders")
    program(samples)
    program(sandbox)
    return top


if __name__ == "__main__":
    sys.exit(main())
