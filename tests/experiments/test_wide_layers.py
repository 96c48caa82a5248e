"""ReLU layers of several widths, trained by Adam with one rate or with those of µP."""

import pytest
import torch
from scipy.stats import ks_2samp

from weightinit import data, experiments, training

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("width", [64, 256])
@pytest.mark.parametrize("output", [0.0, 1.0, 3.0])
def test_weights_have_hes_variance(width, output):
    model = experiments.of_width(width, output, seed=0)
    assert width * model.linear2.weight.var().item() == pytest.approx(2, rel=0.06)
    assert 64 * model.linear1.weight.var().item() == pytest.approx(2, rel=0.06)
    found = width * model.output.weight.var().item()
    assert found == pytest.approx(2 * output**2, rel=0.15)
    assert len(list(model.parameters())) == 3


@pytest.mark.parametrize(("parametrization", "share"), [("one rate", 1), ("µP", 1 / 8)])
def test_first_step_of_adam_moves_each_weight_by_the_rate_of_its_layer(parametrization, share):
    weights = [torch.nn.Parameter(torch.zeros(2, 2)) for _ in range(3)]
    made = experiments.adam(parametrization, 256)([{"params": weights, "lr": 0.1}])
    for weight in weights:
        weight.grad = torch.tensor([[1.0, -2.0], [3.0, 0.5]])
    made.step()
    signs = torch.tensor([[1.0, -1.0], [1.0, 1.0]])
    for weight, rate in zip(weights, (0.1, 0.1 * share, 0.1 * share), strict=True):
        torch.testing.assert_close(weight.detach(), -rate * signs)


@pytest.mark.slow
def test_law_of_the_losses_again():
    """Two samples of the same law have a p-value below 1e-4 once in 10,000 times."""
    runs = experiments.results(experiments.width_and_rates)
    runs = runs.query("width == 128 and lr == 2**-10")
    one, mup = (runs[runs["parametrization"] == name] for name in ("one rate", "µP"))
    models = [experiments.of_width(128, 0.0, seed) for seed in range(10, 20)]
    rates = [2**-10] * len(models)
    options = {"steps": 30, "optimizer": experiments.adam("µP", 128), "evaluate_start": False}
    new = training.train_ensemble(models, data.digits(), lrs=rates, **options)["loss"]
    assert ks_2samp(mup["loss"], new).pvalue > 1e-4
    assert ks_2samp(one["loss"], new).pvalue < 1e-4
