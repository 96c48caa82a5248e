"""Networks of one architecture, stacked along a new first axis (``torch.func``)."""

import copy
from collections.abc import Iterator
from itertools import zip_longest

import torch
from torch import nn

from weightinit.training import loop


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
            _write(model, self.retired.get(member) or self._state(member))


def _tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    return dict(model.named_parameters()) | dict(model.named_buffers())


def _write(model: nn.Module, values: dict[str, torch.Tensor]) -> None:
    tensors = _tensors(model)
    with torch.no_grad():
        for name, value in values.items():
            tensors[name].copy_(value)


def _places(model: nn.Module) -> dict[str, str]:
    """Return where each tensor of a network stands, once for each module, and its name there."""
    named = {id(tensor): name for name, tensor in _tensors(model).items()}
    return {
        f"{path}.{name}" if path else name: named[id(tensor)]
        for path, module in model.named_modules()
        for name, tensor in (module._parameters | module._buffers).items()
        if tensor is not None
    }


# ---- Networks that cannot be stacked ---------------------------------------------------------


def check_alike(models: list[nn.Module]) -> None:
    """Raise a ValueError unless networks are built alike, without hooks and shared memory."""
    if len(set(map(id, models))) != len(models):
        raise ValueError("a network stands in the list twice; each must be one of its own")
    owners: dict[int, str] = {}
    for number, model in enumerate(models, start=1):
        if hooked := _hooked(model):
            raise ValueError(
                f"the networks must be without hooks, but network {number} has at {hooked[0]}"
            )
        for one, other in zip_longest(_parts(models[0]), _parts(model)):
            if one != other:
                raise ValueError(
                    "the networks must have the same architecture, but in the first and in "
                    f"network {number}, there are {one} and {other}"
                )
        for name, tensor in _tensors(model).items():
            name = f"{name} of network {number}"
            loop.check_writable(name, tensor)
            owner = owners.setdefault(tensor.untyped_storage().data_ptr(), name)
            if owner != name and tensor.numel():
                raise ValueError(f"{name} shares its memory with {owner}, but is no part of it")


def check_same_code(models: list[nn.Module], images: torch.Tensor) -> None:
    """Raise a ValueError unless each network computes what the code of the first does for all."""
    # Larger images, too: activations may differ only where they saturate.
    images = torch.cat([images, 100 * images])
    code = copy.deepcopy(models[0])
    before = _attributes(code)
    for number, model in enumerate(models, start=1):
        _write(code, _tensors(model))
        expected, alone = _results(code, images), _results(copy.deepcopy(model), images)
        after = _attributes(code)
        for name in before | after:
            if name not in before or before[name] is not after.get(name):
                raise ValueError(
                    "the networks cannot be run as one: a forward pass must leave attributes "
                    f"alone and change buffers only in place, but one changed {name}"
                )
        try:
            torch.testing.assert_close(alone, expected, rtol=0, atol=0, equal_nan=True)
        except AssertionError as error:
            raise ValueError(
                "the networks must have the same architecture, as the code of the first runs for "
                f"all, but with its own code network {number} computes something else"
            ) from error


def _hooked(model: nn.Module) -> list[str]:
    """Return where a network has hooks, in its modules or on its parameters."""
    hooks = [name for name in vars(nn.Module()) if "hooks" in name and "state_dict" not in name]
    return [
        path or type(model).__name__
        for path, holder in (*model.named_modules(), *model.named_parameters())
        if any(getattr(holder, name, None) for name in (*hooks, "_post_accumulate_grad_hooks"))
    ]


def _parts(model: nn.Module) -> Iterator[tuple]:
    """Yield what all networks must have in common, part by part."""
    for path, module in model.named_modules(remove_duplicate=False):
        yield path, type(module), "training" if module.training else "evaluation"
    for name, tensor in _tensors(model).items():
        yield name, tuple(tensor.shape), tensor.dtype, tensor.requires_grad


def _attributes(model: nn.Module) -> dict[str, object]:
    return {
        f"{path}.{name}".lstrip("."): value
        for path, module in model.named_modules()
        for name, value in (vars(module) | module._buffers).items()
        if name != "training"
    }


def _results(model: nn.Module, images: torch.Tensor) -> list[torch.Tensor]:
    """Return the scores, gradients and buffers of a pass, and the scores in evaluation mode."""
    with torch.random.fork_rng():
        torch.manual_seed(0)  # dropout, which is refused later, draws the same then
        scores = model(images)
        with torch.no_grad(), loop.evaluating(model):
            evaluated = model(images)
    if not isinstance(scores, torch.Tensor):
        return []
    gradients = ()
    if scores.requires_grad:
        trained = [p for p in model.parameters() if p.requires_grad]
        gradients = torch.autograd.grad(scores.sum(), trained, materialize_grads=True)
    return [scores.detach(), evaluated, *gradients, *model.buffers()]
