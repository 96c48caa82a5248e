"""What the training loops share: checks, batches, evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from weightinit._checks import MAX_SEED, check_integer, check_positive, check_sequence
from weightinit.data import Digits


def prepare(
    models: Sequence[nn.Module], data: Digits, batch_size: int, steps: int, device, **every
) -> tuple[torch.Tensor, ...]:
    """Check what both training loops share, move the models, and return the images as tensors.

    ``every`` are the intervals, in steps, at which something is done; None for never.
    """
    for model in models:
        if not isinstance(model, nn.Module):
            raise TypeError(f"the model must be a torch.nn.Module, got {model!r}")
    parameter = next((p for p in models[0].parameters() if p.requires_grad), None)
    if parameter is None:
        raise ValueError(f"{type(models[0]).__name__} has no parameters to train")
    first, *others = [{k: tuple(p.shape) for k, p in m.named_parameters()} for m in models]
    for number, shapes in enumerate(others, start=2):
        if shapes != first:
            raise ValueError(
                f"the networks must have the same architecture; the first has {first}, "
                f"network {number} has {shapes}"
            )
    n = len(data.x_train)
    intervals = [(name, value, None) for name, value in every.items() if value is not None]
    for name, value, most in (("steps", steps, None), ("batch_size", batch_size, n), *intervals):
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not whole or value < 1 or (most and value > most):
            limit = f"from 1 to {most}" if most else "of at least 1"
            raise ValueError(f"{name} must be a whole number {limit}, got {value!r}")
    for name, labels in (("x_train", data.y_train), ("x_test", data.y_test)):
        x = getattr(data, name)
        if len(x) != len(labels):
            raise ValueError(f"{name} has {len(x)} images, but there are {len(labels)} labels")
        if not np.issubdtype(labels.dtype, np.integer) or labels.min() < 0:
            raise ValueError(
                f"the labels of {name} must be whole numbers from 0, "
                f"got {labels.dtype} from {labels.min()}"
            )
        bad = ~np.isfinite(x).reshape(len(x), -1).all(axis=1)
        if bad.any():
            raise ValueError(
                f"{name} has {bad.sum()} images with values that are not finite, "
                f"the first at row {bad.argmax()}; all must be finite"
            )
    for model in models:
        model.to(device)
    tensors = data.tensors(dtype=parameter.dtype, device=device)
    classes = 1 + int(max(data.y_train.max(), data.y_test.max()))
    _check_shapes(models[0], tensors[0], classes)
    return tensors


def _check_shapes(model: nn.Module, images: torch.Tensor, classes: int) -> None:
    try:
        with torch.no_grad(), evaluating(model):
            scores = model(images[:2])
    except RuntimeError as error:
        shape = tuple(images.shape[1:])
        raise ValueError(f"the model cannot take images of shape {shape}: {error}") from error
    if scores.ndim != 2 or scores.shape[1] < classes:
        raise ValueError(
            f"the model must return scores of shape (batch, {classes}), "
            f"got {tuple(scores.shape)} for a batch of 2"
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
    check_positive("the learning rate", lr)


def make_optimizer(optimizer, parameters) -> torch.optim.Optimizer:
    """Call the user's function that makes an optimizer, and check what it returns."""
    if not callable(optimizer):
        raise TypeError(
            "optimizer must be a function of the parameters, such as "
            f"lambda parameters: torch.optim.Adam(parameters, lr=1e-3), got {optimizer!r}"
        )
    made = optimizer(parameters)
    if not isinstance(made, torch.optim.Optimizer) or isinstance(made, torch.optim.LBFGS):
        raise TypeError(
            "optimizer must return a torch.optim.Optimizer that steps without a closure, "
            f"got {made!r}"
        )
    return made


def members(lrs: Sequence[float], seeds: Sequence[int]) -> list[tuple[float, int]]:
    """Return the learning rate and the seed of every network of a sweep."""
    for name, values in (("lrs", lrs), ("seeds", seeds)):
        check_sequence(name, values)
    pairs = [(lr, seed) for lr in lrs for seed in seeds]
    if not pairs:
        raise ValueError(f"need at least one learning rate and one seed, got {lrs} and {seeds}")
    for lr, _ in pairs:
        check_rate(lr)
    return pairs


def batches(n: int, batch_size: int, seed: int) -> Iterator[torch.Tensor]:
    """Yield row numbers for ever; an incomplete last batch is left out, so all are equally big."""
    check_integer("seed", seed, 0, MAX_SEED)
    generator = torch.Generator().manual_seed(seed)
    while True:
        order = torch.randperm(n, generator=generator)
        yield from order[: n - n % batch_size].split(batch_size)


def scores(train_scores, labels, test_scores, test_labels) -> dict[str, float]:
    def accuracy(scores: torch.Tensor, labels: torch.Tensor) -> float:
        right = (scores.argmax(dim=1) == labels) & scores.isfinite().all(dim=1)
        return right.double().mean().item()

    return {
        "loss": nn.functional.cross_entropy(train_scores, labels).item(),
        "train_accuracy": accuracy(train_scores, labels),
        "test_accuracy": accuracy(test_scores, test_labels),
    }
