"""Keras's networks trained and probed, against PyTorch's."""

import math

import numpy as np
import pytest
import torch

from weightinit import probes, training
from weightinit.data import digits


@pytest.mark.parametrize(
    "normalization, activation, rtol",
    [
        (None, "tanh", 1e-11),
        ("batch", "tanh", 1e-11),
        ("layer", "relu", 1e-11),
        (None, "hardtanh", 1e-11),
        # TensorFlow keeps the slope of a leaky ReLU in single precision: 0.01 is off by 2e-8 of it.
        ("batch", "leaky_relu", 1e-8),
    ],
)
def test_same_scores_and_same_probe(parity, pair, normalization, activation, rtol):
    model, twin = pair(normalization, activation)
    data = digits()
    x, y = data.x_train[:50], data.y_train[:50]
    before = [w.copy() for w in twin.get_weights()]
    found = parity.probe(twin, x, y)
    assert all(np.array_equal(a, b) for a, b in zip(before, twin.get_weights(), strict=True))
    wanted = probes.probe(model, torch.tensor(x), torch.tensor(y))
    assert found["name"].tolist() == wanted["name"].tolist()
    columns = ["h_rms", "grad_h_rms", "grad_w_rms", "w_rms"]
    np.testing.assert_allclose(found[columns], wanted[columns], rtol=rtol)
    model.eval()
    expected = model(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(twin(x, training=False), expected, rtol=10 * rtol, atol=rtol)


@pytest.mark.parametrize("normalization", [None, "layer"])
def test_same_training(parity, pair, normalization):
    """Keras keeps the rate in single precision: 0.0625 is the same in both, 0.05 is not."""
    model, twin = pair(normalization)
    options = {"lr": 0.0625, "steps": 20, "batch_size": 50, "seed": 3, "evaluate_every": 8}
    wanted = training.train(model, digits(), **options).history
    found = parity.train(twin, digits(), **options)
    assert found["step"].tolist() == wanted["step"].tolist() == [0, 8, 16, 20]
    np.testing.assert_allclose(found[wanted.columns], wanted, rtol=1e-9)


def test_same_training_with_batch_normalization_but_for_the_running_variance(parity, pair):
    """The weights agree; the average for evaluation does not: n - 1 in PyTorch, n in Keras."""
    model, twin = pair("batch")
    options = {"lr": 0.0625, "steps": 30, "batch_size": 50}
    training.train(model, digits(), **options)
    parity.train(twin, digits(), **options)
    np.testing.assert_allclose(
        twin.get_layer("linear2").kernel, model.linear2.weight.detach().T, rtol=1e-8, atol=1e-10
    )
    norm, ours = twin.get_layer("norm1"), model.norm1
    np.testing.assert_allclose(norm.moving_mean, ours.running_mean, rtol=1e-8, atol=1e-10)
    kept = 0.9**30  # of the 1 that both start with
    ratio = (ours.running_var.numpy() - kept) / (np.asarray(norm.moving_variance) - kept)
    np.testing.assert_allclose(ratio, 50 / 49, rtol=1e-8)


def test_a_failing_probe_puts_the_running_averages_back(parity, keras):
    """The last layer raises when the normalization has already seen the batch."""
    twin = parity.mlp(1, 4, "tanh", normalization="batch", dtype="float32")

    failing = {}

    class Raising(keras.layers.Layer):
        def call(self, x):
            if failing:
                raise RuntimeError("no")
            return x

    twin.add(Raising(dtype="float32"))
    failing["now"] = True
    before = twin.get_weights()
    with pytest.raises(RuntimeError, match="no"):
        parity.probe(twin, np.ones((3, 64)), np.zeros(3, dtype=int))
    assert all(map(np.array_equal, before, twin.get_weights()))


# ---- Bad input -------------------------------------------------------------------------------


def sixteen_bits(keras, dtype):
    layers = [keras.layers.Dense(8), keras.layers.Dense(10, dtype=dtype)]
    return keras.Sequential([keras.Input((64,)), *layers])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "mixed_float16", "mixed_bfloat16"])
