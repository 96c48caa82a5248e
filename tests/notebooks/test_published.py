"""Every published notebook obeys every rule of `rules`."""

import functools
from pathlib import Path

import nbformat
import pytest

from tests.notebooks.rules import RULES
from weightinit import claims

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted(
    path
    for folder in ("chapters", "appendix", "teaching")
    for path in ROOT.glob(f"{folder}/*.ipynb")
)


@functools.cache
def read(path):
    return nbformat.read(path, as_version=4)


def test_every_claim_names_a_notebook_that_exists():
    chapters = {entry.chapter for entry in claims.load().values()}
    assert chapters <= {path.stem for path in NOTEBOOKS}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_has_the_form_of_notebooks(path):
    nbformat.validate(read(path))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(path, rule):
    assert not list(rule(path, read(path))), rule.__doc__


@pytest.mark.parametrize("path", sorted(ROOT.glob("chapters/*.ipynb")), ids=lambda path: path.stem)
def test_every_chapter_says_how_long_it_takes(path):
    assert "\n**Time**: " in read(path).cells[0].source
