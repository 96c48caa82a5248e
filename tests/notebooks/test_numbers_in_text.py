"""Tests of the comparison of two texts, by hand-made pairs."""

import random
import re

import pytest

from tests.notebooks.numbers_in_text import differences

SAME = [
    ("x = 0.5", "x = 0.50000001"),
    ("[1., 2.5e-20]", "[1.00000001, 2.50000001e-20]"),
    ("a   1.5  b", "a 1.5 b"),  # padding
    ("  layer     rms\n0     1  9.9999999\n", "  layer     rms\n0     1  10.0\n"),
    ("-1e-300", "-1.0000001e-300"),
    ("1e-400 2e400", "1e-400 2.0000001e400"),  # beyond the range of float
    ("nan inf -inf", "nan inf -inf"),
    ("2", "2.0000000001"),
    ("0", "0.0"),
    ("1.5E-3", "1.50000001E-3"),
    ("+1.5", "+1.50000001"),
    (".5", ".50000001"),
    ("a\t1.5", "a 1.5"),
]
DIFFERENT = [
    ("1e-20", "5e-20"),
    ("1e-400", "5e-400"),
    ("1e400", "2e400"),
    ("0", "1e-300"),
    ("0.0", "-1e-300"),
    ("20", "21"),
    ("1000000000", "1000000001"),
    ("0.5", "-0.5"),
    ("x-0.5", "x+0.5"),
    ("nan", "1.0"),
    ("inf", "-inf"),
    ("inf", "1e308"),
    ("0.12", "0.13"),
    ("0.123456", "0.123457"),  # 8e-6 apart, although only the last digit printed
    ("linear1 0.5", "linear2 0.5"),
    ("sha 1234567a1", "sha 1234568a1"),
    ("v1.2.3", "v1.2.4"),
    ("rises 0.5", "falls 0.5"),
    ("1 2 3", "1 2"),
    ("1 2", "1 2 3"),
    ("1.5", "1.5\n"),
    ("12", "1 2"),
    ("a b", "ab"),
    ("+10000000", "+10000001"),
    ("-10000000", "-10000001"),
    ("x1.5000000", "x1.5000001"),  # digits of a word
    ("1.2.3000000e0", "1.2.3000001e0"),
    ("1e99999999999999999999", "2e99999999999999999999"),  # beyond the range of Decimal
]


@pytest.mark.parametrize(("stored", "computed"), SAME)
def test_same(stored, computed):
    assert differences(stored, computed, 1e-6) == []
    assert differences(computed, stored, 1e-6) == []


@pytest.mark.parametrize(("stored", "computed"), DIFFERENT)
def test_different(stored, computed):
    assert differences(stored, computed, 1e-6)
    assert differences(computed, stored, 1e-6)


@pytest.mark.parametrize("rtol", [1e-9, 1e-6, 1e-2])
def test_tolerance_is_relative_at_every_size(rtol):
    random_numbers = random.Random(0)
    for _ in range(200):
        value = random_numbers.choice([-1, 1]) * 10 ** random_numbers.uniform(-300, 300)
        assert not differences(repr(value), repr(value * (1 + 0.9 * rtol)), rtol)
        assert differences(repr(value), repr(value * (1 + 1.1 * rtol)), rtol)


def test_message_names_line_numbers_and_difference():
    (message,) = differences("a\nb 1.5 c\n", "a\nb 3.0 c\n", 1e-6)
    assert message.startswith("stored 1.5, computed 3.0: relative difference 0.5, tolerance 1e-06")
    assert "stored   line 2: b 1.5 c" in message
    assert "computed line 2: b 3.0 c" in message


def test_message_shows_the_line_where_words_part():
    (message,) = differences("1\nsame\nold\n", "1\nsame\nnew\n", 1e-6)
    assert re.search(r"stored +line 3: old\n +computed line 3: new", message)


def test_many_differences_are_counted():
    stored, computed = "1.5\n" * 100, "2.5\n" * 100
    assert differences(stored, computed, 1e-6)[-1] == "... and 95 more differences"
