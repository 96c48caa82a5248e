"""The fully connected network: structure, formula, start, normalization and skip connections."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from weightinit import activations, failures, probes
from weightinit.data import digits
from weightinit.initializers import initialize
from weightinit.networks import Residual, mlp
from weightinit.training import train

pytestmark = pytest.mark.usefixtures("one_thread")


def test_structure_and_shapes():
    model = mlp(3, 7, "tanh", in_features=5, out_features=4)
    kinds = [(name, type(child)) for name, child in model.named_children()]
    assert kinds == [
        *[
            (f"{kind}{i}", of)
            for i in (1, 2, 3)
            for kind, of in (("linear", nn.Linear), ("act", nn.Tanh))
        ],
        ("output", nn.Linear),
    ]
    shapes = {name: tuple(p.shape) for name, p in model.named_parameters()}
    assert shapes == {
        **{"linear1.weight": (7, 5), "linear1.bias": (7,)},
        **{"linear2.weight": (7, 7), "linear2.bias": (7,)},
        **{"linear3.weight": (7, 7), "linear3.bias": (7,)},
        **{"output.weight": (4, 7), "output.bias": (4,)},
    }


@pytest.mark.parametrize("depth", [1, 2, 20])
@pytest.mark.parametrize("bias", [True, False])
def test_number_of_parameters(depth, bias):
    model = mlp(depth, 11, "relu", bias=bias)
    weights = 64 * 11 + (depth - 1) * 11 * 11 + 11 * 10
    biases = (depth * 11 + 10) if bias else 0
    assert sum(p.numel() for p in model.parameters()) == weights + biases


def test_defaults_fit_the_digits_in_double_precision():
    model = mlp(1, 3, "sigmoid")
    assert (model.linear1.in_features, model.output.out_features) == (64, 10)
    assert {p.dtype for p in model.parameters()} == {torch.float64}
    assert {p.device.type for p in model.parameters()} == {"cpu"}


def test_dtype_and_device_are_passed_on():
    model = mlp(2, 3, "sigmoid", dtype=torch.float32, device="meta")
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert {p.device.type for p in model.parameters()} == {"meta"}


@pytest.mark.parametrize("name", activations.names())
def test_forward_is_the_formula(name):
    model, phi = mlp(2, 6, name, in_features=4, out_features=3, seed=1), activations.get(name)
    p = {key: value.detach().numpy() for key, value in model.named_parameters()}
    x = np.random.default_rng(0).normal(size=(5, 4))
    expected = phi(x @ p["linear1.weight"].T + p["linear1.bias"])
    expected = phi(expected @ p["linear2.weight"].T + p["linear2.bias"])
    expected = expected @ p["output.weight"].T + p["output.bias"]
    got = model(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-14)


def test_an_activation_of_ones_own():
    double = activations.Activation("x", np.abs, np.sign, (0,), torch_name="LeakyReLU")
    assert isinstance(mlp(1, 3, double).act1, nn.LeakyReLU)


def test_activations_are_separate_modules():
    """A hook on one of them must not fire for the others."""
    model = mlp(4, 3, "relu")
    assert len({id(getattr(model, f"act{i}")) for i in (1, 2, 3, 4)}) == 4


def test_seed_decides_the_weights_and_the_global_generator_is_untouched():
    before = torch.get_rng_state()
    one = mlp(2, 5, "relu", seed=3)
    torch.rand(17)  # whatever state the global generator is in
    after = torch.get_rng_state()
    same, other = mlp(2, 5, "relu", seed=3), mlp(2, 5, "relu", seed=4)
    assert torch.equal(torch.get_rng_state(), after) and not torch.equal(before, after)
    torch.set_rng_state(before)
    mlp(2, 5, "relu", seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    for a, b, c in zip(one.parameters(), same.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b) and not torch.isclose(a, c).any()
    assert not torch.isclose(one.linear2.weight[:, :5], one.linear1.weight[:, :5]).any()


def test_start_is_the_default_of_pytorch():
    """U(-1/sqrt(fan_in), 1/sqrt(fan_in)) for weights and biases, so a variance of 1/(3 fan_in)."""
    model = mlp(2, 400, "relu", in_features=100)
    for layer in (model.linear1, model.linear2):
        bound = 1 / math.sqrt(layer.in_features)
        for parameter in (layer.weight, layer.bias):
            assert parameter.abs().max() <= bound
            # The largest of n >= 400 is above 0.96 of the bound but for a chance of 1e-7.
            assert parameter.abs().max() > 0.96 * bound
        # var(U^2) gives a relative standard error of sqrt(0.8/n); n >= 40,000, four of them.
        ratio = layer.weight.var().item() * 3 * layer.in_features
        assert abs(ratio - 1) < 4 * math.sqrt(0.8 / layer.weight.numel())


def test_whole_numbers_from_numpy_are_fine():
    assert len(mlp(np.int64(2), np.int32(3), "relu")) == 5


def test_a_width_for_each_layer():
    model = mlp(3, (9, 4, 6), "relu", in_features=5, out_features=2)
    shapes = [tuple(m.weight.shape) for m in model if isinstance(m, nn.Linear)]
    assert shapes == [(9, 5), (4, 9), (6, 4), (2, 6)]
    same, equal = mlp(2, [3, 3], "relu", seed=5), mlp(2, 3, "relu", seed=5)
    for a, b in zip(same.parameters(), equal.parameters(), strict=True):
        assert torch.equal(a, b)


NORMS = {None: None, "batch": nn.BatchNorm1d, "layer": nn.LayerNorm}


every_kind = pytest.mark.parametrize(
    ("normalization", "skip"),
    [(normalization, skip) for normalization in NORMS for skip in (False, True)],
)


normalized = pytest.mark.parametrize("normalization", ["batch", "layer"])


def by_hand(model, x, phi):
    """Scores, every (normalized) h and every phi(h) of a network in training mode."""
    p, hs, xs = dict(model.named_parameters()), [], []
    layer, axis = 0, None
    while True:
        layer += 1
        inside = f"block{layer}." if f"block{layer}.linear.weight" in p else ""
        names = [f"{inside}{part}" if inside else f"{part}{layer}" for part in ("linear", "norm")]
        if f"{names[0]}.weight" not in p:
            return x @ p["output.weight"].T + p["output.bias"], hs, xs
        h = x @ p[f"{names[0]}.weight"].T + p[f"{names[0]}.bias"]
        if f"{names[1]}.weight" in p:
            kind = type(model.get_submodule(names[1]))
            axis = {nn.BatchNorm1d: 0, nn.LayerNorm: 1}[kind]
            centred = h - h.mean(axis, keepdim=True)
            scaled = centred / (centred.square().mean(axis, keepdim=True) + 1e-5).sqrt()
            h = scaled * p[f"{names[1]}.weight"] + p[f"{names[1]}.bias"]
        hs.append(h)
        xs.append(phi(h))
        x = x + xs[-1] if inside else xs[-1]


def with_random_factors(model):
    """A factor of 1 and a bias of 0 would hide that they are left out."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, (nn.BatchNorm1d, nn.LayerNorm)):
                for parameter in module.parameters():
                    parameter.copy_(0.5 + torch.rand(parameter.shape, generator=generator))
    return model


