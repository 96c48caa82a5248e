"""Tests of results.py and claims.toml: what is a claim, when it is kept, what is shown."""

import re
import tomllib
from importlib import resources

import numpy as np
import pytest
import torch

from weightinit.claims import Claim, ClaimBroken, Result, claim, load
from weightinit.claims.results import find, parse

VERDICTS = 'verdicts = ["holds", "refined"]\n'
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


def test_every_verdict_of_the_file_is_used():
    text = resources.files("weightinit.claims").joinpath("claims.toml").read_text("utf-8")
    assert {entry.verdict for entry in load().values()} == set(tomllib.loads(text)["verdicts"])
    reworded = parse(text.replace('"holds under a condition"', '"holds, but"'))
    assert reworded["1.3"].verdict == "holds, but"


def test_claims_are_read_as_they_are_written():
    (entry,) = parse(VERDICTS + ENTRY).values()
    assert entry == Claim("1.0", "01_x", "a", "s", "holds", "f")
    two = parse(VERDICTS + ENTRY + ENTRY.replace("1.0", "0.9").replace('"a"', '"b"'))
    assert list(two) == ["1.0", "0.9"]  # in the order of the file


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (ENTRY.replace('finding = "f"\n', ""), "claim '1.0': missing: finding"),
        (ENTRY + 'note = "n"', "claim '1.0': unknown: note; allowed: id, chapter"),
        (ENTRY.replace('"f"', '" "'), "finding must be non-empty text"),
        (ENTRY.replace('"f"', "3"), "finding must be non-empty text, got 3"),
        (ENTRY.replace('"holds"', '"Holds"'), "verdict 'Holds'; allowed: holds, refined"),
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


