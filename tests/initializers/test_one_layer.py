"""What cannot be drawn or overwritten is refused before anything has changed."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from weightinit.initializers import Constant, Normal, Orthogonal, Scheme, fill_, initialize, lsuv


def inference_weight():
    layer = nn.Linear(3, 3)
    with torch.inference_mode():
        layer.weight = nn.Parameter(torch.ones(3, 3))
    return layer


def with_weight(values, layer=None):
    layer = layer or nn.Linear(3, 3)
    layer.weight = nn.Parameter(values)
    return layer


def sharing(part):
    """A layer whose weight is, in other clothes, a tensor that another layer has too."""
    first, second = nn.Linear(3, 3), nn.Linear(3, 3)
    second.weight = nn.Parameter(part(first.weight.detach()))
    return nn.Sequential(first, second)


def over_a_buffer():
    layer = nn.Linear(3, 3)
    layer.register_buffer("mean", layer.weight.detach()[0])
    return layer


def over_its_bias():
    layer = nn.Linear(3, 3)
    layer.bias = nn.Parameter(layer.weight.detach()[1])
    return layer


def over_a_normalization():
    layer, norm = nn.Linear(3, 3), nn.LayerNorm(3)
    norm.weight = nn.Parameter(layer.bias.detach())
    return nn.Sequential(layer, norm)


def expanded_bias():
    layer = nn.Linear(3, 3)
    layer.bias = nn.Parameter(torch.ones(1).expand(3))
    return layer


# What cannot be written, the error and its words, and whether `fill_` of the last layer sees it.
UNWRITABLE = {
    "inference": (
        inference_weight,
        ValueError,
        "weight cannot be overwritten: it must be a dense tensor",
        True,
    ),
    "expanded": (
        lambda: with_weight(torch.ones(1, 3).expand(3, 3)),
        ValueError,
        "weight cannot be overwritten: it must be a dense tensor",
        True,
    ),
    "overlapping rows": (
        lambda: with_weight(torch.ones(5).as_strided((3, 3), (1, 1))),
        ValueError,
        "weight cannot be overwritten: it must be a dense tensor",
        True,
    ),
    "expanded bias": (
        expanded_bias,
        ValueError,
        "bias cannot be overwritten: it must be a dense",
        False,
    ),
    "one memory": (
        lambda: sharing(lambda w: w),
        ValueError,
        "1.0.weight cannot be overwritten.* shares memory with 1.1.weight",
        False,
    ),
    "transposed": (lambda: sharing(lambda w: w.T), ValueError, "memory with 1.1.weight", False),
    "buffer": (over_a_buffer, ValueError, "it shares memory with .*mean", True),
    "bias": (over_its_bias, ValueError, "it shares memory with .*bias", True),
    "normalization": (over_a_normalization, ValueError, "1.0.bias .* shares memory with", False),
    "meta": (
        lambda: nn.Linear(3, 3, device="meta"),
        ValueError,
        "weight cannot be overwritten: it must be a dense tensor",
        True,
    ),
    "complex": (lambda: nn.Linear(3, 3, dtype=torch.complex64), TypeError, "complex64", True),
    "eight bits": (
        lambda: with_weight(torch.ones(3, 3).to(torch.float8_e4m3fn)),
        TypeError,
        "16, 32 or 64 bits, got torch.float8",
        True,
    ),
    "lazy": (lambda: nn.LazyLinear(3), ValueError, "LazyLinear has no shape yet", True),
}


ATTEMPTS = (
    lambda model: initialize(model, "he_normal", seed=0),
    lambda model: lsuv(model, torch.ones(5, 3), seed=0),
)


@pytest.mark.parametrize("name", UNWRITABLE)
def test_what_cannot_be_written_stops_everything_before_the_first_layer(name):
    make, error, message, alone = UNWRITABLE[name]
    for attempt in ATTEMPTS:
        first = nn.Linear(3, 3)
        before = [p.detach().clone() for p in first.parameters()]
        model = nn.Sequential(first, make())
        kept = [p.detach().clone() for p in model[1].parameters() if not is_lazy_or_meta(p)]
        with pytest.raises(error, match=message):
            attempt(model)
        assert all(map(torch.equal, first.parameters(), before))
        assert all(map(same, (p for p in model[1].parameters() if not is_lazy_or_meta(p)), kept))
    if alone:
        layer = make()
        with pytest.raises(error, match=message):
            fill_(layer, Normal(std=1.0), generator=torch.Generator())


def is_lazy_or_meta(p):
    return p.is_meta or isinstance(p, nn.parameter.UninitializedParameter)


def same(one, other):
    return torch.equal(one.double() if one.dtype.itemsize == 1 else one,
                       other.double() if other.dtype.itemsize == 1 else other)  # fmt: skip


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_memory_laid_out_another_way_is_written(layout):
    layer = nn.Conv2d(3, 4, 2).to(memory_format=layout)
    initialize(layer, "constant", seed=0, value=0.5)
    assert (layer.weight == 0.5).all() and not layer.bias.any()


def test_a_transposed_weight_is_written():
    layer = with_weight(torch.ones(3, 3).T)
    initialize(layer, "constant", seed=0, value=0.5)
    assert (layer.weight == 0.5).all()


def test_attention_of_three_weights_is_written_whole_or_not_at_all():
    layer = nn.MultiheadAttention(8, 2, kdim=6)
    layer.v_proj_weight = nn.Parameter(torch.ones(8, 1).expand(8, 8))
    before = layer.q_proj_weight.detach().clone()
    with pytest.raises(ValueError, match="v_proj_weight cannot be overwritten"):
        fill_(layer, Orthogonal(), generator=torch.Generator())
    assert torch.equal(layer.q_proj_weight, before)


# ---- Number formats --------------------------------------------------------------------------

TOO_LARGE = [
    (Normal(std=1e39), torch.float32),
    (Normal(std=3e38), torch.float32),
    (Normal(std=1e6), torch.float16),
    (Constant(value=1e39), torch.float32),
    (Constant(value=-1e39), torch.bfloat16),
    (Constant(value=70_000), torch.float16),
    (Orthogonal(scale=1e12), torch.float16),
    (Orthogonal(scale=1e80), torch.float32),
    *(
        (Scheme("large", scale, "fan_in", law), dtype)
        for law in ("normal", "uniform", "truncated_normal")
        for scale, dtype in ((1e12, torch.float16), (1e80, torch.float32), (1e78, torch.bfloat16))
    ),
]
SMALL = [
    (Normal(std=1e-50), torch.float32),
    (Normal(std=1e-45), torch.float32),
    (Normal(std=2e-7), torch.float16),
    (Constant(value=-1e-8), torch.float16),
    (Constant(value=1e-50), torch.float32),
    (Scheme("small", 1e-90, "fan_out", "uniform"), torch.bfloat16),
    (Orthogonal(scale=1e-16), torch.float16),
]


@pytest.mark.parametrize("rule, dtype", TOO_LARGE + SMALL, ids=str)
def test_rules_whose_values_do_not_fit_the_format_change_nothing(rule, dtype):
    """The first layer could hold them, the second cannot."""
    model = nn.Sequential(nn.Linear(50, 50).double(), nn.Linear(50, 50, dtype=dtype))
    before = [p.detach().clone() for p in model.parameters()]
    message = f"1.weight cannot be drawn by .*: {dtype} does not hold such numbers"
    with pytest.raises(ValueError, match=message):
        initialize(model, rule, seed=0)
    assert all(map(torch.equal, model.parameters(), before))
    with pytest.raises(ValueError, match="does not hold such numbers"):
        fill_(model[1], rule, generator=torch.Generator())


@pytest.mark.parametrize(
    "std, dtype", [(1e4, torch.float16), (1e37, torch.float32), (1e-44, torch.float32)]
)
def test_values_at_the_edges_of_a_format_have_the_std_asked_for(std, dtype):
    """Within 4 standard errors of 10,000 weights, false alarm 6e-5; 3e-7 in float16 is rounded."""
    layer = nn.Linear(100, 100, dtype=dtype)
    initialize(layer, Normal(std=std), seed=0)
    found = layer.weight.detach().double().std().item()
    assert abs(found / std - 1) < 4 / math.sqrt(2 * 10_000)


def test_smallest_std_that_a_format_takes():
    """Four times its smallest number: the variance is 1/192 too large by rounding."""
    smallest = 2.0**-24
    layer = nn.Linear(300, 300, dtype=torch.float16)
    initialize(layer, Normal(std=4 * smallest), seed=0)
    found = layer.weight.detach().double().var().item() / (4 * smallest) ** 2
    assert found == pytest.approx(1 + 1 / 192, abs=4 * np.sqrt(2 / 90_000))
    with pytest.raises(ValueError, match="such numbers"):
        initialize(layer, Normal(std=3.99 * smallest), seed=0)


# ---- A rule of one's own ---------------------------------------------------------------------


class Mine:
    """A rule that draws what it is told to."""

    def __init__(self, values):
        self.values = values

    def deviation(self, weight):
        return 1.0

    def draw(self, weight, generator):
        return self.values


def test_a_rule_of_your_own_is_taken():
    layer = nn.Linear(3, 2)
    report = initialize(layer, Mine(torch.full((2, 3), 0.25)), seed=0)
    assert (layer.weight == 0.25).all() and report["action"][0] == "Mine"


@pytest.mark.parametrize("values", [torch.ones(3), torch.ones(1, 3), None, 1.0, [[1.0] * 3] * 3])
def test_a_rule_that_draws_another_shape_changes_nothing(values):
    model = nn.Sequential(nn.Linear(3, 3))
    before = model[0].weight.detach().clone()
    with pytest.raises(ValueError, match=r"must draw a tensor of shape \(3, 3\) for 0.weight"):
        initialize(model, Mine(values), seed=0)
    assert torch.equal(model[0].weight, before)


def test_a_rule_that_draws_nan_is_refused():
    with pytest.raises(ValueError, match="does not hold such numbers"):
        initialize(nn.Linear(3, 3), Mine(torch.full((3, 3), math.nan)), seed=0)
