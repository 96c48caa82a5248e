"""Wrong calls: each is named, with what was given and what is allowed."""

import math
import re
from collections import OrderedDict

import pytest
import torch
from torch import nn

from weightinit import networks
from weightinit.networks import LongShortTerm, Recurrent, Residual, convnet, lstm, mlp, rnn

NAN = float("nan")
GOOD = {
    mlp: {"depth": 1, "width": 8, "activation": "relu"},
    convnet: {"depth": 1, "channels": 8, "activation": "relu"},
    rnn: {"width": 8},
    lstm: {"width": 8},
}
SIZES = {
    mlp: ("depth", "width", "in_features", "out_features"),
    convnet: ("depth", "channels", "image_size", "out_features"),
    rnn: ("width", "steps", "in_features", "out_features"),
    lstm: ("width", "steps", "in_features", "out_features"),
}
every_function = pytest.mark.parametrize("build", GOOD)


def refused(build, change, error, message):
    state = torch.get_rng_state()
    with pytest.raises(error, match=re.escape(message)):
        build(**(GOOD[build] | change))
    assert torch.equal(torch.get_rng_state(), state)


@every_function
@pytest.mark.parametrize("value", [0, -1, 2.5, True, "3", None, NAN, math.inf, {}])
def test_sizes_must_be_whole_numbers(build, value):
    for name in SIZES[build]:
        message = f"{name} must be a whole number of at least 1, got {value!r}"
        refused(build, {name: value}, ValueError, message)


@every_function
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        *(
            ({"dtype": dtype}, TypeError, "dtype must be a floating-point torch.dtype, such as ")
            for dtype in (torch.int64, torch.bool, torch.complex64, "float64", float, None)
        ),
        ({"dtype": torch.float8_e5m2}, TypeError, "dtype must have at least 16 bits, to be drawn"),
        *(
            ({"device": device}, ValueError, "device must be a device that PyTorch can use here")
            for device in ("gpu", "cuda:99", 2.5, [])
        ),
        ({"seed": 1.5}, TypeError, "seed must be an integer, got 1.5"),
        ({"seed": None}, TypeError, "seed must be an integer, got None"),
        ({"seed": True}, TypeError, "seed must be an integer, got True"),
        ({"seed": torch.Generator()}, TypeError, "seed must be an integer, got <torch"),
        ({"seed": -1}, ValueError, "seed must be in [0, 4294967295], got -1"),
        ({"seed": 2**32}, ValueError, "seed must be in [0, 4294967295], got 4294967296"),
    ],
)
def test_every_network(build, change, error, message):
    refused(build, change, error, message)


@pytest.mark.parametrize(
    ("build", "change", "error", "message"),
    [
        *(
            (build, {"activation": name}, ValueError, "unknown activation 'rely'; allowed: ")
            for build in (mlp, convnet, rnn)
            for name in ("rely",)
        ),
        *(
            (build, {"normalization": value}, ValueError, "normalization must be None or 'batch' ")
            for build in (mlp, convnet)
            for value in ("Batch", "", True, ["batch"], nn.LayerNorm)
        ),
        *(
            (build, {"place": value}, ValueError, "place must be 'before' or 'after', got ")
            for build in (mlp, convnet)
            for value in ("behind", None, True)
        ),
        *(
            (build, {"bias": value}, ValueError, "bias must be True or False, got ")
            for build in (mlp, rnn)
            for value in (1, None, "no")
        ),
        *(
            (mlp, {"skip": value}, ValueError, "skip must be True or False, got ")
            for value in (1, None, "no")
        ),
        (mlp, {"depth": 2, "width": [3, 0]}, ValueError, "width must be a whole number of at leas"),
        (mlp, {"depth": 2, "width": [3, None]}, ValueError, "width must be a whole number of at l"),
        *(
            (mlp, {"depth": 2, "width": widths}, ValueError, "width must be one number or 2, one f")
            for widths in ((), (3,), [3, 3, 3])
        ),
        (mlp, {"depth": 2, "width": [8, 12], "normalization": "group"}, ValueError, "8, got 12"),
        (convnet, {"channels": 4, "normalization": "group"}, ValueError, "multiples of 8, got 4"),
        *(
            (build, {"steps": 7}, ValueError, "multiple of steps, got in_features=64 and steps=7")
            for build in (rnn, lstm)
        ),
        (
            lstm,
            {"forget_bias": math.inf},
            ValueError,
            "must be finite or None, got inf",
        ),
        (lstm, {"forget_bias": NAN}, ValueError, "forget_bias must be finite or None, got nan"),
        (lstm, {"forget_bias": "1"}, TypeError, "forget_bias must be a number, got '1'"),
        (lstm, {"forget_bias": [1.0]}, TypeError, "forget_bias must be a number, got [1.0]"),
    ],
)
def test_one_network(build, change, error, message):
    refused(build, change, error, message)


