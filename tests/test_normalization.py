"""Batch normalization by hand against PyTorch, Keras, finite differences and its identities."""

import re

import numpy as np
import pytest
import torch
from torch import nn

from weightinit.normalization import batch_norm, batch_norm_backward, running_averages

UNITS = 5


@pytest.fixture
def batch():
    """Return h, gamma, beta and dL/dy; small columns, so that epsilon counts."""
    random = np.random.default_rng(0)
    h = random.normal(3.0, [1e-3, 0.1, 1.0, 4.0, 10.0], size=(12, UNITS))
    gamma, beta = random.normal(1.0, 0.3, UNITS), random.normal(size=UNITS)
    return h, gamma, beta, random.normal(size=h.shape)


def torch_layer(gamma, beta, kind=nn.BatchNorm1d):
    layer = kind(UNITS, dtype=torch.float64)
    layer.weight.data, layer.bias.data = torch.tensor(gamma), torch.tensor(beta)
    return layer


def test_forward_and_backward_equal_pytorch(batch):
    h, gamma, beta, grad_y = batch
    layer, x = torch_layer(gamma, beta), torch.tensor(h, requires_grad=True)
    y = layer(x)
    y.backward(torch.tensor(grad_y))
    np.testing.assert_allclose(batch_norm(h, gamma, beta), y.detach(), rtol=1e-11, atol=1e-12)
    found = batch_norm_backward(grad_y, h, gamma)
    for ours, theirs in zip(found, (x.grad, layer.weight.grad, layer.bias.grad), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-10)


def test_images_equal_pytorch(batch):
    _, gamma, beta, _ = batch
    images = np.random.default_rng(1).normal(2.0, 3.0, size=(6, UNITS, 4, 3))
    layer = torch_layer(gamma, beta, nn.BatchNorm2d)
    y = layer(torch.tensor(images)).detach().numpy()
    rows = np.moveaxis(images, 1, -1).reshape(-1, UNITS)
    wanted = np.moveaxis(y, 1, -1).reshape(-1, UNITS)
    np.testing.assert_allclose(batch_norm(rows, gamma, beta), wanted, rtol=1e-12, atol=1e-13)
    averages = running_averages(np.zeros(UNITS), np.ones(UNITS), rows, keep=0.9, unbiased=True)
    np.testing.assert_allclose(averages[0], layer.running_mean, rtol=1e-13)
    np.testing.assert_allclose(averages[1], layer.running_var, rtol=1e-13)


def test_gradient_is_that_of_finite_differences(batch):
    """To 1e-6 of the largest entry, as the numbers are; the step's own error is of order 1e-8."""
    h, gamma, beta, grad_y = batch
    h = h / h.std(axis=0)  # one step for all columns
    found = batch_norm_backward(grad_y, h, gamma)

    def loss(h, gamma, beta):
        return (grad_y * batch_norm(h, gamma, beta)).sum()

    at = [h, gamma, beta]
    for place, (values, gradient) in enumerate(zip(at, found, strict=True)):
        numeric = np.empty_like(values)
        for index in np.ndindex(values.shape):
            step = np.zeros_like(values)
            step[index] = 1e-5
            up, down = (
                [*at[:place], values + sign * step, *at[place + 1 :]] for sign in (1.0, -1.0)
            )
            numeric[index] = (loss(*up) - loss(*down)) / 2e-5
        np.testing.assert_allclose(gradient, numeric, rtol=0, atol=1e-6 * abs(numeric).max())


def test_evaluation_equals_pytorch_after_three_batches(batch):
    _, gamma, beta, _ = batch
    layer, random = torch_layer(gamma, beta), np.random.default_rng(2)
    mean, variance = np.zeros(UNITS), np.ones(UNITS)
    for _ in range(3):
        h = random.normal(1.0, 2.0, size=(7, UNITS))
        layer(torch.tensor(h))
        mean, variance = running_averages(mean, variance, h, keep=0.9, unbiased=True)
    y = batch_norm(h, gamma, beta, mean=mean, variance=variance)
    expected = layer.eval()(torch.tensor(h)).detach()
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-13)
    wrong = running_averages(np.zeros(UNITS), np.ones(UNITS), h, keep=0.9, unbiased=False)
    right = running_averages(np.zeros(UNITS), np.ones(UNITS), h, keep=0.9, unbiased=True)
    assert (wrong[1] < right[1]).all()  # 6/7 of the batch's: seen by what is above


