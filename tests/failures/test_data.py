"""Tests of watch.py and origins.py: spoilt data, parameters and updates; ways to run a model."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from tests.failures.support import (
    F16,
    F32,
    F64,
    INF,
    NAN,
    Apply,
    batch,
    check,
    predicted_overflow,
    scaled,
    three_steps,
)
from weightinit.failures import Watch, first_failure
from weightinit.networks import mlp

pytestmark = pytest.mark.usefixtures("one_thread")


# ---- Data and parameters ------------------------------------------------------------------


@pytest.mark.parametrize("value", [NAN, INF])
def test_data(value):
    model, (x, y) = mlp(1, 8, "tanh", dtype=F32), batch()
    x[3, 5] = value
    failure = first_failure(model, x, y)
    check(failure, phase="data", tensor="x", module=None, operation=None, count=1, shape=(32, 64))
    check(failure, kind="nan" if math.isnan(value) else "inf")
    assert str(failure).startswith("data: x held 1 ")
    with Watch(model) as watch:
        F.cross_entropy(model(x), y).backward()
    check(watch.failure, phase="data", tensor="input 1", count=1)


def test_targets():
    def loss(output, y):
        return F.mse_loss(output[:, 0], y)

    model, (x, _) = mlp(1, 8, "tanh", dtype=F32), batch()
    y = torch.ones(32)
    y[:3] = NAN
    check(first_failure(model, x, y, loss=loss), phase="data", tensor="y", nans=3)
    with Watch(model) as watch:
        loss(model(x), y).backward()
    check(watch.failure, phase="data", tensor=None, nans=3, meant=False)
    assert str(watch.failure).startswith("data: a tensor made elsewhere held 3 NaN")
    y = y.nan_to_num(INF)
    with Watch(model) as watch:
        loss(model(x), y).backward()
    check(watch.failure, phase="data", tensor=None, infinities=3, meant=True)
    assert first_failure(model, x, y, loss=lambda o, y: loss(o[3:], y[3:])) is None


def test_data_that_are_prepared_wrongly():
    model, (x, y) = mlp(1, 8, "tanh", dtype=F32), batch()
    x[:, 0] = 1.0
    with Watch(model) as watch:
        F.cross_entropy(model((x - x.mean(0)) / x.std(0)), y).backward()
    check(watch.failure, phase="data", module=None, operation="div", nans=32)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model.zero_grad()
    with Watch(model) as watch:  # the same in the second step
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
        F.cross_entropy(model((x - x.mean(0)) / x.std(0)), y).backward()
    check(watch.failure, phase="data", module=None, operation="div", nans=32)


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_parameters(value):
    model = mlp(3, 8, "tanh")
    model.linear2.weight.data[1, 2] = value
    failure = first_failure(model, *batch(dtype=F64))
    check(failure, phase="parameters", module="linear2", tensor="linear2.weight", count=1)
    check(failure, meant=False, operation=None)
    assert str(failure).startswith("parameters, linear2: linear2.weight held 1 ")


def test_parameters_that_are_not_used_or_replaced():
    model = nn.Sequential(nn.Embedding(20, 64), Apply(lambda h: h.mean(1)), nn.Linear(64, 10))
    x, y = torch.arange(160).view(32, 5) % 19, batch()[1]
    assert first_failure(model, x, y) is None
    weight = model[0].weight.detach().clone()
    weight[19] = NAN
    with Watch(model) as watch:
        F.cross_entropy(model(x), y).backward()
        assert watch.failure is None
        model[0].weight.data = weight
        model(x)
    check(watch.failure, phase="parameters", module="0", tensor="0.weight", nans=64)
    model[0].weight.data = torch.ones(20, 64)
    with Watch(model) as watch:
        model[0].weight.data = torch.full((20, 64), 1e30) * 1e30
        model(x)
    check(watch.failure, phase="update", tensor="0.weight", operation="mul")


def test_parameter_of_the_model_itself():
    model = nn.Linear(64, 10)
    model.weight.data[0, 0] = NAN
    failure = first_failure(model, *batch())
    check(failure, phase="parameters", module="Linear", tensor="weight", operation=None)


def test_frozen_parameters_may_hold_infinities():
    model, (x, y) = nn.Sequential(nn.Linear(64, 10), nn.Linear(4, 4)), batch()
    model[1].requires_grad_(False).weight.data[0, 0] = -INF
    model[1].forward = lambda h: h
    assert first_failure(model, x, y) is None
    with Watch(model) as watch, torch.no_grad():
        model[1].weight.mul_(INF)
    assert watch.failure is None


def test_data_handed_over_by_name():
    model, (x, y) = nn.Linear(64, 10), batch()
    x[3, 5] = NAN
    with Watch(model) as watch:
        F.cross_entropy(model(input=x), y).backward()
    check(watch.failure, phase="data", tensor="input 1", nans=1)


def test_masks_that_are_handed_in_are_not_blamed():
    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(64, 10)

        def forward(self, x, mask):
            return self.layer(x) * 1e30 * 1e30 + mask

    mask = torch.full((10,), -INF).masked_fill(torch.arange(10) > 2, 0.0)
    model, (x, y) = Masked(), batch()
    with Watch(model) as watch:
        F.cross_entropy(model(x, mask), y).backward()
    check(watch.failure, phase="forward", module="Masked", operation="mul", inputs_finite=True)


# ---- Planted failures: updates ------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"foreach": True}, {"fused": True}])
def test_update_that_overflows(options):
    model, (x, y) = mlp(2, 30, "tanh", dtype=F32), batch()
    (1e3 * F.cross_entropy(model(x), y)).backward()
    after = {n: p.double() - 1e38 * p.grad.double() for n, p in model.named_parameters()}
    too_large = {n: int((p.abs() > torch.finfo(F32).max).sum()) for n, p in after.items()}
    name, count = next((n, c) for n, c in too_large.items() if c)
    step, failure = three_steps(
        model, torch.optim.SGD(model.parameters(), lr=1e38, **options), loss_scale=1e3
    )
    operation = "fused_sgd" if "fused" in options else "add"
    check(failure, phase="update", tensor=name, module=None, operation=operation, count=count)
    check(failure, inputs_finite=True)
    assert step == 1 and failure.largest_input == pytest.approx(1e38)
    assert str(failure).startswith(f"update, {name}: {operation} produced {count} infinities")


def test_gradients_that_were_spoilt_before():
    model = mlp(1, 8, "tanh", dtype=F32)
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, NAN)
    with Watch(model) as watch:
        torch.optim.SGD(model.parameters(), lr=0.1).step()
    check(watch.failure, phase="data", tensor=None, operation=None, nans=8 * 64)


def test_update_by_hand():
    model, (x, y) = mlp(1, 8, "tanh", dtype=F32), batch()
    with Watch(model) as watch:
        F.cross_entropy(model(x), y).backward()
        assert watch.failure is None
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= 1e30 * (1e30 * parameter.grad)
        failure = watch.failure
        model(x)
    check(failure, phase="update", operation="mul", tensor="linear1.weight", kind="inf")
    assert watch.failure == failure  # the NaN of a later pass are not its business


def test_huge_learning_rate_fails_in_the_next_forward_pass():
    model = mlp(2, 30, "relu", dtype=F32)
    step, failure = three_steps(model, torch.optim.SGD(model.parameters(), lr=1e25))
    assert step == 2
    check(failure, phase="forward", module="linear2", call=1, operation="addmm", kind="inf")


def test_the_first_failure_stays():
    model, (x, y) = mlp(1, 8, "tanh", dtype=F32), batch()
    bad = x.clone()
    bad[0, 0] = NAN
    with Watch(model) as watch:
        for data in (x, bad, x, bad):
            F.cross_entropy(model(data), y).backward()
            model.zero_grad()
        first = watch.failure
        model.linear1.weight.data.fill_(NAN)
        F.cross_entropy(model(x), y).backward()
    assert watch.failure == first
    check(first, phase="data", tensor="input 1")
    model.linear1.weight.data.fill_(1.0)
    with watch:
        assert watch.failure is None
        F.cross_entropy(model(x), y).backward()
    assert watch.failure is None


def test_forward_passes_without_a_backward_pass():
    model, (x, _) = scaled(mlp(10, 30, "relu", dtype=F32), 1e6), batch()
    for mode in (torch.no_grad(), torch.inference_mode()):
        with Watch(model) as watch, mode:
            model(x)
        check(watch.failure, phase="forward", module=predicted_overflow(model, x), kind="inf")


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpoint(reentrant):
    layer = nn.Linear(64, 64)

    class Net(nn.Module):
        def __init__(self, factor):
            super().__init__()
            self.first, self.layer, self.output = nn.Linear(64, 64), layer, nn.Linear(64, 10)
            self.factor = factor

        def block(self, h):
            return self.layer(h) * self.factor * self.factor

        def forward(self, x):
            h = checkpoint(self.block, self.first(x), use_reentrant=reentrant)
            return self.output(h)

    x, y = batch()
    for factor in (1.0, 1e30):
        with Watch(model := Net(factor)) as watch:
            F.cross_entropy(model(x), y).backward()
        if factor == 1:
            assert watch.failure is None
    check(watch.failure, phase="forward", module="Net", operation="mul")


@pytest.mark.sixteen_bit("only what is finite is asked")
def test_autocast():
    model, (x, y) = scaled(mlp(1, 8, "relu", dtype=F32), 1e6), batch()
    assert first_failure(model, x, y) is None
    with torch.autocast("cpu", F16):
        failure = first_failure(model, x, y)
    check(failure, phase="forward", module="linear1", operation="to", dtype=F16, kind="inf")
    assert failure.largest_input in [p.abs().max().item() for p in model.linear1.parameters()]


def test_derivatives_within_the_forward_pass():
    class Slope(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = mlp(1, 8, "tanh", in_features=1, out_features=1, dtype=F32)

        def forward(self, x):
            x = x.clone().requires_grad_()
            return torch.autograd.grad(self.net(x).sum(), x, create_graph=True)[0]

    model, x = Slope(), torch.linspace(-1, 1, 20)[:, None]
    assert first_failure(model, x, x, loss=F.mse_loss) is None
    for parameter in model.parameters():
        parameter.data.fill_(1e20 if parameter.ndim == 2 else 0.0)
    failure = first_failure(model, x * 1e-30, x, loss=F.mse_loss)
    check(failure, phase="backward", module="net.linear1", operation="mm", kind="inf")


def test_compiled_model():
    model, (x, y) = scaled(mlp(3, 8, "relu", dtype=F32), 1e15), batch()
    compiled = torch.compile(model, backend="eager")
    with Watch(model) as watch:
        F.cross_entropy(compiled(x), y).backward()
    check(watch.failure, phase="forward", module=predicted_overflow(model, x), operation="addmm")
