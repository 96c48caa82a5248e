"""Thirty ReLU layers: how they are trained, which the first steps of a cell do not show."""

import pandas as pd
import pytest
import torch

from weightinit import experiments
from weightinit.experiments import thirty_layers


@pytest.mark.parametrize(
    ("name", "kind", "options"),
    [
        ("SGD", torch.optim.SGD, {"momentum": 0.9, "nesterov": False, "weight_decay": 0}),
        ("Adam", torch.optim.Adam, {"betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0}),
    ],
)
def test_optimizer_and_steps_are_those_of_the_docstring(name, kind, options, monkeypatch):
    def ensemble(models, digits, *, lrs, steps, optimizer, evaluate_every):
        assert (lrs, steps, evaluate_every) == ([0.1] * len(models), 200, 20) and len(models) == 10
        made = optimizer(models[0].parameters(), lr=0.1)
        assert type(made) is kind and options.items() <= made.defaults.items()
        return pd.DataFrame({"member": [3], "step": [20], "loss": [0.5], "test_accuracy": [0.9]})

    monkeypatch.setattr(thirty_layers, "train_ensemble", ensemble)
    table = experiments.start_and_optimizer("he_normal", name, 0.1)
    assert table.to_dict("list") == {
        "seed": [3],
        "step": [20],
        "loss": [0.5],
        "test_accuracy": [0.9],
    }
