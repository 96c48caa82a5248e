import copy

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from weightinit import initializers
from weightinit.initializers import fans, get, initialize, variance, variance_scaling_

# The published rules: variance of one weight of a layer with n_in inputs and n_out outputs.
RULES = {
    "lecun_normal": lambda n_in, n_out: 1 / n_in,
    "xavier_normal": lambda n_in, n_out: 2 / (n_in + n_out),
    "xavier_uniform": lambda n_in, n_out: 2 / (n_in + n_out),
    "he_normal": lambda n_in, n_out: 2 / n_in,
}
SEEDS = range(30)


def generator(seed):
    return torch.Generator().manual_seed(seed)


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


# ---- Formulas ------------------------------------------------------------------------------


def test_every_scheme_is_tested():
    assert set(initializers.SCHEMES) == set(RULES)


@pytest.mark.parametrize("fan_in, fan_out", [(64, 10), (10, 64), (7, 7), (1, 1000)])
@pytest.mark.parametrize("name", RULES)
def test_variance_of_a_scheme(name, fan_in, fan_out):
    assert get(name).variance(fan_in, fan_out) == pytest.approx(RULES[name](fan_in, fan_out))


def test_variance_of_each_mode():
    assert variance(4, 16, scale=3.0, mode="fan_in") == 3 / 4
    assert variance(4, 16, scale=3.0, mode="fan_out") == 3 / 16
    assert variance(4, 16, scale=3.0, mode="fan_avg") == 3 / 10
    assert variance(4, 16, scale=0.0, mode="fan_in") == 0


