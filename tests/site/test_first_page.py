"""The first page: a question, a picture, a button, six cards, a table and three doors."""

import json
from pathlib import Path

import pytest
import site_descriptions
from PIL import Image

from tests.site import checks
from tools.reading import minutes

pytestmark = pytest.mark.site

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))


@pytest.fixture(scope="module")
def page():
    return checks.read(SITE / "intro.html")


def words(element):
    return " ".join(element.get_text(" ").split())


def test_it_begins_with_a_question_and_a_picture(page):
    first = page.article.find("p")
    assert words(first).endswith("?")
    picture = page.select_one("figure.landing > svg")
    assert picture.get("width") and picture.get("height") and picture.get("viewbox")
    assert words(picture.find("title")).endswith(".")


def test_picture_shows_one_network_that_learned_and_one_that_did_not(page):
    learned, stayed = (int(words(text).split("%")[0]) for text in page.select("text.share"))
    assert learned > 85 and stayed <= 20
    right, wrong = (
        page.select("figure.landing text.right"),
        page.select("figure.landing text.wrong"),
    )
    assert len(right) + len(wrong) == 40
    assert len({text.text for text in wrong[-15:]}) <= 2


def test_there_is_one_button_and_it_starts_chapter_1(page):
    (button,) = page.select("a.start")
    assert button["href"] == "chapters/01_vanishing_gradients.html"
    after = button.find_parent("p").find_next_sibling("p")
    assert after.select_one('a[href="lab.html"]')  # who would rather move something first


def test_each_chapter_has_a_card_with_its_sentence_minutes_and_figure(page):
    cards = page.select("ul.chapter-cards > li")
    assert len(cards) == len(CHAPTERS) == 6
    for card, path in zip(cards, CHAPTERS, strict=True):
        assert card.select_one("p.title a")["href"] == f"chapters/{path.stem}.html"
        needed = round(minutes(json.loads(path.read_text("utf-8"))))
        assert words(card.select_one("p.minutes")) == f"{needed} minutes"
        assert site_descriptions.load()[f"chapters/{path.stem}"] in words(card).replace("’", "'")
        image = card.select_one("img")
        assert image["alt"]
        with Image.open(SITE / image["src"]) as picture:
            assert picture.size[0] >= 500
        assert (SITE / image["src"]).stat().st_size < 20_000


def test_its_table_is_that_of_the_page_which_start(page):
    def rows(table):
        return [words(row) for row in table.find_all("tr")]

    (table,) = page.article.find_all("table")
    there = checks.read(SITE / "which_start.html").article.find("table")
    assert rows(table) == rows(there) and len(rows(table)) > 5


def test_three_doors_lead_somewhere(page):
    doors = page.select(".doors > p")
    assert [words(door.strong) for door in doors] == ["Read.", "Run.", "Teach."]
    assert doors[0].select_one('a[href*="01_vanishing"]') and doors[2].select_one(
        'a[href*="lessons"]'
    )
