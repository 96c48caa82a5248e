"""Networks of which one part is scaled or does not learn; samples of what is stored of them."""

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
