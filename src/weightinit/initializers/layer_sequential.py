"""Layer-sequential unit variance: let a batch of data set the scale of each layer."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite, nan

import pandas as pd
import torch
from torch import nn

from weightinit._checks import MAX_SEED, check_integer
from weightinit._layers import AFFINE
from weightinit.initializers.fan_in_fan_out import owns_its_weights, weights_of
from weightinit.initializers.orthogonal import Orthogonal


@torch.no_grad()
def lsuv(
    model: nn.Module,
    batch: torch.Tensor | tuple[torch.Tensor, ...],
    *,
    seed: int,
    tolerance: float = 0.01,
    max_rescalings: int = 10,
) -> pd.DataFrame:
    r"""Start a model from orthogonal weights, then give each layer's output unit variance.

    Layer after layer, in the order in which the model calls them: run the batch, measure the
    variance of the layer's output :math:`h = Wx` (all samples and units together, before the
    activation), divide :math:`W` by its root. Biases start at 0. The model runs in the mode it is
    in; its buffers (running statistics) are put back, and the global generator does not move.

    What the procedure cannot do is not passed over: the table says so in ``status``.

    - *shared*: a layer whose weight another layer owns too is scaled where it is used first.
    - *several calls*: a layer called more than once is scaled for its first call.
    - *same for every sample*: a dead or constant input; the weight stays orthogonal.
    - *not called*: no hook saw the layer, as for the output projection inside attention.
    - *moved afterwards*: a later rescaling changed what this layer sees (a weight tied backwards).

    Parameters
    ----------
    model : torch.nn.Module
        Any model with linear, bilinear, convolutional or transposed convolutional layers. All
        other parameters (embeddings, attention's stacked projections) stay as they are.
    batch : torch.Tensor or tuple of torch.Tensor
        The model's inputs; at least two samples, along the first dimension.
    seed : int
        Seed of the orthogonal matrices, and of dropout while measuring.
    tolerance : float
        Largest accepted distance of a variance from 1.
    max_rescalings : int
        How often one layer is rescaled at most; one is enough unless something random or reused
        stands before it.

    Returns
    -------
    pandas.DataFrame
        One row per layer: ``layer``, ``calls``, ``variance_before`` (first call, when its turn
        came), ``variance`` and ``variance_last_call`` (at the end), ``rescalings``, ``factor`` (on
        the weight) and ``status``.

    Raises
    ------
    ValueError
        If there is no such layer, the batch has fewer than two samples, or a parameter is not
        allowed.

    References
    ----------
    Mishkin & Matas, *All you need is a good init*, ICLR 2016, algorithm 1.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(20, 40), nn.Tanh(), nn.Linear(40, 10))
    >>> x = 3 * torch.randn(200, 20, generator=torch.Generator().manual_seed(0))
    >>> lsuv(model, x, seed=0)[["layer", "variance", "status"]].round(3)
      layer  variance  status
    0     0       1.0  scaled
    1     2       1.0  scaled
    """
    batch = batch if isinstance(batch, tuple) else (batch,)
    layers = {name: m for name, m in model.named_modules() if isinstance(m, AFFINE)}
    _check(model, batch, layers, tolerance, max_rescalings)
    _start(layers.values(), seed)
    calls = _variances(model, batch, layers, seed)
    rows, owners = [], {}  # owners: which layer was scaled with which parameter
    for name in [*calls, *(name for name in layers if name not in calls)]:
        weight = layers[name]._parameters.get("weight")
        row = {"layer": name, "calls": len(calls.get(name, [])), "rescalings": 0, "factor": 1.0}
        if weight is None:
            row["status"] = "left alone: computes its weight from other parameters"
        elif name not in calls:
            row["status"] = "not called: orthogonal"
        elif id(weight) in owners:
            row["status"] = f"shared: scaled as {owners[id(weight)]}"
        else:
            row |= _rescale(model, batch, (name, layers[name]), seed, tolerance, max_rescalings)
            if row["variance_before"] > 0:  # neither dead nor nan: otherwise the next one may try
                owners[id(weight)] = name
        rows.append(row)
    return _table(rows, _variances(model, batch, layers, seed), tolerance)


def _check(model, batch, layers, tolerance, max_rescalings) -> None:
    if not layers:
        allowed = "linear, bilinear or convolutional"
        raise ValueError(f"{type(model).__name__} has no {allowed} layer to scale")
    if not all(isinstance(x, torch.Tensor) and x.ndim and len(x) >= 2 for x in batch):
        raise ValueError("the batch must be tensors with at least two samples each")
    if not (isfinite(tolerance) and tolerance > 0 and max_rescalings >= 1):
        raise ValueError(
            "tolerance must be positive and max_rescalings at least 1; "
            f"got {tolerance!r} and {max_rescalings!r}"
        )


def _start(layers: Iterable[nn.Module], seed: int) -> None:
    """Set orthogonal weights and zero biases; everything is drawn before anything is written."""
    check_integer("seed", seed, 0, MAX_SEED)
    generator = torch.Generator(device="cpu").manual_seed(seed)
    weights = [w for layer in layers if owns_its_weights(layer) for w in weights_of(layer)]
    drawn = [Orthogonal().draw(weight, generator) for weight in weights]
    for weight, values in zip(weights, drawn, strict=True):
        weight.set(values)
    for layer in layers:
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def _variances(model, batch, layers: dict[str, nn.Module], seed: int) -> dict[str, list[float]]:
    """Run the batch; return the variance of each call of each layer, in the order of first calls.

    It is 0 if the output is the same for every sample.
    """
    found = {}

    def record(name, output):
        eps, output = torch.finfo(output.dtype).eps, output.detach().double()
        # Equal samples may come out of a matrix product with different last bits.
        rounding = 16 * eps * output.abs().max()
        constant = len(output) > 1 and (output - output[:1]).abs().max() <= rounding
        variance = 0.0 if constant else output.var(correction=0).item()
        found.setdefault(name, []).append(variance)

    hooks = [
        layer.register_forward_hook(lambda _, __, output, name=name: record(name, output))
        for name, layer in layers.items()
    ]
    kept = [(buffer, buffer.clone()) for buffer in model.buffers()]
    try:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model(*batch)
    finally:
        for hook in hooks:
            hook.remove()
        for buffer, before in kept:
            buffer.copy_(before)
    return found


def _rescale(model, batch, layer, seed, tolerance, max_rescalings) -> dict:
    """Divide a layer's weight until its output has unit variance; return the columns of its row."""
    name, module = layer
    before, factor = None, 1.0
    for rescalings in range(max_rescalings + 1):
        variance = _variances(model, batch, {name: module}, seed)[name][0]
        before = variance if before is None else before
        if not isfinite(variance):
            status = "output not finite: no unit variance"
        elif variance == 0:
            status = "same for every sample: no unit variance"
        elif abs(variance - 1) <= tolerance:
            status = "scaled"
        elif rescalings == max_rescalings:
            status = f"not within the tolerance after {max_rescalings} rescalings"
        else:
            module.weight.div_(variance**0.5)
            factor /= variance**0.5
            continue
        break
    numbers = {"variance_before": before, "rescalings": rescalings, "factor": factor}
    return numbers | {"status": status}


def _table(rows: list[dict], final: dict[str, list[float]], tolerance: float) -> pd.DataFrame:
    for row in rows:
        row["variance"], row["variance_last_call"] = nan, nan
        if row["layer"] in final:
            row["variance"], *_, row["variance_last_call"] = 2 * final[row["layer"]]
        if row["status"] == "scaled" and not abs(row["variance"] - 1) <= tolerance:
            row["status"] = "moved afterwards: a later rescaling changed its input or weight"
        if row["status"] == "scaled" and row["calls"] > 1:
            row["status"] = f"scaled for the first of {row['calls']} calls"
    columns = ["layer", "calls", "variance_before", "variance", "variance_last_call"]
    return pd.DataFrame(rows, columns=[*columns, "rescalings", "factor", "status"])
