r"""Batch normalization by hand: forward, backward, and the averages kept for evaluation.

In training each unit is shifted and scaled over the batch of n examples, then by two learned
numbers:

.. math:: \mu = \frac1n\sum_b h_b, \quad s^2 = \frac1n\sum_b (h_b-\mu)^2, \quad
          \hat h_b = \frac{h_b-\mu}{\sqrt{s^2+\epsilon}}, \quad y_b = \gamma\hat h_b + \beta

(Ioffe & Szegedy, ICML 2015, algorithm 1.) NumPy only.
"""

import numpy as np

from weightinit._checks import check_choice, check_not_negative, check_positive

__all__ = ["batch_norm", "batch_norm_backward", "running_averages"]


def batch_norm(
    h: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    *,
    eps: float = 1e-5,
    mean: np.ndarray | None = None,
    variance: np.ndarray | None = None,
) -> np.ndarray:
    r"""Normalize the columns of ``h``, by the batch's statistics or by given ones.

    Parameters
    ----------
    h : ndarray, shape (n, units)
        One row per example. A convolution's output of shape (n, channels, height, width) counts
        each position as an example: ``np.moveaxis(h, 1, -1).reshape(-1, channels)``.
    gamma, beta : ndarray, shape (units,)
        Factor and shift.
    eps : float
        Added to the variance.
    mean, variance : ndarray, shape (units,), optional
        Statistics to use instead of the batch's: the running averages, in evaluation. Give both
        or neither.

    Returns
    -------
    ndarray, shape (n, units)

    Raises
    ------
    TypeError
        If ``eps`` is no number, or another argument no array of numbers.
    ValueError
        If the shapes do not fit, an entry is not finite, ``eps`` is not positive and finite, one of
        ``mean`` and ``variance`` is missing, a variance is negative, or the batch's statistics are
        asked for and it has fewer than two rows, or entries whose squares leave the range of its
        type.

    Examples
    --------
    >>> h = np.array([[1.0, 10.0], [3.0, 30.0]])
    >>> batch_norm(h, np.ones(2), np.zeros(2)).round(3)
    array([[-1., -1.],
           [ 1.,  1.]])
    """
    check_positive("eps", eps)
    _check(h, gamma=gamma, beta=beta)
    if (mean is None) != (variance is None):
        raise ValueError(f"give both mean and variance or neither, got {mean!r} and {variance!r}")
    if mean is None:
        mean, variance = _statistics(h)
    _check(h, mean=mean, variance=variance)
    return gamma * (h - mean) / np.sqrt(variance + eps) + beta


