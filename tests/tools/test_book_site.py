"""Tests of book_site.py: which paragraph becomes a caption, and where it goes."""

import pytest
from docutils import nodes

from tools import book_site


def paragraph(bold, text=" What to see."):
    return nodes.paragraph("", "", nodes.Text(""), nodes.strong(text=bold), nodes.Text(text))


def cell():
    code = nodes.container(nb_element="cell_code_source")
    output = nodes.container("", nodes.image(uri="a.png"), nb_element="cell_code_output")
    return nodes.container("", code, output, nb_element="cell_code")


def page(*parts):
    return nodes.section("", *parts)


@pytest.mark.parametrize("number", ["1.2", "3"])
def test_caption_moves_into_the_output_above_it(number):
    caption = paragraph(f"Figure {number}.")
    caption["ids"] = ["fig-1-2"]
    doctree = page(cell(), nodes.target(refid="fig-1-2"), caption)
    book_site.join_captions(None, doctree)
    (figure,) = doctree[0][1].children
    assert [type(part) for part in figure.children] == [nodes.image, book_site.Caption]
    assert figure[1]["ids"] == ["fig-1-2"]
    assert figure[1].astext() == f"Figure {number}. What to see."
    assert not list(doctree.findall(nodes.paragraph))


@pytest.mark.parametrize(
    "bold", ["Figure 1.2", "Figure 1", "Figure 1..", "figure 1.2.", "See Figure 1.2."]
)
def test_other_paragraphs_stay(bold):
    doctree = page(cell(), paragraph(bold))
    book_site.join_captions(None, doctree)
    assert len(doctree) == 2


@pytest.mark.parametrize("above", [[], [cell(), nodes.paragraph(text="Between.")]])
def test_caption_without_a_figure_is_a_warning(above, monkeypatch):
    said = []
    logger = type("Logger", (), {"warning": lambda self, text, location: said.append(text)})()
    monkeypatch.setattr(book_site.logging, "getLogger", lambda name: logger)
    doctree = page(*above, paragraph("Figure 1.2."))
    book_site.join_captions(None, doctree)
    assert said == ["a caption must stand directly below its figure's cell"]
    assert len(doctree) == len(above) + 1
