"""Networks in Keras: their laws and defaults, and the weights copied from PyTorch."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from weightinit import networks
from weightinit.initializers import SCHEMES, initialize


@pytest.mark.parametrize("scheme", SCHEMES)
def test_same_law_of_the_weights(parity, scheme):
    """Kolmogorov-Smirnov, false alarm 1e-3; 40,000 weights behind 80 inputs, 500 outputs."""
    twin = parity.mlp(1, 500, "relu", in_features=80, scheme=scheme, seed=5)
    layer = nn.Linear(80, 500)
    initialize(layer, scheme, seed=6)
    theirs = np.asarray(twin.get_layer("linear1").kernel).ravel()
    ours = layer.weight.detach().numpy().ravel()
    assert stats.ks_2samp(ours, theirs).pvalue > 1e-3
    assert abs(np.log(ours.std() / theirs.std())) < 4 / np.sqrt(len(ours))
    assert not np.asarray(twin.get_layer("linear1").bias).any()


def test_a_seed_decides_all_weights_and_no_two_layers_are_equal(parity):
    one, same, other = (parity.mlp(4, 64, "relu", seed=seed) for seed in (1, 1, 2))
    kernels = [np.asarray(layer.kernel) for layer in one.layers if hasattr(layer, "kernel")]
    again = [np.asarray(layer.kernel) for layer in same.layers if hasattr(layer, "kernel")]
    assert all(np.array_equal(a, b) for a, b in zip(kernels, again, strict=True))
    assert not np.array_equal(kernels[0], other.get_layer("linear1").kernel)
    assert not np.array_equal(kernels[1], kernels[2])


def test_defaults_of_normalization_are_those_of_keras(parity):
    norm = parity.mlp(1, 4, "relu", normalization="batch").get_layer("norm1")
    assert (norm.momentum, norm.epsilon) == (0.99, 1e-3)


# ---- Weights copied --------------------------------------------------------------------------


def images(source, target, size=(4, 6, 2)):
    """Return what both models make of a batch of images, PyTorch's with the channels first."""
    x = torch.randn(5, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = source.double().eval()(x.movedim(-1, 1))
    found = target(x.numpy(), training=False)
    return found, expected.movedim(1, -1) if expected.ndim == 4 else expected


def moved(source, *shape):
    """Let the running averages move away from 0 and 1."""
    source.double()(torch.randn(9, *shape, dtype=torch.float64))
    return source


def built(keras, size, *layers):
    same = [layer.__class__.from_config(layer.get_config() | {"dtype": "float64"})
            for layer in layers]  # fmt: skip
    return keras.Sequential([keras.Input(size, dtype="float64"), *same])


class Pixels(nn.Module):
    """A Flatten that counts as Keras does: the channels last."""

    def forward(self, x):
        return x.movedim(1, -1).flatten(1)


# PyTorch's layers, and functions of keras.layers that return the same network.
NETWORKS = {
    "permute": (
        lambda: [nn.Conv2d(2, 4, (3, 5)), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 3)],
        lambda k: [
            k.Conv2D(4, (3, 5)),
            k.BatchNormalization(epsilon=1e-5),
            k.Permute((3, 1, 2)),
            k.Flatten(),
            k.Dense(3),
        ],
    ),
    "normalized behind": (
        lambda: [nn.Conv2d(2, 8, (4, 6)), nn.ReLU(), nn.Flatten(), nn.BatchNorm1d(8), nn.Dropout(),
                 nn.Linear(8, 8, bias=False), nn.LayerNorm(8), nn.Tanh(), nn.Linear(8, 2)],
        lambda k: [k.Conv2D(8, (4, 6)), k.Activation("relu"), k.Flatten(),
                   k.BatchNormalization(epsilon=1e-5), k.Dropout(0.5), k.Dense(8, use_bias=False),
                   k.LayerNormalization(epsilon=1e-5), k.Activation("tanh"), k.Dense(2)],
    ),
    "pixels": (
        lambda: [Pixels(), nn.Linear(48, 5)],
        lambda k: [k.Flatten(), k.Dense(5)],
    ),
    "averaged": (
        lambda: [nn.Conv2d(2, 4, 3, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                 nn.Linear(4, 3)],
        lambda k: [k.Conv2D(4, 3, use_bias=False), k.GlobalAveragePooling2D(), k.Dense(3)],
    ),
    "without scale": (
        lambda: [nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4, affine=False)],
        lambda k: [k.Conv2D(4, 3), k.BatchNormalization(epsilon=1e-5, center=False, scale=False)],
    ),
    "without parameters": (
        lambda: [Pixels(), nn.Linear(48, 5), nn.LayerNorm(5, elementwise_affine=False)],
        lambda k: [k.Flatten(), k.Dense(5),
                   k.LayerNormalization(epsilon=1e-5, center=False, scale=False)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_copied_networks_compute_the_same(parity, keras, name):
    theirs, ours = NETWORKS[name]
    source = moved(nn.Sequential(*theirs()), 2, 4, 6)
    target = built(keras, (4, 6, 2), *ours(keras.layers))
    before = [value.clone() for value in source.state_dict().values()]
    parity.copy_weights(source, target)
    assert source.training and all(map(torch.equal, source.state_dict().values(), before))
    found, expected = images(source, target)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("types", [("float32", "float64"), ("float64", "float32")])
def test_precisions_may_differ(parity, types):
    source = networks.mlp(2, 8, "tanh", seed=1, dtype=getattr(torch, types[0]))
    target = parity.mlp(2, 8, "tanh", dtype=types[1])
    parity.copy_weights(source, target)
    assert np.array_equal(
        target.get_layer("linear1").kernel.numpy().astype("float32"),
        source.linear1.weight.detach().T.float(),
    )


# Networks of the same shapes that are another function, by PyTorch's layers and Keras's.
OTHERS = {
    "flatten": (
        lambda: [nn.Conv2d(2, 4, (3, 5)), nn.Flatten(), nn.Linear(16, 3)],
        lambda k: [k.Conv2D(4, (3, 5)), k.Flatten(), k.Dense(3)],
    ),
    "flatten, pooled": (
        lambda: [nn.Conv2d(2, 3, 3, padding=1), nn.MaxPool2d(2), nn.Flatten(), nn.BatchNorm1d(18)],
        lambda k: [k.Conv2D(3, 3, padding="same"), k.MaxPooling2D(2), k.Flatten(),
                   k.BatchNormalization(epsilon=1e-5)],
    ),
    "reshaped": (
        lambda: [nn.Conv2d(2, 4, 3), nn.Flatten(), nn.Linear(32, 3)],
        lambda k: [k.Conv2D(4, 3), k.Reshape((32,)), k.Dense(3)],
    ),
    "stride": (
        lambda: [nn.Conv2d(2, 4, 1, stride=1), nn.AdaptiveAvgPool2d(1), nn.Flatten()],
        lambda k: [k.Conv2D(4, 1, strides=2), k.GlobalAveragePooling2D()],
    ),
    "padding": (
        lambda: [nn.Conv2d(2, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()],
        lambda k: [k.Conv2D(4, 3, padding="same"), k.GlobalAveragePooling2D()],
    ),
    "output shape": (
        lambda: [nn.Conv2d(2, 4, 3)],
        lambda k: [k.Conv2D(4, 3, padding="same")],
    ),
    "activation": (
        lambda: [Pixels(), nn.Linear(48, 5), nn.ReLU()],
        lambda k: [k.Flatten(), k.Dense(5, activation="tanh")],
    ),
    "softmax": (
        lambda: [Pixels(), nn.Linear(48, 5)],
        lambda k: [k.Flatten(), k.Dense(5, activation="softmax")],
    ),
    "epsilon": (
        lambda: [nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4)],
        lambda k: [k.Conv2D(4, 3), k.BatchNormalization()],
    ),
    "axes of a normalization": (
        lambda: [nn.Conv2d(2, 2, (3, 5)), nn.LayerNorm((2, 2, 2))],
        lambda k: [k.Conv2D(2, (3, 5)), k.LayerNormalization(axis=[1, 2, 3], epsilon=1e-5)],
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    "name, start",
    [*((name, None) for name in OTHERS), ("reshaped", 0.0), ("reshaped", 0.5), ("activation", 0.0)],
)
def test_other_functions_are_refused_and_nothing_changes(parity, keras, name, start):
    """Also where the present weights cannot tell them apart."""
    theirs, ours = OTHERS[name]
    source = nn.Sequential(*theirs()).double()
    if start is not None:
        for p in source.parameters():
            nn.init.constant_(p, start)
    target = built(keras, (4, 6, 2), *ours(keras.layers))
    before = target.get_weights()
    with pytest.raises(ValueError, match="compute different functions"):
        parity.copy_weights(source, target)
    assert all(map(np.array_equal, before, target.get_weights()))


def test_layers_in_another_order_are_refused(parity, keras):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.second, self.first = nn.Linear(5, 5), nn.Linear(5, 5)

        def forward(self, x):
            return self.second(self.first(x).tanh())

    k = keras.layers
    target = built(keras, (5,), k.Dense(5, activation="tanh"), k.Dense(5))
    with pytest.raises(ValueError, match="compute different functions"):
        parity.copy_weights(Net().double(), target)


def test_a_wrong_second_layer_leaves_the_first_as_it_was(parity):
    source = networks.mlp(2, 4, "relu", out_features=9)
    target = parity.mlp(2, 4, "relu")
    before = target.get_weights()
    with pytest.raises(ValueError, match="does not fit Keras's layer 'output'"):
        parity.copy_weights(source, target)
    assert all(map(np.array_equal, before, target.get_weights()))


def test_kinds_of_equal_shapes_are_told_apart(parity, keras):
    source = nn.Sequential(nn.LayerNorm((3, 4), bias=False)).double()
    target = built(keras, (3, 3), keras.layers.Dense(4, use_bias=False))
    with pytest.raises(ValueError, match="LayerNorm.* does not fit Keras's layer"):
        parity.copy_weights(source, target)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.complex64])
def test_source_of_other_numbers_is_refused(parity, dtype):
    source = nn.Sequential(nn.Linear(64, 4, dtype=dtype), nn.Linear(4, 10, dtype=dtype))
    with pytest.raises(ValueError, match="float32 or float64, got: (b?float16|complex)"):
        parity.copy_weights(source, parity.mlp(1, 4, "linear"))


# ---- Bad input -------------------------------------------------------------------------------

MLP = {
    "depth": [None, "2", True, 1.5, 0, -1, math.nan, [1]],
    "width": [None, "2", True, 1.5, 0, -1, math.nan, [1, 2]],
    "in_features": [None, "2", True, 1.5, 0, -1],
    "out_features": [None, "2", True, 1.5, 0, -1],
    "activation": [None, "rely", 3, nn.ReLU, [], nn.ReLU()],
    "normalization": ["group", True, 3, [], nn.BatchNorm1d],
    "scheme": ["", "kaiming", 3, True, [], {}],
    "dtype": [None, "float16", "bfloat16", "mixed_float16", "int32", torch.float64, np.float64, 64],
    "seed": [None, "0", True, 1.0, -1, 2**32],
}


@pytest.mark.parametrize("argument, value", [(a, v) for a, values in MLP.items() for v in values])
def test_wrong_network(parity, argument, value):
    call = {"depth": 1, "width": 4, "activation": "relu"} | {argument: value}
    with pytest.raises((TypeError, ValueError), match=f"{argument}.*(must|got)|unknown {argument}"):
        parity.mlp(**call)


@pytest.mark.parametrize(
    "normalization, options, message",
    [
        (None, {"epsilon": 1e-5}, "normalization=None takes no options, got .'epsilon'"),
        ("layer", {"momentum": 0.9}, "takes epsilon, got .'momentum'"),
        ("batch", {"units": 3}, "takes momentum and epsilon, got .'units'"),
        ("batch", {"name": "mine"}, "takes momentum and epsilon, got .'name'"),
        *(
            ("batch", {name: value}, f"{name} must be")
            for name in ("epsilon", "momentum")
            for value in (None, "1", -1, 1.0, math.nan, math.inf, [0.1])
        ),
    ],
)
def test_wrong_options(parity, normalization, options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        parity.mlp(1, 4, "relu", normalization=normalization, **options)


def test_activation_that_keras_does_not_have(parity, monkeypatch):
    from weightinit import activations

    activations.register("twice", lambda h: 2 * h, lambda h: 2 + 0 * h)
    with pytest.raises(ValueError, match="Keras has no activation 'twice'"):
        parity.mlp(1, 4, "twice")


def test_wrong_models(parity):
    source, target = networks.mlp(1, 4, "relu"), parity.mlp(1, 4, "relu")
    for value in (None, "model", 3, [], {}, nn.Linear, np.ones(3)):
        with pytest.raises(TypeError, match="source must be a torch.nn.Module"):
            parity.copy_weights(value, target)
        with pytest.raises(TypeError, match="target must be a keras"):
            parity.copy_weights(source, value)
    with pytest.raises(TypeError, match="source must be a torch.nn.Module"):
        parity.copy_weights(target, source)


@pytest.mark.parametrize(
    "source, message",
    [
        (nn.Linear(64, 4), "has 1 layers with weights, not 2"),
        (nn.Sequential(nn.Linear(64, 5), nn.Linear(5, 10)), "does not fit Keras's layer 'linear1'"),
        (nn.Sequential(nn.LazyLinear(4), nn.Linear(4, 10)), "holds no numbers yet"),
        (nn.Sequential(nn.Linear(64, 4, device="meta"), nn.Linear(4, 10)), "holds no numbers yet"),
        (nn.Sequential(nn.Linear(4, 10), nn.Linear(64, 4)), "does not fit"),
        (nn.ModuleList([nn.Linear(64, 4), nn.Linear(4, 10)]), "source cannot take target's input"),
        (
            nn.Sequential(nn.Linear(64, 4), nn.Linear(4, 10).double()),
            "numbers of one kind, float32 or float64",
        ),
    ],
    ids=str,
)
def test_sources_that_do_not_fit(parity, source, message):
    target = parity.mlp(1, 4, "linear")
    before = target.get_weights()
    with pytest.raises(ValueError, match=message):
        parity.copy_weights(source, target)
    assert all(map(np.array_equal, before, target.get_weights()))
