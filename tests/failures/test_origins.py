"""Tests of origins.py: what is remembered of every infinity, and which is blamed."""

import pytest
import torch
from torch.nn import functional as F

from tests.failures.support import INF, around, batch, check
from weightinit.failures import Watch, first_failure

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("constant", [-INF, torch.tensor(-INF)])
def test_the_largest_input_is_a_finite_one(constant):
    """Numbers count as inputs, but an infinite one is not the largest."""
    seen = []

    def function(h):
        seen.append(h.detach().abs().max().item())
        return h.masked_fill(h > 0, constant)

    failure = first_failure(around(function), *batch(), loss=lambda output, y: output.sum())
    assert failure.operation == "addmm"  # which made NaN of it
    failure = first_failure(around(function)[:2], *batch(), loss=lambda h, y: h.square().mean())
    check(failure, operation="masked_fill", meant=True, largest_input=seen[-1])


@pytest.mark.parametrize("inplace", [False, True])
def test_zeros_of_inputs(inplace):
    def function(h):
        over, under = torch.ones(20), torch.ones(20)
        over[:3] = under[3] = 0
        return h + (over.div_(under) if inplace else over / under)

    failure = first_failure(around(function), *batch())
    # What was overwritten is no longer there to be counted.
    check(failure, operation="div", infinities=1, zeros=1 if inplace else 4)


def test_nothing_is_remembered_about_freed_memory():
    model, (x, y) = around(lambda h: h.masked_fill(h > 0, -INF).exp()), batch()
    with Watch(model) as watch:
        for _ in range(20):
            F.cross_entropy(model(x), y).backward()
            model.zero_grad()
    assert watch.failure is None
    assert len(watch._origins._known) <= 6


def test_the_first_nan_is_the_first():
    def function(h):
        grown = h * 1e30 * 1e30
        return (grown - grown).sin().abs() + (grown - grown).cos()

    failure = first_failure(around(function), *batch())
    check(failure, operation="mul", module="1", kind="inf")
    check(failure.first_nan, operation="sub", module="1", nans=640, infinities=0)


def test_a_failure_that_came_after_a_meant_infinity_is_blamed():
    def function(h):
        masked = torch.zeros(20).masked_fill(torch.arange(20) == 3, -INF)
        grown = h * 1e30 * 1e30
        return torch.cat([grown[:, :10], masked.expand_as(h)[:, 10:]], 1)

    check(first_failure(around(function), *batch()), operation="mul", meant=False)
    failure = first_failure(around(lambda h: torch.cat([function(h), h], 1)[:, :20]), *batch())
    check(failure, operation="mul", meant=False)


def test_of_two_failures_the_first_is_blamed():
    def function(h, swap):
        first = h.exp() * 1e38 * 1e38
        second = (h + 1e3).exp()
        return second + first if swap else first + second

    for swap in (False, True):
        failure = first_failure(around(lambda h, swap=swap: function(h, swap)), *batch())
        check(failure, operation="mul", kind="inf")


def test_the_number_beside_a_tensor_is_a_constant_unless_it_was_computed():
    failure = first_failure(around(lambda h: h.abs() + torch.tensor(INF)), *batch())
    check(failure, meant=False, operation="addmm")  # which makes NaN of them
    check(failure, inputs_finite=False)

    def computed(h):
        return h + torch.tensor(1e30) * 1e30

    check(first_failure(around(computed), *batch()), operation="mul", meant=False, shape=())


def test_of_masked_entries_only_the_new_ones_count():
    def function(h):
        masked = torch.ones(20).masked_fill(torch.arange(20) < 3, INF)
        masked[5] = 1e30
        return h + masked * 1e30

    # The place where the mask was is no failure; the NaN after it is not looked for.
    failure = first_failure(around(function), *batch())
    check(failure, operation="mul", infinities=1, nans=0, inputs_finite=False, meant=False)
