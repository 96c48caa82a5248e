"""One forward and backward pass that leaves a model as it was, and checks of what it is given."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import torch
from torch import nn


def run(model, parameters, x, y, loss, explain: Callable[[Exception], str] | None = None) -> None:
    """Run the model, the loss (cross-entropy if None) and the backward pass to the parameters.

    Where the model cannot take x, ``explain`` turns PyTorch's error into a better message.
    """
    value = loss_of(model, x, y, loss, explain)
    # Unlike value.backward(), this leaves every parameter's grad alone.
    torch.autograd.grad(value, parameters, allow_unused=True)


def loss_of(model, x, y, loss, explain: Callable[[Exception], str] | None = None) -> torch.Tensor:
    """Run the model and the loss: the forward half of `run`."""
    if loss is not None and (not callable(loss) or isinstance(loss, type)):
        raise TypeError(f"loss must be a function of the output and y, got {loss!r}")
    try:
        output = model(x)
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        message = explain(error) if explain else _unlike(model, x) or unclear(x, error)
        raise ValueError(message) from error
    if loss is None:
        check_labels(output, y)
    value = (loss or nn.functional.cross_entropy)(output, y)
    check_loss(value)
    return value


def trained(model: nn.Module) -> list[nn.Parameter]:
    """Return the parameters that require a gradient; it is an error if there is none."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    if not parameters:
        raise ValueError(f"no parameter of {type(model).__name__} requires a gradient")
    return parameters


@contextlib.contextmanager
def as_it_was(model, where) -> Iterator[None]:
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


def check_batch(x, y) -> None:
    """Raise an error unless x and y are tensors with equally many examples, at least one."""
    for name, value in (("x", x), ("y", y)):
        if not isinstance(value, torch.Tensor):
            raise TypeError(f"{name} must be a torch.Tensor, got {type(value).__name__}")
        if value.ndim == 0 or value.numel() == 0:
            raise ValueError(
                f"{name} must hold at least one example, got shape {tuple(value.shape)}"
            )
    if len(x) != len(y):
        raise ValueError(f"x and y must have equally many examples, got {len(x)} and {len(y)}")


def check_finite(x, y) -> None:
    for name, value in (("x", x), ("y", y)):
        if value.is_floating_point():
            bad = int(torch.count_nonzero(~torch.isfinite(value)))
            if bad:
                raise ValueError(f"{name} must be finite, but {bad} entries are NaN or infinite")


def check_loss(value) -> None:
    if not isinstance(value, torch.Tensor) or value.numel() != 1:
        given = tuple(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__
        raise ValueError(f"loss must return a tensor with one number, got {given}")
    if not value.requires_grad:
        raise ValueError("the loss does not depend on any parameter: was the output detached?")


def check_labels(output, y) -> None:
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


def _unlike(model, x) -> str | None:
    """Say so if the types of x and of all parameters differ, the likeliest reason of all."""
    dtypes = {p.dtype for p in model.parameters()}
    if x.is_floating_point() and len(dtypes) == 1 and x.dtype not in dtypes:
        dtype = dtypes.pop()
        return f"x is {x.dtype}, but the model's parameters are {dtype}; convert with x.to({dtype})"
    return None


def unclear(x, error) -> str:
    return f"the model cannot take x of shape {tuple(x.shape)}: {error}"
