"""One pass of the probe against forward passes differentiated by autograd."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import weightinit
from tests.probes.support import (
    F64,
    Breakable,
    Broken,
    H,
    X,
    batch,
    hooks,
    linear,
    rms,
    same,
    stats,
)
from weightinit import activations
from weightinit.networks import mlp
from weightinit.probes import Probe, probe


@pytest.mark.parametrize("name", activations.names())
def test_every_column_against_autograd(name):
    model = mlp(3, 30, name, seed=1)
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(3.0)  # so that something saturates
        model.linear2.weight[:5] *= 0.1
        model.linear2.bias[:5] = -8.0  # so that, with some activations, something is dead
    phi, share, lr = activations.get(name), 0.1, 0.3
    x, y = batch()
    table = probe(model, x, y, share=share, lr=lr)

    hs, xs, weights, signal = [], [], [], x
    for layer in [m for m in model if isinstance(m, nn.Linear)]:
        hs.append(signal @ layer.weight.T + layer.bias)
        signal = phi.module()(hs[-1])
        xs.append(signal)
        weights.append(layer.weight)
    gradients = torch.autograd.grad(F.cross_entropy(hs[-1], y), hs + weights)

    assert table["layer"].tolist() == [1, 2, 3, 4]
    assert table["name"].tolist() == ["linear1", "linear2", "linear3", "output"]
    assert table["activation"].tolist() == [phi.name] * 3 + ["output"]
    for i, row in table.iterrows():
        same(row, H, stats(hs[i]))
        grad_h, grad_w, w = rms(gradients[i]), rms(gradients[i + 4]), rms(weights[i])
        assert not 0.8 < grad_h / grad_w < 1.25  # so that a swap would be seen
        columns = ["grad_h_rms", "grad_w_rms", "w_rms", "update_ratio"]
        same(row, columns, [grad_h, grad_w, w, lr * grad_w / w])
        if i == 3:
            assert row[X + ["saturated", "dead"]].isna().all()
            continue
        same(row, X, stats(xs[i]))
        h = hs[i].detach().requires_grad_()
        slope = torch.autograd.grad(phi.module()(h).sum(), h)[0].abs()
        assert row["saturated"] == (slope < share * phi.max_slope).double().mean().item()
        assert row["dead"] == (slope == 0).all(0).double().mean().item()
    assert table["dead"][:3].max() > 0 or name not in ("relu", "hardtanh")


def test_float32_gradient_of_1e_30():
    model = mlp(2, 64, "tanh", dtype=torch.float32)
    x, y = batch(dtype=torch.float32)
    columns = ["grad_h_rms", "grad_w_rms"]
    ordinary = probe(model, x, y)[columns]
    tiny = probe(model, x, y, loss=lambda out, y: F.cross_entropy(out, y) * 1e-27)[columns]
    assert tiny.max(axis=None) < 1e-28 and tiny.min(axis=None) > 1e-32
    np.testing.assert_allclose(tiny, ordinary * 1e-27, rtol=1e-5)


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_network_that_overflows(value):
    model = mlp(2, 8, "relu")
    with torch.no_grad():
        model.linear2.bias[0] = value
    row = probe(model, *batch()).iloc[1]
    np.testing.assert_equal(row["h_rms"], value)
    assert np.isnan(row["saturated"]) == np.isnan(value)
    assert np.isnan(row["grad_w_rms"])


@pytest.mark.sixteen_bit("both sides come from the same product")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype):
    model = mlp(2, 32, "tanh", dtype=dtype)
    x, y = batch(dtype=dtype)
    row = probe(model, x, y).iloc[0]
    h = model.linear1(x)
    same(row, H, stats(h), rtol=1e-5)
    same(row, X, stats(torch.tanh(h)), rtol=1e-5)


@pytest.mark.parametrize("where", [None, "forward", "loss", "backward"])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("had_grad", [True, False])
def test_the_model_is_left_as_it_was(where, training, had_grad):
    model = Breakable().train(training)
    model.norm.eval()
    calls = []
    model.act.register_forward_pre_hook(lambda *_: calls.append(1))
    model.first.register_forward_hook(lambda *_: None)
    model.first.weight.register_hook(lambda _: None)
    if had_grad:
        model.second.weight.grad = torch.ones_like(model.second.weight)
    model.norm.train(training)
    model.second.train(not training)
    model.where = where
    x, y = batch()

    def loss(output, target):
        if where == "loss":
            raise Broken
        return F.cross_entropy(output, target)

    def state():
        return (
            [m.training for m in model.modules()],
            [
                (n, id(b), None if b is None else b.tolist())
                for m in model.modules()
                for n, b in m._buffers.items()
            ],
            [(id(p), p.tolist(), p._version) for p in model.parameters()],
            [None if p.grad is None else (id(p.grad), p.grad.tolist()) for p in model.parameters()],
            hooks(model),
            torch.get_rng_state().tolist(),
            torch.is_grad_enabled(),
        )

    before = state()
    with torch.no_grad():
        if where is None:
            assert probe(model, x, y, loss=loss)["grad_w_rms"].notna().all()
        else:
            with pytest.raises(Broken):
                probe(model, x, y, loss=loss)
    assert state() == before
    assert calls == [1]
    assert not x.requires_grad


def test_batch_norm_is_probed_in_its_own_mode():
    model = nn.Sequential(
        linear(64, 20, 1), nn.BatchNorm1d(20, dtype=F64), nn.ReLU(), linear(20, 10, 2)
    )
    x, y = batch()
    assert probe(model.train(), x, y)["h_std"][0] == pytest.approx(1, rel=1e-5)
    assert probe(model.eval(), x, y)["h_std"][0] > 2


SOURCE = Path(weightinit.__file__).parent


def loss_that(returns):
    return {"loss": lambda output, y: returns(output)}


def nan_batch():
    x, y = batch()
    x[3, 5] = float("nan")
    return x, y


def images():
    x, y = batch()
    return x.view(-1, 8, 8), y


@pytest.mark.parametrize(
    ("error", "message", "arguments", "options"),
    [
        (TypeError, "x must be a torch.Tensor, got list", lambda: ([1.0], batch()[1]), {}),
        (TypeError, "y must be a torch.Tensor, got list", lambda: (batch()[0], [1, 2]), {}),
        (ValueError, "x must be finite, but 1 entries", nan_batch, {}),
        (ValueError, "got 40 and 39", lambda: (batch()[0], batch()[1][:39]), {}),
        (ValueError, r"at least one example, got shape \(0, 64\)", lambda: batch(0), {}),
        (ValueError, r"\(40, 63\), but .* takes 64 features", lambda: batch(features=63), {}),
        (ValueError, r"\(40, 8, 8\): mat1 .*; x.flatten\(1\) has the 64 features", images, {}),
        (ValueError, "float32, but .* takes torch.float64", lambda: batch(dtype=torch.float32), {}),
        (ValueError, r"share must be in \[0, 1\), got 1", batch, {"share": 1}),
        (ValueError, r"share must be in \[0, 1\), got None", batch, {"share": None}),
        (ValueError, "lr must be finite and not negative, got -0.1", batch, {"lr": -0.1}),
        (ValueError, "lr must be finite and not negative, got nan", batch, {"lr": float("nan")}),
        (TypeError, "lr must be a number, got '0.1'", batch, {"lr": "0.1"}),
        (ValueError, "device is meta, but the model is on cpu", batch, {"device": "meta"}),
        (ValueError, r"one number, got \(40,\)", batch, loss_that(lambda out: out.sum(1))),
        (ValueError, "one number, got float", batch, loss_that(lambda out: out.sum().item())),
        (ValueError, "not depend on any param", batch, loss_that(lambda out: out.detach().sum())),
    ],
)
def test_bad_input(error, message, arguments, options):
    with pytest.raises(error, match=message):
        probe(mlp(1, 8, "relu"), *arguments(), **options)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (torch.full((40,), 10), "10 scores per example, .* from 0 to 9, got 10"),
        (torch.full((40,), -1), "10 scores per example, .* from 0 to 9, got -1"),
        (torch.full((40,), 156, dtype=torch.uint8), "from 0 to 9, got 156"),
        (torch.zeros(40), r"must hold classes as torch.int64, got torch.float32; .* y.long\(\)"),
        (torch.zeros(40, dtype=torch.int32), "must hold classes as torch.int64, got torch.int32"),
        (torch.zeros(40, 10, dtype=torch.int64), r"y must have shape \(40,\), got \(40, 10\)"),
    ],
)
def test_labels_that_do_not_fit_the_default_loss(y, message):
    model, (x, _) = mlp(1, 8, "relu"), batch()
    with pytest.raises(ValueError, match=message):
        probe(model, x, y)
    assert len(probe(model, x, y, loss=lambda output, _: output.square().mean())) == 2


def test_other_targets_that_the_default_loss_takes():
    model, (x, y) = mlp(1, 8, "relu"), batch()
    table = probe(model, x, y)
    pd.testing.assert_frame_equal(probe(model, x, F.one_hot(y, 10).to(F64)), table)
    pd.testing.assert_frame_equal(probe(model, x, y.to(torch.uint8)), table)
    y[:5] = -100  # PyTorch leaves these out
    assert probe(model, x, y)["grad_h_rms"].notna().all()


@pytest.mark.parametrize(
    ("module", "given"), [(nn.Flatten(0), r"\(400,\)"), (nn.LSTM(10, 10, dtype=F64), "tuple")]
)
def test_output_that_does_not_fit_the_default_loss(module, given):
    with pytest.raises(ValueError, match=f"but the model returned {given}; give another loss"):
        probe(nn.Sequential(mlp(1, 8, "relu"), module), *batch())


def test_images_that_do_not_fit_a_later_layer():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 10))
    with pytest.raises(ValueError, match=r"cannot take x of shape \(2, 1, 9, 9\): mat1 and mat2"):
        probe(model, torch.ones(2, 1, 9, 9), torch.zeros(2, dtype=torch.int64))


WRONG = [
    ("model", [None, "mlp", 3, nn.ReLU, [nn.Linear(64, 10)], {}]),
    ("x", [None, "x", 1.0, [1.0], {}, np.ones((40, 64)), torch.Tensor, torch.tensor(1.0)]),
    ("x", [torch.ones(40, 64).to_sparse(), torch.ones(40, 64, device="meta")]),
    ("x", [torch.full((40, 64), np.inf)]),
    ("y", [None, "y", 1, [1] * 40, {}, np.ones(40), torch.tensor(1), torch.tensor([])]),
    ("y", [torch.full((40, 10), np.nan, dtype=F64), torch.ones(40, 10).to_sparse()]),
    ("loss", [0, "mse", [F.mse_loss], nn.MSELoss, torch.ones(1), lambda output: output, dict]),
    ("loss", [lambda output, y: None, lambda output, y: output.sum() * 1j]),
    ("share", [None, "0.05", True, False, np.nan, np.inf, -0.1, 1, 2, [0.05], 0j, {}]),
    ("lr", ["0.1", True, np.nan, np.inf, -0.1, [0.1], {}, 1j, np.ones(2)]),
    ("device", ["nowhere", 7, "", [], nn.ReLU, "cuda:99", {}, "meta", 0.5]),
]


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG for value in values]
)
def test_a_wrong_call_names_the_argument_and_changes_nothing(name, value):
    model, (x, y) = mlp(1, 8, "relu"), batch()
    before = [(p.tolist(), p.grad) for p in model.parameters()]
    arguments = {"model": model, "x": x, "y": y} | {name: value}
    with pytest.raises((TypeError, ValueError), match=rf"\b{name}\b") as caught:
        probe(**arguments)
    assert caught.traceback[-1].path.is_relative_to(SOURCE)  # not raised by a library
    assert [(p.tolist(), p.grad) for p in model.parameters()] == before
    assert not any(hooks(model))
    if name in ("model", "share"):
        with pytest.raises((TypeError, ValueError), match=rf"\b{name}\b"):
            Probe(**({"model": model} | {name: value}))
    if name == "lr":
        with Probe(model) as measured:
            model(x)
        with pytest.raises((TypeError, ValueError), match="lr must be"):
            measured.table(value)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.Sequential(nn.ReLU(), nn.LayerNorm(64)), "Sequential has no layer to probe"),
        (nn.Linear(64, 10).requires_grad_(False), "no parameter of Linear requires a gradient"),
        (nn.Sequential(nn.LazyLinear(8), nn.Linear(8, 10)), "'0.weight' of the model holds no num"),
        (nn.Linear(64, 10, device="meta"), "parameter 'weight' of the model holds no numbers yet"),
    ],
)
def test_models_that_cannot_be_probed(model, message):
    with pytest.raises(ValueError, match=message):
        probe(model, *batch(dtype=torch.float32))
    assert not any(module._forward_hooks for module in model.modules())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_scripted_model_is_refused():
    with pytest.raises(ValueError, match=r"Python modules, but torch\.jit compiled some of it"):
        Probe(nn.Sequential(nn.Linear(3, 2), torch.jit.script(nn.Linear(2, 2))))


def test_a_loss_of_any_shape_with_one_entry():
    plain = probe(mlp(1, 8, "relu"), *batch())
    for shape in ((1,), (1, 1)):
        table = probe(
            mlp(1, 8, "relu"), *batch(), loss=lambda o, y, s=shape: F.cross_entropy(o, y).view(s)
        )
        pd.testing.assert_frame_equal(table, plain)


def test_nothing_was_run():
    with pytest.raises(RuntimeError, match="run the model inside"):
        Probe(mlp(1, 8, "relu")).table()


@pytest.mark.parametrize(
    ("model", "x"),
    [
        (nn.Sequential(nn.Embedding(5, 4), nn.Flatten(), nn.Linear(12, 10)), torch.ones(7, 3)),
        (nn.Sequential(nn.Embedding(5, 4), nn.Flatten(), nn.Linear(12, 10)), torch.full((7, 3), 5)),
        (nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 10)), torch.ones(1, 3)),
        (nn.Bilinear(3, 3, 10), torch.ones(7, 3)),
    ],
)
def test_a_model_that_cannot_take_x_for_another_reason(model, x):
    with pytest.raises(ValueError, match=r"the model cannot take x of shape \(\d, 3\): "):
        probe(model, x, torch.zeros(len(x), dtype=torch.int64))


def test_convolution_with_the_wrong_number_of_channels():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    with pytest.raises(
        ValueError, match=r"\(2, 1, 8, 8\), but the first layer '0' takes 3 channels"
    ):
        probe(model, torch.ones(2, 1, 8, 8), torch.zeros(2))


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu"), None])
def test_device_of_the_model_is_accepted(device):
    assert len(probe(mlp(1, 8, "relu"), *batch(), device=device, share=np.float32(0.1), lr=0)) == 2


def test_a_loss_whose_arguments_are_not_known_in_advance():
    model = mlp(1, 8, "relu")
    for loss in (nn.CrossEntropyLoss(), lambda *both: F.cross_entropy(*both), torch.dist):
        x, y = batch()
        y = F.one_hot(y, 10).to(F64)
        assert probe(model, x, y, loss=loss)["grad_h_rms"].notna().all()
