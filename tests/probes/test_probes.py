"""The probe against explicit forward passes differentiated by autograd."""

import gc
import weakref

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from weightinit import activations
from weightinit.networks import mlp
from weightinit.probes import Probe, probe, statistics

F64 = torch.float64


def batch(n=40, features=64, dtype=F64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, features, dtype=F64, generator=generator).to(dtype)
    return x, torch.randint(10, (n,), generator=generator)


def linear(inputs, outputs, seed, scale=1.0):
    layer = nn.Linear(inputs, outputs, dtype=F64)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in layer.parameters():
            p.copy_(scale * torch.randn(p.shape, generator=generator, dtype=F64))
    return layer


def rms(t):
    return t.detach().double().square().mean().sqrt().item()


def stats(t):
    t = t.detach().double()
    return [t.mean().item(), t.std(correction=0).item(), rms(t)]


H, X = ["h_mean", "h_std", "h_rms"], ["x_mean", "x_std", "x_rms"]


def same(row, columns, expected, rtol=1e-9):
    np.testing.assert_allclose(row[columns].astype(float), expected, rtol=rtol, atol=1e-15)


# ---- Right values ------------------------------------------------------------------------


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


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("size", [1, 7, 4096, 3 * 4096, 300_001])
@pytest.mark.parametrize("scale", [1.0, 1e-4, 1e4, 1e-18, 1e-20, 1e-30, 1e-40, 1e30])
def test_statistics_at_any_scale(dtype, size, scale):
    if dtype == torch.float16 and not 1e-4 <= scale <= 1e4:
        pytest.skip("float16 holds no such numbers")
    generator = torch.Generator().manual_seed(0)
    t = ((torch.randn(size, generator=generator, dtype=F64) + 1) * scale).to(dtype)
    # Divided by the scale, the squares are harmless in float64.
    expected = [scale * s for s in stats(t.double() / scale)]
    values = statistics.array(t)
    tolerance = 1e-12 if dtype == F64 else 1e-5
    np.testing.assert_allclose(statistics.moments(values), expected, rtol=tolerance)
    np.testing.assert_allclose(statistics.rms(values), expected[2], rtol=tolerance)


@pytest.mark.parametrize("scale", [1e-300, 1e-170, 1e170, 1e300])
def test_float64_whose_squares_leave_float64(scale):
    t = torch.linspace(-1, 3, 1000, dtype=F64)
    np.testing.assert_allclose(
        statistics.moments((t * scale).numpy()), np.multiply(stats(t), scale), rtol=1e-12
    )


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("mean", [1.0, -10.0, 1e3, 1e4])
def test_deviation_much_smaller_than_mean(dtype, mean):
    generator = torch.Generator().manual_seed(0)
    t = (torch.randn(10_000, generator=generator, dtype=F64) * 0.03 + mean).to(dtype)
    tolerance = 1e-5 if dtype == torch.float32 else 1e-8
    assert statistics.moments(t.numpy())[1] == pytest.approx(stats(t)[1], rel=tolerance)


def test_one_large_entry_among_many_tiny_ones():
    t = torch.full((20_000,), 1e-30)
    t[-1] = 1e-10
    assert statistics.rms(t.numpy()) == pytest.approx(1e-10 / 20_000**0.5, rel=1e-6)


def test_constant_tensor_has_no_deviation():
    assert statistics.moments(np.full(1000, 0.1)) == pytest.approx((0.1, 0.0, 0.1), abs=0)
    assert statistics.moments(np.zeros(10)) == (0.0, 0.0, 0.0)


