"""Tanh layers started by Xavier's rule and by two others."""

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp

from weightinit import data, experiments, training

pytestmark = pytest.mark.usefixtures("one_thread")
# For each rule the variance, and the fourth moment over its square: 9/5 is uniform, 3 is normal.
LAWS = {
    "the old start": (lambda n_in, n_out: 1 / (3 * n_in), 9 / 5),
    "xavier_uniform": (lambda n_in, n_out: 2 / (n_in + n_out), 9 / 5),
    "xavier_normal": (lambda n_in, n_out: 2 / (n_in + n_out), 3),
    "lecun_normal": (lambda n_in, n_out: 1 / n_in, 3),
}


def scaled(weights, variance):
    n_out, n_in = weights[0].shape
    return torch.stack(weights) / variance(n_in, n_out) ** 0.5


@pytest.mark.parametrize("hidden", LAWS)
@pytest.mark.parametrize("output", ["the old start", "xavier_uniform"])
def test_each_part_has_the_law_of_its_rule(hidden, output):
    models = [experiments.tanh_layers(hidden, output, (128, 16) * 10, seed) for seed in range(20)]
    variance, fourth = LAWS[hidden]
    for layers in (range(2, 21, 2), range(3, 20, 2)):  # down, and up
        found = scaled(
            [model.get_submodule(f"linear{k}").weight for model in models for k in layers], variance
        )
        assert found.square().mean().item() == pytest.approx(1, rel=0.01)
        assert found.pow(4).mean().item() == pytest.approx(fourth, rel=0.02)
    top = scaled([model.output.weight for model in models], LAWS[output][0])
    assert top.square().mean().item() == pytest.approx(1, rel=0.1)
    assert top.abs().max() <= 3**0.5


@pytest.mark.slow
def test_law_of_the_losses_again():
    """Two samples of the same law have a p-value below 1e-4 once in 10,000 times."""
    runs = experiments.results(experiments.hidden_and_output)
    cases = runs.query("optimizer == 'SGD' and output == 'xavier_uniform'")
    old, xavier = (cases[cases["hidden"] == rule] for rule in ("the old start", "xavier_uniform"))
    build = ("xavier_uniform", "xavier_uniform", (64,) * 5)
    models = [experiments.tanh_layers(*build, seed) for seed in range(10, 20)]
    rates = [xavier["lr"].iloc[0]] * len(models)
    new = training.train_ensemble(
        models, data.digits(), lrs=rates, steps=200, batch_size=32, evaluate_start=False
    )["loss"]
    assert ks_2samp(xavier["loss"], new).pvalue > 1e-4
    assert ks_2samp(old["loss"], new).pvalue < 1e-4
    assert np.all(new < 0.1)
