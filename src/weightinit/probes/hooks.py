"""The probe itself: hooks which reduce what they are shown to a few numbers.

Use `weightinit.probes`. No hook keeps a tensor. A layer's hook measures what the layer returns
and remembers, by a weak reference, that this tensor waits for its activation; the activation is
the module which is handed the very same tensor.
"""

from __future__ import annotations

import contextlib
import math
import weakref
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import pandas as pd
import torch
from torch import nn

from weightinit._layers import (
    AFFINE,
    BETWEEN,
    describe,
    first_tensor,
    is_activation,
    is_layer,
    is_measurable,
    version_of,
    weights,
)
from weightinit.probes.saturation import shares
from weightinit.probes.statistics import NAN, array, combine, moments, rms

NOT_VISIBLE, LINEAR, OUTPUT = "not visible", "linear", "output"
COLUMNS = (
    *("layer", "call", "name", "activation"),
    *("h_mean", "h_std", "h_rms", "x_mean", "x_std", "x_rms", "saturated", "dead"),
    *("grad_h_rms", "grad_w_rms", "w_rms", "update_ratio"),
)


class _Layer(NamedTuple):
    """What hooks need to know about a layer, looked up once and not at every call."""

    module: nn.Module
    weights: list[nn.Parameter]
    affine: bool
    unit_axis: int


@dataclass(slots=True)
class _Row:
    """One call of one layer. It must hold no tensor but the layer's own weights."""

    layer: _Layer
    activation: str = NOT_VISIBLE
    h: tuple = (NAN, NAN, NAN)
    x: tuple = (NAN, NAN, NAN)
    saturated: float = NAN
    dead: float = NAN
    grad_h: float = NAN
    w: float = NAN
    hook: object = field(default=None, repr=False)


