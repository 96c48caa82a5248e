"""Batch normalization by hand against PyTorch, Keras, finite differences and its identities."""

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


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda h, g, b: batch_norm(h[0], g, b), r"h must be an array of shape \(n, units\)"),
        (lambda h, g, b: batch_norm(h, g[:2], b), r"gamma must have shape \(5,\), got \(2,\)"),
        (lambda h, g, b: batch_norm(h, g, b, eps=0.0), "eps must be positive and finite, got 0.0"),
        (lambda h, g, b: batch_norm(h, g, b, mean=b), "give both mean and variance or neither"),
        (lambda h, g, b: batch_norm(h[:1], g, b), "at least two examples, got 1"),
        (lambda h, g, b: batch_norm_backward(h[:3], h, g), "grad_y has shape"),
        (
            lambda h, g, b: running_averages(b, g, h, keep=1.1, unbiased=True),
            "keep must be from 0 to 1, got 1.1",
        ),
    ],
)
def test_bad_input(batch, call, message):
    h, gamma, beta, _ = batch
    with pytest.raises(ValueError, match=message):
        call(h, gamma, beta)
