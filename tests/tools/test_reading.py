"""Tests of reading.py: what is counted, and what is not."""

import pytest

from tools import reading


def text(source):
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def code(source, *outputs, tags=()):
    cell = {"cell_type": "code", "metadata": {"tags": list(tags)}, "source": source}
    return cell | {"outputs": list(outputs)}


PICTURE = {"data": {"image/png": "x", "text/plain": "Figure"}}
TABLE = {"data": {"text/html": "<div><table></table></div>"}}
CLAIM = {"data": {"text/html": "<div>Claim</div>"}, "metadata": {"weightinit": {}}}


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (text("one two\nthree"), {"words": 3}),
        (text("- one $x = 1$\n- **two**"), {"words": 4}),
        (text("(a-label)=\n## A title\n\n[one two](../far/away.ipynb)"), {"words": 4}),
        (
            text("```{admonition} Predict\n:class: tip\none two\n```"),
            {"words": 2, "predictions": 1},
        ),
        (text("```{admonition} More\n:class: dropdown\none two\n```\nthree"), {"words": 1}),
        (text("```{admonition} E\n:class: exercise\none\n```"), {}),
        (text("one\n\n$$\nx = y\n$$ (name)\n\ntwo"), {"words": 3, "formulas": 1}),
        (text("| a | b |\n|---|---|\n| c | d |"), {"tables": 1, "words": 4}),
        (code("a = 1\n\nb = 2\n"), {"code lines": 2}),
        (code("a = 1", PICTURE, tags=["hide-input"]), {"figures": 1}),
        (code("a = 1", PICTURE, tags=["hide-cell"]), {}),
        (code("a = 1", PICTURE, tags=["hide-output"]), {"code lines": 1}),
        (code("a", TABLE, PICTURE), {"code lines": 1, "tables": 1, "figures": 1}),
        (code("a", CLAIM), {"code lines": 1, "claims": 1}),
    ],
)
def test_what_is_counted(cell, expected):
    found = reading.counts({"cells": [cell]})
    assert {kind: number for kind, number in found.items() if number} == expected


def test_exercises_end_the_count_and_what_stands_before_them_does_not():
    cells = [text("one two\n\n## Exercises\n\nthree"), code("a = 1"), text("four")]
    assert reading.counts({"cells": cells})["words"] == 2


def test_minutes():
    cells = [code("\n".join("a" * 25), PICTURE, CLAIM, TABLE), text("word " * 100)]
    assert reading.minutes({"cells": cells}) == pytest.approx(1 + 1 + 1 / 4 + 1 / 3 + 1 / 2)


def test_command_prints_a_line_for_each_chapter(capsys):
    reading.main(["chapters"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6 and all("minutes (" in line for line in lines)
