"""What a person types or has wrong: a sentence that says what to do, and nothing has changed."""

import functools
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed")

import nbformat  # noqa: E402

from grading.__main__ import main  # noqa: E402
from grading.sandbox import NoSandbox, check_sandbox  # noqa: E402
from tests.grading import toy  # noqa: E402


@functools.cache
def no_sandbox():
    try:
        check_sandbox()
    except NoSandbox:
        return True
    return False


# Looked at when a test begins, and not whenever tests are collected.
needs_sandbox = pytest.mark.skipif("no_sandbox()", reason="student code cannot be run here")


@pytest.fixture
def course(toy_course, tmp_path):
    """A released course with one honest submission."""
    found = toy_course(tmp_path / "course")
    toy.submit(found, "ada", nbformat.writes(toy.answered(found)))
    return found


def contents(root):
    """Return what is in a folder: links, folders, and the bytes of files."""
    return {
        str(path.relative_to(root)): os.readlink(path)
        if path.is_symlink()
        else path.read_bytes()
        if path.is_file()
        else None
        for path in Path(root).rglob("*")
    }


@pytest.fixture
def refused(course, capsys):
    """Run a program that must refuse before anything has changed; return what it says."""

    def run(*arguments, root=course.root):
        before = contents(course.root.parent)
        assert main(["--course", str(root), *map(str, arguments)]) == 1
        after = contents(course.root.parent)
        assert {name for name in before if before[name] != after.get(name)} == set()
        assert after.keys() - before.keys() <= {"course/grading.lock"}
        told = capsys.readouterr()
        assert "Traceback" not in told.err and told.out == ""
        return told.err

    return run


PROGRAMS = ("assignments", "grade", "feedback", "export")


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("name", ["07", "tox", "", "../toy", "/", "*", "toy.ipynb"])
def test_an_unknown_assignment_is_named_with_those_there_are(refused, program, name):
    if (program, name) == ("export", ""):
        return  # without a name it exports all
    assert refused(program, name) == f"there is no assignment {name!r}; there are toy\n"


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_folder_that_is_no_course(refused, tmp_path, program):
    for root in (tmp_path, tmp_path / "missing", Path(__file__)):
        said = refused(program, "toy", root=root)
        assert said == f"{root} is no course: it needs the folders source and checks\n"


@needs_sandbox
def test_an_assignment_that_has_not_been_released(refused, course):
    shutil.rmtree(course.root / "release")
    assert refused("grade", "toy") == "toy has not been released: run `make assignments`\n"


@needs_sandbox
@pytest.mark.parametrize("name", ["source/toy/toy.ipynb", "checks/toy.py"])
def test_a_source_that_has_changed_since_the_release(refused, course, name):
    path = course.root / name
    path.write_text(path.read_text() + "\n")
    assert "have changed since its release: run `make assignments`" in refused("grade", "toy")


@needs_sandbox
@pytest.mark.parametrize("name", ["source/toy/toy.ipynb", "checks/toy.py"])
def test_a_source_that_is_missing(refused, course, name):
    (course.root / name).unlink()
    assert course.root.name in refused("grade", "toy")
    assert course.root.name in refused("assignments", "toy")


@needs_sandbox
def test_no_submissions(refused, course):
    shutil.rmtree(course.root / "submitted")
    said = refused("grade", "toy")
    assert "there is no submission of toy" in said and "submitted/<student>/toy" in said
    (course.root / "submitted" / "bob" / "another").mkdir(parents=True)
    assert "there is no submission of toy" in refused("grade", "toy")


@needs_sandbox
def test_a_student_who_handed_in_nothing(refused):
    said = refused("grade", "toy", "--student", "ada", "--student", "bob", "--student", "../ada")
    assert "no submission of toy by ../ada, bob in" in said


@pytest.mark.parametrize("workers", ["0", "-1"])
def test_too_few_workers(refused, workers):
    assert "at least one worker" in refused("grade", "toy", "--workers", workers)


@pytest.mark.parametrize(
    "option", [["--cell", "0"], ["--memory", "-1"], ["--total", "0"], ["--processes", "0"]]
)
def test_limits_that_are_none(refused, option):
    assert option[0].removeprefix("--") in refused("grade", "toy", *option)


@pytest.mark.parametrize("option", [["--workers", "two"], ["--cell", "x"], ["--wrong"]])
def test_options_that_are_none(course, capsys, option):
    before = contents(course.root)
    with pytest.raises(SystemExit) as caught:
        main(["--course", str(course.root), "grade", "toy", *option])
    assert caught.value.code == 2 and option[-1] in capsys.readouterr().err
    assert contents(course.root) == before


@needs_sandbox
@pytest.mark.parametrize("secret", ["", "short", " \n" * 40])
def test_a_secret_that_is_too_short(refused, course, secret):
    (course.root / "secret").write_text(secret)
    assert "secret must hold at least 16 characters" in refused("grade", "toy")


@needs_sandbox
def test_a_secret_that_is_missing_is_not_made_again_in_silence(refused, course, capsys):
    (course.root / "secret").unlink()
    said = refused("grade", "toy")
    assert said.startswith("the secret of the term is missing:") and "your copy" in said
    assert main(["--course", str(course.root), "assignments"]) == 0
    assert "A new secret of the term is in" in capsys.readouterr().out


