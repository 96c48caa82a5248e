"""The training loop against a hand-written one, and what it writes down."""

import re
import sys
from itertools import islice

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from tests.training.support import DATA, SMALL, adam, by_hand, evaluate, network, weights
from weightinit import _progress, initializers
from weightinit.networks import mlp
from weightinit.training import loop, sweep, train

pytestmark = pytest.mark.usefixtures("one_thread")


def test_equals_a_hand_written_loop_with_sgd():
    model, other = network(), network()
    train(model, DATA, steps=30, lr=0.3, seed=5)
    by_hand(other, torch.optim.SGD(other.parameters(), lr=0.3), 30, seed=5)
    torch.testing.assert_close(weights(model), weights(other), rtol=1e-12, atol=1e-14)
    assert not torch.allclose(weights(model), weights(network()))


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda parameters: torch.optim.Adam(parameters, lr=1e-2),
        lambda parameters: torch.optim.SGD(parameters, lr=0.05, momentum=0.9, weight_decay=1e-3),
    ],
)
def test_equals_a_hand_written_loop_with_any_optimizer(optimizer):
    model, other = network(), network()
    train(model, DATA, steps=30, optimizer=optimizer, batch_size=100)
    by_hand(other, optimizer(other.parameters()), 30, batch_size=100)
    torch.testing.assert_close(weights(model), weights(other), rtol=1e-12, atol=1e-14)


def test_history_is_the_loss_and_accuracy_of_the_network_at_that_step():
    run = train(network(), DATA, steps=25, lr=0.3, evaluate_every=10)
    assert run.stopped is None and run.layers is None
    assert run.history.columns.tolist() == ["step", "loss", "train_accuracy", "test_accuracy"]
    assert run.history["step"].tolist() == [0, 10, 20, 25]
    for row in run.history.to_numpy():
        model = network()
        by_hand(model, torch.optim.SGD(model.parameters(), lr=0.3), int(row[0]))
        np.testing.assert_allclose(row[1:], evaluate(model), rtol=1e-12)


def test_training_works_on_the_digits():
    """One hidden layer and 150 steps: 90 % of images it has not seen, from about 10 %."""
    run = train(network(depth=1), DATA, steps=150, lr=0.5)
    before, after = run.history["test_accuracy"]
    assert before < 0.3 and after > 0.9


def test_without_evaluation_history_has_both_ends():
    assert train(network(), SMALL, steps=3, lr=0.1).history["step"].tolist() == [0, 3]


def test_order_depends_on_the_seed_only():
    model, same, other = network(), network(), network()
    train(model, SMALL, steps=5, lr=0.3, seed=1)
    torch.rand(3)
    train(same, SMALL, steps=5, lr=0.3, seed=1)
    train(other, SMALL, steps=5, lr=0.3, seed=2)
    assert torch.equal(weights(model), weights(same))
    assert not torch.allclose(weights(model), weights(other))


def test_global_generators_are_untouched():
    before, numpy_before = torch.get_rng_state(), np.random.get_state()
    train(network(), SMALL, steps=3, lr=0.1, probe_every=1)
    sweep(network, SMALL, lrs=[0.1], seeds=[0], steps=3)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(
        np.array_equal(a, b) for a, b in zip(np.random.get_state(), numpy_before, strict=True)
    )


def test_images_take_the_dtype_of_the_model():
    model = mlp(1, 5, "relu", dtype=torch.float32)
    assert train(model, SMALL, steps=2, lr=0.1).stopped is None
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_frozen_parameters_stay():
    model = network()
    model.linear1.weight.requires_grad_(False)
    train(model, SMALL, steps=3, lr=0.3)
    assert torch.equal(model.linear1.weight, network().linear1.weight)
    assert not torch.equal(model.linear2.weight, network().linear2.weight)


def test_a_last_update_that_diverges_is_recorded_too():
    long = train(network(activation="linear"), DATA, steps=50, lr=1e6).stopped
    last = int(long.rsplit(" ", 1)[1]) - 1  # the update that made the next batch's loss bad
    short = train(network(activation="linear"), DATA, steps=last, lr=1e6).stopped
    assert re.fullmatch(rf"the loss is (nan|inf) after step {last}", short)


def test_divergence_stops_before_the_weights_are_touched():
    # Linear: at such a rate a ReLU network in double precision dies, with a finite loss.
    model = network(activation="linear")
    run = train(model, DATA, steps=50, lr=1e6, evaluate_every=1)
    found = re.fullmatch(r"the loss is (nan|inf) at step (\d+)", run.stopped)
    step = int(found[2])
    assert 1 < step < 50 and run.history["step"].tolist() == list(range(step))
    # The weights are those after step - 1 updates, and with them the loss of the next batch is bad.
    other = network(activation="linear")
    by_hand(other, torch.optim.SGD(other.parameters(), lr=1e6), step - 1)
    torch.testing.assert_close(weights(model), weights(other), rtol=1e-12, atol=0, equal_nan=True)
    rows = next(islice(loop.batches(len(DATA.x_train), 64, 0), step - 1, None))
    scores = other(torch.tensor(DATA.x_train)[rows])
    assert not nn.CrossEntropyLoss()(scores, torch.tensor(DATA.y_train)[rows]).isfinite()


