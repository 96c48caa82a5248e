"""LSTMs whose forget gates start with a bias."""

import pytest
import torch
from scipy.stats import ks_2samp

from weightinit import data, experiments, training

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("bias", [0.0, 1.0])
def test_forget_gates_have_the_bias_and_all_else_is_pytorchs(bias):
    model = experiments.forgetful(bias, seed=3)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        cell = torch.nn.LSTMCell(4, 32)
    forget = torch.arange(32, 64)
    others = torch.cat([torch.arange(32), torch.arange(64, 128)])
    ours = model.cell.bias_ih + model.cell.bias_hh
    torch.testing.assert_close(ours[forget], torch.full((32,), bias))
    torch.testing.assert_close(ours[others], (cell.bias_ih + cell.bias_hh)[others])
    torch.testing.assert_close(model.cell.weight_hh, cell.weight_hh)
    torch.testing.assert_close(model.cell.weight_ih, cell.weight_ih)


@pytest.mark.slow
def test_law_of_the_accuracies_again():
    """Two samples of the same law have a p-value below 1e-4 once in 10,000 times."""
    runs = experiments.results(experiments.bias_and_optimizer).query("bias == 1")
    slow, adam = (runs[runs["optimizer"] == name] for name in ("SGD", "Adam"))
    models = [experiments.forgetful(1.0, seed) for seed in range(10, 20)]
    rates = [adam["lr"].iloc[0]] * len(models)
    options = {"steps": 60, "batch_size": 32, "evaluate_start": False}
    new = training.train_ensemble(
        models, data.digits(), lrs=rates, optimizer=torch.optim.Adam, **options
    )["test_accuracy"]
    assert ks_2samp(adam["test_accuracy"], new).pvalue > 1e-4
    assert ks_2samp(slow["test_accuracy"], new).pvalue < 1e-4
