"""Tests of site_page_end.py: a day from git, versions that are pinned, what a download needs."""

import os
import subprocess
from pathlib import Path

import pytest
import site_page_end

ROOT = Path(__file__).resolve().parents[2]
DAY = "2024-03-05T23:30:00+0000"


def git(folder, *arguments):
    who = ["-c", "user.name=A", "-c", "user.email=a@b.example"]
    dated = os.environ | {"GIT_COMMITTER_DATE": DAY, "GIT_AUTHOR_DATE": DAY}
    subprocess.run(["git", "-C", folder, *who, *arguments], check=True, env=dated)


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "book" / "page.md"
    path.parent.mkdir()
    path.write_text("one\n")
    git(path.parent, "init", "--quiet")
    git(path.parent, "add", "page.md")
    git(path.parent, "commit", "--quiet", "-m", "One")
    return path


def test_day_is_that_of_the_last_commit_of_the_file(page):
    assert site_page_end.last_changed(page) == "5 March 2024"


def test_change_that_is_not_committed_has_no_day(page):
    page.write_text("two\n")
    assert site_page_end.last_changed(page) is None


def test_without_the_whole_history_there_is_no_day(page, tmp_path):
    git(page.parent, "commit", "--quiet", "--allow-empty", "-m", "Two")
    git(tmp_path, "clone", "--quiet", "--depth=1", page.parent.as_uri(), "shallow")
    assert site_page_end.last_changed(tmp_path / "shallow" / "page.md") is None


def test_without_git_there_is_no_day(page, tmp_path, monkeypatch):
    outside = tmp_path / "page.md"
    outside.write_text("one\n")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert site_page_end.last_changed(outside) is None
    monkeypatch.setenv("PATH", "")
    assert site_page_end.last_changed(page) is None


def test_versions_are_those_of_the_set_that_made_the_outputs():
    pins = (ROOT / "constraints.txt").read_text("utf-8")
    said = site_page_end.versions("import torch", pins)
    for line in ("torch==", "numpy==", "scikit-learn=="):
        (version,) = [pin.removeprefix(line) for pin in pins.split() if pin.startswith(line)]
        assert version in said
    assert said.startswith("Python 3.11, ") and "TensorFlow" not in said
    assert "TensorFlow" in site_page_end.versions("from keras import layers", pins)


def test_menu_says_what_a_notebook_needs():
    def menu(name):
        link = {"type": "link", "label": "download-source-button", "url": name, "text": "x"}
        return [{"type": "javascript"}, {"type": "group", "buttons": [link]}]

    notebook, text = menu("a.ipynb"), menu("a.md")
    assert site_page_end.explain_download(notebook)
    assert "needs the book's package" in notebook[1]["buttons"][0]["text"]
    assert not site_page_end.explain_download(text)
    assert text == menu("a.md")
