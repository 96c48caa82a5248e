r"""Curvature: how sharply the loss bends, and with that how large a learning rate may be.

Gradient descent with rate ``lr`` on a quadratic loss multiplies, at every step, its distance from
the minimum by :math:`1 - \mathrm{lr}\,\lambda` along the direction that belongs to the eigenvalue
:math:`\lambda` of the Hessian. It is stable if and only if ``lr`` is less than 2 divided by the
largest eigenvalue. The loss of a network is not quadratic, but close to one over a short step.

The Hessian of n parameters has n rows and n columns, too many to write down. Its product with a
vector needs no such matrix, and costs about as much as two backward passes: Pearlmutter, *Fast
exact multiplication by the Hessian*, Neural Computation 6 (1994).
"""

import contextlib
from collections.abc import Callable, Iterator

import torch
from torch import nn

from weightinit._checks import check_module, check_positive, check_seed, check_size
from weightinit._one_pass import as_it_was, check_batch, check_finite, loss_of, trained

__all__ = ["largest_eigenvalue"]


def largest_eigenvalue(
    model: nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    *,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None,
    tolerance: float = 1e-3,
    iterations: int = 1000,
    seed: int = 0,
) -> float:
    r"""Find the algebraically largest eigenvalue of the Hessian of the loss.

    The Hessian H holds the second
    derivatives with respect to all parameters that require a gradient, flattened and joined in the
    order of ``model.parameters()``. Where an activation has a kink (ReLU), its second derivative
    counts as zero.

    The method is power iteration: a random vector v, multiplied by H again and again, turns to the
    eigenvectors whose eigenvalues are largest in magnitude. If one of these is negative, it starts
    again with :math:`H + sI`, where s is about that magnitude: the largest eigenvalue of this
    matrix, and the largest in magnitude, is s plus the largest of H.

    The model stays as it was, as with `weightinit.probes.probe`, and is run in the mode it is in;
    what it draws at random, as dropout does, is the same in all products.

    Parameters
    ----------
    model, x, y, loss
        As in `weightinit.probes.probe`.
    tolerance : float
        How close the result must be, between 0 and 1; see below.
    iterations : int
        The most products with the Hessian, both starts together.
    seed : int
        Seed of the start vector.

    Returns
    -------
    float
        The quotient :math:`r = v^\top H v` for a v of length 1 with
        :math:`\lVert Hv - rv\rVert \le \mathrm{tolerance} \cdot m`, where m is the largest
        magnitude of an eigenvalue: r itself, unless an eigenvalue of larger magnitude is negative.
        It follows that an eigenvalue lies within ``tolerance * m`` of r, and that nothing but
        rounding takes r above the largest. One that is greater than r by d is missed only if the
        share of v along its eigenvector is at most ``tolerance * m / d``, which is unlikely after a
        random start; another seed would tell. (Where a negative eigenvalue is the largest in
        magnitude, a tolerance above a tenth of 1 / sqrt(n) counts as that.) A Hessian of zeros
        gives 0.0.

    Raises
    ------
    TypeError, ValueError
        As `weightinit.probes.probe`; if ``tolerance`` is not between 0 and 1, or ``iterations`` is
        not a whole number of at least 1; if the loss or an entry of H is not finite.
    RuntimeError
        If ``iterations`` are not enough (in float32, a tolerance below about 1e-6 is never
        reached), or an operation has no second derivative, as some of PyTorch's and activations of
        your own.

    Examples
    --------
    >>> from torch.nn.functional import mse_loss
    >>> model, x, y = nn.Linear(1, 1), torch.tensor([[3.0]]), torch.tensor([[0.0]])
    >>> largest = largest_eigenvalue(model, x, y, loss=mse_loss)  # of [[18, 6], [6, 2]]
    >>> round(largest, 3)
    20.0
    >>> _ = nn.init.ones_(model.weight)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=2.1 / largest)
    >>> for step in range(100):  # beyond the limit: it diverges
    ...     optimizer.zero_grad()
    ...     mse_loss(model(x), y).backward()
    ...     optimizer.step()
    >>> mse_loss(model(x), y).item() > 1e6
    True
    """
    check_module("model", model)
    check_positive("tolerance", tolerance)
    if tolerance >= 1:
        raise ValueError(f"tolerance must be between 0 and 1, got {tolerance!r}")
    check_size("iterations", iterations)
    check_seed(seed)
    size = sum(p.numel() for p in trained(model))
    generator = torch.Generator().manual_seed(seed)
    start = torch.randn(size, dtype=torch.float64, generator=generator)
    with _hessian(model, x, y, loss) as product:
        return _largest(product, start / start.norm(), tolerance, iterations)


