"""Where a normalization stands, against PyTorch's functions."""

import pytest
import torch
from torch import nn

from weightinit.data import digits
from weightinit.networks import mlp

pytestmark = pytest.mark.usefixtures("one_thread")


def oracle(images, weight, convolve, normalize, activation, place):
    """One layer, written out in PyTorch's functions."""
    h = convolve(images, weight)
    return activation(normalize(h)) if place == "before" else normalize(activation(h))


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("normalization", ["batch", "layer", "group"])
def test_place_of_a_normalization(normalization, place):
    model = mlp(1, 16, "tanh", normalization=normalization, place=place, seed=3)
    x = torch.tensor(digits().x_train[:40])
    normalize = {
        "batch": lambda h: nn.functional.batch_norm(h, None, None, training=True),
        "layer": lambda h: nn.functional.layer_norm(h, (16,)),
        "group": lambda h: nn.functional.group_norm(h, 8),
    }[normalization]
    linear = model.linear1
    expected = oracle(
        x, linear.weight, lambda x, w: x @ w.T + linear.bias, normalize, torch.tanh, place
    )
    torch.testing.assert_close(model[:3](x), expected, rtol=1e-12, atol=1e-14)
