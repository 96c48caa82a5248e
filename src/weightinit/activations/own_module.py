"""PyTorch modules for activations that PyTorch does not have.

Use `weightinit.activations`: an `Activation` without a ``torch_name`` gets `OwnActivation`, and one
that is `lowered` gets `Less`.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from weightinit._checks import check_instance
from weightinit.activations.activation import Activation


class OwnActivation(nn.Module):
    """Apply an `Activation` by its two NumPy formulas; there is no second derivative."""

    def __init__(self, activation):
        check_instance("activation", activation, Activation, 'activations.get("tanh")')
        super().__init__()
        self.activation = activation

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        """Return phi(h), in the type and on the device of h, which must be of floating point."""
        if not isinstance(h, torch.Tensor) or not h.is_floating_point():
            kind = h.dtype if isinstance(h, torch.Tensor) else repr(h)
            raise TypeError(f"h must be a tensor of floating-point numbers, got {kind}")
        return _Elementwise.apply(h, self.activation.f, self.activation.df)

    def extra_repr(self) -> str:
        """Show the activation's name where the network is printed."""
        return self.activation.name


class Less(nn.Module):
    """What the module of another activation computes, less a constant."""

    def __init__(self, activation):
        super().__init__()
        self.activation = activation
        # In a tuple it is no child, so that a probe measures this module and not what is in it.
        self._inside = (activation.phi.module(),)

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        """Return phi(h) less the constant, in the shape of h."""
        return self._inside[0](h) - self.activation.constant

    def extra_repr(self) -> str:
        """Show the activation's name where the network is printed."""
        return self.activation.name


class _Elementwise(torch.autograd.Function):
    @staticmethod
    def forward(h, formula, slope):
        return _evaluate(formula, h)

    @staticmethod
    def setup_context(ctx, inputs, output):
        h, _, ctx.slope = inputs
        ctx.save_for_backward(h)

    @staticmethod
    def backward(ctx, gradient):
        if ctx.slope is None:
            raise RuntimeError("an activation of your own has no second derivative")
        (h,) = ctx.saved_tensors
        # Not the numbers alone: a second derivative would take them for constants.
        return gradient * _Elementwise.apply(h, ctx.slope, None), None, None

    @staticmethod
    def vmap(info, in_dims, h, formula, slope):
        # Each entry is on its own, so one more axis changes nothing.
        return _Elementwise.apply(h, formula, slope), in_dims[0]


def _evaluate(formula: Callable, h: torch.Tensor) -> torch.Tensor:
    argument = h.detach().cpu().to(torch.float64, copy=True).numpy()
    with np.errstate(all="ignore"):  # as in PyTorch: a network that diverges does not warn
        values = np.asarray(formula(argument))
    if values.shape != argument.shape:
        raise ValueError(
            f"a formula of your own must keep the shape {argument.shape}, got {values.shape}; "
            "activations.check says what else is wrong with it"
        )
    return torch.as_tensor(values, dtype=h.dtype, device=h.device)
