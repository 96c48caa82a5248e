"""Activation functions with their derivatives, in NumPy float64.

Theory needs the derivative, the points where a function is not smooth (quadrature splits
there) and its range; experiments need the same function in PyTorch and Keras. An
`Activation` keeps all of it together, so that the two sides cannot drift apart.

Read `activation` (what one is), `registry` (those of the book, by name), then `without_mean` (one
less a constant), `own_module` (PyTorch modules for those that PyTorch does not have),
`verification` (do the formulas agree with each other?) and `survey` (where one bends sharply, which
quadrature has to know).
"""

from weightinit.activations.activation import Activation
from weightinit.activations.registry import from_module, get, names, register, unregister
from weightinit.activations.verification import check
from weightinit.activations.without_mean import lowered

__all__ = [
    "Activation",
    "check",
    "from_module",
    "get",
    "lowered",
    "names",
    "register",
    "unregister",
]
