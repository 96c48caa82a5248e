"""Tests of site_descriptions.py: every page has a sentence of its own."""

from pathlib import Path

import book_pages
import pytest
import site_descriptions

ROOT = Path(__file__).resolve().parents[2]
PAGES = [name for _, part in book_pages.contents(book_pages.load_toc(ROOT)) for name in part]


def test_every_page_has_a_description_and_nothing_else_does():
    assert site_descriptions.load().keys() == set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_description_is_a_sentence_that_a_search_engine_shows_whole(name):
    text = site_descriptions.load()[name]
    assert 50 <= len(text) <= 160
    assert text[0].isupper() and text[-1] in ".?"
    assert not set("$\\`*_") & set(text)


def test_no_description_is_used_twice():
    assert len(set(site_descriptions.load().values())) == len(PAGES)


def test_page_without_one_is_a_warning(monkeypatch):
    said = []
    logger = type("Logger", (), {"warning": lambda self, text, location: said.append(location)})()
    monkeypatch.setattr(site_descriptions.logging, "getLogger", lambda name: logger)
    for name in ("intro", "no_such_page"):
        context = {}
        site_descriptions.describe_page(None, name, "", context, doctree=object())
        assert ("metatags" in context) == (name == "intro")
    assert said == ["no_such_page"]
