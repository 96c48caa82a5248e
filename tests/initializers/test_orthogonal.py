"""Orthogonal weights: singular values, and the uniform law over all such matrices."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from weightinit.initializers import Orthogonal, fans, fill_, weights_of


def filled(module, rule, seed=0):
    fill_(module, rule, generator=torch.Generator().manual_seed(seed))
    return module


def double(*shape):
    return torch.empty(shape, dtype=torch.float64)


@pytest.mark.parametrize("out, into", [(6, 6), (4, 9), (9, 4), (1, 5), (5, 1)])
@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_orthogonal_has_equal_singular_values(out, into, scale):
    weight = filled(double(out, into), Orthogonal(scale=scale))
    expected = np.sqrt(scale * max(1, out / into))
    values = torch.linalg.svdvals(weight)
    np.testing.assert_allclose(values, np.full(min(out, into), expected), rtol=1e-12)
    # Hence the entries have the mean square of lecun_normal, whatever the shape.
    assert weight.square().mean().item() == pytest.approx(scale / into, rel=1e-12)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Linear(5, 9),
        nn.Conv2d(4, 30, 3),
        nn.Conv2d(4, 6, 3, groups=2),
        nn.Conv2d(3, 8, 3, stride=2),
        nn.ConvTranspose2d(6, 4, 3, stride=2),
        nn.ConvTranspose2d(6, 4, 3, groups=2),
        nn.Bilinear(3, 4, 5),
        nn.MultiheadAttention(8, 2),
        nn.Embedding(20, 6),
    ],
    ids=str,
)
def test_orthogonal_in_each_kind_of_layer(layer):
    """Each block is a multiple of a semi-orthogonal matrix; the mean square is 1 / fan-in."""
    filled(layer.double(), Orthogonal())
    (weight,) = weights_of(layer)
    values = weight.parameter.detach()
    assert values.square().mean().item() == pytest.approx(1 / fans(layer)[0], rel=1e-12)
    for block in values.chunk(weight.blocks):
        found = torch.linalg.svdvals(block.flatten(1))
        np.testing.assert_allclose(found, found[0].expand_as(found), rtol=1e-12)


@pytest.mark.parametrize("out, into", [(3, 3), (2, 5), (5, 2)])
def test_orthogonal_is_uniform_over_the_group(out, into):
    """Every entry has the law of a coordinate of a random unit vector.

    In n dimensions its square follows Beta(1/2, (n - 1)/2), and its sign is fair. 2,000 matrices;
    Kolmogorov-Smirnov on the first and the last entry, false alarm 1e-3 each. Without the
    correction of the signs the first entry is always negative.
    """
    generator = torch.Generator().manual_seed(1)
    sample = []
    for _ in range(2000):
        weight = double(out, into)
        fill_(weight, Orthogonal(), generator=generator)
        sample.append(weight / max(1, out / into) ** 0.5)
    n = max(out, into)
    square = stats.beta(1 / 2, (n - 1) / 2)
    for entries in (torch.stack(sample)[:, 0, 0], torch.stack(sample)[:, -1, -1]):
        found = stats.kstest(entries.numpy(), lambda x: (1 + np.sign(x) * square.cdf(x**2)) / 2)
        assert found.pvalue > 1e-3


def test_rotations_and_reflections_are_equally_likely():
    """2,000 signs of the determinant: 4 standard errors, false alarm 6e-5."""
    generator = torch.Generator().manual_seed(2)
    signs = []
    for _ in range(2000):
        weight = double(4, 4)
        fill_(weight, Orthogonal(), generator=generator)
        signs.append(torch.linalg.det(weight).sign().item())
    assert abs(np.mean(signs)) < 4 / np.sqrt(2000)


@pytest.mark.parametrize("make", [lambda: nn.Linear(20, 80), lambda: nn.Linear(80, 20)])
def test_orthogonal_keeps_the_mean_square(make):
    """20,000 samples: their mean square within 4 standard errors of 1, false alarm 6e-5.

    A sample's mean square over the units that matter, 20 of them, has variance 2 / 20.
    """
    layer = filled(make().double(), Orthogonal())
    g = torch.Generator().manual_seed(3)
    x = torch.randn(20_000, layer.in_features, generator=g, dtype=torch.float64)
    h = x @ layer.weight.detach().T
    assert abs(h.square().mean().item() - 1) < 4 * np.sqrt(2 / 20 / 20_000)
