"""How linear a trained network is, of which chapter 5 speaks."""

import doctest

import pytest
import torch
from torch import nn

from weightinit import data, experiments
from weightinit.experiments import very_deep


class Products(nn.Module):
    """Scores that are half linear in the pixels, and half their products with one of them."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.weight = nn.Parameter(torch.randn(10, 64, generator=generator, dtype=torch.float64))

    def forward(self, x):
        linear = x @ self.weight.T
        return linear + linear * torch.sign(x[:, 20:21])


def test_examples():
    for example in doctest.DocTestFinder().find(very_deep.linear_share):
        assert doctest.DocTestRunner().run(example).failed == 0


def test_linear_share_of_what_is_not_linear():
    digits = data.digits()
    assert 0.1 < experiments.linear_share(Products(), digits) < 0.95
    line = nn.Linear(64, 10, dtype=torch.float64)  # test images have combinations of their own
    assert experiments.linear_share(line, digits) == pytest.approx(1, abs=1e-3)
    with torch.no_grad():
        line.weight.mul_(1e3)  # the size of the scores is of no account
    assert experiments.linear_share(line, digits) == pytest.approx(1, abs=1e-3)
