"""One rule for a whole model: what is drawn, shared, left alone, reported, and refused."""

import numpy as np
import pytest
import torch
import torch.nn.utils.prune
from torch import nn

from weightinit import initializers
from weightinit.initializers import SCHEMES, Orthogonal, Scheme, fans, fill_, get, initialize

# Every rule that initialize() knows, with what it needs.
EVERY = {name: {} for name in SCHEMES} | {
    "normal": {"std": 0.1},
    "constant": {"value": 0.1},
    "orthogonal": {},
}


def test_every_rule_is_tested():
    assert {*SCHEMES, *initializers.RULES} == set(EVERY)


def generator(seed):
    return torch.Generator().manual_seed(seed)


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


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


@pytest.mark.parametrize("scheme", [name for name in EVERY if name != "constant"])
def test_given_generator_decides(scheme):
    """The global generator has another state at each call."""
    rule = get(scheme) if scheme in SCHEMES else initializers.RULES[scheme](**EVERY[scheme])
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


class Tied(nn.Module):
    """A language model whose output layer is its embedding."""

    def __init__(self, layers=("table", "head")):
        super().__init__()
        made = {"table": nn.Embedding(500, 64, padding_idx=3), "head": nn.Linear(64, 500)}
        for name in layers:
            self.add_module(name, made[name])
        self.head.weight = self.table.weight

    def forward(self, index):
        # Backwards, so that no signal points along its own row of the output layer.
        return self.head(nn.functional.layer_norm(self.table(index).flip(-1), (64,)))


@pytest.mark.parametrize("layers", [("table", "head"), ("head", "table")])
@pytest.mark.parametrize(
    "scheme", ["lecun_normal", "he_uniform", "xavier_normal", "orthogonal", "constant"]
)
def test_embedding_tied_to_the_output_starts_as_the_output(layers, scheme):
    """Of signals with mean square 1 the scores have at most He's 2: the loss is near ln 500."""
    model, alone = Tied(layers), nn.Linear(64, 500)
    options = {"value": 0.01} if scheme == "constant" else {}
    report = initialize(model, scheme, seed=0, **options).set_index("parameter")
    initialize(alone, scheme, seed=0, **options)
    kept = torch.arange(500) != 3
    assert torch.equal(model.head.weight[kept], alone.weight[kept])
    assert model.head.weight is model.table.weight and not model.table.weight[3].any()
    if scheme != "constant":
        assert report.loc["head.weight", ["fan_in", "action"]].tolist() == [64, scheme]
        assert report.loc["table.weight", ["fan_in", "action"]].tolist() == [
            "", "shared with head.weight"
        ]  # fmt: skip
    index = torch.arange(500)
    assert nn.functional.cross_entropy(model(index), index.flip(0)) < np.log(500) + 2


@pytest.mark.parametrize("mode, fan", [("fan_in", 72), ("fan_out", 72), ("fan_avg", 49.5)])
def test_weight_shared_by_a_convolution_and_its_transpose(mode, fan):
    """Their fans are swapped; none of the two gets more variance than it should have."""
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ConvTranspose2d(8, 3, 3))
    model[1].weight = model[0].weight
    report = initialize(model, Scheme("unit", 1.0, mode, "normal"), seed=0)
    assert report["std"].dropna().tolist() == [pytest.approx(fan**-0.5)]


def test_weights_with_equal_fans_are_drawn_for_the_first():
    model = nn.Sequential(nn.Linear(5, 5), nn.ReLU(), nn.Linear(5, 5), nn.Linear(5, 5))
    model[2].weight, model[2].bias = model[0].weight, model[0].bias
    report = initialize(model, "he_normal", seed=0)
    shared = ["shared with 0.weight", "shared with 0.bias"]
    assert report["action"].tolist() == ["he_normal", "zero", *shared, "he_normal", "zero"]
    alone = nn.Sequential(nn.Linear(5, 5), nn.Linear(5, 5))
    initialize(alone, "he_normal", seed=0)
    assert torch.equal(model[3].weight, alone[1].weight)


def test_weight_shared_with_a_module_that_is_left_alone_is_reported():
    class Mine(nn.Module):
        def __init__(self, layer):
            super().__init__()
            self.mine, self.shift = layer.weight, layer.bias

    layer = nn.Linear(3, 3)
    for modules in ((Mine(layer), layer), (layer, Mine(layer))):
        report = initialize(nn.Sequential(*modules), "he_normal", seed=0)
        place, actions = modules.index(layer), report.set_index("parameter")["action"]
        assert actions[f"{1 - place}.mine"] == f"shared with {place}.weight"
        assert actions[f"{1 - place}.shift"] == f"shared with {place}.bias"


def test_attention_whose_projections_share_a_weight():
    layer = nn.MultiheadAttention(8, 2, kdim=8, vdim=6)
    layer.k_proj_weight = layer.q_proj_weight
    report = initialize(layer, "he_normal", seed=0).set_index("parameter")
    assert report.loc["k_proj_weight", "action"] == "shared with q_proj_weight"


def test_attention_that_computes_one_of_its_weights_is_left_alone():
    layer = nn.MultiheadAttention(8, 2, kdim=6)
    nn.utils.parametrizations.weight_norm(layer, "q_proj_weight")
    before = layer.k_proj_weight.detach().clone()
    report = initialize(nn.ModuleList([layer, nn.Linear(2, 2)]), "he_normal", seed=0)
    actions = report.set_index("parameter")["action"]
    assert actions["0.k_proj_weight"] == "left alone (the layer computes its weight)"
    assert torch.equal(layer.k_proj_weight, before)


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
    assert len(actions) and actions.str.startswith("left alone").all()
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
    report = initialize(one, Orthogonal(scale=2.0), seed=0)
    initialize(other, "orthogonal", seed=0, scale=2.0)
    assert torch.equal(weights(one), weights(other))
    assert report["action"][0] == "Orthogonal" and report["std"][0] == pytest.approx((2 / 9) ** 0.5)


# ---- Bad input -----------------------------------------------------------------------------


@pytest.mark.parametrize("model", [nn.ReLU(), nn.Sequential(nn.Flatten(), nn.BatchNorm1d(3))])
def test_model_without_layers(model):
    with pytest.raises(ValueError, match=f"{type(model).__name__} has no layer to .* Linear, "):
        initialize(model, "he_normal", seed=0)


@pytest.mark.parametrize(
    "scheme, options, message",
    [
        ("xavier", {}, f"unknown scheme 'xavier'; the schemes are: {', '.join(EVERY)}"),
        ("xavier", {"std": 0.1}, "unknown scheme 'xavier'"),
        ("normal", {}, "std must be a number, got None"),
        ("normal", {"std": -0.1}, "std must be finite and not negative, got -0.1"),
        ("constant", {}, "value must be a number, got None"),
        ("constant", {"value": float("inf")}, "value must be finite, got inf"),
        ("orthogonal", {"scale": -1.0}, "scale must be finite and not negative, got -1.0"),
        ("orthogonal", {"std": 1.0}, "scheme 'orthogonal' takes scale; got .'std': 1.0"),
        ("he_normal", {"scale": 1.0}, "'he_normal' takes no options; got .'scale': 1.0"),
        (Orthogonal(), {"scale": 1.0}, "takes no options; got .'scale': 1.0"),
    ],
)
def test_bad_options_change_nothing(scheme, options, message):
    model = network()
    before = weights(model).clone()
    with pytest.raises((TypeError, ValueError), match=message):
        initialize(model, scheme, seed=0, **options)
    assert torch.equal(weights(model), before)
