"""Tests of lab_book.py: where a preset goes, and what is written into the page."""

from types import SimpleNamespace

import pytest
from docutils import nodes

from tools import lab_book

PRESET = {
    **dict(page="chapters/one", after="The answer:", still="depth"),
    **dict(settings="a=1&b=2"),
    **dict(
        featured="depth", question="Why?", drag="Drag it.", look="That.", alt='A "still" picture.'
    ),
}


@pytest.fixture
def placed(monkeypatch):
    monkeypatch.setattr(lab_book, "entries", lambda path: [PRESET])

    def place(doctree, page="chapters/one"):
        env = SimpleNamespace(docname=page, note_dependency=lambda name: None)
        lab_book.place_presets(SimpleNamespace(env=env), doctree)
        return [child.__class__.__name__ for child in doctree.children]

    return place


def chapter():
    note = nodes.note("", nodes.paragraph(text="The answer: in a box."))
    texts = [nodes.paragraph(text=text) for text in ("Before.", "The answer: it fades.", "After.")]
    return nodes.section("", note, *texts)


def test_a_preset_stands_after_the_text_on_its_figure(placed):
    doctree = chapter()
    kinds = ["note", "paragraph", "paragraph", "container", "paragraph"]
    assert placed(doctree) == kinds
    text, lab, fold, look, end = doctree[3].children
    assert text.astext() == "Try it. Why? Drag it."
    assert lab["settings"] == "a=1&b=2"
    assert "<summary>What to look for</summary>" in fold.astext()
    assert look.astext() == "That." and end.astext() == "</details>"


def test_other_pages_stay_as_they_are(placed):
    assert placed(chapter(), "chapters/two") == ["note", *["paragraph"] * 3]


def test_a_text_that_is_gone_is_a_warning(placed, monkeypatch):
    said = []
    logger = SimpleNamespace(warning=lambda text, *rest, location: said.append(text % rest))
    monkeypatch.setattr(lab_book.logging, "getLogger", lambda name: logger)
    assert placed(nodes.section("", nodes.paragraph())) == ["paragraph"]
    assert said == ["lab/presets.toml: no paragraph begins with 'The answer:'"]


def test_the_element_leads_to_the_lab_and_holds_a_still_picture(monkeypatch):
    monkeypatch.setattr(lab_book, "version", lambda: "1a")
    body = []
    writer = SimpleNamespace(body=body, builder=SimpleNamespace(current_docname="chapters/one"))
    keys = ("still", "settings", "featured", "alt")
    with pytest.raises(nodes.SkipNode):
        lab_book.visit_lab(writer, lab_book.Lab(**{key: PRESET[key] for key in keys}))
    assert 'home="../lab.html" settings="a=1&amp;b=2" featured="depth"' in body[0]
    assert 'src="../_static/lab/depth.svg"' in body[0]
    assert 'alt="A &quot;still&quot; picture."' in body[0]
