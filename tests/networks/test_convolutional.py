"""The convolutional network against PyTorch's functions."""

import pytest
import torch
from torch import nn

from tests.networks.test_hidden_layer import oracle
from weightinit.data import digits
from weightinit.initializers import initialize
from weightinit.networks import convnet
from weightinit.training import train

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("normalization", [None, "batch", "layer", "group"])
def test_convnet_is_the_formula(normalization, place):
    model = convnet(2, 16, "tanh", normalization=normalization, place=place, seed=3)
    x = torch.tensor(digits().x_train[:40])
    normalize = {
        None: lambda h: h,
        "batch": lambda h: nn.functional.batch_norm(h, None, None, training=True),
        "layer": lambda h: nn.functional.layer_norm(h, h.shape[1:]),
        "group": lambda h: nn.functional.group_norm(h, 8),
    }[normalization]
    expected = x.reshape(40, 1, 8, 8)
    for conv in (model.conv1, model.conv2):

        def convolve(x, weight, bias=conv.bias):
            return nn.functional.conv2d(x, weight, bias, padding=1)

        expected = oracle(expected, conv.weight, convolve, normalize, torch.tanh, place)
    expected = expected.flatten(1) @ model.output.weight.T + model.output.bias
    torch.testing.assert_close(model(x), expected, rtol=1e-12, atol=1e-12)


def test_convnet_starts_as_pytorch_draws_and_leaves_the_global_generator():
    before = torch.get_rng_state()
    model = convnet(2, 5, "relu", seed=7)
    assert torch.equal(before, torch.get_rng_state())
    with torch.random.fork_rng():
        torch.manual_seed(7)
        wanted = [nn.Conv2d(1, 5, 3, dtype=torch.float64), nn.Conv2d(5, 5, 3, dtype=torch.float64)]
    for found, layer in zip((model.conv1, model.conv2), wanted, strict=True):
        assert torch.equal(found.weight, layer.weight) and torch.equal(found.bias, layer.bias)


def test_convnet_is_initialized_and_trained():
    model = convnet(3, 8, "relu", normalization="batch")
    report = initialize(model, "he_normal", seed=0)
    assert report["fan_in"][report["action"] == "he_normal"].tolist() == [9, 72, 72, 512]
    run = train(model, digits(), steps=30, lr=0.1)
    assert run.history["test_accuracy"].iloc[-1] > 0.7
