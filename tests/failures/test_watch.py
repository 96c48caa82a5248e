"""Tests of watch.py: everything is left as it was; in training; wrong calls."""

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
from tests.probes.support import Breakable, Broken, hooks
from weightinit import initializers
from weightinit.data import digits
from weightinit.failures import Watch, first_failure
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


class Rewrites(nn.Module):
    """Changes what it should not: its weight, its table, its input, its batch's labels."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(10, 64, max_norm=0.1)
        self.layer = nn.Linear(64, 10)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        x.clamp_(-0.5, 0.5)
        self.calls.add_(1)
        with torch.no_grad():
            self.layer.weight.clamp_(-0.01, 0.01)
        return self.layer(x + self.table(torch.arange(len(x)) % 10))


def test_what_the_model_rewrites_is_put_back():
    model, (x, y) = Rewrites(), batch()
    tensors = [*model.parameters(), *model.buffers(), x, y]
    before = [t.tolist() for t in tensors]

    def loss(output, y):
        return F.cross_entropy(output, y.clamp_(max=3))

    assert first_failure(model, x, y, loss=loss) is None
    assert [t.tolist() for t in [*model.parameters(), *model.buffers(), x, y]] == before
    assert [id(t) for t in [*model.parameters(), *model.buffers(), x, y]] == [*map(id, tensors)]


def test_a_hook_that_raises_leaves_the_names_right():
    model, (x, y) = Breakable(), batch(dtype=F64)

    def refuse(module, args):
        raise Broken

    with Watch(model) as watch:
        handle = model.second.register_forward_pre_hook(refuse)
        with pytest.raises(Broken):
            model(x)
        handle.remove()
        F.cross_entropy(1e200 * (1e200 * model(x)), y).backward()
    check(watch.failure, phase="loss", operation="mul", module=None)
    handle = model.second.register_forward_pre_hook(lambda m, args: (args[0] * 1e200 * 1e200,))
    with Watch(model) as watch:
        model(x)
    handle.remove()
    check(watch.failure, phase="forward", module="second", operation="mul")


def test_ones_of_the_users_own_are_no_backward_pass():
    model, (x, y) = mlp(1, 8, "tanh", dtype=F32), batch()
    with Watch(model) as watch:
        scores = model.linear1(x)
        for infinite in (
            scores.masked_fill(scores > 0, -INF),
            torch.tensor(INF),  # the best loss so far
        ):
            torch.ones_like(infinite)
        F.cross_entropy(model(x), y).backward()
    assert watch.failure is None


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


# ---- Wrong calls --------------------------------------------------------------------------


X, Y = batch()
MODEL = mlp(1, 8, "relu", dtype=F32)


@pytest.mark.parametrize(
    ("error", "message", "given"),
    [
        (TypeError, "model must be a torch.nn.Module, got None", {"model": None}),
        (TypeError, "model must be a torch.nn.Module, got .*ReLU", {"model": nn.ReLU}),
        (TypeError, "model must be a torch.nn.Module, got a function", {"model": F.relu}),
        (ValueError, "'weight' of the model holds no numbers", {"model": nn.LazyLinear(10)}),
        (ValueError, "'weight' of the .* no numbers", {"model": nn.Linear(64, 9, device="meta")}),
        (
            ValueError,
            "'weight' must hold dense real numbers, got torch.complex64",
            {"model": nn.Linear(64, 10, dtype=torch.complex64)},
        ),
        (ValueError, "no parameter of ReLU requires a gradient", {"model": nn.ReLU()}),
        (TypeError, "x must be a torch.Tensor, got list", {"x": [1.0]}),
        (TypeError, "x must be a torch.Tensor, got NoneType", {"x": None}),
        (TypeError, "x must be a torch.Tensor, got ndarray", {"x": X.numpy()}),
        (TypeError, "x must be a torch.Tensor, got dict", {"x": {"x": X}}),
        (ValueError, r"cannot take x of shape \(32, 63\): mat1", {"x": X[:, 1:]}),
        (ValueError, "float64, .* are torch.float32; convert", {"x": X.double()}),
        (ValueError, r"at least one example, got shape \(0, 64\)", {"x": X[:0]}),
        (ValueError, r"at least one example, got shape \(\)", {"x": X[0, 0]}),
        (ValueError, "x must be a dense tensor", {"x": X.to_sparse()}),
        (TypeError, "y must be a torch.Tensor, got list", {"y": [1, 2]}),
        (ValueError, "got 32 and 31", {"y": Y[1:]}),
        (ValueError, "classes as torch.int64, got torch.float32", {"y": Y.float()}),
        (ValueError, "from 0 to 9, got 10", {"y": Y + 10 - Y.min()}),
        (TypeError, "loss must be a function .* got 'nll'", {"loss": "nll"}),
        (TypeError, "loss must be a function .*CrossEntropy", {"loss": nn.CrossEntropyLoss}),
        (TypeError, "loss must be a function", {"loss": lambda output: output}),
        (ValueError, r"got \(32,\)", {"loss": lambda output, y: output.sum(1)}),
        (ValueError, "one number, got float", {"loss": lambda output, y: 1.0}),
        (ValueError, "detached", {"loss": lambda output, y: output.detach().sum()}),
    ],
)
def test_wrong_calls(error, message, given):
    arguments = {"model": MODEL, "x": X, "y": Y, **given}
    with pytest.raises(error, match=message):
        first_failure(**arguments)
    if "model" in given and "gradient" not in message:
        with pytest.raises(error, match=message):
            Watch(given["model"])
    assert not any(hooks(MODEL)) and MODEL.training


def test_compiled_by_torch_script_is_refused():
    with pytest.warns(DeprecationWarning):
        scripted = torch.jit.script(nn.Linear(64, 10))
    with pytest.raises(ValueError, match="torch.jit compiled some of it"):
        Watch(scripted)


def test_a_watch_is_entered_once_at_a_time():
    model = mlp(1, 8, "relu", dtype=F32)
    with Watch(model) as watch:
        with pytest.raises(RuntimeError, match="already in use: leave its block first"), watch:
            pass
        assert any(hooks(model))  # it goes on
    assert not any(hooks(model)) and not _get_current_dispatch_mode_stack()
    with watch:
        assert any(hooks(model))
    assert not any(hooks(model))