def test_a_secret_that_is_replaced_is_said(course, capsys, sandbox):
    fast = ["--course", str(course.root), "grade", "toy", "--memory", "700", "--total", "25"]
    for secret, words in (("a" * 32, False), ("a" * 32, False), ("b" * 32, True)):
        (course.root / "secret").write_text(secret)
        assert main(fast) == 0
        told = capsys.readouterr().out
        assert ("REVIEW: the secret of the term is not the one" in told) == words


def test_nothing_has_been_marked_yet(refused, course, tmp_path):
    assert "nothing of toy has been marked: run `make grade`" in refused("feedback", "toy")
    assert "not marked yet: ada" in refused("feedback", "toy", "--student", "ada")
    (tmp_path / "g.csv").write_text("SIS Login ID,toy\nada,\n")
    assert "nothing of toy has been marked" in refused(
        "export", "toy", "--fill", tmp_path / "g.csv"
    )
    assert "name the assignment" in refused("export", "--fill", tmp_path / "g.csv")
    assert "nothing has been marked: run `make grade`" in refused("export")


def nothing_runs(monkeypatch):
    """Let a test fail that starts a process of the marking."""

    def start(*arguments, **options):
        raise AssertionError("something was started")

    monkeypatch.setattr("multiprocessing.context.ForkContext.Process", start)
    monkeypatch.setattr("grading.kernel.Sandbox", start)


def test_without_bubblewrap_nothing_is_run(refused, monkeypatch, tmp_path):
    nothing_runs(monkeypatch)
    monkeypatch.setenv("PATH", str(tmp_path))
    said = refused("grade", "toy")
    assert "bwrap is not installed" in said and "apt-get install bubblewrap" in said
    assert "bwrap is not installed" in refused("sandbox")


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo bwrap: setting up uid map: Permission denied >&2; exit 1", "uid map: Permission"),
        ("exit 1", "it ended with 1"),
        ("kill -9 $$", "it ended with -9"),
    ],
    ids=["denied", "silent", "killed"],
)
def test_a_sandbox_that_does_not_start_runs_nothing(refused, monkeypatch, tmp_path, script, why):
    nothing_runs(monkeypatch)
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin" / "bwrap"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(
        "grading.sandbox.ENVIRONMENT", {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}
    )
    for arguments in (["grade", "toy"], ["sandbox"]):
        said = refused(*arguments)
        assert why in said and "python -m grading sandbox" in said


@needs_sandbox
def test_odd_names_of_folders_are_left_out_and_said(course, capsys, sandbox):
    odd = ("-rf", "=cmd", "a;b", "ü" * 120, "nul\n", "b" * 101)
    odd += ("ada ", "字" * 84, "toy.zip")  # nbgrader takes the first for "ada", whose marks it gets
    for name in odd:
        (course.root / "submitted" / name / "toy").mkdir(parents=True)
    (course.root / "submitted" / "list.csv").write_text("")
    (course.root / "submitted" / ".DS_Store").write_text("")
    toy.submit(course, "Ünal", nbformat.writes(toy.answered(course)))
    fast = ["--cell", "3", "--memory", "700", "--total", "25"]
    assert main(["--course", str(course.root), "grade", "toy", *fast]) == 0
    told = capsys.readouterr().out
    for name in odd:
        assert f"REVIEW: the folder {name!r} is left out" in told
    assert toy.points(course, "ada") == toy.points(course, "Ünal") == (4, 2)
    assert {path.name for path in (course.root / "autograded").iterdir()} == {"ada", "Ünal"}


def spoiled(course, statement):
    base = sqlite3.connect(course.root / "gradebook.db")
    base.execute(statement)
    base.commit()
    base.close()


@needs_sandbox
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE alembic_version SET version_num = '50a4d84c131a'",
        "UPDATE alembic_version SET version_num = 'ffffffffffff'",
        "ALTER TABLE student DROP COLUMN lms_user_id",
    ],
    ids=["older", "unknown", "column"],
)
@pytest.mark.parametrize("program", ["grade", "feedback", "export"])
def test_a_gradebook_of_another_version_is_named_and_kept(refused, course, program, statement):
    (course.root / "autograded" / "ada" / "toy").mkdir(parents=True)
    spoiled(course, statement)
    said = refused(program, "toy")
    assert "gradebook.db" in said and "nbgrader db upgrade" in said and "copy" in said


@needs_sandbox
@pytest.mark.parametrize("program", ["grade", "feedback", "export"])
def test_a_gradebook_that_is_none_is_named_and_kept(refused, course, program):
    (course.root / "autograded" / "ada" / "toy").mkdir(parents=True)
    (course.root / "gradebook.db").write_bytes(b"not a database" * 1000)
    assert "gradebook.db cannot be read: file is not a database" in refused(program, "toy")


def test_the_program_is_started_as_it_is_described(capsys):
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2 and "PROGRAM" in capsys.readouterr().err
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0 and "grade" in capsys.readouterr().out
