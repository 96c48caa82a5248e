"""Whether the formulas of an activation agree with each other.

Use `weightinit.activations.check`.
"""

import numpy as np

from weightinit._activation import Activation


def check(activation: Activation) -> Activation:
    """Return an activation of your own if its formulas agree with each other.

    Compares `df` with central differences of `f` on [-6, 6], away from the kinks, to 1e-6,
    and `f` with `bounds`. Further out, for abs(h) up to 1e4, neither may be NaN.

    Raises
    ------
    ValueError
        With the reason and the first point at which it fails.

    Examples
    --------
    >>> check(Activation("square", lambda h: h**2, lambda h: 2 * h))
    Activation('square')
    """
    step = 1e-5
    # Beside the round numbers: at the kink of abs(h) itself, central differences give sign(h).
    h = np.linspace(-6, 6, 1201) + step / 3
    for kink in activation.kinks:
        h = h[np.abs(h - kink) > 2 * step]
    with np.errstate(all="ignore"):  # what comes of it is judged below
        value, slope = activation(h), np.asarray(activation.df(h), dtype=np.float64)
        numeric = (activation(h + step) - activation(h - step)) / (2 * step)
    if value.shape != h.shape or slope.shape != h.shape:
        raise ValueError(f"{activation.name}: f and df must keep the shape of their argument")
    wrong = ~(np.abs(slope - numeric) <= 1e-6 * np.maximum(1, np.abs(numeric)))  # NaN is wrong
    low, high = activation.bounds
    outside = (value < low - 1e-12) | (value > high + 1e-12)
    for reason, bad in (
        ("f is not finite", ~np.isfinite(value)),
        ("df is not the derivative of f, or a kink is missing", wrong),
        (f"f leaves its bounds {activation.bounds}", outside),
    ):
        if np.any(bad):
            i = np.argmax(bad)
            raise ValueError(
                f"{activation.name}: {reason}: at h = {h[i]:g}, f = {value[i]:g}, "
                f"df = {slope[i]:g}, central difference {numeric[i]:g}"
            )
    # A naive formula can overflow into NaN far out, as exp(h) / (1 + exp(h)) does from 710 on.
    far = np.geomspace(6, 1e4, 200)
    far = np.concatenate([-far[::-1], far])
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        for what, formula in (("f", activation.f), ("df", activation.df)):
            if np.any(bad := np.isnan(formula(far))):
                at = far[bad][np.argmin(np.abs(far[bad]))]
                raise ValueError(f"{activation.name}: {what} is NaN at h = {at:g}")
    return activation
