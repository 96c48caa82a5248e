"""Tests of failure.py: what a tensor holds, and the report of a failure."""

import dataclasses

import pytest
import torch
from torch import nn

from tests.failures.support import BF16, F16, F32, F64, INF, NAN, around, batch, check, scaled
from weightinit.failures import Failure, first_failure
from weightinit.failures.failure import is_measured, look
from weightinit.networks import mlp

pytestmark = pytest.mark.usefixtures("one_thread")
DENSE = torch.tensor([[0.0, INF, -2.0], [NAN, 1.0, -INF]])


# ---- What a tensor holds ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tensor", "infinities", "nans", "largest"),
    [
        (DENSE, 2, 1, 2.0),
        (DENSE.to(F16).T, 2, 1, 2.0),
        (DENSE.to(BF16)[:, ::2], 1, 1, 2.0),
        (torch.zeros(0, 3), 0, 0, 0.0),
        (torch.tensor([-3.0, 2.0]), 0, 0, 3.0),
        (torch.tensor([NAN, INF]), 1, 1, 0.0),
    ],
)
def test_contents(tensor, infinities, nans, largest):
    contents = look(tensor)
    assert contents[:3] == (infinities, nans, largest)
    assert contents.finite == (infinities + nans == 0)
    if not contents.finite:
        assert contents.bad.sum() == infinities + nans


@pytest.mark.parametrize("dtype", [F16, BF16, F32, F64])
def test_the_largest_number_of_a_type_is_finite(dtype):
    edge = torch.full((2,), torch.finfo(dtype).max, dtype=dtype)
    assert look(edge).finite and look(-edge).largest == torch.finfo(dtype).max
    assert look(2 * edge).infinities == 2


# ---- The report -------------------------------------------------------------------------------


def test_report_of_an_overflow():
    model = mlp(3, 10, "relu", dtype=F32)
    with torch.no_grad():
        model.linear2.weight.fill_(1.0)
        model.linear2.bias.fill_(2e38)
        model.linear3.weight.fill_(1.0)
        model.linear3.weight[5:].fill_(-1.0)
    failure = first_failure(model, *batch())
    assert str(failure) == (
        "forward pass, linear3: addmm produced 320 infinities among 320 numbers of shape "
        "(32, 10).\n"
        "All its inputs were finite, the largest 2e+38; float32 ends at 3.4e+38.\n"
        "First NaN after that: forward pass, output, addmm."
    )
    check(failure.first_nan, phase="forward", module="output", operation="addmm", kind="nan")
    named = dataclasses.replace(failure, step=7, module="h_1", first_nan=None)
    assert str(named).startswith("step 7, forward pass, h_1: addmm")
    assert named._repr_markdown_().startswith(r"step 7, forward pass, h\_1: addmm")
    assert named._repr_markdown_().count("  \n") == 1


def failure(**fields):
    given = {"phase": "forward", "operation": "mul", "infinities": 1, "largest_input": 3.0}
    return Failure(**{**given, "shape": (2, 3), "dtype": F32, **fields})


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "forward pass: mul produced 1 infinity among 6 numbers of shape (2, 3).\nAll its"),
        ({"module": "a", "call": 1}, "forward pass, a: mul"),
        ({"module": "a", "call": 2}, "forward pass, a (call 2): mul"),
        ({"module": "a", "call": None}, "forward pass, a: mul"),
        ({"phase": "data", "operation": None}, "data: a tensor made elsewhere held 1 infinity"),
        ({"phase": "data", "operation": None, "tensor": "x"}, "data: x held 1 infinity among"),
        ({"phase": "parameters", "operation": None, "tensor": "w"}, "parameters: w held"),
        ({"phase": "update", "tensor": "w"}, "update, w: mul produced"),
        ({"phase": "forward", "tensor": "w"}, "forward pass: mul produced"),
        ({"phase": "backward", "derivative_of": "sin"}, "backward pass, derivative of sin: mul"),
        (
            {"phase": "loss", "shape": ()},
            "loss: mul produced 1 infinity among 1 number of shape ()",
        ),
        ({"infinities": 2, "nans": 1}, "produced 2 infinities and 1 NaN among"),
        ({"infinities": 0, "nans": 2}, "produced 2 NaN among"),
        ({"largest_input": None}, "\nIt has no floating-point inputs."),
        ({"inputs_finite": False}, "\nIts inputs held infinities: inf - inf, 0 * inf and"),
        ({"largest_input": 123.4}, "the largest 1.2e+02; float32 ends at 3.4e+38."),
        ({"operation": "log", "zeros": 1}, "ends at 3.4e+38. They held 1 zero."),
        ({"operation": "div", "zeros": 2}, "They held 2 zeros."),
        ({"operation": "exp"}, "So exp overflows above 88.7."),
        ({"operation": "exp", "dtype": F64}, "So exp overflows above 710."),
        ({"meant": True}, "mul wrote, as a constant, 1 infinity among 6"),
        ({"meant": True}, "That is no mistake in itself, but it reached the result."),
        ({"meant": True, "operation": "new_empty"}, "new_empty returned memory that was never wr"),
        ({"meant": True, "operation": "resize"}, "resize returned memory that was never written"),
    ],
)
def test_words(fields, words):
    assert words in str(failure(**fields))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"zeros": 3}, "zero"),  # mul does not mind
        ({"operation": "log"}, "zero"),
        ({"operation": "sub"}, "overflows"),
        ({"operation": "exp2"}, "overflows"),
        ({"meant": True}, "All its inputs"),
        ({"operation": None}, "input"),
        ({}, "step"),
        ({}, "First NaN"),
    ],
)
def test_words_that_are_left_out(fields, words):
    assert words not in str(failure(**fields))


def test_every_operation_that_minds_zeros_names_them():
    for name in ("div", "log", "log2", "log10", "pow", "reciprocal", "rsqrt"):
        assert "They held 2 zeros." in str(failure(operation=name, zeros=2))


def test_the_second_call_is_named_in_the_report():
    layer = scaled(nn.Linear(64, 64), 1e25)
    model = nn.Sequential(layer, nn.ReLU(), layer, nn.Linear(64, 10))
    assert "forward pass, 0 (call 2): addmm" in str(first_failure(model, *batch()))


@pytest.mark.parametrize(
    "other",
    [
        torch.empty(20, device="meta"),
        torch.ones(2, 2).to_sparse() * INF,
        torch.ones(2, dtype=torch.complex64) * NAN,
        torch.full((2,), NAN).to(torch.float8_e5m2),
        torch.ones(2, dtype=torch.int64),
    ],
    ids=["meta", "sparse", "complex", "float8", "int64"],
)
def test_what_is_no_dense_tensor_of_numbers_is_passed_over(other):
    def function(h):
        return h + len((other * 2).shape if other.itemsize > 1 else ())

    assert not is_measured(other)
    assert first_failure(around(function), *batch()) is None


def test_failure_is_frozen():
    found = failure(infinities=0, nans=1, shape=())
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.phase = "data"
    check(found, kind="nan", count=1, size=1, dtype_max=torch.finfo(F32).max)
    check(failure(nans=3), kind="inf", count=4, size=6)
