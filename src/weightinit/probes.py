r"""Probes: what every layer of a network sees in one forward and backward pass.

A probe puts hooks on the layers of a model. Each hook reduces the tensor it is shown to a few
numbers at once and keeps only those, so that probing needs next to no memory. Layers are the
modules which own a parameter with two or more dimensions (linear, convolutional, recurrent),
without embeddings and normalizations. PyTorch shows a hook what goes in and out of a *module*: an
activation called as a function, ``F.relu(h)``, cannot be seen, and the table says so.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pandas as pd
import torch
from torch import nn

from weightinit._numbers import check_not_negative
from weightinit._probe import Probe

__all__ = ["Probe", "probe"]


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

    The model stays as it was, also after an error: its parameters and their ``grad``, its buffers
    (the running statistics of batch normalization), its mode, its hooks, and the state of the
    random generator (dropout). It is run in the mode it is in; nothing is updated.

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
        One row per call of a layer, in the order in which the calls ended:

        ``layer``, ``call``, ``name``
            Number of the layer, from 1 in order of its first call; how many times it has been
            called, this one included; its name in the model.
        ``activation``
            Name of the activation module which was handed the layer's output, its class if it is
            not in `weightinit.activations`. ``"linear"``: an affine layer's output went straight
            into the next layer. ``"output"``: it went into the loss. ``"not visible"``: none of
            these, so probably a function.
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
        If the model is not a module, ``x`` or ``y`` is not a tensor, or ``lr`` not a number.
    ValueError
        If ``x`` and ``y`` do not fit each other or the model, contain NaN or infinities, or are
        empty; if, for the default loss, ``y`` holds neither classes nor their probabilities; if
        nothing requires a gradient, the loss is not one number, the model has no layer, ``share``
        is not in [0, 1), ``lr`` is negative or not finite, or the model is not on ``device``.

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
    if lr is not None:
        check_not_negative("lr", lr)
    parameters = [p for p in model.parameters() if p.requires_grad]
    if not parameters:
        raise ValueError(f"no parameter of {type(model).__name__} requires a gradient")
    where = _check_device(parameters[0].device, device)
    x, y = _check_batch(x, y)
    x, y = x.to(where), y.to(where)

    with _as_it_was(model, where), measured:
        try:
            output = model(x)
        except RuntimeError as error:
            if isinstance(error, torch.OutOfMemoryError):
                raise
            raise ValueError(_explain(measured, x, error)) from error
        if loss is None:
            _check_labels(output, y)
        value = (loss or nn.functional.cross_entropy)(output, y)
        _check_loss(value)
        # Unlike value.backward(), this leaves every parameter's grad alone.
        torch.autograd.grad(value, parameters, allow_unused=True)
    return measured.table(lr)


@contextlib.contextmanager
def _as_it_was(model, where) -> Iterator[None]:
    """Give the model copies of its buffers to change, and put mode and generator back."""
    copies: dict[int, torch.Tensor] = {}
    before = [(module, module.training, dict(module._buffers)) for module in model.modules()]
    gpus = [where] if where.type == "cuda" else []
    try:
        with (
            torch.random.fork_rng(gpus),
            torch.inference_mode(False),
            torch.enable_grad(),
        ):
            for module, _, buffers in before:
                for name, buffer in buffers.items():
                    if buffer is not None:
                        # A buffer which two modules share stays shared.
                        copy = copies.setdefault(id(buffer), buffer.detach().clone())
                        module._buffers[name] = copy
            yield
    finally:
        for module, training, buffers in before:
            module.training = training
            module._buffers.clear()
            module._buffers.update(buffers)


# ---- Bad input -------------------------------------------------------------------------------


def _check_device(where, device) -> torch.device:
    if device is not None:
        wanted = torch.device(device)
        if wanted.type != where.type or wanted.index not in (None, where.index):
            raise ValueError(
                f"device is {device!s}, but the model is on {where}; move it with model.to(...)"
            )
    return where


def _check_batch(x, y) -> tuple[torch.Tensor, torch.Tensor]:
    for name, value in (("x", x), ("y", y)):
        if not isinstance(value, torch.Tensor):
            raise TypeError(f"{name} must be a torch.Tensor, got {type(value).__name__}")
        if value.ndim == 0 or value.numel() == 0:
            raise ValueError(
                f"{name} must hold at least one example, got shape {tuple(value.shape)}"
            )
        if value.is_floating_point():
            bad = int(torch.count_nonzero(~torch.isfinite(value)))
            if bad:
                raise ValueError(f"{name} must be finite, but {bad} entries are NaN or infinite")
    if len(x) != len(y):
        raise ValueError(f"x and y must have equally many examples, got {len(x)} and {len(y)}")
    return x, y


def _check_loss(value) -> None:
    if not isinstance(value, torch.Tensor) or value.numel() != 1:
        given = tuple(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__
        raise ValueError(f"loss must return a tensor with one number, got {given}")
    if not value.requires_grad:
        raise ValueError("the loss does not depend on any parameter: was the output detached?")


def _check_labels(output, y) -> None:
    """Raise a clear error where cross-entropy would raise an unclear one."""
    if not isinstance(output, torch.Tensor) or output.ndim < 2:
        given = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
        raise ValueError(
            "cross-entropy takes scores of shape (batch, classes), but the model returned "
            f"{given}; give another loss"
        )
    if y.is_floating_point() and y.shape == output.shape:
        return  # probabilities of the classes
    if y.dtype not in (torch.int64, torch.uint8):
        raise ValueError(
            f"for cross-entropy y must hold classes as torch.int64, got {y.dtype}; "
            "convert it with y.long(), or give another loss"
        )
    wanted = output.shape[:1] + output.shape[2:]
    if y.shape != wanted:
        raise ValueError(
            f"for cross-entropy and scores of shape {tuple(output.shape)}, y must have shape "
            f"{tuple(wanted)}, got {tuple(y.shape)}"
        )
    classes, labels = output.shape[1], y.long()
    # Cross-entropy leaves out the examples labelled -100.
    wrong = labels[((labels < 0) | (labels >= classes)) & (labels != -100)]
    if len(wrong):
        raise ValueError(
            f"the model has {classes} scores per example, so the labels y must be from 0 to "
            f"{classes - 1}, got {int(wrong[0])}"
        )


def _explain(measured, x, error) -> str:
    """Say why the model could not take the input, as clearly as can be seen from outside."""
    shape = tuple(x.shape)
    unclear = f"the model cannot take x of shape {shape}: {error}"
    if measured._rows:
        return unclear  # a layer worked, so the reason is inside the model
    layer, name = next(iter(measured.layers.items()))
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
            return f"{unclear}; x.flatten(1) has the {takes} features of the first layer {name!r}"
        return f"x has shape {shape}, but the first layer {name!r} takes {takes} {kind}"
    return unclear