def test_nan_in_a_weight_stops_at_the_first_step():
    model = network()
    with torch.no_grad():
        model.linear2.weight[0, 0] = torch.nan
    before = weights(model)
    run = train(model, DATA, steps=5, lr=0.1, probe_every=1)
    assert run.stopped == "the loss is nan at step 1"
    assert run.history["step"].tolist() == [0] and np.isnan(run.history["loss"][0])
    assert run.history[["train_accuracy", "test_accuracy"]].to_numpy().tolist() == [[0, 0]]
    torch.testing.assert_close(weights(model), before, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("how", [{"lr": 0.3}, {"optimizer": adam}])
def test_probing_does_not_change_the_training(how):
    model, probed = network(), network()
    run = train(model, SMALL, steps=12, evaluate_every=4, **how)
    run_probed = train(probed, SMALL, steps=12, evaluate_every=4, probe_every=1, **how)
    assert torch.equal(weights(model), weights(probed))
    pd.testing.assert_frame_equal(run.history, run_probed.history, check_exact=True)
    assert run.layers is None and run_probed.layers["step"].nunique() == 12


@pytest.mark.parametrize("optimizer", [lambda p: torch.optim.SGD(p, lr=0.3), adam])
def test_layers_table_equals_independent_computations(optimizer):
    run = train(network(), DATA, steps=7, optimizer=optimizer, probe_every=3)
    assert run.layers["step"].drop_duplicates().tolist() == [1, 3, 6]
    start = network()
    for step, table in run.layers.groupby("step"):
        assert table["name"].tolist() == ["linear1", "linear2", "output"]
        before, after = network(), network()
        by_hand(before, optimizer(before.parameters()), step - 1)
        rows = by_hand(after, optimizer(after.parameters()), step)[-1]
        before.zero_grad()  # by_hand left the gradient of the step before
        scores = before(torch.tensor(DATA.x_train)[rows])
        nn.CrossEntropyLoss()(scores, torch.tensor(DATA.y_train)[rows]).backward()
        for row in table.itertuples():
            w0, w1, w2 = (m.get_submodule(row.name).weight for m in (start, before, after))
            gradient = w1.grad.square().mean().sqrt().item()
            w0, w1, w2 = (w.detach().numpy() for w in (w0, w1, w2))
            norm = np.linalg.norm
            assert row.grad_w_rms == pytest.approx(gradient, rel=1e-10)
            assert row.w_rms == pytest.approx(np.sqrt(np.mean(w1**2)), rel=1e-10)
            assert row.update_ratio == pytest.approx(norm(w2 - w1) / norm(w1), rel=1e-9)
            assert row.moved == pytest.approx(norm(w2 - w0) / norm(w0), rel=1e-9)


def test_a_bare_layer_is_probed_too():
    run = train(nn.Linear(64, 10).double(), SMALL, steps=2, lr=0.1, probe_every=1)
    assert run.layers["name"].tolist() == ["Linear", "Linear"]
    assert (run.layers[["update_ratio", "moved"]] > 0).all(axis=None)


class Spy(nn.Module):
    """Notes the mode and the batch size of every forward pass."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, x):
        self.seen.append((self.training, len(x)))
        return x


def test_trains_in_training_mode_and_evaluates_in_evaluation_mode():
    spy, frozen = Spy(), nn.BatchNorm1d(12).double().eval()
    model = nn.Sequential(
        nn.Linear(64, 12), spy, frozen, nn.BatchNorm1d(12), nn.Dropout(0.5), nn.Linear(12, 10)
    ).double()
    initializers.initialize(model, "he_normal", seed=0)
    untrained = evaluate(model.eval())
    model.train()
    frozen.eval()
    spy.seen.clear()
    with torch.random.fork_rng():
        run = train(model, DATA, steps=3, lr=0.1, evaluate_every=2)
    np.testing.assert_allclose(run.history.to_numpy()[0, 1:], untrained, rtol=1e-12)
    # Each module is back in its own mode.
    modes = [module.training for module in model]
    assert model.training and modes == [True, True, False, True, True, True]
    assert {size for training, size in spy.seen if training} == {64}
    assert [training for training, size in spy.seen if size == 64] == [True] * 3
    assert [size for training, size in spy.seen if size > 64] == [1437, 360] * 3
    assert frozen.num_batches_tracked == 0 and model[3].num_batches_tracked == 3
    model.eval()
    np.testing.assert_allclose(run.history.to_numpy()[-1, 1:], evaluate(model), rtol=1e-12)


def test_no_bar_outside_a_live_session(capfd, monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    train(network(), SMALL, steps=3, lr=0.1)
    assert capfd.readouterr() == ("", "")
    train(network(), SMALL, steps=3, lr=0.1, progress=True)
    assert "/3" in capfd.readouterr().err


def test_a_bar_in_a_terminal_and_in_a_live_notebook(monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    assert not _progress.show(None)
    monkeypatch.setenv("JPY_SESSION_NAME", "chapter.ipynb")
    assert _progress.show(None) and not _progress.show(False)
    monkeypatch.delenv("JPY_SESSION_NAME")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert _progress.show(None) and not _progress.show(False)


# ---- Failures --------------------------------------------------------------------------------


def infinite(gradient):
    return torch.full_like(gradient, torch.inf)


@pytest.mark.parametrize("watch", [True, False])
def test_a_failure_is_told_only_if_the_run_stopped(watch):
    """Rprop looks at the signs of a gradient only, so that an infinite one is none to it."""
    model = network()
    model.linear2.weight.register_hook(infinite)
    run = train(model, SMALL, steps=2, optimizer=torch.optim.Rprop, watch=watch)
    assert run.stopped is None and run.failure is None


@pytest.mark.parametrize("watch", [True, False])
def test_the_first_failure_of_a_run_that_stopped(watch):
    """An infinite gradient at step 1; the loss shows it at step 2."""
    model = network()
    model.linear2.weight.register_hook(infinite)
    run = train(model, SMALL, steps=5, lr=0.1, watch=watch)
    assert run.stopped == "the loss is nan at step 2"
    if watch:
        assert (run.failure.step, run.failure.phase) == (1, "backward")
    else:
        assert run.failure is None


def test_a_failure_that_only_the_last_evaluation_shows():
    model = network(activation="linear")
    found = train(model, SMALL, steps=50, lr=1e6).stopped
    last = int(found.rsplit(" ", 1)[1]) - 1
    watched = train(network(activation="linear"), SMALL, steps=last, lr=1e6, watch=True)
    assert watched.failure.step == last and "after" in watched.stopped


# ---- The optimizer ---------------------------------------------------------------------------


def test_an_optimizer_may_leave_parameters_out():
    """Then they stay, and a probe tells the gradient of its own step, not a sum."""
    model = network()
    run = train(
        model, SMALL, steps=3, optimizer=lambda p: torch.optim.SGD(p[2:], lr=0.3), probe_every=1
    )
    assert torch.equal(model.linear1.weight, network().linear1.weight)
    assert not torch.equal(model.output.weight, network().output.weight)
    last = run.layers[run.layers["step"] == 3].set_index("name")
    assert last.loc["linear1", "update_ratio"] == 0 == last.loc["linear1", "moved"]
    gradient = model.linear1.weight.grad.square().mean().sqrt().item()
    assert last.loc["linear1", "grad_w_rms"] == pytest.approx(gradient, rel=1e-12)


def test_an_optimizer_of_frozen_parameters_only_is_refused():
    model = network()
    model.linear1.weight.requires_grad_(False)
    with pytest.raises(ValueError, match="at least one of which is trained"):
        train(model, SMALL, steps=1, optimizer=lambda p: torch.optim.SGD(p[:1], lr=0.1))


def test_the_parameters_can_be_gone_through_twice():
    model, other = network(), network()

    def make(parameters):
        assert sum(p.numel() for p in parameters) == weights(model).numel()
        return torch.optim.SGD(parameters, lr=0.3)

    train(model, SMALL, steps=2, optimizer=make)
    train(other, SMALL, steps=2, lr=0.3)
    assert torch.equal(weights(model), weights(other))


def test_gradients_that_were_there_are_not_added():
    model, other = network(), network()
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    train(model, SMALL, steps=2, lr=0.3)
    train(other, SMALL, steps=2, lr=0.3)
    assert torch.equal(weights(model), weights(other))


def test_intervals_count_from_step_0_and_ends_are_always_there():
    run = train(network(), SMALL, steps=5, lr=0.1, evaluate_every=2, probe_every=3)
    assert run.history["step"].tolist() == [0, 2, 4, 5]
    assert run.layers["step"].drop_duplicates().tolist() == [1, 3]
    run = train(network(), SMALL, steps=4, lr=0.1, evaluate_every=2, probe_every=9)
    assert run.history["step"].tolist() == [0, 2, 4]
    assert run.layers["step"].drop_duplicates().tolist() == [1]