def test_infinite_and_nan_entries_are_reported():
    mean, std, root = statistics.moments(np.array([1.0, np.inf]))
    assert mean == np.inf and np.isnan(std) and root == np.inf
    assert np.isnan(statistics.moments(np.array([1.0, np.nan, np.inf]))).all()
    assert np.isnan(statistics.rms(np.array([], dtype=np.float32)))


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_network_that_overflows(value):
    model = mlp(2, 8, "relu")
    with torch.no_grad():
        model.linear2.bias[0] = value
    row = probe(model, *batch()).iloc[1]
    np.testing.assert_equal(row["h_rms"], value)
    assert np.isnan(row["saturated"]) == np.isnan(value)
    assert np.isnan(row["grad_w_rms"])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype):
    model = mlp(2, 32, "tanh", dtype=dtype)
    x, y = batch(dtype=dtype)
    row = probe(model, x, y).iloc[0]
    h = model.linear1(x)
    same(row, H, stats(h), rtol=1e-5)
    same(row, X, stats(torch.tanh(h)), rtol=1e-5)


# ---- Ways to build a network -------------------------------------------------------------

INPLACE = [
    *(nn.ReLU, nn.LeakyReLU, nn.ELU, nn.SELU, nn.SiLU, nn.Mish, nn.Hardtanh, nn.ReLU6),
    *(nn.CELU, nn.Hardswish, nn.Hardsigmoid, nn.RReLU),
]


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("kind", INPLACE)
def test_in_place_activations(kind, norm):
    def table(inplace):
        between = [nn.BatchNorm1d(20, dtype=F64)] if norm else []
        model = nn.Sequential(
            linear(64, 20, 1), *between, kind(inplace=inplace), linear(20, 10, 2, 0.1)
        )
        return probe(model.eval(), *batch())

    kept, overwritten = table(False), table(True)
    # Not exactly: working in place, ELU and CELU take their slope from the output, exp(h) - 1.
    np.testing.assert_allclose(
        kept.values[:, 4:].astype(float), overwritten.values[:, 4:].astype(float), rtol=1e-13
    )
    assert kept["activation"].tolist() == overwritten["activation"].tolist()
    assert kept["activation"][0] not in ("not visible", "linear")
    assert kept["h_mean"][0] != kept["x_mean"][0]


def test_module_called_twice():
    layer, phi, output = linear(64, 64, 1, 0.1), nn.Tanh(), linear(64, 10, 2)
    model = nn.Sequential(layer, phi, layer, phi, output)
    x, y = batch()
    table = probe(model, x, y)
    assert table["layer"].tolist() == [1, 1, 2]
    assert table["call"].tolist() == [1, 2, 1]
    assert table["activation"].tolist() == ["tanh", "tanh", "output"]
    h1 = layer(x)
    h2 = layer(torch.tanh(h1))
    loss = F.cross_entropy(output(torch.tanh(h2)), y)
    *grad_h, grad_w = torch.autograd.grad(loss, [h1, h2, layer.weight])
    for i, h in enumerate((h1, h2)):
        same(table.iloc[i], H, stats(h))
        same(table.iloc[i], ["grad_h_rms", "grad_w_rms"], [rms(grad_h[i]), rms(grad_w)])


