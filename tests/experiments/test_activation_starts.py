"""The thirty layers of chapter 3: the starts that they promise, and what training them gives."""

import json

import numpy as np
import pytest
import torch

from weightinit import activations, data, training
from weightinit.experiments import activation_starts, stored

pytestmark = pytest.mark.usefixtures("one_thread")


def mean_squares(activation, start):
    """Return the mean square of the pre-activations in each layer, the mean of 20 networks."""
    images = data.digits().tensors(torch.float32)[0][:64]
    found = []
    for seed in range(20):
        x, squares = images, []
        for module in list(activation_starts.thirty_layers(activation, start, seed))[:-1]:
            x = module(x).detach()
            if isinstance(module, torch.nn.Linear):
                squares.append(x.square().mean().item())
        found.append(squares)
    return np.mean(found, axis=0)


@pytest.mark.parametrize(
    ("activation", "start", "q", "layers"),
    [
        ("tanh", "own", 1.0, 30),
        ("sigmoid", "own", 1.0, 30),
        ("sigmoid - 1/2", "own", 1.0, 30),
        ("leaky_relu(0.7)", "own", 1.0, 10),  # further up, single networks scatter
        ("gelu", "critical", 10.0, 10),
        ("gelu", "he, q = 10", 10.0, 5),  # it fades slowly
        ("sigmoid", "cancelled", 1.0, 30),
    ],
)
def test_a_start_keeps_the_mean_square_that_it_promises(activation, start, q, layers):
    np.testing.assert_allclose(mean_squares(activation, start)[:layers], q, rtol=0.15)


@pytest.mark.parametrize("name", activation_starts.LOWERED)
def test_network_has_the_function_that_the_name_says(name):
    h = torch.linspace(-5, 5, 101, dtype=torch.float64)
    act = activation_starts.thirty_layers(name, "own", seed=0).act7
    activation, constant, _ = activation_starts.LOWERED[name]
    np.testing.assert_allclose(act(h), activations.get(activation)(h.numpy()) - constant)


def test_mean_of_softplus_is_what_is_taken_off():
    z = np.random.default_rng(0).standard_normal(10**6)
    assert np.logaddexp(z, 0).mean() == pytest.approx(0.806, abs=0.002)


@pytest.mark.parametrize("shared", [0.5, 0.93])
def test_a_shared_pattern_about_keeps_the_mean_square_and_makes_images_alike(shared):
    x = activation_starts.images_with(shared).x_train
    # Not exactly: the mean image and the pattern are not orthogonal.
    assert np.mean(x**2) == pytest.approx(1, rel=0.15)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    assert (unit[:300] @ unit[:300].T).mean() > shared


@pytest.mark.slow  # networks are trained
def test_two_networks_again():
    """Training amplifies the last bit: of two new networks only the range is compared."""
    cell = {"activation": "sigmoid - 1/2", "shared": 0.0, "start": "own", "steps": 100}
    path = stored.RESULTS / "activation_and_start.jsonl"
    records = map(json.loads, path.read_text("utf-8").splitlines()[1:])
    (old,) = (record["rows"] for record in records if record["cell"] == cell)
    assert len(old) == 20
    known = [row["test_accuracy"] for row in old]
    new = training.sweep(
        lambda seed: activation_starts.thirty_layers("sigmoid - 1/2", "own", seed),
        data.digits(),
        lrs=[old[0]["lr"]],
        seeds=[0, 1],
        steps=100,
        evaluate_start=False,
    )
    assert new["test_accuracy"].between(min(known) - 0.1, 1).all()