def test_messages_end_with_what_was_given():
    message = "normalization must be None or 'batch' or 'layer' or 'group', got ['batch']"
    with pytest.raises(ValueError, match=re.escape(message) + "$"):
        mlp(2, 3, "relu", normalization=["batch"])


@pytest.mark.parametrize(
    ("kind", "change", "error", "message"),
    [
        (Recurrent, {"recurrent": None}, TypeError, "recurrent must be a torch.Linear, such as"),
        (Recurrent, {"act": torch.tanh}, TypeError, "act must be a torch.nn.Module, got a built"),
        (Recurrent, {"output": nn.Linear}, TypeError, "output must be a torch.Linear, such as"),
        (Recurrent, {"steps": 0}, ValueError, "steps must be a whole number of at least 1, got 0"),
        (LongShortTerm, {"cell": nn.LSTM(8, 4)}, TypeError, "cell must be a torch.LSTMCell, such"),
        (LongShortTerm, {"output": 3}, TypeError, "output must be a torch.Linear, such as"),
        (LongShortTerm, {"steps": 2.5}, ValueError, "steps must be a whole number of at least 1"),
    ],
)
def test_parts_of_a_recurrent_network(kind, change, error, message):
    good = {
        Recurrent: {"recurrent": nn.Linear(12, 4), "act": nn.Tanh()},
        LongShortTerm: {"cell": nn.LSTMCell(8, 4)},
    }[kind]
    with pytest.raises(error, match=re.escape(message)):
        kind(**(good | {"output": nn.Linear(4, 10), "steps": 8} | change))


@pytest.mark.parametrize("kind", [networks.rnn, networks.lstm])
@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        *(
            (torch.zeros(2, n, dtype=torch.float64), ValueError, "must have 64 features, got shape")
            for n in (40, 60, 128)  # also where they are a whole number of pieces
        ),
        (torch.tensor(1.0, dtype=torch.float64), ValueError, "must have 64 features, got shape ()"),
        (torch.zeros(2, 64), TypeError, "must be torch.float64, as the network is, got torch.flo"),
        (torch.zeros(2, 64).long(), TypeError, "must be torch.float64, as the network is, got tor"),
        ([[0.0] * 64], TypeError, "images must be a torch.Tensor, such as"),
        (None, TypeError, "images must be a torch.Tensor, such as"),
    ],
)
def test_images(kind, images, error, message):
    model = kind(width=6, steps=8)
    with pytest.raises(error, match=re.escape(message)):
        model(images)
    if kind is networks.lstm:
        with pytest.raises(error, match=re.escape(message)):
            model.states(images)


@pytest.mark.parametrize("features", [1, 2, 6])
def test_a_residual_block_keeps_the_shape(features):
    """PyTorch would add one number to all three, without a word."""
    block = Residual(nn.Linear(3, features))
    with pytest.raises(ValueError, match=rf"keep the shape, got \(5, {features}\) from \(5, 3\)"):
        block(torch.zeros(5, 3))


@pytest.mark.parametrize("part", [None, "relu", 3, nn.ReLU, torch.relu, [nn.ReLU()], {}])
def test_parts_of_a_residual_block(part):
    for parts in ((part,), (nn.ReLU(), part), (OrderedDict(first=nn.ReLU(), second=part),)):
        with pytest.raises(TypeError, match="each part of a residual block must be a torch.nn.Mod"):
            Residual(*parts)


@pytest.mark.parametrize("x", [None, [1.0], 3, "x"])
def test_what_is_no_input_of_a_residual_block(x):
    with pytest.raises(TypeError, match=r"x must be a torch.Tensor, such as torch.zeros\(3, 64\)"):
        Residual(nn.ReLU())(x)


def test_a_residual_block_is_a_sequence_of_modules():
    block = Residual(OrderedDict(a=nn.ReLU(), b=nn.Tanh(), c=nn.Identity()))
    assert list(dict(block.named_children())) == ["a", "b", "c"]
    assert isinstance(block[:2], Residual) and len(block[:2]) == 2
