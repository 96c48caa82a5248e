"""Planted failures against predictions made without the tool; silence where nothing fails."""

import dataclasses
import gc
import math
import weakref

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.optimizer import _global_optimizer_post_hooks
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack
from torch.utils.checkpoint import checkpoint

from tests.test_probes import Breakable, Broken, hooks
from weightinit import activations, initializers
from weightinit.data import digits
from weightinit.networks import mlp
from weightinit.probes import Failure, Watch, first_failure
from weightinit.training import train

F16, BF16, F32, F64 = torch.float16, torch.bfloat16, torch.float32, torch.float64
INF, NAN = math.inf, math.nan


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def poisoned_memory():
    """Fill the memory that torch.empty returns with NaN: the worst that it may hold."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    assert torch.utils.deterministic.fill_uninitialized_memory
    assert torch.empty(3).isnan().all()
    yield
    torch.use_deterministic_algorithms(before)


def batch(n=32, features=64, dtype=F32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, features, dtype=F64, generator=generator).to(dtype)
    return x, torch.randint(10, (n,), generator=generator)


def scaled(model, factor):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(factor)
    return model


class Apply(nn.Module):
    """A module that calls a function."""

    def __init__(self, function):
        super().__init__()
        self.function = [function]

    def forward(self, *args):
        return self.function[0](*args)


def around(function):
    """Put a function between two layers of a healthy network, as its module "1"."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 20), Apply(function), nn.Linear(20, 10))


def check(failure, **expected):
    assert {name: getattr(failure, name) for name in expected} == expected


# ---- Planted failures: the forward pass --------------------------------------------------


