"""What a tensor holds that is not finite, and the report about the first such tensor."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch

PHASES = {
    "data": "data",
    "parameters": "parameters",
    "forward": "forward pass",
    "loss": "loss",
    "backward": "backward pass",
    "update": "update",
}
_TYPES = {torch.float16, torch.bfloat16, torch.float32, torch.float64}
# Of these, an input of zero is what a reader should look for.
_MINDS_ZERO = {"div", "log", "log2", "log10", "pow", "reciprocal", "rsqrt"}


class Contents(NamedTuple):
    """What a tensor holds: how many of which numbers, the largest finite magnitude, and where."""

    infinities: int
    nans: int
    largest: float
    bad: torch.Tensor | None  # True where an entry is not finite; None if all are

    @property
    def finite(self) -> bool:
        """Whether every entry is finite."""
        return self.bad is None


def is_measured(value) -> bool:
    """Tell whether a value is a dense tensor of floating-point numbers; others are passed over."""
    return (
        isinstance(value, torch.Tensor)
        and value.dtype in _TYPES
        and value.layout == torch.strided
        and not value.is_nested
        and not value.is_meta
    )


def look(tensor: torch.Tensor) -> Contents:
    """Look for entries that are not finite; one fast reduction if there are none."""
    values = tensor.detach()
    if values.numel() == 0:
        return Contents(0, 0, 0.0, None)
    low, high = (extreme.item() for extreme in torch.aminmax(values))  # NaN if any entry is
    if math.isfinite(low) and math.isfinite(high):
        return Contents(0, 0, max(abs(low), abs(high)), None)
    bad = ~torch.isfinite(values)
    infinities = int(torch.isinf(values).sum())
    good = values[~bad].abs()
    largest = good.max().item() if good.numel() else 0.0
    return Contents(infinities, int(bad.sum()) - infinities, largest, bad)


def never_written(operation: str) -> bool:
    """Tell whether an operation returns memory as it finds it."""
    return "empty" in operation or operation.startswith("resize")


@dataclass(frozen=True, kw_only=True)
class Failure:
    """The first tensor that stopped being finite, and how it came about.

    ``str(failure)`` is a report of a few short lines; a notebook shows the same text.

    Parameters
    ----------
    phase : str
        ``"data"``: in the data, or in what was computed from them before the model was called.
        ``"parameters"``: in a parameter or buffer, before the pass. ``"forward"``, ``"loss"`` and
        ``"backward"``: in the pass. ``"update"``: a parameter, after a finite backward pass.
    module : str or None
        Name of the innermost module of the model, its class if it is the model itself; None
        outside. In the backward pass, the module whose derivative was taken.
    call : int or None
        Which call of the module in this pass it was, from 1.
    operation : str or None
        The torch operation whose result it is, such as ``"addmm"``, ``"log"`` or ``"div"``; None
        for a tensor which was handed in.
    derivative_of : str or None
        In the backward pass, the forward operation whose derivative was taken.
    tensor : str or None
        What the tensor is called, for data, parameters and updates.
    infinities, nans : int
        How many of its entries are infinite and NaN.
    shape : tuple of int
        Its shape.
    dtype : torch.dtype
        Its type.
    largest_input : float or None
        Largest finite magnitude among the inputs of the operation, numbers included; None if it
        has no inputs.
    inputs_finite : bool
        Whether all of its inputs were finite. If not, they held infinities that were meant, as a
        mask does, and the operation made NaN of them.
    zeros : int
        How many entries of its inputs are zero.
    meant : bool
        Whether the infinities were written as a constant (or memory was never written): no
        mistake in itself, but it reached the loss, a gradient or a parameter.
    first_nan : Failure or None
        If there are only infinities: where they first made a NaN in the same pass, if they did.
    step : int or None
        The training step, where known.

    Examples
    --------
    >>> print(Failure(phase="loss", operation="log", infinities=3, shape=(100,), zeros=3,
    ...               dtype=torch.float32, largest_input=1.0))
    loss: log produced 3 infinities among 100 numbers of shape (100,).
    All its inputs were finite, the largest 1; float32 ends at 3.4e+38. They held 3 zeros.
    """

    phase: str
    module: str | None = None
    call: int | None = None
    operation: str | None = None
    derivative_of: str | None = None
    tensor: str | None = None
    infinities: int = 0
    nans: int = 0
    shape: tuple[int, ...]
    dtype: torch.dtype
    largest_input: float | None = None
    inputs_finite: bool = True
    zeros: int = 0
    meant: bool = False
    first_nan: Failure | None = None
    step: int | None = None

    @property
    def kind(self) -> str:
        """``"inf"`` if any entry is infinite, else ``"nan"``."""
        return "inf" if self.infinities else "nan"

    @property
    def count(self) -> int:
        """How many entries are not finite."""
        return self.infinities + self.nans

    @property
    def size(self) -> int:
        """How many entries the tensor has."""
        return math.prod(self.shape)

    @property
    def dtype_max(self) -> float:
        """The largest number that the tensor's type can hold."""
        return torch.finfo(self.dtype).max

    def __str__(self) -> str:
        """Report in plain words."""
        among = f"among {_many(self.size, 'number', 'numbers')} of shape {self.shape}"
        lines = [f"{self._place()}: {self._what()} {among}."]
        if self.operation and not self.meant:
            lines.append(self._inputs())
        if self.meant:
            lines.append("That is no mistake in itself, but it reached the result.")
        if self.first_nan is not None:
            nan = self.first_nan
            lines.append(f"First NaN after that: {nan._place()}, {nan.operation}.")
        if self.step is not None:
            lines[0] = f"step {self.step}, {lines[0]}"
        return "\n".join(lines)

    def _repr_markdown_(self) -> str:
        # Two spaces end a line in Markdown, and a pair of underscores would make words italic.
        return str(self).replace("_", r"\_").replace("*", r"\*").replace("\n", "  \n")

    def _place(self) -> str:
        parts = [PHASES[self.phase]]
        if self.module is not None:
            parts.append(self.module + (f" (call {self.call})" if (self.call or 1) > 1 else ""))
        if self.derivative_of:
            parts.append(f"derivative of {self.derivative_of}")
        if self.phase == "update" and self.tensor:
            parts.append(self.tensor)
        return ", ".join(parts)

    def _what(self) -> str:
        counts = [_many(self.infinities, "infinity", "infinities")] if self.infinities else []
        counts += [f"{self.nans} NaN"] if self.nans else []
        if self.operation is None:
            return f"{self.tensor or 'a tensor made elsewhere'} held {' and '.join(counts)}"
        verb = "wrote, as a constant," if self.meant else "produced"
        if self.meant and never_written(self.operation):
            verb = "returned memory that was never written, with"
        return f"{self.operation} {verb} {' and '.join(counts)}"

    def _inputs(self) -> str:
        if not self.inputs_finite:
            return "Its inputs held infinities: inf - inf, 0 * inf and inf / inf give NaN."
        if self.largest_input is None:
            return "It has no floating-point inputs."
        dtype = str(self.dtype).removeprefix("torch.")
        text = (
            f"All its inputs were finite, the largest {self.largest_input:.2g}; "
            f"{dtype} ends at {self.dtype_max:.2g}."
        )
        if self.zeros and self.operation in _MINDS_ZERO:
            text += f" They held {_many(self.zeros, 'zero', 'zeros')}."
        if self.operation == "exp":
            text += f" So exp overflows above {math.log(self.dtype_max):.3g}."
        return text


def _many(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"
