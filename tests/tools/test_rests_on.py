"""Names are followed from stored rows to the evidence that uses them."""

import nbformat
import pytest
from rests_on import stored_rows

STORED = "rows = results()"


def found(*sources):
    """Return the files of the last of these cells; the first reads stored rows."""
    cells = [nbformat.v4.new_code_cell(source) for source in (STORED, *sources)]
    said = {"weightinit_stored": "depths"}
    cells[0].outputs = [nbformat.v4.new_output("display_data", {"text/plain": ""}, metadata=said)]
    return stored_rows(nbformat.v4.new_notebook(cells=cells))[len(sources)]


USES = {
    "itself": ["rows"],
    "another name": ["mine = rows\nyours = 1", "mine"],
    "a part that is changed": ["mine = {}\nmine['x'] = rows", "mine"],
    "an attribute": ["mine.x = rows", "mine"],
    "a method that changes": ["mine = []\nmine.append(rows)", "mine"],
    "in a loop": ["mine = []\nfor row in rows:\n    mine.append(row)", "mine"],
    "gone through": ["n = 0\nfor row in rows:\n    n = n + 1", "n"],
    "the second time": ["a = b = 0\nfor k in (1, 2):\n    a = b\n    b = rows", "a"],
    "what decides": ["if rows:\n    mine = 1\nelse:\n    mine = 2", "mine"],
    "perhaps not overwritten": ["if input():\n    rows = 0", "rows"],
    "with": ["with open(rows) as file:\n    text = file.read()", "text"],
    "try": ["try:\n    mine = 1\nexcept OSError:\n    mine = rows", "mine"],
    "a function": ["def f():\n    return rows", "f()"],
    "a function of a function": ["def g():\n    return f()\ndef f():\n    return rows", "g()"],
    "a function within": ["def f():\n    def g():\n        return rows\n    return g()", "f()"],
    "a lambda": ["f = lambda: rows", "f()"],
    "a comprehension": ["mine = {k: row for k, row in rows}", "mine"],
    "a value by default": ["def f(x=rows):\n    return x", "f()"],
}


@pytest.mark.parametrize("way", USES)
def test_uses(way):
    assert found(*USES[way]) == [["depths"]]


NOT = {
    "nothing of it": ["mine = 1", "mine"],
    "another name of the same cell": ["mine = rows\nyours = 1", "yours"],
    "overwritten": ["rows = 0", "rows"],
    "overwritten in a loop": ["for k in (1, 2):\n    rows = {}\n    rows[k] = 1", "rows"],
    "local of the same name": ["def f(rows):\n    return rows", "f(1)"],
    "in a comprehension": ["mine = [rows for rows in range(3)]", "mine"],
    "a library": ["import numpy as np\nmine = np.mean(rows)\nnp.sort(rows)", "np.mean(3)"],
    "a parameter's name": ["f(rows=1)"],
}


@pytest.mark.parametrize("way", NOT)
def test_uses_not(way):
    assert found(*NOT[way]) == [[]]


def test_each_piece_of_evidence_is_told_from_the_others():
    one, other = 'evidence("x", rows, at_least=0)', 'evidence("y", 1, control=("z", 2))'
    assert found(f'claim("1.1", {one}, {other})\nclaim("1.2", {other})') == [["depths"], [], []]
    assert found(f'made = {one}\nclaim("1.1", made, {other})') == [["depths"], []]
    # Where nobody knows how many pieces there are, the cell is one.
    assert found(f'claim("1.1", *[{one}])') == [["depths"]]
