"""Every published notebook obeys every rule of `notebook_checks`."""

from pathlib import Path

import nbformat
import pytest

from tests.notebooks.published import CHECKS
from weightinit import claims

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted(
    path for folder in ("chapters", "appendix") for path in ROOT.glob(f"{folder}/*.ipynb")
)


def test_every_claim_names_a_notebook_that_exists():
    chapters = {entry.chapter for entry in claims.load().values()}
    assert chapters <= {path.stem for path in NOTEBOOKS}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(path, check):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert not list(check(path, notebook)), check.__doc__
