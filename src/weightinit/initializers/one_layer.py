"""One rule, applied to one layer: what is drawn and what may be overwritten is checked first."""

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
        As for `fans`; if the values do not fit the weight's number format; or if a weight is no
        dense, real floating-point tensor with memory of its own. Nothing has been changed then.

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
    check_writable({weight.name: weight.parameter for weight in weights}, module)
    drawn = [draw(rule, weight, weight.name, generator) for weight in weights]
    for weight, values in zip(weights, drawn, strict=True):
        weight.set(values)


def draw(rule: Rule, weight: Weight, label: str, generator: torch.Generator) -> torch.Tensor:
    """Return new values, rounded to the weight's format; a ValueError if they do not fit it."""
    dtype, shape = weight.parameter.dtype, weight.parameter.shape
    limits, size = torch.finfo(dtype), float(rule.deviation(weight))
    unfit = ValueError(f"{label} cannot be drawn by {rule!r}: {dtype} does not hold such numbers")
    if size > limits.max / 4:
        raise unfit
    values = rule.draw(weight, generator)
    if not isinstance(values, torch.Tensor) or values.shape != shape:
        wanted = tuple(shape)
        raise ValueError(f"{rule!r} must draw a tensor of shape {wanted} for {label}, got {values}")
    rounded = values.to(dtype)
    size = values.abs().max().item() if isnan(size) else size
    # Rounding to multiples of the smallest number adds less than 1 % to a variance of 4 of them.
    if not rounded.isfinite().all() or 0 < size < 4 * limits.smallest_normal * limits.eps:
        raise unfit
    return rounded


# ---- Bad input -------------------------------------------------------------------------------


def check_rule(name: str, rule: object) -> None:
    """Raise a TypeError unless the value has the two methods of a `Rule`, and is no class."""
    methods = (getattr(rule, method, None) for method in ("draw", "deviation"))
    if isinstance(rule, type) or not all(map(callable, methods)):
        raise TypeError(
            f'{name} must be a rule such as get("he_normal") or Orthogonal(), got {rule!r}'
        )


def check_writable(written: dict[str, torch.Tensor], owner: nn.Module | torch.Tensor) -> None:
    """Raise an error unless each tensor is plain and no other one of its owner changes with it."""
    everything = {}
    if isinstance(owner, nn.Module):
        everything = dict(owner.named_parameters(remove_duplicate=False)) | dict(
            owner.named_buffers(remove_duplicate=False)
        )
    for name, tensor in written.items():
        if tensor.dtype not in FORMATS:
            raise TypeError(
                f"{name} must hold real floating-point numbers of 16, 32 or 64 bits, "
                f"got {tensor.dtype}"
            )
        # Where entries overlap or have gaps between them, empty_like() chooses other strides.
        plain = _memory(tensor) and torch.empty_like(tensor).stride() == tensor.stride()
        others = [
            other
            for other, value in everything.items()
            if value is not tensor and _memory(value) == _memory(tensor)
        ]
        if not plain or tensor.is_inference() or others:
            raise ValueError(
                f"{name} cannot be overwritten: it must be a dense tensor with memory of its own, "
                "not on the meta device, not expanded, not made in torch.inference_mode()"
                + (f"; it shares memory with {', '.join(others)}" if others else "")
            )


def _memory(tensor: torch.Tensor) -> int:
    """Return where the memory of a tensor starts, 0 if it has none."""
    if is_lazy(tensor) or tensor.layout != torch.strided or tensor.is_meta:
        return 0
    return tensor.untyped_storage().data_ptr()
