"""Tanh networks that start more or less sure of a digit."""

import pytest
import torch
from scipy.stats import ks_2samp

from weightinit import data, experiments, training

pytestmark = pytest.mark.usefixtures("one_thread")
IMAGES = data.digits().tensors(torch.float32)[0]


@pytest.mark.parametrize("factor", [0.1, 1, 30])
def test_output_weights_have_lecuns_deviation_times_the_factor(factor):
    models = [experiments.confident_network(factor, None, seed) for seed in range(10)]
    output = torch.stack([model.output.weight for model in models])
    assert output.std().item() == pytest.approx(factor / 32**0.5, rel=0.05)
    hidden = torch.stack([model.linear2.weight for model in models])
    assert hidden.std().item() == pytest.approx(32**-0.5, rel=0.05)


@pytest.mark.parametrize(
    ("factor", "shift", "seed", "added"), [(30, "undecided", 3, None), (1, "confident", 3, 1003)]
)
def test_frozen_scores_are_those_of_the_docstring(factor, shift, seed, added):
    model = experiments.confident_network(factor, shift, seed)
    plain = experiments.confident_network(factor, None, seed)(IMAGES)
    frozen = -plain if added is None else experiments.confident_network(30, None, added)(IMAGES)
    torch.testing.assert_close(model(IMAGES), plain + frozen)
    learned = {name for name, weights in model.named_parameters() if weights.requires_grad}
    assert len(learned) == 8 and all(name.startswith("model.") for name in learned)


def test_way_of_a_layer():
    model, start = (experiments.confident_network(1, "confident", 0) for _ in range(2))
    with torch.no_grad():
        model.model.linear1.weight.mul_(1.5)
    assert experiments.confident_starts.way([model], [start], "linear1") == pytest.approx([0.5])
    assert experiments.confident_starts.way([model], [start], "output") == [0.0]


@pytest.mark.slow
def test_laws_again():
    """Two samples of the same law have a p-value below 1e-4 once in 10,000 times."""
    runs = experiments.results(experiments.factor_and_shift)
    cases = runs[(runs["factor"] == runs["rate_of"]) & runs["shift"].isna()]
    old = {f: cases.query("factor == @f and optimizer == 'SGD'") for f in (1, 30)}
    models = [experiments.confident_network(1, None, seed) for seed in range(10, 20)]
    started = [experiments.confident_network(1, None, seed) for seed in range(10, 20)]
    rates = [old[1]["lr"].iloc[0]] * len(models)
    table = training.train_ensemble(
        models, data.digits(), lrs=rates, steps=300, evaluate_start=False
    )
    moved = experiments.confident_starts.way(models, started, "linear1")
    assert ks_2samp(old[1]["test_accuracy"], table["test_accuracy"]).pvalue > 1e-4
    assert ks_2samp(old[1]["first_moved"], moved).pvalue > 1e-4
    assert ks_2samp(old[30]["first_moved"], moved).pvalue < 1e-4
