"""Wrong calls: each is named, with what was given and what is allowed, before anything changes."""

import copy
import dataclasses
import re

import numpy as np
import pytest
import torch
from torch import nn

from tests.training.support import DATA, SMALL, adam, network, weights
from weightinit.networks import mlp
from weightinit.training import sweep, train, train_ensemble

NAN, INF = float("nan"), float("inf")
SIZES = [0, -1, 2.5, True, "2", [2], NAN]
BOOLS = [1, "yes", "False"]


def spoilt(**arrays):
    """The data, changed after they were checked when made."""
    data = copy.copy(SMALL)
    for name, values in arrays.items():
        object.__setattr__(data, name, values)
    return data


def with_entry(name, value):
    x = getattr(SMALL, name).copy()
    x[[7, 20], 3] = value
    return spoilt(**{name: x})


BOTH = [  # of what train and train_ensemble share
    *(({"steps": n}, ValueError, f"steps must be a whole number of at least 1, got {n!r}") for n in
      [*SIZES, None]),
    *(({"batch_size": n}, ValueError, "batch_size must be a whole number from 1 to 150, got ")
      for n in [*SIZES, None, 151]),
    *(({"evaluate_every": n}, ValueError, "evaluate_every must be a whole number of at least 1")
      for n in SIZES),
    *(({"seed": seed}, TypeError, f"seed must be an integer, got {seed!r}")
      for seed in (None, "0", 0.5, True, [0])),
    ({"seed": -1}, ValueError, "seed must be in [0, 4294967295], got -1"),
    ({"seed": 2**32}, ValueError, "seed must be in"),
    *(({"device": device}, ValueError, "device must be ")
      for device in ("gpu", "cuda:99", 7.5, [], "meta")),
    *(({"progress": value}, ValueError, "progress must be None or True or False, got") for value in
      BOOLS),
    *(({"data": data}, TypeError, "data must be a weightinit.Digits, such as ")
      for data in (None, "digits", (SMALL.x_train, SMALL.y_train), type(SMALL))),
    *(({"data": with_entry(name, value)}, ValueError,
       f"{name} has 2 images with values that are not finite, the first at row 7")
      for name in ("x_train", "x_test") for value in (NAN, INF)),
    ({"data": spoilt(y_train=SMALL.y_train[1:])}, ValueError, "x_train has 150 images, but y_tr"),
    ({"data": spoilt(y_test=SMALL.y_test - 1)}, ValueError, "y_test must hold classes"),
    ({"optimizer": "adam"}, TypeError, "a function of the parameters, such as lambda"),
    ({"optimizer": network()}, TypeError, "a function of the parameters, such as lambda"),
    ({"optimizer": torch.optim.SGD(network().parameters())}, TypeError, "a function of the param"),
    ({"optimizer": lambda p: adam}, TypeError, "must return a torch.optim.Optimizer that steps"),
    ({"optimizer": lambda p: torch.optim.SGD(network().parameters())}, ValueError,
     "of its 6 parameters, 6 are of another model"),
]  # fmt: skip


def lbfgs(parameters):
    return torch.optim.LBFGS(parameters)


def with_another(parameters):
    return torch.optim.SGD([*parameters, *network().parameters()])


