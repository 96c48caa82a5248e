"""The marks of one task: parts count each by itself, whatever else happens."""

import pytest

from grading.checking import Ask, Wrong, check, parts
from grading.codec import answer
from grading.marking import load_checks, mark

CHECKS = '''
"""Checks of a test."""
from grading.checking import Wrong, part

@part("double", points=0.5, public=True)
def first(ask, params):
    """It is a number.

    This is not for students.
    """
    ask.number("double(2)")

@part("double", points=1)
def broken(ask, params):
    """This check has a bug."""
    ask.number("double(1)")
    raise KeyError("expected is 4")

@part("double", points=2)
def last(ask, params):
    """It doubles."""
    n = params.randint(1, 10**9)
    if ask.number("double(n)", n=n) != 2 * n:
        raise Wrong("not the double")

@part("other", points=3)
def other(ask, params):
    """Another task."""
'''


@pytest.fixture
def checks(tmp_path):
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "01_test.py").write_text(CHECKS)
    return load_checks("01_test", tmp_path)


def marks(checks, names, task="double"):
    ask = Ask(lambda text: answer(text, names).text)
    return mark(checks, task, ask, b"secret of a term", "ada", "01_test")


def test_a_part_that_raises_is_a_bug_with_0_points_and_the_others_count(checks):
    first, broken, last = marks(checks, {"double": lambda n: 2 * n})
    assert (first.points, broken.points, last.points) == (0.5, 0, 2)
    assert "KeyError" in broken.bug and not first.bug and not last.bug
    assert "expected is 4" not in str(broken) and "instructor" in str(broken)


def test_a_wrong_answer_is_no_bug_and_loses_its_part_only(checks):
    first, broken, last = marks(checks, {"double": lambda n: n})
    assert (first.points, last.points) == (0.5, 0)
    assert last.reason == "not the double" and not last.bug
    assert str(last) == "0 of 2: It doubles.\n    not the double"
    assert str(first) == "0.5 of 0.5: It is a number."


def test_an_error_of_the_student_is_no_bug(checks):
    for names in ({}, {"double": lambda n: 1 / 0}, {"double": lambda n: exit(3)}):
        found = marks(checks, names)
        assert [one.points for one in found] == [0, 0, 0]
        assert not any(one.bug for one in found) and all(one.reason for one in found)


def test_only_parts_of_the_task_are_run_in_their_order(checks):
    assert [one.part for one in marks(checks, {})] == ["first", "broken", "last"]
    assert [one.part for one in marks(checks, {}, "other")] == ["other"]
    assert [one.__name__ for one in parts(checks)] == ["first", "broken", "last", "other"]
    assert marks(checks, {}, "no such task") == []


def test_a_kernel_that_is_gone_is_neither_wrong_nor_a_bug(checks):
    class Gone(Exception):
        pass

    class Questions(Ask):
        gone = Gone

    def reach(text):
        raise Gone

    with pytest.raises(Gone):
        mark(checks, "double", Questions(reach), b"secret", "ada", "01_test")


def test_checks_that_do_not_exist_are_named_with_those_that_do(checks, tmp_path):
    with pytest.raises(FileNotFoundError, match="'02_test'.*there are: 01_test"):
        load_checks("02_test", tmp_path)


def test_the_check_of_students_says_what_holds_and_names_its_tasks(monkeypatch, capsys):
    import __main__

    def even(ask, params):
        """The number is even.

        More for those who read the code.
        """
        if ask.number("number") % 2:
            raise Wrong("it is odd")

    even.task, even.points, even.public = "number", 1, True
    monkeypatch.setitem(check.__globals__, "even", even)
    monkeypatch.setitem(check.__globals__["POINTS"], "number", 3)
    no = "DOES NOT HOLD YET: The number is even. (worth 1)\n    it is odd"
    for value, said, held in [(4, "holds: The number is even. (worth 1)", 1), (3, no, 0)]:
        monkeypatch.setattr(__main__, "number", value, raising=False)
        check("number")
        text = capsys.readouterr().out
        assert text.startswith(said)
        assert f"decide over 1 of the task's 3 points, of which {held} hold so far" in text
    with pytest.raises(ValueError, match="'nombre'; a machine marks number"):
        check("nombre")
