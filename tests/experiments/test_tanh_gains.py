"""Deep tanh layers with three gains."""

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp

from weightinit import data, experiments, theory, training

pytestmark = pytest.mark.usefixtures("one_thread")
PAIRS = {
    "gain 1": (1.0, 0.0),
    "gain 5/3": (torch.nn.init.calculate_gain("tanh") ** 2, 0.0),
    "critical pair": theory.critical_line("tanh", 0.5),
}


@pytest.mark.parametrize("start", PAIRS)
def test_weights_and_biases_have_the_variances_asked_for(start):
    model = experiments.tanh_start(start, 60, seed=3)
    layers = [model.get_submodule(f"linear{k}") for k in range(2, 61)]
    sigma_w2, sigma_b2 = PAIRS[start]
    weights = torch.stack([layer.weight for layer in layers])
    assert 64 * weights.var().item() == pytest.approx(sigma_w2, rel=0.02)
    biases = torch.stack([layer.bias for layer in layers])
    assert biases.var().item() == pytest.approx(sigma_b2, rel=0.15)
    assert 37 * model.output.weight.var().item() == pytest.approx(1, rel=0.2)  # of 64 and 10


def test_a_start_that_is_none_of_the_three_is_refused():
    with pytest.raises(ValueError, match="start must be .*gain 5/3.*got 'gain 2'"):
        experiments.tanh_start("gain 2", 20, seed=0)


@pytest.mark.slow
def test_law_of_the_accuracies_again():
    """Rounding decides about single networks at the best rates, so only the law is compared.

    Two samples of the same law have a p-value below 1e-4 once in 10,000 times.
    """
    runs = experiments.results(experiments.gain_and_optimizer)
    cases = runs.query("depth == 20 and start == 'gain 1' and optimizer == 'SGD'")
    models = [experiments.tanh_start("gain 1", 20, seed) for seed in range(10, 20)]
    rates = [cases["lr"].iloc[0]] * len(models)
    new = training.train_ensemble(
        models, data.digits(), lrs=rates, steps=100, evaluate_start=False
    )["test_accuracy"]
    assert ks_2samp(cases["test_accuracy"], new).pvalue > 1e-4
    slow = runs.query("depth == 50 and start == 'gain 5/3' and steps == 100 and optimizer == 'SGD'")
    assert ks_2samp(slow["test_accuracy"], new).pvalue < 1e-4
    assert np.all(new > 0.5)