def unchanged(models, copies):
    return all(torch.equal(weights(a), weights(b)) for a, b in zip(models, copies, strict=True))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        *BOTH,
        *(
            ({"model": model}, TypeError, "model must be a torch.nn.Module, got ")
            for model in (None, "mlp", mlp, nn.Linear, [network()], network().state_dict())
        ),
        *(
            ({"lr": lr}, ValueError, f"the learning rate must be positive and finite, got {lr}")
            for lr in (NAN, INF, 0.0, -0.1)
        ),
        ({"lr": "0.1"}, TypeError, "the learning rate must be a number, got '0.1'"),
        ({"lr": [0.1]}, TypeError, "the learning rate must be a number, got [0.1]"),
        ({"lr": None}, ValueError, "give either lr or optimizer, got lr=None and optimizer=None"),
        ({"optimizer": adam, "lr": 0.1}, ValueError, "give either lr or optimizer, got lr=0.1"),
        *(
            ({"watch": value}, ValueError, "watch must be True or False")
            for value in (*BOOLS, None)
        ),
        ({"probe_every": 0}, ValueError, "probe_every must be a whole number of at least 1, got 0"),
        ({"optimizer": lbfgs}, TypeError, "that steps without a closure, got LBFGS"),
        ({"optimizer": with_another}, ValueError, "of its 12 parameters, 6 are of another model"),
    ],
)
def test_train(change, error, message):
    model = network()
    arguments = {"model": model, "data": SMALL, "steps": 2}
    if "optimizer" not in change:
        arguments["lr"] = 0.1
    with pytest.raises(error, match=re.escape(message)):
        train(**(arguments | change))
    assert unchanged([model], [network()])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        *BOTH,
        ({"models": []}, ValueError, "got 0 models and 2 rates"),
        ({"models": None}, TypeError, "models must be a sequence"),
        ({"models": network()}, TypeError, "models must be a sequence, got a Sequential"),
        ({"models": {0: network()}}, TypeError, "models must be a sequence, got a dict"),
        ({"models": [network(), "mlp"]}, TypeError, "model must be a torch.nn.Module, got 'mlp'"),
        ({"lrs": [0.1]}, ValueError, "a learning rate for each, got 2 models and 1 rates"),
        ({"lrs": 0.1}, TypeError, "lrs must be a sequence, such as [0.1]"),
        ({"lrs": {0.1: 0, 0.2: 0}}, TypeError, "lrs must be a sequence, got a dict"),
        ({"lrs": [0.1, -1.0]}, ValueError, "rate must be positive and finite, got -1.0"),
        ({"lrs": [0.1, None]}, TypeError, "the learning rate must be a number, got None"),
        ({"clip_norm": 0.0}, ValueError, "clip_norm must be positive and finite, got 0.0"),
        ({"clip_norm": NAN}, ValueError, "clip_norm must be positive and finite, got nan"),
        ({"clip_norm": "1"}, TypeError, "clip_norm must be a number, got '1'"),
        ({"warm_up": 0}, ValueError, "warm_up must be a whole number of at least 1, got 0"),
        *(
            ({"evaluate_start": value}, ValueError, "evaluate_start must be True or False, got")
            for value in (*BOOLS, None)
        ),
        ({"optimizer": torch.optim.Adafactor}, TypeError, "every number by itself"),
    ],
)
def test_train_ensemble(change, error, message):
    models = [network(0), network(1)]
    with pytest.raises(error, match=re.escape(message)):
        train_ensemble(
            **({"models": models, "data": SMALL, "lrs": [0.1, 0.1], "steps": 2} | change)
        )
    assert unchanged(models, [network(0), network(1)])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"lrs": 0.5}, TypeError, "lrs must be a sequence, such as [0.5], got 0.5"),
        ({"lrs": ["0.5"]}, TypeError, "the learning rate must be a number, got '0.5'"),
        ({"lrs": [0.1, NAN]}, ValueError, "the learning rate must be positive and finite, got nan"),
        ({"lrs": []}, ValueError, "at least one learning rate and one seed, got [] and [0]"),
        ({"seeds": []}, ValueError, "at least one learning rate and one seed, got [0.1] and []"),
        ({"seeds": 5}, TypeError, "seeds must be a sequence, such as [5], got 5"),
        ({"seeds": {0: 1}}, TypeError, "seeds must be a sequence, got a dict"),
        ({"seeds": [0, None]}, TypeError, "each of seeds must be an integer, got None"),
        ({"seeds": [-1]}, ValueError, "each of seeds must be in [0, 4294967295], got -1"),
        ({"build": "mlp"}, TypeError, "build must be a function of the seed that returns a model"),
        ({"build": network()}, TypeError, "build must be a function of the seed that returns"),
        ({"build": lambda seed: "mlp"}, TypeError, "model must be a torch.nn.Module, got 'mlp'"),
        ({"build": lambda seed: None}, TypeError, "model must be a torch.nn.Module, got None"),
        ({"seed": 3}, TypeError, "give seeds, of the weights, and order_seed, of the images"),
        ({"order_seed": "3"}, TypeError, "seed must be an integer, got '3'"),
        ({"steps": 0}, ValueError, "steps must be a whole number of at least 1, got 0"),
    ],
)
def test_sweep(change, error, message):
    arguments = {"build": network, "data": SMALL, "lrs": [0.1], "seeds": [0], "steps": 2}
    with pytest.raises(error, match=re.escape(message)):
        sweep(**(arguments | change))


class Pair(nn.Sequential):
    def forward(self, x):
        return super().forward(x), x


class Mean(nn.Sequential):
    def forward(self, x):
        return super().forward(x).mean(dim=0, keepdim=True)


class Whole(nn.Sequential):
    def forward(self, x):
        return super().forward(x).round().long()


def outside(model, tensor):
    """Give the last layer a weight that cannot be written."""
    model.output.weight = nn.Parameter(tensor)
    return model


