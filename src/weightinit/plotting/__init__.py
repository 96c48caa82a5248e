"""One function for each kind of figure in the book, in the house style.

Every figure also describes its own data in text, which is what a new execution is compared by.

Read `style` (colours, lines, the look of a band), `figures` (the kinds of figures), then
`description` (a figure as text) and `words` (its numbers).
"""

from weightinit.plotting.description import describe
from weightinit.plotting.figures import (
    legend,
    plot_filters,
    plot_spread,
    plot_theory,
    quartiles,
)
from weightinit.plotting.style import COLORS, THEORY, series, use_style

__all__ = [
    "COLORS",
    "THEORY",
    "describe",
    "legend",
    "plot_filters",
    "plot_spread",
    "plot_theory",
    "quartiles",
    "series",
    "use_style",
]