def test_networks_of_sixteen_bits_are_refused(parity, keras, dtype):
    """Their products would come out differently on other processors."""
    model = sixteen_bits(keras, dtype)
    before, data = model.get_weights(), digits()
    for call in (
        lambda: parity.train(model, data, lr=0.1, steps=1),
        lambda: parity.probe(model, data.x_train[:5], data.y_train[:5]),
        lambda: parity.copy_weights(
            torch.nn.Sequential(torch.nn.Linear(64, 8), torch.nn.Linear(8, 10)), model
        ),
        lambda: parity.probe(
            keras.Sequential([keras.Input((64,)), model]), data.x_train[:5], data.y_train[:5]
        ),
    ):
        with pytest.raises(
            ValueError, match="must compute in float32 or float64, .* has b?float16"
        ):
            call()
    assert all(map(np.array_equal, before, model.get_weights()))


X, Y = np.ones((3, 64)), np.zeros(3, dtype=int)
TRAIN = {
    "model": [None, "model", 3, [], torch.nn.Linear(64, 10)],
    "data": [None, "digits", (X, Y), {}, digits],
    "lr": [None, "0.1", [0.1], 0, -1, math.nan, math.inf],
    "steps": [None, "3", True, 1.5, 0, -1, [1]],
    "batch_size": [None, "3", True, 1.5, 0, -1, [1]],
    "seed": [None, "0", True, 1.0, -1, 2**32],
    "evaluate_every": ["3", True, 1.5, 0, -1, [1]],
}
PROBE = {
    "model": [None, "model", 3, [], torch.nn.Linear(64, 10)],
    "x": [None, "x", 3, X.tolist(), torch.tensor(X), X[0], X[:, :5], X[:2], X[:0], X * math.nan,
          X.astype(str), X > 0, X * 1j],
    "y": [None, "y", 3, [0, 1, 2], torch.tensor(Y), Y[:2], Y[:0], Y[:, None], Y * 1.0, Y - 1,
          Y + 10, Y.astype(str)],
}  # fmt: skip


@pytest.fixture(scope="module")
def small(keras):
    from weightinit import keras_parity

    return keras_parity.mlp(1, 4, "relu")


@pytest.mark.parametrize("argument, value", [(a, v) for a, values in TRAIN.items() for v in values])
def test_wrong_training(parity, small, argument, value):
    call = {"model": small, "data": digits(), "lr": 0.1, "steps": 1} | {argument: value}
    before = small.get_weights()
    named = "learning rate" if argument == "lr" else argument
    with pytest.raises((TypeError, ValueError), match=f"{named} must be"):
        parity.train(**call)
    assert all(map(np.array_equal, before, small.get_weights()))


@pytest.mark.parametrize("argument, value", [(a, v) for a, values in PROBE.items() for v in values])
def test_wrong_probe(parity, small, argument, value):
    message = f"{argument} must|x and y must|x must hold finite numbers and y integers|fit x"
    with pytest.raises((TypeError, ValueError), match=message):
        parity.probe(**({"model": small, "x": X, "y": Y} | {argument: value}))


def test_networks_that_do_not_fit_the_data_are_refused(parity, keras):
    for sizes in ({"in_features": 63}, {"out_features": 9}):
        with pytest.raises(ValueError, match="the model takes .* does not fit x"):
            parity.train(parity.mlp(1, 4, "relu", **sizes), digits(), lr=0.1, steps=1)
    unbuilt = keras.Sequential([keras.layers.Dense(10)])
    branched = keras.Model(one := keras.Input((64,)), [keras.layers.Dense(10)(one), one])
    for model in (unbuilt, branched, keras.Sequential([keras.Input((64,))])):
        with pytest.raises(
            ValueError, match="model must be built, with weights, one input and one"
        ):
            parity.train(model, digits(), lr=0.1, steps=1)
    straight = keras.Model(one, keras.layers.Dense(10)(one))
    with pytest.raises(TypeError, match="model must be a keras.Sequential"):
        parity.probe(straight, X, Y)
