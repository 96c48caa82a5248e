"""Tests of results.py: when a claim stands on its evidence, and what its box shows."""

import json

import pytest
from bs4 import BeautifulSoup

from weightinit import _rerun
from weightinit.claims import Claim, ClaimBroken, Result, claim, evidence, load, results

GOOD = evidence("a ratio", [1, 2, 3, 4], at_most=5, control=("twice the scale", 9))
MORE = evidence("a share", 0.5, at_least=0.1)
BROKEN = evidence("a <loss>", 7, at_most=5, control=("half the scale", 9))
ALIKE = evidence("a time", 1, at_most=5, control=("half the scale", 4))
FORMULA = evidence("a gap", 0, at_most=1e-9, formula=True)
NAN, INF = float("nan"), float("inf")


@pytest.fixture(autouse=True)
def as_the_book_shows_it(monkeypatch):
    for name in (_rerun.SEED_SHIFT, _rerun.DATA):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    "pieces", [(GOOD,), (GOOD, MORE), (MORE, GOOD), (FORMULA,), (FORMULA,) * 2]
)
def test_kept(pieces):
    result = claim("1.1", *pieces)
    assert result.claim is load()["1.1"] and result.evidence == pieces and result.faults == []


def test_every_broken_piece_is_named():
    with pytest.raises(ClaimBroken) as broken:
        claim("1.1", BROKEN, GOOD, ALIKE)
    assert str(broken.value).splitlines() == [
        "claim 1.1 is no longer supported:",
        "- a <loss>: measured 7, required at most 5",
        "- a time: the control 'half the scale' keeps the bound too: the check cannot fail "
        "(control 4, required at most 5)",
        f"The claim: {load()['1.1'].statement}",
    ]
    assert issubclass(ClaimBroken, AssertionError)


@pytest.mark.parametrize(
    ("piece", "says"),
    [
        (evidence("x", NAN, at_most=1), "x: measured nan, required"),
        (evidence("x", INF, at_least=1), "x: measured inf, required"),
        (evidence("x", [1, 1, 1, 1, NAN], at_most=1), r"x: measured nan \(median of 5; "),
        (evidence("x", 1, at_most=1, control=("c", NAN)), "the control 'c' is not a number: "),
    ],
)
def test_what_is_no_number_supports_nothing(piece, says):
    with pytest.raises(ClaimBroken, match=says):
        claim("1.1", GOOD, piece)


@pytest.mark.parametrize("name", [_rerun.SEED_SHIFT, _rerun.DATA])
def test_other_seeds_or_images_show_their_margins(monkeypatch, name):
    monkeypatch.setenv(name, "")
    with pytest.raises(ClaimBroken):
        claim("1.1", BROKEN, ALIKE)
    monkeypatch.setenv(name, "1")
    result = claim("1.1", BROKEN, ALIKE)
    assert [piece.margin() for piece in result.evidence] == [-0.4, 0.8] and len(result.faults) == 2
    assert "This breaks the bound." in repr(result)
    assert "half the scale: 4, which does not break the bound." in repr(result)
    with pytest.raises(ValueError, match="has no control"):
        claim("1.1", MORE)


@pytest.mark.parametrize("pieces", [(MORE,), (MORE, MORE), (FORMULA, MORE)])
def test_a_claim_needs_a_control(pieces):
    with pytest.raises(ValueError, match="claim 1.1 has no control. Give one of its evidence"):
        claim("1.1", *pieces)


