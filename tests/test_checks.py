"""Tests of _checks.py: what counts as a number."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch

from weightinit._checks import check_number


@pytest.mark.parametrize("value", [1, 2.5, 2**63, np.float32(1), np.array(2), torch.tensor(1.0)])
def test_numbers(value):
    check_number("rate", value)


@pytest.mark.parametrize(
    "value",
    [10**400, 10**5000, Fraction(1, 2), Decimal(1), 1j, True, np.True_, None, "1", [1], float],
    ids=lambda value: type(value).__name__,
)
def test_what_numpy_cannot_judge_is_no_number(value):
    with pytest.raises(TypeError, match="rate must be a number, got "):
        check_number("rate", value)
