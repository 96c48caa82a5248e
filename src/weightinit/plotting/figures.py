"""One function for each kind of figure in the book."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.container import Container
from matplotlib.legend import Legend

from weightinit._checks import (
    as_numbers,
    check_choice,
    check_instance,
    check_positive,
    check_size,
)
from weightinit.plotting.style import BAND, JOINED, THEORY, UNJOINED, WEIGHTS, series


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
    TypeError
        If ``data`` is not a table.
    ValueError
        If a column is missing or does not hold numbers, there are no rows, a value is missing
        (NaN): a median that skips failed runs would hide them; or a quartile lies between
        infinities.

    Examples
    --------
    >>> data = pd.DataFrame({"layer": [1, 1, 1, 1, 1], "rms": [1.0, 2.0, 3.0, 4.0, 5.0]})
    >>> quartiles(data, "layer", "rms").loc[1].tolist()
    [2.0, 3.0, 4.0]
    """
    check_instance("data", data, pd.DataFrame)
    if missing := [name for name in (x, y) if name not in list(data.columns)]:
        raise ValueError(f"no column {missing}; the columns are: {list(data.columns)}")
    if data.empty:
        raise ValueError(f"there are no measurements of {y!r}: the table is empty")
    for column in (x, y):
        if count := data[column].isna().sum():
            raise ValueError(f"{count} of {len(data)} values of {column!r} are missing (NaN)")
    if not pd.api.types.is_numeric_dtype(data[y]) or pd.api.types.is_bool_dtype(data[y]):
        raise ValueError(f"column {y!r} must hold numbers, got {data[y].dtype}")
    groups = data.groupby(x)[y]
    low, median, high = (groups.quantile(share) for share in (0.25, 0.5, 0.75))
    spread = pd.DataFrame({"low": low, "median": median, "high": high})
    if spread.isna().any(axis=None):
        raise ValueError(f"{y!r} holds so many infinities that a quartile lies between them")
    return spread


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
    TypeError, ValueError
        As `quartiles` and `series`; if ``label`` is not text or ``ax`` not axes.

    Examples
    --------
    >>> data = pd.DataFrame({"layer": [1, 1, 2, 2], "rms": [1.0, 2.0, 3.0, 4.0]})
    >>> ax = plot_spread(data, "layer", "rms", label="measured", ax=plt.figure().add_subplot())
    >>> ax.lines[0].get_ydata().tolist()
    [1.5, 3.5]
    """
    spread, style = quartiles(data, x, y), series(index)
    check_instance("label", label, str)
    check_choice("connect", connect, (True, False))
    ax = _axes(ax)
    # The underscore keeps the band out of the legend.
    band = {"color": style["color"], "label": f"_quartiles of {label}", **BAND}
    ax.fill_between(spread.index, spread["low"], spread["high"], **band)
    style |= JOINED if connect else UNJOINED
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
    TypeError, ValueError
        As `series`; if ``x`` and ``y`` are not numbers, or not equally many.

    Examples
    --------
    >>> ax = plot_theory([1, 2], [0.5, 1.0], label="theory", ax=plt.figure().add_subplot())
    >>> ax.lines[0].get_linestyle()
    '--'
    """
    color = "black" if index is None else series(index)["color"]
    x, y = as_numbers("x", x), as_numbers("y", y)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"x and y must be 1-D of one length, got shapes {x.shape} and {y.shape}")
    if label is not None:
        check_instance("label", label, str)
    ax = _axes(ax)
    ax.plot(x, y, color=color, label=label or "_theory", zorder=3, **THEORY)
    return ax


def legend(ax: Axes | None = None, **options) -> Legend:
    """Draw a legend in which theory stands last, in whatever order things were drawn.

    Parameters
    ----------
    ax : matplotlib.axes.Axes, optional
        Whose series to list, and where; the current axes by default.
    **options
        Passed to ``Axes.legend``, such as ``loc``.

    Returns
    -------
    matplotlib.legend.Legend
        The legend.

    Raises
    ------
    TypeError
        If ``ax`` is not axes.

    Examples
    --------
    >>> ax = plot_theory([1, 2], [0.5, 1.0], label="theory", ax=plt.figure().add_subplot())
    >>> _ = ax.plot([1, 2], [0.6, 1.1], "o", label="measured")
    >>> [text.get_text() for text in legend(ax).get_texts()]
    ['measured', 'theory']
    """
    ax = _axes(ax)
    entries = list(zip(*ax.get_legend_handles_labels(), strict=True))
    entries.sort(key=lambda entry: _is_theory(entry[0]))  # others keep their order
    return ax.legend([handle for handle, _ in entries], [text for _, text in entries], **options)


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
    TypeError, ValueError
        If the weights are not numbers, the pixels do not make a square, the units do not fill the
        rows, or ``limit`` is not positive.

    Examples
    --------
    >>> ax = plot_filters(np.zeros((8, 64)), limit=1.0, ax=plt.figure().add_subplot())
    >>> ax.images[0].get_array().shape
    (17, 35)
    """
    weights = as_numbers("weights", weights)
    check_positive("limit", limit)
    check_size("columns", columns)
    side = math.isqrt(weights.shape[-1]) if weights.ndim else 0
    if (
        weights.ndim != 2
        or weights.size == 0
        or side**2 != weights.shape[1]
        or len(weights) % columns
    ):
        raise ValueError(
            "weights must have shape (units, pixels) with a square number of pixels and "
            f"units in whole rows of {columns}, got {weights.shape}"
        )
    ax = _axes(ax)
    tiles = weights.reshape(-1, columns, side, side)
    # A white line between neighbours: one row and one column of NaN, cut off at the outer edge.
    tiles = np.pad(tiles, ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=np.nan)
    picture = tiles.transpose(0, 2, 1, 3).reshape(len(tiles) * (side + 1), -1)[:-1, :-1]
    ax.imshow(picture, vmin=-limit, vmax=limit, **WEIGHTS)
    ax.set_axis_off()
    return ax


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        check_instance("ax", ax, Axes, "plt.gca()")
    return plt.gca() if ax is None else ax


def _is_theory(handle: Artist | Container) -> bool:
    return isinstance(handle, Artist) and handle.get_gid() == THEORY["gid"]
