"""Wrong calls of every public function and class: an error that names the argument, no change."""

import math
import re
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

from weightinit import initializers
from weightinit.initializers import (
    Constant,
    Normal,
    Orthogonal,
    Scheme,
    fans,
    fill_,
    get,
    initialize,
    lsuv,
    variance,
    weights_of,
)

X = torch.ones(4, 3)
LAYER = nn.Linear(3, 2)
NOT_MODELS = [None, "model", 3, [nn.Linear(2, 2)], nn.Linear, {"a": nn.Linear(2, 2)}, X]
NOT_NUMBERS = ["1", True, [1.0], {}, np.ones(2), 1j, 10**400, Fraction(1, 2)]
NOT_FINITE = [math.nan, math.inf, -math.inf]
NOT_SEEDS = [None, "0", True, 1.0, -1, 2**32, [0], torch.Generator(), math.nan]
NOT_RULES = [None, 3, True, [], {}, Scheme, Orthogonal, torch.nn.init.normal_, ("he_normal",)]


def g():
    return torch.Generator().manual_seed(0)


def scheme(**change):
    rule = {"name": "mine", "scale": 1.0, "mode": "fan_in", "distribution": "normal"} | change
    return Scheme(**rule)


# What is called with a value, the values that are wrong, and the argument that the message names.
CALLS = {
    "fans(module)": (
        fans,
        [None, "Linear", 3, [1, 2], np.ones((2, 2)), nn.Linear, {}],
        "fans are defined here for layers of Linear",
    ),
    "weights_of(module)": (weights_of, [None, "Linear", nn.Linear, [LAYER]], "layers of Linear"),
    "get(scheme)": (
        get,
        [None, 3, True, [], {}, get("he_normal"), Scheme],
        "scheme must be a name",
    ),
    "get(scheme), text": (get, ["", "He_normal", "normal", "orthogonal"], "unknown scheme"),
    "Scheme(name)": (lambda v: scheme(name=v), [None, 3, [], str], "name must be a"),
    "Scheme(scale)": (lambda v: scheme(scale=v), [None, *NOT_NUMBERS], "scale must be a number"),
    "Scheme(scale), size": (lambda v: scheme(scale=v), [-1, *NOT_FINITE], "scale must be finite"),
    "Scheme(mode)": (
        lambda v: scheme(mode=v),
        [None, "fan", "fan_inn", 1, [], {}, ["fan_in"]],
        "mode must be 'fan_in'",
    ),
    "Scheme(distribution)": (
        lambda v: scheme(distribution=v),
        [None, "cauchy", 1, [], {}, ["normal"], torch.normal],
        "distribution must be 'normal'",
    ),
    "variance(scale)": (
        lambda v: variance(3, 3, scale=v, mode="fan_in"),
        [None, *NOT_NUMBERS, -1, *NOT_FINITE],
        "scale must be",
    ),
    "variance(mode)": (
        lambda v: variance(3, 3, scale=1.0, mode=v),
        [None, "fan", 1, [], {}],
        "mode must be 'fan_in'",
    ),
    "variance(fan_in)": (
        lambda v: get("he_normal").variance(v, 3),
        [None, "3", [3], 0, -1, math.nan, math.inf],
        "fan_in must be",
    ),
    "variance(fan_out)": (
        lambda v: get("he_normal").variance(3, v),
        [None, "3", [3], 0, -1, math.nan, math.inf],
        "fan_out must be",
    ),
    "Normal(std)": (lambda v: Normal(std=v), NOT_NUMBERS, "std must be a number"),
    "Normal(std), size": (lambda v: Normal(std=v), [-1, *NOT_FINITE], "std must be finite"),
    "Normal(std), none": (lambda v: Normal(std=v), [None], "std must be a number"),
    "Constant(value)": (lambda v: Constant(value=v), NOT_NUMBERS, "value must be a number"),
    "Constant(value), size": (lambda v: Constant(value=v), NOT_FINITE, "value must be finite"),
    "Constant(value), none": (lambda v: Constant(value=v), [None], "value must be a number"),
    "Orthogonal(scale)": (
        lambda v: Orthogonal(scale=v),
        [None, *NOT_NUMBERS],
        "scale must be a number",
    ),
    "Orthogonal(scale), size": (
        lambda v: Orthogonal(scale=v),
        [-1e-300, *NOT_FINITE],
        "scale must be finite",
    ),
    "fill_(module)": (
        lambda v: fill_(v, Normal(std=1), generator=g()),
        [None, "Linear", nn.Linear, nn.ReLU(), [LAYER]],
        "layers of Linear",
    ),
    "fill_(module), integers": (
        lambda v: fill_(v, Normal(std=1), generator=g()),
        [torch.ones(2, 2, dtype=torch.int64), torch.ones(2, 2) > 0, torch.ones(2, 2) * 1j],
        "weight must hold real floating-point numbers",
    ),
    "fill_(rule)": (
        lambda v: fill_(LAYER, v, generator=g()),
        [*NOT_RULES, "he_normal"],
        "rule must be a rule",
    ),
    "fill_(generator)": (
        lambda v: fill_(LAYER, Normal(std=1), generator=v),
        [None, 0, "0", torch.Generator, np.random.default_rng(0)],
        "generator must be a torch.Generator",
    ),
    "initialize(model)": (
        lambda v: initialize(v, "he_normal", seed=0),
        NOT_MODELS,
        "model must be a torch.nn.Module",
    ),
    "initialize(scheme)": (
        lambda v: initialize(LAYER, v, seed=0),
        NOT_RULES,
        "scheme must be a rule",
    ),
    "initialize(seed)": (
        lambda v: initialize(LAYER, "he_normal", seed=v),
        NOT_SEEDS,
        "seed must be",
    ),
    "initialize(std)": (
        lambda v: initialize(LAYER, "normal", seed=0, std=v),
        [*NOT_NUMBERS, -1, *NOT_FINITE],
        "std must be",
    ),
    "initialize(scale)": (
        lambda v: initialize(LAYER, "orthogonal", seed=0, scale=v),
        [*NOT_NUMBERS, -1, *NOT_FINITE],
        "scale must be",
    ),
    "initialize(value)": (
        lambda v: initialize(LAYER, "constant", seed=0, value=v),
        [*NOT_NUMBERS, *NOT_FINITE],
        "value must be",
    ),
    "lsuv(model)": (lambda v: lsuv(v, X, seed=0), NOT_MODELS, "model must be a torch.nn.Module"),
    "lsuv(batch)": (
        lambda v: lsuv(LAYER, v, seed=0),
        [None, "x", 3, [X], X.numpy(), {"x": X}, (X, 3), torch.Tensor],
        "batch must be a tensor",
    ),
    "lsuv(batch), samples": (
        lambda v: lsuv(LAYER, v, seed=0),
        [(), X[:1], X[:0], X[0, 0], (X, X[:1])],
        "batch must hold at least two samples",
    ),
    "lsuv(seed)": (lambda v: lsuv(LAYER, X, seed=v), NOT_SEEDS, "seed must be"),
    "lsuv(tolerance)": (
        lambda v: lsuv(LAYER, X, seed=0, tolerance=v),
        [None, "1", [1.0], 0, -1, math.nan, math.inf],
        "tolerance must be",
    ),
    "lsuv(max_rescalings)": (
        lambda v: lsuv(LAYER, X, seed=0, max_rescalings=v),
        [None, "1", True, 1.0, 0, -1, math.nan, [3]],
        "max_rescalings must be",
    ),
}


@pytest.mark.parametrize(
    "call, value", [(name, value) for name, (_, values, _) in CALLS.items() for value in values]
)
def test_wrong_call(call, value):
    function, _, message = CALLS[call]
    before = [p.detach().clone() for p in LAYER.parameters()]
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        function(value)
    assert all(map(torch.equal, LAYER.parameters(), before))


def test_every_public_function_and_class_is_called():
    public = {name for name in initializers.__all__ if callable(getattr(initializers, name))}
    assert public == {re.split(r"\W", call)[0] for call in CALLS}


@pytest.mark.parametrize("number", [2, np.float32(2), np.int64(2), np.array(2.0)])
def test_any_real_number_is_taken(number):
    layer = nn.Linear(50, 40)
    initialize(layer, scheme(scale=number), seed=0)
    expected = nn.Linear(50, 40)
    initialize(expected, scheme(scale=2.0), seed=0)
    assert torch.equal(layer.weight, expected.weight)
    for name, options in (("normal", {"std": number}), ("constant", {"value": number})):
        initialize(layer, name, seed=0, **options)
        assert layer.weight.isfinite().all()
