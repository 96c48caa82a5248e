"""Tests of measurement.py: when a bound is kept, when its control breaks it, what is said."""

import json

import numpy as np
import pytest
import torch

from weightinit.claims import Measurement, evidence

INF, NAN = float("inf"), float("nan")


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
        (1 / 3, {"at_least": 1 / 3}),  # rounded to nine digits it would be below
    ],
)
def test_kept(measured, bound):
    found = evidence("x", measured, **bound)
    assert found.kept and found.margin() >= 0
    assert Measurement.from_dict(found.to_dict()).kept


@pytest.mark.parametrize(
    ("measured", "bound"),
    [
        (np.nextafter(2.0, 1), {"at_least": 2.0}),
        (np.nextafter(2.0, 3), {"at_most": 2.0}),
        ([1, 1, 2, 2, 2], {"at_least": 2}),  # the median keeps it, the lower quartile does not
        ([2, 2, 2, 3, 3], {"at_most": 2}),
        (5e-20, {"at_most": 1e-20}),
        (1 / 3 + 1e-12, {"at_most": 1 / 3}),
    ],
)
def test_broken(measured, bound):
    found = evidence("the source", measured, **bound)
    assert not found.kept and found.margin() < 0
    assert not Measurement.from_dict(found.to_dict()).kept
    assert found.sentence.endswith("This breaks the bound.")


@pytest.mark.parametrize("measured", [NAN, [1] * 8 + [NAN], INF, [1] * 8 + [INF], [1, -INF]])
def test_numbers_that_are_none_keep_no_bound(measured):
    assert not evidence("x", measured, at_most=1).kept
    assert not evidence("x", measured, at_least=1).kept


