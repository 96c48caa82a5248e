"""Tests of the rules for rewritten chapters: a small chapter keeps them all, until it is spoilt."""

import base64
import struct

import pytest
from nbformat import v4

from tests.notebooks import second_edition
from tests.notebooks.second_edition import figures_are_captioned, text_can_be_read, within_budget

RULES = (figures_are_captioned, within_budget, text_can_be_read)
BOX = "```{admonition} In this chapter\n:class: note\n" + "word " * 300 + "\n```\n\n"
CAPTION = "(fig-3-1)=\n**Figure 3.1.** What to see."


def figure(width=1244, *tags):
    header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, 400)
    data = {"image/png": base64.b64encode(header).decode(), "text/plain": "Figure with 1 axes"}
    shown = v4.new_output("display_data", data)
    return v4.new_code_cell("plt.show()", metadata={"tags": list(tags)}, outputs=[shown])


def chapter():
    """Return the notebook; the tests call its cells by these numbers."""
    notebook = v4.new_notebook()
    notebook.cells = [
        v4.new_markdown_cell(f"# 3. Title\n\n{BOX}[Figure 3.1](#fig-3-1) shows it."),
        v4.new_code_cell("plotting.use_style()", metadata={"tags": ["hide-cell"]}),
        figure(1244, "hide-input"),
        v4.new_markdown_cell(CAPTION),
        v4.new_code_cell("a = 1\n" * 200),
        figure(1244, "hide-input"),
        v4.new_markdown_cell("(fig-3-2)=\n**Figure 3.2.** More, beside [3.1](#fig-3-1)."),
        v4.new_markdown_cell("Then [Figure 3.2](#fig-3-2)."),
    ]
    return notebook


@pytest.fixture
def faults(tmp_path, monkeypatch):
    """Return a function that lists what the rules find, as (name of the rule, sentence)."""
    monkeypatch.setattr(second_edition, "SECOND_EDITION", {"03_title"})
    monkeypatch.setattr(second_edition, "MIN_TEXT", 8.9)

    def find(notebook, name="03_title"):
        path = tmp_path / f"{name}.ipynb"
        return [(rule.__name__, fault) for rule in RULES for fault in rule(path, notebook)]

    return find


def test_a_chapter_that_keeps_the_rules(faults):
    assert faults(chapter()) == []


def test_other_chapters_are_let_through(faults):
    assert faults(v4.new_notebook(cells=[figure(3110) for _ in range(40)]), "04_other") == []


def source(number, old, new):
    def spoil(notebook):
        text = notebook.cells[number].source
        assert old in text
        notebook.cells[number].source = text.replace(old, new)

    return spoil


def open_cell(number):
    return lambda notebook: notebook.cells[number].metadata.update(tags=[])


SPOILERS = {
    "no caption": ("figures_are_captioned", lambda n: n.cells.pop(3), "stands below"),
    "a cell between": (
        "figures_are_captioned",
        lambda n: n.cells.insert(3, v4.new_markdown_cell("Text.")),
        "stands below",
    ),
    "nothing below": (
        "figures_are_captioned",
        lambda n: n.cells.append(figure()),
        "no (fig-3-3)= **Figure 3.3.**",
    ),
    "no label": ("figures_are_captioned", source(3, "(fig-3-1)=\n", ""), "stands below"),
    "empty caption": ("figures_are_captioned", source(3, " What to see.", ""), "stands below"),
    "wrong number": ("figures_are_captioned", source(6, "3.2.**", "3.3.**"), "is called 3.3"),
    "wrong label": ("figures_are_captioned", source(6, "fig-3-2", "fig-3-1"), "label fig-3-1"),
    "other chapter": (
        "figures_are_captioned",
        source(3, "Figure 3.1.", "Figure 2.1."),
        "is called",
    ),
    "not referred to": ("figures_are_captioned", source(7, "(#fig-3-2)", ""), "no sentence"),
    "too long": ("within_budget", source(7, "Then", "word " * 6000), "minutes to read, at most 35"),
    "too much code": ("within_budget", source(4, "a = 1\n", "a = 1\nb = 2\n"), "400 lines"),
    "set-up open": ("within_budget", open_cell(1), "the set-up cell is open"),
    "code before the figure": ("within_budget", open_cell(1), "code is open before"),
    "code of the figure": ("within_budget", open_cell(2), "code is open before"),
    "late figure": ("within_budget", source(0, "shows it", "word " * 119), "121 words come before"),
    "small font": (
        "text_can_be_read",
        source(5, "plt.show()", "ax.legend(fontsize=8)\nplt.show()"),
        "figure 2 is 1244 pixels wide, its least text 6.9",
    ),
    "wide figure": (
        "text_can_be_read",
        lambda n: n.cells.__setitem__(5, figure(1555, "hide-input")),
        "figure 2 is 1555 pixels wide",
    ),
}


@pytest.mark.parametrize("name", SPOILERS)
def test_what_breaks_a_rule_is_found(faults, name):
    rule, spoil, says = SPOILERS[name]
    notebook = chapter()
    spoil(notebook)
    assert any(found == rule and says in fault for found, fault in faults(notebook))


def test_the_words_of_the_box_do_not_count_and_a_hidden_figure_needs_no_caption(faults):
    notebook = chapter()
    notebook.cells.append(figure(3110, "hide-cell"))
    assert faults(notebook) == []


def test_text_is_as_small_as_the_figure_is_wide():
    assert second_edition.text_height(1244) == 2 * second_edition.text_height(2488)
