"""Rules that do not look at the fans: a fixed standard deviation, and a constant."""

import numpy as np
import torch
from scipy import stats
from torch import nn

from weightinit.initializers import Constant, Normal, fill_, initialize


def test_normal_scheme_has_the_std_asked_for():
    """Kolmogorov-Smirnov on 20,000 weights of each layer, false alarm 2e-3 together."""
    model = nn.Sequential(nn.Linear(20, 1000), nn.Linear(1000, 20)).double()
    initialize(model, "normal", seed=2, std=0.01)
    for layer in model:
        sample = layer.weight.detach().numpy().ravel()
        assert stats.kstest(sample, stats.norm(0, 0.01).cdf).pvalue > 1e-3


def test_constant():
    model = nn.Sequential(nn.Linear(3, 4), nn.ConvTranspose1d(4, 2, 3))
    report = initialize(model, "constant", seed=0, value=-0.25)
    assert (model[0].weight == -0.25).all() and (model[1].weight == -0.25).all()
    assert np.isnan(report["std"]).all()
    fill_(model[0], Constant(value=0.5), generator=torch.Generator())
    assert (model[0].weight == 0.5).all()


def test_a_double_constant_is_not_rounded():
    layer = nn.Linear(3, 2, dtype=torch.float64)
    initialize(layer, "constant", seed=0, value=0.1)
    assert (layer.weight == 0.1).all()


def test_std_zero_gives_zero_weights_and_is_reported():
    layer = nn.Linear(3, 2)
    assert initialize(layer, Normal(std=0), seed=0)["std"][0] == 0
    assert not layer.weight.any()
