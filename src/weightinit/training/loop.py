"""What the training loops share: checks, batches, evaluation."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn

from weightinit._checks import (
    check_choice,
    check_device,
    check_dtype,
    check_instance,
    check_positive,
    check_seed,
    check_size,
)
from weightinit.data import Digits


def prepare(
    models: Sequence[nn.Module],
    data: Digits,
    *,
    tried: nn.Module,
    steps: int,
    batch_size: int,
    seed: int,
    device: str | torch.device,
    progress: bool | None,
    **every: int | None,
) -> tuple[torch.Tensor, ...]:
    """Check what both loops share, run ``tried``, move the models; return the images as tensors."""
    check_instance("data", data, Digits, "weightinit.data.digits()")
    data.check()
    check_size("steps", steps)
    check_size("batch_size", batch_size, len(data.x_train))
    for name, interval in every.items():
        if interval is not None:
            check_size(name, interval)
    check_seed(seed)
    check_choice("progress", progress, (None, True, False))
    device = check_device(device)
    if device.type == "meta":
        raise ValueError("device must be one that holds numbers, got 'meta'")
    if not torch.is_grad_enabled():
        raise RuntimeError("training needs gradients, which are switched off here")
    for model in models:
        _check_trainable(model)
    first = next(p for p in models[0].parameters() if p.requires_grad)
    classes = 1 + int(max(data.y_train.max(), data.y_test.max()))
    images = torch.tensor(data.x_train[:2], dtype=first.dtype, device=first.device)
    _check_scores(tried, images, classes)
    for model in models:
        model.to(device)
    return data.tensors(dtype=first.dtype, device=device)


def _check_trainable(model: nn.Module) -> None:
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if not trained:
        raise ValueError(f"{type(model).__name__} has no parameters to train")
    for name, parameter in trained.items():
        check_writable(name, parameter)
        check_dtype(parameter.dtype, f"the dtype of {name}")


def check_writable(name: str, tensor: torch.Tensor) -> None:
    """Raise a ValueError unless a tensor of a model holds numbers and can be changed in place."""
    try:
        with torch.no_grad():
            tensor.copy_(tensor.clone())
        reason = "it is on the device 'meta'" if tensor.is_meta else None
    except (RuntimeError, ValueError) as error:  # expanded, of inference mode, not initialized
        reason = str(error)
    if reason:
        raise ValueError(f"{name} cannot be trained: {reason}")


def _check_scores(model: nn.Module, images: torch.Tensor, classes: int) -> None:
    try:
        with torch.no_grad(), evaluating(model):
            scores = model(images)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:
        shape = tuple(images.shape[1:])
        raise ValueError(f"the model cannot take images of shape {shape}: {error}") from error
    tensor = isinstance(scores, torch.Tensor) and scores.is_floating_point()
    if not tensor or scores.shape[:1] != (2,) or scores.ndim != 2 or scores.shape[1] < classes:
        given = tuple(scores.shape) if tensor else getattr(scores, "dtype", type(scores).__name__)
        raise ValueError(
            f"the model must return scores of shape (batch, {classes}), got {given} for a batch "
            "of 2"
        )


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode, and every module back into its own mode afterwards."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def check_rate(lr: float) -> None:
    """Raise a TypeError or a ValueError unless this can be a learning rate."""
    check_positive("the learning rate", lr)


def check_function(name: str, value: object, example: str) -> None:
    """Raise a TypeError unless the value is a function, and no network, which can be called too."""
    if not callable(value) or isinstance(value, nn.Module):
        raise TypeError(f"{name} must be a function of {example}, got {value!r}")


def make_optimizer(optimizer, given: list, own: Iterable, trained: Iterable):
    """Call the user's function that makes an optimizer, which must hold some of ``trained``."""
    check_function(
        "optimizer", optimizer, "the parameters, such as lambda p: torch.optim.Adam(p, lr=1e-3)"
    )
    made = optimizer(given)
    if not isinstance(made, torch.optim.Optimizer) or isinstance(made, torch.optim.LBFGS):
        raise TypeError(
            "optimizer must return a torch.optim.Optimizer that steps without a closure, "
            f"got {made!r}"
        )
    held = {id(p) for group in made.param_groups for p in group["params"]}
    foreign = len(held - set(map(id, own)))
    if foreign or not held & set(map(id, trained)):
        raise ValueError(
            "optimizer must hold parameters of this model, at least one of which is trained, and "
            f"no others; of its {len(held)} parameters, {foreign} are of another model"
        )
    return made


def batches(n: int, batch_size: int, seed: int) -> Iterator[torch.Tensor]:
    """Yield row numbers for ever; an incomplete last batch is left out, so all are equally big."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        order = torch.randperm(n, generator=generator)
        yield from order[: n - n % batch_size].split(batch_size)


def scores(train_scores, labels, test_scores, test_labels) -> dict[str, float]:
    """Return the loss and both accuracies; scores that are not finite are never right."""

    def accuracy(scores: torch.Tensor, labels: torch.Tensor) -> float:
        right = (scores.argmax(dim=1) == labels) & scores.isfinite().all(dim=1)
        return right.double().mean().item()

    return {
        "loss": nn.functional.cross_entropy(train_scores, labels).item(),
        "train_accuracy": accuracy(train_scores, labels),
        "test_accuracy": accuracy(test_scores, test_labels),
    }
