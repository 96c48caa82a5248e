"""Learning rates that several experiments try."""

RATES = [round(10 ** (quarter / 4), 5) for quarter in range(-10, 2)]  # quarters of a decade
LARGE_RATES = [*RATES, *(round(10 ** (quarter / 4), 5) for quarter in range(2, 7))]


def half_decades(low: float, high: float) -> list[float]:
    """Return powers of the root of ten, from ``10 ** low`` to ``10 ** high``.

    Parameters
    ----------
    low, high : float
        Exponents, multiples of a half.

    Returns
    -------
    list of float
        Rounded to five decimals.

    Examples
    --------
    >>> half_decades(-1, 0.5)
    [0.1, 0.31623, 1.0, 3.16228]
    """
    return [round(10 ** (half / 2), 5) for half in range(round(2 * low), round(2 * high) + 1)]
