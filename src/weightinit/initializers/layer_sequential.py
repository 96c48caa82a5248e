"""Layer-sequential unit variance: let a batch of data set the scale of each layer."""

from math import isfinite

import pandas as pd
import torch
from torch import nn

from weightinit._checks import check_module, check_positive, check_seed, check_size
from weightinit._layers import AFFINE
from weightinit._one_pass import as_it_was
from weightinit.initializers.fan_in_fan_out import owns_its_weights, weights_of
from weightinit.initializers.one_layer import check_writable, draw
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

    Where it cannot be had (a dead input, an output that is not finite, a weight that another layer
    uses too and that is scaled for the first of them, a layer called several times or one that
    computes its weight), the table says so: its ``status`` is what is measured at the end.

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
        One row per layer, in the order of their calls: ``layer``, ``variance_before`` (when its
        turn came), ``variance`` (at the end; of several calls, one of the worst), ``rescalings``,
        ``factor`` (on the weight) and ``status``: "scaled", "no unit variance" or "not called" (no
        hook saw it, as for the output projection inside attention).

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
    check_writable(written | dict(biases.values()), model)
    drawn = [
        (w.parameter, draw(Orthogonal(), w, label, generator)) for label, w in weights.values()
    ]
    return drawn + [(bias, torch.zeros_like(bias)) for _, bias in biases.values()]


def _scaled(model, batch, layers, settings) -> pd.DataFrame:
    """Scale one layer after the other; return the table."""
    seed, tolerance, _ = settings
    called = list(_variances(model, batch, layers, seed))
    rows, scaled = {}, set()
    for name in [*called, *(name for name in layers if name not in called)]:
        weight = layers[name]._parameters.get("weight")
        rows[name] = {"layer": name, "rescalings": 0, "factor": 1.0, "status": "not called"}
        if name in called and weight is not None and id(weight) not in scaled:
            rows[name] |= _rescale(model, batch, name, layers[name], *settings)
            if rows[name]["variance_before"] > 0:  # neither dead nor nan: then the next may try
                scaled.add(id(weight))
    for name, variances in _variances(model, batch, layers, seed).items():
        off = [variance for variance in variances if not abs(variance - 1) <= tolerance]
        rows[name]["variance"] = [*off, *variances][0]
        rows[name]["status"] = "no unit variance" if off else "scaled"
    columns = ["layer", "variance_before", "variance", "rescalings", "factor", "status"]
    return pd.DataFrame(rows.values(), columns=columns)


def _variances(model, batch, layers: dict[str, nn.Module], seed: int) -> dict[str, list[float]]:
    """Return the variances of the calls of each layer; 0 if its output is the same for all."""
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


def _rescale(model, batch, name, module, seed, tolerance, max_rescalings) -> dict:
    """Divide a layer's weight until its output has unit variance; return the columns of its row."""
    found, factor = [], 1.0
    for rescalings in range(max_rescalings + 1):
        variance = _variances(model, batch, {name: module}, seed)[name][0]
        found.append(variance)
        done = abs(variance - 1) <= tolerance or rescalings == max_rescalings
        if done or variance == 0 or not isfinite(variance):
            break
        scaled = module.weight / variance**0.5
        if not scaled.isfinite().all():  # it would not fit its number format
            break
        module.weight.copy_(scaled)
        factor /= variance**0.5
    return {"variance_before": found[0], "rescalings": rescalings, "factor": factor}
