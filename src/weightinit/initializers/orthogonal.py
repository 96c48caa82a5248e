r"""Orthogonal weights, and the identity.

One convention for the orthogonal rules: whatever the matrix's shape, the mean square of its entries
is ``scale / fan_in``, as for ``lecun_normal``, so that the mean square of a signal is multiplied
by ``scale``. A matrix with more outputs than inputs is therefore not an isometry but
:math:`\sqrt{out/in}` times one: it keeps the *mean* over the units, which is what the next layer
sees, not the sum. (PyTorch and Keras keep the sum, and the mean square falls by in/out.)
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, prod, sqrt

import torch

from weightinit.initializers.fan_in_fan_out import Weight
from weightinit.initializers.schemes import check_scale


@dataclass(frozen=True)
class Orthogonal:
    r"""A semi-orthogonal matrix, uniform over all of them (Haar).

    The rows (or the columns, if they are fewer) are orthogonal and equally long, so all singular
    values are equal: 1 for a square matrix and ``scale=1``. The weight of a convolution is taken as
    the matrix of shape (out, in · kernel); that makes its *rows* orthogonal, not the convolution an
    isometry: see `DeltaOrthogonal`. Each group of a convolution, and each of query, key and value
    of attention, is a matrix of its own.

    Parameters
    ----------
    scale : float
        Factor on the mean square of the signal; 2 suits a ReLU. Singular values grow by its root.

    Raises
    ------
    ValueError
        If the scale is negative or not finite.

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
        check_scale(self.scale)

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


@dataclass(frozen=True)
class DeltaOrthogonal:
    r"""A convolution that is 0 except at the centre of its kernel, where it is orthogonal.

    Where the padding keeps the size and stride is 1, the whole convolution then has equal singular
    values, unlike one with `Orthogonal` weights. A linear layer counts as a kernel of one position.

    Parameters
    ----------
    scale : float
        Factor on the mean square of the signal.

    Raises
    ------
    ValueError
        If the scale is negative or not finite; when applied to a kernel of even size, which has no
        centre, or to another layer than Linear, Conv1d, Conv2d, Conv3d or attention.

    References
    ----------
    Xiao et al., *Dynamical isometry and a mean field theory of CNNs*, ICML 2018.

    Examples
    --------
    >>> from weightinit.initializers import fill_
    >>> layer = torch.nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular", bias=False)
    >>> fill_(layer, DeltaOrthogonal(), generator=torch.Generator().manual_seed(0))
    >>> x = torch.ones(1, 4, 5, 5)
    >>> torch.allclose(layer(x).norm(), x.norm())
    True
    """

    scale: float = 1.0

    def __post_init__(self) -> None:
        check_scale(self.scale)

    def deviation(self, weight: Weight) -> float:
        """Return the root mean square of one weight, the zeros included."""
        return sqrt(self.scale / weight.fan_in)

    def draw(self, weight: Weight, generator: torch.Generator) -> torch.Tensor:
        """Return new values for a weight, on the generator's device."""
        values = weight.empty(generator.device).zero_()
        for matrix in centre(values, weight, "delta_orthogonal").chunk(weight.blocks):
            rows, columns = matrix.shape
            factor = sqrt(self.scale * max(rows, columns) / columns)
            matrix.copy_(haar(matrix, generator).mul_(factor))
        return values


@dataclass(frozen=True)
class Identity:
    """Output channel i copies input channel i, times the root of ``scale``; nothing is random.

    Where there are more outputs than inputs the others are 0, where fewer the last inputs are
    dropped; here alone the signal's mean square is not kept. A convolution copies at the centre of
    its kernel, within each group.

    Parameters
    ----------
    scale : float
        Square of the number on the diagonal.

    Raises
    ------
    ValueError
        As for `DeltaOrthogonal`.

    References
    ----------
    Le, Jaitly & Hinton, *A simple way to initialize recurrent networks of rectified linear units*,
    2015.

    Examples
    --------
    >>> from weightinit.initializers import fill_
    >>> weight = torch.empty(2, 3)
    >>> fill_(weight, Identity(scale=4.0), generator=torch.Generator())
    >>> weight
    tensor([[2., 0., 0.],
            [0., 2., 0.]])
    """

    scale: float = 1.0

    def __post_init__(self) -> None:
        check_scale(self.scale)

    def deviation(self, weight: Weight) -> float:
        """Return nan: nothing is random."""
        return nan

    def draw(self, weight: Weight, generator: torch.Generator) -> torch.Tensor:
        """Return new values for a weight; the generator only says on which device."""
        values = weight.empty(generator.device).zero_()
        for matrix in centre(values, weight, "identity").chunk(weight.blocks):
            matrix.fill_diagonal_(sqrt(self.scale))
        return values


def haar(like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return a random semi-orthogonal matrix of the shape and precision of another."""
    rows, columns = like.shape
    gaussian = like.new_empty(max(rows, columns), min(rows, columns))
    q, r = torch.linalg.qr(gaussian.normal_(generator=generator))
    # The decomposition chooses its signs by its own rule, which makes q anything but uniform; with
    # the diagonal of r positive it is unique, and q inherits the symmetry of the normal law.
    q = torch.where(r.diagonal() < 0, -q, q)
    return q if rows >= columns else q.T


def centre(values: torch.Tensor, weight: Weight, scheme: str) -> torch.Tensor:
    """Return a view, (out, in), of the middle of a kernel."""
    kernel = values.shape[2:]
    if weight.layout != "out, in, kernel":
        raise ValueError(
            f'scheme "{scheme}" is for Linear, Conv1d, Conv2d, Conv3d and attention, not for a '
            f"weight laid out as ({weight.layout})"
        )
    if any(size % 2 == 0 for size in kernel):
        raise ValueError(
            f'scheme "{scheme}" needs a kernel with a centre, of odd size; got {tuple(kernel)}'
        )
    return values[(..., *(size // 2 for size in kernel))]
