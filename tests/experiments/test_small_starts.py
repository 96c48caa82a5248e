"""Ten tanh layers that start too small."""

import pytest
import torch

from weightinit import data, experiments, training

pytestmark = pytest.mark.usefixtures("one_thread")


def test_weights_have_the_variance_asked_for():
    models = [experiments.small_tanh(0.25, seed) for seed in range(8)]
    weights = [model.get_submodule(f"linear{k}").weight for model in models for k in range(2, 11)]
    assert 32 * torch.stack(weights).var().item() == pytest.approx(0.25, rel=0.03)


@pytest.mark.slow
def test_the_first_steps_again():
    """Near guessing nothing is chaotic: after 100 steps the accuracies are the same."""
    runs = experiments.results(experiments.woken)
    for lr in (0.125, 0.25):
        table = training.train_ensemble(
            [experiments.small_tanh(0.25, seed) for seed in range(10)],
            data.digits(),
            lrs=[lr] * 10,
            steps=100,
            evaluate_start=False,
        )
        known = runs.query("lr == @lr and step == 100").set_index("seed")["test_accuracy"]
        # A few of the 360 images stand between two classes.
        assert table.set_index("member")["test_accuracy"].to_numpy() == pytest.approx(
            known.to_numpy(), abs=0.05
        )
    assert (runs.query("lr == 0.125 and step == 3000")["test_accuracy"] > 0.5).all()
