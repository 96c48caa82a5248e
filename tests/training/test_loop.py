"""What both training loops share."""

import pytest
import torch
from torch import nn

from weightinit.training import loop


@pytest.mark.parametrize("n, batch_size", [(10, 3), (12, 4), (5, 5), (7, 1)])
def test_batches_visit_each_image_at_most_once_per_epoch(n, batch_size):
    batches, per_epoch = loop.batches(n, batch_size, seed=0), n // batch_size
    epochs = [[next(batches) for _ in range(per_epoch)] for _ in range(40)]
    assert all(len(batch) == batch_size for epoch in epochs for batch in epoch)
    orders = [torch.cat(epoch).tolist() for epoch in epochs]
    assert all(len(set(order)) == per_epoch * batch_size for order in orders)
    # In 40 epochs each of at most 12 images has its turn, and the order is never the same.
    assert set().union(*orders) == set(range(n))
    assert n == batch_size or orders[0] != orders[1]


def test_scores_that_are_not_finite_count_as_errors():
    """A row of NaN, or one with an infinity, is wrong, whatever its largest entry is."""
    good = torch.eye(3, dtype=torch.float64)
    bad = good.clone()
    bad[0, 1], bad[1, 1] = torch.nan, torch.inf
    labels = torch.arange(3)
    assert bad[1].argmax() == 1  # would count as right
    result = loop.scores(good, labels, bad, labels)
    assert result["train_accuracy"] == 1 and result["test_accuracy"] == pytest.approx(1 / 3)


def test_mode_comes_back_after_an_error():
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout())
    model[1].eval()
    with pytest.raises(RuntimeError, match="planned"), loop.evaluating(model):
        assert not model.training
        raise RuntimeError("planned")
    assert model.training and model[0].training and not model[1].training
