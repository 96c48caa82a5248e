"""The data: handwritten digits that come with scikit-learn, so nothing is downloaded."""

from dataclasses import dataclass

import numpy as np

from weightinit._checks import MAX_SEED, check_integer

__all__ = ["Digits", "digits"]


@dataclass(frozen=True, eq=False)
class Digits:
    """Standardised digits, split for training and testing.

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
        ValueError
            If dtype is not a floating type: rounded to integers, the images would be lost.

        Examples
        --------
        >>> [tuple(tensor.shape) for tensor in digits().tensors()]
        [(1437, 64), (1437,), (360, 64), (360,)]
        """
        import torch

        dtype = torch.float64 if dtype is None else dtype
        if not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
            raise ValueError(f"dtype must be a floating torch.dtype, got {dtype!r}")
        return (
            torch.tensor(self.x_train, dtype=dtype, device=device),
            torch.tensor(self.y_train, dtype=torch.int64, device=device),
            torch.tensor(self.x_test, dtype=dtype, device=device),
            torch.tensor(self.y_test, dtype=torch.int64, device=device),
        )


def digits(*, test_size: int = 360, seed: int = 0) -> Digits:
    """Load scikit-learn's 1,797 digits, split them and standardise them.

    One mean and one standard deviation serve all pixels: E[x^2] = 1 over the training images,
    the input that the theory assumes, and a pixel which is always white stays a constant
    instead of being divided by zero. Both come from the training images alone.

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
    check_integer("test_size", test_size, 10, len(ink) - 10)
    check_integer("seed", seed, 0, MAX_SEED)
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
