"""Tests of without_mean.py: an activation less a constant."""

import numpy as np
import pytest
import torch

from weightinit import activations, networks, probes, theory
from weightinit.activations import lowered


def test_sigmoid_less_one_half_is_a_tanh():
    h = np.linspace(-30, 30, 601)
    centred = lowered("sigmoid", 0.5)
    np.testing.assert_allclose(centred(h), np.tanh(h / 2) / 2, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(centred.df(h), activations.get("sigmoid").df(h))
    assert centred.bounds == (-0.5, 0.5)
    activations.check(centred)
    # gain 4 makes it tanh(h) with gain 1, whose depth ends at q = 0
    assert theory.fixed_point(centred, 17.0).q == pytest.approx(
        4 * theory.fixed_point("tanh", 17 / 16).q, rel=1e-6
    )


@pytest.mark.parametrize(("name", "constant"), [("softplus", 0.806), ("relu", -2.0), ("elu", 1)])
def test_module_computes_function_and_slope(name, constant):
    phi = lowered(name, constant)
    h = torch.linspace(-4, 4, 81, dtype=torch.float64, requires_grad=True)
    value = phi.module()(h)
    np.testing.assert_allclose(value.detach(), phi(h.detach().numpy()), atol=1e-12)
    np.testing.assert_allclose(
        torch.autograd.grad(value.sum(), h)[0], phi.df(h.detach().numpy()), atol=1e-12
    )
    assert phi.kinks == activations.get(name).kinks
    assert phi.name == f"{name} - {constant:g}" and lowered(phi, 1, "mine").name == "mine"


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (("sigmoid", None), TypeError, "constant must be a number, got None"),
        (("sigmoid", np.inf), ValueError, "constant must be finite, got inf"),
        (("sigmoyd", 0.5), ValueError, "unknown activation 'sigmoyd'"),
        (("sigmoid", 0.5, 3), TypeError, "name must be a string, got 3"),
    ],
)
def test_wrong_calls(arguments, error, says):
    with pytest.raises(error, match=says):
        lowered(*arguments)


def test_a_probe_measures_it_and_not_what_is_in_it():
    phi = lowered("sigmoid", 0.5)
    model = networks.mlp(2, 50, phi, seed=0)
    x = torch.randn(40, 64, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    table = probes.probe(model, x, torch.zeros(40, dtype=torch.int64))
    assert activations.from_module(model.act1) is phi
    assert table["activation"].tolist() == ["sigmoid - 0.5"] * 2 + ["output"]
    first = model.act1(model[0](x))
    assert table["x_mean"][0] == pytest.approx(first.mean().item(), abs=1e-12)
    assert table["saturated"][0] == 0
