"""One function for each kind of figure in the book."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from weightinit.plotting.style import THEORY, series


def quartiles(data: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """Summarise repeated measurements: median and quartiles of ``y`` at every ``x``.

    Parameters
    ----------
    data : pandas.DataFrame
        One row per measurement, usually one per seed and ``x``.
    x, y : str
        Names of two of its columns.

    Returns
    -------
    pandas.DataFrame
        Columns ``low``, ``median`` and ``high``, indexed by the sorted values of ``x``.

    Raises
    ------
    ValueError
        If a column is missing, there are no rows, or a value is missing (NaN): a median that
        skips failed runs would hide them.

    Examples
    --------
    >>> data = pd.DataFrame({"layer": [1, 1, 1, 1, 1], "rms": [1.0, 2.0, 3.0, 4.0, 5.0]})
    >>> quartiles(data, "layer", "rms").loc[1].tolist()
    [2.0, 3.0, 4.0]
    """
    missing = {x, y} - set(data.columns)
    if missing:
        raise ValueError(f"no column {sorted(missing)}; the columns are: {list(data.columns)}")
    if data.empty:
        raise ValueError(f"there are no measurements of {y!r}: the table is empty")
    for column in (x, y):
        if count := data[column].isna().sum():
            raise ValueError(f"{count} of {len(data)} values of {column!r} are missing (NaN)")
    groups = data.groupby(x)[y]
    low, median, high = (groups.quantile(share) for share in (0.25, 0.5, 0.75))
    return pd.DataFrame({"low": low, "median": median, "high": high})


def plot_spread(
    data: pd.DataFrame,
    x: str,
    y: str,
    *,
    label: str,
    index: int = 0,
    connect: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw measurements over seeds: markers at the medians, a band between the quartiles.

    Parameters
    ----------
    data, x, y
        As in `quartiles`.
    label : str
        Name of the series in the legend.
    index : int
        Number of the series, which chooses its colour and marker, from 0 to 6.
    connect : bool
        Join the medians by a thin line. Leave it out where a line of theory is drawn over them.
    ax : matplotlib.axes.Axes, optional
        Where to draw; the current axes by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    ValueError
        As `quartiles` and `series`.

    Examples
    --------
    >>> data = pd.DataFrame({"layer": [1, 1, 2, 2], "rms": [1.0, 2.0, 3.0, 4.0]})
    >>> ax = plot_spread(data, "layer", "rms", label="measured", ax=plt.figure().add_subplot())
    >>> ax.lines[0].get_ydata().tolist()
    [1.5, 3.5]
    """
    ax = plt.gca() if ax is None else ax
    spread = quartiles(data, x, y)
    style = series(index)
    ax.fill_between(
        spread.index,
        spread["low"],
        spread["high"],
        color=style["color"],
        alpha=0.25,
        linewidth=0,
        label=f"_quartiles of {label}",  # the underscore keeps the band out of the legend
    )
    style |= {"linewidth": 1.0} if connect else {"linestyle": "none"}
    ax.plot(spread.index, spread["median"], label=label, **style)
    return ax


def plot_theory(
    x, y, *, label: str | None, index: int | None = None, ax: Axes | None = None
) -> Axes:
    """Draw what theory predicts: a dashed line without markers, on top of the measurements.

    Parameters
    ----------
    x, y : 1-D array
        The predicted curve.
    label : str or None
        Name in the legend; None for a line that needs none, because another stands for it.
    index : int, optional
        Number of the measured series it belongs to; black by default.
    ax : matplotlib.axes.Axes, optional
        Where to draw; the current axes by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    ValueError
        As `series`.

    Examples
    --------
    >>> ax = plot_theory([1, 2], [0.5, 1.0], label="theory", ax=plt.figure().add_subplot())
    >>> ax.lines[0].get_linestyle()
    '--'
    """
    ax = plt.gca() if ax is None else ax
    color = "black" if index is None else series(index)["color"]
    ax.plot(x, y, color=color, label=label or "_theory", zorder=3, **THEORY)
    return ax


def plot_filters(weights, *, limit: float, columns: int = 4, ax: Axes | None = None) -> Axes:
    """Draw the weights of first-layer units as square images, on one symmetric colour scale.

    Parameters
    ----------
    weights : array or tensor, shape (units, pixels)
        One row per unit; the number of pixels is a square and the units fill whole rows.
    limit : float
        The colour scale runs from ``-limit`` (blue) over 0 (white) to ``limit`` (red).
    columns : int
        Images per row.
    ax : matplotlib.axes.Axes, optional
        Where to draw; the current axes by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    ValueError
        If the pixels do not make a square or the units do not fill the rows.

    Examples
    --------
    >>> ax = plot_filters(np.zeros((8, 64)), limit=1.0, ax=plt.figure().add_subplot())
    >>> ax.images[0].get_array().shape
    (17, 35)
    """
    weights = np.asarray(weights)
    side = math.isqrt(weights.shape[-1])
    if weights.ndim != 2 or side**2 != weights.shape[1] or len(weights) % columns:
        raise ValueError(
            "weights must have shape (units, pixels) with a square number of pixels and "
            f"units in whole rows of {columns}, got {weights.shape}"
        )
    ax = plt.gca() if ax is None else ax
    tiles = weights.reshape(-1, columns, side, side)
    # A white line between neighbours: one row and one column of NaN, cut off at the outer edge.
    tiles = np.pad(tiles, ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=np.nan)
    picture = tiles.transpose(0, 2, 1, 3).reshape(len(tiles) * (side + 1), -1)[:-1, :-1]
    ax.imshow(picture, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
    ax.set_axis_off()
    return ax
