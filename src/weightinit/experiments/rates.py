"""Learning rates that several experiments try."""

RATES = [round(10 ** (quarter / 4), 5) for quarter in range(-10, 2)]  # quarters of a decade
LARGE_RATES = [*RATES, *(round(10 ** (quarter / 4), 5) for quarter in range(2, 7))]


def half_decades(low: float, high: float) -> list[float]:
    """Return powers of the root of ten from ``10**low`` to ``10**high``, to five decimals."""
    return [round(10 ** (half / 2), 5) for half in range(round(2 * low), round(2 * high) + 1)]
