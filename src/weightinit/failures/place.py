"""Where in a training step the program is: which phase, which module, which derivative."""

import bisect
from collections import Counter

import torch

from weightinit.failures.operations import derived


class Place:
    """Keeps track of the modules that run, and of which module each derivative belongs to.

    PyTorch numbers the nodes of its graph in the order of the forward pass: where a module began
    and ended there tells, in the backward pass, whose node it is that runs.
    """

    def __init__(self):
        self.outside = "data"  # the phase of what happens in no module and no derivative
        self._running: list[tuple[str, int]] = []  # names of modules, and which call it is
        self.restart()

    def restart(self) -> None:
        """Begin a new pass."""
        self._calls: Counter[str] = Counter()
        self._starts: list[int] = []
        self._owners: list[tuple[str | None, int | None]] = []

    def enter(self, name: str) -> None:
        """Note that a call of a module begins."""
        self._calls[name] += 1
        self._running.append((name, self._calls[name]))
        self._note()

    def leave(self) -> None:
        """Note that the innermost call of a module ends."""
        self._running.pop()
        self._note()
        if not self._running:
            self.outside = "loss"

    def in_module(self) -> bool:
        """Tell whether a module is running."""
        return bool(self._running)

    def in_backward(self) -> bool:
        """Tell whether a derivative is being computed; what follows that is the update."""
        if torch._C._current_autograd_node() is None:
            return False
        self.outside = "update"  # what comes after the backward pass
        return True

    def now(self) -> dict[str, str | int | None]:
        """Return phase, module, call and forward operation, as `Failure` names them."""
        node = torch._C._current_autograd_node()
        if node is not None:
            module, call = self._owner(node)
            return {
                "phase": "backward",
                "module": module,
                "call": call,
                "derivative_of": derived(node),
            }
        module, call = self._top()
        phase = "forward" if self._running else self.outside
        return {"phase": phase, "module": module, "call": call}

    def _top(self) -> tuple[str | None, int | None]:
        return self._running[-1] if self._running else (None, None)

    def _note(self) -> None:
        if torch.is_grad_enabled():  # or no node is made
            self._starts.append(torch.autograd._get_sequence_nr())
            self._owners.append(self._top())

    def _owner(self, node) -> tuple[str | None, int | None]:
        # The last module that began or ended before the node was made.
        index = bisect.bisect_right(self._starts, node._sequence_nr()) - 1
        return self._owners[index] if index >= 0 else (None, None)