@pytest.mark.parametrize(
    ("control", "bound", "fails"),
    [
        (3, {"at_most": 2}, True),
        (2, {"at_most": 2}, False),
        (np.nextafter(2.0, 3), {"at_most": 2}, True),
        ([1, 3, 9], {"at_most": 2}, True),
        ([1, 1, 2, 9, 9], {"at_most": 2}, False),  # its upper quartile breaks it; too little
        (1, {"at_least": 2}, True),
        (5, {"at_least": 2, "at_most": 4}, True),
        (3, {"at_least": 2, "at_most": 4}, False),
        (INF, {"at_most": 2}, True),
        ([1, INF], {"at_most": 2}, True),
        (-INF, {"at_most": 2}, False),
        (NAN, {"at_most": 2}, False),
        ([9, 9, 9, NAN], {"at_most": 2}, False),
        ([INF, -INF], {"at_most": 2}, False),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_a_control_must_break_the_bound(control, bound, fails):
    found = evidence("x", 2, **bound, control=("c", control))
    assert found.kept and found.can_fail == fails
    stored = json.loads(json.dumps(found.to_dict(), allow_nan=bool(np.isnan(found.control_median))))
    assert Measurement.from_dict(stored).can_fail == fails
    assert ("which breaks the bound" in found.sentence) == fails


def test_no_control_is_no_check_that_can_fail():
    assert not evidence("x", 1, at_most=2).can_fail
    assert evidence("x", 1, at_most=2).control_sentence == ""


@pytest.mark.parametrize(
    ("measured", "bound", "margin"),
    [
        (1, {"at_most": 2}, 0.5),
        (3, {"at_most": 2}, -0.5),
        (3, {"at_least": 2}, 0.5),
        (1, {"at_least": 2}, -0.5),
        (-3, {"at_least": -2}, -0.5),
        (3, {"at_least": 2, "at_most": 4}, 0.25),
        ([1, 2, 3], {"at_most": 5}, 0.5),  # the upper quartile is 2.5
        ([1, 2, 3], {"at_least": 1}, 0.5),
        (-0.25, {"at_most": 0}, 0.25),
        (0.25, {"at_most": 0}, -0.25),
        (2, {"at_most": 2}, 0),
    ],
)
def test_margin(measured, bound, margin):
    assert evidence("x", measured, **bound).margin() == margin


def test_margin_of_what_is_no_number():
    assert np.isnan(evidence("x", NAN, at_least=1, at_most=2).margin())


@pytest.mark.parametrize(
    ("error", "says", "given"),
    [
        (ValueError, "give a bound: at_least, at_most or both", {"at_most": None}),
        (ValueError, "at_most: a bound must be finite, got inf", {"at_most": INF}),
        (ValueError, "at_least: a bound must be finite, got nan", {"at_least": NAN}),
        (TypeError, "at_most must be a number, got '1'", {"at_most": "1"}),
        (TypeError, r"at_least must be a number, got \[1\]", {"at_least": [1]}),
        (ValueError, "no number is at least 2 and at most 1", {"at_least": 2}),
        (ValueError, "measured must be .* non-empty 1-D sequence", {"measured": []}),
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
        (TypeError, "control must be a pair, such as .* got 2", {"control": 2}),
        (TypeError, "control must be a pair, .* got 'ab'", {"control": "ab"}),
        (TypeError, "control must be a pair", {"control": ("c", 1, 2)}),
        (ValueError, "control must begin with .* got 1", {"control": (1, "c")}),
        (ValueError, "control must begin with .* got ''", {"control": ("", 2)}),
        (TypeError, "control's numbers must be a number or", {"control": ("c", "2")}),
        (ValueError, "control's numbers must be a number or a non-empty", {"control": ("c", [])}),
        (ValueError, "a formula .* has no control", {"control": ("c", 2), "formula": True}),
        (TypeError, "formula must be True or False, got 1", {"formula": 1}),
    ],
)
def test_wrong_calls(error, says, given):
    with pytest.raises(error, match=says):
        evidence(**{"source": "x", "measured": 1, "at_most": 1, **given})


def test_quartiles_and_digits():
    found = evidence("x", [1, 2, 3, 4], at_least=0.123456)
    assert found.measured == (1.75, 2.5, 3.25) and found.runs == 4
    assert found.bound == "at least 0.1235"
    assert found.value == "2.5 (median of 4; quartiles 1.75 and 3.25)"
    assert evidence("x", 0.12345678912345, at_most=1).measured == (0.123456789,)
    assert evidence("x", 0.12345, at_most=1).value == "0.1235"  # four digits
    assert evidence("x", [0.12345], at_most=1).value == "0.1235"
    two = evidence("x", [0.12345, 0.12345], at_most=1)
    assert two.value == "0.1235 (median of 2; quartiles 0.1235 and 0.1235)"
    both = evidence("x", 2, at_least=1.23456, at_most=1e5)
    assert both.sentence == "Measured, x: 2. Required: at least 1.235 and at most 1e+05."


def test_sentences():
    said = "Measured, x: 2. Required: at most 3. Control, "
    assert evidence("x", 2, at_most=3, control=("tanh", 4)).sentence == (
        f"{said}tanh: 4, which breaks the bound."
    )
    assert evidence("x", 2, at_most=3, control=("tanh", [4, 5])).sentence == (
        f"{said}tanh: 4.5 (median of 2), which breaks the bound."
    )
    assert evidence("x", 2, at_most=3, formula=True).sentence == (
        "Formula checked on samples, x: 2. Required: at most 3."
    )


def test_stored_numbers_give_back_the_same():
    for given in ({"control": ("c", [2, 3])}, {"formula": True}, {"control": ("c", INF)}, {}):
        found = evidence("x", np.random.default_rng(0).random(9), at_most=1, **given)
        assert Measurement.from_dict(json.loads(json.dumps(found.to_dict()))) == found


STORED = evidence("x", 1, at_most=1).to_dict()


@pytest.mark.parametrize(
    ("error", "says", "given"),
    [
        (TypeError, "data must be a .*Mapping, got None", None),
        (ValueError, "data must hold source, measured, .* got source", {"source": "x"}),
        (ValueError, "data must hold .* more", {**STORED, "more": 1}),
        (ValueError, "1 runs have one number or three", {**STORED, "measured": [1.0, 2.0, 3.0]}),
        (ValueError, "5 runs have one number or three", {**STORED, "runs": 5}),
    ],
)
def test_stored_numbers_that_are_none(error, says, given):
    with pytest.raises(error, match=says):
        Measurement.from_dict(given)


def test_numbers_that_are_not_finite_are_read_from_a_notebook_as_jupyter_stores_them():
    piece = evidence("a ratio", [1.0, np.nan], at_most=2, control=("another", np.inf))
    stored = piece.to_dict() | {"measured": ["nan", "nan", "nan"]}
    read = Measurement.from_dict(stored)
    assert np.isnan(read.measured).all() and not read.kept and np.isnan(read.margin())
