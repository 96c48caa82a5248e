"""Variance scaling: the published variances, and the laws that the weights follow."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from weightinit import initializers
from weightinit.initializers import Scheme, fans, fill_, get, initialize, schemes, variance

# The published rules: variance of one weight of a layer with n_in inputs and n_out outputs.
FAMILIES = {
    "lecun": lambda n_in, n_out: 1 / n_in,
    "xavier": lambda n_in, n_out: 2 / (n_in + n_out),
    "he": lambda n_in, n_out: 2 / n_in,
}
LAWS = ("normal", "uniform", "truncated_normal")
RULES = {f"{family}_{law}": rule for family, rule in FAMILIES.items() for law in LAWS}


def generator(seed):
    return torch.Generator().manual_seed(seed)


# ---- Formulas ------------------------------------------------------------------------------


def test_every_scheme_is_tested():
    assert set(initializers.SCHEMES) == set(RULES)
    assert all(get(name).distribution == name.split("_", 1)[1] for name in RULES)


@pytest.mark.parametrize("fan_in, fan_out", [(64, 10), (10, 64), (7, 7), (1, 1000)])
@pytest.mark.parametrize("name", RULES)
def test_variance_of_a_scheme(name, fan_in, fan_out):
    assert get(name).variance(fan_in, fan_out) == pytest.approx(RULES[name](fan_in, fan_out))


@pytest.mark.parametrize("mode, fan", [("fan_in", 4), ("fan_out", 16), ("fan_avg", 10)])
def test_variance_of_each_mode(mode, fan):
    assert Scheme("mine", 3.0, mode, "normal").variance(4, 16) == 3 / fan
    assert variance(4, 16, scale=3.0, mode=mode) == 3 / fan
    assert Scheme("mine", 0.0, mode, "normal").variance(4, 16) == 0


@pytest.mark.parametrize("name", RULES)
def test_initialize_sets_the_variance_of_real_layers(name):
    """Sample variances of 19,200 weights, within 4 standard errors (false alarm 6e-5 each)."""
    model = nn.Sequential(nn.Conv2d(3, 64, 10), nn.Flatten(), nn.Linear(64, 300))
    initialize(model, name, seed=1)
    for layer in (model[0], model[2]):
        ratio = layer.weight.detach().double().var().item() / RULES[name](*fans(layer))
        assert abs(ratio - 1) < 4 * np.sqrt(2 / layer.weight.numel())  # less still if uniform


# ---- Distributions -------------------------------------------------------------------------


def law(distribution, std):
    """Return the law of that standard deviation; the normal one is cut at two of *its own*."""
    bound = np.sqrt(3) * std
    wide = std / stats.truncnorm(-2, 2).std()
    return {
        "normal": stats.norm(0, std),
        "uniform": stats.uniform(-bound, 2 * bound),
        "truncated_normal": stats.truncnorm(-2, 2, scale=wide),
    }[distribution]


def test_std_of_the_truncated_law():
    assert schemes.TRUNCATED_STD == pytest.approx(stats.truncnorm(-2, 2).std(), rel=1e-14)


@pytest.mark.parametrize("scale, mode", [(1.0, "fan_in"), (2.0, "fan_out"), (3.0, "fan_avg")])
@pytest.mark.parametrize("distribution", LAWS)
def test_distribution(distribution, scale, mode):
    """Kolmogorov-Smirnov on 20,000 weights, false alarm 1e-3 for each of the 9 cases.

    And the sample variance within 4 standard errors: false alarm 6e-5 each, less if not normal.
    """
    layer = nn.Linear(100, 200, dtype=torch.float64)
    fill_(layer, Scheme("mine", scale, mode, distribution), generator=generator(5))
    std = np.sqrt(scale / {"fan_in": 100, "fan_out": 200, "fan_avg": 150}[mode])
    sample = layer.weight.detach().numpy().ravel()
    assert stats.kstest(sample, law(distribution, std).cdf).pvalue > 1e-3
    assert abs(sample.var() / std**2 - 1) < 4 * np.sqrt(2 / sample.size)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("distribution", LAWS)
def test_other_precisions_round_the_same_draws(distribution, dtype):
    """All draws below double precision are made in single precision."""
    low, single = torch.empty(30, 40, dtype=dtype), torch.empty(30, 40)
    for tensor in (low, single):
        fill_(tensor, get(f"he_{distribution}"), generator=generator(3))
    assert low.dtype == dtype and torch.equal(low, single.to(dtype))


def test_memory_layout_does_not_change_the_weights():
    one, other = (nn.Conv2d(6, 5, 3) for _ in range(2))
    other.to(memory_format=torch.channels_last)
    for layer in (one, other):
        initialize(layer, "he_normal", seed=0)
    assert torch.equal(one.weight, other.weight)


def test_uniform_stays_within_its_bound_and_fills_it():
    model = nn.Linear(300, 500, dtype=torch.float64)
    bound = np.sqrt(6 / (300 + 500))
    largest = []
    for seed in range(10):
        initialize(model, "xavier_uniform", seed=seed)
        largest.append(model.weight.abs().max().item())
    # The largest of 150,000 is within 0.1 % of the bound, but for a chance of exp(-150).
    assert 0.999 * bound < min(largest) and max(largest) <= bound


def test_truncated_stays_within_two_deviations_and_fills_them():
    model = nn.Linear(300, 500, dtype=torch.float64)
    cut = 2 * np.sqrt(2 / 300) / stats.truncnorm(-2, 2).std()
    largest = []
    for seed in range(10):
        initialize(model, "he_truncated_normal", seed=seed)
        largest.append(model.weight.abs().max().item())
    # A weight is within 0.2 % of the cut with probability 4.5e-4: none of 150,000, exp(-68).
    assert 0.998 * cut < min(largest) and max(largest) <= cut * (1 + 1e-12)
