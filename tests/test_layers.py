"""Which modules count as layers, under which names, and what stands between them."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, parametrize, prune, spectral_norm, weight_norm

from tests.probes.support import F64, H, X, batch, linear, rms, same, stats
from weightinit._layers import BETWEEN, find_layers, first_tensor, is_activation
from weightinit.networks import mlp
from weightinit.probes import Probe, probe
from weightinit.training.one_network import _weights


class Owner(nn.Module):
    """A module of the user's own with one parameter, and perhaps modules."""

    def __init__(self, name, *shape, **parts):
        super().__init__()
        self.register_parameter(name, nn.Parameter(torch.ones(*shape)))
        for part, module in parts.items():
            self.add_module(part, module)


def names(model):
    return list(find_layers(model).values())


@pytest.mark.parametrize(
    "layer",
    [
        nn.Linear(3, 1),
        nn.Bilinear(2, 3, 1),
        nn.Conv1d(1, 1, 3),
        nn.Conv2d(3, 1, 1),
        nn.ConvTranspose2d(1, 3, 2),
        nn.RNN(2, 3),
        nn.LSTM(2, 3),
        nn.GRUCell(2, 3),
        nn.MultiheadAttention(4, 2, kdim=3),
        Owner("weight", 3, 3),
        Owner("kernel", 5, 2, 2),
        type("Own", (nn.Linear,), {})(3, 2),
        type("Own", (nn.LSTM,), {})(3, 2),
    ],
)
def test_layers_of_every_kind(layer):
    assert names(nn.Sequential(layer))[0] == "0"
    assert names(layer)[0] == type(layer).__name__


@pytest.mark.parametrize(
    "module",
    [
        Owner("table", 1, 5, 4),
        Owner("scale", 4, 1, 1),
        Owner("scale", 1, 4, 1, 1),
        Owner("pos", 5, 4),
        Owner("Position", 5, 4),
        Owner("cls_token", 2, 4),
        Owner("embedding", 5, 4),
        Owner("latents", 5, 4, inner=nn.Sequential(nn.Linear(4, 4))),
        Owner("gain", 4),
        nn.LayerNorm((3, 4)),
        nn.Embedding(5, 4),
        nn.EmbeddingBag(5, 4),
        nn.PReLU(4),
    ],
)
def test_modules_that_are_no_layers(module):
    model = nn.Sequential(module, nn.Linear(4, 2))
    assert "0" not in names(model) and names(model)[-1] == "1"
    with pytest.raises(ValueError, match="has no layer to probe"):
        find_layers(nn.Sequential(nn.ReLU(), nn.BatchNorm1d(3)))


class Transformer(nn.Module):
    """Patches, positions, a class token, attention: each of them owned in another way."""

    def __init__(self):
        super().__init__()
        self.patch = nn.Linear(16, 8)
        self.pos_embed = nn.Parameter(torch.ones(1, 5, 8))
        self.cls_token = nn.Parameter(torch.ones(1, 1, 8))
        self.add = Owner("pos", 5, 8)
        self.add.forward = lambda h: h + self.add.pos
        self.block = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0, batch_first=True)
        self.head = nn.Linear(8, 10)

    def forward(self, x):
        h = self.patch(x.view(-1, 4, 16))
        h = torch.cat([self.cls_token.expand(len(h), 1, 8), h], dim=1) + self.pos_embed
        return self.head(self.block(self.add(h))[:, 0])


@pytest.mark.parametrize("training", [True, False])
def test_a_transformer_has_rows_for_its_layers_only(training):
    model = Transformer().train(training)
    expected = ["patch", "block.self_attn", "block.linear1", "block.linear2", "head"]
    x, y = torch.randn(3, 64), torch.tensor([1, 2, 3])
    assert probe(model, x, y)["name"].tolist() == expected
    # Without gradients and hooks PyTorch would run the block by one fast function.
    with torch.no_grad(), Probe(model) as measured:
        model(x)
    assert measured.table()["name"].tolist() == expected


def test_what_adds_positions_is_no_activation():
    add = Owner("pos", 5, 4)
    add.forward = lambda h: h + add.pos
    assert not is_activation(add) and is_activation(nn.PReLU(4))
    model = nn.Sequential(nn.Linear(4, 4), add, nn.Tanh(), nn.Linear(4, 3))
    table = probe(model, torch.randn(2, 5, 4), torch.randn(2, 5, 3), loss=nn.MSELoss())
    assert table["activation"].tolist() == ["not visible", "output"]


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


def test_activation_made_of_another_is_measured_as_a_whole():
    class Centred(nn.Module):
        def __init__(self):
            super().__init__()
            self.inside = nn.Sigmoid()

        def forward(self, h):
            return self.inside(h) - 0.5

    model = nn.Sequential(linear(64, 20, 1), Centred(), linear(20, 10, 2))
    x, y = batch()
    row = probe(model, x, y).iloc[0]
    assert row["activation"] == "Centred"
    same(row, X, stats(model[1](model[0](x))))
    assert row[["saturated", "dead"]].isna().all()
    # PyTorch's containers only hold what is an activation, and what follows it.
    model[1] = nn.Sequential(nn.Sigmoid(), nn.Dropout(0.0))
    assert probe(model, x, y).iloc[0]["activation"] == "sigmoid"


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


