import numpy as np
import pytest
import torch
import torch.nn.utils.prune
from scipy import stats
from torch import nn

from weightinit import initializers
from weightinit.initializers import (
    Scheme,
    fans,
    fill_,
    get,
    initialize,
    schemes,
    variance,
    variance_scaling_,
)

# The published rules: variance of one weight of a layer with n_in inputs and n_out outputs.
FAMILIES = {
    "lecun": lambda n_in, n_out: 1 / n_in,
    "xavier": lambda n_in, n_out: 2 / (n_in + n_out),
    "he": lambda n_in, n_out: 2 / n_in,
}
LAWS = ("normal", "uniform", "truncated_normal")
RULES = {f"{family}_{law}": rule for family, rule in FAMILIES.items() for law in LAWS}
# Every rule that initialize() knows, with what it needs.
EVERY = {name: {} for name in RULES} | {
    "normal": {"std": 0.1},
    "constant": {"value": 0.1},
    "sparse": {"connections": 3},
    "orthogonal": {},
    "delta_orthogonal": {},
    "identity": {},
}


def generator(seed):
    return torch.Generator().manual_seed(seed)


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


# ---- Formulas ------------------------------------------------------------------------------


def test_every_scheme_is_tested():
    assert set(initializers.SCHEMES) == set(RULES)
    assert {*initializers.SCHEMES, *initializers.RULES} == set(EVERY)
    assert all(get(name).distribution == name.split("_", 1)[1] for name in RULES)


@pytest.mark.parametrize("fan_in, fan_out", [(64, 10), (10, 64), (7, 7), (1, 1000)])
@pytest.mark.parametrize("name", RULES)
def test_variance_of_a_scheme(name, fan_in, fan_out):
    assert get(name).variance(fan_in, fan_out) == pytest.approx(RULES[name](fan_in, fan_out))


def test_variance_of_each_mode():
    assert variance(4, 16, scale=3.0, mode="fan_in") == 3 / 4
    assert variance(4, 16, scale=3.0, mode="fan_out") == 3 / 16
    assert variance(4, 16, scale=3.0, mode="fan_avg") == 3 / 10
    assert variance(4, 16, scale=0.0, mode="fan_in") == 0


@pytest.mark.parametrize("fan_in, fan_out", [(0, 3), (3, 0)])
def test_variance_without_a_fan_is_refused(fan_in, fan_out):
    mode = "fan_out" if fan_in else "fan_in"
    with pytest.raises(ValueError, match=f"fans must be positive, got {fan_in} and {fan_out}"):
        variance(fan_in, fan_out, scale=1.0, mode=mode)


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
    variance_scaling_(
        layer, scale=scale, mode=mode, distribution=distribution, generator=generator(5)
    )
    std = np.sqrt(scale / {"fan_in": 100, "fan_out": 200, "fan_avg": 150}[mode])
    sample = layer.weight.detach().numpy().ravel()
    assert stats.kstest(sample, law(distribution, std).cdf).pvalue > 1e-3
    assert abs(sample.var() / std**2 - 1) < 4 * np.sqrt(2 / sample.size)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("distribution", LAWS)
def test_other_precisions_round_the_same_draws(distribution, dtype):
    """All draws below double precision are made in single precision."""
    kwargs = {"scale": 2.0, "mode": "fan_in", "distribution": distribution}
    low, single = torch.empty(30, 40, dtype=dtype), torch.empty(30, 40)
    for tensor in (low, single):
        variance_scaling_(tensor, **kwargs, generator=generator(3))
    assert low.dtype == dtype and torch.equal(low, single.to(dtype))


def test_memory_layout_does_not_change_the_weights():
    one, other = (nn.Conv2d(6, 5, 3) for _ in range(2))
    other.to(memory_format=torch.channels_last)
    for layer in (one, other):
        initialize(layer, "he_normal", seed=0)
    assert torch.equal(one.weight, other.weight)


def test_normal_scheme_has_the_std_asked_for():
    """Kolmogorov-Smirnov on 20,000 weights of each layer, false alarm 2e-3 together."""
    model = nn.Sequential(nn.Linear(20, 1000), nn.Linear(1000, 20)).double()
    initialize(model, "normal", seed=2, std=0.01)
    for layer in model:
        sample = layer.weight.detach().numpy().ravel()
        assert stats.kstest(sample, stats.norm(0, 0.01).cdf).pvalue > 1e-3


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


