"""The same functions in Keras; and where the defaults of Keras and PyTorch differ."""

import inspect

import numpy as np
import pytest
import torch
from torch import nn

from weightinit.activations import get, names

# Both sides of every kink, the kinks, and the tails.
GRID = np.unique(
    np.concatenate(
        [np.linspace(-12, 12, 2401), np.linspace(-100, 100, 401), [-1e4, 1e4]]
        + [kink + np.array([-1e-3, -1e-9, 0.0, 1e-9, 1e-3]) for kink in (-1, 0, 1)]
    )
)
# At -2, a slope of 0.01 gives -0.02. GELU there is -2 ncdf(-2); its tanh approximation is 1e-4 off.
AT = -2.0
GELU, GELU_TANH = -0.045500263896358, -0.045402305912225


def computed(keras, function, values, **kwargs):
    """What Keras gives for float64 numbers, in float64."""
    result = function(keras.ops.convert_to_tensor(values, dtype="float64"), **kwargs)
    return np.asarray(keras.ops.convert_to_numpy(result))


@pytest.mark.parametrize("name", names())
def test_keras_computes_our_function(keras, name):
    activation = get(name)
    function = getattr(keras.activations, activation.keras_name)
    theirs = computed(keras, function, GRID, **activation.keras_kwargs)
    assert theirs.dtype == np.float64
    # Keras rounds two constants to float32 on the way: the slope 0.01, and GELU's root of 2.
    rounded = {"leaky_relu": (2**-24, 0), "gelu": (2**-24, 2**-24)}
    rtol, atol = rounded.get(name, (1e-12, 1e-12))
    np.testing.assert_allclose(theirs, activation(GRID), rtol=rtol, atol=atol)


@pytest.mark.parametrize(
    ("function", "layer", "expected"),
    [
        # name in keras.activations, class in keras.layers, what they make of -2
        ("leaky_relu", None, -0.4),
        (None, "LeakyReLU", -0.6),
        ("gelu", None, GELU),
        ("elu", "ELU", np.expm1(-2)),
        (None, "PReLU", 0.0),
    ],
)
def test_defaults_of_keras(keras, function, layer, expected):
    found = []
    if function:
        found.append(computed(keras, getattr(keras.activations, function), [[AT]]))
        found.append(computed(keras, keras.activations.get(function), [[AT]]))
        found.append(computed(keras, keras.layers.Activation(function, dtype="float64"), [[AT]]))
    if layer:
        found.append(computed(keras, getattr(keras.layers, layer)(dtype="float64"), [[AT]]))
    np.testing.assert_allclose(np.ravel(found), expected, rtol=1e-7, atol=0)


def test_defaults_of_keras_by_name(keras):
    def default(function, argument):
        return inspect.signature(function).parameters[argument].default

    assert default(keras.activations.leaky_relu, "negative_slope") == 0.2
    assert keras.layers.LeakyReLU().negative_slope == 0.3
    assert default(keras.activations.gelu, "approximate") is False
    assert default(keras.activations.elu, "alpha") == keras.layers.ELU().alpha == 1
    for name in ("leaky_relu", "gelu", "elu"):  # the book's, where Keras would do otherwise
        differs = [
            argument
            for argument, value in get(name).keras_kwargs.items()
            if default(getattr(keras.activations, name), argument) != value
        ]
        assert differs == (["negative_slope"] if name == "leaky_relu" else [])


@pytest.mark.parametrize("shape", [(5,), (4, 6, 3)])
def test_keras_prelu_learns_one_slope_for_each_feature_from_zero(keras, shape):
    layer = keras.layers.PReLU()
    layer.build((None, *shape))
    (slopes,) = layer.get_weights()
    assert slopes.shape == shape and not slopes.any()


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (nn.LeakyReLU(), -0.02),
        (nn.functional.leaky_relu, -0.02),
        (nn.GELU(), GELU),
        (nn.functional.gelu, GELU),
        (nn.GELU(approximate="tanh"), GELU_TANH),
        (nn.ELU(), np.expm1(-2)),
        (nn.functional.elu, np.expm1(-2)),
        (nn.PReLU(dtype=torch.float64), -0.5),
    ],
)
def test_defaults_of_pytorch(module, expected):
    assert module(torch.tensor(AT, dtype=torch.float64)).item() == pytest.approx(expected, rel=1e-9)


def test_pytorchs_prelu_learns_one_slope_for_all_from_a_quarter():
    assert nn.PReLU().weight.tolist() == [0.25]
    assert nn.PReLU(3).weight.tolist() == 3 * [0.25]


# ---- torch.nn.init.calculate_gain ------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("linear",), 1),
        (("sigmoid",), 1),
        (("tanh",), 5 / 3),
        (("relu",), np.sqrt(2)),
        (("leaky_relu",), np.sqrt(2 / (1 + 0.01**2))),
        (("leaky_relu", 0.2), np.sqrt(2 / (1 + 0.2**2))),
        (("selu",), 3 / 4),
    ],
)
def test_calculate_gain(arguments, expected):
    assert nn.init.calculate_gain(*arguments) == pytest.approx(expected, rel=1e-15)


def test_calculate_gain_knows_no_other():
    known = {"linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"}
    others = set(names()) - known
    assert {"gelu", "silu", "elu", "softplus", "mish", "softsign", "hardtanh"} == others
    for name in others:
        with pytest.raises(ValueError, match=f"Unsupported nonlinearity {name}"):
            nn.init.calculate_gain(name)
