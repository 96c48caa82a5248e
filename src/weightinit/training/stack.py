"""Networks of one architecture, stacked along a new first axis (``torch.func``)."""

from __future__ import annotations

import copy
import functools
from itertools import zip_longest
from types import FunctionType

import numpy as np
import torch
from torch import nn

from weightinit.training import loop

# What PyTorch keeps in each module for itself: hooks, and the tensors, which are compared apart.
_OF_PYTORCH = set(vars(nn.Module())) - {"training"}
_HOOKS = [name for name in _OF_PYTORCH if "hooks" in name and "state_dict" not in name]


class Stack:
    """Networks of one architecture as one: calling it with images gives the scores of all."""

    def __init__(self, models: list[nn.Module]) -> None:
        self.models, self.retired = models, {}
        self.parameters, self.buffers = torch.func.stack_module_state(models)
        self.trained = [p for p in self.parameters.values() if p.requires_grad]
        places = _places(models[0])

        def one(parameters: dict, buffers: dict, images: torch.Tensor) -> torch.Tensor:
            state = parameters | buffers
            # PyTorch's own way to tie weights leaves a module that stands in two places broken.
            tensors = {place: state[name] for place, name in places.items()}
            return torch.func.functional_call(models[0], tensors, (images,), tie_weights=False)

        self.forward = torch.func.vmap(one, in_dims=(0, 0, None))

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Return the scores, shape (network, image, class)."""
        try:
            return self.forward(self.parameters, self.buffers, images)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            raise RuntimeError(
                f"the networks cannot be run as one, only each by `train`: {error}"
            ) from error

    def _state(self, member: int) -> dict[str, torch.Tensor]:
        changed = {name: p for name, p in self.parameters.items() if p.requires_grad} | self.buffers
        return {name: tensor[member].detach().clone() for name, tensor in changed.items()}

    def retire(self, member: int) -> None:
        """Keep a network's state for `write_back`; in the stack it is NaN from now on."""
        self.retired[member] = self._state(member)
        with torch.no_grad():
            for parameter in self.trained:
                parameter[member] = torch.nan

    def write_back(self) -> None:
        """Give every network the state it has in the stack, or had when it was retired."""
        for member, model in enumerate(self.models):
            tensors = dict(model.named_parameters()) | dict(model.named_buffers())
            with torch.no_grad():
                for name, value in (self.retired.get(member) or self._state(member)).items():
                    tensors[name].copy_(value)


def _places(model: nn.Module) -> dict[str, str]:
    """Return where each tensor of a network stands, once for each module, and its name there."""
    named = {id(t): name for name, t in (*model.named_parameters(), *model.named_buffers())}
    return {
        f"{path}.{name}" if path else name: named[id(tensor)]
        for path, module in model.named_modules()
        for name, tensor in (module._parameters | module._buffers).items()
        if tensor is not None
    }


# ---- Networks that cannot be stacked ---------------------------------------------------------


def check_alike(models: list[nn.Module]) -> None:
    """Raise a ValueError unless the networks differ in nothing but the values of their tensors.

    The code of the first runs for all, with its attributes; the others' are never looked at.
    """
    if len(set(map(id, models))) != len(models):
        raise ValueError("a network stands in the list twice; each must be one of its own")
    owners: dict[int, str] = {}
    for number, model in enumerate(models, start=1):
        _check_no_hooks(model, number)
        difference = _difference(models[0], model)
        if difference:
            raise ValueError(
                "the networks must have the same architecture, as the code of the first runs for "
                f"all; in the first and in network {number}, {difference}"
            )
        trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
        for name, tensor in (trained | dict(model.named_buffers())).items():
            name = f"{name} of network {number}"
            loop.check_writable(name, tensor)
            owner = owners.setdefault(tensor.untyped_storage().data_ptr(), name)
            if owner != name and tensor.numel():
                raise ValueError(f"{name} shares its memory with {owner}, but is no part of it")


def check_unchanging(model: nn.Module, images: torch.Tensor) -> None:
    """Raise a ValueError if a pass changes a network, other than its buffers in place.

    Such a change would be lost, or be made in the first network only.
    """
    copied = copy.deepcopy(model)
    buffers = dict(copied.named_buffers())
    with torch.no_grad(), torch.random.fork_rng():
        copied(images)
        with loop.evaluating(copied):
            copied(images)
    replaced = [n for n, b in copied.named_buffers() if b is not buffers.get(n)]
    difference = f"the buffer {replaced[0]}" if replaced else _difference(model, copied)
    if difference:
        raise ValueError(
            "the networks cannot be run as one: a forward pass must leave their attributes alone, "
            f"and change buffers only in place, but before and after one, {difference} differs"
        )


def _check_no_hooks(model: nn.Module, number: int) -> None:
    hooked = [path for path, m in model.named_modules() if any(vars(m)[name] for name in _HOOKS)]
    hooked += [
        path
        for path, p in model.named_parameters()
        if p._backward_hooks or getattr(p, "_post_accumulate_grad_hooks", None)
    ]
    if hooked:
        where = hooked[0] or type(model).__name__
        raise ValueError(f"the networks must be without hooks, but network {number} has at {where}")


def _difference(first: nn.Module, other: nn.Module) -> str | None:
    """Say in what two networks differ, other than the values of parameters and buffers."""
    pairs = zip_longest(
        first.named_modules(remove_duplicate=False),
        other.named_modules(remove_duplicate=False),
        fillvalue=(None, None),
    )
    for (path, a), (other_path, b) in pairs:
        if path != other_path or type(a) is not type(b):
            return f"{path!r} is {type(a)}, and {other_path!r} is {type(b)}"
        mine, its = _attributes(a), _attributes(b)
        for name in mine | its:
            one, two = mine.get(name, "missing"), its.get(name, "missing")
            if not _same(one, two):
                return f"{'.'.join(filter(None, (path, name)))} is {one!r} and {two!r}"
    ties, others = ([n for n, _ in m.named_parameters()] for m in (first, other))
    return None if ties == others else f"the parameters are {ties} and {others}: others are tied"


def _attributes(module: nn.Module) -> dict[str, object]:
    tensors = module._parameters | module._buffers
    return {
        name: None if t is None else (tuple(t.shape), t.dtype, t.requires_grad)
        for name, t in tensors.items()
    } | {name: value for name, value in vars(module).items() if name not in _OF_PYTORCH}


def _same(one, two) -> bool:
    """Tell whether two attributes surely do the same; if in doubt, they do not."""
    if one is two:
        return True
    if type(one) is not type(two):
        return False
    if isinstance(one, torch.Tensor):
        kind = (one.dtype, one.requires_grad) == (two.dtype, False)
        return kind and torch.equal(one, two)
    if isinstance(one, np.ndarray):
        return np.array_equal(one, two)
    if isinstance(one, (list, tuple)):
        return len(one) == len(two) and all(map(_same, one, two))
    if isinstance(one, dict):
        return list(one) == list(two) and all(map(_same, one.values(), two.values()))
    if isinstance(one, functools.partial):
        return all(_same(getattr(one, n), getattr(two, n)) for n in ("func", "args", "keywords"))
    if isinstance(one, FunctionType):  # a lambda that each network has made for itself
        parts = ("__code__", "__defaults__", "__kwdefaults__", "__dict__")
        held = [[cell.cell_contents for cell in f.__closure__ or ()] for f in (one, two)]
        alike = all(_same(getattr(one, name), getattr(two, name)) for name in parts)
        return alike and one.__globals__ is two.__globals__ and _same(*held)
    try:
        return bool(one == two)
    except Exception:
        return False