@every_kind
def test_children_of_every_kind(normalization, skip):
    model = mlp(3, 7, "relu", in_features=5, normalization=normalization, skip=skip)
    parts = [("linear", nn.Linear), ("norm", NORMS[normalization]), ("act", nn.ReLU)]
    parts = [part for part in parts if part[1] is not None]
    expected = [(f"{name}1", kind) for name, kind in parts]
    for layer in (2, 3):
        named = [(f"{name}{layer}", kind) for name, kind in parts]
        expected += [(f"block{layer}", Residual)] if skip else named
        if skip:
            inside = model.get_submodule(f"block{layer}").named_children()
            assert [(name, type(child)) for name, child in inside] == parts
    got = [(name, type(child)) for name, child in model.named_children()]
    assert got == [*expected, ("output", nn.Linear)]


@every_kind
def test_linear_layers_start_as_pytorch_draws_them_one_after_the_other(normalization, skip):
    model = mlp(3, 6, "tanh", in_features=4, normalization=normalization, skip=skip, seed=9)
    with torch.random.fork_rng():
        torch.manual_seed(9)
        expected = [nn.Linear(n, m, dtype=torch.float64) for n, m in ((4, 6), (6, 6), (6, 6))]
        expected.append(nn.Linear(6, 10, dtype=torch.float64))
    got = [module for module in model.modules() if isinstance(module, nn.Linear)]
    for ours, theirs in zip(got, expected, strict=True):
        assert torch.equal(ours.weight, theirs.weight) and torch.equal(ours.bias, theirs.bias)