class Functional(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.first, self.second = linear(64, 20, 1), linear(20, 10, 2)
        self.function = [function]

    def forward(self, x):
        return self.second(self.function[0](self.first(x)))


@pytest.mark.parametrize("function", [torch.tanh, F.relu, F.relu_, lambda h: h.mul_(2)])
def test_functional_activation_is_not_visible(function):
    model = Functional(function)
    x, y = batch()
    table = probe(model, x, y)
    assert table["activation"].tolist() == ["not visible", "output"]
    assert table.loc[0, X + ["saturated", "dead"]].isna().all()
    h = model.first(x)
    same(table.iloc[0], H, stats(h))
    loss = F.cross_entropy(model.second(function(h.clone())), y)
    same(table.iloc[0], ["grad_h_rms"], [rms(torch.autograd.grad(loss, h)[0])])


def test_linear_network():
    model = nn.Sequential(linear(64, 20, 1), linear(20, 10, 2))
    row = probe(model, *batch()).iloc[0]
    assert row["activation"] == "linear"
    assert row[X].tolist() == row[H].tolist()
    assert (row["saturated"], row["dead"]) == (0, 0)


class Swish2(nn.Module):
    def forward(self, h):
        return h * torch.sigmoid(2 * h)


@pytest.mark.parametrize("unknown", [Swish2(), nn.Hardswish(), nn.PReLU(20, dtype=F64)])
def test_activation_outside_the_registry(unknown):
    model = nn.Sequential(linear(64, 20, 1), unknown, linear(20, 10, 2))
    x, y = batch()
    row = probe(model, x, y).iloc[0]
    assert row["activation"] == type(unknown).__name__
    same(row, X, stats(unknown(model[0](x))))
    assert row[["saturated", "dead"]].isna().all()


def test_activation_inside_a_block_of_the_users_own():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.phi, self.layer = nn.Tanh(), linear(20, 20, 2)

        def forward(self, h):
            return self.layer(self.phi(h))

    model = nn.Sequential(linear(64, 20, 1), Block(), nn.Tanh(), linear(20, 10, 3))
    assert probe(model, *batch())["activation"].tolist() == ["tanh", "tanh", "output"]


def test_layer_with_an_activation_inside_is_not_called_linear():
    class Tanh(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(linear(64, 64, 1).weight.detach())

        def forward(self, x):
            return torch.tanh(x @ self.weight.T)

    model = nn.Sequential(Tanh(), linear(64, 10, 2))
    assert probe(model, *batch())["activation"].tolist() == ["not visible", "output"]


def test_reshaping_module_is_no_activation():
    class Halve(nn.Module):
        def forward(self, h):
            return h[:, ::2]

    model = nn.Sequential(linear(64, 20, 1), Halve(), linear(10, 10, 2))
    row = probe(model, *batch()).iloc[0]
    assert row["activation"] == "not visible" and np.isnan(row["x_rms"])


@pytest.mark.parametrize(
    "between",
    [
        nn.BatchNorm1d(20, dtype=F64),
        nn.LayerNorm(20, dtype=F64),
        nn.RMSNorm(20, dtype=F64),
        nn.GroupNorm(4, 20, dtype=F64),
    ],
)
def test_normalization_between_layer_and_activation(between):
    model = nn.Sequential(linear(64, 20, 1), between, nn.Tanh(), linear(20, 10, 2))
    x, y = batch()
    row = probe(model, x, y).iloc[0]
    h = between(model[0](x))
    loss = F.cross_entropy(model[3](torch.tanh(h)), y)
    same(row, H, stats(h))
    same(row, ["grad_h_rms"], [rms(torch.autograd.grad(loss, h)[0])])
    assert row["activation"] == "tanh"


@pytest.mark.parametrize("batched", [True, False])
def test_dead_channels_of_a_convolution(batched):
    conv = nn.Conv2d(1, 5, 3, dtype=F64)
    with torch.no_grad():
        conv.weight[:2] = 0
        conv.bias[:2] = torch.tensor([-1.0, 1.0])  # channel 0 is dead, channel 1 is not
        conv.bias[2:] = 2
    model = nn.Sequential(conv, nn.ReLU(), nn.Flatten(-3), linear(5 * 36, 10, 1))
    x, y = batch(1 if not batched else 10)
    x = x.view(-1, 1, 8, 8) if batched else x.view(1, 8, 8)
    row = probe(model, x, y, loss=lambda out, _: out.square().mean()).iloc[0]
    assert row["dead"] == 0.2
    same(row, ["saturated"], [(conv(x) <= 0).double().mean()])


def test_unit_that_is_dead_for_most_examples_only():
    model = nn.Sequential(linear(64, 4, 1), nn.ReLU(), linear(4, 10, 2))
    x, y = batch(40)
    with torch.no_grad():
        model[0].weight.zero_()
        model[0].weight[0, 0] = 1.0
        model[0].bias.copy_(torch.tensor([0.0, 0.0, -1.0, 1.0]))
    x[:, 0] = -1.0
    assert probe(model, x, y)["dead"][0] == 0.75  # h = 0 counts: there PyTorch's slope is 0
    x[-1, 0] = 1.0
    assert probe(model, x, y)["dead"][0] == 0.5


def test_recurrent_layer_is_measured_on_its_first_output():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(8, 6, num_layers=2, batch_first=True, dtype=F64)
            self.output = linear(6, 10, 1)

        def forward(self, x):
            return self.output(self.lstm(x.view(-1, 8, 8))[0][:, -1])

    model = Net()
    x, y = batch()
    row = probe(model, x, y).iloc[0]
    h = model.lstm(x.view(-1, 8, 8))[0]
    weights = [p for p in model.lstm.parameters() if p.ndim == 2]
    loss = F.cross_entropy(model.output(h[:, -1]), y)
    grad_h, *grad_w = torch.autograd.grad(loss, [h, *weights])
    same(row, H, stats(h))
    expected = [rms(t) for t in (grad_h, torch.cat([g.flatten() for g in grad_w]))]
    same(row, ["grad_h_rms", "grad_w_rms"], expected)
    same(row, ["w_rms"], [rms(torch.cat([w.flatten() for w in weights]))])
    assert row["activation"] == "not visible"


def test_frozen_parameters():
    model = mlp(3, 20, "tanh")
    ordinary = probe(model, *batch())
    model.linear1.requires_grad_(False)
    model.linear3.requires_grad_(False)
    table = probe(model, *batch(), lr=0.1)
    assert table["grad_w_rms"].isna().tolist() == [True, False, True, False]
    assert table["update_ratio"].isna().tolist() == [True, False, True, False]
    # No gradient arrives below the first parameter that is trained.
    assert table["grad_h_rms"].isna().tolist() == [True, False, False, False]
    assert table["grad_h_rms"][1:].tolist() == ordinary["grad_h_rms"][1:].tolist()


def test_a_model_that_is_one_layer_and_one_that_uses_embeddings():
    table = probe(linear(64, 10, 1), *batch())
    assert table[["name", "activation"]].values.tolist() == [["Linear", "output"]]
    model = nn.Sequential(nn.Embedding(5, 4), nn.Flatten(), nn.Linear(12, 10))
    x = torch.randint(5, (7, 3), generator=torch.Generator().manual_seed(0))
    assert probe(model, x, torch.zeros(7, dtype=torch.int64))["name"].tolist() == ["2"]


# ---- Nothing is kept, nothing is changed -------------------------------------------------


@pytest.mark.parametrize("model", [mlp(2, 20, "relu"), Functional(torch.tanh)])
def test_no_tensor_is_retained(model):
    alive = []

    def remember(tensor):
        alive.append(weakref.ref(tensor))

    def remember_both(module, inputs, output):
        remember(output)
        output.register_hook(remember)

    for module in model.children():
        module.register_forward_hook(remember_both)
    gc.collect()
    gc.disable()  # so that not even a reference cycle may hold them
    try:
        with Probe(model) as measured:
            x, y = batch()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            del loss
            assert len(alive) == 2 * len(list(model.children()))
            assert not any(ref() is not None for ref in alive)
        assert measured.table()["grad_h_rms"].notna().all()
    finally:
        gc.enable()


class Broken(Exception):
    pass


class BreakBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        raise Broken


class Breakable(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.norm, self.drop = (
            linear(64, 20, 1),
            nn.BatchNorm1d(20, dtype=F64),
            nn.Dropout(),
        )
        self.act, self.second = nn.ReLU(inplace=True), linear(20, 10, 2)
        self.register_buffer("nothing", None)
        self.register_buffer("calls", torch.zeros(()))
        self.where = None

    def forward(self, x):
        self.calls = self.calls + 1
        x = self.act(self.drop(self.norm(self.first(x))))
        if self.where == "forward":
            self.train(not self.training)
            raise Broken
        return self.second(BreakBackward.apply(x) if self.where == "backward" else x)


def hooks(model):
    names = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    found = [list(getattr(m, n).items()) for m in model.modules() for n in names]
    return found + [list((p._backward_hooks or {}).items()) for p in model.parameters()]


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


# ---- Inside a training loop --------------------------------------------------------------


def test_probe_in_a_training_loop():
    x, y = batch()

    def three_steps(model, before_step):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            before_step()
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()

    plain, probed, single = mlp(2, 16, "tanh"), mlp(2, 16, "tanh"), []
    three_steps(plain, lambda: single.append(probe(plain, x, y, lr=0.1)))
    with Probe(probed) as measured:
        three_steps(probed, lambda: None)
    for a, b in zip(plain.parameters(), probed.parameters(), strict=True):
        assert torch.equal(a, b)
    # The table is the third step's: weights and gradients before the update.
    pd.testing.assert_frame_equal(measured.table(lr=0.1), single[-1], rtol=1e-12)
    assert not any(hooks(probed))


def test_forward_without_backward():
    model = mlp(1, 8, "relu")
    for mode in (torch.no_grad(), torch.inference_mode()):
        with mode, Probe(model) as measured:
            model(batch()[0])
        table = measured.table()
        assert table["activation"].tolist() == ["relu", "output"]
        assert table["h_rms"].notna().all() and table["grad_h_rms"].isna().all()


def test_hooks_are_silent_after_the_block():
    model = mlp(1, 8, "relu")
    x, y = batch()
    with Probe(model) as measured:
        loss = F.cross_entropy(model(x), y)
    loss.backward()
    assert measured.table()[["grad_h_rms", "grad_w_rms"]].isna().all(axis=None)


# ---- Bad input ---------------------------------------------------------------------------


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
        (ValueError, "device is cuda, but the model is on cpu", batch, {"device": "cuda"}),
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


def test_bad_models():
    x, y = batch()
    with pytest.raises(TypeError, match="must be a torch.nn.Module, got type"):
        probe(nn.ReLU, x, y)
    with pytest.raises(ValueError, match="Sequential has no layer to probe"):
        probe(nn.Sequential(nn.ReLU(), nn.LayerNorm(64)), x, y)
    with pytest.raises(ValueError, match="no parameter of Sequential requires a gradient"):
        probe(mlp(1, 8, "relu").requires_grad_(False), x, y)
    with pytest.raises(RuntimeError, match="run the model inside"):
        Probe(mlp(1, 8, "relu")).table()


def test_convolution_with_the_wrong_number_of_channels():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    with pytest.raises(
        ValueError, match=r"\(2, 1, 8, 8\), but the first layer '0' takes 3 channels"
    ):
        probe(model, torch.ones(2, 1, 8, 8), torch.zeros(2))


def test_device_of_the_model_is_accepted():
    assert len(probe(mlp(1, 8, "relu"), *batch(), device="cpu")) == 2


@pytest.mark.parametrize("where", ["before", "after", "both"])
def test_an_identity_beside_an_activation_changes_nothing(where):
    """As where a normalization was taken out."""
    torch.manual_seed(0)
    first, last = nn.Linear(5, 7), nn.Linear(7, 3)
    around = {
        "before": [nn.Identity(), nn.Tanh()],
        "after": [nn.Tanh(), nn.Identity()],
        "both": [nn.Identity(), nn.Tanh(), nn.Identity()],
    }
    x, labels = 10 * torch.randn(20, 5), torch.randint(3, (20,))
    plain = probe(nn.Sequential(first, nn.Tanh(), last), x, labels)
    table = probe(nn.Sequential(first, *around[where], last), x, labels)
    assert plain["saturated"][0] > 0.1
    columns = [column for column in plain if column != "name"]
    pd.testing.assert_frame_equal(table[columns], plain[columns])
