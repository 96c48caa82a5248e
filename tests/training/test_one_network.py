import dataclasses
import re
import sys
from itertools import islice

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from weightinit import initializers
from weightinit.data import digits
from weightinit.networks import mlp
from weightinit.training import loop, sweep, train

DATA = digits()
SMALL = dataclasses.replace(DATA, x_train=DATA.x_train[:150], y_train=DATA.y_train[:150])


def network(seed=0, activation="tanh", depth=2):
    model = mlp(depth, 12, activation)
    initializers.initialize(model, "xavier_normal", seed=seed)
    return model


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def by_hand(model, optimizer, steps, seed=0, batch_size=64, data=DATA):
    """Train with the loop that anyone would write; return the rows of every batch."""
    images, labels = torch.tensor(data.x_train), torch.tensor(data.y_train)
    seen, batches = [], loop.batches(len(images), batch_size, seed)
    for _ in range(steps):
        seen.append(next(batches))
        optimizer.zero_grad()
        nn.CrossEntropyLoss()(model(images[seen[-1]]), labels[seen[-1]]).backward()
        optimizer.step()
    return seen


def evaluate(model, data=DATA):
    """Loss and accuracies in NumPy."""
    result = []
    for x, y in ((data.x_train, data.y_train), (data.x_test, data.y_test)):
        with torch.no_grad():
            scores = model(torch.tensor(x)).numpy()
        scores = scores - scores.max(axis=1, keepdims=True)
        log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        result.append((-log_p[np.arange(len(y)), y].mean(), np.mean(scores.argmax(axis=1) == y)))
    (loss, train_accuracy), (_, test_accuracy) = result
    return [loss, train_accuracy, test_accuracy]


# ---- The loop --------------------------------------------------------------------------------


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


@pytest.mark.parametrize("n, batch_size", [(10, 3), (12, 4), (5, 5), (7, 1)])
def test_batches_visit_each_image_at_most_once_per_epoch(n, batch_size):
    batches, per_epoch = loop.batches(n, batch_size, seed=0), n // batch_size
    epochs = [[next(batches) for _ in range(per_epoch)] for _ in range(40)]
    assert all(len(batch) == batch_size for epoch in epochs for batch in epoch)
    orders = [torch.cat(epoch).tolist() for epoch in epochs]
    assert all(len(set(order)) == per_epoch * batch_size for order in orders)
    # In 40 epochs each of at most 12 images has its turn, and the order is never the same.
    assert set().union(*orders) == set(range(n))
    assert n == batch_size or orders[0] != orders[1]


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


# ---- Losses that are not finite ----------------------------------------------------------------


def test_a_last_update_that_diverges_is_recorded_too():
    long = train(network(activation="linear"), DATA, steps=50, lr=1e6).stopped
    last = int(long.rsplit(" ", 1)[1]) - 1  # the update that made the next batch's loss bad
    short = train(network(activation="linear"), DATA, steps=last, lr=1e6).stopped
    assert re.fullmatch(rf"the loss is (nan|inf) after step {last}", short)


@pytest.mark.parametrize("labels", [[-1], [0.5]])
@pytest.mark.parametrize("part", ["y_train", "y_test"])
def test_labels_that_are_no_classes_are_refused(part, labels):
    broken = getattr(DATA, part).astype(np.result_type(*labels))
    broken[0] = labels[0]
    part_of = part.replace("y", "x")
    with pytest.raises(ValueError, match=f"labels of {part_of} must be whole numbers from 0"):
        train(network(), dataclasses.replace(DATA, **{part: broken}), steps=1, lr=0.1)


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


def test_scores_that_are_not_finite_count_as_errors():
    """A row of NaN, or one with an infinity, is wrong, whatever its largest entry is."""
    good = torch.eye(3, dtype=torch.float64)
    bad = good.clone()
    bad[0, 1], bad[1, 1] = torch.nan, torch.inf
    labels = torch.arange(3)
    assert bad[1].argmax() == 1  # would count as right
    result = loop.scores(good, labels, bad, labels)
    assert result["train_accuracy"] == 1 and result["test_accuracy"] == pytest.approx(1 / 3)


# ---- Probing -----------------------------------------------------------------------------------


def adam(parameters):
    return torch.optim.Adam(parameters, lr=1e-2)


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


# ---- Modes -------------------------------------------------------------------------------------


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


def test_mode_comes_back_after_an_error():
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout())
    model[1].eval()
    with pytest.raises(RuntimeError, match="planned"), loop.evaluating(model):
        assert not model.training
        raise RuntimeError("planned")
    assert model.training and model[0].training and not model[1].training


# ---- The progress bar --------------------------------------------------------------------------


