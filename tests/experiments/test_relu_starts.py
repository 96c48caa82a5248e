"""Ten ReLU layers: the examples in their docstrings, and the first step at 90 %."""

import doctest

import numpy as np
import pandas as pd
import pytest

from weightinit import experiments
from weightinit.experiments import batch_normalization, relu_starts


def from_file(scheme, lr):
    table = experiments.results(experiments.scheme_and_rate)
    return table[(table["scheme"] == scheme) & (table["lr"] == lr)]


def test_examples():
    """Of `scheme_and_rate`, which chapter 5 shows, the file knows the answer at once."""
    runner, found = doctest.DocTestRunner(), doctest.DocTestFinder().find(relu_starts)
    for example in found:
        example.globs["scheme_and_rate"] = from_file
        runner.run(example)
    assert runner.summarize(verbose=False) == (0, 3) and len(from_file("small", 0.1)) == 25


@pytest.mark.parametrize("module", [relu_starts, batch_normalization])
def test_steps_to_90_are_the_first_at_which_90_percent_are_right(module, monkeypatch):
    def ensemble(models, digits, *, lrs, steps, evaluate_every):
        assert set(lrs) == {0.1} and (steps, evaluate_every) == (600, 20)
        grid = pd.DataFrame([{"member": m, "step": s} for s in range(0, 601, 20) for m in range(3)])
        right = [[0.1] * 31, [0.1] * 5 + [0.9] + [0.5] * 25, [0.8999] * 30 + [0.95]]
        grid["test_accuracy"] = np.array(right).T.ravel()
        return grid.assign(loss=0.5)

    monkeypatch.setattr(module, "train_ensemble", ensemble)
    if module is relu_starts:
        table = experiments.scheme_and_rate("small", 0.1)
    else:
        table = experiments.normalized_scheme_and_rate("small", "before", 0.1)
    assert list(table) == ["seed", "steps_to_90", "loss", "test_accuracy"]
    assert table["seed"].tolist() == [0, 1, 2]
    assert table["test_accuracy"].tolist() == [0.1, 0.5, 0.95]
    assert np.isnan(table["steps_to_90"][0]) and table["steps_to_90"][1:].tolist() == [100, 600]
