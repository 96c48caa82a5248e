"""Training many small networks at once, stacked along a new first axis (``torch.func``)."""

import copy
from collections.abc import Callable, Sequence
from itertools import product

import pandas as pd
import torch
from torch import nn
from tqdm import tqdm

from weightinit._checks import (
    check_choice,
    check_module,
    check_positive,
    check_seed,
    check_sequence,
    check_size,
)
from weightinit._one_pass import check_loss
from weightinit._progress import show
from weightinit.data import Digits
from weightinit.training import loop
from weightinit.training.own_rates import OwnRates
from weightinit.training.stack import Stack, check_alike, check_same_code


def train_ensemble(
    models: Sequence[nn.Module],
    data: Digits,
    *,
    lrs: Sequence[float],
    steps: int,
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.SGD,
    clip_norm: float | None = None,
    warm_up: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
    evaluate_every: int | None = None,
    evaluate_start: bool = True,
    device: str | torch.device = "cpu",
    progress: bool | None = None,
) -> pd.DataFrame:
    """Train many small networks of one architecture at once, each as if it were alone.

    The networks are stacked along a new first axis, so that one batched product does the work of
    many small ones. Their losses are summed, never averaged: each network then gets exactly the
    gradient it would get alone. All see the same batches; they differ in their weights and their
    learning rates. A network whose loss is not finite is out of the race: it keeps the weights it
    had, as in `train`, and the others do not notice.

    Parameters
    ----------
    models : sequence of torch.nn.Module
        Initialized networks of the same architecture; each ends in its trained state.
    data : Digits
        The images.
    lrs : sequence of float
        The learning rate of each network. Equal rates side by side save time.
    steps, batch_size, seed, evaluate_every, device, progress
        As in `train`.
    optimizer : callable
        Given parameter groups, which have their learning rates already, returns the optimizer:
        ``torch.optim.Adam``, or ``lambda groups: torch.optim.SGD(groups, momentum=0.9)``. It must
        treat every number by itself, as those of `own_rates.ELEMENTWISE` do; it may divide the
        groups, scale their rates, and leave some out, which stay as they are.
    clip_norm : float, optional
        Shorten the gradient of a network, over all its parameters, to this length if it is longer
        (Pascanu et al. 2013), as ``torch.nn.utils.clip_grad_norm_`` does.
    warm_up : int, optional
        Steps in which the rates rise in a straight line to their values (Goyal et al. 2017): in
        step k of them a network is trained at k / warm_up of its rate.
    evaluate_start : bool
        Evaluate the untrained networks, too: it costs as much as some twenty steps.

    Returns
    -------
    pandas.DataFrame
        One row per evaluation and network: ``member``, its number from 0; ``lr``, ``step``,
        ``loss``, ``train_accuracy``, ``test_accuracy``; and ``diverged``, the step at which its
        loss was not finite, missing if it always was. From that step on the row says that the loss
        is NaN and no image is right.

    Raises
    ------
    TypeError
        As `train`; and if ``models`` or ``lrs`` is no sequence, or the optimizer mixes the numbers
        of a tensor.
    ValueError
        As `train`; and if there is no model or one is there twice, the rates are not as many as
        the models, or the networks cannot share the first one's code: they differ in their modules,
        or in what these compute from the same numbers (tried on some images), have hooks, share
        memory, or change an attribute in a forward pass.
    RuntimeError
        As `train`; and if a network draws random numbers in training, as dropout does, or does
        something else that ``torch.func.vmap`` cannot.

    Examples
    --------
    >>> from weightinit import data, networks
    >>> models = [networks.mlp(1, 16, "tanh", seed=seed) for seed in range(3)]
    >>> table = train_ensemble(models, data.digits(), lrs=[0.1, 0.1, 0.5], steps=20)
    >>> table[table["step"] == 20]["member"].tolist(), int(table["diverged"].count())
    ([0, 1, 2], 0)
    """
    models, rates = _list("models", models), _list("lrs", lrs)
    for model in models:
        check_module("model", model)
    for lr in rates:
        loop.check_rate(lr)
    if len(rates) != len(models) or not models:
        raise ValueError(
            "need at least one model and a learning rate for each, "
            f"got {len(models)} models and {len(rates)} rates"
        )
    if clip_norm is not None:
        check_positive("clip_norm", clip_norm)
    if warm_up is not None:
        check_size("warm_up", warm_up)
    check_choice("evaluate_start", evaluate_start, (True, False))
    check_alike(models)
    images, labels, test_images, test_labels = loop.prepare(
        models,
        data,
        tried=copy.deepcopy(models[0]),
        steps=steps,
        batch_size=batch_size,
        seed=seed,
        device=device,
        progress=progress,
        evaluate_every=evaluate_every,
    )
    check_same_code(models, images[:16])
    stack = Stack(models)
    update = OwnRates(optimizer, stack.trained, rates, clip_norm, warm_up)
    history, diverged = [], pd.Series(pd.NA, range(len(models)), dtype="Int64")

    def evaluate(step: int) -> None:
        with torch.no_grad(), loop.evaluating(models[0]):
            scores, test_scores = stack(images), stack(test_images)
        history.extend(
            {"member": i, "lr": lr, "step": step}
            | loop.scores(scores[i], labels, test_scores[i], test_labels)
            for i, lr in enumerate(rates)
        )

    if evaluate_start:
        evaluate(0)
    batches = loop.batches(len(images), batch_size, seed)
    for step in tqdm(range(1, steps + 1), disable=not show(progress), leave=False):
        rows = next(batches)
        losses = _losses(stack(images[rows]), labels[rows])
        check_loss(losses.sum())
        gradients = torch.autograd.grad(losses.sum(), stack.trained, allow_unused=True)
        for member in (~losses.isfinite()).nonzero().flatten().tolist():
            if pd.isna(diverged[member]):
                diverged[member] = step
                stack.retire(member)
        update.step(step, gradients)
        if step == steps or (evaluate_every and step % evaluate_every == 0):
            evaluate(step)
    stack.write_back()
    table = pd.DataFrame(history)
    return table.assign(diverged=table["member"].map(diverged))


