"""Deep tanh layers: orthogonal and Gaussian weights of the same variance, and restored signals."""

import numpy as np
import pytest
import torch

from weightinit import experiments

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("rule", ["orthogonal", "Gaussian"])
def test_weights_and_biases_have_the_variances_asked_for(rule):
    models = [experiments.tanh_network(rule, 20, 1.76, seed) for seed in range(3)]
    layers = [model.get_submodule(f"linear{k}") for model in models for k in range(2, 21)]
    weights = torch.stack([layer.weight for layer in layers])
    biases = torch.stack([layer.bias for layer in layers])
    assert 64 * weights.var().item() == pytest.approx(1.76, rel=0.02)
    assert biases.var().item() == pytest.approx(0.05, rel=0.1)


def test_only_the_weights_differ():
    one, other = (experiments.tanh_network(rule, 3, 1.76, 5) for rule in ("orthogonal", "Gaussian"))
    assert torch.equal(one.linear2.bias, other.linear2.bias)
    assert not torch.equal(one.linear2.weight, other.linear2.weight)


def test_restored_signal_is_that_of_the_orthogonal_network_in_every_layer():
    images = experiments.faint_digits().tensors(torch.float32)[0][:256]
    sizes = []
    for model in (
        experiments.gaussian_with_signal_of_orthogonal(1),
        experiments.thousand_layers("orthogonal", 1),
    ):
        x, found = images, []
        with torch.no_grad():
            for module in list(model)[:-1]:
                x = module(x)
                found.append(x.square().mean().sqrt().item())
        sizes.append(found)
    np.testing.assert_allclose(*sizes, rtol=0.01)
