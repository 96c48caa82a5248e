"""The activations of the book, by name, and those that a reader adds.

Sources: leaky ReLU, Maas, Hannun and Ng (2013); ELU, Clevert, Unterthiner and Hochreiter
(2016); SELU, Klambauer et al. (2017); GELU and SiLU, Hendrycks and Gimpel (2016); softplus,
Dugas et al. (2001); hardtanh, Collobert (2004); Mish, Misra (2019).
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from scipy.special import expit, ndtr

from weightinit._checks import check_module
from weightinit.activations.activation import INF, Activation
from weightinit.activations.verification import check

# ---- The functions: written so that nothing overflows and no digits cancel in the tails ----


def _d_sigmoid(h):
    return expit(h) * expit(-h)


def _d_tanh(h):
    return 4 * _d_sigmoid(2 * h)  # 1 - tanh(h)**2 would be 0 from h = 20 on


def _softplus(h):
    return np.logaddexp(h, 0)


def _d_gelu(h):
    return ndtr(h) + h * np.exp(-(h**2) / 2) / np.sqrt(2 * np.pi)


def _d_mish(h):
    return np.tanh(_softplus(h)) + h * _d_tanh(_softplus(h)) * expit(h)


def _exponential(scale, alpha):
    """Return phi and phi' of ELU and SELU; PyTorch's slope at 0 is the one from the left."""
    return (
        lambda h: scale * np.where(h > 0, h, alpha * np.expm1(np.minimum(h, 0))),
        lambda h: scale * np.where(h > 0, 1.0, alpha * np.exp(np.minimum(h, 0))),
    )


# The constants that make mean 0 and variance 1 a fixed point (Klambauer et al., 2017, eq. 14).
_ALPHA, _SCALE = 1.6732632423543772, 1.0507009873554805

# name: (phi, phi')
_FORMULAS = {
    "linear": (lambda h: +h, lambda h: np.ones_like(h, dtype=np.float64)),
    "relu": (lambda h: np.maximum(h, 0.0), lambda h: np.where(h > 0, 1.0, 0.0)),
    "selu": _exponential(_SCALE, _ALPHA),
    "gelu": (lambda h: h * ndtr(h), _d_gelu),
    "silu": (lambda h: h * expit(h), lambda h: expit(h) * (1 + h * expit(-h))),
    "softplus": (_softplus, expit),
    "tanh": (np.tanh, _d_tanh),
    "sigmoid": (expit, _d_sigmoid),
    "softsign": (lambda h: h / (1 + np.abs(h)), lambda h: 1 / (1 + np.abs(h)) ** 2),
    "mish": (lambda h: h * np.tanh(_softplus(h)), _d_mish),
}

# name: (kinks, bounds, torch name, torch arguments, Keras arguments); Keras uses our names.
# The minima of gelu, silu and mish are phi at the zero of phi', computed with 40 digits.
_FACTS = {
    "linear": ((), (-INF, INF), "Identity", {}, {}),
    "relu": ((0,), (0.0, INF), "ReLU", {}, {}),
    "selu": ((0,), (-_SCALE * _ALPHA, INF), "SELU", {}, {}),
    "gelu": (
        (),
        (-0.16997120747990366, INF),
        "GELU",
        {"approximate": "none"},
        {"approximate": False},
    ),
    "silu": ((), (-0.2784645427610738, INF), "SiLU", {}, {}),
    # PyTorch returns h itself above a threshold: by default 20, where that is 2e-9 off.
    "softplus": ((), (0.0, INF), "Softplus", {"threshold": 40.0}, {}),
    "tanh": ((), (-1.0, 1.0), "Tanh", {}, {}),
    "sigmoid": ((), (0.0, 1.0), "Sigmoid", {}, {}),
    "softsign": ((0,), (-1.0, 1.0), "Softsign", {}, {}),
    "mish": ((), (-0.30884341301725043, INF), "Mish", {}, {}),
}


# ---- Families with a parameter -----------------------------------------------------------


def _leaky_relu(slope=0.01):
    return Activation(
        "leaky_relu" if slope == 0.01 else f"leaky_relu({slope})",
        lambda h: np.where(h > 0, h, slope * h),
        lambda h: np.where(h > 0, 1.0, slope),
        (0,),
        (-INF if slope > 0 else 0.0, INF),
        "LeakyReLU",
        "leaky_relu",
        {"negative_slope": slope},
        {"negative_slope": slope},  # Keras' own default is 0.2
    )


def _elu(alpha=1.0):
    name = "elu" if alpha == 1 else f"elu({alpha})"
    kwargs = {"alpha": alpha}
    f, df = _exponential(1.0, alpha)
    return Activation(name, f, df, (0,), (-alpha, INF), "ELU", "elu", kwargs, kwargs)


def _hardtanh(low=-1.0, high=1.0):
    standard = (low, high) == (-1, 1)
    return Activation(
        "hardtanh" if standard else f"hardtanh({low}, {high})",
        lambda h: np.clip(h, low, high),
        lambda h: np.where((h > low) & (h < high), 1.0, 0.0),
        (low, high),
        (low, high),
        "Hardtanh",
        "hard_tanh" if standard else None,
        {"min_val": low, "max_val": high},
    )


# ---- Looking activations up --------------------------------------------------------------

_REGISTRY = {
    name: Activation(name, *_FORMULAS[name], kinks, bounds, torch_name, name, *kwargs)
    for name, (kinks, bounds, torch_name, *kwargs) in _FACTS.items()
} | {made.name: made for made in (_leaky_relu(), _elu(), _hardtanh())}

_ALIASES = {"identity": "linear", "swish": "silu"}
_OF_THE_BOOK = frozenset(_REGISTRY) | frozenset(_ALIASES)


def names() -> list[str]:
    """Return the names of the registered activations, sorted."""
    return sorted(_REGISTRY)


def get(activation: str | Activation) -> Activation:
    """Return an activation by its name; an `Activation` is returned as it is.

    Raises
    ------
    ValueError
        If the name is not registered.
    TypeError
        If the argument is neither a string nor an `Activation`.

    Examples
    --------
    >>> get("identity")
    Activation('linear')
    """
    if isinstance(activation, Activation):
        return activation
    if not isinstance(activation, str):
        raise TypeError(f"activation must be a name or an Activation, got {activation!r}")
    name = _ALIASES.get(activation, activation)
    if name not in _REGISTRY:
        raise ValueError(f"unknown activation {activation!r}; allowed: {', '.join(names())}")
    return _REGISTRY[name]


def register(
    name: str,
    f: Callable,
    df: Callable,
    *,
    kinks: float | Sequence[float] = (),
    bounds: tuple[float, float] = (-INF, INF),
) -> Activation:
    """Add an activation of your own, under a name that everything in the course then knows.

    The two formulas are compared with each other first, as `check` does. Registering a name of
    your own again replaces it, so that a notebook cell can be run twice; `unregister` removes it.

    Parameters
    ----------
    name : str
        A name that is not one of the book's.
    f, df, kinks, bounds
        As in `Activation`; formulas in NumPy.

    Returns
    -------
    Activation
        The activation, which `get` returns from now on.

    Raises
    ------
    TypeError
        If the name is no string, or a formula no function.
    ValueError
        If the name is empty or one of the book's, if the kinks or bounds are not as in
        `Activation`, or for the reasons that `check` gives.

    Examples
    --------
    >>> register("h sin h", lambda h: h * np.sin(h), lambda h: np.sin(h) + h * np.cos(h))
    Activation('h sin h')
    """
    if not isinstance(name, str):
        raise TypeError(f"the name of an activation must be a string, got {name!r}")
    if not name.strip() or name in _OF_THE_BOOK:
        taken = ", ".join(sorted(_OF_THE_BOOK))
        raise ValueError(f"{name!r} cannot be registered; choose a name other than: {taken}")
    _REGISTRY[name] = check(Activation(name, f, df, kinks, bounds))
    return _REGISTRY[name]


def unregister(name: str) -> None:
    """Remove an activation of your own; networks that were built with it keep it.

    Raises
    ------
    ValueError
        If there is none of that name, or it is one of the book's.

    Examples
    --------
    >>> register("square", lambda h: h**2, lambda h: 2 * h)
    Activation('square')
    >>> unregister("square")
    >>> "square" in names()
    False
    """
    own = [known for known in names() if known not in _OF_THE_BOOK]
    if name not in own:
        raise ValueError(
            f"{name!r} cannot be removed: it is not an activation of your own; "
            f"registered are: {', '.join(own) or 'none'}"
        )
    del _REGISTRY[name]


def from_module(module) -> Activation | None:
    """Return the activation that a `torch.nn` module computes, with its parameters.

    Parameters
    ----------
    module : torch.nn.Module
        Any module.

    Returns
    -------
    Activation or None
        None for any other function: GELU's tanh approximation, a PReLU with a slope per
        channel, a Softplus with another beta, a class which is not PyTorch's own.

    Raises
    ------
    TypeError
        If it is no module: a name, say, or a class.

    Examples
    --------
    >>> import torch
    >>> from_module(torch.nn.LeakyReLU(0.2))
    Activation('leaky_relu(0.2)')
    """
    check_module("module", module)
    kind = type(module).__name__
    if type(module).__module__ == "weightinit.activations.own_module":
        return module.activation
    if not type(module).__module__.startswith("torch.nn.modules."):
        return None
    if kind == "LeakyReLU" or (kind == "PReLU" and module.num_parameters == 1):
        slope = module.negative_slope if kind == "LeakyReLU" else module.weight.item()
        return _same_or_new(_leaky_relu, float(slope))
    if kind == "ELU" and module.alpha > 0:
        return _same_or_new(_elu, float(module.alpha))
    if kind in ("Hardtanh", "ReLU6"):
        return _same_or_new(_hardtanh, float(module.min_val), float(module.max_val))
    # Up to 2e-9 off at the default threshold of 20; a lower one is another function.
    if kind == "Softplus" and (module.beta != 1 or module.threshold < 20):
        return None
    if kind == "GELU" and module.approximate != "none":
        return None
    plain = {_REGISTRY[name].torch_name: _REGISTRY[name] for name in _FORMULAS}
    return plain.get(kind)


@lru_cache(maxsize=256)
def _same_or_new(family, *parameters):
    """Return the registered member of a family if it is that one, so that caches are shared."""
    made = family(*parameters)
    return _REGISTRY[made.name] if made.name in _OF_THE_BOOK else made
