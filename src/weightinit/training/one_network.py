"""The training loop."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
import torch
from torch import nn
from tqdm import tqdm

from weightinit._checks import check_choice, check_module
from weightinit._layers import label
from weightinit._one_pass import check_loss, trained
from weightinit._progress import show
from weightinit.data import Digits
from weightinit.failures import Failure, Watch, first_failure
from weightinit.probes import Probe
from weightinit.training import loop


@dataclass(frozen=True)
class Run:
    """What a training run left behind.

    Parameters
    ----------
    history : pandas.DataFrame
        One row per evaluation: ``step``, ``loss`` and ``train_accuracy`` over the whole training
        set, ``test_accuracy`` over the whole test set.
    layers : pandas.DataFrame or None
        The probe's table at every probed step, with ``step``, the ``update_ratio`` the optimizer
        really made, and ``moved``: distance from the starting weights over their norm (both NaN
        for a layer without a ``weight``, as recurrent ones). None when nothing was probed.
    stopped : str or None
        Why training ended before its last step; None if it did not.
    failure : Failure or None
        If training was watched and stopped: the first tensor that was not finite, and at which
        step. That may be earlier than the loss shows it, as an overflow in the backward pass is.

    Examples
    --------
    >>> Run(history=pd.DataFrame(), layers=None, stopped="the loss is inf at step 3").stopped
    'the loss is inf at step 3'
    """

    history: pd.DataFrame
    layers: pd.DataFrame | None
    stopped: str | None
    failure: Failure | None = None


def train(
    model: nn.Module,
    data: Digits,
    *,
    steps: int,
    lr: float | None = None,
    optimizer: Callable[..., torch.optim.Optimizer] | None = None,
    batch_size: int = 64,
    seed: int = 0,
    evaluate_every: int | None = None,
    probe_every: int | None = None,
    watch: bool = False,
    device: str | torch.device = "cpu",
    progress: bool | None = None,
) -> Run:
    """Train a classifier in place with the cross-entropy loss.

    Each epoch visits the training images once in a random order drawn from ``seed``. Step 0 is the
    untrained network. When a loss is not finite, training stops before the weights are touched and
    the run says at which step.

    Parameters
    ----------
    model : torch.nn.Module
        Maps images (batch, features) to scores (batch, classes). It ends in its trained state. It
        is trained in the mode it is in, and evaluated in evaluation mode.
    data : Digits
        The images; they take the model's dtype.
    steps : int
        Number of updates, at least 1.
    lr : float, optional
        Learning rate of plain stochastic gradient descent.
    optimizer : callable, optional
        Given the list of parameters, returns the optimizer to use instead, for example
        ``lambda parameters: torch.optim.Adam(parameters, lr=1e-3)``. Give this or ``lr``. It may
        leave some of the parameters out: they stay as they are.
    batch_size : int
        Images per step, from 1 to the size of the training set.
    seed : int
        Seed of the order of the images.
    evaluate_every : int, optional
        Evaluate at every such step, besides the first and the last.
    probe_every : int, optional
        Probe all layers at the first step and at every such step, on that step's own batch.
    watch : bool
        Look at every operation of every step, to name the first tensor that is not finite if
        training stops. It changes no result; `weightinit.failures.Watch` says what it costs.
    device : str or torch.device
        Where to train; the model is moved there.
    progress : bool, optional
        Show a progress bar; by default only in a terminal.

    Returns
    -------
    Run
        The history.

    Raises
    ------
    TypeError
        If the model is no module, the data no `Digits`, ``lr`` no number or ``optimizer`` no
        function that returns an optimizer.
    ValueError
        If a number is out of range, both or neither of ``lr`` and ``optimizer`` are given, the
        model has no parameters to train, or some that cannot be changed in place, or does not fit
        the data, the data are not finite, or the optimizer holds none of the model's trained
        parameters, or another's. Nothing has been changed then.
    RuntimeError
        If gradients are switched off, as by ``torch.no_grad()``.

    Examples
    --------
    >>> from weightinit import data, networks
    >>> run = train(networks.mlp(1, 16, "tanh"), data.digits(), steps=50, lr=0.5)
    >>> run.history["step"].tolist(), run.stopped
    ([0, 50], None)
    >>> bool(run.history["loss"].iloc[-1] < run.history["loss"].iloc[0])
    True
    """
    check_module("model", model)
    check_choice("watch", watch, (True, False))
    if (lr is None) == (optimizer is None):
        raise ValueError(f"give either lr or optimizer, got lr={lr!r} and optimizer={optimizer!r}")
    if lr is not None:
        loop.check_rate(lr)
    images, labels, test_images, test_labels = loop.prepare(
        [model],
        data,
        tried=model,
        steps=steps,
        batch_size=batch_size,
        seed=seed,
        device=device,
        progress=progress,
        evaluate_every=evaluate_every,
        probe_every=probe_every,
    )
    parameters = list(model.parameters())
    step_size = loop.make_optimizer(
        optimizer or partial(torch.optim.SGD, lr=lr), parameters, parameters, trained(model)
    )
    start = _weights(model)
    batches = loop.batches(len(images), batch_size, seed)

    def evaluate(step: int) -> dict:
        with torch.no_grad(), loop.evaluating(model):
            return {"step": step} | loop.scores(
                model(images), labels, model(test_images), test_labels
            )

    history, layers, stopped, failure = [evaluate(0)], [], None, None
    for step in tqdm(range(1, steps + 1), disable=not show(progress), leave=False):
        rows = next(batches)
        probing = probe_every is not None and (step == 1 or step % probe_every == 0)
        with Watch(model) if watch and failure is None else nullcontext() as watching:
            model.zero_grad()  # of all: one that the optimizer does not hold would add them up
            with Probe(model) if probing else nullcontext() as probe:
                loss = nn.functional.cross_entropy(model(images[rows]), labels[rows])
                check_loss(loss)
                loss.backward()
            before = _weights(model) if probing else None
            if finite := np.isfinite(loss.item()):
                step_size.step()
        if watching is not None and watching.failure is not None:
            failure = replace(watching.failure, step=step)
        if not finite:
            stopped = f"the loss is {loss.item()} at step {step}"
            break
        if probing:
            moved = _with_movement(probe.table(), model, before, start)
            layers.append(moved.assign(step=step))
        if step == steps or (evaluate_every and step % evaluate_every == 0):
            history.append(evaluate(step))
    if stopped is None and not np.isfinite(last := history[-1]["loss"]):
        stopped = f"the loss is {last} after step {steps}"  # no further batch would have shown it
        if watch and failure is None:
            with loop.evaluating(model):
                found = first_failure(model, images, labels)
            failure = found and replace(found, step=steps)
    table = pd.concat(layers, ignore_index=True) if layers else None
    return Run(pd.DataFrame(history), table, stopped, failure if stopped else None)


def _weights(model: nn.Module) -> dict[str, torch.Tensor]:
    """Copy the weight of every module that has one."""
    return {
        label(path, module): module.weight.detach().clone()  # as the probe names it
        for path, module in model.named_modules()
        if isinstance(getattr(module, "weight", None), nn.Parameter)
    }


def _with_movement(table: pd.DataFrame, model: nn.Module, before: dict, start: dict):
    """Add to a probe's table how far each weight went: in this step, and since the start."""
    now = _weights(model)

    def moved(since: dict, name: str) -> float:
        if name not in now:
            return np.nan
        return ((now[name] - since[name]).norm() / since[name].norm()).item()

    return table.assign(
        update_ratio=[moved(before, name) for name in table["name"]],
        moved=[moved(start, name) for name in table["name"]],
    )
