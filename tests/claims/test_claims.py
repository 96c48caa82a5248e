"""Tests of claims.toml, of `claim` and of what it shows."""

from pathlib import Path

import nbformat
import numpy as np
import pytest

from weightinit.claims import VERDICTS, ClaimBroken, Result, claim, load, page, parse

ROOT = Path(__file__).resolve().parents[2]

ENTRY = """[[claim]]
id = "1.0"
chapter = "01_x"
anchor = "a"
statement = "s"
verdict = "holds"
finding = "f"
"""


def test_all_claims_of_chapter_1_are_listed():
    assert [id for id in load() if id.startswith("1.")] == [f"1.{n}" for n in range(7)]
    assert {entry.verdict for entry in load().values()} <= set(VERDICTS)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (ENTRY.replace('finding = "f"\n', ""), "claim '1.0': missing: finding"),
        (ENTRY + 'note = "n"', "claim '1.0': unknown: note; allowed: id, chapter"),
        (ENTRY.replace('"f"', '" "'), "finding must be non-empty text"),
        (ENTRY.replace('"f"', "3"), "finding must be non-empty text, got 3"),
        (ENTRY.replace('"holds"', '"Holds"'), "verdict 'Holds'; allowed: holds, holds under"),
        (ENTRY + ENTRY, "claim '1.0': id and anchor must be unique"),
        (ENTRY + ENTRY.replace("1.0", "1.1"), "claim '1.1': id and anchor must be unique"),
        ("title = 'x'", "and nothing else, found: title"),
        ("[[claim]", "line 1"),
    ],
)
def test_faulty_file_is_refused(text, says):
    with pytest.raises(ValueError, match=says.replace("[", r"\[")):
        parse(text)


@pytest.mark.parametrize(
    ("measured", "bound"),
    [
        (2.0, {"at_least": 2.0}),
        (2.0, {"at_most": 2.0}),
        (2.0, {"at_least": 1.0, "at_most": 3.0}),
        ([1, 2, 2, 2, 9], {"at_least": 2, "at_most": 2}),  # the quartiles are 2
        (np.array(-1e-20), {"at_most": 0}),
    ],
)
def test_kept(measured, bound):
    assert claim("1.1", measured, **bound, source="x").claim is load()["1.1"]


@pytest.mark.parametrize(
    ("measured", "bound"),
    [
        (np.nextafter(2.0, 1), {"at_least": 2.0}),
        (np.nextafter(2.0, 3), {"at_most": 2.0}),
        ([1, 1, 2, 2, 2], {"at_least": 2}),  # the median keeps it, the lower quartile does not
        ([2, 2, 2, 3, 3], {"at_most": 2}),
        (5e-20, {"at_most": 1e-20}),
        (float("nan"), {"at_most": 1}),
        ([1, 1, 1, 1, 1, 1, 1, 1, float("nan")], {"at_most": 1}),
        (float("inf"), {"at_least": 1}),
        ([1, -float("inf")], {"at_most": 1}),
    ],
)
def test_broken(measured, bound):
    with pytest.raises(ClaimBroken, match="claim 1.1.*the source"):
        claim("1.1", measured, **bound, source="the source")


@pytest.mark.parametrize(
    ("id", "measured", "rest", "says"),
    [
        ("9.9", 1, {"at_most": 1}, "unknown claim '9.9'; known: 1.0, 1.1"),
        ("1.1", 1, {}, "give a bound: at_least, at_most or both"),
        ("1.1", 1, {"at_most": float("inf")}, "a bound must be finite"),
        ("1.1", 1, {"at_least": float("nan")}, "a bound must be finite"),
        ("1.1", 1, {"at_least": 2, "at_most": 1}, "no number is at least 2 and at most 1"),
        ("1.1", [], {"at_most": 1}, "non-empty 1-D sequence"),
        ("1.1", [[1]], {"at_most": 1}, r"got an array of shape \(1, 1\)"),
        ("1.1", 1, {"at_most": 1, "source": " "}, "source must say"),
    ],
)
def test_misuse(id, measured, rest, says):
    with pytest.raises(ValueError, match=says):
        claim(id, measured, **{"source": "x", **rest})


def test_what_is_shown():
    result = claim("1.1", [1e-12, 2e-12, 4e-12], at_most=1e-9, source="ratio, 3 seeds")
    for text in (repr(result), result._repr_markdown_()):
        assert load()["1.1"].statement in text
        assert load()["1.1"].verdict in text
        assert "2e-12 (median of 3; quartiles 1.5e-12 and 3e-12)" in text
        assert "at most 1e-09" in text
        assert "ratio, 3 seeds" in text


def test_stored_numbers_give_back_the_same_text():
    result = claim("1.1", np.random.default_rng(0).random(9), at_most=1, source="x")
    assert Result.from_dict(result.to_dict()) == result


def test_page_of_one_chapter():
    chapters = sorted((ROOT / "chapters").glob("*.ipynb"))
    blocks = page(chapters, chapter="01_vanishing_gradients").markdown.split("\n\n**")
    assert [block.lstrip("*")[:3] for block in blocks] == [f"1.{n}" for n in range(7)]
    with pytest.raises(ValueError, match="no claims of chapter '1'; known: 01_vanishing_gradients"):
        page(chapters, chapter="1")


def test_the_page_of_all_claims_has_every_chapter_under_its_heading():
    cells = nbformat.read(ROOT / "appendix" / "claims.ipynb", as_version=4).cells[1:]
    shown = {}
    for heading, code in zip(cells[::2], cells[1::2], strict=True):
        chapter = code.source.splitlines()[-1].split('"')[1]
        assert code.source.endswith(f'claims.page(chapter="{chapter}")')
        shown[chapter] = heading.source
    assert list(shown) == list(dict.fromkeys(entry.chapter for entry in load().values()))
    for chapter, heading in shown.items():
        first = nbformat.read(ROOT / "chapters" / f"{chapter}.ipynb", as_version=4).cells[0]
        assert heading == "#" + first.source.splitlines()[0]
