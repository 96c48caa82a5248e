"""The same network in the lab and in the package, and what both compute."""

import numpy as np
import torch
from torch import nn

from weightinit import data, initializers, networks
from weightinit.networks.fully_connected import Residual

# What the lab makes of a network that is handed in whole.
# Both ways as one text: a browser's own way of handing over a list takes a hundred times as long.
LAB = """(text) => {
    const {activation, skip, layers, images, labels} = JSON.parse(text);
    const n = labels.length;
    const network = {activation, skip, layers: layers.map((layer) => ({
        ...layer, weight: Float64Array.from(layer.weight), bias: Float64Array.from(layer.bias),
        norm: lab.makeNorm(layer.norm, layer.fanOut),
    }))};
    const passed = lab.forward(network, Float64Array.from(images), n);
    const {loss, gradients} = lab.backward(network, passed, labels, n);
    return JSON.stringify({loss, layers: passed.map((step, l) => ({
        h: [...step.h], x: step.x ? [...step.x] : null, dh: [...gradients[l].dh],
        weight: [...gradients[l].weight], bias: [...gradients[l].bias],
        gamma: gradients[l].norm ? [...gradients[l].norm.gamma] : null,
        h_rms: lab.rms(step.h), grad_h_rms: lab.rms(gradients[l].dh),
    }))});
}"""


def images(n):
    """Return the first images and labels that are trained on, as tensors."""
    x, y, *_ = data.digits().tensors()
    return x[:n], y[:n]


def network(activation, depth, width, normalization=None, skip=False, scheme=None, seed=0):
    """Return a network of the package, with biases that are not all zero."""
    model = networks.mlp(
        depth, width, activation, normalization=normalization, skip=skip, seed=seed
    )
    scheme = scheme or initializers.Scheme("by hand", 1.3, "fan_in", "normal")
    initializers.initialize(model, scheme, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    for linear in linears(model):
        with torch.no_grad():
            linear.bias.normal_(0, 0.1, generator=generator)
    return model


def linears(model):
    return [module for module in model.modules() if isinstance(module, nn.Linear)]


def norms(model):
    return [m for m in model.modules() if isinstance(m, nn.BatchNorm1d | nn.LayerNorm)]


def for_the_lab(model, activation, normalization=None, skip=False):
    """Return the network as `LAB` takes it."""
    layers = [
        {
            "fanIn": linear.in_features,
            "fanOut": linear.out_features,
            "weight": linear.weight.detach().ravel().tolist(),
            "bias": linear.bias.tolist(),
            "norm": normalization or "none",
        }
        for linear in linears(model)
    ]
    layers[-1]["norm"] = "none"
    return {"activation": activation, "skip": skip, "layers": layers}


def whole_pass(model, x, y):
    """Return loss and, by layer, what `LAB` returns, by PyTorch."""
    h, out = [], []

    def keep(where, module, inputs, output):
        if output.requires_grad:
            output.retain_grad()
        where.append(output)

    hooks = []
    normalized = norms(model)
    seen = [*(normalized or linears(model)[:-1]), linears(model)[-1]]
    hooks += [module.register_forward_hook(lambda *a: keep(h, *a)) for module in seen]
    first = dict(model.named_children())["act1"]
    blocks = [m for m in model.children() if isinstance(m, Residual)]
    outs = [first, *blocks] if blocks else [m for n, m in model.named_children() if "act" in n]
    hooks += [module.register_forward_hook(lambda *a: keep(out, *a)) for module in outs]
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    for hook in hooks:
        hook.remove()
    rows = [
        {
            "h": here.detach(),
            "dh": here.grad,
            "weight": linear.weight.grad,
            "bias": linear.bias.grad,
        }
        for here, linear in zip(h, linears(model), strict=True)
    ]
    for row, x_here in zip(rows, out, strict=False):
        row["x"] = x_here.detach()
    for row, norm in zip(rows, normalized, strict=False):
        row["gamma"] = norm.weight.grad
    return loss.item(), [
        {name: value.numpy().ravel() for name, value in row.items()} for row in rows
    ]


def apart(one, other):
    """Return the largest difference, relative to the largest number."""
    one, other = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    assert one.shape == other.shape
    return np.abs(one - other).max() / np.abs(other).max()
