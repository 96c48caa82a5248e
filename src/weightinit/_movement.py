"""How far the weights move in training."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import nn


def weights(model: nn.Module) -> dict[str, torch.Tensor]:
    """Copy the weight of every module that has one."""
    return {
        # A model that is itself a layer has no path; the probe calls it by its class.
        path or type(module).__name__: module.weight.detach().clone()
        for path, module in model.named_modules()
        if isinstance(getattr(module, "weight", None), nn.Parameter)
    }


def with_movement(table: pd.DataFrame, model: nn.Module, before: dict, start: dict):
    """Add to a probe's table how far each weight went: in this step, and since the start."""
    now = weights(model)

    def moved(since: dict, name: str) -> float:
        if name not in now:
            return np.nan
        return ((now[name] - since[name]).norm() / since[name].norm()).item()

    return table.assign(
        update_ratio=[moved(before, name) for name in table["name"]],
        moved=[moved(start, name) for name in table["name"]],
    )
