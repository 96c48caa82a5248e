"""Networks of one architecture, stacked along a new first axis (``torch.func``)."""

from __future__ import annotations

import torch
from torch import nn


class Stack:
    """Networks of one architecture as one: calling it with images gives the scores of all."""

    def __init__(self, models: list[nn.Module]) -> None:
        if len(set(map(id, models))) != len(models):
            raise ValueError("a network stands in the list twice; each must be one of its own")
        first = repr(models[0])
        for number, model in enumerate(models[1:], start=2):
            # vmap calls the first network with the weights of all: the others' code is not used.
            if repr(model) != first or model.training != models[0].training:
                raise ValueError(
                    "the networks must have the same architecture and mode; "
                    f"the first is {first}, network {number} is {model!r}"
                )
        self.models, self.retired = models, {}
        self.parameters, self.buffers = torch.func.stack_module_state(models)
        self.trained = [p for p in self.parameters.values() if p.requires_grad]

        def one(parameters: dict, buffers: dict, images: torch.Tensor) -> torch.Tensor:
            return torch.func.functional_call(models[0], (parameters, buffers), (images,))

        self.forward = torch.func.vmap(one, in_dims=(0, 0, None))

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        return self.forward(self.parameters, self.buffers, images)

    def _state(self, member: int) -> dict[str, torch.Tensor]:
        state = self.parameters | self.buffers
        return {name: tensor[member].detach().clone() for name, tensor in state.items()}

    def retire(self, member: int) -> None:
        """Keep a network's state for `write_back`; in the stack it is NaN from now on."""
        self.retired[member] = self._state(member)
        with torch.no_grad():
            for parameter in self.trained:
                parameter[member] = torch.nan

    def write_back(self) -> None:
        """Give every network the state it has in the stack, or had when it was retired."""
        for member, model in enumerate(self.models):
            model.load_state_dict(self.retired.get(member) or self._state(member))
