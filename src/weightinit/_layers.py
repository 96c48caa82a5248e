"""Which modules a probe measures, and what it reads from them."""

from __future__ import annotations

import torch
from torch import nn

from weightinit import activations

NORMALIZATIONS = (
    nn.modules.batchnorm._NormBase,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
    nn.LocalResponseNorm,
)
# What may stand between a layer and its activation.
BETWEEN = (*NORMALIZATIONS, nn.modules.dropout._DropoutNd)
EMBEDDINGS = (nn.Embedding, nn.EmbeddingBag)
# Layers which do nothing but W x + b: others may apply an activation inside.
AFFINE = (nn.Linear, nn.Bilinear, nn.modules.conv._ConvNd)


def weights(module) -> list[nn.Parameter]:
    """Return the module's own parameters with two or more dimensions."""
    return [p for p in module._parameters.values() if p is not None and p.ndim >= 2]


def is_layer(module) -> bool:
    return bool(weights(module)) and not isinstance(module, (*NORMALIZATIONS, *EMBEDDINGS))


def is_activation(module) -> bool:
    """Tell whether a module which is neither a layer nor a normalization may be an activation."""
    if module._modules:
        return False
    origin = type(module).__module__
    return (
        activations.from_module(module) is not None
        or origin == "torch.nn.modules.activation"
        or not origin.startswith("torch.nn.")  # a class of the user's own
    )


def describe(module, share) -> tuple:
    """Return name, flat intervals and intervals without slope; None where they are not known."""
    known = activations.from_module(module)
    if known is None:
        return type(module).__name__, None, None
    try:
        flat = known.flat_intervals(share)
    except ValueError:  # of a reader's own: its slope grows without end, or is periodic
        flat = None
    return known.name, flat, known.flat_intervals(0)


def first_tensor(output):
    while isinstance(output, (tuple, list)) and output:
        output = output[0]
    return output


def is_measurable(output) -> bool:
    return isinstance(output, torch.Tensor) and output.is_floating_point() and output.ndim > 0


def version_of(tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version