def predicted_overflow(model, x):
    """Name the first linear layer whose output leaves the type, computed in float64."""
    limit, h = torch.finfo(x.dtype).max, x.double()
    with torch.no_grad():
        for name, module in model.named_children():
            if isinstance(module, nn.Linear):
                h = h @ module.weight.double().T + module.bias.double()
                if not h.abs().max() <= limit:
                    return name
            else:
                h = module(h)
    return None


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize(
    ("dtype", "factor"), [(F32, 1e3), (F32, 1e4), (F16, 10), (F16, 30), (BF16, 1e4), (F64, 1e40)]
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
        (lambda h: torch.complex(h, h).mul(1e38).mul(1e3).abs(), "mul", "inf", "addmm"),
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


# ---- Planted failures: loss, backward pass, data, parameters ------------------------------


def log_of_softmax(output, y):
    return -(200 * output).softmax(1).log()[range(len(y)), y].mean()


def test_log_of_zero_in_a_loss_by_hand():
    model, (x, y) = scaled(mlp(1, 50, "tanh", dtype=F32), 10), batch()
    underflows = int(((200 * model(x)).softmax(1) == 0).sum())
    failure = first_failure(model, x, y, loss=log_of_softmax)
    check(failure, phase="loss", module=None, operation="log", infinities=underflows, nans=0)
    check(failure, zeros=underflows, inputs_finite=True)
    assert first_failure(model, x, y) is None


def test_infinite_loss_with_finite_gradients():
    class Shift(torch.autograd.Function):
        """Add to the loss, not to its derivative."""

        @staticmethod
        def forward(ctx, value):
            return value + 3e38 + 3e38

        @staticmethod
        def backward(ctx, gradient):
            return gradient

    def loss(output, y):
        return Shift.apply(F.cross_entropy(output, y))

    model, (x, y) = mlp(1, 8, "tanh", dtype=F32), batch()
    assert all(
        g.isfinite().all() for g in torch.autograd.grad(loss(model(x), y), list(model.parameters()))
    )
    check(first_failure(model, x, y, loss=loss), phase="loss", operation="add", shape=())


def test_overflow_in_the_backward_pass_only():
    model = nn.Sequential()
    for layer in range(1, 9):
        model.add_module(f"linear{layer}", nn.Linear(64, 64, bias=False))
    model.add_module("output", nn.Linear(64, 10, bias=False))
    scaled(model, 1e3)
    x, y = batch()
    x = x * 1e-36

    def loss(output, y):
        return output.sum() * 1e26

    weights = [p.detach().double() for p in model.parameters()]
    gradient, expected = torch.full((32, 10), 1e26, dtype=F64), None
    for (name, _), weight in reversed(list(zip(model.named_children(), weights, strict=True))):
        gradient = gradient @ weight
        if gradient.abs().max() > torch.finfo(F32).max:
            expected = name
            break
    assert expected not in (None, "output", "linear8", "linear1")
    assert loss(model(x), y).isfinite()
    failure = first_failure(model, x, y, loss=loss)
    check(failure, phase="backward", module=expected, operation="mm", derivative_of="mm")
    check(failure, kind="inf", inputs_finite=True, shape=(32, 64))
    assert failure.first_nan.phase == "backward"
    assert f"backward pass, {expected}, derivative of mm: mm produced" in str(failure)


@pytest.mark.parametrize(
    ("function", "operation", "derivative_of", "kind"),
    [
        (lambda h: (h - h).square().sum(1).sqrt()[:, None] * h, "div", "sqrt", "inf"),
        (lambda h: (h * 0).abs().pow(0.5) + h, "pow", "pow", "inf"),
        (lambda h: torch.where(h > 0, h.square().mul(0).sqrt(), h), "div", "sqrt", "inf"),
    ],
)
def test_derivative_that_is_infinite_at_zero(function, operation, derivative_of, kind):
    model, (x, y) = around(function), batch()
    assert model(x).isfinite().all()
    failure = first_failure(model, x, y)
    check(failure, phase="backward", module="1", operation=operation, inputs_finite=True)
    check(failure, derivative_of=derivative_of, kind=kind)


def test_derivative_of_the_loss():
    def loss(output, y):
        return (output - output).square().sum().sqrt()

    failure = first_failure(mlp(1, 8, "tanh"), *batch(dtype=F64), loss=loss)
    check(failure, phase="backward", module=None, derivative_of="sqrt", operation="div")


class Explode(torch.autograd.Function):
    """Overflow in the backward pass."""

    @staticmethod
    def forward(ctx, h):
        return h.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient * 1e30 * 1e30


def test_derivative_in_a_class_of_the_users_own():
    failure = first_failure(around(Explode.apply), *batch())
    check(failure, phase="backward", module="1", operation="mul", derivative_of="Explode")


def test_model_that_is_called_twice_for_one_loss():
    model, (x, _) = around(Explode.apply), batch()
    with Watch(model) as watch:
        once, twice = model(x), model(x)
        (once + 0 * twice).sum().backward()
    check(watch.failure, phase="backward", module="1", call=1, derivative_of="Explode")


def test_module_of_a_derivative_is_the_call_that_overflowed():
    layer = nn.Linear(64, 64, bias=False)
    layer.weight.data.copy_(1e20 * torch.eye(64))
    model = nn.Sequential(layer, layer, layer, nn.Linear(64, 10, bias=False))
    model[3].weight.data.fill_(1.0)
    x, y = batch()
    failure = first_failure(model, x * 1e-36, y, loss=lambda output, y: output.sum())
    check(failure, phase="backward", module="0", call=2, derivative_of="mm", kind="inf")


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
    check(watch.failure, phase="data", tensor=None, nans=3)
    assert str(watch.failure).startswith("data: a tensor made elsewhere held 3 NaN")
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


def three_steps(model, optimizer, loss_scale=1.0):
    """Train until the first failure; return it and the number of its step."""
    x, y = batch()
    with Watch(model) as watch:
        for step in (1, 2, 3):
            optimizer.zero_grad()
            (loss_scale * F.cross_entropy(model(x), y)).backward()
            optimizer.step()
            if watch.failure is not None:
                return step, watch.failure
    return None


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


def test_only_the_lists_entry_that_failed_is_blamed():
    model = mlp(1, 8, "tanh", dtype=F32)
    steps = [torch.zeros_like(p) for p in model.parameters()]
    model.linear1.weight.data[0, 0] = 3.3e38
    model.output.weight.data[1, 1] = 3e38
    steps[2][1, 1] = 1e37
    with Watch(model) as watch, torch.no_grad():
        torch._foreach_add_(list(model.parameters()), steps, alpha=10.0)
    check(watch.failure, tensor="output.weight", count=1, inputs_finite=True, phase="update")
    assert watch.failure.largest_input == pytest.approx(3e38)


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
    check(failure, phase="forward", module="linear2", operation="addmm", kind="inf")


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


# ---- Silence ------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [F64, F32, F16, BF16])
@pytest.mark.parametrize("name", activations.names())
def test_healthy_network(name, dtype, poisoned_memory):
    assert first_failure(mlp(3, 30, name, dtype=dtype), *batch(dtype=dtype)) is None


@pytest.mark.parametrize("training", [True, False])
def test_healthy_convolutional_network(training, poisoned_memory):
    model = nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True)),
        *(nn.MaxPool2d(2, padding=1), nn.Dropout(), nn.Conv2d(8, 4, 3), nn.GroupNorm(2, 4)),
        *(nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(4, 10)),
    )
    x, y = batch()
    assert first_failure(model.train(training), x.view(-1, 1, 8, 8), y) is None


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.output = nn.Linear(16, 10)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(4))

    def forward(self, x, padding=None):
        h = self.encoder(x.view(-1, 4, 16), src_mask=self.mask, src_key_padding_mask=padding)
        return self.output(h[:, -1])


