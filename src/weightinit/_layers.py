"""Which modules a probe measures, and what it reads from them."""

from __future__ import annotations

import re
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

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
WEIGHTED = (*AFFINE, nn.RNNBase, nn.RNNCellBase, nn.MultiheadAttention)


# Positions, class tokens and embeddings are added or looked up, not multiplied by.
_NOT_MULTIPLIED = re.compile("pos|tok|emb", re.IGNORECASE)


def weights(module) -> list[nn.Parameter]:
    """Return the module's own weights, two-dimensional or more; not what it adds to its input."""
    own = {name: p for name, p in module._parameters.items() if p is not None and p.ndim >= 2}
    if isinstance(module, AFFINE):
        return list(own.values())
    # Of shape (1, n, d) or (d, 1, 1) it is added.
    return [
        p
        for name, p in own.items()
        if not _NOT_MULTIPLIED.search(name)
        and (p.ndim == 2 or (len(p) > 1 and p.numel() > max(p.shape)))
    ]


def is_layer(module) -> bool:
    """Tell whether the module multiplies by a weight of its own."""
    if not weights(module) or isinstance(module, (*NORMALIZATIONS, *EMBEDDINGS)):
        return False
    # What a module of the user's own has beside its layers is a table of positions or the like.
    return isinstance(module, WEIGHTED) or not any(map(is_layer, list(module.modules())[1:]))


def label(path, module) -> str:
    """Return a module's path as if nothing were compiled; the class of a model itself."""
    return ".".join(p for p in path.split(".") if p != "_orig_mod") or type(module).__name__


class Layer(NamedTuple):
    """What hooks need to know about a layer, looked up once and not at every call."""

    module: nn.Module
    weights: list[nn.Parameter]
    affine: bool
    unit_axis: int

    @classmethod
    def of(cls, module) -> Layer:
        """Look it up."""
        # The units of a convolution are its channels, with or without a batch.
        unit_axis = 1 - module.weight.ndim if isinstance(module, nn.modules.conv._ConvNd) else -1
        return cls(module, weights(module), isinstance(module, AFFINE), unit_axis)


def find_layers(model) -> dict[nn.Module, str]:
    """Return the layers of a model and their names; a ValueError if there is none to measure."""
    layers = {}
    for path, module in model.named_modules():
        # torch.nn.utils.weight_norm, spectral_norm and prune keep weight_v or weight_orig.
        kept = (name.rpartition("_")[0] for name in module._parameters)
        computing = any(isinstance(vars(module).get(name), torch.Tensor) for name in kept)
        if is_parametrized(module) or computing:
            raise ValueError(
                f"{label(path, module)!r} computes a weight or bias from other parameters "
                "(weight_norm, spectral_norm, pruning or another parametrization), and a probe "
                "measures only layers which own theirs: remove that, or copy the model without it"
            )
        if is_layer(module):
            layers[module] = label(path, module)
    if not layers:
        raise ValueError(
            f"{type(model).__name__} has no layer to probe: none of its modules owns a weight "
            "(embeddings, positions and normalizations apart)"
        )
    return layers


def is_activation(module) -> bool:
    """Tell whether a module which is neither a layer nor a normalization may be an activation."""
    parts = list(module.modules())
    if any(p is not None and p.ndim > 1 for part in parts for p in part._parameters.values()):
        return False
    own = not type(module).__module__.startswith("torch.")  # a class of the user's own
    if len(parts) > 1:  # PyTorch's own are containers, such as Sequential, or compiled
        return own and not any(isinstance(part, (*BETWEEN, *EMBEDDINGS)) for part in parts)
    return (
        own
        or activations.from_module(module) is not None
        or type(module).__module__ == "torch.nn.modules.activation"
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


def first_input(inputs, named):
    """Return what a module is given first, by place or by name; None if that is nothing."""
    return next(iter((*inputs, *named.values())), None)


def first_tensor(output):
    """Return the first entry, of the first entry where that is a tuple again."""
    while isinstance(output, (tuple, list)) and output:
        output = output[0]
    return output


def is_measurable(output) -> bool:
    """Tell whether this is a tensor of real numbers, with an axis at least."""
    return isinstance(output, torch.Tensor) and output.is_floating_point() and output.ndim > 0


def memory(tensor) -> tuple[int, int]:
    """Return where the entries of a dense tensor begin, and how many there are."""
    return tensor.data_ptr(), tensor.numel()


def version_of(tensor) -> int:
    """Return how often the tensor has been written to; 0 where PyTorch does not count."""
    return 0 if tensor.is_inference() else tensor._version
