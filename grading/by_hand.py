"""What people have graded stays graded when a machine marks again."""

import json

import nbformat
from nbgrader.api import MissingEntry

from grading.rebuild import settings


class ByHand:
    """The hand marks of one submission.

    nbgrader keeps them when it marks again, but sends each of them back to a person. That is right
    only if the answer has changed.

    Parameters
    ----------
    course : Course
    assignment, student : str
    api : NbGraderAPI
    """

    def __init__(self, course, assignment, student, api):
        self.assignment, self.student, self.api = assignment, student, api
        self.notebook = course.notebook("autograded", assignment, student)
        # On the disk, as the marking that comes next may be interrupted.
        self.path = course.notebook("prepared", assignment, student).with_name("by_hand.json")

    def remember(self):
        """Write down the answers that a person has finished grading."""
        if not self.path.exists():
            found = {}
            with self.api.gradebook as book:
                for grade in self._grades(book):
                    if grade.manual_score is not None and not grade.needs_manual_grade:
                        found[grade.name] = self._answers().get(grade.name)
            self.path.write_text(json.dumps(found))

    def restore(self):
        """Call those graded whose answers are as they were."""
        found, answers = json.loads(self.path.read_text()), self._answers()
        with self.api.gradebook as book:
            for grade in self._grades(book):
                if grade.name in found and found[grade.name] == answers.get(grade.name):
                    grade.needs_manual_grade = False
            book.db.commit()
        self.path.unlink()

    def _grades(self, book):
        try:
            found = book.find_submission_notebook(self.assignment, self.assignment, self.student)
        except MissingEntry:
            return []
        return found.grades

    def _answers(self):
        if not self.notebook.is_file():
            return {}
        cells = nbformat.read(self.notebook, as_version=4).cells
        return {settings(cell).get("grade_id"): cell.source for cell in cells}
