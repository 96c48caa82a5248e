"""One function for each kind of figure in the book, in the house style.

Every figure also describes its own data in text, which is what a new execution is compared by.

Read `style` (colours, lines, bands), `figures` (the kinds of figures), then `description` and
`words` (a figure as text).
"""

from weightinit.plotting.description import describe
from weightinit.plotting.figures import plot_filters, plot_spread, plot_theory, quartiles
from weightinit.plotting.style import COLORS, MARKERS, THEORY, series, use_style

__all__ = [
    "COLORS",
    "MARKERS",
    "THEORY",
    "describe",
    "plot_filters",
    "plot_spread",
    "plot_theory",
    "quartiles",
    "series",
    "use_style",
]
