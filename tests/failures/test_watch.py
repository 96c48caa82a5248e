"""The watch leaves everything as it was; in training; bad input."""

import dataclasses
import gc
import weakref

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.optimizer import _global_optimizer_post_hooks
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

from tests.failures.support import F32, F64, INF, batch, check, predicted_overflow, scaled
from tests.probes.test_probes import Breakable, Broken, hooks
from weightinit import initializers
from weightinit.data import digits
from weightinit.failures import Failure, Watch, first_failure
from weightinit.networks import mlp
from weightinit.training import train

pytestmark = pytest.mark.usefixtures("one_thread")


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
        (ValueError, r"float64, .* are torch.float32; convert", lambda: batch(dtype=F64), {}),
        (ValueError, "got torch.float32", lambda: (batch()[0], torch.zeros(32)), {}),
        (TypeError, "loss must be a function .* got 'nll'", batch, {"loss": "nll"}),
        (TypeError, "loss must be a function .*CrossEntropy", batch, {"loss": nn.CrossEntropyLoss}),
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
