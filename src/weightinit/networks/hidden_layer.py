"""One hidden layer: an affine map, its activation, and a normalization in one of two places."""

from collections import OrderedDict

import torch
from torch import nn

from weightinit._checks import check_choice, check_device, check_dtype, check_seed, check_size

GROUPS = 8
NORMALIZATIONS = ("batch", "layer", "group")
PLACES = ("before", "after")


def hidden(
    affine: nn.Module, activation: nn.Module, normalization: str | None, place: str, **kwargs
) -> OrderedDict[str, nn.Module]:
    """Return the modules of a layer by name, in their order; ``kwargs`` are dtype and device."""
    kind = "conv" if isinstance(affine, nn.Conv2d) else "linear"
    parts = OrderedDict({kind: affine, "act": activation})
    if normalization is not None:
        parts["norm"] = _normalization(affine, normalization, kwargs)
        if place == "before":
            parts.move_to_end("act")
    return parts


def check_network(sizes: dict, bias: bool, dtype: torch.dtype, device, seed: int) -> None:
    """Check what all networks are built with; ``sizes`` are whole numbers, by their names."""
    for name, value in sizes.items():
        check_size(name, value)
    check_choice("bias", bias, (True, False))
    check_dtype(dtype)
    if dtype.itemsize < 2:
        raise TypeError(f"dtype must have at least 16 bits, to be drawn and trained, got {dtype}")
    check_device(device)
    check_seed(seed)


def check_normalization(normalization: str | None, place: str, sizes: list[int]) -> None:
    """Raise a ValueError unless layers of these sizes can be normalized so."""
    check_choice("normalization", normalization, (None, *NORMALIZATIONS))
    check_choice("place", place, PLACES)
    if normalization == "group":
        for size in sizes:
            if size % GROUPS:
                raise ValueError(
                    f"group normalization makes {GROUPS} groups, so sizes must be multiples of "
                    f"{GROUPS}, got {size}"
                )


def _normalization(affine: nn.Module, name: str, kwargs: dict) -> nn.Module:
    convolution = isinstance(affine, nn.Conv2d)
    size = affine.out_channels if convolution else affine.out_features
    if name == "batch":
        return (nn.BatchNorm2d if convolution else nn.BatchNorm1d)(size, **kwargs)
    if name == "layer" and not convolution:
        return nn.LayerNorm(size, **kwargs)
    # Over all channels and positions of an image: what layer normalization means there.
    return nn.GroupNorm(1 if name == "layer" else GROUPS, size, **kwargs)
