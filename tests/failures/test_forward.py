"""Tests of origins.py and place.py: failures planted in the forward pass, against predictions."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.failures.support import (
    BF16,
    F16,
    F32,
    F64,
    INF,
    NAN,
    around,
    batch,
    check,
    predicted_overflow,
    scaled,
)
from weightinit.failures import first_failure
from weightinit.networks import mlp

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.sixteen_bit("the same products say where it must fail")
@pytest.mark.parametrize(
    ("dtype", "factor", "inplace"),
    [
        *((F32, 1e3, False), (F32, 1e4, True), (F16, 10, False), (F16, 30, True)),
        *((BF16, 1e4, False), (F64, 1e40, True)),
    ],
)
def test_overflow_in_the_forward_pass(dtype, factor, inplace):
    model = scaled(mlp(20, 100, "relu", dtype=dtype), factor)
    if inplace:
        for name, module in model.named_children():
            if not isinstance(module, nn.Linear):
                setattr(model, name, nn.ReLU(inplace=True))
    x, y = batch(dtype=dtype)
    failure = first_failure(model, x, y)
    layer = predicted_overflow(model, x)
    assert layer not in (None, "linear1")
    check(failure, phase="forward", module=layer, call=1, operation="addmm", inputs_finite=True)
    check(failure, shape=(32, 100), size=3200, dtype=dtype, dtype_max=torch.finfo(dtype).max)
    h = x
    for name, module in model.named_children():
        if name == layer:
            break
        h = module(h)
    largest = max(t.abs().max().item() for t in (h, module.weight, module.bias))
    check(failure, largest_input=largest, count=int((~module(h).isfinite()).sum()))
    if dtype != BF16:  # whose products leave float32 too, within the operation: inf - inf
        check(failure, kind="inf")


def overflowing_exp(h):
    e = (1000 * h).exp()
    return e / e.sum(1, keepdim=True)


def without_epsilon(h):
    return (h - h.mean(0)) / h.std(0)


def work_in_place(h):
    h = h.clone()
    h.mul_(1e30).mul_(1e30)
    return h


def add_to_masked(h):
    mask = torch.zeros(20).masked_fill(torch.arange(20) == 3, -INF)
    return mask + h * 1e30 * 1e30


def copy_to_half(h):
    return torch.empty(h.shape, dtype=F16).copy_(h * 1e5).float()


def write_to_memory(h):
    return h + torch.mul(h.detach() * 1e30, 1e30, out=torch.empty(h.shape))


def functional_network(h):
    return F.relu(F.linear(h.sin() * 1e30, torch.full((20, 20), 1e30)))


@pytest.mark.parametrize(
    ("function", "operation", "kind", "first_nan"),
    [
        (overflowing_exp, "exp", "inf", "div"),
        (functional_network, "mm", "inf", "addmm"),
        (work_in_place, "mul", "inf", "addmm"),
        (lambda h: (0 * h).log(), "log", "inf", "addmm"),
        (lambda h: 1 / (h - h), "reciprocal", "inf", "addmm"),
        (lambda h: torch.zeros_like(h) / (h - h), "div", "nan", None),
        (lambda h: (-1 - h * h).sqrt(), "sqrt", "nan", None),
        (lambda h: (h * 1e5).half().float(), "to", "inf", "addmm"),
        (lambda h: F.relu(h) * INF, "mul", "inf", None),
        (lambda h: F.relu(h).mul(torch.full((), INF)), "mul", "inf", None),
        (lambda h: torch.full_like(h, INF) * (h - h), "mul", "nan", None),
        (lambda h: h.masked_fill(h < INF, -INF).softmax(1), "softmax", "nan", None),
        (add_to_masked, "mul", "inf", "add"),
        (copy_to_half, "copy", "inf", "addmm"),
        (write_to_memory, "mul", "inf", "addmm"),
    ],
)
def test_operation_that_fails_in_the_forward_pass(
    function, operation, kind, first_nan, poisoned_memory
):
    failure = first_failure(around(function), *batch())
    check(failure, phase="forward", module="1", operation=operation, kind=kind, meant=False)
    assert (failure.first_nan and failure.first_nan.operation) == first_nan


def test_zero_times_infinity_says_so():
    failure = first_failure(around(lambda h: torch.full_like(h, INF) * (h - h)), *batch())
    check(failure, nans=640, infinities=0, inputs_finite=False)
    assert "0 * inf" in str(failure)
    check(first_failure(around(lambda h: F.relu(h) * INF), *batch()), inputs_finite=False)


def test_what_zeros_and_large_exponents_do():
    failure = first_failure(around(lambda h: 1 / F.relu(h)), *batch())
    zeros = int((around(F.relu)[:2](batch()[0]) == 0).sum())
    assert 0 < zeros < 640
    check(failure, zeros=zeros, infinities=zeros)
    assert f"They held {zeros} zeros." in str(failure)
    assert "exp overflows above 88.7." in str(first_failure(around(overflowing_exp), *batch()))


def test_normalization_without_epsilon():
    x, y = torch.ones(8, 64), torch.zeros(8, dtype=torch.int64)
    failure = first_failure(around(without_epsilon), x, y)
    check(failure, phase="forward", module="1", operation="div", kind="nan", nans=8 * 20)
    model = around(F.relu)
    model[0].weight.data.zero_()
    model[0].bias.data.fill_(1.0)
    model[1] = nn.LayerNorm(20, eps=0.0)
    check(first_failure(model, x, y), module="1", operation="layer_norm", kind="nan")
    assert first_failure(around(without_epsilon), *batch()) is None


def test_batch_norm_with_spoilt_running_statistics():
    model = around(F.relu)
    model[1] = nn.BatchNorm1d(20)
    model[1].running_mean.fill_(NAN)
    assert first_failure(model.train(), *batch()) is None  # the statistics are not used
    failure = first_failure(model.eval(), *batch())
    check(failure, phase="parameters", module="1", tensor="1.running_mean", nans=20)
    model[1].running_mean.fill_(1e38)
    model[1].running_var.fill_(0)
    failure = first_failure(model, *batch())
    check(failure, phase="forward", module="1", operation="batch_norm", inputs_finite=True)


class Loop(nn.Module):
    """A recurrent network by hand, whose state grows until it overflows."""

    def __init__(self):
        super().__init__()
        self.cell = nn.Linear(8, 8, bias=False)
        self.cell.weight.data.copy_(1e6 * torch.eye(8))
        self.output = nn.Linear(8, 10)

    def forward(self, x):
        h = x[:, 0].abs() + 1
        for _ in range(8):
            h = self.cell(h)
        return self.output(h)


def test_module_called_many_times():
    x, y = batch()
    h = 1 + x.view(-1, 8, 8)[:, 0].abs().double()
    calls = next(t for t in range(1, 9) if (h * 1e6**t).max() > torch.finfo(F32).max)
    assert calls > 2
    failure = first_failure(Loop(), x.view(-1, 8, 8), y)
    check(failure, phase="forward", module="cell", call=calls, operation="mm", kind="inf")
    assert f"cell (call {calls})" in str(failure)


@pytest.mark.parametrize("shared", [False, True])
def test_module_called_twice(shared):
    layer, output = nn.Linear(64, 64), nn.Linear(64, 10)
    scaled(layer, 1e25)
    second = layer if shared else scaled(nn.Linear(64, 64), 1e25)
    failure = first_failure(nn.Sequential(layer, nn.ReLU(), second, output), *batch())
    check(failure, module="0" if shared else "2", call=2 if shared else 1, operation="addmm")


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_recurrent_layers(kind):
    class Net(nn.Module):
        def __init__(self, **options):
            super().__init__()
            self.rnn = kind(8, 8, batch_first=True, **options)
            self.output = nn.Linear(8, 10)

        def forward(self, x):
            return self.output(self.rnn(x.view(-1, 8, 8))[0][:, -1])

    x, y = batch()
    assert first_failure(Net(), x, y) is None
    model = Net()
    model.rnn.bias_hh_l0.data.fill_(3e38)
    model.rnn.bias_ih_l0.data.fill_(-3e38)
    model.rnn.weight_hh_l0.data.fill_(NAN)
    check(first_failure(model, x, y), phase="parameters", tensor="rnn.weight_hh_l0", module="rnn")
    if kind is nn.RNN:
        model = scaled(Net(nonlinearity="relu"), 1e9)
        check(first_failure(model, x, y), phase="forward", module="rnn", inputs_finite=True)