@pytest.mark.parametrize(
    "module, expected",
    [
        (nn.Linear(64, 10), (64, 10)),
        (nn.Conv1d(4, 6, 5), (20, 30)),
        (nn.Conv2d(3, 8, (5, 2)), (30, 80)),
        (nn.Conv3d(2, 3, 3), (54, 81)),
        (nn.Conv2d(8, 12, 3, groups=4), (18, 27)),
        (nn.Conv2d(8, 16, 3, groups=8), (9, 18)),  # depthwise: two outputs for each input
    ],
)
def test_fans(module, expected):
    assert fans(module) == expected
    # Counted: the entries of h that see one entry of x, and the other way round.
    module = copy.deepcopy(module).double()
    nn.init.ones_(module.weight), nn.init.zeros_(module.bias)
    if isinstance(module, nn.Linear):
        x = torch.zeros(1, module.in_features, dtype=torch.float64)
    else:
        x = torch.zeros(1, module.in_channels, *[9] * (module.weight.ndim - 2)).double()
    middle = tuple(n // 2 for n in x.shape[2:])
    pulse = x.clone()
    pulse[(0, 0, *middle)] = 1
    assert module(torch.ones_like(x)).flatten()[0] == expected[0]
    assert module(pulse).sum() == expected[1]


@pytest.mark.parametrize("module", [nn.ConvTranspose2d(3, 8, 3), nn.BatchNorm1d(4), nn.RNN(3, 4)])
def test_fans_of_another_module_are_refused(module):
    message = f"for Linear, Conv1d, Conv2d, Conv3d; got {type(module).__name__}"
    with pytest.raises(TypeError, match=message):
        fans(module)


# ---- Through real layers: what the fans are for --------------------------------------------

LAYERS = {
    "linear": (lambda: nn.Linear(30, 240), (30,)),
    "linear, narrowing": (lambda: nn.Linear(240, 30), (240,)),
    # On a torus every output sees, and every input feeds, all positions of the kernel.
    "conv": (
        lambda: nn.Conv2d(4, 32, (3, 5), padding="same", padding_mode="circular"),
        (4, 6, 6),
    ),
    "conv, grouped": (
        lambda: nn.Conv2d(4, 32, 3, groups=2, padding=1, padding_mode="circular"),
        (4, 6, 6),
    ),
}


def squared_gains(make, shape, mode, seed):
    """Return mean h^2 / mean x^2 and mean (dL/dx)^2 / mean (dL/dh)^2 of one random layer."""
    g = generator(seed)
    layer = make().double()
    variance_scaling_(layer, scale=1.0, mode=mode, distribution="normal", generator=g)
    nn.init.zeros_(layer.bias)
    x = torch.randn(20, *shape, generator=g, dtype=torch.float64, requires_grad=True)
    h = layer(x)
    grad_h = torch.randn(h.shape, generator=g, dtype=torch.float64)
    (grad_x,) = torch.autograd.grad(h, x, grad_h)
    return tuple(
        (out.square().mean() / into.square().mean()).item()
        for out, into in ((h.detach(), x.detach()), (grad_x, grad_h))
    )


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg"])
def test_fan_in_keeps_the_signal_and_fan_out_the_gradient(name, mode):
    """30 layers; the mean within 4 standard errors of the exact expectation.

    False alarm 4e-4 for each of the 24 comparisons (t with 29 degrees of freedom), 1 % in all.
    """
    make, shape = LAYERS[name]
    n_in, n_out = fans(make())
    n = {"fan_in": n_in, "fan_out": n_out, "fan_avg": (n_in + n_out) / 2}[mode]
    gains = np.array([squared_gains(make, shape, mode, seed) for seed in SEEDS])
    standard_error = gains.std(axis=0, ddof=1) / np.sqrt(len(gains))
    expected = np.array([n_in / n, n_out / n])
    assert np.all(np.abs(gains.mean(axis=0) - expected) < 4 * standard_error)
    # Swapped fans would be off by 4 at least; the test can see a tenth of the gain.
    assert np.all(4 * standard_error < 0.1 * expected)


@pytest.mark.parametrize("name", RULES)
def test_initialize_sets_the_variance_of_real_layers(name):
    """Sample variances of 19,200 weights, within 4 standard errors (false alarm 6e-5 each)."""
    model = nn.Sequential(nn.Conv2d(3, 64, 10), nn.Flatten(), nn.Linear(64, 300))
    initialize(model, name, seed=1)
    for layer in (model[0], model[2]):
        ratio = layer.weight.detach().double().var().item() / RULES[name](*fans(layer))
        assert abs(ratio - 1) < 4 * np.sqrt(2 / layer.weight.numel())  # less still if uniform


# ---- Distributions -------------------------------------------------------------------------


@pytest.mark.parametrize("scale, mode", [(1.0, "fan_in"), (2.0, "fan_out"), (3.0, "fan_avg")])
@pytest.mark.parametrize("distribution", ["normal", "uniform"])
def test_distribution(distribution, scale, mode):
    """Kolmogorov-Smirnov on 20,000 weights, false alarm 1e-3 for each of the 6 cases."""
    layer = nn.Linear(100, 200, dtype=torch.float64)
    variance_scaling_(
        layer, scale=scale, mode=mode, distribution=distribution, generator=generator(5)
    )
    std = np.sqrt(scale / {"fan_in": 100, "fan_out": 200, "fan_avg": 150}[mode])
    bound = np.sqrt(3) * std
    law = {"normal": stats.norm(0, std), "uniform": stats.uniform(-bound, 2 * bound)}[distribution]
    assert stats.kstest(layer.weight.detach().numpy().ravel(), law.cdf).pvalue > 1e-3


def test_normal_scheme_has_the_std_asked_for():
    """Kolmogorov-Smirnov on 20,000 weights of each layer, false alarm 2e-3 together."""
    model = nn.Sequential(nn.Linear(20, 1000), nn.Linear(1000, 20)).double()
    initialize(model, "normal", seed=2, std=0.01)
    for layer in model:
        sample = layer.weight.detach().numpy().ravel()
        assert stats.kstest(sample, stats.norm(0, 0.01).cdf).pvalue > 1e-3


@pytest.mark.parametrize(
    "name, reference",
    [
        ("xavier_normal", nn.init.xavier_normal_),
        ("xavier_uniform", nn.init.xavier_uniform_),
        ("he_normal", lambda w, generator: nn.init.kaiming_normal_(w, generator=generator)),
    ],
)
def test_same_law_as_pytorch(name, reference):
    """Two samples of 40,000: Kolmogorov-Smirnov (false alarm 1e-3) and std (4 errors, 6e-5)."""
    layer = nn.Linear(80, 500, dtype=torch.float64)
    initialize(layer, name, seed=3)
    theirs = reference(torch.empty(500, 80, dtype=torch.float64), generator=generator(4))
    ours, theirs = layer.weight.detach().numpy().ravel(), theirs.numpy().ravel()
    assert stats.ks_2samp(ours, theirs).pvalue > 1e-3
    assert abs(np.log(ours.std() / theirs.std())) < 4 / np.sqrt(len(ours))


def test_uniform_stays_within_its_bound_and_fills_it():
    model = nn.Linear(300, 500, dtype=torch.float64)
    bound = np.sqrt(6 / (300 + 500))
    largest = []
    for seed in range(10):
        initialize(model, "xavier_uniform", seed=seed)
        largest.append(model.weight.abs().max().item())
    # The largest of 150,000 is within 0.1 % of the bound, but for a chance of exp(-150).
    assert 0.999 * bound < min(largest) and max(largest) <= bound


# ---- initialize ----------------------------------------------------------------------------


def network(dtype=torch.float32):
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3)
    ).to(dtype)


def test_seed_decides_the_weights_and_nothing_else_does():
    one, same, other = network(), network(), network()
    torch.nn.init.constant_(one[0].weight, 7.0)
    for model, seed in ((one, 0), (same, 0), (other, 1)):
        initialize(model, "he_normal", seed=seed)
    assert torch.equal(weights(one), weights(same))
    assert not torch.isclose(one[0].weight, other[0].weight).any()
    assert not torch.isclose(one[4].weight, other[4].weight).any()


def test_layers_of_one_shape_get_different_weights():
    model = nn.Sequential(nn.Linear(9, 9), nn.Linear(9, 9))
    initialize(model, "he_normal", seed=0)
    assert not torch.isclose(model[0].weight, model[1].weight).any()