def sweep(
    build: Callable[[int], nn.Module],
    data: Digits,
    *,
    lrs: Sequence[float],
    seeds: Sequence[int],
    order_seed: int = 0,
    **options,
) -> pd.DataFrame:
    """Train one network for every learning rate and seed, all at once: see `train_ensemble`.

    Parameters
    ----------
    build : callable
        ``build(seed)`` returns an initialized network, of which a copy is trained.
    data : Digits
        The images.
    lrs : sequence of float
        Learning rates.
    seeds : sequence of int
        Seeds of the weights.
    order_seed : int
        Seed of the order of the images.
    **options
        What `train_ensemble` takes besides: ``steps`` (needed), ``optimizer``, ``clip_norm``,
        ``warm_up``, ``batch_size``, ``evaluate_every``, ``evaluate_start``, ``device``,
        ``progress``.

    Returns
    -------
    pandas.DataFrame
        As `train_ensemble`, with ``lr`` and ``seed`` in the place of ``member``.

    Raises
    ------
    TypeError
        As `train_ensemble`; and if ``build`` is no function, or ``seeds`` no sequence of integers.
    ValueError, RuntimeError
        As `train_ensemble`; and if ``lrs`` or ``seeds`` is empty, or one of ``seeds`` is negative.

    Examples
    --------
    >>> from weightinit import data, networks
    >>> def build(seed):
    ...     return networks.mlp(1, 16, "tanh", seed=seed)
    >>> table = sweep(build, data.digits(), lrs=[0.1, 0.5], seeds=[0, 1], steps=20)
    >>> table.groupby("lr").size().to_dict()
    {0.1: 4, 0.5: 4}
    """
    loop.check_function("build", build, "the seed that returns a model")
    if "seed" in options:
        raise TypeError("give seeds, of the weights, and order_seed, of the images; not seed")
    lrs, seeds = _list("lrs", lrs), _list("seeds", seeds)
    if not lrs or not seeds:
        raise ValueError(f"need at least one learning rate and one seed, got {lrs} and {seeds}")
    for lr in lrs:
        loop.check_rate(lr)
    for seed in seeds:
        check_seed(seed, "each of seeds")
    members = list(product(lrs, seeds))
    table = train_ensemble(
        # Copies: one network that build returns twice would be trained twice, and it may be kept.
        [copy.deepcopy(build(seed)) for _, seed in members],
        data,
        lrs=[lr for lr, _ in members],
        seed=order_seed,
        **options,
    )
    seed = table.pop("member").map(lambda member: members[member][1])
    table.insert(1, "seed", seed)
    return table


def _losses(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy of each network, from scores (network, image, class)."""
    targets = labels.expand(len(scores), -1)
    losses = nn.functional.cross_entropy(scores.transpose(1, 2), targets, reduction="none")
    return losses.mean(dim=1)


def _list(name: str, values: Sequence) -> list:
    if isinstance(values, (nn.Module, dict, set)):
        raise TypeError(f"{name} must be a sequence, got a {type(values).__name__}")
    check_sequence(name, values)
    return list(values)
