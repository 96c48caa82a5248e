"""Ten ReLU layers over time: the rates that the file holds, and its first steps again."""

import numpy as np
import pytest

from weightinit import data, experiments, training
from weightinit.experiments import ten_layers

pytestmark = pytest.mark.usefixtures("one_thread")


def rows(scheme, optimizer, role):
    table = experiments.results(experiments.scheme_and_optimizer)
    return table.query("scheme == @scheme and optimizer == @optimizer and role == @role")


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize("scheme", ["orthogonal", "he_normal", "xavier_normal"])
def test_rate_is_inside_the_grid(scheme, optimizer):
    rates = sorted(rows(scheme, optimizer, "rates")["lr"].unique())
    assert len(rates) == 11 and np.allclose(np.diff(np.log2(rates)), 1)
    (chosen,) = rows(scheme, optimizer, "shown")["lr"].unique()
    assert chosen in rates[1:-1]


def test_twenty_networks_are_followed_and_cooled():
    shown = rows("he_normal", "SGD", "shown")
    assert sorted(shown["step"].unique()) == [*range(0, 601, 20), 700]
    assert shown["seed"].nunique() == 20
    (half,) = rows("he_normal", "SGD", "half")["lr"].unique()
    assert half * 2 == shown["lr"].iloc[0]


def test_first_steps_again():
    """The networks do not know of each other, so two are enough."""
    models = [experiments.relu_network("xavier_normal", seed) for seed in range(2)]
    shown = rows("xavier_normal", "SGD", "shown")
    rate = shown["lr"].iloc[0]
    table = training.train_ensemble(models, data.digits(), lrs=[rate] * 2, steps=20)
    known = shown.query("step == 20 and seed < 2").sort_values("seed")["test_accuracy"]
    new = table.query("step == 20")["test_accuracy"]
    np.testing.assert_allclose(new, known, atol=0.01)


def test_cooling_takes_a_tenth_of_the_rate(monkeypatch):
    asked = []

    def ensemble(models, digits, *, lrs, steps, optimizer, **options):
        asked.append((lrs[0], steps, options.get("seed", 0)))
        return training.train_ensemble(models, digits, lrs=lrs, steps=1, optimizer=optimizer)

    monkeypatch.setattr(ten_layers, "train_ensemble", ensemble)
    monkeypatch.setattr(ten_layers, "NETWORKS", 1)
    table = ten_layers.followed("he_normal", "SGD", 0.5)
    assert asked == [(0.5, 600, 0), (0.05, 100, 1)]
    assert (table["lr"] == 0.5).all()
