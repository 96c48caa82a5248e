"""What a student handed in, made ready to be marked: in a process with limits of its own.

A notebook can be made so that reading it takes gigabytes, and drawing it hours.
"""

import contextlib
import json
import multiprocessing
import os
import re
import resource

import nbformat
import psutil

from grading.course import replace
from grading.drawing import drawable
from grading.rebuild import REVIEW, Damaged, harmless, load, rebuild, settings
from grading.submitted import found, moment

SECONDS = 20  # of computing, for one submission
MEMORY = 2**30  # bytes that it may take beside what this program has
BANNER = "**This submission could not be read: {}.** It was marked as if nothing were answered."
HEAVY = "reading it takes too much memory or time"
REGION = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.S)


def prepare(course, assignment, student, release, sign, damage=""):
    """Write the rebuilt notebook of a student into ``prepared``.

    Parameters
    ----------
    course : Course
    assignment, student : str
    release : NotebookNode
        What the students were given.
    sign : str
        What rubrics begin with.
    damage : str
        Why what was handed in is not to be read.

    Returns
    -------
    list
        What the marks depend on: the notebook, the notes, and when it was handed in.
    """
    folder = course.root / "submitted" / student / assignment
    notes, cells = [], []
    try:
        cells = [] if damage else load(found(folder, assignment, notes))
    except Damaged as error:
        damage = str(error)
    except OSError as error:
        damage = f"what was handed in cannot be read: {error.strerror}"
    notebook, mended = rebuild(release, cells)
    notes += [f"NOT READABLE: {damage}"] if damage else mended
    if plain := drawable(notebook):
        notes.append(f"{REVIEW}: cells that are slow to draw, shown plainly: {plain}")
    source = nbformat.read(course.notebook("source", assignment), as_version=4)
    with_rubrics(notebook, source, sign)
    if damage:
        notebook.cells.insert(0, nbformat.v4.new_markdown_cell(BANNER.format(harmless(damage))))
        notebook.cells[0]["id"] = "banner"
    text, when = nbformat.writes(notebook), moment(folder, notes)
    prepared = course.notebook("prepared", assignment, student)
    prepared.parent.mkdir(parents=True, exist_ok=True)
    replace(prepared, text)
    replace(prepared.with_name("notes.json"), json.dumps(notes))
    stamp = prepared.with_name("timestamp.txt")
    if when:
        replace(stamp, when)
    else:  # that of an earlier submission does not count for this one
        stamp.unlink(missing_ok=True)
    return [text, notes, when]


def within_limits(function, *arguments):
    """Return what a function returns, or ``None`` if it takes too much time or memory.

    An error of the system, such as a full disk, is raised here, too.
    """
    context = multiprocessing.get_context("fork")
    receive, send = context.Pipe(duplex=False)

    def run():
        most = psutil.Process().memory_info().vms + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        with contextlib.suppress(MemoryError):
            try:
                send.send((function(*arguments), None))
            except OSError as error:  # such as a full disk, which is nothing of the student's
                send.send((None, error))
        os._exit(0)

    process = context.Process(target=run)
    process.start()
    send.close()
    found, error = None, None
    # It may end before it has sent anything, or amid that, which is an OSError here.
    with contextlib.suppress(EOFError, OSError):
        # On a busy computer, seconds of computing take longer than by the clock.
        if receive.poll(10 * SECONDS):
            found, error = receive.recv()
    process.kill()
    process.join()
    receive.close()
    if error is not None:
        raise error
    return found


def with_rubrics(notebook, source, sign):
    """Put what graders need, model answers and rubrics, below the answers graded by hand.

    They begin with a sign that no student knows, who could else write a rubric, too.
    """
    texts = {}
    for cell in source.cells:
        known = settings(cell)
        if known.get("grade") and known["solution"] and (region := REGION.search(cell.source)):
            texts[known["grade_id"]] = region[1]
    for at in reversed(range(len(notebook.cells))):
        name = settings(notebook.cells[at]).get("grade_id")
        if name in texts:
            cell = nbformat.v4.new_markdown_cell(f"*For graders ({sign}).*\n\n{texts[name]}")
            cell.metadata["rubric"], cell["id"] = True, f"rubric-{name}"[:64]
            notebook.cells.insert(at + 1, cell)
