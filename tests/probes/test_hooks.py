"""Rows and their names: which layers are seen, and what is taken for their activation."""

import gc
import weakref

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from tests.probes.support import (
    F64,
    Functional,
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


def test_layers_are_numbered_as_they_are_called():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.last, self.first = linear(20, 10, 1), linear(64, 20, 2)

        def forward(self, x):
            return self.last(self.first(x))

    table = probe(Backwards(), *batch())
    assert table[["layer", "name"]].values.tolist() == [[1, "first"], [2, "last"]]


def test_a_weight_of_zeros_has_no_update_ratio():
    model = linear(64, 10, 1, scale=0.0)
    row = probe(model, *batch(), lr=0.1).iloc[0]
    assert row["w_rms"] == 0 and row["grad_w_rms"] > 0 and np.isnan(row["update_ratio"])


def test_an_activation_whose_slope_grows_without_end_has_dead_units_only():
    ramp = activations.register(
        "squared ramp", lambda h: np.maximum(h, 0) ** 2, lambda h: 2 * np.maximum(h, 0), kinks=(0,)
    )
    try:
        model = nn.Sequential(linear(64, 4, 1), ramp.module(), linear(4, 10, 2, 0.1))
        with torch.no_grad():
            model[0].weight[0], model[0].bias[0] = 0, -1
        row = probe(model, *batch()).iloc[0]
    finally:
        activations.unregister("squared ramp")
    assert (row["activation"], row["dead"]) == ("squared ramp", 0.25)
    assert np.isnan(row["saturated"]) and row["x_rms"] > 0


def test_everything_called_by_keyword():
    class Keywords(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = nn.ModuleList(
                [linear(64, 20, 1), nn.BatchNorm1d(20, dtype=F64), nn.ReLU(), linear(20, 20, 2)]
            )
            self.output = linear(20, 10, 3)

        def forward(self, x):
            for part in self.parts:
                x = part(input=x)
            return self.output(input=x)

    model = Keywords()
    plain = nn.Sequential(*model.parts, model.output)
    table = probe(model, *batch())
    assert table["activation"].tolist() == ["relu", "linear", "output"]
    pd.testing.assert_frame_equal(
        table.drop(columns="name"), probe(plain, *batch()).drop(columns="name")
    )


@pytest.mark.parametrize(
    ("last", "expected", "visible"),
    [
        ([nn.Sigmoid()], "sigmoid", True),
        ([nn.LogSoftmax(1)], "LogSoftmax", True),
        ([nn.Sigmoid(), nn.Flatten()], "sigmoid", True),
        ([nn.Identity()], "output", True),
        ([nn.Unflatten(1, (10, 1)), nn.Flatten()], "output", False),
        ([nn.AvgPool1d(2)], "not visible", False),
    ],
)
def test_what_follows_the_last_layer(last, expected, visible):
    model = nn.Sequential(linear(64, 20, 1), nn.ReLU(), linear(20, 10, 2), *last)
    table = probe(model, *batch(), loss=lambda out, y: out.square().mean())
    assert table["activation"].tolist() == ["relu", expected]
    assert table["x_rms"].notna().tolist() == [True, visible]


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (lambda h: h[:, :, None].squeeze(-1).T.T, "output"),
        (lambda h: (h.mean(), [h], h), "output"),
        (lambda h: h.log_softmax(1), "not visible"),
        (lambda h: h[:, :5], "not visible"),
        (lambda h: h.mul_(2), "not visible"),
        (lambda h: h.clone(), "not visible"),
    ],
)
def test_what_the_model_returns_of_its_last_layer(output, expected):
    class Returns(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = linear(64, 10, 1)

        def forward(self, x):
            return output(self.layer(x))

    def loss(given, y):
        return (given[0] if isinstance(given, tuple) else given).sum()

    assert probe(Returns(), *batch(), loss=loss)["activation"].tolist() == [expected]


def test_linear_network():
    model = nn.Sequential(linear(64, 20, 1), linear(20, 10, 2))
    row = probe(model, *batch()).iloc[0]
    assert row["activation"] == "linear"
    assert row[X].tolist() == row[H].tolist()
    assert (row["saturated"], row["dead"]) == (0, 0)


class OwnLayer(nn.Module):
    """A layer of one's own, which applies an activation inside."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(linear(64, 20, 1).weight.detach())

    def forward(self, x):
        return torch.tanh(x @ self.weight.T)


@pytest.mark.parametrize(
    "layer", [nn.RNNCell(64, 20, dtype=F64), nn.GRUCell(64, 20, dtype=F64), OwnLayer()]
)
def test_only_an_affine_layer_may_be_linear(layer):
    model = nn.Sequential(layer, linear(20, 10, 1))
    table = probe(model, *batch())
    assert table["activation"].tolist() == ["not visible", "output"]
    assert table.loc[0, [*X, "saturated", "dead"]].isna().all()


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


@pytest.mark.parametrize("reentrant", [False, True])
def test_a_block_that_the_backward_pass_runs_again_is_refused(reentrant):
    model, (x, y) = mlp(2, 20, "tanh"), batch()
    with Probe(model), pytest.raises(RuntimeError, match="probe the model without that"):
        F.cross_entropy(
            checkpoint(model, x.requires_grad_(), use_reentrant=reentrant), y
        ).backward()
    assert not any(hooks(model))


def test_a_gradient_of_the_latest_backward_pass():
    model, (x, y) = mlp(1, 8, "relu"), batch()
    with Probe(model) as measured:
        loss = F.cross_entropy(model(x), y)
        loss.backward(retain_graph=True)
        once = measured.table()
        (3 * loss).backward()
    for column in ("grad_h_rms", "grad_w_rms"):
        np.testing.assert_allclose(measured.table()[column], 3 * once[column], rtol=1e-12)


def test_a_probe_is_entered_once_at_a_time():
    model = mlp(1, 8, "relu")
    measured = Probe(model)
    with measured:
        with pytest.raises(RuntimeError, match="already measuring"), measured:
            pass
        model(batch()[0])
    assert not any(hooks(model)) and len(measured.table()) == 2
    with measured:
        assert any(hooks(model))
        with pytest.raises(RuntimeError, match="nothing was measured"):
            measured.table()
    assert not any(hooks(model))


def test_two_probes_of_one_model():
    model, (x, _) = mlp(1, 8, "relu"), batch()
    with Probe(model) as one, Probe(model, share=0.5) as other:
        model(x)
    pd.testing.assert_frame_equal(one.table(), other.table())


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