@pytest.mark.parametrize("training", [True, False])
def test_healthy_attention_with_infinite_masks(training, poisoned_memory):
    model, (x, y) = Attention().train(training), batch()
    padding = torch.zeros(32, 4)
    padding[:, 2] = -INF
    assert first_failure(model, x, y) is None
    with Watch(model) as watch:
        F.cross_entropy(model(x, padding), y).backward()
        with torch.no_grad():
            model(x, padding=padding)
    assert watch.failure is None
    padding[0] = -INF  # a row in which everything is masked: PyTorch makes zeros of it
    with Watch(model) as watch:
        F.cross_entropy(model(x, padding), y).backward()
    assert watch.failure is None and model.output.weight.grad.isfinite().all()


@pytest.mark.filterwarnings("ignore:.*nested")
def test_nested_tensors_of_an_encoder():
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    model = nn.TransformerEncoder(layer, 2).eval()
    padding = torch.tensor([[False] * 3 + [True]])
    for scale, healthy in ((1.0, True), (NAN, False)):
        with Watch(model) as watch, torch.no_grad():
            model(scale * torch.randn(1, 4, 16), src_key_padding_mask=padding)
            torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])
        assert (watch.failure is None) == healthy


@pytest.mark.parametrize("dtype", [F32, BF16])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_healthy_recurrent_network(kind, dtype, poisoned_memory):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = kind(8, 6, num_layers=2, bidirectional=True, dropout=0.2, batch_first=True)
            self.output = nn.Linear(12, 10)

        def forward(self, x):
            return self.output(self.rnn(x.view(-1, 8, 8))[0][:, -1])

    assert first_failure(Net().to(dtype), *batch(dtype=dtype)) is None


@pytest.mark.parametrize("sparse", [True, False])
def test_embedding(sparse):
    table = nn.Embedding(20, 8, sparse=sparse, padding_idx=0)
    model = nn.Sequential(table, Apply(lambda h: h.mean(1)), nn.Linear(8, 10))
    x, y = torch.arange(160).view(32, 5) % 20, batch()[1]
    assert first_failure(model, x, y) is None
    model[1] = Apply(lambda h: h.mean(1) * 1e20)
    model[2].weight.data.fill_(1e10)
    table.weight.data.mul_(1e-10)
    failure = first_failure(model, x, y, loss=lambda output, y: output.sum() * 1e10)
    check(failure, phase="backward", module="1", operation="mul", derivative_of="mul")


def with_buffers(h):
    """Fill memory that was not initialized, in all ways."""
    rows, copied, made = torch.empty(h.shape), h.new_empty(h.shape), torch.empty_like(h)
    for i in range(len(h)):
        rows[i] = h[i].tanh()
    copied.copy_(rows)
    torch.mul(h.detach(), 2, out=made)
    filled = torch.empty_strided(h.shape, (h.shape[1], 1)).fill_(2.0).mul_(2)
    noise = torch.empty(h.shape).normal_() + torch.empty(h.shape).uniform_().zero_()
    return copied * filled + made + noise


