"""Thirty ReLU layers: their starts, and how they are trained."""

import pytest
import torch

from weightinit import data, experiments, initializers, networks
from weightinit.experiments import thirty_layers


def test_orthogonal_and_measured_is_lsuv():
    model = networks.mlp(30, 64, "relu", dtype=torch.float32)
    images = data.digits().tensors(torch.float32)[0][:256]
    initializers.lsuv(model, images, seed=3)
    ours = experiments.thirty_relu_layers("orthogonal", "measured", 3)
    for name in ("linear1", "linear30", "output"):
        torch.testing.assert_close(
            ours.get_submodule(name)(torch.ones(64)).std() > 0, torch.tensor(True)
        )
    x = images
    for module in ours:
        x = module(x)
        if isinstance(module, torch.nn.Linear):
            assert x.std().item() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(("scale", "variance"), [("Xavier", 1.0), ("He", 2.0)])
@pytest.mark.parametrize("matrices", ["Gaussian", "orthogonal"])
def test_scale_is_the_variance_times_the_fan_in(matrices, scale, variance):
    model = experiments.thirty_relu_layers(matrices, scale, 0)
    found = torch.stack([model.get_submodule(f"linear{k}").weight for k in range(2, 31)])
    assert 64 * found.var().item() == pytest.approx(variance, rel=0.03)


@pytest.mark.parametrize(
    ("name", "kind"), [("momentum", torch.optim.SGD), ("Adam", torch.optim.Adam)]
)
def test_optimizer_is_that_of_the_docstring(name, kind, monkeypatch):
    seen = []

    def refuse(build, digits, *, lrs, optimizer, steps, **options):
        made = optimizer(build(0).parameters(), lr=0.1)
        seen.append((type(made), made.defaults.get("momentum"), steps, len(lrs)))
        raise thirty_layers.BestRateAtEdge("none")

    def train(build, digits, *, lrs, seeds, **options):
        seen.append((len(lrs), len(seeds)))
        raise KeyboardInterrupt

    monkeypatch.setattr(thirty_layers, "tune", refuse)
    monkeypatch.setattr(thirty_layers, "sweep", train)
    with pytest.raises(KeyboardInterrupt):
        experiments.matrices_and_scale("Gaussian", "He", name)
    momentum = 0.9 if name == "momentum" else None
    assert seen == [(kind, momentum, 100, 8), (8, 10)]
