"""Neighbours that are folded under one name open as one, and others stay apart."""

from site_folds import MENDS

from tests.tools.pages import mended_twice


def cell(name, code, output=""):
    return (
        f'<div class="cell"><details class="hide above-input"><summary>{name}</summary>'
        f'<div class="cell_input">{code}</div></details>{output}</div>'
    )


def joined(*parts):
    return mended_twice(f"<article>{''.join(parts)}</article>", MENDS)


def test_cells_of_one_name_are_joined_in_their_order():
    page = joined(cell("a", "1"), "\n", cell("a", "2"), cell("a", "3", "<p>out</p>"))
    (only,) = page.select("div.cell")
    assert [part.get_text() for part in only.select("details > *")] == ["a", "1", "2", "3"]
    assert only.select_one(":scope > p").get_text() == "out"


def test_what_a_cell_shows_stays_where_it_is():
    assert len(joined(cell("a", "1", "<p>out</p>"), cell("a", "2")).select("div.cell")) == 2


def test_other_names_and_text_between_part_them():
    assert len(joined(cell("a", "1"), cell("b", "2")).select("div.cell")) == 2
    assert len(joined(cell("a", "1"), "<p>b</p>", cell("a", "2")).select("div.cell")) == 2


def test_open_cells_are_left():
    open_cell = '<div class="cell"><div class="cell_input">1</div></div>'
    assert len(joined(open_cell, open_cell).select("div.cell")) == 2