@pytest.mark.parametrize(
    ("error", "says", "given", "named"),
    [
        (ValueError, "unknown claim '9.9'; known: 1.0, 1.1", ("9.9", GOOD), {}),
        (ValueError, "unknown claim 1.1; known", (1.1, GOOD), {}),
        (ValueError, "unknown claim None; known", (None, GOOD), {}),
        (ValueError, r"unknown claim \['1.1'\]; known", (["1.1"], GOOD), {}),
        (ValueError, r"claim 1.1 has no evidence. claim takes the id and", ("1.1",), {}),
        (TypeError, r"claim\(\"1.1\", evidence\(.*; got 0.5$", ("1.1", 0.5), {}),
        (TypeError, "; got 0.5, at_most=1, source='x'$", ("1.1", 0.5), dict(at_most=1, source="x")),
        (TypeError, "claim takes the id and its evidence", ("1.1", [GOOD]), {}),
        (TypeError, "claim takes the id .*at_most=1", ("1.1", GOOD), {"at_most": 1}),
    ],
)
def test_wrong_calls(error, says, given, named):
    with pytest.raises(error, match=says):
        claim(*given, **named)


def test_the_claim_as_text():
    entry = load()["1.1"]
    assert repr(claim("1.1", GOOD, MORE)).splitlines() == [
        f"Claim 1.1: {results.SIGNS[entry.verdict]} {entry.verdict}",
        f"People say: {entry.statement}",
        f"We find: {entry.finding}",
        f"- {GOOD.sentence}",
        f"- {MORE.sentence}",
    ]


def test_the_box(monkeypatch):
    entry = Claim("1.1", "01_x", "a", "It is <b> & so.", "too strong", 'Not if x < "1".')
    monkeypatch.setattr(results, "find", lambda id: entry)
    odd = evidence("a <script>", 1, at_most=2, control=("<i>", 3))
    text = claim("1.1", GOOD, odd)._repr_html_()
    box = BeautifulSoup(text, "html.parser")
    assert not box.find_all(["b", "script", "i"])
    shown = box.get_text(" ", strip=True)
    assert "People say: It is <b> & so." in shown and 'We find: Not if x < "1".' in shown
    verdict = box.select_one(".verdict.too-strong")
    assert verdict.get_text() == "▲ too strong"
    assert verdict.select_one("[aria-hidden=true]").text == "▲"
    toggle = box.details
    assert toggle.summary.text == "What was measured" and not toggle.has_attr("open")
    assert [item.text for item in toggle.find_all("li")] == [GOOD.sentence, odd.sentence]
    assert "People say" not in toggle.text


def luminance(colour):
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("colour", results.COLOURS.values())
def test_white_letters_are_legible_on_a_verdict(colour):
    assert 1.05 / (luminance(colour) + 0.05) >= 4.5


def test_numbers_are_stored_with_the_output():
    result = claim("1.1", GOOD, MORE)
    stored = {"claim": "1.1", "evidence": [GOOD.to_dict(), MORE.to_dict()]}
    assert result._repr_mimebundle_() == ({}, {"weightinit": stored})
    assert Result.from_dict(json.loads(json.dumps(stored))) == result


STORED = claim("1.1", GOOD).to_dict()


@pytest.mark.parametrize(
    ("error", "says", "given"),
    [
        (TypeError, "data must be a .*Mapping, got None", None),
        (ValueError, "data must hold claim, evidence, got claim", {"claim": "1.1"}),
        (ValueError, "data must hold .* more", {**STORED, "more": 1}),
        (ValueError, "unknown claim '9.9'", {**STORED, "claim": "9.9"}),
        (ValueError, "data must hold source", {**STORED, "evidence": [{}]}),
        (ValueError, "has no evidence", {**STORED, "evidence": []}),
        (ValueError, "has no control", {**STORED, "evidence": [MORE.to_dict()]}),
    ],
)
def test_stored_numbers_that_are_none(error, says, given):
    with pytest.raises(error, match=says):
        Result.from_dict(given)


def test_a_result_belongs_to_a_claim():
    with pytest.raises(TypeError, match="claim must be a weightinit.Claim, such as .* got '1.1'"):
        Result("1.1", (GOOD,))
    with pytest.raises(TypeError, match="evidence must be a weightinit.Measurement"):
        Result(load()["1.1"], (1,))
