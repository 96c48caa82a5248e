"""One rule, applied to every layer of a model."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn.utils.parametrize import ParametrizationList

from weightinit._checks import MAX_SEED, check_integer
from weightinit._layers import NORMALIZATIONS
from weightinit.initializers.fan_in_fan_out import KINDS, Weight, owns_its_weights, weights_of
from weightinit.initializers.orthogonal import DeltaOrthogonal, Identity, Orthogonal
from weightinit.initializers.rules import Constant, Normal, Sparse
from weightinit.initializers.schemes import (
    SCHEMES,
    Rule,
)

RULES = {
    "normal": Normal,
    "constant": Constant,
    "sparse": Sparse,
    "orthogonal": Orthogonal,
    "delta_orthogonal": DeltaOrthogonal,
    "identity": Identity,
}


def initialize(
    model: nn.Module,
    scheme: str | Rule,
    *,
    seed: int,
    std: float | None = None,
    scale: float | None = None,
    value: float | None = None,
    connections: int | None = None,
) -> pd.DataFrame:
    """Start every layer whose fans are known from one scheme, with zero biases.

    Parameters
    ----------
    model : torch.nn.Module
        Any model. Normalization layers keep what they have; so do recurrent weights and all
        parameters of layers that `fans` does not know, and the report says so. A weight shared by
        several layers is drawn once, for the first of them.
    scheme : str or Scheme or another rule
        A name in `SCHEMES` or in `RULES`; or a rule of your own, such as
        ``Scheme("mine", 1.7, "fan_in", "normal")``.
    seed : int
        Seed of the one generator that draws all weights. The global generator is not used. The
        numbers are drawn on the CPU, so they are the same wherever the model lives.
    std, scale, value, connections : optional
        What the rule takes: ``std`` for ``"normal"`` (needed), ``value`` for ``"constant"``
        (needed), ``connections`` and ``scale`` for ``"sparse"``, ``scale`` for the others in
        `RULES`; nothing for those in `SCHEMES`.

    Returns
    -------
    pandas.DataFrame
        What was done, one row per parameter: ``parameter``, ``shape``, ``fan_in``, ``fan_out``,
        ``std`` (the one asked for; the root mean square if not all weights have the same law) and
        ``action``.

    Raises
    ------
    ValueError
        If the scheme is unknown, a parameter of it is missing, superfluous or out of range, no
        layer could be initialized, or the scheme does not apply to one of them; if a weight is on
        the meta device or has no shape yet. Nothing has been changed then.
    TypeError
        If a weight does not hold real floating-point numbers, or the seed is not an integer;
        nothing has been changed.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 10))
    >>> report = initialize(model, "xavier_normal", seed=0)
    >>> report[["parameter", "fan_in", "fan_out", "action"]]
      parameter fan_in fan_out         action
    0  0.weight     64      32  xavier_normal
    1    0.bias                          zero
    2  2.weight     32      10  xavier_normal
    3    2.bias                          zero
    """
    check_integer("seed", seed, 0, MAX_SEED)
    options = {"std": std, "scale": scale, "value": value, "connections": connections}
    name, rule = _rule(scheme, {key: v for key, v in options.items() if v is not None})
    generator = torch.Generator(device="cpu").manual_seed(seed)
    rows, drawn, zeroed = [], {}, []
    for label, parameter, known, action in _walk(model):
        row = {"parameter": label, "shape": tuple(parameter.shape)}
        row |= {"fan_in": "", "fan_out": "", "std": np.nan, "action": action}
        if known is not None and id(parameter) in drawn:
            row["action"] = f"shared with {drawn[id(parameter)][0]}"
        elif known is not None:
            values = _draw(rule, known, label, generator)
            drawn[id(parameter)] = label, known, values
            row |= {"fan_in": known.fan_in, "fan_out": known.fan_out}
            row |= {"std": rule.deviation(known), "action": name}
        elif action == "zero":
            zeroed.append(parameter)
        rows.append(row)
    if not drawn:
        allowed = ", ".join(kind.__name__ for kind in KINDS)
        raise ValueError(
            f"{type(model).__name__} has no layer to initialize, of a kind whose fans are known: "
            f"{allowed}"
        )
    # Everything is drawn before anything is written: an error leaves the model as it was.
    for _, known, values in drawn.values():
        known.set(values)
    for parameter in zeroed:
        nn.init.zeros_(parameter)
    return pd.DataFrame(rows)


def _rule(scheme: str | Rule, options: dict) -> tuple[str, Rule]:
    """Return a rule and its name in the report."""
    if not isinstance(scheme, str):
        if options:
            raise ValueError(f"{scheme!r} has its parameters already; got {_listed(options)}")
        return getattr(scheme, "name", type(scheme).__name__), scheme
    if scheme in SCHEMES and options:
        raise ValueError(
            f"scheme {scheme!r} fixes its own standard deviation; got {_listed(options)}"
        )
    if scheme in SCHEMES:
        return scheme, SCHEMES[scheme]
    if scheme not in RULES:
        raise ValueError(
            f"unknown scheme {scheme!r}; the schemes are: {', '.join((*SCHEMES, *RULES))}"
        )
    takes = [field.name for field in fields(RULES[scheme])]
    if not set(options) <= set(takes):
        raise ValueError(f"scheme {scheme!r} takes {', '.join(takes)}; got {_listed(options)}")
    return scheme, RULES[scheme](**options)


def _listed(options: dict) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in options.items())


def _walk(model: nn.Module):
    """Yield each parameter with its name, its `Weight` (None if it is no weight) and an action."""
    for path, module in model.named_modules():
        understood = isinstance(module, KINDS) and owns_its_weights(module)
        known = {weight.name: weight for weight in weights_of(module)} if understood else {}
        for name, parameter in module.named_parameters(recurse=False):
            label = f"{path}.{name}".lstrip(".")
            yield label, parameter, known.get(name), _action(module, name, understood)


def _action(module: nn.Module, name: str, understood: bool) -> str:
    """Say what happens to a parameter that is not a weight with known fans."""
    if isinstance(module, KINDS) and name in ("bias", "in_proj_bias"):
        return "zero"
    if isinstance(module, NORMALIZATIONS):
        return "left alone (normalization)"
    if isinstance(module, nn.RNNBase | nn.RNNCellBase):
        return "left alone (recurrent)"
    if isinstance(module, ParametrizationList) or (isinstance(module, KINDS) and not understood):
        return "left alone (the layer computes its weight from it)"
    return "left alone"


def _draw(rule: Rule, known: Weight, label: str, generator: torch.Generator) -> torch.Tensor:
    try:
        return rule.draw(known, generator)
    except (TypeError, ValueError) as error:
        error.add_note(f"while drawing {label}")
        raise
