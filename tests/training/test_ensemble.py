"""Many networks at once: each must be trained as it would be alone."""

import functools

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from tests.training.support import DATA, SMALL, network, weights
from weightinit import initializers
from weightinit.data import digits
from weightinit.networks import mlp
from weightinit.training import sweep, train, train_ensemble
from weightinit.training.own_rates import ELEMENTWISE

SGD, Adam = torch.optim.SGD, torch.optim.Adam
pytestmark = pytest.mark.usefixtures("one_thread")


def normalized(seed):
    model = mlp(2, 12, "tanh", normalization="batch")
    initializers.initialize(model, "he_normal", seed=seed)
    return model


def state(model):
    """All parameters and buffers, batch statistics included."""
    return {name: tensor.double() for name, tensor in model.state_dict().items()}


def clipping(make, lr, clip_norm):
    """An optimizer for `train` that clips as PyTorch does."""

    def build(parameters):
        parameters = list(parameters)
        optimizer = make(parameters, lr=lr)

        def clip(*_):
            torch.nn.utils.clip_grad_norm_(parameters, clip_norm)

        optimizer.register_step_pre_hook(clip)
        return optimizer

    return build


OPTIMIZERS = {
    "gradient descent": SGD,
    "momentum": functools.partial(SGD, momentum=0.9),
    "Nesterov, weight decay": functools.partial(
        SGD, momentum=0.9, nesterov=True, weight_decay=1e-2
    ),
    "Adam": Adam,
    "AdamW": torch.optim.AdamW,
    "RMSprop": torch.optim.RMSprop,
}


# ---- Each member against its own run -----------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "build"), [("gradient descent", network), *((name, normalized) for name in OPTIMIZERS)]
)
def test_each_member_equals_its_own_run(name, build):
    """After 24 steps: the weights, the batch statistics and what was written down on the way."""
    make = OPTIMIZERS[name]
    # Small enough for none to amplify rounding: adaptive steps are about as long as the rate.
    lrs, seeds = [0.003, 0.003, 0.01], [0, 1, 0]
    models = [build(seed) for seed in seeds]
    table = train_ensemble(
        models, SMALL, lrs=lrs, steps=24, optimizer=make, seed=3, evaluate_every=10
    )
    assert table["diverged"].isna().all()
    for i, (lr, seed) in enumerate(zip(lrs, seeds, strict=True)):
        alone = build(seed)
        run = train(
            alone,
            SMALL,
            steps=24,
            optimizer=lambda p, lr=lr: make(p, lr=lr),
            seed=3,
            evaluate_every=10,
        )
        mine, its = state(models[i]), state(alone)
        assert mine.keys() == its.keys()
        for key in mine:
            torch.testing.assert_close(mine[key], its[key], rtol=1e-7, atol=1e-9)
        member = table[table["member"] == i]
        assert member["lr"].eq(lr).all() and member["step"].tolist() == [0, 10, 20, 24]
        for column in run.history:
            np.testing.assert_allclose(member[column], run.history[column], rtol=1e-7)


@pytest.mark.parametrize("make", [SGD, functools.partial(SGD, momentum=0.9), Adam])
def test_clipping_is_per_member_and_pytorchs_own(make):
    # A long gradient (large weights) beside a short one: together they would be clipped otherwise.
    def build(std):
        model = mlp(2, 12, "tanh")
        initializers.initialize(model, "normal", std=std, seed=0)
        return model

    stds, clip_norm, lr = [0.05, 0.3, 2.0], 0.3, 0.003 if make is Adam else 0.05
    models = [build(std) for std in stds]
    train_ensemble(models, SMALL, lrs=[lr] * 3, steps=20, optimizer=make, clip_norm=clip_norm)
    clipped = 0
    for model, std in zip(models, stds, strict=True):
        alone, free = build(std), build(std)
        train(alone, SMALL, steps=20, optimizer=clipping(make, lr, clip_norm))
        train(free, SMALL, steps=20, optimizer=lambda p: make(p, lr=lr))
        torch.testing.assert_close(weights(model), weights(alone), rtol=1e-6, atol=1e-8)
        clipped += not torch.allclose(weights(free), weights(alone), rtol=1e-3)
    assert clipped >= 2  # the comparison would say little if nothing had been clipped


