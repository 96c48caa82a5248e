"""The glossary is in order, short, and right about the chapter in which a term comes first."""

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "appendix" / "notation.md").read_text("utf-8").split("## Glossary\n")[1]
LABEL = re.compile(r"\$\$ \([\w-]+\)|\{eq\}`[\w-]+`|^\([\w-]+\)=$", re.M)
ENTRIES = re.findall(r"^### (.+)\n\n(.+) \*(?:Chapter (\d)|Further experiments)\.\*$", PAGE, re.M)


def prose(path):
    """Return the text of a chapter in one line, without emphasis and the names of labels."""
    cells = nbformat.read(path, as_version=4).cells
    text = " ".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return " ".join(LABEL.sub("", text.replace("*", "")).split())


# The pages that no chapter contains; a term that only they use belongs to "Further experiments".
FURTHER = [prose(path) for path in sorted((ROOT / "appendix").glob("*.ipynb"))]
CHAPTERS = {path.stem[1]: prose(path) for path in sorted((ROOT / "chapters").glob("*.ipynb"))}


def test_every_entry_is_read_here():
    assert len(ENTRIES) == PAGE.count("\n### ")


def test_terms_are_in_alphabetical_order():
    terms = [term.lower() for term, _, _ in ENTRIES]
    assert terms == sorted(terms)


@pytest.mark.parametrize(("term", "text", "chapter"), ENTRIES, ids=[e[0] for e in ENTRIES])
def test_entry(term, text, chapter):
    assert len(re.findall(r"[.:] [A-Z]", text)) < 2, "at most two sentences"
    words = re.escape(term.replace("gradient factor", r"factor $\chi_1$"))
    uses = [n for n, prose in CHAPTERS.items() if re.search(rf"(?<!\w){words}", prose, re.I)]
    if chapter:
        assert uses and uses[0] == chapter, f"{term} is used in chapters {uses}"
    else:
        assert not uses, f"{term} is used in chapters {uses}"
        assert any(re.search(rf"(?<!\w){words}", page, re.I) for page in FURTHER)