def test_training_and_evaluation_equal_keras(keras, batch):
    h, gamma, beta, _ = batch
    layer = keras.layers.BatchNormalization(dtype="float64")
    layer.build((None, UNITS))
    layer.gamma.assign(gamma)
    layer.beta.assign(beta)
    training = np.asarray(layer(h, training=True))
    np.testing.assert_allclose(training, batch_norm(h, gamma, beta, eps=1e-3), rtol=1e-10)
    mean, variance = running_averages(np.zeros(UNITS), np.ones(UNITS), h, keep=0.99, unbiased=False)
    np.testing.assert_allclose(np.asarray(layer.moving_mean), mean, rtol=1e-12)
    np.testing.assert_allclose(np.asarray(layer.moving_variance), variance, rtol=1e-12)
    evaluation = batch_norm(h, gamma, beta, eps=1e-3, mean=mean, variance=variance)
    np.testing.assert_allclose(np.asarray(layer(h, training=False)), evaluation, rtol=1e-12)


def test_identities(batch):
    """The gradient's columns sum to 0; with no epsilon they are orthogonal to h, too."""
    h, gamma, _, grad_y = batch
    grad_h, *_ = batch_norm_backward(grad_y, h, gamma, eps=1e-300)
    size = abs(grad_h).sum(axis=0)
    assert (abs(grad_h.sum(axis=0)) < 1e-12 * size).all()
    assert (abs((grad_h * h).sum(axis=0)) < 1e-10 * size * abs(h).max(axis=0)).all()


