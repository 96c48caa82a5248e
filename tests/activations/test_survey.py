"""Where an activation bends sharply, and where its two formulas part."""

from dataclasses import replace

import numpy as np
import pytest

from weightinit.activations import Activation, get, names
from weightinit.activations.survey import survey


def surveyed(f, df, **kwargs):
    return survey(Activation("own", f, df, **kwargs))


@pytest.mark.parametrize("name", names())
def test_the_book_has_no_sharp_bends(name):
    """Looked at as if it were a reader's; so that its moments need no more panels."""
    sharp, undeclared = survey(replace(get(name), torch_name=None))
    assert not len(sharp) and not len(undeclared)
    assert [len(found) for found in survey(get(name))] == [0, 0]


@pytest.mark.parametrize("at", [0.305, -7.77, 100.1])
def test_a_bump_is_surrounded(at):
    width = 0.01 * max(1, abs(at) / 4)
    bump = lambda h: np.exp(-(((h - at) / width) ** 2))  # noqa: E731
    sharp, undeclared = surveyed(bump, lambda h: -2 * (h - at) / width**2 * bump(h))
    assert np.min(np.abs(sharp - at)) < 3 * width and np.max(np.abs(sharp - at)) < max(0.5, abs(at))
    assert not len(undeclared)


@pytest.mark.parametrize("factor", [1e3, 1e6])
def test_a_steep_bend_is_approached(factor):
    sharp, undeclared = surveyed(
        lambda h: np.tanh(factor * h),
        lambda h: factor / np.cosh(np.clip(factor * h, -300, 300)) ** 2,
    )
    assert 0 < np.min(sharp[sharp > 0]) < max(2 / factor, 0.011) and not len(undeclared)


@pytest.mark.parametrize("at", [0.0, 0.125, 1 / 3, -0.5, 64.0, -1000.3])
@pytest.mark.parametrize("above", [True, False])
def test_a_jump_is_undeclared_until_it_is_declared(at, above):
    step = lambda h: ((h > at) if above else (h >= at)) * 1.0  # noqa: E731
    _, undeclared = surveyed(step, np.zeros_like)
    np.testing.assert_allclose(undeclared, [at], rtol=0, atol=1e-8 * max(1, abs(at)) + 1e-7)
    assert not len(surveyed(step, np.zeros_like, kinks=at)[1])


def test_several_jumps_in_order():
    _, undeclared = surveyed(lambda h: (h > 3.33) + (h > -2.222) * 1.0, np.zeros_like)
    np.testing.assert_allclose(undeclared, [-2.222, 3.33], atol=2e-7)


@pytest.mark.parametrize("slope", [3, 0])
def test_what_swings_far_out_is_no_jump(slope):
    sharp, undeclared = surveyed(lambda h: np.sin(h) + slope * h, lambda h: np.cos(h) + slope)
    assert not len(undeclared) and np.abs(sharp).min() >= 16


def test_what_overflows_is_no_jump():
    assert not len(surveyed(np.exp, np.exp)[1])


def test_a_slope_without_end_at_a_declared_kink():
    root = (lambda h: np.sqrt(np.abs(h)), lambda h: np.sign(h) / 2 / np.sqrt(np.abs(h)))
    sharp, undeclared = surveyed(*root, kinks=0)
    assert not len(undeclared) and np.min(np.abs(sharp[sharp != 0])) < 1e-7
