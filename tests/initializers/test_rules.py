"""Orthogonal weights, the identity, sparse and constant weights."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from weightinit.initializers import (
    Constant,
    DeltaOrthogonal,
    Identity,
    Orthogonal,
    Sparse,
    fans,
    fill_,
    initialize,
    weights_of,
)


def filled(module, rule, seed=0):
    fill_(module, rule, generator=torch.Generator().manual_seed(seed))
    return module


def double(*shape):
    return torch.empty(shape, dtype=torch.float64)


def singular_values(layer, shape):
    """Of the linear map that a layer without bias is, on inputs of one shape."""
    jacobian = torch.func.jacrev(lambda x: layer(x[None])[0])(torch.zeros(shape).double())
    rows = np.prod(jacobian.shape[: jacobian.ndim - len(shape)])
    return torch.linalg.svdvals(jacobian.reshape(rows, -1).detach())


# ---- Orthogonal ----------------------------------------------------------------------------


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


# ---- Delta-orthogonal and the identity -----------------------------------------------------


@pytest.mark.parametrize("kind, size", [(nn.Conv1d, 8), (nn.Conv2d, 5), (nn.Conv3d, 3)])
@pytest.mark.parametrize("rule", [DeltaOrthogonal(scale=2.0), Identity(scale=2.0)])
def test_convolution_with_equal_singular_values(kind, size, rule):
    layer = kind(3, 3, 3, padding=1, bias=False, dtype=torch.float64)
    dimensions = layer.weight.ndim - 2
    values = singular_values(filled(layer, rule), (3, *[size] * dimensions))
    np.testing.assert_allclose(values, np.full(3 * size**dimensions, 2**0.5), rtol=1e-12)


def test_convolution_with_orthogonal_weights_is_not_an_isometry():
    layer = nn.Conv1d(3, 3, 3, padding=1, bias=False, dtype=torch.float64)
    values = singular_values(filled(layer, Orthogonal()), (3, 8))
    assert values.max() > 2 * values.min()


@pytest.mark.parametrize("out, into, groups", [(4, 9, 1), (9, 4, 1), (8, 4, 2), (4, 8, 2)])
def test_delta_orthogonal_of_any_shape(out, into, groups):
    layer = nn.Conv2d(into, out, (3, 5), groups=groups, dtype=torch.float64)
    weight = filled(layer, DeltaOrthogonal()).weight.detach()
    centre = weight[:, :, 1, 2]
    assert weight.count_nonzero() == centre.count_nonzero() == centre.numel()
    assert weight.square().mean().item() == pytest.approx(1 / fans(layer)[0], rel=1e-12)
    for block in centre.chunk(groups):
        values = torch.linalg.svdvals(block)
        np.testing.assert_allclose(values, values[0].expand_as(values), rtol=1e-12)


def test_delta_orthogonal_of_a_linear_layer_is_orthogonal():
    one, other = filled(double(4, 7), DeltaOrthogonal()), filled(double(4, 7), Orthogonal())
    torch.testing.assert_close(one, other)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Linear(4, 4),
        nn.Conv1d(4, 4, 1),
        nn.Conv2d(4, 4, (3, 5), padding="same"),
        nn.Conv2d(4, 4, 3, padding=1, groups=2),
        nn.Conv3d(4, 4, 3, padding=2, dilation=2),
    ],
    ids=str,
)
def test_identity_copies(layer):
    nn.init.zeros_(filled(layer, Identity()).bias)
    shape = (4,) if isinstance(layer, nn.Linear) else (4, *[5] * (layer.weight.ndim - 2))
    x = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    assert torch.equal(layer(x), x)


def test_identity_of_a_rectangle_pads_with_zeros():
    assert filled(torch.empty(3, 2), Identity()).tolist() == [[1, 0], [0, 1], [0, 0]]


# ---- Sparse and constant -------------------------------------------------------------------


@pytest.mark.parametrize("connections", [1, 5, 90, 200])
@pytest.mark.parametrize(
    "layer", [nn.Linear(90, 400), nn.Conv2d(20, 400, 3, groups=2), nn.Bilinear(9, 10, 400)], ids=str
)
def test_sparse_keeps_the_same_number_for_each_output(layer, connections):
    """And the mean square, within 4 standard errors of a sum of 400 k squares: 6e-5 each."""
    weight = filled(layer.double(), Sparse(connections=connections, scale=3.0)).weight.detach()
    kept = min(connections, 90)
    assert weight.flatten(1).count_nonzero(dim=1).tolist() == [kept] * 400
    square = weight.square().sum(dim=tuple(range(1, weight.ndim))).mean().item()
    assert abs(square / 3 - 1) < 4 * np.sqrt(2 / (400 * kept))


def test_sparse_places_and_values_are_fair():
    """Places: chi-squared on 12,000 choices of 30 inputs; values: Kolmogorov-Smirnov; 1e-3 each."""
    weight = filled(double(4000, 30), Sparse(connections=3))
    places = weight.count_nonzero(dim=0).numpy()
    # Of 30 inputs each output takes 3 without repetition: less spread than independent draws.
    statistic = ((places - 400) ** 2 / (400 * 27 / 30)).sum() * 29 / 30
    assert stats.chi2(29).ppf(5e-4) < statistic < stats.chi2(29).ppf(1 - 5e-4)
    values = weight[weight != 0].numpy()
    assert stats.kstest(values, stats.norm(0, 3**-0.5).cdf).pvalue > 1e-3


def test_constant():
    model = nn.Sequential(nn.Linear(3, 4), nn.ConvTranspose1d(4, 2, 3))
    report = initialize(model, "constant", seed=0, value=-0.25)
    assert (model[0].weight == -0.25).all() and (model[1].weight == -0.25).all()
    assert np.isnan(report["std"]).all()
    filled(model[0], Constant(value=0.5))
    assert (model[0].weight == 0.5).all()
