"""Say in words and numbers what a matplotlib figure shows.

A stored notebook keeps a figure as a picture, and two pictures cannot be compared by tolerance.
The description can: it travels with the picture as its ``text/plain`` form, so the stored
notebook carries the numbers that were drawn. It also serves a reader who cannot see the picture.
"""

from collections.abc import Iterator
from functools import singledispatch

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.category import UnitData
from matplotlib.collections import (
    FillBetweenPolyCollection,
    PathCollection,
    QuadMesh,
)
from matplotlib.container import BarContainer, Container
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import AxLine, Line2D
from matplotlib.patches import FancyArrowPatch, Patch, Rectangle
from matplotlib.text import Annotation, Text
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter

from weightinit.plotting.words import label as _label
from weightinit.plotting.words import number as _number
from weightinit.plotting.words import quote as _quote
from weightinit.plotting.words import series as _series


def describe(figure: Figure) -> str:
    """Describe the data that a figure shows.

    Parameters
    ----------
        figure : matplotlib.figure.Figure
            Any figure. Hidden axes and artists are left out, as they are in the picture.

    Returns
    -------
    str
        For each axes its title, labels and scales, then every artist with its label and its
        data, with nine significant digits. Up to 64 values are given in full. Of longer data
        one finds 32 evenly spaced values, the root mean square (RMS) of each stretch between
        them and counts by sign, so that moving a hidden value still moves a number on show.
        An artist that cannot be put into numbers is named, never dropped.

    Raises
    ------
    TypeError
        If `figure` is not a matplotlib figure.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> figure = Figure()
    >>> axes = figure.add_subplot(title="gradients", xlabel="layer", yscale="log")
    >>> _ = axes.plot([1, 2, 3], [1e-4, 1e-2, 1], "--", label="theory")
    >>> print(describe(figure))
    Figure with 1 axes
    axes 1: 'gradients'
      x: 'layer' (linear); y: no label (log)
      line 'theory' (style --), 3 points
        x: 1, 2, 3
        y: 0.0001, 0.01, 1
    """
    if not isinstance(figure, Figure):
        raise TypeError(f"figure must be a matplotlib Figure, got {type(figure).__name__}")
    shown = [ax for ax in _all_axes(figure.axes) if ax.get_visible()]
    out = [f"Figure with {len(shown)} axes"]
    for part in (figure, *figure.subfigs):
        # the layout engine moves these texts, so only what they say is described
        out += [f"text {_quote(t.get_text())}" for t in part.texts if t.get_text()]
        out += [_legend(legend) for legend in part.legends]
        for artist in (*part.lines, *part.patches, *part.images, *part.artists):
            out += _describe(artist, None)
    for number, ax in enumerate(shown, start=1):
        out += _axes(ax, number)
    return "\n".join(out)


# --- axes ------------------------------------------------------------------------------------


def _all_axes(axes: list[Axes]) -> Iterator[Axes]:
    for ax in axes:
        yield ax
        yield from _all_axes(ax.child_axes)


def _axes(ax: Axes, number: int) -> list[str]:
    titles = [ax.get_title(loc) for loc in ("left", "center", "right")]
    head = ", ".join(_quote(title) for title in titles if title) or "no title"
    if ax.get_label() == "<colorbar>":  # its colours repeat the limits given with the image
        label = ax.get_ylabel() or ax.get_xlabel()
        return [f"axes {number}: colour bar {_quote(label) if label else 'without label'}"]
    x, y = (
        f"{name}: {_quote(axis.get_label_text()) if axis.get_label_text() else 'no label'}"
        f" ({axis.get_scale()})"
        for name, axis in (("x", ax.xaxis), ("y", ax.yaxis))
    )
    out = [f"{x}; {y}" if ax.axison else f"{x}; {y}; axis lines hidden"]
    for name, axis in (("x", ax.xaxis), ("y", ax.yaxis)):
        if words := _tick_words(axis):
            out.append(f"{name} ticks: {', '.join(map(_quote, words))}")
    if ax.get_legend():
        out.append(_legend(ax.get_legend()))
    for artist in _artists(ax):
        out += _describe(artist, ax)
    return [f"axes {number}: {head}", *(f"  {line}" for line in out)]


def _tick_words(axis: Axis) -> list[str]:
    """Return the labels of the ticks if somebody wrote them; numbers follow from the data."""
    if isinstance(axis.units, UnitData):  # categories, as in axes.bar(["a", "b"], [1, 2])
        return list(axis.units._mapping)
    locator, formatter = axis.get_major_locator(), axis.get_major_formatter()
    if isinstance(formatter, FixedFormatter):
        return [str(text) for text in formatter.seq if text]
    if isinstance(locator, FixedLocator) and isinstance(formatter, FuncFormatter):
        return [formatter(place) for place in locator.locs]
    return []


def _artists(ax: Axes) -> Iterator[Artist | Container]:
    """Yield what `ax` shows, each thing once: the parts of a container only within it."""
    owned = {id(part) for container in ax.containers for part in container.get_children()}
    yield from ax.containers
    for artist in (*ax.lines, *ax.collections, *ax.patches, *ax.images, *ax.texts, *ax.artists):
        if artist.get_visible() and id(artist) not in owned:
            yield artist


def _legend(legend) -> str:
    title = legend.get_title().get_text()
    texts = ", ".join(_quote(text.get_text()) for text in legend.get_texts())
    return f"legend{' ' + _quote(title) if title else ''}: {texts}"


# --- one kind of artist each -----------------------------------------------------------------


