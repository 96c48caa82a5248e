"""Networks of which one part is scaled or does not learn; samples of what is stored of them."""

import functools

import pytest
import torch

from weightinit import data, experiments, training


def test_only_the_layers_named_are_scaled():
    usual, scaled = (experiments.scaled_network(a, 1.0, seed=0, depth=3) for a in (1.0, 10.0))
    torch.testing.assert_close(scaled.linear2.weight, 10 * usual.linear2.weight)
    torch.testing.assert_close(scaled.output.weight, usual.output.weight)
    large = experiments.scaled_network(1.0, 10.0, seed=0, depth=3)
    torch.testing.assert_close(large.linear2.weight, usual.linear2.weight)
    torch.testing.assert_close(large.output.weight, 10 * usual.output.weight)


def test_frozen_hidden_weights_stay_and_all_else_learns():
    model = experiments.scaled_network(1.0, 1.0, seed=0, depth=2, frozen=True)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    training.train_ensemble([model], data.digits(), lrs=[0.1], steps=3)
    after = model.state_dict()
    for name in ("linear1.weight", "linear2.weight"):
        assert torch.equal(after[name], before[name])
    for name in ("norm1.weight", "norm2.bias", "output.weight"):
        assert not torch.equal(after[name], before[name])


def test_statistics_of_its_own_batch():
    model = experiments.scaled_network(1.0, 1.0, seed=0, depth=2, own_batch=True).eval()
    images = data.digits().tensors()[0][:100].float()
    normalized = model.norm1(model.linear1(images))
    torch.testing.assert_close(normalized.mean(dim=0), torch.zeros(64), atol=1e-5, rtol=0)
    model.train()
    torch.testing.assert_close(model.norm1(model.linear1(images)), normalized)


def test_biases_of_linear_layers_stay_at_zero():
    model = experiments.faint_network(0.1, True, 1e-5, seed=0)
    training.train_ensemble([model], data.digits(), lrs=[0.01], steps=2)
    assert not model.linear1.bias.any()
    assert not model.output.bias.any()
    assert model.norm6.bias.any()


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")  # as `make sweeps` runs
@pytest.mark.parametrize(("factor", "lr"), [(1.0, 0.001), (31.62278, 0.00316)])
def test_scaled_cells_again(factor, lr):
    stored = experiments.results(experiments.hidden_scale_and_rate)
    old = stored[(stored["factor"] == factor) & (stored["lr"] == lr) & (stored["seed"] == 0)]
    model = experiments.scaled_network(factor, 1.0, seed=0)
    new = training.train_ensemble([model], data.digits(), lrs=[lr], steps=300).iloc[-1]
    assert new["loss"] == pytest.approx(old["loss"].item(), rel=0.02)
    assert new["test_accuracy"] == pytest.approx(old["test_accuracy"].item(), abs=0.03)


def test_hidden_weights_at_a_rate_of_their_own():
    models = [experiments.scaled_network(1.0, 1.0, seed, depth=2) for seed in (0, 0)]
    before = {name: value.clone() for name, value in models[0].state_dict().items()}
    options = {"data": data.digits(), "lrs": [0.01], "steps": 1, "seed": 3}
    for model, times in zip(models, (1, 100), strict=True):
        faster = functools.partial(experiments.hidden_faster, times)
        training.train_ensemble([model], optimizer=faster, **options)
    for name in ("linear1.weight", "linear2.weight", "norm2.weight", "norm1.bias", "output.weight"):
        one, other = (model.state_dict()[name] - before[name] for model in models)
        times = 100 if name.startswith("linear") else 1
        torch.testing.assert_close(other, times * one, rtol=1e-3, atol=1e-5)
        assert one.any()


def test_long_hidden_weights_at_a_rate_that_makes_up_for_it_learn_as_short_ones():
    losses = []
    for scale in (1.0, 4.0):
        # Averages that start at 1 would show the scale in an evaluation.
        model = experiments.scaled_network(scale, 1.0, seed=0, depth=3, own_batch=True)
        faster = functools.partial(experiments.hidden_faster, scale**2)
        table = training.train_ensemble(
            [model], data.digits(), lrs=[0.01], steps=20, optimizer=faster, evaluate_start=False
        )
        losses.append(table["loss"].item())
    assert losses[1] == pytest.approx(losses[0], rel=0.01)


@pytest.mark.slow
def test_copied_hidden_weights_are_trained_ones_and_stay():
    model = experiments.trained_before(0)
    start = experiments.scaled_network(1.0, 1.0, 0, depth=5)
    assert not model.linear3.weight.requires_grad
    assert (model.linear3.weight - start.linear3.weight).abs().max() > 0.01
    for name in ("output.weight", "norm2.weight", "linear1.bias"):
        torch.testing.assert_close(model.state_dict()[name], start.state_dict()[name])


def test_another_epsilon_matters_only_for_faint_signals():
    usual, faint = (
        [experiments.relu_network(experiments.he_times(a), 0, normalization="batch") for _ in "12"]
        for a in (1.0, 0.001)
    )
    images = data.digits().tensors()[0][:100].float()
    for models, alike in ((usual, True), (faint, False)):
        models[1].norm1.eps = 1e-12
        one, other = (model.norm1(model.linear1(images)) for model in models)
        assert (one.std() / other.std() > 0.99) == alike


@pytest.mark.parametrize("factor", [3.16228, 1000.0])
def test_rates_without_normalization_suit_the_scale(factor):
    runs = experiments.results(experiments.std_and_normalization)
    runs = runs[runs["normalization"].isna() & (runs["factor"] == factor)]
    small = runs[runs["lr"] * factor**9 < 1]
    assert small["lr"].nunique() >= 6
    best = small.groupby("lr")["test_accuracy"].median()
    assert 0.4 < best.max() < 0.8
    assert best.idxmax() not in (best.index[0], best.index[-1])