def test_gradient_of_the_weights_before_it_is_orthogonal_to_them():
    """Through PyTorch's own layers; the epsilon leaves a share of about 1e-5 / variance."""
    linear, norm = nn.Linear(6, UNITS, dtype=torch.float64), nn.BatchNorm1d(UNITS, eps=1e-300)
    x = torch.randn(9, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y = norm.to(torch.float64)(linear(x))
    (y.pow(3).sum() + y.exp().sum()).backward()
    inner = (linear.weight * linear.weight.grad).sum(dim=1)
    assert (inner.abs() < 1e-12 * linear.weight.norm(dim=1) * linear.weight.grad.norm(dim=1)).all()


# ---- Wrong calls -------------------------------------------------------------------------------

NAN, INF = float("nan"), float("inf")
ONE = np.ones((1, 5))
GOOD = {
    batch_norm: {
        "h": np.arange(10.0).reshape(2, 5),
        "gamma": np.ones(5),
        "beta": np.zeros(5),
        "eps": 1e-5,
    },
    batch_norm_backward: {
        "grad_y": np.ones((2, 5)),
        "h": np.arange(10.0).reshape(2, 5),
        "gamma": np.ones(5),
        "eps": 1e-5,
    },
    running_averages: {
        "mean": np.zeros(5),
        "variance": np.ones(5),
        "h": np.arange(10.0).reshape(2, 5),
        "keep": 0.9,
        "unbiased": True,
    },
}


def refused(function, change, error, message):
    with pytest.raises(error, match=re.escape(message)):
        function(**(GOOD[function] | change))


@pytest.mark.parametrize("function", GOOD)
def test_every_array_is_checked(function):
    arrays = {name: a for name, a in GOOD[function].items() if isinstance(a, np.ndarray)}
    if function is batch_norm:
        arrays |= {"mean": np.zeros(5), "variance": np.ones(5)}
    for name, array in arrays.items():

        def call(value, error, message, name=name):
            both = {n: arrays[n] for n in ("mean", "variance") if n in arrays}
            refused(function, both | {name: value}, error, message)

        for value in (
            "h",
            [[1.0]],
            3.0,
            torch.ones(5),
            {},
            array > 0,
            array * 1j,
            array.astype(str),
        ):
            call(value, TypeError, f"{name} must be a NumPy array of numbers, got ")
        shape = "(n, units)" if name == "h" else str(array.shape)
        wrong = [array[0], array[None]] if name == "h" else [array[:1], array[None], array[:0]]
        for value in [*wrong, np.zeros(())]:
            call(value, ValueError, f"{name} must have shape {shape}, got {value.shape}")
        for bad in (NAN, INF, -INF):
            call(
                np.where(array == array.flat[0], bad, array), ValueError, f"{name} must be finite, "
            )


@pytest.mark.parametrize("function", [batch_norm, batch_norm_backward])
@pytest.mark.parametrize(
    ("eps", "error", "message"),
    [
        *(
            (value, ValueError, f"positive and finite, got {value}")
            for value in (0.0, -1.0, NAN, INF)
        ),
        *((value, TypeError, "eps must be a number, got ") for value in (None, "1e-5", [1e-5])),
    ],
)
def test_epsilon(function, eps, error, message):
    refused(function, {"eps": eps}, error, message)


@pytest.mark.parametrize(
    ("function", "change", "error", "message"),
    [
        (batch_norm, {"mean": np.zeros(5)}, ValueError, "give both mean and variance or neither"),
        (batch_norm, {"variance": np.ones(5)}, ValueError, "give both mean and variance or"),
        (batch_norm, {"mean": np.zeros(5), "variance": -np.ones(5)}, ValueError,
         "variance must not be negative, got -1.0"),
        (running_averages, {"variance": np.arange(5.0) - 1}, ValueError,
         "variance must not be negative, got -1.0"),
        (running_averages, {"keep": 1.1}, ValueError, "keep must be from 0 to 1, got 1.1"),
        (running_averages, {"keep": -0.1}, ValueError, "keep must be finite and not negative"),
        (running_averages, {"keep": NAN}, ValueError, "keep must be finite and not negative"),
        (running_averages, {"keep": "0.9"}, TypeError, "keep must be a number, got '0.9'"),
        *((running_averages, {"unbiased": value}, ValueError, "unbiased must be True or False, got")
          for value in (None, 1, "yes")),
        (batch_norm, {"h": ONE}, ValueError, "at least two examples, got 1"),
        (batch_norm_backward, {"h": ONE, "grad_y": ONE}, ValueError, "two examples, got 1"),
        (running_averages, {"h": ONE}, ValueError, "at least two examples, got 1"),
    ],
)  # fmt: skip
def test_wrong_calls(function, change, error, message):
    refused(function, change, error, message)


@pytest.mark.parametrize("function", GOOD)
@pytest.mark.parametrize("largest", [1e200, np.float32(1e30), np.float16(6e4)])
def test_a_variance_out_of_range_is_no_number_to_divide_by(function, largest):
    """By infinity: all entries would be 0, without a word."""
    h = np.array([[largest] * 5, [-largest] * 5])
    refused(function, {"h": h}, ValueError, f"h must have a finite variance in {h.dtype}, got ")


def test_edges_that_are_allowed():
    h, zero, one = GOOD[batch_norm]["h"], np.zeros(5), np.ones(5)
    assert np.isfinite(batch_norm(h, one, zero, mean=zero, variance=zero)).all()
    old = running_averages(zero, one, h, keep=1, unbiased=False)
    new = running_averages(zero, one, h, keep=0, unbiased=False)
    np.testing.assert_array_equal(old, [zero, one])
    np.testing.assert_array_equal(new, [h.mean(axis=0), h.var(axis=0)])
    whole = np.arange(10).reshape(2, 5)
    np.testing.assert_array_equal(batch_norm(whole, one, zero), batch_norm(h, one, zero))


def test_epsilon_of_the_backward_pass(batch):
    h, gamma, beta, grad_y = batch
    layer, x = torch_layer(gamma, beta), torch.tensor(h, requires_grad=True)
    layer.eps = 0.5
    layer(x).backward(torch.tensor(grad_y))
    for ours, theirs in zip(
        batch_norm_backward(grad_y, h, gamma, eps=0.5),
        (x.grad, layer.weight.grad, layer.bias.grad),
        strict=True,
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-10)
