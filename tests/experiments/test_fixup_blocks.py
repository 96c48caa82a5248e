"""Residual blocks that start by the rules of Fixup or some of them."""

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp

from weightinit import data, experiments, training

pytestmark = pytest.mark.usefixtures("one_thread")
HE = (2 / 32) ** 0.5
# Of He's deviation, with L blocks: in the first and in the last layer of each branch.
STARTS = {
    "branches / root L": (lambda n: 1, lambda n: n**-0.5),
    "last layers 0": (lambda n: 1, lambda n: 0),
    "last and output layer 0": (lambda n: 1, lambda n: 0),
    "Fixup without rule 3": (lambda n: n**-0.5, lambda n: 0),
    "Fixup": (lambda n: n**-0.5, lambda n: 0),
}


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("blocks", [9, 25])
def test_layers_of_the_branches_have_the_deviations_of_the_rules(start, blocks):
    model = experiments.fixup_network(start, blocks, seed=0)
    parts = [[m for m in block if isinstance(m, torch.nn.Linear)] for block in model[1:-1]]
    assert len(parts) == blocks
    for layers, share in zip(zip(*parts, strict=True), STARTS[start], strict=True):
        found = torch.stack([layer.weight for layer in layers]).std().item()
        assert found == pytest.approx(share(blocks) * HE, rel=0.05)
    zero = start not in ("branches / root L", "last layers 0")
    assert (model[-1].weight == 0).all() == zero


def test_scalars_change_nothing_at_the_start_and_learn():
    images = data.digits().tensors(torch.float32)[0][:8]
    with_scalars, without = (
        experiments.fixup_network(start, 3, seed=2) for start in ("Fixup", "Fixup without rule 3")
    )
    torch.testing.assert_close(with_scalars[:-1](images), without[:-1](images))
    numbers = [weights.item() for weights in with_scalars.parameters() if weights.ndim == 0]
    assert numbers == [0, 0, 0, 1, 0] * 3


@pytest.mark.slow
def test_law_of_the_losses_again():
    """Two samples of the same law have a p-value below 1e-4 once in 10,000 times."""
    runs = experiments.results(experiments.start_and_blocks).query("lr == 1 / 16")
    runs = runs.query("blocks == 4")
    fixup, other = (runs[runs["start"] == s] for s in ("Fixup without rule 3", "last layers 0"))
    models = [experiments.fixup_network("Fixup without rule 3", 4, seed) for seed in range(10, 20)]
    rates = [1 / 16] * len(models)
    new = training.train_ensemble(models, data.digits(), lrs=rates, steps=40, evaluate_start=False)[
        "loss"
    ]
    assert ks_2samp(fixup["loss"], new).pvalue > 1e-4
    assert ks_2samp(other["loss"], new).pvalue < 1e-4
    assert np.all(np.isfinite(new))
