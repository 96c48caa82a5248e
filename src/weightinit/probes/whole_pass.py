"""Probe a model in one forward and backward pass, and leave it as it was."""

from collections.abc import Callable
from functools import partial

import pandas as pd
import torch
from torch import nn

from weightinit._checks import check_device
from weightinit._one_pass import as_it_was, check_batch, check_finite, run, trained, unclear
from weightinit.probes.hooks import Probe, check_rate


def probe(
    model: nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    *,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None,
    share: float = 0.05,
    lr: float | None = None,
    device: str | torch.device | None = None,
) -> pd.DataFrame:
    r"""Run one forward and backward pass and measure every layer.

    The model stays as it was, also after an error: its parameters and their ``grad`` (also where
    a layer clamps its weight), its buffers (the running statistics of batch normalization), its
    mode, its hooks, and the state of the random generator (dropout); so do ``x`` and ``y``. It is
    run in the mode it is in, and uncompiled; nothing is updated.

    Parameters
    ----------
    model : torch.nn.Module
        The network.
    x, y : torch.Tensor
        Inputs and targets, with one entry per example along their first axis.
    loss : callable, optional
        Given the model's output and ``y``, returns one number; cross-entropy by default.
    share : float
        An entry of h counts as saturated where :math:`|\varphi'(h)|` is less than this share of
        its maximum.
    lr : float, optional
        Learning rate of plain SGD, for the update ratio.
    device : str or torch.device, optional
        Where the model is expected to be. ``x`` and ``y`` are copied to the model's device; the
        model is never moved.

    Returns
    -------
    pandas.DataFrame
        One row per call of a layer, in the order in which the calls ended.

        ``layer``, ``call``, ``name``
            Number of the layer, from 1 in order of its first call; how many times it has been
            called, this one included; its name in the model.
        ``activation``
            Name of the activation module which was handed the layer's output, its class if it is
            not in `weightinit.activations`. ``"linear"``: an affine layer's output went straight
            into the next layer. ``"output"``: it went into the loss. ``"not visible"``: none of
            these, so a function.
        ``h_mean``, ``h_std``, ``h_rms``
            Over all entries of the pre-activation h: the layer's output (the first tensor if there
            are several), after normalization and dropout modules which directly follow the layer.
            The standard deviation is the population's.
        ``x_mean``, ``x_std``, ``x_rms``
            The same of the activation :math:`x = \varphi(h)`; NaN where it is not visible.
        ``saturated``
            Share of the entries of h where the activation is flat, from 0 to 1; NaN for an
            activation whose slope has no maximum, or which is flat in too many places to list.
        ``dead``
            Share of the units (channels of a convolution) whose :math:`\varphi'` is exactly zero
            at every example and position.
        ``grad_h_rms``
            Root mean square of dL/dh, with L exactly as ``loss`` returns it: averaged over a
            batch of n, each example's gradient carries 1/n. NaN where no gradient arrives.
        ``grad_w_rms``
            Root mean square of dL/dW over the layer's parameters with two or more dimensions;
            the total over all calls, the same in each of their rows. NaN for frozen parameters.
        ``w_rms``
            Root mean square of the weights W themselves.
        ``update_ratio``
            ``lr * grad_w_rms / w_rms``: the relative size of the next step of plain SGD. NaN
            without ``lr``.

    Raises
    ------
    TypeError
        If the model is not a module, ``x`` or ``y`` not a tensor, ``loss`` not a function, or
        ``lr`` not a number.
    ValueError
        If ``x`` and ``y`` do not fit each other or the model, contain NaN or infinities, are empty
        or sparse; if, for the default loss, ``y`` holds neither classes nor their probabilities; if
        nothing requires a gradient, the loss is not one number, `Probe` refuses the model or
        ``share``, ``lr`` is negative or not finite, or the model is not on ``device``.
    RuntimeError
        If the backward pass runs blocks again (``torch.utils.checkpoint``).

    Examples
    --------
    >>> from weightinit.data import digits
    >>> from weightinit.networks import mlp
    >>> x, y, *_ = digits().tensors()
    >>> table = probe(mlp(depth=2, width=50, activation="sigmoid"), x[:100], y[:100])
    >>> table[["layer", "call", "name", "activation"]]
       layer  call     name activation
    0      1     1  linear1    sigmoid
    1      2     1  linear2    sigmoid
    2      3     1   output     output
    >>> bool(table["grad_h_rms"].is_monotonic_increasing)  # it vanishes towards the input
    True
    """
    measured = Probe(model, share)
    check_rate(lr)
    parameters = trained(model)
    where = parameters[0].device
    if device is not None and check_device(device) != where:
        raise ValueError(
            f"device is {device!s}, but the model is on {where}; move it with model.to(...)"
        )
    check_batch(x, y)
    check_finite(x, y)
    x, y = x.to(where), y.to(where)
    with as_it_was(model, where), measured:
        run(model, parameters, x, y, loss, partial(_explain, measured, x))
    return measured.table(lr)


def _explain(measured, x, error) -> str:
    """Say why the model could not take the input, as clearly as can be seen from outside."""
    shape, vague = tuple(x.shape), unclear(x, error)
    if measured._rows:
        return vague  # a layer worked, so the reason is inside the model
    layer, name = next(iter(measured.layers.items()))
    if layer is not next(module for module in measured.model.modules() if module._parameters):
        return vague  # an embedding, say, comes first
    dtype = next(layer.parameters()).dtype
    if x.is_floating_point() and x.dtype != dtype:
        return f"x is {x.dtype}, but the first layer {name!r} takes {dtype}"
    for attribute, axis in (
        ("in_features", -1),
        ("input_size", -1),
        ("in_channels", 1 - next(layer.parameters()).ndim),
    ):
        takes = getattr(layer, attribute, None)
        if takes is None or (x.ndim >= -axis and takes == x.shape[axis]):
            continue
        kind = "channels" if attribute == "in_channels" else "features"
        if takes == x[0].numel() and kind == "features":  # a model may flatten its input first
            return f"{vague}; x.flatten(1) has the {takes} features of the first layer {name!r}"
        return f"x has shape {shape}, but the first layer {name!r} takes {takes} {kind}"
    return vague
