"""Each assignment: its solutions, its untouched release, and answers that are often wrong."""

import importlib
import io
import re
from contextlib import redirect_stdout

import numpy as np
import pytest

from grading.checking import Ask, Parameters, Wrong, parts
from grading.codec import answer
from grading.marking import mark
from tests.grading.support import (
    ASSIGNMENTS,
    by_hand,
    checks,
    marks,
    run,
    settings,
    source,
    tasks,
)

pytestmark = pytest.mark.slow

POINTS = 20
SECRETS = [f"secret {n}".encode() for n in range(20)]
WRONG = {
    name: importlib.import_module(f"tests.grading.wrong_answers.answers_{name[:2]}").WRONG
    for name in ASSIGNMENTS
}


@pytest.fixture(scope="module", params=ASSIGNMENTS)
def assignment(request):
    return request.param


@pytest.fixture(scope="module")
def solved(assignment):
    with redirect_stdout(io.StringIO()):
        return run(source(assignment))


def lost(assignment, names, secret):
    """Return what each task loses, by task."""
    found = {}
    for task, given in marks(assignment, names, secret).items():
        assert not any(one.bug for one in given), given
        if missing := sum(one.most - one.points for one in given):
            found[task] = missing
    return found


def test_points_add_up_and_the_cells_agree_with_the_checks(assignment):
    notebook = source(assignment)
    assert sum(tasks(notebook).values()) + sum(by_hand(notebook).values()) == POINTS
    found = {task: 0 for task in tasks(notebook)}
    for one in parts(checks(assignment)):
        found[one.task] += one.points
    assert found == tasks(notebook)
    assert by_hand(notebook), "nothing is explained in words"
    for task in tasks(notebook):
        assert any(one.public for one in parts(checks(assignment), task)), f"{task}: none is public"
        assert any(not one.public for one in parts(checks(assignment), task)), task


HINTS = ("Hint 1: where to look", "Hint 2: the idea", "Hint 3: almost the code")


def test_each_task_has_an_objective_points_minutes_and_three_hints(assignment):
    notebook = source(assignment)
    prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    sections = re.split(r"^(?=## )", "\n".join(prose), flags=re.M)
    texts = [text for text in sections if text.startswith("## Task")]
    found = [re.search(r"\((\S+) points?, about (\d+) minutes\)", text) for text in texts]
    assert all(found) and len(texts) == len(tasks(notebook)) + len(by_hand(notebook))
    assert sum(float(one[1]) for one in found) == POINTS
    assert 60 <= sum(int(one[2]) for one in found) <= 90
    for text in texts:
        assert "Objective:" in text
        assert re.findall(r"<summary>(.*?)</summary>", text) == [*HINTS], text[:60]


@pytest.mark.parametrize("secret", SECRETS, ids=range(len(SECRETS)))
def test_solutions_score_full_marks(assignment, solved, secret):
    given = marks(assignment, solved, secret)
    assert not [str(one) for some in given.values() for one in some if one.points != one.most]


def test_solutions_pass_the_public_checks(assignment, solved):
    ask = Ask(lambda text: answer(text, solved).text)
    for one in parts(checks(assignment)):
        if one.public:
            one(ask, Parameters(b"public", one.task, one.__name__))


def test_untouched_release_scores_nothing(assignment):
    with redirect_stdout(io.StringIO()):
        names = run(source(assignment), untouched=True)
    for task, given in marks(assignment, names).items():
        assert [one.points for one in given] == [0] * len(given), task
        assert all(one.reason and not one.bug for one in given)


class Same(Ask):
    """Answers each question with one number, or an array of it: what takes no thought at all."""

    def __init__(self, value):
        self.value, self.shape = value, ()

    def __call__(self, expression, /, **values):
        return np.full(self.shape, self.value)

    def array(self, expression, shape, /, **values):
        self.shape = shape
        try:
            return super().array(expression, shape, **values)
        finally:
            self.shape = ()


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0, 0.5, 2.5, 1000.0, 1e-300, 1e308, -1e308])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_one_answer_to_all_questions_scores_nothing(assignment, value):
    for secret in SECRETS[:3]:
        for task in tasks(source(assignment)):
            given = mark(checks(assignment), task, Same(value), secret, "ada", assignment)
            assert not [one for one in given if one.points or one.bug]


def test_there_are_six_wrong_answers_for_other_reasons(assignment):
    assert len({name for name, _, _ in WRONG[assignment]}) >= 6
    cells = {settings(cell).get("grade_id") for cell in source(assignment).cells}
    for _, answers, losses in WRONG[assignment]:
        assert answers.keys() <= cells and losses.keys() <= tasks(source(assignment)).keys()
        assert losses


@pytest.mark.parametrize(
    "assignment, answers, losses",
    [
        pytest.param(name, answers, losses, id=f"{name[:2]}: {what}")
        for name in ASSIGNMENTS
        for what, answers, losses in WRONG[name]
    ],
    scope="function",
)
def test_a_wrong_answer_loses_exactly_the_stated_points(assignment, answers, losses):
    with redirect_stdout(io.StringIO()):
        names = run(source(assignment), answers)
    for secret in SECRETS[:3]:
        assert lost(assignment, names, secret) == losses


def test_a_wrong_answer_is_told_what_is_wrong(assignment):
    """At least one in two of them already by the public checks, in words that name no value."""
    told = 0
    for _, answers, losses in WRONG[assignment]:
        with redirect_stdout(io.StringIO()):
            names = run(source(assignment), answers)
        ask = Ask(lambda text, names=names: answer(text, names).text)
        for one in parts(checks(assignment)):
            if one.public and one.task in losses:
                try:
                    one(ask, Parameters(b"public", one.task, one.__name__))
                except Wrong:
                    told += 1
                    break
    assert told * 2 >= len(WRONG[assignment])
