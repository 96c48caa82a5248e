import random

import numpy as np
import pytest
import torch
from sklearn import datasets

from weightinit.data import digits

INK, LABEL = datasets.load_digits(return_X_y=True)


def rows(array):
    return sorted(map(tuple, np.rint(array).astype(int).tolist()))


@pytest.mark.parametrize("test_size", [10, 360, 1787])
def test_split_has_every_image_once(test_size):
    data = digits(test_size=test_size)
    assert data.x_test.shape == (test_size, 64) and data.y_test.shape == (test_size,)
    assert data.x_train.shape == (1797 - test_size, 64)
    assert {a.dtype for a in (data.x_train, data.x_test)} == {np.dtype(np.float64)}
    assert {a.dtype for a in (data.y_train, data.y_test)} == {np.dtype(np.int64)}
    ink = np.concatenate([data.x_train, data.x_test]) * data.std + data.mean
    labels = np.concatenate([data.y_train, data.y_test])
    together = np.column_stack([ink, labels])
    assert rows(together) == rows(np.column_stack([INK, LABEL]))


@pytest.mark.parametrize("seed", [0, 1, 17])
def test_split_is_stratified(seed):
    data = digits(seed=seed)
    expected = np.bincount(LABEL) * 360 / 1797
    assert np.all(np.abs(np.bincount(data.y_test) - expected) <= 1)


def test_standardised_over_all_training_pixels():
    data = digits()
    assert abs(data.x_train.mean()) < 1e-14
    assert abs(np.mean(data.x_train**2) - 1) < 1e-13
    # One number for all pixels: the differences between them survive, and the pixels
    # without ink are constant, not NaN.
    assert np.ptp(data.x_train.std(axis=0)) > 0.5
    blank = np.ptp(INK, axis=0) == 0
    assert blank.sum() == 3
    np.testing.assert_allclose(data.x_train[:, blank], -data.mean / data.std, rtol=1e-14)
    assert np.all(np.isfinite(data.x_train)) and np.all(np.isfinite(data.x_test))


def test_statistics_come_from_the_training_images_alone(monkeypatch):
    plain = digits(seed=3)
    # Spoil exactly the test images; the split depends on the labels and the seed only.
    ink_test = plain.x_test * plain.std + plain.mean
    test_rows = {tuple(row) for row in np.rint(ink_test).astype(int).tolist()}
    spoilt = np.array([1000 - r if tuple(r.astype(int)) in test_rows else r for r in INK])
    monkeypatch.setattr(datasets, "load_digits", lambda return_X_y: (spoilt, LABEL))
    again = digits(seed=3)
    assert (again.mean, again.std) == (plain.mean, plain.std)
    np.testing.assert_array_equal(again.x_train, plain.x_train)
    assert again.x_test.mean() > 100


def test_seed_decides_the_split():
    first, second, other = digits(seed=5), digits(seed=np.int64(5)), digits(seed=6)
    np.testing.assert_array_equal(first.x_train, second.x_train)
    np.testing.assert_array_equal(first.y_test, second.y_test)
    assert not np.array_equal(first.y_test, other.y_test)


def test_global_generators_are_neither_used_nor_changed():
    def state():
        return random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()

    before = state()
    first = digits().x_train
    assert state() == before
    np.random.seed(123)
    np.testing.assert_array_equal(digits().x_train, first)


@pytest.mark.parametrize("dtype", [None, torch.float32, torch.float16])
def test_tensors(dtype):
    data = digits()
    x_train, y_train, x_test, y_test = data.tensors(dtype, device="cpu")
    for tensor, array in [(x_train, data.x_train), (x_test, data.x_test)]:
        assert tensor.dtype == (dtype or torch.float64) and tensor.device.type == "cpu"
        assert torch.equal(tensor, torch.from_numpy(array).to(tensor.dtype))
    for tensor, array in [(y_train, data.y_train), (y_test, data.y_test)]:
        assert tensor.dtype == torch.int64 and tensor.tolist() == array.tolist()


def test_tensors_are_copies_on_the_device_asked_for():
    data = digits()
    data.tensors()[0].zero_()
    assert abs(np.mean(data.x_train**2) - 1) < 1e-13
    assert {t.device.type for t in data.tensors(device="meta")} == {"meta"}


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, "float64", np.float32])
def test_tensors_refuse_other_types(dtype):
    with pytest.raises(ValueError, match="floating torch.dtype"):
        digits().tensors(dtype)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"test_size": 9}, ValueError, r"test_size must be in \[10, 1787\], got 9"),
        ({"test_size": 0}, ValueError, "test_size"),
        ({"test_size": -1}, ValueError, "test_size"),
        ({"test_size": 1788}, ValueError, "test_size"),
        ({"test_size": 0.2}, TypeError, "test_size must be an integer, got 0.2"),
        ({"test_size": True}, TypeError, "test_size"),
        ({"test_size": None}, TypeError, "test_size"),
        ({"seed": -1}, ValueError, "seed must be in"),
        ({"seed": 2**32}, ValueError, "seed"),
        ({"seed": None}, TypeError, "seed"),
        ({"seed": "0"}, TypeError, "seed"),
    ],
)
def test_bad_arguments_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        digits(**arguments)
