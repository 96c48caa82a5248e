"""Networks that run as one, with the first one's code: refused unless it is the code of all."""

import functools
from types import FunctionType

import numpy as np
import pytest
import torch
from torch import nn

from tests.training.support import SMALL, network, weights
from weightinit.networks import mlp
from weightinit.training import train, train_ensemble

pytestmark = pytest.mark.usefixtures("one_thread")


class Net(nn.Module):
    """A network with an attribute of any kind."""

    def __init__(self, attribute=None, seed=0):
        super().__init__()
        self.body, self.attribute = mlp(1, 8, "tanh", seed=seed), attribute

    def forward(self, x):
        scores = self.body(x)
        return self.attribute(scores) if callable(self.attribute) else scores


class Other(Net):
    pass


def scaled(factor):
    return lambda scores: factor * scores


def times(scores, factor=1.0):
    return factor * scores


class InTraining(nn.Module):
    """A factor in training mode only."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, scores):
        return self.factor * scores if self.training else scores


def clamped(limit):
    return nn.Sequential(nn.Linear(64, 10), nn.Hardtanh(-limit, limit)).double()


def changed(change):
    """Two networks, the second changed after it was built."""

    def build():
        models = [Net(seed=0), Net(seed=1)]
        change(models[1])
        return models

    return build


def overridden(model):
    model.body.forward = lambda x: 2 * nn.Sequential.forward(model.body, x)


def of_globals(factor):
    """Two functions of one code, which looks a name up in different places."""
    return FunctionType((lambda scores: FACTOR * scores).__code__, {"FACTOR": factor})  # noqa: F821


def named(name):
    model = Net()
    model.add_module(name, nn.Identity())
    return model


def normalized(**options):
    return nn.Sequential(nn.Linear(64, 10), nn.BatchNorm1d(10, **options)).double()


def tied(seed=0, tie=True):
    first = nn.Linear(64, 64, bias=False)
    model = nn.Sequential(first, nn.Tanh(), first if tie else nn.Linear(64, 64, bias=False))
    model.add_module("output", nn.Linear(64, 10))
    return model.double()


def frozen(model, names=("body.linear1.weight",)):
    for name in names:
        model.get_parameter(name).requires_grad_(False)


DIFFERENT = [
    lambda: [Net(torch.relu), Net(torch.sigmoid)],
    lambda: [Net(lambda s: s), Net(lambda s: 2 * s)],
    lambda: [Net(scaled(1.0)), Net(scaled(2.0))],
    lambda: [Net(functools.partial(times, factor=1.0)), Net(functools.partial(times, factor=2.0))],
    lambda: [Net(of_globals(1.0)), Net(of_globals(2.0))],
    lambda: [named("one"), named("other")],
    lambda: [Net(InTraining(1.0)), Net(InTraining(2.0))],
    lambda: [Net(lambda s: s), Net(lambda s: 2 * s - s.detach())],  # another gradient only
    lambda: [clamped(3.0), clamped(4.0)],  # the same, unless scores are large
    lambda: [Net(), Other()],
    lambda: [Net(), mlp(1, 8, "tanh")],
    changed(lambda model: model.eval()),
    changed(lambda model: model.body.act1.eval()),
    changed(overridden),
    changed(frozen),
    changed(lambda model: setattr(model.body, "act1", nn.ReLU())),
    changed(lambda model: model.body.add_module("last", nn.Identity())),
    changed(lambda model: model.register_buffer("state", torch.zeros(2))),
    changed(lambda model: setattr(model.body.output, "bias", None)),
    lambda: [mlp(1, 8, "tanh"), mlp(1, 9, "tanh")],
    lambda: [mlp(1, 8, "tanh"), mlp(1, 8, "tanh", dtype=torch.float32)],
    lambda: [nn.Sequential(nn.Linear(64, 10), nn.Dropout(p)).double() for p in (0.0, 0.5)],
    lambda: [nn.Sequential(nn.Linear(64, 10), nn.LeakyReLU(p)).double() for p in (0.1, 0.2)],
    lambda: [normalized(), normalized(eps=1e-3)],
    lambda: [normalized(), normalized(momentum=0.2)],
    lambda: [normalized(), normalized(track_running_stats=False)],
    lambda: [tied(), tied(tie=False)],
    lambda: [tied(tie=False), tied()],
]


def state(models):
    return [t.clone() for m in models for t in (*m.parameters(), *m.buffers())]


def refused(models, message, error=ValueError):
    """They are refused in both orders, before anything has changed."""
    before = state(models)
    with pytest.raises(error, match=message):
        train_ensemble(models, SMALL, lrs=[0.1] * len(models), steps=2)
    assert all(map(torch.equal, state(models), before))


@pytest.mark.parametrize("build", DIFFERENT)
def test_networks_that_differ_in_more_than_their_numbers(build):
    refused(build(), "must have the same architecture, .* network 2")
    refused([*build()[::-1]], "must have the same architecture, .* network 2")


def test_the_difference_is_named():
    message = r"\('body.act1', .*, 'training'\) and \('body.act1', .*, 'evaluation'\)$"
    refused(changed(lambda model: model.body.act1.eval())(), message)
    message = (
        r"'linear1.weight', \(3, 64\), torch.float64, True\) and \('linear1.weight', \(4, 64\)"
    )
    refused([mlp(1, 3, "relu"), mlp(1, 4, "relu")], message)


@pytest.mark.parametrize("make", [lambda: torch.sigmoid, lambda: scaled(2.0),
                                  lambda: functools.partial(times, factor=2.0),
                                  lambda: [1, "two", (3.0, None)], lambda: {"a": np.arange(3)},
                                  lambda: torch.ones(2)])  # fmt: skip
def test_attributes_that_each_network_has_for_itself(make):
    """Made anew in each, they are the same all the same: each trains as it does alone."""
    models = [Net(make(), seed) for seed in (0, 1)]
    train_ensemble(models, SMALL, lrs=[0.5, 0.1], steps=3)
    for seed, lr in ((0, 0.5), (1, 0.1)):
        alone = Net(make(), seed)
        train(alone, SMALL, steps=3, lr=lr)
        torch.testing.assert_close(weights(models[seed]), weights(alone), rtol=1e-9, atol=1e-12)


# ---- Hooks, shared memory, passes that change the network ------------------------------------


def hook(*_):
    return None


@pytest.mark.parametrize(
    "attach",
    [
        lambda model: model.body.register_forward_hook(hook),
        lambda model: model.register_forward_pre_hook(hook),
        lambda model: model.body.output.register_full_backward_hook(hook),
        lambda model: model.body.output.register_full_backward_pre_hook(hook),
        lambda model: model.body.output.weight.register_hook(hook),
        lambda model: model.body.output.weight.register_post_accumulate_grad_hook(hook),
    ],
)
def test_hooks(attach):
    """They would run for all networks, or for none."""
    models = [Net(seed=0), Net(seed=1)]
    attach(models[1])
    refused(models, "without hooks, but network 2 has")
    refused(models[1:], "without hooks, but network 1 has")


def test_the_same_network_twice():
    model = network()
    refused([model, model], "stands in the list twice")


def shared_parameter():
    first, second = network(0), network(1)
    second.linear2.weight = first.linear2.weight
    return [first, second]


def tied_by_memory():
    model = network()
    model.linear2.weight.data = model.linear1.weight.data[:, :12]
    return [model]


def shared_averages():
    first, second = normalized(), normalized()
    second[1].running_mean = first[1].running_mean
    return [first, second]


@pytest.mark.parametrize("build", [shared_parameter, tied_by_memory, shared_averages])
def test_shared_memory(build):
    """Stacked, each would have a copy of its own."""
    refused(build(), r"of network \d shares its memory with .* of network 1")


def test_a_buffer_that_cannot_be_written():
    model = normalized()
    model[1].running_mean = torch.zeros(1, dtype=torch.float64).expand(10)
    refused([model], r"1.running_mean of network 1 cannot be trained")


class Counting(Net):
    def forward(self, x):
        self.passes = getattr(self, "passes", 0) + 1
        return super().forward(x)


class Averaging(Net):
    """Its average is a new tensor at every step, which a stack would lose."""

    def __init__(self):
        super().__init__()
        self.register_buffer("average", torch.zeros(64, dtype=torch.float64))

    def forward(self, x):
        if self.training:
            self.average = 0.9 * self.average + 0.1 * x.mean(dim=0)
        return super().forward(x - self.average)


class OnlyInEvaluation(Net):
    def forward(self, x):
        if not self.training:
            self.attribute = 1
        return super().forward(x)


@pytest.mark.parametrize(
    ("build", "what"),
    [
        (Counting, "passes"),
        (Averaging, "average"),
        (OnlyInEvaluation, "attribute"),
    ],
)
def test_a_pass_that_changes_the_network(build, what):
    refused([build()], f"must leave attributes alone .* one changed {what}$")


# ---- What vmap does not do -------------------------------------------------------------------


def branching(scores):
    return scores if scores.sum() > 0 else 2 * scores


@pytest.mark.parametrize(
    "build",
    [
        lambda: Net(branching),
        lambda: Net(nn.functional.dropout),
        lambda: normalized(momentum=None),
        lambda: nn.Sequential(nn.Linear(64, 10), nn.Dropout()).double(),
    ],
)
def test_what_cannot_run_as_one(build):
    refused([build(), build()], "cannot be run as one, only each by `train`", RuntimeError)


# ---- Every part comes back -------------------------------------------------------------------


class Unsaved(Net):
    """With a buffer that is not saved, and one that changes in place."""

    def __init__(self, seed):
        super().__init__(None, seed)
        self.register_buffer("mask", torch.arange(64) % 2, persistent=False)
        self.register_buffer("seen", torch.zeros(64, dtype=torch.float64), persistent=False)

    def forward(self, x):
        if self.training:
            self.seen += x.mean(dim=0)
        return super().forward(x * self.mask)


def bare(seed):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return tied()


def unused(seed):
    model = Net(seed=seed)
    model.extra = nn.Linear(2, 2, dtype=torch.float64)
    return model


def without_bias_training(seed):
    model = Net(seed=seed)
    frozen(model, ["body.linear1.weight", "body.output.bias"])
    return model


@pytest.mark.parametrize("clip_norm", [None, 1e-9])
@pytest.mark.parametrize("build", [bare, Unsaved, unused, without_bias_training])
def test_every_part_is_as_it_is_alone(build, clip_norm):
    """Tied weights, buffers that are not saved, parameters that are unused or frozen."""
    make = functools.partial(torch.optim.SGD, momentum=0.9, weight_decay=0.1)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        models = [build(0), build(1)]
        torch.manual_seed(0)
        alone = [build(0), build(1)]
    train_ensemble(models, SMALL, lrs=[0.1, 0.2], steps=3, optimizer=make, clip_norm=clip_norm)
    for one, other, lr in zip(models, alone, (0.1, 0.2), strict=True):

        def optimizer(parameters, lr=lr):
            made = make(parameters, lr=lr)
            if clip_norm:
                made.register_step_pre_hook(
                    lambda *_: (nn.utils.clip_grad_norm_(parameters, clip_norm), None)[1]
                )
            return made

        train(other, SMALL, steps=3, optimizer=optimizer)
        assert len(state([one])) == len(state([other]))
        for mine, its in zip(state([one]), state([other]), strict=True):
            torch.testing.assert_close(mine, its, rtol=1e-9, atol=1e-12)