def of_inference(seed=0):
    with torch.inference_mode():
        weight = torch.zeros(10, 12, dtype=torch.float64)
        return outside(mlp(2, 12, "tanh", seed=seed), weight)


MISFITS = [
    (nn.Flatten, "Flatten has no parameters to train"),
    (lambda: network().requires_grad_(False), "Sequential has no parameters to train"),
    (lambda: mlp(1, 3, "relu", in_features=63), "cannot take images of shape (64,): mat1 and mat2"),
    (lambda: nn.Bilinear(64, 64, 10).double(), "cannot take images of shape (64,): Bilinear.forw"),
    (
        lambda: mlp(1, 3, "relu", out_features=9),
        "scores of shape (batch, 10), got (2, 9) for a bat",
    ),
    (lambda: nn.Sequential(mlp(1, 3, "relu"), nn.Unflatten(1, (5, 2))), "got (2, 5, 2)"),
    (lambda: nn.Sequential(nn.Unflatten(0, (1, -1)), mlp(1, 3, "relu")), "got (1, 2, 10)"),
    (lambda: Mean(mlp(1, 3, "relu")), "scores of shape (batch, 10), got (1, 10) for a batch"),
    (lambda: Pair(mlp(1, 3, "relu")), "must return scores of shape (batch, 10), got tuple"),
    (lambda: Whole(mlp(1, 3, "relu")), "must return scores of shape (batch, 10), got torch.int64"),
    (lambda: network().to("meta"), "cannot be trained: it is on the device 'meta'"),
    (of_inference, "cannot be trained: Inplace update to inference tensor"),
    (
        lambda: outside(network(), torch.zeros(10, 1, dtype=torch.float64).expand(10, 12)),
        "cannot be trained: unsupported operation: more than one element of the written-to",
    ),
]


@pytest.mark.parametrize(("build", "message"), MISFITS)
def test_model_that_does_not_fit(build, message):
    """Nothing has changed then; what is written in place would fail in the middle of a step."""
    model = build()
    before = [] if message.endswith("'meta'") else [p.tolist() for p in model.parameters()]
    with pytest.raises(ValueError, match=re.escape(message)):
        train(model, SMALL, steps=2, lr=0.1)
    assert not before or [p.tolist() for p in model.parameters()] == before
    with pytest.raises(ValueError, match=re.escape(message)):
        train_ensemble([build()], SMALL, lrs=[0.1], steps=2)


def test_scores_that_do_not_depend_on_the_parameters():
    class Detached(nn.Linear):
        def forward(self, x):
            return super().forward(x).detach()

    for call in (
        lambda model: train(model, SMALL, steps=1, lr=0.1),
        lambda model: train_ensemble([model], SMALL, lrs=[0.1], steps=1),
    ):
        with pytest.raises(ValueError, match="loss does not depend on any parameter"):
            call(Detached(64, 10).double())


@pytest.mark.parametrize("off", [torch.no_grad, torch.inference_mode])
def test_without_gradients(off):
    model = network()
    with off(), pytest.raises(RuntimeError, match="training needs gradients"):
        train(model, SMALL, steps=1, lr=0.1)
    with off(), pytest.raises(RuntimeError, match="training needs gradients"):
        train_ensemble([model], SMALL, lrs=[0.1], steps=1)


def test_a_network_that_fits_no_images_is_not_moved(monkeypatch):
    """The last thing that is done to a model before its training."""
    moved = []
    monkeypatch.setattr(nn.Module, "to", lambda self, device: moved.append(device))
    with pytest.raises(ValueError, match="cannot take images"):
        train(mlp(1, 3, "relu", in_features=63), SMALL, steps=2, lr=0.1)
    assert moved == []
    train(network(), SMALL, steps=1, lr=0.1)
    assert moved == [torch.device("cpu")]


def test_labels_above_the_scores_of_the_network():
    data = dataclasses.replace(DATA, y_test=np.where(DATA.y_test == 9, 10, DATA.y_test))
    with pytest.raises(ValueError, match=r"scores of shape \(batch, 11\), got \(2, 10\)"):
        train(network(), data, steps=1, lr=0.1)


def test_weights_that_have_no_size_yet():
    with pytest.raises(ValueError, match="weight cannot be trained: .*uninitialized"):
        train(nn.LazyLinear(10), SMALL, steps=1, lr=0.1)
    with pytest.raises(ValueError, match="without hooks"):  # it gets its size by one
        train_ensemble([nn.LazyLinear(10)], SMALL, lrs=[0.1], steps=1)
