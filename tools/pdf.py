"""Print the built site into one file, with contents and bookmarks: `python tools/pdf.py`."""

import io
import sys
from pathlib import Path

from book_pages import assemble, contents, load_toc, place
from browser import SITE, open_browser, show
from pypdf import PdfReader

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "_build" / "weight-initialization.pdf"


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
    marks = reader.named_destinations
    missing = [
        name for name in names if f"/{place(name)}" not in marks and place(name) not in marks
    ]
    if missing:
        raise ValueError(f"no sheet begins with {', '.join(missing)}")
    return {
        name: reader.get_destination_page_number(marks.get(place(name)) or marks[f"/{place(name)}"])
        + 1
        for name in names
    }


def print_book(site=SITE, toc=None):
    """Print all pages, twice: the first time tells on which sheet each begins.

    Parameters
    ----------
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
        with open_browser() as browser:
            for _ in range(2):
                whole.write_text(assemble(site, toc, begins), encoding="utf-8")
                page = show(browser, whole)
                pdf = page.pdf(prefer_css_page_size=True, outline=True, tagged=True)
                page.close()
                begins = sheets(pdf, names)
    finally:
        whole.unlink(missing_ok=True)
    return pdf


def main():
    """Write the file."""
    if not (SITE / "intro.html").is_file():
        return "There is no site yet: run make book first"
    try:
        TARGET.write_bytes(print_book())
    except (FileNotFoundError, ValueError) as error:
        return f"No PDF was made: {error}"
    print(f"{TARGET.relative_to(ROOT)}: {len(PdfReader(TARGET).pages)} sheets")


if __name__ == "__main__":
    sys.exit(main())