@pytest.mark.parametrize("scheme", ["lecun_normal", "xavier_normal", "xavier_uniform", "normal"])
def test_the_stream_of_random_numbers_is_one_call_per_layer(scheme):
    """The stored outputs of the chapters depend on it to the last bit."""
    model, g = network(torch.float64), generator(7)
    initialize(model, scheme, seed=7, std=0.1 if scheme == "normal" else None)
    for layer in (model[0], model[4]):
        expected = torch.empty_like(layer.weight).detach()
        std = 0.1 if scheme == "normal" else get(scheme).variance(*fans(layer)) ** 0.5
        if scheme == "xavier_uniform":
            expected.uniform_(-(3**0.5) * std, 3**0.5 * std, generator=g)
        else:
            expected.normal_(0.0, std, generator=g)
        assert torch.equal(layer.weight, expected)


def test_layers_of_one_shape_get_different_weights():
    model = nn.Sequential(nn.Linear(9, 9), nn.Linear(9, 9))
    initialize(model, "he_normal", seed=0)
    assert not torch.isclose(model[0].weight, model[1].weight).any()


@pytest.mark.parametrize("scheme", EVERY)
def test_global_generators_are_untouched(scheme):
    model, before, numpy_before = network(), torch.get_rng_state(), np.random.get_state()
    initialize(model, scheme, seed=0, **EVERY[scheme])
    assert torch.equal(torch.get_rng_state(), before)
    assert all(
        np.array_equal(a, b) for a, b in zip(np.random.get_state(), numpy_before, strict=True)
    )


@pytest.mark.parametrize("scheme", [name for name in EVERY if name not in ("constant", "identity")])
def test_given_generator_decides(scheme):
    """The global generator has another state at each call."""
    rule = get(scheme) if scheme in RULES else initializers.RULES[scheme](**EVERY[scheme])
    one, same, other = (torch.empty(8, 9) for _ in range(3))
    for tensor, seed in ((one, 0), (same, 0), (other, 1)):
        torch.rand(1)
        fill_(tensor, rule, generator=generator(seed))
    assert torch.equal(one, same) and not torch.equal(one, other)


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
            self.rnn = nn.RNN(2, 2, bias=False)

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
        ["rnn.weight_ih_l0", (2, 2), "", "", "left alone (recurrent)"],
        ["rnn.weight_hh_l0", (2, 2), "", "", "left alone (recurrent)"],
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


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("scheme", EVERY)
def test_half_precision(scheme, dtype):
    half, single = network(dtype), network()
    for model in (half, single):
        initialize(model, scheme, seed=0, **EVERY[scheme])
    assert {p.dtype for p in half.parameters()} == {dtype}
    assert torch.equal(weights(half), weights(single).to(dtype))


def test_attention_and_embeddings():
    model = nn.Sequential(nn.Embedding(50, 8, padding_idx=3), nn.MultiheadAttention(8, 2))
    report = initialize(model, "lecun_normal", seed=0).set_index("parameter")
    assert report.loc["0.weight", ["fan_in", "std"]].tolist() == [1, 1]
    assert report.loc["1.in_proj_weight", ["fan_in", "fan_out"]].tolist() == [8, 8]
    assert report["action"].tolist() == ["lecun_normal"] * 2 + ["zero", "lecun_normal", "zero"]
    assert not model[0].weight[3].any() and model[0].weight[2].all()


def test_attention_with_other_keys_and_learned_tokens():
    model = nn.MultiheadAttention(8, 2, kdim=6, vdim=5, add_bias_kv=True)
    report = initialize(model, "he_normal", seed=0).set_index("parameter")
    found = report.loc[["q_proj_weight", "k_proj_weight", "v_proj_weight"], "fan_in"]
    assert found.tolist() == [8, 6, 5]
    assert report.loc[["bias_k", "bias_v"], "action"].tolist() == ["left alone"] * 2


def test_shared_weight_is_drawn_once():
    embedding, output = nn.Embedding(20, 8), nn.Linear(8, 20)
    output.weight = embedding.weight
    report = initialize(nn.Sequential(embedding, output), "lecun_normal", seed=0)
    assert report["action"].tolist() == ["lecun_normal", "shared with 0.weight", "zero"]
    assert abs(output.weight.std().item() - 1) < 4 / np.sqrt(2 * 160)  # false alarm 6e-5


