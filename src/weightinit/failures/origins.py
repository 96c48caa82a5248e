"""Where every infinity and NaN came from.

Memory that is not finite remembers its origin: the operation that made it so. A result takes over
the origin of its inputs; if those were finite, it is an origin itself. Infinities that are written
as constants are origins too, marked as meant: they are blamed only where there is no other.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch
from torch.multiprocessing.reductions import StorageWeakRef

from weightinit.failures.failure import Contents, Failure, is_measured, look
from weightinit.failures.operations import Call, memory


@dataclass(eq=False)
class Origin:
    """What may turn out to be a failure, and its number in the order of events."""

    number: int
    failure: Failure
    first_nan: Failure | None = None

    @property
    def rank(self) -> tuple[bool, int]:
        """The lowest is blamed: the first, and those that were meant after all others."""
        return self.failure.meant, self.number


class Origins:
    """The origins of all memory that is not finite."""

    def __init__(self):
        self._count = itertools.count()
        # Weak, so that no memory is kept; and while one exists, its address is not used again.
        self._known: dict[StorageWeakRef, Origin] = {}

    def forget_freed_memory(self) -> None:
        """Drop the origins of memory that no tensor uses any more."""
        self._known = {key: o for key, o in self._known.items() if not key.expired()}

    def add(self, value, /, *, meant: bool | None = None, **where) -> Origin | None:
        """Return the origin of a tensor handed in, or None; by default only NaN is not meant."""
        if not is_measured(value) or (contents := look(value)).finite:
            return None
        return self.of(value, contents, meant=meant, **where)

    def of(self, value, contents: Contents, /, *, meant=None, phase="data", **where) -> Origin:
        """Return the origin of a tensor that is not finite, a new one if none is known."""
        key = memory(value)
        if key not in self._known:
            meant = contents.nans == 0 if meant is None else meant
            failure = _failure(value, contents, meant=meant, phase=phase, **where)
            self._known[key] = Origin(next(self._count), failure)
        return self._known[key]

    def trace(self, call: Call, place: int, tensor, contents: Contents, where: dict) -> None:
        """Find and remember the origin of a result that is not finite."""
        inputs = self._inputs(call, place)
        origin = min((self.of(t, c) for t, c in inputs.spoilt), key=lambda o: o.rank, default=None)
        new_nan = contents.nans > 0 and not inputs.hold_nan
        if origin is not None and not origin.failure.meant:
            if new_nan and origin.first_nan is None and not origin.failure.nans:
                nans = contents._replace(infinities=0)
                origin.first_nan = _failure(tensor, nans, operation=call.facts.name, **where)
        elif origin is None or new_nan or (contents := inputs.unexplained(call, contents)):
            failure = _failure(
                tensor,
                contents,
                operation=call.facts.name,
                meant=call.facts.uninitialised or (inputs.constant and not new_nan),
                inputs_finite=not inputs.spoilt and not inputs.constant,
                largest_input=inputs.largest,
                zeros=inputs.zeros(call),
                **where,
            )
            origin = Origin(next(self._count), failure)
        self._known[memory(tensor)] = origin

    def _inputs(self, call: Call, place: int) -> _Inputs:
        tensors, constants = [], []
        for value in call.inputs(place):
            if isinstance(value, float):
                constants.append(value)
                continue
            contents = call.contents(value)
            # A constant may be a tensor too: torch.where(mask, x, torch.tensor(-math.inf)).
            if value.ndim == 0 and not contents.finite and memory(value) not in self._known:
                constants.append(value.item())
            else:
                tensors.append((value, contents))
        return _Inputs(tensors, constants)


class _Inputs:
    """The tensors and numbers that went into an operation."""

    def __init__(self, tensors: list[tuple[torch.Tensor, Contents]], constants: list[float]):
        self.tensors = tensors
        self.spoilt = [(t, contents) for t, contents in tensors if not contents.finite]
        self.constant = any(not math.isfinite(value) for value in constants)
        self.hold_nan = any(c.nans for _, c in self.spoilt) or any(map(math.isnan, constants))
        magnitudes = [c.largest for _, c in tensors] + [abs(v) for v in constants]
        self.largest = max(filter(math.isfinite, magnitudes), default=None)

    def zeros(self, call: Call) -> int:
        # An input which the call overwrote is no longer there to be counted.
        kept = [t for t, _ in self.tensors if id(t) not in call.before]
        return sum(int((t == 0).sum()) for t in kept)

    def unexplained(self, call: Call, contents: Contents) -> Contents | None:
        """Return the infinities at places where all inputs of a pointwise operation were finite."""
        if not call.facts.pointwise:
            return None
        left = contents.bad.clone()
        for _, spoilt in self.spoilt:
            left &= ~spoilt.bad
        return Contents(int(left.sum()), 0, contents.largest, left) if left.any() else None


def _failure(value, contents: Contents, /, **fields) -> Failure:
    return Failure(
        infinities=contents.infinities,
        nans=contents.nans,
        shape=tuple(value.shape),
        dtype=value.dtype,
        **fields,
    )
