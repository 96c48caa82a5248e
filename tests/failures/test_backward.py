"""Tests of place.py and origins.py: failures planted in the loss and the backward pass."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.failures.support import F32, F64, around, batch, check, scaled
from weightinit.failures import Watch, first_failure
from weightinit.networks import mlp

pytestmark = pytest.mark.usefixtures("one_thread")


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


def test_derivative_of_what_came_before_the_model():
    model, (x, y), scale = nn.Linear(64, 10), batch(), torch.ones(64, requires_grad=True)
    with Watch(model) as watch:
        # Deep enough to reach the gradient of a parameter that is watched.
        F.cross_entropy(model(Explode.apply(x * scale)), y).backward()
    assert watch.failure is None  # the gradient of `scale` is not one of the model's
    model.register_parameter("scale", nn.Parameter(scale.detach().clone()))
    with Watch(model) as watch:
        F.cross_entropy(model(Explode.apply(x * model.scale)), y).backward()
    check(watch.failure, phase="backward", module=None, call=None, derivative_of="Explode")
