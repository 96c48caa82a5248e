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
from numbers import Real

import pandas as pd
import torch
from torch import nn

from weightinit._checks import check_not_negative
from weightinit._layers import (
    BETWEEN,
    Layer,
    describe,
    find_layers,
    first_input,
    first_tensor,
    is_activation,
    is_measurable,
    memory,
    version_of,
    weights,
)
from weightinit._one_pass import check_model, eager
from weightinit.probes.saturation import shares
from weightinit.probes.statistics import NAN, array, combine, moments, rms

NOT_VISIBLE, LINEAR, OUTPUT = "not visible", "linear", "output"
COLUMNS = (
    *("layer", "call", "name", "activation"),
    *("h_mean", "h_std", "h_rms", "x_mean", "x_std", "x_rms", "saturated", "dead"),
    *("grad_h_rms", "grad_w_rms", "w_rms", "update_ratio"),
)


@dataclass(slots=True)
class _Row:
    """One call of one layer. It must hold no tensor but the layer's own weights."""

    layer: Layer
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
    it. Inside the ``with`` block compiled models run uncompiled. On leaving it all hooks are gone,
    also after an error.

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
        If the model has no layer to probe, or one that computes parameters from others
        (weight_norm, spectral_norm, pruning); if it is a ``torch.jit`` model or was never given its
        numbers (lazy layers, the meta device); or if ``share`` is not a number in [0, 1).
    RuntimeError
        In a backward pass that runs blocks again (``torch.utils.checkpoint``).

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
        check_model(model)
        if isinstance(share, bool) or not isinstance(share, Real) or not 0 <= share < 1:
            raise ValueError(f"share must be in [0, 1), got {share!r}")
        self.model, self.share = model, share
        self.layers = find_layers(model)
        self._handles: contextlib.ExitStack | None = None
        self._restart()

    def __enter__(self) -> Probe:
        """Attach the hooks."""
        if self._handles is not None:
            raise RuntimeError("this Probe is already measuring: make another one")
        self._restart()
        with contextlib.ExitStack() as handles:
            handles.enter_context(eager())

            def attach(method, hook, **options):
                handles.callback(method(hook, **options).remove)

            module_hook = partial(attach, with_kwargs=True)
            module_hook(self.model.register_forward_pre_hook, self._before_model)
            for module in self.model.modules():
                if module in self.layers:
                    layer = Layer.of(module)
                    module_hook(module.register_forward_hook, partial(self._after_layer, layer))
                elif isinstance(module, BETWEEN):
                    module_hook(module.register_forward_hook, self._after_normalization)
                elif is_activation(module):
                    # Flat intervals are looked up once, not at every call.
                    before = partial(self._before_activation, describe(module, self.share))
                    module_hook(module.register_forward_pre_hook, before)
                    module_hook(module.register_forward_hook, self._after_activation)
            for weight in {w for layer in self.layers for w in weights(layer)}:
                if weight.requires_grad:
                    # A leaf's hook is shown the sum over all its uses, once in a backward pass.
                    attach(weight.register_hook, partial(self._weight_gradient, id(weight)))
            module_hook(self.model.register_forward_hook, self._after_model)
            self._handles = handles.pop_all()
        return self

    def __exit__(self, *error) -> None:
        """Remove the hooks."""
        handles, self._handles = self._handles, None
        handles.close()
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
        TypeError, ValueError
            If ``lr`` is not a number, or negative or not finite.
        RuntimeError
            If the model has not been run.
        """
        check_rate(lr)
        if not self._rows:
            raise RuntimeError("nothing was measured: run the model inside 'with Probe(model)'")
        calls: dict[nn.Module, int] = {}
        table = []
        for row in self._rows:
            module = row.layer.module
            calls[module] = calls.get(module, 0) + 1
            gradients = [
                (weight.numel(), self._weight_gradients[id(weight)])
                for weight in row.layer.weights
                if id(weight) in self._weight_gradients
            ]
            grad_w = combine(gradients)
            head = (list(calls).index(module) + 1, calls[module], self.layers[module])
            ratio = NAN if lr is None or row.w == 0 else lr * grad_w / row.w
            tail = (row.saturated, row.dead, row.grad_h, grad_w, row.w, ratio)
            table.append((*head, row.activation, *row.h, *row.x, *tail))
        return pd.DataFrame(table, columns=COLUMNS)

    # ---- The hooks ---------------------------------------------------------------------------

    def _before_model(self, model, inputs, named) -> None:
        _check_no_backward()
        self._restart()

    def _restart(self) -> None:
        self._rows: list[_Row] = []
        self._weight_gradients: dict[int, float] = {}
        # Pre-activations that no activation has consumed yet, by id: weak reference, version, row.
        self._awaiting: dict[int, tuple] = {}
        self._entered: dict[nn.Module, tuple[_Row, torch.Size]] = {}

    def _after_layer(self, layer, module, inputs, named, output) -> None:
        before = self._claim(first_input(inputs, named))
        if before is not None and before.layer.affine:
            before.activation, before.x = LINEAR, before.h
            before.saturated = before.dead = 0.0
        _check_no_backward()
        row = _Row(layer)
        self._rows.append(row)
        self._measure_h(row, first_tensor(output))
        row.w = combine([(weight.numel(), rms(array(weight))) for weight in layer.weights])

    def _after_normalization(self, module, inputs, named, output) -> None:
        row = self._claim(first_input(inputs, named))
        if row is not None:
            self._measure_h(row, first_tensor(output))

    def _measure_h(self, row, h) -> None:
        if not is_measurable(h):
            return
        # Here and not at the activation: one which works in place overwrites h.
        row.h = moments(array(h))
        _unhook(row)
        if h.requires_grad:
            row.hook = h.register_hook(partial(self._h_gradient, row))
        self._awaiting[id(h)] = weakref.ref(h), version_of(h), row

    def _claim(self, h) -> _Row | None:
        """Return the row whose pre-activation is this very tensor, as it was measured."""
        reference, version, row = self._awaiting.pop(id(h), (None, None, None))
        # An id is used again after its tensor died; a version changes when entries do.
        same = reference is not None and reference() is h and version == version_of(h)
        return row if same else None

    def _before_activation(self, description, module, inputs, named) -> None:
        h = first_input(inputs, named)
        row = self._claim(h)
        if row is None:
            return
        row.activation, flat, zero = description
        if zero is not None and not math.isnan(row.h[2]):
            known = flat if flat is not None else zero
            saturated, row.dead = shares(array(h), known, zero, row.layer.unit_axis)
            row.saturated = NAN if flat is None else saturated
        self._entered[module] = row, h.shape

    def _after_activation(self, module, inputs, named, output) -> None:
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

    def _after_model(self, model, inputs, named, output) -> None:
        parts = output if isinstance(output, (tuple, list)) else (output,)
        returned = {memory(part) for part in parts if is_measurable(part)}
        for reference, version, row in self._awaiting.values():
            h = reference()  # or a view of it, without an axis of length 1
            if h is not None and version == version_of(h) and memory(h) in returned:
                row.activation = OUTPUT

    def _weight_gradient(self, key, gradient) -> None:
        self._weight_gradients[key] = rms(array(gradient))

    def _h_gradient(self, row, gradient) -> None:
        row.grad_h = rms(array(gradient))


def check_rate(lr) -> None:
    """Raise an error unless the learning rate is None or a number that is not negative."""
    if isinstance(lr, bool):
        raise TypeError(f"lr must be a number, got {lr!r}")
    if lr is not None:
        check_not_negative("lr", lr)


def _check_no_backward() -> None:
    if torch._C._current_autograd_node() is not None:
        raise RuntimeError(
            "the backward pass runs the model again, as torch.utils.checkpoint makes it do: "
            "probe the model without that"
        )


def _unhook(row) -> None:
    if row.hook is not None:
        row.hook.remove()
        row.hook = None