@pytest.mark.parametrize("make", [SGD, Adam])
def test_warm_up_is_that_of_pytorch(make):
    models, lrs, warm_up = [network(seed) for seed in range(3)], [0.01, 0.02, 0.02], 7
    train_ensemble(models, SMALL, lrs=lrs, steps=12, optimizer=make, warm_up=warm_up)
    for seed, (model, lr) in enumerate(zip(models, lrs, strict=True)):
        alone, free = network(seed), network(seed)

        def warming(parameters, lr=lr):
            optimizer = make(parameters, lr=lr)
            rise = torch.optim.lr_scheduler.LambdaLR(
                optimizer, lambda step: min(1.0, (step + 1) / warm_up)
            )
            optimizer.register_step_post_hook(lambda *_: rise.step())
            return optimizer

        train(alone, SMALL, steps=12, optimizer=warming)
        train(free, SMALL, steps=12, optimizer=lambda p, lr=lr: make(p, lr=lr))
        torch.testing.assert_close(weights(model), weights(alone), rtol=1e-6, atol=1e-8)
        assert not torch.allclose(
            *(next(net.parameters()).detach() for net in (alone, free)), rtol=1e-3
        )


def test_order_of_the_rates_does_not_matter():
    rates = [0.3, 0.1, 0.3, 0.2, 0.1]
    mixed, ordered = [network(seed) for seed in range(5)], [network(seed) for seed in range(5)]
    train_ensemble(mixed, SMALL, lrs=rates, steps=5)
    place = np.argsort(rates, kind="stable")
    train_ensemble([ordered[i] for i in place], SMALL, lrs=[rates[i] for i in place], steps=5)
    for one, other in zip(mixed, ordered, strict=True):
        torch.testing.assert_close(weights(one), weights(other), rtol=1e-12, atol=0)


# ---- Divergence --------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [SGD, functools.partial(SGD, momentum=0.9)])
def test_a_member_that_diverges_is_recorded_and_keeps_the_weights_that_it_has_alone(make):
    lrs, linear = [0.1, 1e6, 0.1], functools.partial(network, activation="linear")
    models = [linear(seed) for seed in range(3)]
    table = train_ensemble(
        models, DATA, lrs=lrs, steps=40, optimizer=make, evaluate_every=1
    ).set_index("member")
    alone = linear(1)
    run = train(alone, DATA, steps=40, optimizer=lambda p: make(p, lr=1e6))
    step = int(run.stopped.rsplit(" ", 1)[1])
    assert 1 < step < 40 and table.loc[1, "diverged"].eq(step).all()
    torch.testing.assert_close(weights(models[1]), weights(alone), rtol=1e-6, atol=0)
    after = table.loc[1].query("step >= @step")
    assert after["loss"].isna().all() and len(after) == 41 - step
    assert (after[["train_accuracy", "test_accuracy"]] == 0).all(axis=None)
    for member in (0, 2):
        other = linear(member)
        train(other, DATA, steps=40, optimizer=lambda p: make(p, lr=0.1))
        torch.testing.assert_close(weights(models[member]), weights(other), rtol=1e-9, atol=1e-12)
        assert table.loc[member, "diverged"].isna().all()


def test_batch_statistics_of_a_member_that_diverges_stay_as_they_are_alone():
    def build(seed):  # the normalization sees what the first layer makes, which leaves the range
        model = nn.Sequential(nn.Linear(64, 8), nn.BatchNorm1d(8), nn.Linear(8, 10)).double()
        initializers.initialize(model, "he_normal", seed=seed)
        return model

    models = [build(0), build(1)]
    train_ensemble(models, SMALL, lrs=[1e200, 0.1], steps=9)
    for model, lr in zip(models, [1e200, 0.1], strict=True):
        alone = build(0 if lr > 1 else 1)
        run = train(alone, SMALL, steps=9, lr=lr)
        assert (run.stopped is None) == (lr == 0.1)
        for mine, its in zip(model.buffers(), alone.buffers(), strict=True):
            torch.testing.assert_close(mine, its, rtol=1e-6, atol=0, equal_nan=True)


