"""One rule, applied to one layer: what is drawn and what may be overwritten is checked first."""

from __future__ import annotations

from collections import defaultdict
from math import isnan
from typing import Protocol

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from weightinit._checks import check_instance
from weightinit.initializers.fan_in_fan_out import Weight, weights_of

FORMATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


class Rule(Protocol):
    """What fills a weight: a `Scheme`, or one of the rules beyond variance scaling."""

    def deviation(self, weight: Weight) -> float:
        """Return the root mean square asked for, nan if nothing is random."""

    def draw(self, weight: Weight, generator: torch.Generator) -> torch.Tensor:
        """Return new values for a weight, on the generator's device."""


def fill_(module: nn.Module | torch.Tensor, rule: Rule, *, generator: torch.Generator) -> None:
    """Fill a layer's weights in place by any rule: a `Scheme`, `Orthogonal`, ...

    Parameters
    ----------
    module : torch.nn.Module or torch.Tensor
        Anything that `fans` understands.
    rule : Scheme, Normal, Constant or Orthogonal
        The rule.
    generator : torch.Generator
        The only source of randomness. Values are drawn on its device, in single precision or
        better, and copied: one seed gives the same weights on every device.

    Raises
    ------
    TypeError, ValueError
        As for `fans`; if its values do not fit the
        weight's number format; or if a weight cannot be overwritten or is no real floating-point
        tensor. Nothing has been changed then.

    Examples
    --------
    >>> from weightinit.initializers import get
    >>> layer = nn.Linear(3, 2)
    >>> fill_(layer, get("he_uniform"), generator=torch.Generator().manual_seed(0))
    >>> bool((layer.weight.abs() <= 2**0.5).all())
    True
    """
    check_rule("rule", rule)
    check_instance("generator", generator, torch.Generator, "torch.Generator().manual_seed(0)")
    weights = {id(weight.parameter): weight for weight in weights_of(module)}.values()
    everything = tensors_of(module) if isinstance(module, nn.Module) else {}
    check_writable({weight.name: weight.parameter for weight in weights}, everything)
    drawn = [draw(rule, weight, weight.name, generator) for weight in weights]
    for weight, values in zip(weights, drawn, strict=True):
        weight.set(values)


def draw(rule: Rule, weight: Weight, label: str, generator: torch.Generator) -> torch.Tensor:
    """Return new values, rounded to the weight's format; a ValueError if they do not fit it."""
    dtype, size = weight.parameter.dtype, float(rule.deviation(weight))
    unfit = f"{label} cannot be drawn by {rule!r}: {dtype} does not hold such"
    if size > torch.finfo(torch.promote_types(dtype, torch.float32)).max / 4:
        raise ValueError(f"{unfit} large numbers")
    values = rule.draw(weight, generator)
    if not isinstance(values, torch.Tensor) or values.shape != weight.parameter.shape:
        shape = tuple(weight.parameter.shape)
        raise ValueError(f"{rule!r} must draw a tensor of shape {shape} for {label}, got {values}")
    rounded = values.to(dtype)
    if not rounded.isfinite().all():
        raise ValueError(f"{unfit} large numbers")
    # Rounding to multiples of the smallest number adds less than 1 % to a variance of 4 of them.
    smallest = torch.finfo(dtype).smallest_normal * torch.finfo(dtype).eps
    if 0 < (values.abs().max().item() if isnan(size) else size) < 4 * smallest:
        raise ValueError(f"{unfit} small numbers")
    return rounded


# ---- Bad input -------------------------------------------------------------------------------


def check_rule(name: str, rule: object) -> None:
    """Raise a TypeError unless the value has the two methods of a `Rule`, and is no class."""
    methods = (getattr(rule, method, None) for method in ("draw", "deviation"))
    if isinstance(rule, type) or not all(map(callable, methods)):
        raise TypeError(
            f'{name} must be a rule such as get("he_normal") or Orthogonal(), got {rule!r}'
        )


def tensors_of(module: nn.Module) -> dict[str, torch.Tensor]:
    """Return all parameters and buffers by name, those of several names under each of them."""
    named = (
        *module.named_parameters(remove_duplicate=False),
        *module.named_buffers(remove_duplicate=False),
    )
    return {name: tensor for name, tensor in named if not (is_lazy(tensor) or tensor.is_meta)}


def check_writable(written: dict[str, torch.Tensor], everything: dict[str, torch.Tensor]) -> None:
    """Raise an error unless each tensor can be overwritten and no other one changes with it."""
    neighbours = defaultdict(list)
    for name, tensor in everything.items():
        if tensor.layout == torch.strided:
            neighbours[tensor.untyped_storage().data_ptr()].append((name, tensor))
    for name, tensor in written.items():
        if tensor.dtype not in FORMATS:
            raise TypeError(
                f"{name} must hold real floating-point numbers of 16, 32 or 64 bits, "
                f"got {tensor.dtype}"
            )
        obstacle = _obstacle(tensor)
        if obstacle:
            raise ValueError(f"{name} cannot be overwritten: {obstacle}")
        for other, neighbour in neighbours[tensor.untyped_storage().data_ptr()]:
            if neighbour is not tensor and _overlap(tensor, neighbour):
                raise ValueError(
                    f"{name} cannot be overwritten: it shares memory with {other}, which is "
                    "another tensor; let both layers have one parameter, or a copy each"
                )


def _obstacle(tensor: torch.Tensor) -> str | None:
    if tensor.is_meta:
        return (
            "it is on the meta device and has no values to set; give the model memory first, "
            'with model.to_empty(device="cpu")'
        )
    if tensor.layout != torch.strided:
        return f"it is sparse ({tensor.layout})"
    if tensor.is_inference() and not torch.is_inference_mode_enabled():
        return "it was made in torch.inference_mode(); make the model outside of it"
    if not tensor.is_contiguous() and len(_places(tensor).unique()) < tensor.numel():
        return "several of its entries are one number in memory (expanded); give it a .clone()"
    return None


def _overlap(one: torch.Tensor, other: torch.Tensor) -> bool:
    return torch.isin(_places(one), _places(other)).any().item()


def _places(tensor: torch.Tensor) -> torch.Tensor:
    """Return where in its memory each entry of a tensor is, counted in bytes."""
    size = tensor.element_size()
    place = torch.arange(0, tensor.untyped_storage().nbytes(), size)
    return place.as_strided(tensor.shape, tensor.stride(), tensor.storage_offset()).flatten()
