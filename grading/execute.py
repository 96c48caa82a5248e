"""A rebuilt notebook, executed in the sandbox, with marks as the outputs of its check cells.

nbgrader reads a mark from the output of a cell, so its gradebook, formgrader and feedback work as
they are. This step runs only within `grading.batch`: the button "Autograde" of formgrader reaches
it too, and is refused, as nothing there rebuilds what was submitted.
"""

import dataclasses
import json
import time

from nbformat.v4 import new_output
from nbgrader.preprocessors import NbGraderPreprocessor

from grading.checking import Ask
from grading.kernel import Kernel, KernelGone
from grading.marking import mark
from grading.outputs import writable
from grading.rebuild import settings
from grading.sandbox import Limits

KERNELS = 4  # a notebook gets so many; those that it ends are replaced
GRACE = 60  # seconds for questions about what was defined in time
KEPT = 20 * 2**20  # bytes of what all cells of a notebook show


@dataclasses.dataclass
class Job:
    """What is needed to mark one submission, and what came out.

    Parameters
    ----------
    student, assignment : str
    checks : dict
        From `grading.marking.load_checks`.
    secret : bytes
        Of the term.
    files : str
        A folder with what lies beside the notebook.
    limits : Limits
    """

    student: str
    assignment: str
    checks: dict
    secret: bytes
    files: str
    limits: Limits
    marks: dict = dataclasses.field(default_factory=dict)
    notes: list = dataclasses.field(default_factory=list)


class Questions(Ask):
    """Asks in a kernel."""

    gone = KernelGone


class Run:
    """The execution of one notebook."""

    def __init__(self, job):
        self.job, self.kernel = job, None
        self.end = time.monotonic() + job.limits.total
        self.started, self.good, self.kept = 0, [], 0

    def seconds(self, most):
        """Return the seconds that may be spent, at least one."""
        return max(1, min(most, self.end - time.monotonic()))

    def in_time(self, more=0):
        """Raise `KernelGone` if the time of the notebook, and some more, is over."""
        if time.monotonic() > self.end + more:
            raise KernelGone(f"the notebook took more than {self.job.limits.total:.0f} seconds")

    def ready(self):
        """Return a kernel in which all cells ran that ran before.

        Raises
        ------
        KernelGone
            If there was one too many, or the time is over.
        """
        if self.kernel is not None and self.kernel.sandbox.alive:
            return self.kernel
        if self.started == KERNELS:
            raise KernelGone(f"{KERNELS} kernels have ended in this notebook")
        self.in_time()
        self.started += 1
        self.kernel = Kernel(self.job.files, self.job.limits)
        for source in self.good:
            self.in_time()
            self.kernel.run(source, self.seconds(self.job.limits.cell))
        return self.kernel

    def cell(self, source):
        """Return the outputs of a cell; one that ends the kernel is not run again."""
        try:
            self.in_time()
            outputs = self.ready().run(source, self.seconds(self.job.limits.cell))
        except KernelGone as gone:
            self.job.notes.append(f"kernel ended: {gone}")
            shown = new_output("error", ename="KernelGone", evalue=str(gone), traceback=[str(gone)])
            return [*getattr(gone, "outputs", []), shown]
        if any(one.get("ename") == "Timeout" for one in outputs):
            self.job.notes.append(f"a cell took more than {self.job.limits.cell:g} seconds")
        self.good.append(source)
        self.kept += len(json.dumps(outputs))
        if self.kept > KEPT:
            said = f"not kept: the notebook has shown more than {KEPT // 2**20} MB\n"
            self.job.notes.append(said.strip())
            return [new_output("stream", name="stderr", text=said)]
        return outputs

    def task(self, name, most):
        """Mark a task and return the outputs that nbgrader reads: a text and a number."""
        job = self.job
        try:
            self.ready()

            def reach(text):
                self.in_time(GRACE)
                return self.kernel.ask(text, self.seconds(job.limits.question))

            found = mark(
                job.checks, name, Questions(reach), job.secret, job.student, job.assignment
            )
            points = sum(one.points for one in found)
            lines = [writable(str(one)) for one in found]
        except KernelGone as gone:
            found, points, lines = [], 0.0, [f"0 of {most:g}: {gone}"]
        told = [f"{one.title.rstrip('.')}: {one.reason}" for one in found if one.reason]
        reason = writable("; ".join(told))
        job.marks[name] = {
            "points": min(most, max(0.0, float(points))),
            "reason": reason or ("" if found else lines[0]),
            "bugs": [one.bug for one in found if one.bug],
        }
        text = "\n".join(lines)[:5000] + "\n"
        number = {"text/plain": repr(job.marks[name]["points"])}
        shown = new_output("execute_result", number, execution_count=None)
        return [new_output("stream", name="stdout", text=text), shown]


class Execute(NbGraderPreprocessor):
    """The step of nbgrader's autograding in which code of students runs."""

    job = None

    def preprocess(self, notebook, resources):
        """Execute all cells; see nbconvert for the arguments."""
        job = type(self).job
        if job is None:
            raise RuntimeError("grade with `make grade`: it rebuilds what was submitted")
        run = Run(job)
        try:
            for number, cell in enumerate(notebook.cells, start=1):
                if cell.cell_type != "code":
                    continue
                known = settings(cell)
                cell.execution_count = number
                if known.get("grade") and not known["solution"]:
                    cell.outputs = run.task(known["grade_id"], float(known["points"]))
                else:
                    cell.outputs = run.cell(cell.source)
        finally:
            if run.kernel is not None:
                run.kernel.kill()
        return notebook, resources


class HideRubrics(NbGraderPreprocessor):
    """Feedback without the model answers and rubrics that graders see."""

    def preprocess(self, notebook, resources):
        """Drop the cells that `grading.prepare` has added for graders."""
        notebook.cells = [cell for cell in notebook.cells if not cell.metadata.get("rubric")]
        return notebook, resources
