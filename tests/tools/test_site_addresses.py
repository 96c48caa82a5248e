"""Tests of site_addresses.py and site_files.py: a small book, with the two settings and without."""

import xml.etree.ElementTree as xml

import pytest
from bs4 import BeautifulSoup
from sphinx.application import Sphinx

HOME, SOURCE = "https://book.example/course", "https://source.example/book"
EXTENSIONS = ["myst_parser", "site_addresses", "site_files"]


def build(folder, **settings):
    source = folder / "source"
    (source / "part").mkdir(parents=True)
    (source / "intro.md").write_text(
        "# A & B\n\nIn {{ source }}.\n\n```{toctree}\npart/one\n```\n", encoding="utf-8"
    )
    (source / "part" / "one.md").write_text("# One\n\nText.\n", encoding="utf-8")
    (source / "conf.py").write_text("", encoding="utf-8")
    settings = {
        "extensions": EXTENSIONS,
        "html_theme": "sphinx_book_theme",
        "html_title": "A & B",
        "root_doc": "intro",
        "language": "en",
        "myst_enable_extensions": ["substitution"],
        **settings,
    }
    app = Sphinx(source, source, folder / "html", folder / "trees", "html", settings, None, None)
    app.build()
    pages = {
        path.relative_to(folder / "html").as_posix(): BeautifulSoup(
            path.read_text(encoding="utf-8"), "html.parser"
        )
        for path in (folder / "html").rglob("*.html")
    }
    return folder / "html", pages


@pytest.fixture(scope="module")
def with_settings(tmp_path_factory):
    return build(tmp_path_factory.mktemp("with"), html_baseurl=HOME, book_source=SOURCE)


@pytest.fixture(scope="module")
def without(tmp_path_factory):
    return build(tmp_path_factory.mktemp("without"))


def properties(page):
    return {
        element["property"].removeprefix("og:"): element["content"]
        for element in page.find_all("meta", property=True)
        if element["property"].startswith("og:")
    }


@pytest.mark.parametrize("name", ["intro.html", "part/one.html"])
def test_page_names_its_own_address(name, with_settings):
    page = with_settings[1][name]
    assert page.find("link", rel="canonical")["href"] == f"{HOME}/{name}"
    found = properties(page)
    assert found["url"] == f"{HOME}/{name}"
    assert found["image"] == f"{HOME}/_static/touch-icon.png"
    assert found["title"] == {"intro.html": "A & B", "part/one.html": "One"}[name]
    assert found["type"] == {"intro.html": "website", "part/one.html": "article"}[name]


def test_site_map_lists_every_page(with_settings):
    folder, _ = with_settings
    listed = xml.parse(folder / "sitemap.xml").findall(".//{*}loc")
    assert [place.text for place in listed] == [f"{HOME}/intro.html", f"{HOME}/part/one.html"]
    assert f"Sitemap: {HOME}/sitemap.xml" in (folder / "robots.txt").read_text()


def test_source_is_a_link_and_a_button(with_settings):
    page = with_settings[1]["part/one.html"]
    assert page.select_one(".btn-source-of-the-book")["href"] == SOURCE
    assert with_settings[1]["intro.html"].article.find("a", href=SOURCE).text == "the source"


def test_without_the_settings_there_is_none_of_that(without):
    folder, pages = without
    for name in ("intro.html", "part/one.html"):
        assert not pages[name].find("link", rel="canonical")
        assert not properties(pages[name])
        assert not pages[name].select(".btn-source-of-the-book")
    assert not (folder / "sitemap.xml").exists() and not (folder / "robots.txt").exists()
    paragraph = pages["intro.html"].article.find("p")
    assert paragraph.text == "In a copy of the source." and not paragraph.find("a")


def test_first_page_is_called_by_its_name_once(without):
    assert without[1]["intro.html"].title.get_text(strip=True) == "A & B"
    assert without[1]["part/one.html"].title.get_text(strip=True) == "One — A & B"


def test_page_that_is_not_there_leads_home_from_any_folder(with_settings, without):
    assert with_settings[1]["404.html"].find("base")["href"] == f"{HOME}/"
    assert "((part)" in without[1]["404.html"].script.text
    for _, pages in (with_settings, without):
        assert not pages["404.html"].find(src=True)


@pytest.mark.parametrize("name", ["intro.html", "part/one.html"])
def test_icons_are_where_the_page_says(name, without):
    folder, pages = without
    for link in pages[name].find_all("link", rel=["icon", "apple-touch-icon"]):
        if "static" not in link["href"]:
            assert (folder / name).parent.joinpath(link["href"]).is_file()
