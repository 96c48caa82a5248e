"""Tests of statements.py and claims.toml: what is a claim."""

import re
import tomllib
from importlib import resources

import pytest

from weightinit.claims import Claim, load
from weightinit.claims.results import COLOURS, SIGNS
from weightinit.claims.statements import parse

VERDICTS = 'verdicts = ["true", "not true"]\n'
ENTRY = """[[claim]]
id = "1.0"
chapter = "01_x"
anchor = "a"
statement = "s"
verdict = "true"
finding = "f"
"""


def test_all_claims_of_chapter_1_are_listed():
    assert [id for id in load() if id.startswith("1.")] == [f"1.{n}" for n in range(7)]


def test_every_verdict_of_the_file_is_used():
    text = resources.files("weightinit.claims").joinpath("claims.toml").read_text("utf-8")
    verdicts = tomllib.loads(text)["verdicts"]
    assert {entry.verdict for entry in load().values()} == set(verdicts)
    assert verdicts == list(SIGNS) == list(COLOURS)  # each can be shown
    reworded = parse(text.replace('"true if …"', '"true, but"'))
    assert reworded["1.3"].verdict == "true, but"


def test_claims_are_read_as_they_are_written():
    (entry,) = parse(VERDICTS + ENTRY).values()
    assert entry == Claim("1.0", "01_x", "a", "s", "true", "f")
    assert not entry.digits_alone
    (entry,) = parse(VERDICTS + ENTRY + "digits_alone = true").values()
    assert entry.digits_alone
    two = parse(VERDICTS + ENTRY + ENTRY.replace("1.0", "0.9").replace('"a"', '"b"'))
    assert list(two) == ["1.0", "0.9"]  # in the order of the file


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (ENTRY.replace('finding = "f"\n', ""), "claim '1.0': missing: finding"),
        (ENTRY + 'note = "n"', "claim '1.0': unknown: note; allowed: id, chapter"),
        (ENTRY + "digits_alone = 'yes'", "digits_alone must be true or false, got 'yes'"),
        (ENTRY.replace('"f"', '" "'), "finding must be non-empty text"),
        (ENTRY.replace('"f"', "3"), "finding must be non-empty text, got 3"),
        (ENTRY.replace('"true"', '"True"'), "verdict 'True'; allowed: true, not true"),
        (ENTRY + ENTRY.replace('"a"', '"b"'), "claim '1.0': id and anchor must be unique"),
        (ENTRY + ENTRY.replace("1.0", "1.1"), "claim '1.1': id and anchor must be unique"),
        ("title = 'x'\n" + ENTRY, "and [[claim]]s, found: verdicts, title, claim"),
        ("", "and [[claim]]s, found: verdicts"),
        ("claim = 'x'", "lists of verdicts"),
        ("[[claim]", "line 2"),
    ],
)
def test_faulty_file_is_refused(text, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        parse(VERDICTS + text)


def test_file_without_its_verdicts_is_refused():
    for text in (ENTRY, "verdicts = 'holds'\n" + ENTRY):
        with pytest.raises(ValueError, match="lists of verdicts"):
            parse(text)


def test_a_box_has_no_formulas():
    # It is HTML, in which a notebook's formulas between dollars stay raw.
    assert [e.id for e in load().values() if "$" in e.statement + e.finding] == []
