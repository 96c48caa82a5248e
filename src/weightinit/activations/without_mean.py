"""An activation less a constant, which takes its mean off and leaves its slopes as they are.

Use `weightinit.activations.lowered`.
"""

import math
from dataclasses import dataclass

from weightinit._checks import check_number
from weightinit.activations.activation import Activation
from weightinit.activations.registry import get


def lowered(activation: str | Activation, constant: float, name: str | None = None) -> Activation:
    """Return phi(h) - constant as an activation of its own.

    Parameters
    ----------
    activation : str or Activation
        phi.
    constant : float
        What is taken off.
    name : str, optional
        Name of the new one; by default such as ``"sigmoid - 0.5"``.

    Returns
    -------
    Activation
        Its module computes in PyTorch's operations what phi's does, and subtracts.

    Raises
    ------
    TypeError, ValueError
        If the constant is not a finite number, or the activation or the name is not valid.

    Examples
    --------
    >>> centred = lowered("sigmoid", 0.5)
    >>> centred, centred(0.0), centred.bounds
    (Activation('sigmoid - 0.5'), np.float64(0.0), (-0.5, 0.5))
    >>> centred.module()
    Less(sigmoid - 0.5)
    """
    check_number("constant", constant)
    if not math.isfinite(constant):
        raise ValueError(f"constant must be finite, got {constant!r}")
    phi = get(activation)
    return _Lowered(
        name or f"{phi.name} - {constant:g}",
        lambda h: phi.f(h) - constant,
        phi.df,
        phi.kinks,
        (phi.bounds[0] - constant, phi.bounds[1] - constant),
        phi=phi,
        constant=float(constant),
    )


@dataclass(frozen=True, repr=False)
class _Lowered(Activation):
    phi: Activation | None = None
    constant: float = 0.0

    def module(self):
        from weightinit.activations.own_module import Less

        return Less(self)