@pytest.mark.parametrize(
    ("measured", "bound"),
    [
        (2.0, {"at_least": 2.0}),
        (2.0, {"at_most": 2.0}),
        (2.0, {"at_least": 1.0, "at_most": 3.0}),
        ([1, 2, 2, 2, 9], {"at_least": 2, "at_most": 2}),  # the quartiles are 2
        (np.array(-1e-20), {"at_most": 0}),
        ([1, 1, 2, 2, 2, 9, 9, 9, 9], {"at_least": 2, "at_most": 9}),
        (torch.tensor([2.0, 2.0]), {"at_least": 2}),
        ([np.float32(2), torch.tensor(2.0)], {"at_most": 2}),
        (np.array([True, False]), {"at_most": 0.75}),
        (2, {"at_least": np.float64(2), "at_most": np.array(2)}),
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
    ("error", "says", "given"),
    [
        (ValueError, "unknown claim '9.9'; known: 1.0, 1.1", {"id": "9.9"}),
        (ValueError, "unknown claim 1.1; known", {"id": 1.1}),
        (ValueError, "unknown claim None; known", {"id": None}),
        (ValueError, r"unknown claim \['1.1'\]; known", {"id": ["1.1"]}),
        (ValueError, "give a bound: at_least, at_most or both", {"at_most": None}),
        (ValueError, "at_most: a bound must be finite, got inf", {"at_most": float("inf")}),
        (ValueError, "at_least: a bound must be finite, got nan", {"at_least": float("nan")}),
        (TypeError, "at_most must be a number, got '1'", {"at_most": "1"}),
        (TypeError, r"at_least must be a number, got \[1\]", {"at_least": [1]}),
        (ValueError, "no number is at least 2 and at most 1", {"at_least": 2}),
        (ValueError, "non-empty 1-D sequence", {"measured": []}),
        (ValueError, r"got an array of shape \(1, 1\)", {"measured": [[1]]}),
        (TypeError, "measured must be a number or an array of them, got None", {"measured": None}),
        (TypeError, "measured must be a number or an array of them, got '1'", {"measured": "1"}),
        (TypeError, r"measured must be .* got \[1, None\]", {"measured": [1, None]}),
        (TypeError, r"measured must be .* got \['1'\]", {"measured": ["1"]}),
        (TypeError, r"measured must be .* got \[\[1\], \[1, 2\]\]", {"measured": [[1], [1, 2]]}),
        (TypeError, "measured must be .* got True", {"measured": True}),
        (TypeError, "measured must be .* got 1j", {"measured": 1j}),
        (TypeError, "measured must be .* got {'a': 1}", {"measured": {"a": 1}}),
        (TypeError, "measured must be .* got <class", {"measured": float}),
        (ValueError, "source must say in words .* got ' '", {"source": " "}),
        (ValueError, "source must say in words .* got None", {"source": None}),
    ],
)
def test_wrong_calls(error, says, given):
    with pytest.raises(error, match=says):
        claim(**{"id": "1.1", "measured": 1, "at_most": 1, "source": "x", **given})


def test_quartiles_and_digits():
    result = claim("1.1", [1, 2, 3, 4], at_least=0.123456, source="x")
    assert result.measured == (1.75, 2.5, 3.25) and result.runs == 4
    assert result.bound == "at least 0.1235"
    assert result.value == "2.5 (median of 4; quartiles 1.75 and 3.25)"
    assert claim("1.1", 0.12345678912345, at_most=1, source="x").measured == (0.123456789,)
    assert claim("1.1", 0.12345, at_most=1, source="x").value == "0.1235"  # four digits
    assert claim("1.1", [0.12345], at_most=1, source="x").value == "0.1235"
    two = claim("1.1", [0.12345, 0.12345], at_most=1, source="x")
    assert two.value == "0.1235 (median of 2; quartiles 0.1235 and 0.1235)"
    both = claim("1.1", 2, at_least=1.23456, at_most=1e5, source="x")
    assert both.bound == "at least 1.235 and at most 1e+05"
    assert both.measurement == "Measured, x: 2. Required: at least 1.235 and at most 1e+05."


def test_a_broken_claim_says_what_was_measured_and_required():
    with pytest.raises(ClaimBroken) as broken:
        claim("1.1", [3, 4, 5], at_most=2, source="a ratio")
    assert str(broken.value) == (
        "claim 1.1 is no longer supported: a ratio: measured 4 (median of 3; quartiles 3.5 and "
        f"4.5), required at most 2. The claim: {find('1.1').statement}"
    )
    with pytest.raises(ClaimBroken, match=r"claim 1.1: x: measured .* finite, got nan, -inf$"):
        claim("1.1", [1, float("nan"), -float("inf")], at_most=1, source="x")
    assert issubclass(ClaimBroken, AssertionError)


def test_the_claim_as_shown():
    result, entry = claim("1.1", 1, at_most=2, source="a ratio"), load()["1.1"]
    sentence = "Measured, a ratio: 1. Required: at most 2."
    assert repr(result) == f"Claim 1.1, {entry.verdict}: {entry.statement}\n{sentence}"
    assert result._repr_markdown_() == (
        f"> **Claim 1.1: {entry.verdict}.** *{entry.statement}*\n>\n> {sentence}"
    )
    stored = {"claim": "1.1", "measured": [1.0], "runs": 1, "at_least": None, "at_most": 2.0}
    assert result._repr_mimebundle_() == ({}, {"weightinit": {**stored, "source": "a ratio"}})


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
    assert type(result.to_dict()["measured"]) is list and result.to_dict()["claim"] == "1.1"


STORED = claim("1.1", 1, at_most=1, source="x").to_dict()


@pytest.mark.parametrize(
    ("error", "says", "given"),
    [
        (TypeError, "data must be a .*Mapping, got None", None),
        (ValueError, "data must hold claim, measured, runs, .* got claim", {"claim": "1.1"}),
        (ValueError, "data must hold .* more", {**STORED, "more": 1}),
        (ValueError, "unknown claim '9.9'", {**STORED, "claim": "9.9"}),
        (ValueError, "1 runs have one number or three", {**STORED, "measured": [1.0, 2.0, 3.0]}),
        (ValueError, "5 runs have one number or three", {**STORED, "runs": 5}),
    ],
)
def test_stored_numbers_that_are_none(error, says, given):
    with pytest.raises(error, match=says):
        Result.from_dict(given)


def test_a_result_belongs_to_a_claim():
    with pytest.raises(TypeError, match="claim must be a weightinit.Claim, such as .* got '1.1'"):
        Result("1.1", (1.0,), 1, None, 1.0, "x")
