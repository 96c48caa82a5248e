"""Three different things are called gain: one keeps the signal, one its spread, one the gradient.

Use `weightinit.theory`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from weightinit import activations
from weightinit._checks import check_choice, check_sequence
from weightinit.theory import maps, moments

if TYPE_CHECKING:
    import pandas as pd

_KINDS = ("forward", "backward", "standard deviation")


def gain(activation: str | activations.Activation, kind: str = "forward", q: float = 1.0) -> float:
    r"""Return a factor for the standard deviation of the weights, :math:`g / \sqrt n`.

    - ``"forward"``: :math:`\sqrt{q / E[\varphi(h)^2]}` keeps the second moment of the signal.
    - ``"backward"``: :math:`1 / \sqrt{E[\varphi'(h)^2]}` keeps that of the gradient.
    - ``"standard deviation"``: :math:`\sqrt{q / \mathrm{Var}\,\varphi(h)}` would keep the signal
      if the mean of the activations did not count.

    The forward gain is the one of He et al. (2015, eq. 10), the backward gain that of their
    eq. 14; for ReLU both are :math:`\sqrt 2`. The third is often taken for the first. It is larger
    if the mean of the activations is not 0, and then the signal grows, because the mean is passed
    on as well. `torch.nn.init.calculate_gain` is yet another
    table: its values for tanh (5/3), sigmoid (1) and SELU (3/4) are none of the three.

    Parameters
    ----------
    activation : str or Activation
        The activation :math:`\varphi`.
    kind : {'forward', 'backward', 'standard deviation'}
        Which gain.
    q : float
        Second moment of the pre-activations that is to be kept, positive and finite.

    Returns
    -------
    float
        The gain.

    Raises
    ------
    ValueError
        If the kind or the activation is unknown, ``q`` is out of range, or the moment is 0, so
        that no weights could keep it.

    Examples
    --------
    >>> round(gain("tanh"), 6), round(gain("tanh", "backward"), 6)
    (1.592537, 1.467414)
    >>> round(gain("relu", "standard deviation"), 4)
    1.7129
    """
    check_choice("kind", kind, _KINDS)
    phi = activations.get(activation)
    if kind == "backward":
        kept, moment = 1.0, moments.slope_second_moment(phi, q)
    else:
        passed = moments.second_moment if kind == "forward" else moments.variance
        kept, moment = q, passed(phi, q)
    if moment == 0:
        raise ValueError(f"{phi.name} has no {kind} gain at q = {q!r}: it passes nothing on")
    return float(np.sqrt(kept / moment))


def gains(names: Sequence[str | activations.Activation] | None = None) -> pd.DataFrame:
    r"""Return the three gains of activations at ``q = 1``, and whether q = 1 is stable.

    With the forward gain and no biases, ``q = 1`` is a fixed point of the q-map. An error in ``q``
    is multiplied by the slope of the map at each layer.

    Parameters
    ----------
    names : sequence of str or Activation, optional
        The activations; all that are registered by default.

    Returns
    -------
    pandas.DataFrame
        One row per activation: ``activation``, ``forward``, ``backward``, ``standard_deviation``,
        ``q_slope``, and ``stability``: "stable" if the slope is below 1; "marginal" if every
        ``q`` is a fixed point; "slowly unstable" if the slope is above 1, up to 1.2; "unstable" if
        it is above that; "no gain" if one of the numbers does not exist, which is then NaN.

    Raises
    ------
    TypeError
        If ``names`` is one name, or holds something else than activations.
    ValueError
        If a name is unknown, or none is given.

    Examples
    --------
    >>> print(gains(["relu", "gelu", "tanh"])[["activation", "q_slope", "stability"]].round(4))
      activation  q_slope        stability
    0       relu   1.0000         marginal
    1       gelu   1.1441  slowly unstable
    2       tanh   0.4611           stable
    """
    import pandas as pd  # here, so that a single gain is there at once

    names = activations.names() if names is None else names
    check_sequence("names", names)
    chosen = [activations.get(name) for name in names]
    if not chosen:
        raise ValueError(f"names must hold at least one activation, got {names!r}")
    return pd.DataFrame([_row(phi) for phi in chosen])


def _row(phi: activations.Activation) -> dict[str, str | float]:
    by_kind = {kind.replace(" ", "_"): _number_or_nan(gain, phi, kind) for kind in _KINDS}
    slope = np.nan
    if not np.isnan(by_kind["forward"]):
        slope = _number_or_nan(maps.q_slope, phi, 1.0, by_kind["forward"] ** 2)
    row = {"activation": phi.name, **by_kind, "q_slope": slope}
    missing = np.isnan([*by_kind.values(), slope]).any()
    return {**row, "stability": "no gain" if missing else _stability(phi, slope)}


def _number_or_nan(function: Callable[..., float], *arguments: object) -> float:
    try:
        return function(*arguments)
    except ValueError:  # a moment is 0 or infinite, or the activation jumps
        return np.nan


def _stability(phi: activations.Activation, slope: float) -> str:
    if maps.homogeneous(phi):
        return "marginal"
    if slope < 1:
        return "stable"
    return "slowly unstable" if slope <= 1.2 else "unstable"
