"""Layer-sequential unit variance: let a batch of data set the scale of each layer."""

from __future__ import annotations

from math import isfinite, nan

import pandas as pd
import torch
from torch import nn

from weightinit._checks import check_module, check_positive, check_seed, check_size
from weightinit._layers import AFFINE
from weightinit._one_pass import as_it_was
from weightinit.initializers.fan_in_fan_out import owns_its_weights, weights_of
from weightinit.initializers.one_layer import check_writable, draw, tensors_of
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
    in; what a run changes in it (running statistics, say) is put back, and the global generator
    does not move.

    What the procedure cannot do is not passed over: the table says so in ``status``.

    - *shared*: a layer whose weight another layer owns too is scaled where it is used first.
    - *several calls*: a layer called more than once is scaled for its first call.
    - *same for every sample*: a dead or constant input; the weight stays orthogonal.
    - *not called*: no hook saw the layer, as for the output projection inside attention.
    - *no unit variance: the weight would not fit*: its number format has no such numbers.
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
    TypeError, ValueError
        If there is no such layer, the batch has fewer than two samples or the model cannot take it,
        an argument is not allowed, or a weight cannot be overwritten (as in `initialize`). The
        model is as it was then, as after any other error or an interrupt.

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
    _check(model, batch, tolerance, max_rescalings)
    layers = {name: m for name, m in model.named_modules() if isinstance(m, AFFINE)}
    if not layers:
        allowed = "linear, bilinear or convolutional"
        raise ValueError(f"{type(model).__name__} has no {allowed} layer to scale")
    started = _drawn(model, layers, seed)
    before = [(parameter, parameter.detach().clone()) for parameter, _ in started]
    try:
        for parameter, values in started:
            parameter.copy_(values)
        return _scaled(model, batch, layers, (seed, tolerance, max_rescalings))
    except BaseException:
        for parameter, values in before:
            parameter.copy_(values)
        raise


def _check(model, batch, tolerance, max_rescalings) -> None:
    check_module("model", model)
    if not all(isinstance(x, torch.Tensor) for x in batch):
        kinds = ", ".join(type(x).__name__ for x in batch)
        raise TypeError(f"batch must be a tensor or a tuple of tensors, got {kinds}")
    if not batch or any(x.ndim == 0 or len(x) < 2 for x in batch):
        shapes = [tuple(x.shape) for x in batch]
        raise ValueError(f"batch must hold at least two samples, got shapes {shapes}")
    check_positive("tolerance", tolerance)
    check_size("max_rescalings", max_rescalings)


def _drawn(model, layers: dict[str, nn.Module], seed: int) -> list[tuple]:
    """Return what is to be written: orthogonal weights and zero biases, nothing written yet."""
    check_seed(seed)
    generator = torch.Generator(device="cpu").manual_seed(seed)
    weights, biases = {}, {}  # by parameter: a shared one is drawn once
    for name, layer in layers.items():
        if owns_its_weights(layer):
            (weight,) = weights_of(layer)
            weights.setdefault(id(weight.parameter), (f"{name}.weight".lstrip("."), weight))
        if layer._parameters.get("bias") is not None:
            biases[id(layer.bias)] = f"{name}.bias".lstrip("."), layer.bias
    written = {label: weight.parameter for label, weight in weights.values()}
    check_writable(written | dict(biases.values()), tensors_of(model))
    drawn = [
        (w.parameter, draw(Orthogonal(), w, label, generator)) for label, w in weights.values()
    ]
    return drawn + [(bias, torch.zeros_like(bias)) for _, bias in biases.values()]


def _scaled(model, batch, layers, settings) -> pd.DataFrame:
    """Scale one layer after the other; return the table."""
    seed, tolerance, _ = settings
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
            row |= _rescale(model, batch, (name, layers[name]), *settings)
            if row["variance_before"] > 0:  # neither dead nor nan: otherwise the next one may try
                owners[id(weight)] = name
        rows.append(row)
    return _table(rows, _variances(model, batch, layers, seed), tolerance)


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
    where = next(model.parameters()).device
    try:
        with as_it_was(model, where), torch.no_grad():
            torch.manual_seed(seed)
            model(*(x.clone() for x in batch))  # its first operation may work in place
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError) as error:
        given = ", ".join(f"{tuple(x.shape)} of {x.dtype}" for x in batch)
        raise ValueError(f"the model cannot take the batch, {given}: {error}") from error
    finally:
        for hook in hooks:
            hook.remove()
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
        elif not (scaled := module.weight / variance**0.5).isfinite().all():
            status = f"no unit variance: the weight would not fit {scaled.dtype}"
        else:
            module.weight.copy_(scaled)
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