def test_no_bar_outside_a_live_session(capfd, monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    train(network(), SMALL, steps=3, lr=0.1)
    assert capfd.readouterr() == ("", "")
    train(network(), SMALL, steps=3, lr=0.1, progress=True)
    assert "/3" in capfd.readouterr().err


def test_a_bar_in_a_terminal_and_in_a_live_notebook(monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    assert not loop.show(None)
    monkeypatch.setenv("JPY_SESSION_NAME", "chapter.ipynb")
    assert loop.show(None) and not loop.show(False)
    monkeypatch.delenv("JPY_SESSION_NAME")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert loop.show(None) and not loop.show(False)


# ---- Bad input ---------------------------------------------------------------------------------

BAD_NUMBERS = [
    ({"steps": 0}, "steps must be a whole number of at least 1, got 0"),
    ({"steps": 2.5}, "steps must be a whole number of at least 1, got 2.5"),
    ({"steps": True}, "steps must be a whole number of at least 1, got True"),
    ({"batch_size": 0}, "batch_size must be a whole number from 1 to 150, got 0"),
    ({"batch_size": 151}, "batch_size must be a whole number from 1 to 150, got 151"),
    ({"evaluate_every": 0}, "evaluate_every must be a whole number of at least 1, got 0"),
]
BAD_RATES = [float("nan"), float("inf"), 0.0, -0.1]


@pytest.mark.parametrize(
    "change, message",
    [
        *BAD_NUMBERS,
        ({"probe_every": 0}, "probe_every must be a whole number of at least 1, got 0"),
        *(({"lr": lr}, f"rate must be positive and finite, got {lr}") for lr in BAD_RATES),
        ({"lr": None}, "give either lr or optimizer, got lr=None and optimizer=None"),
        ({"optimizer": adam}, "give either lr or optimizer, got lr=0.1 and optimizer=<function"),
    ],
)
def test_train_names_a_bad_argument_and_changes_nothing(change, message):
    model = network()
    with pytest.raises(ValueError, match=message):
        train(model, SMALL, **({"steps": 2, "lr": 0.1} | change))
    assert torch.equal(weights(model), weights(network()))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"lr": "0.1"}, "the learning rate must be a number, got '0.1'"),
        ({"lr": None, "optimizer": "adam"}, "a function of the parameters, .* got 'adam'"),
        ({"lr": None, "optimizer": lambda p: adam}, "return a torch.optim.Optimizer .* got <funct"),
        ({"lr": None, "optimizer": torch.optim.LBFGS}, "without a closure, got LBFGS"),
        ({"model": "mlp"}, "the model must be a torch.nn.Module, got 'mlp'"),
    ],
)
def test_train_names_an_argument_of_the_wrong_type(change, message):
    with pytest.raises(TypeError, match=message):
        train(**({"model": network(), "data": SMALL, "steps": 2, "lr": 0.1} | change))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"lrs": 0.5}, r"lrs must be a sequence, such as \[0.5\], got 0.5"),
        ({"lrs": ["0.5"]}, "the learning rate must be a number, got '0.5'"),
        ({"seeds": 5}, r"seeds must be a sequence, such as \[5\], got 5"),
        ({"build": "mlp"}, "build must be a function of the seed .* got 'mlp'"),
        ({"build": network()}, "build must be a function of the seed .* got Sequential"),
        ({"build": lambda seed: "mlp"}, "the model must be a torch.nn.Module, got 'mlp'"),
    ],
)
def test_sweep_names_an_argument_of_the_wrong_type(change, message):
    arguments = {"build": network, "data": SMALL, "lrs": [0.1], "seeds": [0], "steps": 2}
    with pytest.raises(TypeError, match=message):
        sweep(**(arguments | change))


@pytest.mark.parametrize(
    "change, message",
    [
        *BAD_NUMBERS,
        *(({"lrs": [0.1, lr]}, f"rate must be positive and finite, got {lr}") for lr in BAD_RATES),
        ({"lrs": []}, r"at least one learning rate and one seed, got \[\] and \[0\]"),
        ({"seeds": []}, r"at least one learning rate and one seed, got \[0.1\] and \[\]"),
    ],
)
def test_sweep_names_a_bad_argument(change, message):
    with pytest.raises(ValueError, match=message):
        sweep(network, SMALL, **({"steps": 2, "lrs": [0.1], "seeds": [0]} | change))


def frozen():
    return network().requires_grad_(False)


@pytest.mark.parametrize(
    "build, message",
    [
        (nn.Flatten, "Flatten has no parameters to train"),
        (frozen, "Sequential has no parameters to train"),
        (lambda: mlp(1, 3, "relu", in_features=63), r"images of shape \(64,\): .*63"),
        (
            lambda: mlp(1, 3, "relu", out_features=9),
            r"scores of shape \(batch, 10\), got \(2, 9\) for a batch of 2",
        ),
        (lambda: nn.Sequential(mlp(1, 3, "relu"), nn.Unflatten(1, (5, 2))), r"got \(2, 5, 2\)"),
    ],
)
def test_model_that_does_not_fit(build, message):
    with pytest.raises(ValueError, match=message):
        train(build(), SMALL, steps=2, lr=0.1)
    with pytest.raises(ValueError, match=message):
        sweep(lambda seed: build(), SMALL, lrs=[0.1], seeds=[0], steps=2)


@pytest.mark.parametrize("name", ["x_train", "x_test"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_data_that_are_not_finite(name, value):
    x = getattr(DATA, name).copy()
    x[[7, 20], 3] = value
    data = dataclasses.replace(DATA, **{name: x})
    message = f"{name} has 2 images with values that are not finite, the first at row 7"
    with pytest.raises(ValueError, match=message):
        train(network(), data, steps=2, lr=0.1)
    with pytest.raises(ValueError, match=message):
        sweep(network, data, lrs=[0.1], seeds=[0], steps=2)


@pytest.mark.parametrize("part", ["train", "test"])
def test_labels_that_do_not_match_the_images(part):
    labels = getattr(DATA, f"y_{part}")
    data = dataclasses.replace(DATA, **{f"y_{part}": labels[:-1]})
    message = f"x_{part} has {len(labels)} images, but there are {len(labels) - 1} labels"
    with pytest.raises(ValueError, match=message):
        train(network(), data, steps=2, lr=0.1)
