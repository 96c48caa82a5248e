"""Every page says what it is, what comes next, whose it is and what made it."""

import re
from pathlib import Path

import book_pages
import pytest
import site_descriptions
import yaml
from PIL import Image
from site_page_end import last_changed, versions

from tests.site import checks

pytestmark = pytest.mark.site

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"
PAGES = [name for _, part in book_pages.contents(book_pages.load_toc(ROOT)) for name in part]
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))


@pytest.fixture(scope="module", params=PAGES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def page(name):
    return checks.read(SITE / f"{name}.html")


def test_description_is_the_pages_own(name, page):
    (found,) = page.find_all("meta", attrs={"name": "description"})
    assert found["content"] == site_descriptions.load()[name]


def test_icons_are_there(name, page):
    links = page.find_all("link", rel=["icon", "apple-touch-icon"])
    assert len(links) == 3
    for link in links:
        assert (SITE / name).parent.joinpath(link["href"]).is_file()


def test_end_leads_to_the_next_page(name, page):
    after = PAGES[PAGES.index(name) + 1 :][:1]
    links = page.select(".prev-next-area a.right-next")
    found = [(SITE / name).parent.joinpath(link["href"]).resolve() for link in links]
    assert found == [SITE / f"{other}.html" for other in after]


def test_footer_links_to_both_licences(name, page):
    links = page.select('footer a[rel="license"]')
    texts = [(SITE / name).parent.joinpath(link["href"]).read_text("utf-8") for link in links]
    assert [text.split("\n")[0] for text in texts] == [
        (ROOT / file).read_text("utf-8").split("\n")[0] for file in ("LICENSE", "LICENSE-text")
    ]


def test_footer_says_when_and_with_what(name, page):
    footer = " ".join(page.select_one(".extra_footer").get_text(" ").split())
    notebook = ROOT / f"{name}.ipynb"
    path = notebook if notebook.is_file() else notebook.with_suffix(".md")
    said = re.search(r"last changed on (\d+ \w+ \d{4})", footer)
    if said and (day := last_changed(path)):  # none for a page that is being worked on
        assert said[1] == day
    pins = (ROOT / "constraints.txt").read_text("utf-8")
    made = f"Its outputs were made with {versions(path.read_text('utf-8'), pins)}."
    assert (made in footer) == notebook.is_file()


def test_download_says_what_it_needs(name, page):
    (link,) = page.select("a.btn-download-source-button")
    needs = "needs the book's package" in link.get_text()
    assert needs == link["href"].endswith(".ipynb") == (ROOT / f"{name}.ipynb").is_file()


def test_addresses_are_there_only_with_their_settings(name, page):
    home = CONFIG["html"]["baseurl"]
    canonical = page.find("link", rel="canonical")
    assert bool(canonical) == bool(page.find("meta", property="og:url")) == bool(home)
    source = CONFIG["sphinx"]["config"]["book_source"]
    assert bool(page.select(".btn-source-of-the-book")) == bool(source)
    assert (SITE / "sitemap.xml").is_file() == (SITE / "robots.txt").is_file() == bool(home)


def test_icons_have_the_sizes_that_browsers_ask_for():
    with Image.open(SITE / "_static" / "touch-icon.png") as icon:
        assert icon.size == (180, 180)
    with Image.open(SITE / "favicon.ico") as icon:
        assert icon.ico.sizes() >= {(16, 16), (32, 32), (48, 48)}
