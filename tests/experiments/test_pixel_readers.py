"""Recurrent networks that read digits pixel by pixel."""

import pytest
import torch
from scipy.stats import ks_2samp

from weightinit import data, experiments, training

pytestmark = pytest.mark.usefixtures("one_thread")


def test_gaussian_matrix_and_inputs_have_the_variances_asked_for():
    models = [experiments.pixel_reader("tanh", 3.0, 0.5, seed) for seed in range(20)]
    U = torch.stack([model.state_weight for model in models])
    assert 64 * U.var().item() == pytest.approx(9, rel=0.02)
    W = torch.stack([model.recurrent.weight[:, 0] for model in models])
    assert W.var().item() == pytest.approx(0.25, rel=0.15)
    output = torch.stack([model.output.weight for model in models])
    assert 64 * output.var().item() == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize("matrix", ["orthogonal", "identity"])
def test_matrix_times_its_transpose_is_the_identity_times_the_gain_squared(matrix):
    U = experiments.pixel_reader("relu", 2.0, 0.1, seed=1, matrix=matrix, width=16).state_weight
    identity = torch.eye(16, dtype=torch.float64)
    torch.testing.assert_close(U @ U.T, 4 * identity)
    assert torch.equal(U, 2 * identity) == (matrix == "identity")


def test_scores_are_those_of_the_formula():
    model = experiments.pixel_reader("tanh", 2.0, 1.5, seed=0, width=8, steps=5)
    pixels = torch.rand(3, 5, dtype=torch.float64)
    weight, bias = model.recurrent.weight, model.recurrent.bias
    state = torch.zeros(3, 8, dtype=torch.float64)
    for t in range(5):
        state = torch.tanh(pixels[:, t : t + 1] * weight[:, 0] + state @ weight[:, 1:].T + bias)
    torch.testing.assert_close(model(pixels), state @ model.output.weight.T + model.output.bias)


@pytest.mark.slow
def test_law_of_the_accuracies_again():
    """Two samples of the same law have a p-value below 1e-4 once in 10,000 times."""
    runs = experiments.results(experiments.case_and_method)
    readout = runs[runs["method"] == "readout alone, Adam"]
    near, far = (readout[readout["case"] == case] for case in ("tanh, g = 1", "tanh, g = 4"))
    case = ("tanh, g = 1", "readout alone, Adam")
    models = [experiments.trained_reader(*case, seed) for seed in range(10, 20)]
    rates = [near["lr"].iloc[0]] * len(models)
    options = {"steps": 60, "batch_size": 16, "optimizer": torch.optim.Adam}
    new = training.train_ensemble(
        models, data.digits(), lrs=rates, evaluate_start=False, **options
    )["test_accuracy"]
    assert ks_2samp(near["test_accuracy"], new).pvalue > 1e-4
    assert ks_2samp(far["test_accuracy"], new).pvalue < 1e-4
