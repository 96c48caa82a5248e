"""Watch every operation of a training step for the first tensor that is not finite.

An infinity need not be a failure: attention masks its scores with it. So all are followed, but only
where the loss, a gradient, a parameter or the output is not finite, their origin is the failure.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from weightinit._one_pass import as_it_was, check_batch, check_model, run, trained
from weightinit.failures.failure import Failure, is_measured, look
from weightinit.failures.operations import Call, facts
from weightinit.failures.origins import Origin, Origins, memory
from weightinit.failures.place import Place


def first_failure(
    model: nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    *,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None,
) -> Failure | None:
    """Run one forward and backward pass and find the first tensor that stops being finite.

    The model stays as it was, as with `probe`: it is run in the mode it is in, and nothing is
    updated. What counts as a failure, and what it costs to look for it, is told in `Watch`.

    Parameters
    ----------
    model, x, y, loss
        As in `weightinit.probes.probe`; ``x`` and ``y`` may hold NaN.

    Returns
    -------
    Failure or None
        None if the output, the loss and the gradients of all parameters are finite.

    Raises
    ------
    TypeError, ValueError
        As `weightinit.probes.probe`, but for ``x`` and ``y`` that hold NaN or infinities.

    Examples
    --------
    >>> from weightinit.data import digits
    >>> from weightinit.networks import mlp
    >>> x, y, *_ = digits().tensors(dtype=torch.float32)
    >>> model = mlp(depth=20, width=50, activation="relu", dtype=torch.float32)
    >>> first_failure(model, x, y) is None
    True
    >>> with torch.no_grad():
    ...     for weight in model.parameters():
    ...         _ = weight.mul_(1000)
    >>> failure = first_failure(model, x, y)
    >>> failure.phase, failure.module, failure.operation, failure.inputs_finite
    ('forward', 'linear15', 'addmm', True)
    """
    watch = Watch(model)
    parameters = trained(model)
    check_batch(x, y)
    device = parameters[0].device
    x, y = x.to(device), y.to(device)
    with as_it_was(model, device), watch:
        with watch._unwatched():
            for name, tensor in (("x", x), ("y", y)):
                watch._origins.add(tensor, meant=False, tensor=name)
        run(model, parameters, x, y, loss)
    return watch.failure


class Watch:
    """Watch a training loop for the first tensor that stops being finite.

    Inside the ``with`` block every operation is looked at: of the model, the loss, the backward
    pass and the optimizer. After each step, ``failure`` is None or the first failure, which stays.
    All results are the same as without. On leaving the block all hooks are gone, also after an
    error.

    A failure is not any infinity, but one that did harm: the loss, the gradient of a parameter, a
    trained parameter or the output of the model became infinite or NaN. Infinities that are written
    as constants, such as the ``-inf`` of an attention mask, are blamed only if they reach one of
    these themselves; if they make a NaN, the operation that made it is blamed.

    What it costs is a look at every result. On one CPU thread a step took 4 to 9 times as long for
    networks of 32 or 64 units per layer, up to 2 times for 256, and 1.1 to 1.3 times for 1024. On a
    GPU every look waits for the device.

    Operations are seen in the thread of the block and in the threads that PyTorch starts for its
    backward pass. `torch.amp.GradScaler` finds its scale by overflowing, which is a failure here.

    Parameters
    ----------
    model : torch.nn.Module
        The network.

    Raises
    ------
    TypeError
        If the model is not a module.
    ValueError
        If ``torch.jit`` compiled it, or a parameter holds no numbers yet or complex ones.
    RuntimeError
        If its block is entered within its block.

    Examples
    --------
    >>> from weightinit.networks import mlp
    >>> model = mlp(2, 32, "relu", dtype=torch.float32)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=1e20)
    >>> with Watch(model) as watch:
    ...     for step in range(1, 10):
    ...         optimizer.zero_grad()
    ...         model(torch.ones(5, 64)).square().mean().backward()
    ...         optimizer.step()
    ...         if watch.failure:
    ...             break
    >>> step, watch.failure.phase, watch.failure.module, watch.failure.operation
    (2, 'forward', 'output', 'addmm')
    """

    def __init__(self, model: nn.Module):
        check_model(model)
        for name, parameter in model.named_parameters():
            if parameter.requires_grad and not is_measured(parameter):
                kind = f"{parameter.dtype} in {parameter.layout}"
                raise ValueError(f"parameter {name!r} must hold dense real numbers, got {kind}")
        self.model = model
        self._handles: contextlib.ExitStack | None = None
        self._restart()

    def _restart(self) -> None:
        self._found: Origin | None = None
        self._origins, self._place, self._asleep = Origins(), Place(), False

    @property
    def failure(self) -> Failure | None:
        """The first failure since the block was entered; None while there is none."""
        found = self._found
        return found and dataclasses.replace(found.failure, first_nan=found.first_nan)

    def __enter__(self) -> Watch:
        """Attach the hooks and start to watch."""
        if self._handles is not None:
            raise RuntimeError("this Watch is already in use: leave its block first")
        self._restart()
        with contextlib.ExitStack() as handles:

            def attach(method, hook, **options):
                handles.callback(method(hook, **options).remove)

            for name, module in self.model.named_modules():
                before = partial(self._before_module, name or type(module).__name__)
                # The first of all, so that another that raises is one within the module.
                attach(module.register_forward_pre_hook, before, with_kwargs=True, prepend=True)
                attach(module.register_forward_hook, self._after_module, always_call=True)
            for parameter in self.model.parameters():
                if parameter.requires_grad:
                    attach(parameter.register_hook, self._on_gradient)
            attach(register_optimizer_step_post_hook, self._after_update)
            handles.enter_context(_Mode(self._run))
            self._handles = handles.pop_all()
        return self

    def __exit__(self, *error) -> None:
        """Remove the hooks; what was found stays."""
        handles, self._handles = self._handles, None
        handles.close()

    # ---- Every operation ---------------------------------------------------------------------

    def _run(self, func, args, kwargs):
        """Run one operation and look at its results."""
        if self._asleep or facts(func).view:
            return func(*args, **kwargs)
        outside = not self._place.in_backward() and not self._place.in_module()
        call = Call(func, args, kwargs)
        returned = func(*args, **kwargs)
        for index, tensor in call.results(returned):
            contents = look(tensor)
            if not contents.finite:
                self._origins.trace(call, index, tensor, contents, self._place.now())
                if outside and call.facts.written:
                    self._reached_parameter(tensor)
        # A backward pass starts with the derivative of the loss by itself, a one.
        if outside and call.facts.name == "ones_like":
            value = call.arguments["self"]
            if value.numel() == 1 and value.requires_grad:
                self._reached(value)
        return returned

    def _reached(self, tensor) -> None:
        """Take the origin of a tensor for the failure, if it is not finite."""
        if self._found is None:
            self._found = self._origins.add(tensor)

    def _reached_parameter(self, tensor) -> None:
        """Do so for memory that was written to, if it belongs to a trained parameter."""
        for name, parameter in self.model.named_parameters():
            if parameter.requires_grad and memory(parameter) == memory(tensor):
                self._spoilt_parameter(name, self._origins.add(tensor))
                return

    def _spoilt_parameter(self, name, origin) -> None:
        if self._found is None and origin is not None:
            self._found, failure = origin, origin.failure
            if failure.operation and failure.phase not in ("forward", "backward"):
                origin.failure = dataclasses.replace(failure, phase="update", tensor=name)

    # ---- The hooks ---------------------------------------------------------------------------

    @contextlib.contextmanager
    def _unwatched(self) -> Iterator[None]:
        """Look at tensors without looking at the operations that this takes."""
        self._asleep = True
        try:
            yield
        finally:
            self._asleep = False

    def _before_module(self, name, module, args, kwargs) -> None:
        if not self._place.in_module():
            if self._place.outside != "loss":  # a model may be called several times for one loss
                self._start_pass()
            if not self._asleep:
                with self._unwatched():
                    self._origins.forget_freed_memory()
                    self._look_at_data(args, kwargs)
        self._place.enter(name)

    def _start_pass(self) -> None:
        self._place.restart()
        self._asleep = self._found is not None
        if not self._asleep:
            with self._unwatched():
                self._look_at_model()

    def _look_at_model(self) -> None:
        for name, tensor in [*self.model.named_parameters(), *self.model.named_buffers()]:
            learned = isinstance(tensor, nn.Parameter) and tensor.requires_grad
            owner = name.rpartition(".")[0] or type(self.model).__name__
            meant = False if learned else None  # a mask may be kept as a buffer
            where = {"phase": "parameters", "module": owner, "tensor": name}
            origin = self._origins.add(tensor, meant=meant, **where)
            if learned:
                self._spoilt_parameter(name, origin)

    def _look_at_data(self, args, kwargs) -> None:
        for number, tensor in enumerate(tree_leaves((args, kwargs)), start=1):
            # Of the tensors handed to a model, the first is data, the others may be masks.
            meant = False if number == 1 else None
            self._origins.add(tensor, meant=meant, tensor=f"input {number}")

    def _after_module(self, module, args, output) -> None:
        self._place.leave()
        # What a part of the model returns, called by itself, may yet turn out to be harmless.
        if not self._asleep and module is self.model and not self._place.in_module():
            with self._unwatched():
                for tensor in tree_leaves(output):
                    origin = self._origins.add(tensor)
                    # Scores may be masked: their infinities are no failure yet if they are meant.
                    if origin and not (origin.failure.meant and look(tensor).nans == 0):
                        self._reached(tensor)

    def _on_gradient(self, gradient) -> None:
        if not self._asleep:
            with self._unwatched():
                self._reached(gradient._values() if gradient.is_sparse else gradient)

    def _after_update(self, optimizer, args, kwargs) -> None:
        self._place.outside = "data"


class _Mode(TorchDispatchMode):
    """PyTorch's way to be handed every operation, of the forward and the backward pass."""

    def __init__(self, run):
        super().__init__()
        self.run = run

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return self.run(func, args, kwargs or {})