# ---- A sweep over rates and seeds --------------------------------------------------------------


def test_each_member_of_a_sweep_equals_its_own_run():
    lrs, seeds = [0.03, 0.3], [4, 7]
    table = sweep(network, SMALL, lrs=lrs, seeds=iter(seeds), steps=12, order_seed=2)
    assert len(table) == 4 * 2
    for lr in lrs:
        for seed in seeds:
            run = train(network(seed), SMALL, steps=12, lr=lr, seed=2)
            member = table[(table["lr"] == lr) & (table["seed"] == seed)]
            member = member.drop(columns=["lr", "seed", "diverged"]).reset_index(drop=True)
            pd.testing.assert_frame_equal(member, run.history, rtol=1e-9, atol=0)


def test_batch_size_of_a_sweep():
    table = sweep(network, SMALL, lrs=[0.3], seeds=[0], steps=10, batch_size=50)
    run = train(network(), SMALL, steps=10, lr=0.3, batch_size=50)
    np.testing.assert_allclose(table["loss"], run.history["loss"], rtol=1e-9)


def test_a_member_that_diverges_does_not_disturb_the_others():
    def build(seed):
        return network(seed, activation="linear")

    together = sweep(build, DATA, lrs=[0.1, 1e6], seeds=[0, 1], steps=15)
    alone = sweep(build, DATA, lrs=[0.1], seeds=[0, 1], steps=15)
    good = together[together["lr"] == 0.1].reset_index(drop=True)
    pd.testing.assert_frame_equal(good, alone, rtol=1e-9, atol=0)
    bad = together[(together["lr"] == 1e6) & (together["step"] == 15)]
    assert not np.isfinite(bad["loss"]).any()
    assert (bad[["train_accuracy", "test_accuracy"]] == 0).all(axis=None)


def test_sweep_leaves_the_models_of_build_alone():
    models = {seed: network(seed) for seed in (0, 1)}
    sweep(models.get, SMALL, lrs=[0.3, 0.1], seeds=[0, 1], steps=3)
    for seed, model in models.items():
        assert torch.equal(weights(model), weights(network(seed))) and model.training


def test_sweep_evaluates_batch_normalization_in_evaluation_mode():
    def build(seed):
        model = nn.Sequential(nn.Linear(64, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 10))
        initializers.initialize(model.double(), "xavier_normal", seed=seed)
        return model

    table = sweep(build, SMALL, lrs=[0.3], seeds=[0, 1], steps=6, evaluate_every=2)
    for seed in (0, 1):
        run = train(build(seed), SMALL, steps=6, lr=0.3, evaluate_every=2)
        member = table[table["seed"] == seed]
        np.testing.assert_allclose(member["loss"], run.history["loss"], rtol=1e-9)


def test_sweep_leaves_frozen_parameters_alone():
    def build(seed):
        model = network(seed)
        model.linear1.weight.requires_grad_(False)
        return model

    table = sweep(build, SMALL, lrs=[0.3], seeds=[0], steps=5)
    run = train(build(0), SMALL, steps=5, lr=0.3)
    np.testing.assert_allclose(table["loss"], run.history["loss"], rtol=1e-9)


def test_sweep_without_the_start_is_the_same_without_step_0():
    def build(seed):
        return mlp(1, 8, "tanh", seed=seed)

    both = [
        sweep(build, digits(), lrs=[0.1], seeds=[0, 1], steps=4, evaluate_every=2, **options)
        for options in ({}, {"evaluate_start": False})
    ]
    rest = both[0].query("step > 0").reset_index(drop=True)
    assert set(both[0]["step"]) == {0, 2, 4} and rest.equals(both[1])


# ---- The optimizer ---------------------------------------------------------------------------


class Normed(SGD):
    """Not by each number alone: the others of the tensor count, too."""


