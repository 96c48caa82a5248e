"""Toggles, headers and lists are named as they read, and a second time changes nothing."""

import pytest
from site_names import MENDS

from tests.tools.pages import mended_twice

HEADER = "<article><table><thead>{}</thead><tbody><tr><th>1</th><td>2</td></tr></tbody></table>"
NAME = '<span class="visually-hidden">row</span>'


def mended(html):
    return str(mended_twice(html, MENDS))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('<summary aria-label="Toggle hidden content">Show</summary>', "<summary>Show</summary>"),
        (
            '<div class="dropdown admonition"><p class="admonition-title">Hint</p></div>',
            '<summary class="admonition-title">Hint</summary></details>',
        ),
        (
            '<div role="list"><div role="doc-biblioentry">a</div></div>',
            '<div role="listitem">a</div>',
        ),
        (HEADER.format("<tr><th></th><th>a</th></tr>"), f'<th scope="col">{NAME}</th>'),
        (HEADER.format("<tr><th></th><th>a</th></tr>"), '<th scope="row">1</th>'),
        (
            HEADER.format("<tr><th></th><th>a</th></tr><tr><th>layer</th><th></th></tr>"),
            '<tr><th scope="col">layer</th><th scope="col">a</th></tr></thead>',
        ),
        (HEADER.format("<tr><th>a</th><th></th></tr>"), "<td></td></tr></thead>"),
        (
            HEADER.format("<tr><th>a</th></tr>").replace("<th>1</th>", "<td><b>1</b></td>"),
            "<td><b>1</b></td>",
        ),
    ],
)
def test_mend(before, after):
    assert after in mended(before)


def test_first_cells_that_are_all_bold_name_their_rows():
    table = HEADER.format("<tr><th>a</th><th>b</th></tr>")
    table = table.replace("<th>1</th>", "<td><p><strong>one</strong></p></td>")
    assert '<th scope="row"><p><strong>one</strong></p></th>' in mended(table)
