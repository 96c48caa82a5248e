r"""How weights start: fans, one engine for variance scaling, and the schemes built on it.

A scheme is a rule for the variance of one weight, given how many inputs the layer has (its
*fan-in*) and how many outputs (its *fan-out*). Each named scheme is one line in `SCHEMES`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import nn

_MODES = ("fan_in", "fan_out", "fan_avg")
_DISTRIBUTIONS = ("normal", "uniform")
_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
_NORMALIZATIONS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)


@dataclass(frozen=True)
class Scheme:
    r"""A rule for the variance of a layer's weights: ``scale / mode`` of its fans.

    Parameters
    ----------
    name : str
        Name of the scheme, in the words of the libraries.
    scale : float
        The numerator.
    mode : {'fan_in', 'fan_out', 'fan_avg'}
        The denominator; ``fan_avg`` is the mean of the two fans.
    distribution : {'normal', 'uniform'}
        Shape of the distribution; the variance is the same for both.

    Examples
    --------
    >>> get("xavier_normal").variance(fan_in=100, fan_out=300)
    0.005
    """

    name: str
    scale: float
    mode: str
    distribution: str

    def variance(self, fan_in: int, fan_out: int) -> float:
        """Return the variance of one weight of a layer with these fans."""
        return variance(fan_in, fan_out, scale=self.scale, mode=self.mode)


SCHEMES = {
    scheme.name: scheme
    for scheme in (
        Scheme("lecun_normal", 1.0, "fan_in", "normal"),  # LeCun et al. 1998, sec. 4.6
        Scheme("xavier_normal", 1.0, "fan_avg", "normal"),  # Glorot & Bengio 2010, eq. 12
        Scheme("xavier_uniform", 1.0, "fan_avg", "uniform"),  # Glorot & Bengio 2010, eq. 16
        Scheme("he_normal", 2.0, "fan_in", "normal"),  # He et al. 2015, eq. 10
    )
}


def get(scheme: str) -> Scheme:
    """Return a scheme by name.

    Parameters
    ----------
    scheme : str
        One of the names in `SCHEMES`.

    Returns
    -------
    Scheme
        The rule.

    Raises
    ------
    ValueError
        If the name is unknown; the message lists the known ones.

    Examples
    --------
    >>> get("he_normal").scale
    2.0
    """
    if scheme not in SCHEMES:
        allowed = ", ".join(SCHEMES)
        raise ValueError(
            f"unknown scheme {scheme!r}; the schemes are: {allowed}; "
            'and for initialize() also "normal", with a std'
        )
    return SCHEMES[scheme]


def fans(module: nn.Module) -> tuple[int, int]:
    """Return how many inputs feed one output of a layer, and how many outputs one input feeds.

    Parameters
    ----------
    module : torch.nn.Linear or Conv1d, Conv2d, Conv3d
        The layer. A convolution's fans count the positions of its kernel. In a grouped convolution
        an input reaches only the outputs of its own group, and the fan-out counts only those.

    Returns
    -------
    fan_in, fan_out : int
        The two fans.

    Raises
    ------
    TypeError
        If the module is of another kind.

    Examples
    --------
    >>> fans(nn.Linear(64, 10))
    (64, 10)
    >>> fans(nn.Conv2d(3, 8, kernel_size=5))
    (75, 200)
    """
    if not isinstance(module, _LAYERS):
        allowed = ", ".join(kind.__name__ for kind in _LAYERS)
        raise TypeError(f"fans are defined here for {allowed}; got {type(module).__name__}")
    out_size, in_per_group, *kernel = module.weight.shape
    positions = int(np.prod(kernel))
    groups = getattr(module, "groups", 1)
    return in_per_group * positions, out_size // groups * positions


def variance(fan_in: int, fan_out: int, *, scale: float, mode: str) -> float:
    """Return ``scale`` divided by the fan that ``mode`` names.

    Parameters
    ----------
    fan_in, fan_out : int
        The fans of the layer.
    scale : float
        The numerator, not negative.
    mode : {'fan_in', 'fan_out', 'fan_avg'}
        The denominator.

    Returns
    -------
    float
        The variance of one weight.

    Raises
    ------
    ValueError
        If the mode is unknown or the scale is negative or not finite.

    Examples
    --------
    >>> variance(4, 12, scale=2.0, mode="fan_avg")
    0.25
    """
    if mode not in _MODES:
        raise ValueError(f"unknown mode {mode!r}; the modes are: {', '.join(_MODES)}")
    if not (np.isfinite(scale) and scale >= 0):
        raise ValueError(f"scale must be finite and not negative, got {scale!r}")
    fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]
    return scale / fan


@torch.no_grad()
def variance_scaling_(
    module: nn.Module, *, scale: float, mode: str, distribution: str, generator: torch.Generator
) -> None:
    r"""Fill a layer's weights in place: mean 0, variance ``scale / mode``.

    The one engine behind every scheme. A uniform law on :math:`[-a, a]` has variance
    :math:`a^2/3`, so its bound is :math:`a = \sqrt{3 \cdot \text{variance}}`.

    Parameters
    ----------
    module : torch.nn.Module
        A layer that `fans` understands.
    scale : float
        The numerator of the variance.
    mode : {'fan_in', 'fan_out', 'fan_avg'}
        Its denominator.
    distribution : {'normal', 'uniform'}
        Shape of the distribution.
    generator : torch.Generator
        The only source of randomness.

    Raises
    ------
    ValueError
        If the mode, the scale or the distribution is not allowed.

    Examples
    --------
    >>> layer = nn.Linear(300, 300)
    >>> g = torch.Generator().manual_seed(0)
    >>> variance_scaling_(layer, scale=1, mode="fan_in", distribution="normal", generator=g)
    >>> 0.98 < layer.weight.var().item() * 300 < 1.02
    True
    """
    std = variance(*fans(module), scale=scale, mode=mode) ** 0.5
    if distribution == "normal":
        module.weight.normal_(0.0, std, generator=generator)
    elif distribution == "uniform":
        bound = 3**0.5 * std
        module.weight.uniform_(-bound, bound, generator=generator)
    else:
        allowed = ", ".join(_DISTRIBUTIONS)
        raise ValueError(f"unknown distribution {distribution!r}; allowed are: {allowed}")


def initialize(
    model: nn.Module, scheme: str, *, seed: int, std: float | None = None
) -> pd.DataFrame:
    """Start every linear and convolutional layer of a model from one scheme, with zero biases.

    Parameters
    ----------
    model : torch.nn.Module
        Any model. Normalization layers keep what they have; so does every parameter of a layer
        that is neither linear nor convolutional, and the report says so.
    scheme : str
        A name in `SCHEMES`, or ``"normal"``: every weight from :math:`N(0, std^2)`, whatever the
        fans.
    seed : int
        Seed of the one generator that draws all weights. The global generator is not used.
    std : float, optional
        Standard deviation, needed by ``"normal"`` and by no other scheme.

    Returns
    -------
    pandas.DataFrame
        What was done, one row per parameter: ``parameter``, ``shape``, ``fan_in``, ``fan_out``,
        ``std`` (the one asked for) and ``action``.

    Raises
    ------
    ValueError
        If the scheme is unknown, ``std`` is missing, superfluous or not a finite number of at
        least 0, or no layer could be initialized.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 10))
    >>> report = initialize(model, "xavier_normal", seed=0)
    >>> report[["parameter", "fan_in", "fan_out", "action"]]
      parameter fan_in fan_out         action
    0  0.weight     64      32  xavier_normal
    1    0.bias                          zero
    2  2.weight     32      10  xavier_normal
    3    2.bias                          zero
    """
    _check_std(scheme, std)
    rule = None if scheme == "normal" else get(scheme)
    layers = [m for m in model.modules() if isinstance(m, _LAYERS)]
    if not layers:
        raise ValueError(
            f"{type(model).__name__} has no linear or convolutional layer to initialize"
        )
    generator = torch.Generator(device=layers[0].weight.device).manual_seed(seed)
    rows = []
    for path, module in model.named_modules():
        for name, parameter in module.named_parameters(recurse=False):
            row = {"parameter": f"{path}.{name}".lstrip("."), "shape": tuple(parameter.shape)}
            row |= {"fan_in": "", "fan_out": "", "std": np.nan, "action": "left alone"}
            if isinstance(module, _LAYERS) and name == "weight":
                fan_in, fan_out = fans(module)
                if rule is None:
                    with torch.no_grad():
                        parameter.normal_(0.0, std, generator=generator)
                else:
                    variance_scaling_(
                        module,
                        scale=rule.scale,
                        mode=rule.mode,
                        distribution=rule.distribution,
                        generator=generator,
                    )
                asked = std if rule is None else rule.variance(fan_in, fan_out) ** 0.5
                row |= {"fan_in": fan_in, "fan_out": fan_out, "std": asked, "action": scheme}
            elif isinstance(module, _LAYERS) and name == "bias":
                nn.init.zeros_(parameter)
                row["action"] = "zero"
            elif isinstance(module, _NORMALIZATIONS):
                row["action"] = "left alone (normalization)"
            rows.append(row)
    return pd.DataFrame(rows)


def _check_std(scheme: str, std: float | None) -> None:
    if scheme == "normal":
        if std is None or not (np.isfinite(std) and std >= 0):
            raise ValueError(f'scheme "normal" needs a finite std of at least 0, got std={std!r}')
    elif std is not None:
        get(scheme)
        raise ValueError(f"scheme {scheme!r} fixes its own standard deviation; got std={std!r}")
