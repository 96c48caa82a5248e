"""Networks, batches and comparisons that the tests of probes, failures and curvature share."""

import numpy as np
import torch
from torch import nn

F64 = torch.float64


H, X = ["h_mean", "h_std", "h_rms"], ["x_mean", "x_std", "x_rms"]


def batch(n=40, features=64, dtype=F64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, features, dtype=F64, generator=generator).to(dtype)
    return x, torch.randint(10, (n,), generator=generator)


def linear(inputs, outputs, seed, scale=1.0):
    layer = nn.Linear(inputs, outputs, dtype=F64)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in layer.parameters():
            p.copy_(scale * torch.randn(p.shape, generator=generator, dtype=F64))
    return layer


def rms(t):
    return t.detach().double().square().mean().sqrt().item()


def stats(t):
    t = t.detach().double()
    return [t.mean().item(), t.std(correction=0).item(), rms(t)]


def same(row, columns, expected, rtol=1e-9):
    np.testing.assert_allclose(row[columns].astype(float), expected, rtol=rtol, atol=1e-15)


class Functional(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.first, self.second = linear(64, 20, 1), linear(20, 10, 2)
        self.function = [function]

    def forward(self, x):
        return self.second(self.function[0](self.first(x)))


class Broken(Exception):
    pass


class BreakBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        raise Broken


class Breakable(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.norm, self.drop = (
            linear(64, 20, 1),
            nn.BatchNorm1d(20, dtype=F64),
            nn.Dropout(),
        )
        self.act, self.second = nn.ReLU(inplace=True), linear(20, 10, 2)
        self.register_buffer("nothing", None)
        self.register_buffer("calls", torch.zeros(()))
        self.where = None

    def forward(self, x):
        self.calls = self.calls + 1
        x = self.act(self.drop(self.norm(self.first(x))))
        if self.where == "forward":
            self.train(not self.training)
            raise Broken
        return self.second(BreakBackward.apply(x) if self.where == "backward" else x)


def hooks(model):
    names = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    found = [list(getattr(m, n).items()) for m in model.modules() for n in names]
    return found + [list((p._backward_hooks or {}).items()) for p in model.parameters()]