@pytest.mark.parametrize("scheme", ["he_normal", "xavier_uniform", "normal"])
def test_global_generator_is_untouched(scheme):
    model, before, numpy_before = network(), torch.get_rng_state(), np.random.get_state()
    initialize(model, scheme, seed=0, std=0.1 if scheme == "normal" else None)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(
        np.array_equal(a, b) for a, b in zip(np.random.get_state(), numpy_before, strict=True)
    )


def test_biases_are_zero_and_normalization_is_left_alone():
    model = network()
    for parameter in model.parameters():
        nn.init.constant_(parameter, 0.3)
    model[1].running_mean.fill_(0.7)
    initialize(model, "he_normal", seed=0)
    assert not model[0].bias.any() and not model[4].bias.any()
    assert (model[1].weight == 0.3).all() and (model[1].bias == 0.3).all()
    assert (model[1].running_mean == 0.7).all()
    assert all(p.requires_grad and p.grad is None for p in model.parameters())


def test_report():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.full((2,), 5.0))
            self.body = nn.Sequential(nn.Linear(6, 4), nn.LayerNorm(4), nn.Linear(4, 2, bias=False))
            self.up = nn.ConvTranspose1d(2, 2, 3)

    model = Net()
    report = initialize(model, "xavier_normal", seed=0)
    std = report.pop("std").to_numpy()
    assert report.to_dict("split")["data"] == [
        ["scale", (2,), "", "", "left alone"],
        ["body.0.weight", (4, 6), 6, 4, "xavier_normal"],
        ["body.0.bias", (4,), "", "", "zero"],
        ["body.1.weight", (4,), "", "", "left alone (normalization)"],
        ["body.1.bias", (4,), "", "", "left alone (normalization)"],
        ["body.2.weight", (2, 4), 4, 2, "xavier_normal"],
        ["up.weight", (2, 2, 3), "", "", "left alone"],
        ["up.bias", (2,), "", "", "left alone"],
    ]
    nan = np.nan
    np.testing.assert_allclose(std, [nan, 0.2**0.5, nan, nan, nan, (1 / 3) ** 0.5, nan, nan])
    assert (model.scale == 5).all()


def test_report_of_the_normal_scheme_and_of_a_bare_layer():
    report = initialize(nn.Linear(3, 2), "normal", seed=0, std=0.25)
    assert report["parameter"].tolist() == ["weight", "bias"]
    assert report["std"][0] == 0.25 and report["action"].tolist() == ["normal", "zero"]


def test_std_zero_gives_zero_weights():
    model = network()
    initialize(model, "normal", seed=0, std=0)
    assert not model[0].weight.any() and not model[4].weight.any()


def test_half_precision_keeps_its_dtype():
    model = network(torch.bfloat16)
    initialize(model, "he_normal", seed=0)
    assert {p.dtype for p in model.parameters()} == {torch.bfloat16}


# ---- Bad input -----------------------------------------------------------------------------

ALLOWED = "lecun_normal, xavier_normal, xavier_uniform, he_normal"


@pytest.mark.parametrize(
    "scheme, std, message",
    [
        ("xavier", None, f"unknown scheme 'xavier'; the schemes are: {ALLOWED}; .*\"normal\""),
        ("xavier", 0.1, "unknown scheme 'xavier'"),
        ("normal", None, "needs a finite std of at least 0, got std=None"),
        ("normal", -0.1, "needs a finite std of at least 0, got std=-0.1"),
        ("normal", float("nan"), "needs a finite std of at least 0, got std=nan"),
        ("normal", float("inf"), "needs a finite std of at least 0, got std=inf"),
        ("he_normal", 0.1, "'he_normal' fixes its own standard deviation; got std=0.1"),
    ],
)
def test_bad_scheme_or_std_changes_nothing(scheme, std, message):
    model = network()
    before = weights(model).clone()
    with pytest.raises(ValueError, match=message):
        initialize(model, scheme, seed=0, std=std)
    assert torch.equal(weights(model), before)


@pytest.mark.parametrize("model", [nn.ReLU(), nn.Sequential(nn.Flatten(), nn.BatchNorm1d(3))])
def test_model_without_layers(model):
    with pytest.raises(ValueError, match=f"{type(model).__name__} has no linear or convolutional"):
        initialize(model, "he_normal", seed=0)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"mode": "fan"}, "unknown mode 'fan'; the modes are: fan_in, fan_out, fan_avg"),
        ({"scale": -1.0}, "scale must be finite and not negative, got -1.0"),
        ({"scale": float("nan")}, "scale must be finite and not negative, got nan"),
        ({"distribution": "cauchy"}, "unknown distribution 'cauchy'; allowed are: normal, uniform"),
    ],
)
def test_bad_rule(change, message):
    rule = {"scale": 1.0, "mode": "fan_in", "distribution": "normal"} | change
    with pytest.raises(ValueError, match=message):
        variance_scaling_(nn.Linear(2, 2), generator=generator(0), **rule)
