"""One optimizer for a stack of networks, each of which has a learning rate of its own."""

from collections.abc import Callable, Sequence
from itertools import groupby

import torch

from weightinit.training import loop

# They treat every number by itself, so a stack of networks is to them what the networks are.
ELEMENTWISE = (
    torch.optim.Adadelta,
    torch.optim.Adagrad,
    torch.optim.Adam,
    torch.optim.Adamax,
    torch.optim.AdamW,
    torch.optim.ASGD,
    torch.optim.NAdam,
    torch.optim.RAdam,
    torch.optim.RMSprop,
    torch.optim.Rprop,
    torch.optim.SGD,
)


class OwnRates:
    """Move a stack's parameters by its gradients; the arguments are those of `train_ensemble`."""

    def __init__(
        self,
        optimizer: Callable[..., torch.optim.Optimizer],
        trained: list[torch.Tensor],
        rates: list[float],
        clip_norm: float | None,
        warm_up: int | None,
    ) -> None:
        self.optimizer, self.slices = _optimizer(optimizer, trained, rates)
        self.full = [group["lr"] for group in self.optimizer.param_groups]
        self.clip_norm, self.warm_up = clip_norm, warm_up

    def step(self, number: int, gradients: Sequence[torch.Tensor | None]) -> None:
        """Take the step with this number, which counts from 1."""
        if self.clip_norm is not None:
            gradients = _clipped(gradients, self.clip_norm)
        for members, parts in self.slices:
            for part, gradient in zip(parts, gradients, strict=True):
                part.grad = None if gradient is None else gradient[members]
        if self.warm_up is not None and number <= self.warm_up:
            for group, rate in zip(self.optimizer.param_groups, self.full, strict=True):
                group["lr"] = rate * number / self.warm_up
        self.optimizer.step()


def _optimizer(optimizer, trained: list[torch.Tensor], rates: list[float]):
    """Return the optimizer, and for each run of equal rates the members and their parameters."""
    slices, groups, start = [], [], 0
    # A slice of the stack shares its memory: updated as a group of its own, it updates the stack.
    for lr, run in groupby(rates):
        members = slice(start, start := start + len(list(run)))
        parts = [parameter.detach()[members] for parameter in trained]
        slices.append((members, parts))
        groups.append({"params": parts, "lr": lr})
    rate = {id(part): group["lr"] for group in groups for part in group["params"]}
    parts = [part for _, parts in slices for part in parts]
    made = loop.make_optimizer(optimizer, groups, parts, parts)
    hooked = made._optimizer_step_pre_hooks or made._optimizer_step_post_hooks
    if type(made) not in ELEMENTWISE or hooked:  # a subclass or a hook may do anything
        allowed = ", ".join(kind.__name__ for kind in ELEMENTWISE)
        given_one = type(made).__name__ + (" with a hook" if hooked else "")
        message = "the optimizer must treat every number by itself and be without hooks, so one of"
        raise TypeError(f"{message} {allowed}, got {given_one}")
    for group in made.param_groups:
        if len({rate[id(part)] for part in group["params"]}) > 1:
            raise ValueError("the optimizer must not join groups with different learning rates")
    return made, slices


def _clipped(gradients: Sequence[torch.Tensor | None], clip_norm: float) -> list:
    """Return the gradients, each network's shortened for itself; None is of an unused parameter."""
    used = [gradient for gradient in gradients if gradient is not None]
    squares = [gradient.square().flatten(start_dim=1).sum(dim=1) for gradient in used]
    length = torch.stack(squares).sum(dim=0).sqrt()
    factor = (clip_norm / (length + 1e-6)).clamp(max=1)  # PyTorch's own formula, its 1e-6 included
    return [g if g is None else g * factor.view(-1, *[1] * (g.ndim - 1)) for g in gradients]
