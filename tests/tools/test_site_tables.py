"""Tables lose what only a program needs, and a second time nothing changes."""

import pytest
from site_tables import AFTER, MENDS

from tests.tools.pages import mended_twice


def table(head, body):
    rows = "".join(f"<tr>{cells}</tr>" for cells in body)
    heads = "".join(f"<tr>{cells}</tr>" for cells in head)
    return (
        f'<article><table class="dataframe"><thead>{heads}</thead><tbody>{rows}</tbody></table>'
        "</article>"
    )


def mended(html):
    return mended_twice(html, (*MENDS, *AFTER))


def texts(page, selector):
    return [cell.get_text() for cell in page.select(selector)]


@pytest.mark.parametrize(
    ("corner", "names", "kept"),
    [
        ("", ["0", "1"], False),
        ("layer", ["0", "1"], True),
        ("", ["1", "2"], True),
        ("", ["0", "0.5"], True),
    ],
)
def test_only_an_index_that_counts_from_0_goes(corner, names, kept):
    rows = [f"<th>{name}</th><td>7</td>" for name in names]
    page = mended(table([f"<th>{corner}</th><th>a</th>"], rows))
    assert bool(page.select("tbody th")) is kept
    assert len(page.select("thead th")) == (2 if kept else 1)


def test_name_of_the_columns_stands_above_them_and_that_of_the_rows_beside_it():
    head = ["<th>optimizer</th><th>Adam</th><th>SGD</th>", "<th>start</th><th></th><th></th>"]
    page = mended(table(head, ["<th>He</th><td>1</td><td>2</td>"]))
    assert texts(page, "thead tr:first-child > *") == ["start", "optimizer"]
    assert texts(page, "thead tr:last-child > *") == ["Adam", "SGD"]
    beside, above = page.select("thead tr:first-child > *")
    assert (beside["rowspan"], above["colspan"]) == ("2", "2")


def test_two_names_of_rows_stay_in_their_order():
    head = [
        "<th></th><th>optimizer</th><th>Adam</th><th>SGD</th>",
        "<th>hidden</th><th>output</th><th></th><th></th>",
    ]
    body = ["<th>a</th><th>b</th><td>1</td><td>2</td>", "<th>c</th><td>1</td><td>2</td>"]
    page = mended(table(head, body))
    assert texts(page, "thead tr:first-child > *") == ["hidden", "output", "optimizer"]


def test_names_without_a_name_of_the_columns_are_left():
    head = ["<th></th><th>Adam</th>", "<th>start</th><th></th>"]
    page = mended(table(head, ["<th>He</th><td>1</td>"]))
    assert len(page.select("thead tr")) == 2


def test_what_is_read_begins_at_the_left():
    head = ["<th>layer</th><th>format</th><th>right</th><th>steps</th>"]
    body = [
        "<th>1</th><td>float16</td><td>-0.5</td><td>never</td>",
        "<th>2</th><td>float32</td><td>3.1e-07</td><td>80</td>",
    ]
    page = mended(table(head, body))
    assert texts(page, ".text") == ["layer", "format", "float16", "float32"]


def test_rows_whose_first_name_spans_several_are_aligned_alike():
    head = ["<th>a</th><th>b</th><th>c</th>"]
    body = ['<th rowspan="2">x</th><th>y</th><td>words</td>', "<th>z</th><td>more words</td>"]
    page = mended(table(head, body))
    assert texts(page, "td.text") == ["words", "more words"]