def with_a_hook(groups):
    made = SGD(groups)
    made.register_step_pre_hook(lambda *_: None)
    return made


def with_a_later_hook(groups):
    made = SGD(groups)
    made.register_step_post_hook(lambda *_: None)
    return made


def joined(groups):
    return SGD([part for group in groups for part in group["params"]], lr=1.0)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (Normed, TypeError, "every number by itself .* got Normed"),
        (with_a_hook, TypeError, "without hooks.* got SGD with a hook"),
        (with_a_later_hook, TypeError, "without hooks.* got SGD with a hook"),
        (joined, ValueError, "must not join groups with different learning rates"),
    ],
)
def test_an_optimizer_that_mixes_the_networks(make, error, message):
    models = [network(0), network(1)]
    with pytest.raises(error, match=message):
        train_ensemble(models, SMALL, lrs=[0.1, 0.2], steps=2, optimizer=make)
    assert torch.equal(weights(models[1]), weights(network(1)))


def test_an_optimizer_may_divide_the_groups_scale_rates_and_leave_parameters_out():
    def first_layer_only(groups):
        return SGD([{"params": g["params"][:2], "lr": 2 * g["lr"]} for g in groups])

    models = [network(0), network(1)]
    train_ensemble(models, SMALL, lrs=[0.1, 0.2], steps=3, optimizer=first_layer_only)
    for seed, lr in ((0, 0.1), (1, 0.2)):
        alone = network(seed)
        train(alone, SMALL, steps=3, optimizer=lambda p, lr=lr: SGD(p[:2], lr=2 * lr))
        torch.testing.assert_close(weights(models[seed]), weights(alone), rtol=1e-9, atol=1e-12)
        assert torch.equal(models[seed].output.weight, network(seed).output.weight)


def test_every_allowed_optimizer_trains_each_as_alone():
    for kind in ELEMENTWISE:
        models = [network(0), network(1)]
        train_ensemble(models, SMALL, lrs=[0.001, 0.003], steps=3, optimizer=kind)
        alone = network(1)
        train(alone, SMALL, steps=3, optimizer=lambda p, kind=kind: kind(p, lr=0.003))
        torch.testing.assert_close(weights(models[1]), weights(alone), rtol=1e-6, atol=1e-9)


def test_two_members_that_diverge_at_different_steps():
    """Each has its own step, and what it was then; the first step can be one, too."""
    models = [network(seed, activation="linear") for seed in range(3)]
    with torch.no_grad():
        models[0].output.bias[0] = torch.nan
    table = train_ensemble(models, SMALL, lrs=[0.1, 1e6, 0.1], steps=30)
    diverged = table.groupby("member")["diverged"].first()
    run = train(network(1, activation="linear"), SMALL, steps=30, lr=1e6)
    assert diverged[0] == 1 and run.stopped.endswith(f"step {diverged[1]}") and pd.isna(diverged[2])
    start = network(0, activation="linear")
    assert torch.equal(models[0].linear1.weight, start.linear1.weight)
    assert table["diverged"].dtype == "Int64"


def test_parts_of_the_table():
    table = train_ensemble([network()], SMALL, lrs=[1], steps=2, evaluate_every=1)
    columns = ["member", "lr", "step", "loss", "train_accuracy", "test_accuracy", "diverged"]
    assert table.columns.tolist() == columns and table["step"].tolist() == [0, 1, 2]
    table = sweep(network, SMALL, lrs=[0.1], seeds=[3], steps=2)
    assert table.columns.tolist() == ["lr", "seed", *columns[2:]] and set(table["seed"]) == {3}


def test_normalization_that_is_trained_in_evaluation_mode():
    models, alone = [normalized(0).eval(), normalized(1).eval()], normalized(1).eval()
    train_ensemble(models, SMALL, lrs=[0.1, 0.1], steps=3)
    train(alone, SMALL, steps=3, lr=0.1)
    torch.testing.assert_close(state(models[1]), state(alone), rtol=1e-9, atol=1e-12)
    assert not models[0].training and models[1].norm1.num_batches_tracked == 0
