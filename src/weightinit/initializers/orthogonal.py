r"""Orthogonal weights.

One convention: whatever the shape of an orthogonal matrix, the mean square of its entries
is ``scale / fan_in``, as for ``lecun_normal``, so that the mean square of a signal is multiplied
by ``scale``. A matrix with more outputs than inputs is therefore not an isometry but
:math:`\sqrt{out/in}` times one: it keeps the *mean* over the units, which is what the next layer
sees, not the sum. (PyTorch and Keras keep the sum, and the mean square falls by in/out.)
"""

from dataclasses import dataclass
from math import prod, sqrt

import torch

from weightinit._checks import check_not_negative
from weightinit.initializers.fan_in_fan_out import Weight


@dataclass(frozen=True)
class Orthogonal:
    r"""A semi-orthogonal matrix, uniform over all of them (Haar).

    The rows (or the columns, if they are fewer) are orthogonal and equally long, so all singular
    values are equal: 1 for a square matrix and ``scale=1``. The weight of a convolution is taken as
    the matrix of shape (out, in · kernel); that makes its *rows* orthogonal, not the convolution an
    isometry. Each group of a convolution, and each of query, key and value of attention, is a
    matrix of its own.

    Parameters
    ----------
    scale : float
        Factor on the mean square of the signal; 2 suits a ReLU. Singular values grow by its root.

    Raises
    ------
    TypeError, ValueError
        If the scale is not a finite number of at least 0.

    References
    ----------
    Saxe, McClelland & Ganguli, ICLR 2014, for the idea; Mezzadri, *How to generate random matrices
    from the classical compact groups*, Notices AMS 54 (2007), for the signs.

    Examples
    --------
    >>> from weightinit.initializers import fill_
    >>> weight = torch.empty(3, 3, dtype=torch.float64)
    >>> fill_(weight, Orthogonal(scale=4.0), generator=torch.Generator().manual_seed(0))
    >>> torch.allclose(weight @ weight.T, 4 * torch.eye(3, dtype=torch.float64))
    True
    """

    scale: float = 1.0

    def __post_init__(self) -> None:
        check_not_negative("scale", self.scale)

    def deviation(self, weight: Weight) -> float:
        """Return the root mean square of one weight."""
        return sqrt(self.scale / weight.fan_in)

    def draw(self, weight: Weight, generator: torch.Generator) -> torch.Tensor:
        """Return new values for a weight, on the generator's device."""
        values = weight.empty(generator.device)
        for block in values.chunk(weight.blocks):
            block.copy_(haar(block.flatten(1), generator).view_as(block))
        # The entries of a semi-orthogonal matrix have mean square 1 / max(rows, columns).
        longer = max(len(block), prod(block.shape[1:]))
        return values.mul_(sqrt(longer) * self.deviation(weight))


def haar(like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return a random semi-orthogonal matrix of the shape and precision of another."""
    rows, columns = like.shape
    gaussian = like.new_empty(max(rows, columns), min(rows, columns))
    q, r = torch.linalg.qr(gaussian.normal_(generator=generator))
    # The decomposition chooses its signs by its own rule, which makes q anything but uniform; with
    # the diagonal of r positive it is unique, and q inherits the symmetry of the normal law.
    q = torch.where(r.diagonal() < 0, -q, q)
    return q if rows >= columns else q.T
