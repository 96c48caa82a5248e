"""The look of every figure in the book, and how a figure gets into a notebook."""

import base64
import io

import matplotlib.pyplot as plt
from cycler import cycler
from matplotlib import _mathtext
from matplotlib.figure import Figure
from PIL import Image  # comes with matplotlib

from weightinit._checks import check_choice
from weightinit.plotting.description import describe

# Okabe and Ito's palette (2008), told apart under every common kind of colour blindness.
# Its yellow is left out: a yellow line on white is too faint for anyone.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
# One marker and one dash pattern per colour, so that no meaning rests on colour alone.
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)), (0, (9, 2)), (0, (3, 1)), "-.")
# What theory predicts is a dashed line without markers; what was measured has markers. A legend
# knows it by its gid.
THEORY = {"linestyle": "--", "marker": "", "linewidth": 1.6, "gid": "theory"}
# The band between quartiles lies behind them: its series' colour, pale, without an edge.
BAND = {"alpha": 0.25, "linewidth": 0}
JOINED = {"linewidth": 1.0}  # medians joined by a line thinner than a curve of many points
UNJOINED = {"linestyle": "none"}
# The inline backend's word for pictures with two pixels for each, as good screens have.
SHARP = {"retina"}
# Weights by sign: blue below 0, white at 0, red above.
WEIGHTS = {"cmap": "RdBu_r", "interpolation": "nearest"}

_STYLE = {
    # 5.6 inches on a phone (343 px inside the margins) leave 12 pt text 10 px high, and 11 pt 9 px
    "figure.figsize": (5.6, 3.8),
    "figure.dpi": 112,  # a page shows 640 such pixels; see SHARP
    "savefig.dpi": "figure",
    "figure.facecolor": "white",  # opaque: the text stays dark on light in the dark theme
    "savefig.facecolor": "white",
    "axes.facecolor": "white",
    "figure.constrained_layout.use": True,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib, so it is the same everywhere
    "mathtext.fontset": "dejavusans",
    "font.size": 12,
    "axes.titlesize": 12,
    "axes.labelsize": 12,
    "xtick.labelsize": 11,
    "ytick.labelsize": 11,
    "legend.fontsize": 11,
    "legend.frameon": True,
    "legend.framealpha": 0.9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.7,
    "lines.linewidth": 1.8,
    "lines.markersize": 5.5,
    "image.cmap": "cividis",
    "axes.prop_cycle": cycler(color=COLORS) + cycler(marker=MARKERS),
}


def use_style() -> None:
    """Set the house style and, in a notebook, let figures describe themselves.

    Call it once, in the first code cell. In a notebook every figure is then shown as a PNG, with
    two pixels for each of a page and the text of `describe` as its ``text/plain`` form. End a
    plotting cell with ``plt.show()``: it shows each open figure once and closes it. Outside a
    notebook only the style is set.

    Examples
    --------
    >>> use_style()
    >>> plt.rcParams["axes.spines.top"]
    False
    """
    shell = _notebook_shell()
    if shell is not None:
        from matplotlib_inline.config import InlineBackend  # comes with a notebook's kernel

        # The order matters. Configuring the inline backend throws away every formatter for
        # figures that was registered before, so it has to come first.
        InlineBackend.instance().figure_formats = SHARP
        shell.enable_matplotlib("inline")
        formatters = shell.display_formatter.formatters
        formatters["text/plain"].for_type(Figure, _print_description)
        pictures = formatters["image/png"]
        if Figure not in pictures:
            raise RuntimeError("the inline backend is configured without PNG; figures need it")
        draw = pictures.lookup_by_type(Figure)
        pictures.for_type(Figure, lambda figure: _with_few_colors(*draw(figure)))
    plt.rcParams.update(_STYLE)
    # Exponents and indices as large as the rest: at matplotlib's 0.7 a phone shows them 6 px high.
    # It has no setting for this; a test says so should the constant ever lose its effect.
    _mathtext.SHRINK_FACTOR = 1.0


def series(index: int, *, measured: bool = True) -> dict:
    """Style of the series with this number: its colour with its marker, or with its dashes.

    Parameters
    ----------
    index : int
        Number of the series, from 0 to 6.
    measured : bool
        True gives a solid line with markers (a few measured points), False a dash pattern
        without markers (a curve of many points).

    Returns
    -------
    dict
        Keyword arguments for ``Axes.plot``.

    Raises
    ------
    ValueError
        If there is no series with that number (seven can be told apart, more cannot), or
        `measured` is not a bool.

    Examples
    --------
    >>> series(1)
    {'color': '#D55E00', 'marker': 's', 'linestyle': '-'}
    """
    if isinstance(index, bool) or index not in range(len(COLORS)):
        raise ValueError(f"index must be a whole number from 0 to {len(COLORS) - 1}, got {index!r}")
    check_choice("measured", measured, (True, False))
    if measured:
        return {"color": COLORS[index], "marker": MARKERS[index], "linestyle": "-"}
    return {"color": COLORS[index], "marker": "", "linestyle": DASHES[index]}


def _notebook_shell():
    """Return the IPython shell of a Jupyter kernel, or None elsewhere."""
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    shell = get_ipython()
    return shell if hasattr(shell, "kernel") else None


def _with_few_colors(png: str, metadata: dict) -> tuple[str, dict]:
    """Return a PNG in base64 with 256 colours at most: a third of its size, and no one sees it."""
    with Image.open(io.BytesIO(base64.b64decode(png))) as picture:
        flat = picture.convert("RGB")  # the house style's figures are opaque
    file = io.BytesIO()
    small = flat.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    small.save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode(), metadata


def _print_description(figure: Figure, printer, cycle: bool) -> None:
    printer.text(describe(figure))