@singledispatch
def _describe(artist, ax: Axes | None) -> list[str]:
    return [f"{type(artist).__name__} {_label(artist)}, not described in numbers"]


@_describe.register
def _(line: Line2D, ax) -> list[str]:
    label = _label(line)
    x, y = line.get_xdata(orig=False), line.get_ydata(orig=False)
    if ax is not None and line.get_transform() == ax.get_yaxis_transform():
        return [f"horizontal line {label} at y = {_number(y[0])}"]
    if ax is not None and line.get_transform() == ax.get_xaxis_transform():
        return [f"vertical line {label} at x = {_number(x[0])}"]
    style = [f"style {line.get_linestyle()}"] if line.get_linestyle() != "None" else []
    style += [f"marker {line.get_marker()}"] if line.get_marker() not in ("None", "", None) else []
    head = f"line {label} ({', '.join(style) or 'invisible'}), {len(x)} points"
    return [head, *_series("x", x), *_series("y", y)]


@_describe.register
def _(line: AxLine, ax) -> list[str]:
    through = line.get_xy1(), line.get_xy2() or f"slope {_number(line.get_slope())}"
    return [f"infinite line {_label(line)} through {through[0]}, {through[1]}"]


@_describe.register
def _(band: FillBetweenPolyCollection, ax) -> list[str]:
    """Take a band apart: fill_between stores start, first edge, end, second edge backwards."""
    out = []
    for path in band.get_paths():
        vertices = path.vertices[: -1 if path.codes is not None else None]
        n = (len(vertices) - 2) // 2
        first, second = vertices[1 : n + 1], vertices[n + 2 :][::-1]
        sideways = band.t_direction == "y"
        t, f = (1, 0) if sideways else (0, 1)
        out += [f"band {_label(band)}, {n} points", *_series("y" if sideways else "x", first[:, t])]
        out += [*_series("from", first[:, f]), *_series("to", second[:, f])]
    return out or [f"band {_label(band)}, empty"]


@_describe.register
def _(points: PathCollection, ax) -> list[str]:
    x, y = np.ma.filled(np.ma.asarray(points.get_offsets(), float), np.nan).T
    out = [f"points {_label(points)}, {len(x)} points", *_series("x", x), *_series("y", y)]
    if points.get_array() is not None:
        out += [*_series("colour value", points.get_array()), _colour_limits(points)]
    sizes = points.get_sizes()
    return out + (_series("size", sizes) if len(np.unique(sizes)) > 1 else [])


@_describe.register
def _(bars: BarContainer, ax) -> list[str]:
    across = bars.orientation == "horizontal"
    box = np.array([[p.get_x(), p.get_y(), p.get_width(), p.get_height()] for p in bars.patches])
    box = box.reshape(-1, 4)[:, [1, 0, 3, 2]] if across else box.reshape(-1, 4)
    start, width = box[:, 0], box[:, 2]
    start = np.where(np.abs(start) < 1e-12 * np.abs(width), 0, start)  # centre - width / 2 rounds
    out = [f"bars {_label(bars)}, {len(box)} bars, {bars.orientation or 'vertical'}"]
    out += [*_series("from", start), *_series("to", start + width), *_series("length", box[:, 3])]
    return out + (_series("base", box[:, 1]) if np.any(box[:, 1]) else [])


@_describe.register
def _(image: AxesImage, ax) -> list[str]:
    array = image.get_array()
    shape = " x ".join(map(str, array.shape))
    out = [f"image {_label(image)}, {shape} values in rows", _colour_limits(image)]
    if ax is not None:
        out += _series("left, right, bottom, top", image.get_extent())
    return out + _series("values", array)


@_describe.register
def _(mesh: QuadMesh, ax) -> list[str]:
    corners = mesh.get_coordinates()
    rows, columns = corners.shape[0] - 1, corners.shape[1] - 1
    out = [f"mesh {_label(mesh)}, {rows} x {columns} cells in rows", _colour_limits(mesh)]
    if np.all(corners[..., 0] == corners[:1, :, 0]) and np.all(
        corners[..., 1] == corners[:, :1, 1]
    ):
        corners_x, corners_y = corners[0, :, 0], corners[:, 0, 1]
    else:
        corners_x, corners_y = corners[..., 0], corners[..., 1]
    out += [*_series("x of the corners", corners_x), *_series("y of the corners", corners_y)]
    return out + _series("values", mesh.get_array())


@_describe.register
def _(patch: Patch, ax) -> list[str]:
    head = f"{type(patch).__name__} {_label(patch)}"
    if isinstance(patch, FancyArrowPatch):  # its outline depends on the resolution
        return [f"{head}, not described in numbers"]
    if isinstance(patch, Rectangle):
        corner = *patch.get_xy(), *patch.get_bbox().max
        return [head, *_series("left, bottom, right, top", corner)]
    outline = patch.get_patch_transform().transform_path(patch.get_path()).vertices
    return [head, *_series("outline x", outline[:, 0]), *_series("outline y", outline[:, 1])]


@_describe.register
def _(text: Text, ax) -> list[str]:
    if not text.get_text():
        return []
    place = text.xy if isinstance(text, Annotation) else text.get_position()
    where = ", ".join(_number(v) if np.isreal(v) else _quote(str(v)) for v in place)
    return [f"text {_quote(text.get_text())} at ({where})"]


def _colour_limits(artist) -> str:
    low, high = artist.get_clim()
    if low is None:
        return "  no colour limits"
    return f"  colour limits {_number(low)} to {_number(high)} ({type(artist.norm).__name__})"
