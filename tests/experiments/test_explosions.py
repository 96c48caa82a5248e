"""The networks of chapter 4: what their starts promise, and what each remedy changes."""

import pytest
import torch

from weightinit import data
from weightinit.experiments import explosions
from weightinit.experiments.explosions import GRIDS, OPTIONS, exploding, reader

pytestmark = pytest.mark.usefixtures("one_thread")


def images():
    return data.digits().tensors()[0][:32]


@pytest.mark.parametrize("factor", [2.0, 4.0])
def test_scaled_relu_network_with_divided_scores_is_the_same_function(factor):
    large = exploding("relu", 2 * factor**2, seed=3, divisor=factor**11, bias=False)
    he = exploding("relu", 2.0, seed=3, bias=False)
    torch.testing.assert_close(large(images()), he(images()), rtol=1e-12, atol=0)
    assert not torch.allclose(large(images()), exploding("relu", 2.0, 4, bias=False)(images()))


@pytest.mark.parametrize(("activation", "depth"), [("relu", 10), ("tanh", 20)])
def test_all_weights_have_the_variance_that_is_asked_for(activation, depth):
    model = exploding(activation, 8.0, seed=0)
    layers = [module for module in model if isinstance(module, torch.nn.Linear)]
    assert len(layers) == depth + 1
    squares = torch.cat([(layer.weight**2 * layer.in_features).flatten() for layer in layers])
    assert squares.mean().item() == pytest.approx(8.0, rel=0.05)


@pytest.mark.parametrize("radius", [2**0.5, 3.0])
def test_reader_has_its_radius_in_single_precision_too(radius):
    matrix = reader(radius, seed=1, dtype=torch.float32).state_weight
    assert torch.linalg.eigvals(matrix).abs().max().item() == pytest.approx(radius, rel=1e-5)


@pytest.mark.parametrize("remedy", OPTIONS)
def test_each_remedy_changes_the_training(remedy, monkeypatch):
    monkeypatch.setattr(explosions, "RATES", 3)
    cell = {"activation": "relu", "sigma_w2": 2.0, "divisor": 1, "least": -9, "steps": 4}
    found = explosions.remedy_and_scale(remedy=remedy, **cell)
    plain = explosions.remedy_and_scale(remedy="gradient descent", **cell)
    assert found["loss"].notna().all()
    assert found.equals(plain) == (remedy in ("gradient descent", "clipped at 100"))


def test_readers_at_every_rate_are_twenty_for_each():
    cell = {"radius": 3.0, "threshold": 1.0, "optimizer": "gradient descent", "least": -9}
    table = explosions.clipping_threshold(steps=1, every=True, **cell)
    assert table.groupby("lr").size().tolist() == [20] * explosions.RATES


@pytest.mark.parametrize("function", GRIDS, ids=lambda function: function.__name__)
def test_grid_asks_for_no_unknown_remedy(function):
    for cell in GRIDS[function]:
        assert cell.get("remedy", cell.get("optimizer")) in OPTIONS
