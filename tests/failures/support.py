"""Networks that fail, and predictions of where, for the tests of `first_failure` and `Watch`."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from weightinit.failures import Watch

F16, BF16, F32, F64 = torch.float16, torch.bfloat16, torch.float32, torch.float64
INF, NAN = math.inf, math.nan


def batch(n=32, features=64, dtype=F32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, features, dtype=F64, generator=generator).to(dtype)
    return x, torch.randint(10, (n,), generator=generator)


def scaled(model, factor):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(factor)
    return model


class Apply(nn.Module):
    """A module that calls a function."""

    def __init__(self, function):
        super().__init__()
        self.function = [function]

    def forward(self, *args):
        return self.function[0](*args)


def around(function):
    """Put a function between two layers of a healthy network, as its module "1"."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 20), Apply(function), nn.Linear(20, 10))


def check(failure, **expected):
    assert {name: getattr(failure, name) for name in expected} == expected


def predicted_overflow(model, x):
    """Name the first linear layer whose output leaves the type, computed in float64."""
    limit, h = torch.finfo(x.dtype).max, x.double()
    with torch.no_grad():
        for name, module in model.named_children():
            if isinstance(module, nn.Linear):
                h = h @ module.weight.double().T + module.bias.double()
                if not h.abs().max() <= limit:
                    return name
            else:
                h = module(h)
    return None


def three_steps(model, optimizer, loss_scale=1.0):
    """Train until the first failure; return it and the number of its step."""
    x, y = batch()
    with Watch(model) as watch:
        for step in (1, 2, 3):
            optimizer.zero_grad()
            (loss_scale * F.cross_entropy(model(x), y)).backward()
            optimizer.step()
            if watch.failure is not None:
                return step, watch.failure
    return None
