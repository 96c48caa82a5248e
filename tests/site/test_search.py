"""The search leads to the section, shows a sentence, and marks the words there; also from disk."""

import re
import tomllib
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.site.test_site import SITE

pytestmark = pytest.mark.site
QUERIES = tomllib.loads(Path(__file__).with_name("queries.toml").read_text(encoding="utf-8"))
NOISE = re.compile(r"\\[a-zA-Z]+|\bimport \w|\$|[{}]")  # TeX and code


@pytest.fixture(scope="module")
def page(chromium):
    page = chromium.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    yield page
    page.close()


def results(page, query, root):
    """Return address, title and excerpt of each result."""
    page.goto(f"{root}/search.html?q={quote(query)}")
    page.wait_for_selector("#search-results [role=status]:not(:empty)")
    return page.eval_on_selector_all(
        ".search-list li",
        """items => items.map(item => [
          item.querySelector("a").href, item.querySelector("a").innerText,
          item.querySelector("p").innerText])""",
    )


def test_the_bank_is_large_enough():
    assert len(QUERIES) >= 25
    assert {"kaiming", "glorot", "warmup", "dead relu"} <= QUERIES.keys()


@pytest.mark.parametrize("query", QUERIES)
def test_query_leads_to_its_section(query, page):
    found = results(page, query, SITE.as_uri())
    first = [re.sub(r"\?[^#]*", "", a).removeprefix(f"{SITE.as_uri()}/") for a, _, _ in found[:3]]
    assert QUERIES[query] in first, found[:5]
    assert [text for _, _, text in found if NOISE.search(text)] == []
    assert all(20 < len(text) < 320 for _, _, text in found[:5])
    assert page.errors == []


def test_most_queries_lead_there_first(page):
    tops = {query: results(page, query, SITE.as_uri())[0][0] for query in QUERIES}
    first = [q for q, top in tops.items() if re.sub(r"\?[^#]*", "", top).endswith(QUERIES[q])]
    assert len(first) >= 0.6 * len(QUERIES), sorted(QUERIES.keys() - set(first))


@pytest.mark.parametrize("query", ["kaiming", "warmup", "gradient clipping", "lyapunov digamma"])
@pytest.mark.parametrize("place", ["disk", "server"])
def test_result_opens_at_its_section_with_the_words_marked(query, place, page, served):
    root = SITE.as_uri() if place == "disk" else served
    address, title, _ = results(page, query, root)[0]
    page.goto(address)
    section = page.locator(f"[id='{address.split('#')[1]}']")
    assert section.locator("mark.found").count() > 0
    top = section.bounding_box()["y"]
    assert 0 <= top < 200, "the section stands at the top of the window"
    page.keyboard.press("Escape")
    assert page.locator("mark.found").count() == 0


def test_what_nobody_wrote_is_not_found(page):
    assert results(page, "zeppelin", SITE.as_uri()) == []
    assert "Nothing found" in page.inner_text("#search-results")


def test_words_are_marked_whole(page):
    page.goto(f"{SITE.as_uri()}/chapters/01_vanishing_gradients.html?highlight=die")
    marked = page.locator("article mark.found").all_inner_texts()
    assert {text.lower() for text in marked} <= {"die"}, "and not within `gradient`"