def with_meant_infinities(h):
    """Use infinities as constants, none of which reaches the result."""
    mask = torch.ones(20, 20).tril().log()
    best = torch.full((20,), INF).minimum(h[0])
    padded = F.pad(h, (1, 1), value=-INF).unfold(1, 3, 1).amax(2)
    bounded = h.clamp(-INF, INF).nan_to_num(posinf=INF)
    weights = (h[0] + mask).softmax(1) + mask.exp()
    masked = h.masked_fill(h < -0.5, -INF).masked_fill(h > 0.5, -INF).exp()
    return bounded @ weights + best + padded + masked + torch.sigmoid(h + INF)


@pytest.mark.parametrize("function", [with_buffers, with_meant_infinities])
def test_infinities_that_do_no_harm(function, poisoned_memory):
    assert first_failure(around(function), *batch()) is None


def test_missing_data_that_are_left_out():
    model, (x, y) = nn.Sequential(Apply(torch.nan_to_num), nn.Linear(64, 10)), batch()
    x[:, 7] = NAN
    assert first_failure(model, x, y) is None


def test_infinity_that_was_meant_but_reaches_the_loss():
    model = nn.Sequential(nn.Linear(64, 10), Apply(lambda h: h.masked_fill(h < INF, -INF)))
    failure = first_failure(model, *batch(), loss=lambda output, y: output.sum())
    check(failure, phase="forward", module="1", operation="masked_fill", meant=True)
    assert "as a constant, 320 infinities" in str(failure)
    allowed = torch.arange(10) > 4

    def mask(h):
        return h.masked_fill(~allowed, -INF)

    model, (x, y) = nn.Sequential(nn.Linear(64, 10), Apply(mask)), batch()
    assert first_failure(model, x, y.clamp(min=5)) is None
    with Watch(model) as watch, torch.no_grad():
        model(x)  # the output itself may be masked
    assert watch.failure is None
    check(first_failure(model, x, y), operation="masked_fill", meant=True)  # wrong labels


@pytest.mark.parametrize("number", [INF, torch.tensor(INF)])
def test_infinite_number(number):
    model, (x, y) = mlp(1, 8, "tanh", dtype=F32), batch()
    failure = first_failure(model, x, y, loss=lambda output, y: output.sum() + number)
    check(failure, phase="loss", operation="add", meant=True, infinities=1, shape=())


def test_uninitialized_memory_that_is_used(poisoned_memory):
    failure = first_failure(around(lambda h: h + torch.empty(20)), *batch())
    check(failure, phase="forward", module="1", operation="empty", meant=True, nans=20)
    assert "empty returned memory that was never written, with 20 NaN" in str(failure)


@pytest.mark.parametrize("inplace", [False, True])
def test_overflow_among_masked_entries(inplace):
    mask = torch.zeros(20)
    mask[3] = -INF

    def function(h):
        h = h + mask
        return h.mul_(1e30).mul_(1e30).exp() if inplace else (h * 1e30 * 1e30).exp()

    x, y = batch()
    bad = int(((around(F.relu)[0](x) * 1e30).double() * 1e30).abs().gt(3.4e38).sum())
    masked = int(around(lambda h: h + mask)[:2](x).isinf().sum())
    failure = first_failure(around(function), x, y)
    check(failure, phase="forward", module="1", operation="mul", kind="inf", inputs_finite=False)
    # The masked entries were infinite before.
    assert masked == 32 and bad - masked <= failure.infinities <= bad