def _largest(product, start, tolerance, iterations) -> float:
    unit = product(start).abs().max().item()  # so that no square leaves float64
    if unit == 0:  # for a random vector: all of H is zero
        return 0.0
    v, shift, before, size = start, 0.0, torch.zeros_like(start), 0.0
    for _ in range(iterations):
        hv = product(v) / unit
        value = (v @ hv).item()
        scale = shift or hv.norm().item()
        residual = (hv - value * v).norm().item()
        # Beside a large negative eigenvalue nearly any v of many numbers has a small residual, as
        # a random one has a share of only 1 / sqrt(n) along each eigenvector.
        enough = min(tolerance, 0.1 / len(v) ** 0.5) if shift else tolerance
        if residual <= enough * scale and (shift or value > 0):
            return value * unit
        # Two products nearly give the vector back, size**2 times as long, but one does not: there
        # are eigenvalues near size and near -size, between which v would swing for long.
        swings = (hv - size * before).norm().item() <= 0.1 * residual
        if shift:
            v = hv + shift * v
            v = v / v.norm()
        elif swings or (value < 0 and residual <= 0.1 * scale):
            v, shift = start, scale  # v itself has lost its share of the eigenvector sought
        else:
            v, before, size = hv / scale, v, scale
    raise RuntimeError(
        f"no eigenvalue found in {iterations} iterations: the last estimate {value * unit:.6g} is "
        f"uncertain by {residual * unit:.2g}, and at most {enough * scale * unit:.2g} is allowed; "
        "allow more iterations or a larger tolerance"
    )


@contextlib.contextmanager
def _hessian(model, x, y, loss) -> Iterator[Callable[[torch.Tensor], torch.Tensor]]:
    """Give a function that multiplies the Hessian by a vector, after one forward pass for all."""
    parameters = trained(model)
    where, sizes = parameters[0].device, [p.numel() for p in parameters]
    check_batch(x, y)
    check_finite(x, y)
    with as_it_was(model, where):
        value = loss_of(model, x.to(where), y.to(where), loss)
        if not torch.isfinite(value):
            raise ValueError(
                f"the loss is {value.item()}, so there is no Hessian; "
                "weightinit.failures.first_failure says which tensor failed first"
            )
        gradients = torch.autograd.grad(
            value, parameters, create_graph=True, materialize_grads=True
        )
        # The others do not depend on any parameter: their rows of the Hessian are zero.
        bent = [i for i, gradient in enumerate(gradients) if gradient.requires_grad]

        def product(vector: torch.Tensor) -> torch.Tensor:
            if not bent:
                return torch.zeros_like(vector)
            parts = vector.split(sizes)
            found = torch.autograd.grad(
                [gradients[i] for i in bent],
                parameters,
                [parts[i].view_as(gradients[i]).to(gradients[i]) for i in bent],
                retain_graph=True,
                materialize_grads=True,
            )
            result = torch.cat([part.reshape(-1).to(vector) for part in found])
            bad = int(torch.count_nonzero(~torch.isfinite(result)))
            if bad:
                raise ValueError(
                    f"the loss is finite, but {bad} of the {len(result)} entries of its Hessian "
                    "times a vector are NaN or infinite"
                )
            return result

        yield product