def batch_norm_backward(
    grad_y: np.ndarray, h: np.ndarray, gamma: np.ndarray, *, eps: float = 1e-5
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Return dL/dh, dL/dgamma and dL/dbeta of batch normalization in training.

    The gradient flows through the batch's mean and deviation as well, so each column of dL/dh has
    the mean taken off, and its component along :math:`\hat h`:

    .. math:: \frac{\partial L}{\partial h_b} = \frac{\gamma}{\sqrt{s^2+\epsilon}}
              \Big(g_b - \bar g - \hat h_b\,\overline{g\hat h}\Big),
              \qquad g_b = \frac{\partial L}{\partial y_b}

    where bars are means over the batch.

    Parameters
    ----------
    grad_y : ndarray, shape (n, units)
        dL/dy.
    h : ndarray, shape (n, units)
        What was normalized.
    gamma : ndarray, shape (units,)
        The factor.
    eps : float
        As in `batch_norm`.

    Returns
    -------
    grad_h : ndarray, shape (n, units)
    grad_gamma, grad_beta : ndarray, shape (units,)

    Raises
    ------
    TypeError, ValueError
        As `batch_norm`; and if ``grad_y`` and ``h`` differ in shape.

    Examples
    --------
    >>> h, grad_y = np.array([[1.0], [2.0], [6.0]]), np.array([[1.0], [0.0], [0.0]])
    >>> grad_h, grad_gamma, grad_beta = batch_norm_backward(grad_y, h, np.ones(1))
    >>> float(abs(grad_h.sum())) < 1e-15, grad_beta
    (True, array([1.]))
    """
    check_positive("eps", eps)
    _check(h, gamma=gamma)
    _check_array("grad_y", grad_y, h.shape)
    mean, variance = _statistics(h)
    deviation = np.sqrt(variance + eps)
    normalized = (h - mean) / deviation
    along = (grad_y * normalized).mean(axis=0)
    grad_h = gamma / deviation * (grad_y - grad_y.mean(axis=0) - normalized * along)
    return grad_h, (grad_y * normalized).sum(axis=0), grad_y.sum(axis=0)


def running_averages(
    mean: np.ndarray, variance: np.ndarray, h: np.ndarray, *, keep: float, unbiased: bool
) -> tuple[np.ndarray, np.ndarray]:
    r"""Return the averages for evaluation after one more batch.

    .. math:: \text{average} \leftarrow \text{keep}\cdot\text{average}
              + (1-\text{keep})\cdot\text{the batch's}

    Parameters
    ----------
    mean, variance : ndarray, shape (units,)
        The averages so far; at the start 0 and 1.
    h : ndarray, shape (n, units)
        The batch.
    keep : float
        Share of the old average, from 0 to 1. Keras calls it momentum (0.99); PyTorch calls
        1 - keep momentum (0.1).
    unbiased : bool
        Whether the average takes the batch's variance with n - 1 in the denominator, as PyTorch
        does, or with n, as Keras does. What normalizes the batch itself always has n.

    Returns
    -------
    mean, variance : ndarray, shape (units,)

    Raises
    ------
    TypeError, ValueError
        As `batch_norm`; and if ``keep`` is not in [0, 1], or ``unbiased`` neither True nor False.

    Examples
    --------
    >>> h = np.array([[0.0], [2.0]])
    >>> running_averages(np.zeros(1), np.ones(1), h, keep=0.9, unbiased=True)
    (array([0.1]), array([1.1]))
    """
    _check(h, mean=mean, variance=variance)
    check_not_negative("keep", keep)
    if keep > 1:
        raise ValueError(f"keep must be from 0 to 1, got {keep!r}")
    check_choice("unbiased", unbiased, (True, False))
    batch_mean, batch_variance = _statistics(h)
    if unbiased:
        batch_variance = batch_variance * len(h) / (len(h) - 1)
    return (
        keep * mean + (1 - keep) * batch_mean,
        keep * variance + (1 - keep) * batch_variance,
    )


def _statistics(h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if len(h) < 2:
        raise ValueError(f"the statistics of a batch need at least two examples, got {len(h)}")
    with np.errstate(over="ignore", invalid="ignore"):
        mean, variance = h.mean(axis=0), h.var(axis=0)  # NumPy divides by n
    if not np.isfinite(variance).all():
        raise ValueError(f"h must have a finite variance in {h.dtype}, got {abs(h).max()} in it")
    return mean, variance


def _check(h: np.ndarray, **columns: np.ndarray) -> None:
    _check_array("h", h, None)
    for name, values in columns.items():
        _check_array(name, values, h.shape[1:])
        if name == "variance" and (values < 0).any():
            raise ValueError(f"variance must not be negative, got {values.min()}")


def _check_array(name: str, values: np.ndarray, shape: tuple[int, ...] | None) -> None:
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "iuf":
        given = getattr(values, "dtype", type(values).__name__)
        raise TypeError(f"{name} must be a NumPy array of numbers, got {given}")
    if values.shape != shape if shape else values.ndim != 2 or not values.size:
        wanted = shape or "(n, units)"
        raise ValueError(f"{name} must have shape {wanted}, got {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError(
            f"{name} must be finite, but {(~np.isfinite(values)).sum()} entries are not"
        )