@every_kind
def test_forward_of_every_kind_is_the_formula(normalization, skip):
    model = mlp(4, 6, "tanh", in_features=5, normalization=normalization, skip=skip, seed=2)
    x = torch.randn(9, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected, *_ = by_hand(with_random_factors(model), x, torch.tanh)
    torch.testing.assert_close(model(x), expected, rtol=1e-12, atol=1e-13)


def test_with_skip_connections_a_linear_network_is_a_product_of_identity_plus_weight():
    model = mlp(3, 5, "linear", in_features=4, out_features=2, skip=True, bias=False)
    eye = torch.eye(5, dtype=torch.float64)
    expected = model.output.weight @ (eye + model.block3.linear.weight)
    expected = expected @ (eye + model.block2.linear.weight) @ model.linear1.weight
    got = torch.autograd.functional.jacobian(model, torch.ones(4, dtype=torch.float64))
    torch.testing.assert_close(got, expected.detach(), rtol=1e-12, atol=1e-14)


@normalized
def test_normalization_has_the_dtype_and_the_device_and_no_bias_to_drop(normalization):
    options = {"dtype": torch.float32, "device": "meta", "bias": False}
    model = mlp(2, 3, "relu", normalization=normalization, **options)
    parameters = dict(model.named_parameters())
    assert {p.dtype for p in parameters.values()} == {torch.float32}
    assert {t.device.type for t in [*parameters.values(), *model.buffers()]} == {"meta"}
    assert [n for n in parameters if n.endswith("bias")] == ["norm1.bias", "norm2.bias"]


def test_skip_connections_need_equal_widths():
    message = r"equal width, got \[5, 5, 4\]: layer 3 has 4 units and an input of 5"
    with pytest.raises(ValueError, match=message):
        mlp(3, (5, 5, 4), "relu", skip=True)
    assert isinstance(mlp(3, [5, 5, 5], "relu", skip=True).block3, Residual)
    one = mlp(1, 5, "relu", in_features=5, skip=True)  # nothing is added across the first layer
    assert list(dict(one.named_children())) == ["linear1", "act1", "output"]


@every_kind
def test_every_kind_is_initialized_as_the_plain_network_is(normalization, skip):
    model = mlp(3, 8, "relu", normalization=normalization, skip=skip, seed=5)
    plain = mlp(3, 8, "relu", seed=6)
    report = initialize(model, "he_normal", seed=1)
    initialize(plain, "he_normal", seed=1)
    ours, theirs = (
        [module for module in network.modules() if isinstance(module, nn.Linear)]
        for network in (model, plain)
    )
    for one, other in zip(ours, theirs, strict=True):
        assert torch.equal(one.weight, other.weight) and not one.bias.any()
    counts = report["action"].value_counts().to_dict()
    norms = {"left alone (normalization)": 6} if normalization else {}
    assert counts == {"he_normal": 4, "zero": 4} | norms


@every_kind
def test_a_probe_measures_every_linear_layer_after_the_normalization(normalization, skip):
    model = mlp(3, 8, "tanh", normalization=normalization, skip=skip, seed=1)
    with_random_factors(model)
    x, y, *_ = digits().tensors()
    table = probes.probe(model, x[:40], y[:40])
    inner = ["block2.linear", "block3.linear"] if skip else ["linear2", "linear3"]
    assert table["name"].tolist() == ["linear1", *inner, "output"]
    assert table["activation"].tolist() == ["tanh"] * 3 + ["output"]
    scores, hs, xs = by_hand(model, x[:40], torch.tanh)
    gradients = torch.autograd.grad(nn.functional.cross_entropy(scores, y[:40]), hs)
    for column, tensors in (("h_rms", hs), ("x_rms", xs), ("grad_h_rms", gradients)):
        expected = [tensor.square().mean().sqrt().item() for tensor in tensors]
        np.testing.assert_allclose(table[column][:3], expected, rtol=1e-9)


@every_kind
def test_every_kind_is_trained_and_its_layers_are_followed(normalization, skip):
    model = mlp(3, 16, "relu", normalization=normalization, skip=skip, seed=1)
    run = train(model, digits(), steps=100, lr=0.3, probe_every=50)
    assert run.stopped is None and run.history["test_accuracy"].iloc[-1] > 0.6
    layers = run.layers
    assert layers["step"].tolist() == [1] * 4 + [50] * 4 + [100] * 4
    assert (layers["moved"] > 0).all() and (layers["update_ratio"] > 0).all()


@pytest.mark.parametrize(
    ("options", "spoil", "module"),
    [
        ({"normalization": "batch"}, "norm2", "norm2"),
        ({"normalization": "layer", "skip": True}, "block2.norm", "block2.norm"),
    ],
)
def test_the_first_failure_is_found_inside(options, spoil, module):
    model = mlp(3, 8, "relu", dtype=torch.float32, seed=1, **options)
    x, y, *_ = digits().tensors(dtype=torch.float32)
    assert failures.first_failure(model, x[:20], y[:20]) is None
    with torch.no_grad():  # normalized entries are up to some sqrt(8) in size
        model.get_submodule(spoil).weight.fill_(3e38)
    failure = failures.first_failure(model, x[:20], y[:20])
    assert (failure.phase, failure.module) == ("forward", module)


def test_the_first_failure_may_be_the_sum_of_a_skip_connection():
    model = mlp(2, 8, "relu", dtype=torch.float32, skip=True)
    x, y, *_ = digits().tensors(dtype=torch.float32)
    with torch.no_grad():  # each summand can be written in single precision, the sum cannot
        for layer in (model.linear1, model.block2.linear):
            layer.weight.zero_()
            layer.bias.fill_(2e38)
    failure = failures.first_failure(model, x[:20], y[:20])
    assert (failure.phase, failure.module, failure.operation) == ("forward", "block2", "add")
