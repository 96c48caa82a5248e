"""Citations are plain links, which JupyterLab shows as well, and name the authors and the year."""

import re
from pathlib import Path

import nbformat
import pytest
from pybtex.database import parse_file
from pybtex.richtext import Text

from tests.notebooks.second_edition import SECOND_EDITION

ROOT = Path(__file__).parents[2]
ENTRIES = parse_file(ROOT / "references.bib").entries
LINK = re.compile(r"\[([^\[\]]+)\]\(\.\./references\.md#([\w-]+)\)")


def label(key):
    """Return the authors and the year of an entry, as a text writes them."""
    people = ENTRIES[key].persons["author"]
    names = [str(Text.from_latex(" ".join(p.prelast_names + p.last_names))) for p in people]
    who = " and ".join(names) if len(names) < 3 else f"{names[0]} et al."
    return f"{who} ({ENTRIES[key].fields['year']})"


def texts(path):
    if path.suffix == ".md":
        return [path.read_text("utf-8")]
    cells = nbformat.read(path, as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "markdown"]


PAGES = sorted(
    path
    for folder in ("chapters", "appendix", "teaching")
    for form in ("ipynb", "md")
    for path in ROOT.glob(f"{folder}/*.{form}")
)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_citations_name_authors_and_year(path):
    for text in texts(path):
        for shown, key in LINK.findall(text):
            assert shown in (label(key), label(key).replace(" (", ", ").rstrip(")")), key


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_rewritten_chapters_have_no_citation_that_jupyterlab_shows_as_an_error(path):
    if path.stem in SECOND_EDITION:
        assert not [text for text in texts(path) if "{cite:" in text]
