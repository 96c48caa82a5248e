"""A hundred residual blocks whose scores are divided."""

import pytest
import torch

from weightinit import data, experiments, training
from weightinit.experiments.explosions import Times

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.slow
def test_divided_scores_stay_at_guessing_and_small_branches_do_not():
    runs = experiments.results(experiments.divided_scores)
    assert runs["test_accuracy"].max() < 0.2
    whole = experiments.hundred_blocks(1.0, 0, torch.float32)
    images = data.digits().tensors(torch.float32)[0][:64]
    scores = torch.nn.Sequential(whole, Times(2.0**-50))(images)
    assert torch.equal(scores, whole(images) * 2.0**-50)
    assert 0.01 < scores.square().mean().sqrt() < 100  # as large as those of a usual network
    small = training.train_ensemble(
        [experiments.hundred_blocks(0.1, seed, torch.float32) for seed in range(2)],
        data.digits(),
        lrs=[0.01] * 2,
        steps=100,
        evaluate_start=False,
    )
    assert small["test_accuracy"].min() > 0.7
