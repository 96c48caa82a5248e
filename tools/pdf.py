"""Print the built site into one file, with contents and bookmarks: `python tools/pdf.py`."""

import io
import re
import sys
from pathlib import Path

from book_pages import assemble, contents, load_toc, place
from browser import SITE, open_browser, show
from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject, TextStringObject

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "_build" / "weight-initialization.pdf"
HEADINGS = """() => [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")]
  .map((heading) => heading.textContent.replace(/\\s+/g, " ").trim())"""


def sheets(pdf, names):
    """Find the sheet, from 1, on which each page begins.

    Parameters
    ----------
    pdf : bytes
    names : list of str

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If a page cannot be found.
    """
    reader = PdfReader(io.BytesIO(pdf))
    marks = {key.lstrip("/"): mark for key, mark in reader.named_destinations.items()}
    missing = [name for name in names if place(name) not in marks]
    if missing:
        raise ValueError(f"no sheet begins with {', '.join(missing)}")
    return {name: reader.get_destination_page_number(marks[place(name)]) + 1 for name in names}


def name_bookmarks(pdf, headings):
    """Give each bookmark the words of its heading.

    Chromium leaves out the spaces at which a heading is broken into lines, and repeats a heading
    that it moved to the next sheet.

    Parameters
    ----------
    pdf : bytes
    headings : list of str
        In the order of the book.

    Returns
    -------
    bytes

    Raises
    ------
    ValueError
        If a bookmark is none of the next headings.
    """
    writer = PdfWriter(clone_from=io.BytesIO(pdf))
    left = iter(headings)
    for mark in _marks(writer.root_object["/Outlines"]):
        said = re.sub(r"\s+", "", mark["/Title"])
        for heading in left:
            short = re.sub(r"\s+", "", heading)
            if said in (short, 2 * short):
                mark[NameObject("/Title")] = TextStringObject(heading)
                break
        else:
            raise ValueError(f"the bookmark {mark['/Title']!r} belongs to no heading")
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def _marks(above):
    """Go through the bookmarks below one, in their order."""
    mark = above.get("/First")
    while mark is not None:
        mark = mark.get_object()
        yield mark
        yield from _marks(mark)
        mark = mark.get("/Next")


def print_book(browser, site=SITE, toc=None):
    """Print all pages, twice: the first time tells on which sheet each begins.

    Parameters
    ----------
    browser : playwright.sync_api.Browser
    site : Path
    toc : dict, optional
        What to print; by default the whole book.

    Returns
    -------
    bytes
    """
    toc = toc or load_toc(ROOT)
    names = [name for _, part in contents(toc) for name in part]
    whole = site / "whole_book.html"
    begins = None
    try:
        for _ in range(2):
            whole.write_text(assemble(site, toc, begins), encoding="utf-8")
            page = show(browser, whole)
            headings = page.evaluate(HEADINGS)
            pdf = page.pdf(prefer_css_page_size=True, outline=True, tagged=True)
            page.close()
            begins = sheets(pdf, names)
    finally:
        whole.unlink(missing_ok=True)
    return name_bookmarks(pdf, headings)


def main():
    """Write the file."""
    if not (SITE / "intro.html").is_file():
        return "There is no site yet: run make book first"
    try:
        with open_browser() as browser:
            TARGET.write_bytes(print_book(browser))
    except (FileNotFoundError, ValueError) as error:
        return f"No PDF was made: {error}"
    print(f"{TARGET.relative_to(ROOT)}: {len(PdfReader(TARGET).pages)} sheets")


if __name__ == "__main__":
    sys.exit(main())
