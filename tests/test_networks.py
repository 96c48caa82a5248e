import math

import numpy as np
import pytest
import torch
from torch import nn

from weightinit import activations
from weightinit.data import digits
from weightinit.initializers import initialize, lsuv
from weightinit.networks import mlp
from weightinit.training import train


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


@pytest.mark.parametrize("value", [0, -1, 2.5, True, "3", None, float("nan")])
@pytest.mark.parametrize("name", ["depth", "width", "in_features", "out_features"])
def test_sizes_must_be_whole_numbers(name, value):
    arguments = {"depth": 1, "width": 3, "activation": "relu"} | {name: value}
    message = f"{name} must be a whole number of at least 1, got {value!r}"
    with pytest.raises(ValueError, match=message):
        mlp(**arguments)


def test_whole_numbers_from_numpy_are_fine():
    assert len(mlp(np.int64(2), np.int32(3), "relu")) == 5


def test_unknown_activation_lists_what_is_allowed():
    with pytest.raises(ValueError, match="unknown activation 'rely'; allowed: .*relu.*tanh"):
        mlp(1, 3, "rely")


def test_a_width_for_each_layer():
    model = mlp(3, (9, 4, 6), "relu", in_features=5, out_features=2)
    shapes = [tuple(m.weight.shape) for m in model if isinstance(m, nn.Linear)]
    assert shapes == [(9, 5), (4, 9), (6, 4), (2, 6)]
    same, equal = mlp(2, [3, 3], "relu", seed=5), mlp(2, 3, "relu", seed=5)
    for a, b in zip(same.parameters(), equal.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("widths", [(), (3,), [3, 3, 3]])
def test_widths_must_be_as_many_as_the_layers(widths):
    with pytest.raises(ValueError, match="width must be one number or 2, one for each layer, got"):
        mlp(2, widths, "relu")


@pytest.mark.parametrize("bad", [0, 2.5, None])
def test_each_width_is_checked(bad):
    with pytest.raises(ValueError, match=f"width must be a whole number of at least 1, got {bad}"):
        mlp(2, [3, bad], "relu")


@pytest.mark.parametrize(
    "seed, error, message",
    [
        (1.5, TypeError, "seed must be an integer, got 1.5"),
        (None, TypeError, "seed must be an integer, got None"),
        (True, TypeError, "seed must be an integer, got True"),
        (-1, ValueError, r"seed must be in \[0, 4294967295\], got -1"),
    ],
)
def test_seed_must_be_a_whole_number(seed, error, message):
    model = mlp(1, 3, "relu")
    before = model.linear1.weight.clone()
    data = digits()
    for call in (
        lambda: mlp(1, 3, "relu", seed=seed),
        lambda: initialize(model, "he_normal", seed=seed),
        lambda: lsuv(model, torch.ones(2, 64, dtype=torch.float64), seed=seed),
        lambda: train(model, data, steps=1, lr=0.1, seed=seed),
        lambda: digits(seed=seed),
    ):
        with pytest.raises(error, match=message):
            call()
    assert torch.equal(model.linear1.weight, before)
