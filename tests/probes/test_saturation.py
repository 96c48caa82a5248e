"""Saturated entries and dead units, counted by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.probes.support import (
    F64,
    batch,
    linear,
    same,
)
from weightinit.probes import probe
from weightinit.probes.saturation import shares


@pytest.mark.parametrize("batched", [True, False])
def test_dead_channels_of_a_convolution(batched):
    conv = nn.Conv2d(1, 5, 3, dtype=F64)
    with torch.no_grad():
        conv.weight[:2] = 0
        conv.bias[:2] = torch.tensor([-1.0, 1.0])  # channel 0 is dead, channel 1 is not
        conv.bias[2:] = 2
    model = nn.Sequential(conv, nn.ReLU(), nn.Flatten(-3), linear(5 * 36, 10, 1))
    x, y = batch(1 if not batched else 10)
    x = x.view(-1, 1, 8, 8) if batched else x.view(1, 8, 8)
    row = probe(model, x, y, loss=lambda out, _: out.square().mean()).iloc[0]
    assert row["dead"] == 0.2
    same(row, ["saturated"], [(conv(x) <= 0).double().mean()])


def test_unit_that_is_dead_for_most_examples_only():
    model = nn.Sequential(linear(64, 4, 1), nn.ReLU(), linear(4, 10, 2))
    x, y = batch(40)
    with torch.no_grad():
        model[0].weight.zero_()
        model[0].weight[0, 0] = 1.0
        model[0].bias.copy_(torch.tensor([0.0, 0.0, -1.0, 1.0]))
    x[:, 0] = -1.0
    assert probe(model, x, y)["dead"][0] == 0.75  # h = 0 counts: there PyTorch's slope is 0
    x[-1, 0] = 1.0
    assert probe(model, x, y)["dead"][0] == 0.5


INF = float("inf")
VALUES = np.array([[-2.0, -1.0, 0.0, np.nan], [-INF, 1.0, 0.5, 0.0], [-3.0, 2.0, INF, 0.0]])


@pytest.mark.parametrize(
    ("flat", "zero", "saturated", "dead"),
    [
        ((), (), 0, 0),
        (((-INF, -1.0), (1.0, INF)), (), 7, 0),
        (((-INF, 0.0),), ((-INF, 0.0),), 7, 1),
        (((-INF, 0.0),), ((-INF, -2.0),), 7, 1),
        (((-INF, 0.0),), ((-INF, -2.5),), 7, 0),
        (((0.0, 0.5),), ((-1.0, 2.0),), 4, 1),
        (((-2.0, -1.0), (-1.0, 0.0)), ((0.0, INF),), 5, 1),
        (((2.0, INF),), ((-INF, INF),), 2, 3),
    ],
)
def test_shares_counted_by_hand(flat, zero, saturated, dead):
    assert shares(VALUES, flat, zero, unit_axis=1) == (saturated / 12, dead / 4)
    assert shares(VALUES.T, flat, zero, unit_axis=-2) == (saturated / 12, dead / 4)
