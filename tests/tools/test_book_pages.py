"""Tests of book_pages.py, pdf.py and site_zip.py, which make one file of many pages."""

import io
import zipfile

import pdf
import pytest
import site_zip
from book_pages import assemble
from bs4 import BeautifulSoup
from pypdf import PdfReader, PdfWriter
from pypdf.generic import Fit

TOC = {
    "root": "intro",
    "parts": [{"caption": "Part & parcel", "chapters": [{"file": "part/one"}, {"file": "two"}]}],
}


def write(folder):
    (folder / "part").mkdir()
    head = '<head><title>The book</title><link rel="stylesheet" href="{}_static/a.css"></head>'
    foot = '<footer class="bd-footer-content"><p class="copyright">2026, us.</p>'
    foot += '<a rel="license" href="a.txt">Text: free</a></footer>'
    bodies = {
        "intro": '<h1>The book</h1><a href="part/one.html#x">to x</a>',
        "part/one": '<h1>One<a class="headerlink" href="#">#</a></h1><p id="x">x</p>'
        '<a href="#x">here</a><a href="../two.html">two</a><img src="../_images/p.png">',
        "two": '<h1>Two</h1><p id="x">x</p><a href="https://a.example/two.html">out</a>',
    }
    for name, body in bodies.items():
        start = head.format("../" * name.count("/"))
        text = f"<html>{start}<body><article>{body}</article>{foot}</body></html>"
        (folder / f"{name}.html").write_text(text, encoding="utf-8")


def test_every_link_within_the_book_leads_to_its_place(tmp_path):
    write(tmp_path)
    page = BeautifulSoup(assemble(tmp_path, TOC, {"two": 17}), "html.parser")
    identifiers = [element["id"] for element in page.find_all(id=True)]
    assert len(set(identifiers)) == len(identifiers)
    links = [link["href"] for link in page.article.parent.find_all("a")]
    inside = [link.removeprefix("#") for link in links if link.startswith("#")]
    assert set(inside) <= set(identifiers)
    assert page.find("a", string="to x")["href"] == "#part-one--x"
    assert page.find("a", string="here")["href"] == "#part-one--x"
    assert page.find("a", string="two")["href"] == "#two"
    assert [link for link in links if not link.startswith("#")] == ["https://a.example/two.html"]
    assert page.img["src"] == "_images/p.png"
    assert page.head.find("link")["href"] == "_static/a.css"


def test_contents_list_every_page_with_its_sheet(tmp_path):
    write(tmp_path)
    page = BeautifulSoup(assemble(tmp_path, TOC, {"two": 17}), "html.parser")
    listed = [line.get_text(" ", strip=True) for line in page.select(".book-contents li")]
    assert listed == ["The book", "One", "Two 17"]
    assert page.select_one(".book-contents strong").text == "Part & parcel"
    assert page.select_one(".book-contents + p").text == "2026, us. Text: free."


def marked(*titles):
    writer = PdfWriter()
    writer.add_blank_page(100, 100)
    above = None
    for title in titles:
        above = writer.add_outline_item(title=title, page_number=0, parent=above, fit=Fit.fit())
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def titles(outline):
    for item in outline:
        yield from titles(item) if isinstance(item, list) else [item.title]


def test_bookmarks_get_the_words_of_their_headings():
    pdf_file = marked("Whatto know", "It is itIt is it", "Third")
    named = pdf.name_bookmarks(pdf_file, ["What to know", "No mark", "It is it", "Third"])
    assert list(titles(PdfReader(io.BytesIO(named)).outline)) == [
        "What to know",
        "It is it",
        "Third",
    ]


def test_bookmark_without_a_heading_is_an_error():
    with pytest.raises(ValueError, match="'Other' belongs to no heading"):
        pdf.name_bookmarks(marked("One", "Other"), ["One", "Two"])


def test_page_that_was_not_printed_is_an_error():
    with pytest.raises(ValueError, match="no sheet begins with part-one|part/one"):
        pdf.sheets(marked("One"), ["part/one"])


def test_zip_holds_the_whole_site_in_one_folder(tmp_path):
    site = tmp_path / "html"
    site.mkdir()
    write(site)
    (tmp_path / "b").mkdir()
    for name in ("a.zip", "b/a.zip"):
        site_zip.pack(site, tmp_path / name)
    with zipfile.ZipFile(tmp_path / "a.zip") as packed:
        assert set(packed.namelist()) == {"a/intro.html", "a/part/one.html", "a/two.html"}
        assert packed.read("a/two.html") == (site / "two.html").read_bytes()
    assert (tmp_path / "b" / "a.zip").read_bytes() == (tmp_path / "a.zip").read_bytes()