@pytest.mark.parametrize(
    "compute",
    [
        nn.utils.parametrizations.weight_norm,
        lambda layer: torch.nn.utils.prune.identity(layer, "weight"),
    ],
)
def test_weight_computed_from_others_is_reported(compute):
    layer = nn.Linear(4, 3)
    compute(layer)
    report = initialize(nn.Sequential(layer, nn.Linear(3, 2)), "he_normal", seed=0)
    actions = report.set_index("parameter")["action"].filter(regex=r"^0.*(original|orig)")
    assert set(actions) == {"left alone (the layer computes its weight from it)"}
    with pytest.raises(ValueError, match="Linear computes its weight from other parameters"):
        fill_(layer, get("he_normal"), generator=generator(0))


def test_scheme_of_your_own():
    model = network(torch.float64)
    report = initialize(model, Scheme("mine", 1.7, "fan_in", "normal"), seed=0)
    first = weights(model).clone()
    assert report["action"][0] == "mine" and report["std"][0] == (1.7 / 9) ** 0.5
    initialize(model, "lecun_normal", seed=0)
    torch.testing.assert_close(first[:36], 1.7**0.5 * model[0].weight.detach().flatten())


def test_rule_with_its_parameters():
    one, other = network(), network()
    report = initialize(one, initializers.Orthogonal(scale=2.0), seed=0)
    initialize(other, "orthogonal", seed=0, scale=2.0)
    assert torch.equal(weights(one), weights(other))
    assert report["action"][0] == "Orthogonal" and report["std"][0] == pytest.approx((2 / 9) ** 0.5)


# ---- Bad input -----------------------------------------------------------------------------

ALLOWED = ", ".join(EVERY)


@pytest.mark.parametrize(
    "scheme, std, message",
    [
        ("xavier", None, f"unknown scheme 'xavier'; the schemes are: {ALLOWED}"),
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
    with pytest.raises(ValueError, match=f"{type(model).__name__} has no layer to .* Linear, "):
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


@pytest.mark.parametrize(
    "scheme, options, message",
    [
        ("constant", {}, "needs a finite value, got value=None"),
        ("constant", {"value": float("inf")}, "needs a finite value, got value=inf"),
        ("sparse", {"connections": 0}, "connections must be a whole number .* got 0"),
        ("sparse", {"connections": 2.5}, "connections must be a whole number .* got 2.5"),
        ("sparse", {"connections": True}, "connections must be a whole number .* got True"),
        ("orthogonal", {"scale": -1.0}, "scale must be finite and not negative, got -1.0"),
        ("delta_orthogonal", {"scale": -1.0}, "scale must be finite"),
        ("identity", {"scale": float("nan")}, "scale must be finite"),
        ("orthogonal", {"std": 1.0}, "scheme 'orthogonal' takes scale; got std=1.0"),
        ("he_normal", {"scale": 1.0}, "fixes its own standard deviation; got scale=1.0"),
        (initializers.Identity(), {"scale": 1.0}, "has its parameters already; got scale=1.0"),
    ],
)
def test_bad_options_change_nothing(scheme, options, message):
    model = network()
    before = weights(model).clone()
    with pytest.raises(ValueError, match=message):
        initialize(model, scheme, seed=0, **options)
    assert torch.equal(weights(model), before)


@pytest.mark.parametrize(
    "last, scheme, error, message",
    [
        (nn.Conv2d(2, 2, 4), "identity", ValueError, r"with a centre, of odd size; got \(4, 4\)"),
        (nn.ConvTranspose1d(2, 2, 3), "sparse", ValueError, "not one laid out as .in, out, kernel"),
        (nn.Bilinear(2, 2, 2), "delta_orthogonal", ValueError, "laid out as .out, in1, in2"),
        (nn.Linear(2, 2, device="meta"), "he_normal", ValueError, "meta device .*to_empty"),
        (nn.Linear(2, 2, dtype=torch.complex64), "he_normal", TypeError, "got torch.complex64"),
    ],
)
def test_layer_the_scheme_cannot_start_is_named_and_nothing_changes(last, scheme, error, message):
    model = nn.Sequential(nn.Linear(3, 3), last)
    before = model[0].weight.detach().clone()
    with pytest.raises(error, match=message) as caught:
        initialize(model, scheme, seed=0)
    assert caught.value.__notes__ == ["while drawing 1.weight"]
    assert torch.equal(model[0].weight, before) and model[0].bias.any()
