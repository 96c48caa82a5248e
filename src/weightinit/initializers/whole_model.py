"""One rule, applied to every layer of a model."""

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import nn

from weightinit._checks import check_module, check_seed
from weightinit._layers import NORMALIZATIONS
from weightinit.initializers.fan_in_fan_out import (
    KINDS,
    LISTED,
    Weight,
    owns_its_weights,
    weights_of,
)
from weightinit.initializers.one_layer import Rule, check_rule, check_writable, draw
from weightinit.initializers.orthogonal import Orthogonal
from weightinit.initializers.rules import Constant, Normal
from weightinit.initializers.schemes import SCHEMES

RULES = {"normal": Normal, "constant": Constant, "orthogonal": Orthogonal}


def initialize(
    model: nn.Module,
    scheme: str | Rule,
    *,
    seed: int,
    std: float | None = None,
    scale: float | None = None,
    value: float | None = None,
) -> pd.DataFrame:
    """Start every layer whose fans are known from one scheme, with zero biases.

    Parameters
    ----------
    model : torch.nn.Module
        Any model. Normalization layers keep what they have; so do recurrent weights and all
        parameters of layers that `fans` does not know, and the report says so. A weight shared by
        several layers is drawn once, for the one of them for which the scheme asks the smallest
        standard deviation: an embedding tied to the output layer starts as the latter should.
    scheme : str or Scheme or another rule
        A name in `SCHEMES` or in `RULES`; or a rule of your own, such as
        ``Scheme("mine", 1.7, "fan_in", "normal")``.
    seed : int
        Seed of the one generator that draws all weights. The global generator is not used. The
        numbers are drawn on the CPU, so they are the same wherever the model lives.
    std, scale, value : float, optional
        What the rule takes: ``std`` for ``"normal"`` (needed), ``value`` for ``"constant"``
        (needed), ``scale`` for ``"orthogonal"``; nothing for those in `SCHEMES`.

    Returns
    -------
    pandas.DataFrame
        What was done, one row per parameter: ``parameter``, ``shape``, ``fan_in``, ``fan_out``,
        ``std`` (the one asked for; the root mean square if not all weights have the same law) and
        ``action``.

    Raises
    ------
    TypeError, ValueError
        If the scheme is unknown, a parameter of it is missing, superfluous or out of range, or no
        layer could be initialized; if its values do not fit a weight's number format; if a weight
        or bias cannot be overwritten (it has no memory or shape yet, shares its memory with another
        parameter, holds no real floating-point numbers, ...). Nothing has been changed then.

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
    check_module("model", model)
    check_seed(seed)
    options = {"std": std, "scale": scale, "value": value}
    name, rule = _rule(scheme, {key: v for key, v in options.items() if v is not None})
    entries = list(_walk(model))
    decided = _decided(entries, rule)
    if not any(entry.weight for entry in decided.values()):
        raise ValueError(
            f"{type(model).__name__} has no layer to initialize, of a kind whose fans are known: "
            f"{LISTED}"
        )
    check_writable({e.label: e.parameter for e in decided.values()}, model)
    generator = torch.Generator(device="cpu").manual_seed(seed)
    rows, drawn = [], []
    for entry in entries:
        row = {"parameter": entry.label, "shape": tuple(entry.parameter.shape)}
        row |= {"fan_in": "", "fan_out": "", "std": np.nan, "action": entry.action}
        owner = decided.get(id(entry.parameter), entry)
        if owner.label != entry.label:
            row["action"] = f"shared with {owner.label}"
        elif entry.weight:
            drawn.append((owner.weight, draw(rule, owner.weight, entry.label, generator)))
            row |= {"fan_in": entry.weight.fan_in, "fan_out": entry.weight.fan_out}
            row |= {"std": rule.deviation(entry.weight), "action": name}
        rows.append(row)
    # Everything is drawn before anything is written: an error leaves the model as it was.
    for weight, values in drawn:
        weight.set(values)
    for entry in decided.values():
        if not entry.weight:
            nn.init.zeros_(entry.parameter)
    return pd.DataFrame(rows)


class _Entry(NamedTuple):
    label: str
    parameter: nn.Parameter
    weight: Weight | None  # with its fans; None for all other parameters
    action: str


def _walk(model: nn.Module) -> Iterator[_Entry]:
    """Yield each parameter of each module, those of several names under each of them."""
    for path, module in model.named_modules():
        understood = isinstance(module, KINDS) and owns_its_weights(module)
        known = {weight.name: weight for weight in weights_of(module)} if understood else {}
        action = "left alone"
        if isinstance(module, NORMALIZATIONS):
            action = "left alone (normalization)"
        elif isinstance(module, nn.RNNBase | nn.RNNCellBase):
            action = "left alone (recurrent)"
        elif isinstance(module, KINDS) and not understood:
            action = "left alone (the layer computes its weight)"
        for name, parameter in module.named_parameters(recurse=False, remove_duplicate=False):
            bias = isinstance(module, KINDS) and name in ("bias", "in_proj_bias")
            label = f"{path}.{name}".lstrip(".")
            yield _Entry(label, parameter, known.get(name), "zero" if bias else action)


def _decided(entries: list[_Entry], rule: Rule) -> dict[int, _Entry]:
    """Return, for each parameter that is written, which of the layers that share it decides."""
    decided = {}
    for entry in entries:
        if entry.weight is None and entry.action != "zero":
            continue
        chosen = decided.setdefault(id(entry.parameter), entry)
        if entry.weight and entry is not chosen:
            smallest = min(chosen, entry, key=lambda e: rule.deviation(e.weight))
            paddings = [e.weight.padding for e in (chosen, entry) if e.weight.padding is not None]
            weight = replace(smallest.weight, padding=paddings[0] if paddings else None)
            decided[id(entry.parameter)] = smallest._replace(weight=weight)
    return decided


def _rule(scheme: str | Rule, options: dict) -> tuple[str, Rule]:
    """Return a rule and its name in the report."""
    if isinstance(scheme, str) and scheme not in (*SCHEMES, *RULES):
        known = ", ".join((*SCHEMES, *RULES))
        raise ValueError(f"unknown scheme {scheme!r}; the schemes are: {known}")
    takes = []
    if isinstance(scheme, str) and scheme in RULES:
        takes = [field.name for field in fields(RULES[scheme])]
    if not set(options) <= set(takes):
        raise ValueError(
            f"scheme {scheme!r} takes {', '.join(takes) or 'no options'}; got {options}"
        )
    if takes:
        return scheme, RULES[scheme](**options)
    if isinstance(scheme, str):
        return scheme, SCHEMES[scheme]
    check_rule("scheme", scheme)
    return getattr(scheme, "name", type(scheme).__name__), scheme