def test_masked_complex_entries():
    def function(h, factor=1.0):
        masked = h.masked_fill(torch.arange(20) == 3, -INF)
        both = torch.where(torch.arange(20) < 6, masked.detach(), torch.complex(h, h))
        return both.add(factor).add(factor).exp().abs().clamp(max=1.0)

    assert first_failure(around(function), *batch()) is None
    failure = first_failure(around(lambda h: function(h, 3e38)), *batch())
    check(failure, operation="add", dtype=torch.complex64, infinities=32 * 19, meant=False)


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam, torch.optim.RMSprop])
@pytest.mark.parametrize("foreach", [False, True])
def test_healthy_training(optimizer, foreach):
    model, same = mlp(2, 30, "tanh", dtype=F32), mlp(2, 30, "tanh", dtype=F32)
    watched = optimizer(model.parameters(), lr=1e-2, foreach=foreach)
    assert three_steps(model, watched) is None
    plain, (x, y) = optimizer(same.parameters(), lr=1e-2, foreach=foreach), batch()
    for _ in range(3):
        plain.zero_grad()
        F.cross_entropy(same(x), y).backward()
        plain.step()
    for a, b in zip(model.parameters(), same.parameters(), strict=True):
        assert torch.equal(a, b)


# ---- Nothing is kept, nothing is changed --------------------------------------------------


@pytest.mark.parametrize("where", [None, "forward", "loss", "backward"])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("factor", [1.0, INF])
def test_the_model_is_left_as_it_was(where, training, factor):
    model = Breakable().train(training)
    model.norm.eval()
    model.first.register_forward_hook(lambda *_: None)
    model.first.weight.register_hook(lambda _: None)
    model.second.weight.grad = torch.ones_like(model.second.weight)
    x, y = batch(dtype=F64)
    model.where = where

    def loss(output, target):
        if where == "loss":
            raise Broken
        return F.cross_entropy(output * factor, target)

    def state():
        return (
            [(m.training, [(n, id(b)) for n, b in m._buffers.items()]) for m in model.modules()],
            [b.tolist() for b in model.buffers()],
            [(id(p), p.tolist(), p._version, id(p.grad)) for p in model.parameters()],
            hooks(model),
            len(_global_optimizer_post_hooks),
            torch.get_rng_state().tolist(),
            torch.is_grad_enabled(),
            list(_get_current_dispatch_mode_stack()),
        )

    before = state()
    with torch.no_grad():
        if where is None:
            failure = first_failure(model, x, y, loss=loss)
            assert (failure is None) == (factor == 1)
        else:
            with pytest.raises(Broken):
                first_failure(model, x, y, loss=loss)
    assert state() == before
    assert not x.requires_grad


def test_watch_survives_errors_within_the_block():
    model, (x, y) = Breakable(), batch(dtype=F64)
    with Watch(model) as watch:
        model.where = "forward"
        with pytest.raises(Broken):
            model(x)
        model.where = None
        F.cross_entropy(1e200 * (1e200 * model(x)), y).backward()
    check(watch.failure, phase="loss", operation="mul")
    with pytest.raises(Broken), watch:
        raise Broken
    assert not any(hooks(model)) and not _get_current_dispatch_mode_stack()


def test_no_memory_is_retained():
    model, alive = scaled(mlp(5, 20, "relu", dtype=F32), 1e20), []
    for module in model:
        module.register_forward_hook(lambda m, i, output: alive.append(weakref.ref(output)))
    gc.collect()
    gc.disable()  # so that not even a reference cycle may hold them
    try:
        with Watch(model) as watch:
            x, y = batch()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            del loss
            assert watch.failure is not None
            assert len(alive) == len(model) and not any(ref() is not None for ref in alive)
    finally:
        gc.enable()


# ---- Training -----------------------------------------------------------------------------


DATA = digits()


def trainable(seed=0, activation="linear"):
    model = mlp(4, 12, activation)
    initializers.initialize(model, "he_normal", seed=seed)
    return model


def test_training_that_does_not_fail():
    watched, plain = trainable(), trainable()
    run = train(watched, DATA, steps=5, lr=0.1, watch=True, probe_every=2)
    other = train(plain, DATA, steps=5, lr=0.1, probe_every=2)
    assert run.stopped is None and run.failure is None
    np.testing.assert_array_equal(run.history, other.history)
    np.testing.assert_array_equal(run.layers.iloc[:, 4:], other.layers.iloc[:, 4:])
    for a, b in zip(watched.parameters(), plain.parameters(), strict=True):
        assert torch.equal(a, b)


