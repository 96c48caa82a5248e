"""What is printed, from the dark theme too, by page and as one file; in the browser."""

import io
import zipfile
from pathlib import Path

import book_pages
import browser
import pdf
import pytest
import site_zip
from pypdf import PdfReader

pytestmark = [
    pytest.mark.site,
    pytest.mark.skipif(browser.find() is None, reason=browser.MISSING),
]

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"
PAGES = [name for _, part in book_pages.contents(book_pages.load_toc(ROOT)) for name in part]
CHAPTERS = [name for name in PAGES if name.startswith("chapters/")]
ON_PAPER = Path(__file__).with_name("on_paper.js").read_text("utf-8")
A4 = {"width": 680, "height": 1000}  # what the margins leave of a sheet: 180 mm


def printed(chromium, name, without=None):
    """Return the complaints about a page, printed from the dark theme, and the printed page."""
    context = chromium.new_context(viewport=A4, color_scheme="dark")
    page = context.new_page()
    if without:
        page.route(without, lambda route: route.abort())
    page.goto((SITE / f"{name}.html").as_uri())
    page.evaluate(browser.READY)
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    found = page.evaluate(ON_PAPER)
    sheets = page.pdf(prefer_css_page_size=True)
    context.close()
    return found, sheets


@pytest.mark.parametrize("name", PAGES)
def test_page_is_printed_black_on_white_open_and_whole(name, chromium):
    found, sheets = printed(chromium, name)
    assert found == []
    assert len(PdfReader(io.BytesIO(sheets)).pages) <= 25


def test_without_the_print_style_each_fault_is_found(chromium):
    found, sheets = printed(chromium, CHAPTERS[4], without="**/print.css*")
    kinds = {complaint.split(":")[0] for complaint in found}
    assert kinds >= {"pale", "dark ground", "closed", "cut between sheets"}
    _, with_it = printed(chromium, CHAPTERS[4])
    without, fewer = (len(PdfReader(io.BytesIO(paper)).pages) for paper in (sheets, with_it))
    assert without > fewer


def test_several_pages_become_one_file_with_contents_and_bookmarks(chromium):
    toc = {
        "root": "which_start",
        "parts": [{"caption": "More", "chapters": [{"file": "references"}]}],
    }
    reader = PdfReader(io.BytesIO(pdf.print_book(chromium, toc=toc)))
    marks = [mark.title for mark in reader.outline if not isinstance(mark, list)]
    assert marks[1:] == ["Which start for which network?", "References"]
    begins = [
        reader.get_destination_page_number(mark) + 1
        for mark in reader.outline
        if not isinstance(mark, list)
    ]
    lines = reader.pages[0].extract_text().splitlines()
    for title, sheet in zip(marks[1:], begins[1:], strict=True):
        assert any(title in line and line.endswith(str(sheet)) for line in lines), lines
    assert not (SITE / "whole_book.html").exists()


def test_zip_works_from_disk(tmp_path, chromium):
    site_zip.pack(SITE, tmp_path / "book.zip")
    zipfile.ZipFile(tmp_path / "book.zip").extractall(tmp_path)
    page = chromium.new_page()
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    page.goto((tmp_path / "book" / "index.html").as_uri())
    page.locator("a.start").click()
    page.locator("article h1").wait_for()
    page.evaluate(browser.READY)
    assert page.url.endswith("01_vanishing_gradients.html")
    assert page.locator("article img").evaluate_all("all => all.every((one) => one.naturalWidth)")
    assert complaints == []
    page.close()
