"""What an ATen operation reads and writes, as its schema and its tags tell."""

import functools
import re
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch.multiprocessing.reductions import StorageWeakRef

from weightinit.failures.failure import Contents, is_measured, look, never_written

# What these write to, they do not read: its old content may be anything. Others of this kind
# (zero, uniform, random, bernoulli) write finite numbers only, and no origin is sought for them.
_OVERWRITING = {"copy", "fill", "normal", "exponential", "cauchy", "geometric", "log_normal"}


class Facts(NamedTuple):
    """What is true of every call of an operation."""

    name: str
    arguments: tuple[str, ...]
    written: tuple[str, ...]
    overwritten: tuple[str, ...]
    view: bool  # returns the memory that it was given, and computes nothing
    pointwise: bool
    itemwise: bool  # works on lists, the first entries together, the second, ...
    uninitialised: bool


@functools.cache
def facts(func) -> Facts:
    """Read an operation's schema and tags."""
    arguments = func._schema.arguments
    name = readable(func._schema.name)
    written = [a.name for a in arguments if a.alias_info is not None and a.alias_info.is_write]
    out = [a.name for a in arguments if a.is_out]
    return Facts(
        name=name,
        arguments=tuple(a.name for a in arguments),
        written=tuple(written),
        overwritten=tuple(written if name in _OVERWRITING else out),
        view=func.is_view,
        pointwise=torch.Tag.pointwise in func.tags,
        itemwise=func._schema.name.startswith(("aten::_foreach", "aten::_fused")),
        uninitialised=never_written(name),
    )


def readable(name: str) -> str:
    """Turn ``aten::_foreach_add_`` into ``add``, as the operation is known to its users."""
    name = name.rpartition("::")[2].strip("_")
    name = name.removeprefix("foreach_").removeprefix("native_")
    return {"to_copy": "to"}.get(name, name)


def derived(node) -> str | None:
    """Name the forward operation whose derivative a node of the graph computes."""
    name = node.name().rpartition("::")[2]
    if name == "AccumulateGrad":  # adds to the grad of a parameter
        return None
    name, numbered = re.fullmatch(r"(.*?)(?:Backward(\d*))?", name).groups()
    # Only PyTorch's own nodes are numbered; the others carry the name of a user's class.
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return readable(words.lower()) if numbered else name


def leaves(value) -> Iterator:
    """Yield what lists within lists hold, or the value itself."""
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from leaves(part)
    else:
        yield value


def memory(tensor: torch.Tensor) -> StorageWeakRef:
    """Identify the memory that a tensor and all views of it share."""
    return StorageWeakRef(tensor.untyped_storage())


class Call:
    """One call of an operation. Made before it runs: working in place, it changes its inputs."""

    def __init__(self, func, args, kwargs):
        self.facts = facts(func)
        self.arguments = dict(zip(self.facts.arguments, args, strict=False)) | kwargs
        self.before: dict[int, Contents] = {}
        targets = [self.arguments.get(name) for name in self.facts.written]
        changing = {memory(tensor) for tensor in filter(is_measured, leaves(targets))}
        for tensor in filter(is_measured, self._read() if changing else ()):
            if memory(tensor) in changing:
                self.before[id(tensor)] = look(tensor)

    def results(self, returned) -> Iterator[tuple[int, torch.Tensor]]:
        """Yield all tensors that it returned or wrote to, with their place in their list."""
        written = [self.arguments.get(name) for name in self.facts.written]
        seen = set()
        for value in (returned, *written):
            for place, tensor in enumerate(leaves(value)):
                if is_measured(tensor) and id(tensor) not in seen:
                    seen.add(id(tensor))
                    yield place, tensor

    def inputs(self, place: int) -> Iterator:
        """Yield all tensors and numbers that went into the result at this place."""
        for value in self._read(place if self.facts.itemwise else None):
            if is_measured(value) or isinstance(value, float):
                yield value

    def _read(self, place: int | None = None) -> Iterator:
        for name, value in self.arguments.items():
            if name not in self.facts.overwritten:
                if place is not None and isinstance(value, (list, tuple)):
                    value = value[place : place + 1]
                yield from leaves(value)

    def contents(self, tensor: torch.Tensor) -> Contents:
        """Return what an input held before the call."""
        return self.before.get(id(tensor)) or look(tensor)
