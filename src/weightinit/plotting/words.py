"""The words and numbers that a description of a figure is made of."""

import numpy as np

DIGITS = 9
SHOW_ALL = 64  # data up to this length are printed in full
SAMPLE = 32  # longer data are printed as this many evenly spaced values, and a summary


def quote(text: str) -> str:
    """Put a text on one line, in quotes."""
    return f"'{' '.join(text.split())}'"


def label(artist) -> str:
    """Return the label; names made up by matplotlib ('_child3') say nothing and are left out."""
    text = str(artist.get_label() or "")
    return "without label" if not text or text.startswith("_") else quote(text)


def number(value) -> str:
    """Format with nine significant digits; a rounded whole number keeps a point at its end."""
    text = f"{value + 0.0:.{DIGITS}g}"
    # The point tells 2.00000000001 ("2.", compare by tolerance) from the count 2 ("2", exact).
    is_whole = text.lstrip("-").isdigit()
    return f"{text}." if is_whole and float(text) != value else text


def series(name: str, values) -> list[str]:
    """Describe an array: in full up to 64 values, by sample and summary above that."""
    values = np.ma.filled(np.ma.asarray(values, dtype=float), np.nan).ravel()
    if len(values) <= SHOW_ALL:
        return [f"  {name}: {', '.join(map(number, values)) or 'none'}"]
    if name in ("x", "x of the corners", "y of the corners") and np.all(np.isfinite(values)):
        # a grid drawn over: saying so is clearer than 32 numbers (and no tighter for rounding)
        grid = np.linspace(values[0], values[-1], len(values))
        if np.max(np.abs(values - grid)) <= 1e-9 * np.ptp(values):
            ends = f"{number(values[0])} to {number(values[-1])}"
            return [f"  {name}: {len(values)} values, evenly spaced from {ends}"]
    return _long_series(name, values)


def _long_series(name: str, values: np.ndarray) -> list[str]:
    shown = np.linspace(0, len(values) - 1, SAMPLE).round().astype(int)
    stretches = np.split(values, shown[1:-1])
    finite = values[np.isfinite(values)]
    counts = {
        "positive": np.sum(finite > 0),
        "negative": np.sum(finite < 0),
        "zero": np.sum(finite == 0),
        "nan": np.sum(np.isnan(values)),
        "inf": np.sum(np.isposinf(values)),
        "-inf": np.sum(np.isneginf(values)),
    }
    summary = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    mean = number(np.abs(finite).mean()) if len(finite) else "none"
    return [
        f"  {name}, {SAMPLE} of {len(values)}: {', '.join(map(number, values[shown]))}",
        f"  {name}, RMS of each stretch: {', '.join(number(_rms(part)) for part in stretches)}",
        f"  {name}, all: {summary}; mean magnitude {mean}, RMS {number(_rms(values))}",
    ]


def _rms(values: np.ndarray) -> float:
    """Root mean square of the finite values; scaled first, since 1e-200 squared would be 0."""
    values = np.abs(values[np.isfinite(values)])
    largest = values.max(initial=0.0)
    if largest == 0:
        return 0.0
    return float(largest * np.sqrt(np.mean((values / largest) ** 2)))
