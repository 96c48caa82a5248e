"""One forward and backward pass that leaves a model as it was, and checks of what it is given."""

import contextlib
import inspect
import sys
from collections.abc import Callable, Iterator

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from weightinit._checks import check_module


def run(model, parameters, x, y, loss, explain: Callable[[Exception], str] | None = None) -> None:
    """Run the model, the loss (cross-entropy if None) and the backward pass to the parameters."""
    value = loss_of(model, x, y, loss, explain)
    # Unlike value.backward(), this leaves every parameter's grad alone.
    torch.autograd.grad(value, parameters, allow_unused=True)


def loss_of(model, x, y, loss, explain: Callable[[Exception], str] | None = None) -> torch.Tensor:
    """Run the model and the loss, on copies of x and y: the forward half of `run`."""
    _check_loss_function(loss)
    try:
        output = model(x.clone())
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        message = explain(error) if explain else _unlike(model, x) or unclear(x, error)
        raise ValueError(message) from error
    if loss is None:
        check_labels(output, y)
    value = (loss or nn.functional.cross_entropy)(output, y.clone())
    check_loss(value)
    return value


def trained(model: nn.Module) -> list[nn.Parameter]:
    """Return the parameters that require a gradient; it is an error if there is none."""
    check_model(model)
    parameters = [p for p in model.parameters() if p.requires_grad]
    if not parameters:
        raise ValueError(f"no parameter of {type(model).__name__} requires a gradient")
    return parameters


def eager() -> contextlib.AbstractContextManager:
    """Run compiled models as they were written: a compiled one skips hooks."""
    # Without this module nothing is compiled, and to load it takes a second.
    if "torch._dynamo" in sys.modules:
        return torch.compiler.set_stance("force_eager")
    return contextlib.nullcontext()


@contextlib.contextmanager
def as_it_was(model, where) -> Iterator[None]:
    """Put a model and the generator back after the block, in which the buffers are copies."""
    copies: dict[int, torch.Tensor] = {}
    before = [(m, m.training, dict(m._buffers), dict(m._parameters)) for m in model.modules()]
    values = [(p, p.data, p.detach().clone(), p.grad) for p in model.parameters()]
    gpus = [where] if where.type == "cuda" else []
    try:
        with (
            torch.random.fork_rng(gpus),
            torch.inference_mode(False),
            torch.enable_grad(),
            eager(),
        ):
            for parameter, *_ in values:
                parameter.grad = None
            for module, _, buffers, _ in before:
                for name, buffer in buffers.items():
                    if buffer is not None:
                        # A buffer which two modules share stays shared.
                        copy = copies.setdefault(id(buffer), buffer.detach().clone())
                        module._buffers[name] = copy
            yield
    finally:
        for module, training, buffers, parameters in before:
            module.training = training
            for now, then in ((module._buffers, buffers), (module._parameters, parameters)):
                now.clear()
                now.update(then)
        for parameter, data, value, grad in values:
            if parameter.data_ptr() != data.data_ptr() or parameter.shape != data.shape:
                parameter.data = data
            if not torch.equal(_bits(data), _bits(value)):
                data.copy_(value)
            parameter.grad = grad


def _bits(tensor) -> torch.Tensor:
    # A NaN equals itself by its bits, and -0 is not 0.
    return tensor.detach().contiguous().view(-1).view(torch.uint8)


# ---- Bad input -------------------------------------------------------------------------------


def check_model(model) -> None:
    """Raise an error unless the model is a module that can be followed and holds numbers."""
    check_module("model", model)
    if any(isinstance(module, torch.jit.ScriptModule) for module in model.modules()):
        raise ValueError("model must be made of Python modules, but torch.jit compiled some of it")
    for name, parameter in model.named_parameters():
        if is_lazy(parameter) or parameter.is_meta:
            raise ValueError(f"parameter {name!r} of the model holds no numbers yet: run it once")


def check_batch(x, y) -> None:
    """Raise an error unless x and y are tensors with equally many examples, at least one."""
    for name, value in (("x", x), ("y", y)):
        if not isinstance(value, torch.Tensor):
            raise TypeError(f"{name} must be a torch.Tensor, got {type(value).__name__}")
        if value.layout != torch.strided or value.is_nested or value.is_meta:
            raise ValueError(f"{name} must be a dense tensor of numbers, got {value.layout}")
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


def _check_loss_function(loss) -> None:
    if loss is None:
        return
    if not callable(loss) or isinstance(loss, type):
        raise TypeError(f"loss must be a function of the output and y, got {loss!r}")
    try:
        inspect.signature(loss).bind(None, None)
    except TypeError as error:
        raise TypeError(f"loss must be a function of the output and y: {error}") from error
    except ValueError:  # of C, whose arguments are not known
        pass


def check_loss(value) -> None:
    """Raise a ValueError unless the loss is one real number that has a gradient."""
    if not isinstance(value, torch.Tensor) or value.numel() != 1:
        given = tuple(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__
        raise ValueError(f"loss must return a tensor with one number, got {given}")
    if not value.is_floating_point():
        raise ValueError(f"loss must return a real floating-point number, got {value.dtype}")
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