class Symmetric(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(2, 2)

    def forward(self, weight):
        return weight.triu() + weight.triu(1).T


def pruned(layer):
    return prune.l1_unstructured(layer, "weight", amount=0.5)


def symmetric(layer):
    parametrize.register_parametrization(layer, "weight", Symmetric())
    return layer


@pytest.mark.filterwarnings("ignore:.*torch.nn.utils:FutureWarning")
@pytest.mark.parametrize(
    "parametrized",
    [
        parametrizations.weight_norm,
        parametrizations.spectral_norm,
        parametrizations.orthogonal,
        weight_norm,
        spectral_norm,
        pruned,
        symmetric,
    ],
)
def test_a_layer_that_computes_its_weight_is_refused(parametrized):
    layer = parametrized(nn.Linear(4, 4))
    model = nn.Sequential(nn.Linear(3, 4), nn.Sequential(layer, nn.ReLU()))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(ValueError, match=r"'1\.0' computes a weight or bias from other param"):
        probe(model, torch.randn(2, 3), torch.tensor([0, 1]))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.filterwarnings("ignore:.*torch.nn.utils:FutureWarning")
def test_so_is_any_module_that_computes_a_parameter():
    bias = parametrize.register_parametrization(nn.Linear(3, 4), "bias", nn.Tanh())
    recurrent = weight_norm(nn.LSTM(4, 4), "weight_hh_l0")
    for module in (bias, recurrent, parametrizations.spectral_norm(nn.Embedding(5, 4))):
        with pytest.raises(ValueError, match="'1' computes a weight or bias from other"):
            find_layers(nn.Sequential(nn.Linear(3, 4), module))


@pytest.mark.parametrize("kind", BETWEEN)
def test_what_may_stand_between_layer_and_activation(kind):
    arguments = {nn.LayerNorm: (5,), nn.RMSNorm: (5,), nn.GroupNorm: (2, 4)}.get(kind, (2,))
    if issubclass(kind, nn.modules.batchnorm._NormBase):
        kind, arguments = nn.BatchNorm2d, (4,)
    elif issubclass(kind, nn.modules.dropout._DropoutNd):
        kind, arguments = nn.Dropout, (0.5,)
    model = nn.Sequential(linear(5, 5, 1), kind(*arguments).double(), nn.ReLU(), linear(5, 5, 2))
    x = torch.randn(3, 4, 2, 5, dtype=F64)
    torch.manual_seed(0)
    row = probe(model, x, x, loss=nn.MSELoss()).iloc[0]
    torch.manual_seed(0)
    h = model[1](model[0](x))
    (gradient,) = torch.autograd.grad(F.mse_loss(model[3](model[2](h)), x), h)
    assert row["activation"] == "relu"
    same(row, [*H, "grad_h_rms"], [*stats(h), rms(gradient)])


@pytest.mark.parametrize(
    "kind", [nn.Dropout, nn.Dropout1d, nn.AlphaDropout, nn.FeatureAlphaDropout]
)
@pytest.mark.parametrize("training", [True, False])
def test_dropout_of_every_kind_is_seen_through(kind, training):
    model = nn.Sequential(nn.Linear(4, 6), kind(), nn.ReLU(), nn.Linear(6, 3)).train(training)
    table = probe(model, torch.randn(5, 2, 4), torch.randn(5, 2, 3), loss=nn.MSELoss())
    assert table["activation"].tolist() == ["relu", "output"]


def test_the_first_tensor_of_what_a_module_returns():
    tensor = torch.ones(2)
    assert first_tensor(([tensor, 1], 2)) is tensor and first_tensor(()) == ()


@pytest.mark.filterwarnings("ignore:Guards may run slower on Python 3.13.0:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
@pytest.mark.parametrize("part", ["all", "in place", "layer", "activation", "block"])
def test_a_compiled_model_has_the_rows_of_the_model(part):
    def compiled(module):
        return torch.compile(module, backend="eager")

    model = nn.Sequential(mlp(2, 20, "relu"), nn.Tanh(), linear(10, 10, 1))
    (x, y), plain = batch(), probe(model, *batch())
    if part == "all":
        model = compiled(model)
    elif part == "in place":
        model.compile(backend="eager")
    elif part == "layer":
        model[2] = compiled(model[2])
    elif part == "activation":
        model[1] = compiled(model[1])
    else:
        model[0] = compiled(model[0])
    model(x)  # compiled before there are hooks
    pd.testing.assert_frame_equal(probe(model, x, y), plain)
    with Probe(model) as measured:
        F.cross_entropy(model(x), y).backward()
    pd.testing.assert_frame_equal(measured.table(), plain)


@pytest.mark.parametrize("model", [mlp(1, 8, "relu"), nn.Linear(3, 2)])
def test_training_finds_the_weights_of_a_compiled_model_by_these_names(model):
    compiled = torch.compile(model, backend="eager")
    assert names(compiled) == names(model) and set(names(model)) <= set(_weights(compiled))