class Probe:
    r"""Measure the layers of a model while a training loop does its own forward and backward.

    The table describes the latest forward pass of the model and the latest backward pass through
    it. On leaving the ``with`` block all hooks are gone, also after an error.

    Parameters
    ----------
    model : torch.nn.Module
        The network.
    share : float
        An entry of h counts as saturated where :math:`|\varphi'(h)|` is less than this share of
        its maximum.

    Raises
    ------
    TypeError
        If the model is not a module.
    ValueError
        If the model has no layer to probe, or ``share`` is not in [0, 1).

    Examples
    --------
    >>> from weightinit.networks import mlp
    >>> model = mlp(2, 32, "relu")
    >>> with Probe(model) as measured:
    ...     model(torch.ones(5, 64, dtype=torch.float64)).square().mean().backward()
    >>> measured.table()[["layer", "name", "activation"]].values.tolist()
    [[1, 'linear1', 'relu'], [2, 'linear2', 'relu'], [3, 'output', 'output']]
    """

    def __init__(self, model: nn.Module, share: float = 0.05):
        if not isinstance(model, nn.Module):
            raise TypeError(f"model must be a torch.nn.Module, got {type(model).__name__}")
        if not isinstance(share, (int, float)) or not 0 <= share < 1:
            raise ValueError(f"share must be in [0, 1), got {share!r}")
        self.model, self.share = model, share
        self.layers = {
            module: name or type(module).__name__
            for name, module in model.named_modules()
            if is_layer(module)
        }
        if not self.layers:
            raise ValueError(
                f"{type(model).__name__} has no layer to probe: none of its modules owns a "
                "parameter with two or more dimensions (embeddings and normalizations apart)"
            )
        self._handles = contextlib.ExitStack()
        self._restart()

    def __enter__(self) -> Probe:
        """Attach the hooks."""
        self._restart()
        with contextlib.ExitStack() as handles:

            def attach(method, hook):
                handles.callback(method(hook).remove)

            attach(self.model.register_forward_pre_hook, lambda *_: self._restart())
            for module in self.model.modules():
                if module in self.layers:
                    attach(module.register_forward_hook, partial(self._after_layer, _layer(module)))
                elif isinstance(module, BETWEEN):
                    attach(module.register_forward_hook, self._after_normalization)
                elif is_activation(module):
                    # Flat intervals are looked up once, not at every call.
                    before = partial(self._before_activation, describe(module, self.share))
                    attach(module.register_forward_pre_hook, before)
                    attach(module.register_forward_hook, self._after_activation)
            for weight in {w for layer in self.layers for w in weights(layer)}:
                if weight.requires_grad:
                    # A leaf's hook is shown the sum over all its uses, once in a backward pass.
                    attach(weight.register_hook, partial(self._weight_gradient, id(weight)))
            attach(self.model.register_forward_hook, self._after_model)
            self._handles = handles.pop_all()
        return self

    def __exit__(self, *error) -> None:
        """Remove the hooks."""
        self._handles.close()
        for row in self._rows:
            _unhook(row)
        self._awaiting, self._entered = {}, {}

    def table(self, lr: float | None = None) -> pd.DataFrame:
        """Return what was measured, in the columns that `probe` lists.

        Parameters
        ----------
        lr : float, optional
            Learning rate of plain SGD, for the update ratio.

        Raises
        ------
        RuntimeError
            If the model has not been run.
        """
        if not self._rows:
            raise RuntimeError("nothing was measured: run the model inside 'with Probe(model)'")
        calls: dict[nn.Module, int] = {}
        table = []
        for row in self._rows:
            module = row.layer.module
            calls[module] = calls.get(module, 0) + 1
            last = row is self._rows[-1] and row.activation == NOT_VISIBLE
            gradients = [
                (weight.numel(), self._weight_gradients[id(weight)])
                for weight in row.layer.weights
                if id(weight) in self._weight_gradients
            ]
            grad_w = combine(gradients)
            head = (list(calls).index(module) + 1, calls[module], self.layers[module])
            activation = OUTPUT if last else row.activation
            ratio = NAN if lr is None or row.w == 0 else lr * grad_w / row.w
            tail = (row.saturated, row.dead, row.grad_h, grad_w, row.w, ratio)
            table.append((*head, activation, *row.h, *row.x, *tail))
        return pd.DataFrame(table, columns=COLUMNS)

    # ---- The hooks ---------------------------------------------------------------------------

    def _restart(self) -> None:
        self._rows: list[_Row] = []
        self._weight_gradients: dict[int, float] = {}
        # Pre-activations that no activation has consumed yet, by id: weak reference, version, row.
        self._awaiting: dict[int, tuple] = {}
        self._entered: dict[nn.Module, tuple[_Row, torch.Size]] = {}

    def _after_layer(self, layer, module, inputs, output) -> None:
        before = self._claim(inputs)
        if before is not None and before.layer.affine:
            before.activation, before.x = LINEAR, before.h
            before.saturated = before.dead = 0.0
        row = _Row(layer)
        self._rows.append(row)
        self._measure_h(row, first_tensor(output))
        row.w = combine([(weight.numel(), rms(array(weight))) for weight in layer.weights])

    def _after_normalization(self, module, inputs, output) -> None:
        row = self._claim(inputs)
        if row is not None:
            self._measure_h(row, first_tensor(output))

    def _measure_h(self, row, h) -> None:
        if not is_measurable(h):
            return
        # Here and not at the activation: one which works in place overwrites h.
        row.h = moments(array(h))
        _unhook(row)
        row.grad_h = NAN
        if h.requires_grad:
            row.hook = h.register_hook(partial(_h_gradient, row))
        self._awaiting[id(h)] = weakref.ref(h), version_of(h), row

    def _claim(self, inputs) -> _Row | None:
        """Return the row whose pre-activation is the first of these inputs, as it was measured."""
        h = inputs[0] if inputs else None
        reference, version, row = self._awaiting.pop(id(h), (None, None, None))
        # An id is used again after its tensor died; a version changes when entries do.
        same = reference is not None and reference() is h and version == version_of(h)
        return row if same else None

    def _before_activation(self, description, module, inputs) -> None:
        row = self._claim(inputs)
        if row is None:
            return
        row.activation, flat, zero = description
        if zero is not None and not math.isnan(row.h[2]):
            known = flat if flat is not None else zero
            saturated, row.dead = shares(array(inputs[0]), known, zero, row.layer.unit_axis)
            row.saturated = NAN if flat is None else saturated
        self._entered[module] = row, inputs[0].shape

    def _after_activation(self, module, inputs, output) -> None:
        row, shape = self._entered.pop(module, (None, None))
        x = first_tensor(output)
        if row is None or not is_measurable(x):
            return
        if x.shape == shape:
            row.x = moments(array(x))
            if isinstance(module, nn.Identity):  # Perhaps a placeholder before an activation.
                self._awaiting[id(x)] = weakref.ref(x), version_of(x), row
        else:  # A module of the user's own which reshapes or pools, not an activation.
            row.activation = NOT_VISIBLE

    def _after_model(self, model, inputs, output) -> None:
        for part in output if isinstance(output, (tuple, list)) else (output,):
            row = self._claim((part,))
            if row is not None:
                row.activation = OUTPUT

    def _weight_gradient(self, key, gradient) -> None:
        self._weight_gradients[key] = rms(array(gradient))


def _h_gradient(row, gradient) -> None:
    row.grad_h = rms(array(gradient))


def _unhook(row) -> None:
    if row.hook is not None:
        row.hook.remove()
        row.hook = None


def _layer(module) -> _Layer:
    # The units of a convolution are its channels, with or without a batch.
    unit_axis = 1 - module.weight.ndim if isinstance(module, nn.modules.conv._ConvNd) else -1
    return _Layer(module, weights(module), isinstance(module, AFFINE), unit_axis)
