"""Reading what was handed in: only a file, only a notebook, and else one sentence that says why."""

import os

import pytest

from grading.rebuild import LARGEST, Damaged, load

NOTEBOOK = '{"cells": [{"cell_type": "code", "source": ["a = 1\\n", "b = 2"], "metadata": {}}]}'


def write(path, text):
    path.write_bytes(text)
    return path


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "the file is empty"),
        (b"{", "not a notebook"),
        (b"<html></html>", "not a notebook"),
        (b"PK\x03\x04\xff", "not a notebook"),
        ("{}".encode("utf-16"), "not a notebook"),
        (b"{}", "not a notebook"),
        (b"[]", "not a notebook"),
        (b"null", "not a notebook"),
        (b'{"cells": 3}', "not a notebook"),
        (b'{"cells": [3]}', "not a notebook"),
        (b'{"cells": {"a": 1}}', "not a notebook"),
        (b'{"cells": [{"source": 3}]}', "not a notebook"),
        (b'{"worksheets": [{}]}', "not a notebook"),
        (b"[" * 200_000, "not a notebook"),
        (b'{"cells": ' + b"9" * 10_000 + b"}", "not a notebook"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_what_is_no_notebook_is_said(tmp_path, text, why):
    with pytest.raises(Damaged, match=why):
        load(write(tmp_path / "toy.ipynb", text))


def test_what_is_no_file_is_said(tmp_path):
    (tmp_path / "folder.ipynb").mkdir()
    os.mkfifo(tmp_path / "pipe.ipynb")  # reading it would wait for ever
    for name in ("folder.ipynb", "pipe.ipynb"):
        with pytest.raises(Damaged, match="is no file"):
            load(tmp_path / name)
    with pytest.raises(Damaged, match="No such file"):
        load(tmp_path / "missing.ipynb")
    path = write(tmp_path / "large.ipynb", b"")
    os.truncate(path, LARGEST + 1)
    with pytest.raises(Damaged, match="larger than 64 MB"):
        load(path)


@pytest.mark.parametrize("place", ["file", "folder", "student", "nowhere"])
def test_links_are_not_followed(tmp_path, place):
    other = tmp_path / "submitted" / "bob" / "toy"
    other.mkdir(parents=True)
    (other / "toy.ipynb").write_text(NOTEBOOK)
    eve = tmp_path / "submitted" / "eve"
    path = eve / "toy" / "toy.ipynb"
    if place == "student":
        eve.symlink_to(other.parent)
    elif place == "folder":
        eve.mkdir()
        path.parent.symlink_to(other)
    else:
        path.parent.mkdir(parents=True)
        path.symlink_to(other / "toy.ipynb" if place == "file" else tmp_path / "nowhere")
    assert load(other / "toy.ipynb") == [("code", "a = 1\nb = 2", None)]
    with pytest.raises(Damaged, match="a link to another file"):
        load(path)
