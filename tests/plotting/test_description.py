"""Tests of description.py and words.py: whatever is drawn and moved changes the description."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.notebooks.numbers_in_text import differences
from weightinit.plotting import words
from weightinit.plotting.description import describe

X = np.array([1.0, 2.0, 3.0])
GRID = np.linspace(0, 1, 200)


def by_function(axes):
    axes.yaxis.set_major_formatter(lambda value, place=None: f"<{value:g}>")


def described(draw):
    figure = Figure()
    draw(figure.add_subplot())
    return describe(figure)


# pairs of drawings that differ in one thing by a relative 1e-5
DRAWINGS = {
    "point": lambda axes, f: axes.plot(X, X * [1, f, 1]),
    "abscissa": lambda axes, f: axes.plot(X * [1, f, 1], X),
    "tiny point": lambda axes, f: axes.semilogy(X, [1, 1e-30 * f, 1]),
    "band, lower edge": lambda axes, f: axes.fill_between(X, X * [1, f, 1], 2 * X),
    "band, upper edge": lambda axes, f: axes.fill_between(X, X, 2 * X * [1, 1, f]),
    "band with a gap": lambda axes, f: axes.fill_between(X, [1, np.nan, 2 * f], 3),
    "bar": lambda axes, f: axes.bar(X, X * [f, 1, 1]),
    "bar width": lambda axes, f: axes.bar(X, X, width=0.5 * f),
    "bar across": lambda axes, f: axes.barh(X, X * [f, 1, 1]),
    "histogram": lambda axes, f: axes.hist([1, 2, 2, 3], bins=[0, 1.5 * f, 4]),
    "steps": lambda axes, f: axes.stairs(X * f, [0, 1, 2, 3]),
    "image": lambda axes, f: axes.imshow(np.outer(X, X * [1, 1, f])),
    "colour limits": lambda axes, f: axes.imshow(np.outer(X, X), vmin=f),
    "mesh": lambda axes, f: axes.pcolormesh(np.outer(X, X * [1, f, 1])),
    "scatter": lambda axes, f: axes.scatter(X, X * [1, f, 1]),
    "scatter colour": lambda axes, f: axes.scatter(X, X, c=X * [1, f, 1]),
    "horizontal line": lambda axes, f: axes.axhline(f),
    "vertical line": lambda axes, f: axes.axvline(f),
    "span": lambda axes, f: axes.axvspan(1, 2 * f),
    "annotation": lambda axes, f: axes.annotate("here", (1, f)),
    "polygon": lambda axes, f: axes.fill([0, 1, f], [0, 1, 0]),
    "bent mesh": lambda axes, f: axes.pcolormesh(
        X * [[1, 1, f], [1, 1, 1], [1, 1, 1]], np.add.outer(X, X), np.ones((2, 2))
    ),
    "base of bars": lambda axes, f: axes.bar(X, X, bottom=f - 1),
    "place of an image": lambda axes, f: axes.imshow(np.outer(X, X), extent=(0, f, 0, 1)),
    "upper colour limit": lambda axes, f: axes.imshow(np.outer(X, X), vmax=f),
    "size of points": lambda axes, f: axes.scatter(X, X, s=X * [1, f, 1]),
    "colour limits of points": lambda axes, f: axes.scatter(X, X, c=X, vmin=-f),
    "band across": lambda axes, f: axes.fill_betweenx(X, X, 2 * X * [1, f, 1]),
    "infinite line": lambda axes, f: axes.axline((0, 0), slope=f),
    "infinite line through two points": lambda axes, f: axes.axline((0, 0), (1, f)),
    "text in the axes": lambda axes, f: axes.text(f, 1, "here"),
    "line of the figure": lambda axes, f: axes.figure.add_artist(plt.Line2D([0, f], [0, 1])),
    "inset": lambda axes, f: axes.inset_axes([0, 0, 1, 1]).plot(X, X * f),
    "all of a long curve": lambda axes, f: axes.plot(GRID, np.exp(GRID) * f),
}


@pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS)
def test_moving_what_is_drawn_changes_the_description(draw):
    first, again, moved = (described(lambda axes, f=f: draw(axes, f)) for f in (1, 1, 1 + 1e-5))
    assert first == again
    assert differences(first, moved, 1e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda axes: axes.set_title("other"), "'other'"),
        (lambda axes: axes.set_title("other", loc="left"), "axes 1: 'other'"),
        (lambda axes: axes.set_title("other", loc="right"), "axes 1: 'other'"),
        (lambda axes: axes.set_xlabel("layer"), "x: 'layer' (linear)"),
        (lambda axes: axes.set_ylabel("rms"), "y: 'rms' (linear)"),
        (lambda axes: axes.set_xscale("log"), "x: no label (log)"),
        (lambda axes: axes.set_yscale("log"), "y: no label (log)"),
        (lambda axes: axes.set_axis_off(), "axis lines hidden"),
        (lambda axes: axes.set_xticks([1, 2], ["He", "Xavier"]), "x ticks: 'He', 'Xavier'"),
        (lambda axes: axes.set_yticks([1, 2], ["He", "Xavier"]), "y ticks: 'He', 'Xavier'"),
        (lambda axes: axes.yaxis.set_ticks([1, 2]) and by_function(axes), "y ticks: '<1>', '<2>'"),
        (lambda axes: axes.lines[0].set_label("depth 5"), "line 'depth 5'"),
        (lambda axes: axes.lines[0].set_linestyle("--"), "(style --)"),
        (lambda axes: axes.lines[0].set_marker("o"), "(style -, marker o)"),
        (lambda axes: axes.lines[0].set_linestyle("None"), "(invisible), 3 points"),
        (lambda axes: axes.legend(["measured"], title="kind"), "legend 'kind': 'measured'"),
        (lambda axes: axes.legend(["measured"]), "legend: 'measured'"),
        (lambda axes: axes.figure.legend(["measured"]), "legend: 'measured'"),
        (lambda axes: axes.figure.suptitle("all"), "text 'all'"),
        (lambda axes: axes.figure.subfigures().suptitle("part"), "text 'part'"),
        (lambda axes: axes.bar(["a", "b"], [1, 2]), "x ticks: 'a', 'b'"),
        (lambda axes: axes.annotate("here", (1, 2), (3, 4)), "text 'here' at (1, 2)"),
        (lambda axes: axes.text("a", 2, "two\nlines"), "text 'two lines' at ('a', 2)"),
        (lambda axes: axes.annotate("", (1, 2), (3, 4), arrowprops={}), None),
        (lambda axes: axes.axhline(3, label="limit"), "horizontal line 'limit' at y = 3"),
        (lambda axes: axes.axvline(3), "vertical line without label at x = 3"),
        (lambda axes: axes.barh([1, 2], [3, 4]), "bars without label, 2 bars, horizontal"),
        (
            lambda axes: axes.imshow([[1, 2]]),
            "1 x 2 values in rows\n    colour limits 1 to 2 (Norm",
        ),
        (lambda axes: axes.pcolormesh([[1, 2]], norm="log"), "colour limits 1 to 2 (LogNorm)"),
        (lambda axes: axes.figure.colorbar(axes.imshow([[1]]), label="c"), "colour bar 'c'"),
        (lambda axes: axes.figure.colorbar(axes.imshow([[1]])), "colour bar without label"),
        (lambda axes: axes.axvspan(1, 2), "left, bottom, right, top: 1, 0, 2, 1"),
        (lambda axes: axes.figure.add_subplot(), "Figure with 2 axes"),
        (lambda axes: axes.set_visible(False), "Figure with 0 axes"),
        (lambda axes: axes.fill_between([], []), "band without label"),
        (lambda axes: axes.stem(X, X, label="stem"), "'stem', not described in numbers"),
        (lambda axes: axes.errorbar(X, X, X, label="a"), "'a', not described in numbers"),
        (lambda axes: axes.vlines(X, 0, X, label="a"), "'a', not described in numbers"),
    ],
)
def test_words_are_described(change, words):
    figure = Figure()
    axes = figure.add_subplot()
    axes.plot(X, X, marker="")
    before = describe(figure)
    change(axes)
    if words is None:
        assert describe(figure) == before
    else:
        assert words not in before
        assert words in describe(figure)


@pytest.mark.parametrize("index", range(0, 200, 7))
def test_any_point_of_a_long_decaying_curve_is_seen(index):
    # twelve decades: a point that a mean over all could never show
    y = 10 ** (-12 * GRID)
    moved = y * np.where(np.arange(200) == index, 1 + 1e-4, 1)
    old, new = (described(lambda axes, v=v: axes.plot(GRID, v)) for v in (y, moved))
    assert differences(old, new, 1e-6)


def test_sign_and_missing_points_of_a_long_curve_are_seen():
    y = np.exp(GRID)
    for value in (-y[1], np.nan, np.inf, 0.0):
        moved = y.copy()
        moved[1] = value
        old, new = (described(lambda axes, v=v: axes.plot(GRID, v)) for v in (y, moved))
        assert differences(old, new, 1e-2)


def test_evenly_spaced_abscissa_is_named_and_an_uneven_one_is_not():
    assert "evenly spaced from 0 to 1" in described(lambda axes: axes.plot(GRID, GRID**2))
    bent = GRID.copy()
    bent[7] += 1e-6
    assert "evenly" not in described(lambda axes: axes.plot(bent, GRID**2))


def test_unlabelled_artists_do_not_show_names_made_up_by_matplotlib():
    text = described(lambda axes: (axes.plot(X, X), axes.scatter(X, X), axes.axhline(1)))
    assert "_child" not in text
    assert "line without label" in text


def test_hidden_artists_are_left_out_and_unknown_ones_named():
    def draw(axes):
        axes.plot(X, X, label="seen")
        axes.plot(X, X, label="hidden", visible=False)
        axes.quiver([0], [0], [1], [1], label="arrows")

    text = described(draw)
    assert "seen" in text
    assert "hidden" not in text
    assert "'arrows', not described in numbers" in text


def test_not_a_finite_number_is_stated():
    text = described(lambda axes: axes.plot([1, 2, 3], [np.nan, np.inf, -np.inf]))
    assert "y: nan, inf, -inf" in text


@pytest.mark.parametrize("given", [plt.Line2D([0], [0]), None, "figure", Figure])
def test_only_figures_are_described(given):
    with pytest.raises(TypeError, match="must be a matplotlib Figure, got "):
        describe(given)


# ---- words.py ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2, "2"),
        (2.00000000001, "2."),
        (-3.0, "-3"),
        (-0.0, "0"),
        (1 / 3, "0.333333333"),
        (1e-30, "1e-30"),
        (np.nan, "nan"),
    ],
)
def test_number(value, text):
    assert words.number(value) == text


def test_data_are_shown_in_full_up_to_64():
    y = np.exp(GRID)
    assert words.series("y", y[:64]) == ["  y: " + ", ".join(map(words.number, y[:64]))]
    sample, stretches, summary = words.series("y", y[:65])
    assert sample.startswith("  y, 32 of 65: 1, ") and sample.count(", ") == 32
    assert stretches.count(", ") == 31
    assert words.series("y", []) == ["  y: none"]


def test_summary_of_long_data():
    y = np.concatenate([np.full(60, 3.0), np.full(20, -4.0), [0, np.nan, np.inf, -np.inf]])
    summary = words.series("y", y)[2]
    mean, rms = (60 * 3 + 20 * 4) / 81, np.sqrt((60 * 9 + 20 * 16) / 81)
    assert summary == (
        "  y, all: 60 positive, 20 negative, 1 zero, 1 nan, 1 inf, 1 -inf; "
        f"mean magnitude {mean:.9g}, RMS {rms:.9g}"
    )
    assert words.series("y", 1e-200 * np.ones(65))[2].endswith("RMS 1e-200")
    assert words.series("y", np.full(65, np.nan))[2].endswith("65 nan; mean magnitude none, RMS 0")
