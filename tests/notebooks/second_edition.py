"""Rules for the chapters that have been rewritten: captions, length, and text that can be read.

They apply to the notebooks in `SECOND_EDITION` alone; a chapter joins when it is ready.
"""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plt
from nbformat import NotebookNode

from tools.reading import MARKUP, counts, minutes
from weightinit import plotting

# Names of notebooks; the others join as they are rewritten.
SECOND_EDITION = {
    "01_vanishing_gradients",
    "02_xavier_initialization",
    "03_activation_saturation",
    "04_exploding_gradients",
    "05_role_of_initialization",
    "06_batchnorm_and_he",
}

# Pages of "Further experiments" that keep the same rules; their figures are 1, 2, ...
FURTHER = {
    "edge_of_stability",
    "library_defaults",
    "loss_scaling",
    "normalization_variants",
    "recurrent",
}

# The other pages of "Further experiments": their figures have captions, too.
CAPTIONED = {
    "activations_in_practice",
    "confident_output",
    "data_dependent_starts",
    "first_layers",
    "fixup_and_mup",
    "last_bit",
    "linear_networks",
    "old_start",
}

MAX_MINUTES = 35
MAX_MINUTES_FURTHER = 15
MAX_CODE_LINES = 200
FIRST_SCREEN = 120  # words between the box "In this chapter" and the first figure, at most
PHONE = 343  # pixels that a figure has on a phone of 375
MIN_TEXT = 9  # pixels
SHARP = 2  # pixels of a stored picture for one of its figure

FOLDED = {"hide-input", "hide-cell", "remove-input"}
CAPTION = re.compile(r"\((?P<label>fig-[\w-]+)\)=\n\*\*Figure (?P<number>[\d.]+)\.\*\* \S")
STYLE_SIZES = ("font.size", "legend.fontsize", "xtick.labelsize", "ytick.labelsize")
FONT_SIZE = re.compile(r"(?:font|label)size\"?\s*[=:]\s*([\d.]+)")
BOX = re.compile(r"^(`{3,}|:{3,})\{admonition\} In this chapter.*?^\1[ \t]*$", re.M | re.S)

Faults = Iterator[str]


def applies(path: Path) -> bool:
    """Say whether a notebook has to keep these rules."""
    return path.stem in SECOND_EDITION | FURTHER


def numbering(path: Path) -> tuple[str, str]:
    """Return what stands before the number of a figure, and before that in its label.

    Examples
    --------
    >>> numbering(Path("03_activation_saturation.ipynb"))
    ('3.', 'fig-3-')
    >>> numbering(Path("edge_of_stability.ipynb"))
    ('', 'fig-edge-of-stability-')
    """
    if path.stem in FURTHER | CAPTIONED:
        return "", f"fig-{path.stem.replace('_', '-')}-"
    chapter = path.stem.split("_")[0].lstrip("0")
    return f"{chapter}.", f"fig-{chapter}-"


def figures(notebook: NotebookNode) -> list[tuple[int, str]]:
    """List the visible figures: the place of each one's cell, and its PNG in base64."""
    return [
        (place, output.data["image/png"])
        for place, cell in enumerate(notebook.cells)
        if cell.cell_type == "code" and "hide-cell" not in cell.metadata.get("tags", ())
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]


def figures_are_captioned(path: Path, notebook: NotebookNode) -> Faults:
    """A figure has a number and a caption, and the text says when to look at it."""
    if not applies(path) and path.stem not in CAPTIONED:
        return
    before, prefix = numbering(path)
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for turn, (place, _) in enumerate(figures(notebook), start=1):
        number, label = f"{before}{turn}", f"{prefix}{turn}"
        below = notebook.cells[place + 1 : place + 2]
        caption = CAPTION.match(below[0].source) if below else None
        if caption is None:
            yield f"no ({label})= **Figure {number}.** stands below the figure of cell {place}"
        elif (caption["number"], caption["label"]) != (number, label):
            yield f"figure {number} is called {caption['number']}, its label {caption['label']}"
        if f"](#{label})" not in prose:
            yield f"no sentence refers to figure {number}: [Figure {number}](#{label})"


def within_budget(path: Path, notebook: NotebookNode) -> Faults:
    """A chapter can be read in one sitting, and shows a picture before any code."""
    if not applies(path):
        return
    most = MAX_MINUTES_FURTHER if path.stem in FURTHER else MAX_MINUTES
    if (needed := round(minutes(notebook))) > most:
        yield f"it takes {needed} minutes to read, at most {most}"
    if (lines := counts(notebook)["code lines"]) > MAX_CODE_LINES:
        yield f"{lines} lines of code are visible, at most {MAX_CODE_LINES}"
    first = next((place for place, _ in figures(notebook)), len(notebook.cells))
    words, open_code = 0, False
    for cell in notebook.cells[: first + 1]:
        if cell.cell_type == "markdown":
            after_box = BOX.split(cell.source)[-1]
            words += len(re.findall(r"\S*\w\S*", MARKUP.sub("", after_box)))
        else:
            open_code |= not FOLDED & set(cell.metadata.get("tags", ()))
    if open_code:
        yield f"code is open before or at the first figure; fold it: {', '.join(sorted(FOLDED))}"
    if words > FIRST_SCREEN:
        yield f"{words} words come before the first figure, at most {FIRST_SCREEN}"
    for cell in notebook.cells:
        tags = set(cell.metadata.get("tags", ()))
        if cell.cell_type == "code" and "use_style()" in cell.source and not tags & FOLDED:
            yield "the set-up cell is open; fold it"


def text_can_be_read(path: Path, notebook: NotebookNode) -> Faults:
    """No text in a figure is below 9 pixels on a phone: the wider a figure, the smaller its text.

    Exponents and indices are no smaller: the house style sees to it.
    """
    if not applies(path):
        return
    for turn, (place, png) in enumerate(figures(notebook), start=1):
        (width,) = struct.unpack(">I", base64.b64decode(png)[16:20])  # as PNG's header has it
        sizes = [float(size) for size in FONT_SIZE.findall(notebook.cells[place].source)]
        if (shown := text_height(width, *sizes)) < MIN_TEXT:
            yield f"figure {turn} is {width} pixels wide, its least text {shown:.1f} on a phone"


def text_height(width: int, *sizes: float) -> float:
    """Return the pixels of the least text when a figure fills a phone.

    Text has the sizes of the house style, and those that a cell sets besides, in points.
    """
    with plt.rc_context():
        plotting.use_style()
        least = min(*sizes, *(plt.rcParams[name] for name in STYLE_SIZES))
        return least / 72 * SHARP * plt.rcParams["figure.dpi"] * PHONE / width