def test_training_names_the_step_and_the_tensor():
    run = train(trainable(), DATA, steps=50, lr=1e80, watch=True)
    unwatched = train(trainable(), DATA, steps=50, lr=1e80)
    assert unwatched.failure is None and run.stopped == unwatched.stopped
    step = int(run.stopped.split()[-1])
    check(run.failure, step=step, phase="forward", operation="addmm", inputs_finite=True)
    # The same step, with a network that took the steps before.
    model = trainable()
    batches = []
    model.register_forward_pre_hook(lambda m, args: batches.append((m.training, args[0])))
    train(model, DATA, steps=50, lr=1e80)
    rows = [x for _, x in batches if len(x) == 64]
    assert run.failure.module == predicted_overflow(model, rows[-1])
    assert str(run.failure).startswith(f"step {step}, forward pass, {run.failure.module}: addmm")


def test_failure_before_the_loss_shows_it():
    class Root(nn.Module):
        """Has a finite value, but no finite derivative, where all its inputs are zero."""

        def forward(self, h):
            return h + (h * 0).square().sum(1, keepdim=True).sqrt()

    model = nn.Sequential(nn.Linear(64, 10), Root()).double()
    run = train(model, DATA, steps=5, lr=0.1, watch=True)
    assert run.stopped == "the loss is nan at step 2"
    check(run.failure, step=1, phase="backward", module="1", derivative_of="sqrt")


@pytest.mark.parametrize("fault", ["update", "forward"])
def test_last_update(fault):
    if fault == "update":
        model = mlp(1, 8, "tanh", dtype=F32)
        model.linear1.weight.data.mul_(1e-3)

        def optimizer(parameters):
            return torch.optim.SGD(parameters, lr=3e38, weight_decay=1e4)

        run = train(model, DATA, steps=1, optimizer=optimizer, watch=True)
        check(run.failure, phase="update", step=1, tensor="linear1.weight")
    else:
        run = train(trainable(), DATA, steps=1, lr=1e80, watch=True)
        check(run.failure, phase="forward", step=1, operation="addmm", inputs_finite=True)
    assert run.stopped == "the loss is nan after step 1"


def test_failure_in_evaluation_mode_only():
    class Grow(nn.Module):
        def forward(self, h):
            return h if self.training else h * 1e200 * 1e200

    model = nn.Sequential(nn.Linear(64, 10), Grow()).double()
    run = train(model, DATA, steps=3, lr=0.1, watch=True)
    assert run.stopped == "the loss is nan after step 3"
    check(run.failure, step=3, phase="forward", module="1", operation="mul")
    assert model.training


# ---- Bad input ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "message", "arguments", "options"),
    [
        (TypeError, "x must be a torch.Tensor, got list", lambda: ([1.0], batch()[1]), {}),
        (TypeError, "y must be a torch.Tensor, got list", lambda: (batch()[0], [1, 2]), {}),
        (ValueError, "got 32 and 31", lambda: (batch()[0], batch()[1][:31]), {}),
        (ValueError, r"at least one example, got shape \(0, 64\)", lambda: batch(0), {}),
        (ValueError, r"cannot take x of shape \(32, 63\): mat1", lambda: batch(features=63), {}),
        (ValueError, "got torch.float32", lambda: (batch()[0], torch.zeros(32)), {}),
        (ValueError, r"got \(32,\)", batch, {"loss": lambda output, y: output.sum(1)}),
        (ValueError, "detached", batch, {"loss": lambda output, y: output.detach().sum()}),
    ],
)
def test_bad_input(error, message, arguments, options):
    with pytest.raises(error, match=message):
        first_failure(mlp(1, 8, "relu", dtype=F32), *arguments(), **options)


def test_bad_models():
    x, y = batch()
    for function in (lambda m: first_failure(m, x, y), Watch):
        with pytest.raises(TypeError, match=r"must be a torch.nn.Module, got type"):
            function(nn.ReLU)
    with pytest.raises(ValueError, match="no parameter of Sequential requires a gradient"):
        first_failure(mlp(1, 8, "relu").requires_grad_(False), x, y)


def test_failure_is_frozen():
    failure = Failure(phase="loss", nans=1, shape=(), dtype=F32)
    with pytest.raises(dataclasses.FrozenInstanceError):
        failure.phase = "data"
    check(failure, kind="nan", count=1, size=1)
