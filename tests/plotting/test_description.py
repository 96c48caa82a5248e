"""Tests of the description of figures: whatever is drawn and moved must change it."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.notebooks.numbers_in_text import differences
from weightinit.plotting import COLORS, series, use_style
from weightinit.plotting.description import describe

X = np.array([1.0, 2.0, 3.0])
GRID = np.linspace(0, 1, 200)


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
    "contour": lambda axes, f: axes.contour(np.outer(X, X), levels=[3 * f]),
    "scatter": lambda axes, f: axes.scatter(X, X * [1, f, 1]),
    "scatter colour": lambda axes, f: axes.scatter(X, X, c=X * [1, f, 1]),
    "error bar": lambda axes, f: axes.errorbar(X, X, yerr=[1, f, 1]),
    "horizontal line": lambda axes, f: axes.axhline(f),
    "vertical line": lambda axes, f: axes.axvline(f),
    "span": lambda axes, f: axes.axvspan(1, 2 * f),
    "annotation": lambda axes, f: axes.annotate("here", (1, f)),
    "polygon": lambda axes, f: axes.fill([0, 1, f], [0, 1, 0]),
    "stem": lambda axes, f: axes.stem(X, X * [1, f, 1]),
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
        (lambda axes: axes.set_xlabel("layer"), "x: 'layer' (linear)"),
        (lambda axes: axes.set_yscale("log"), "y: no label (log)"),
        (lambda axes: axes.set_xticks([1, 2], ["He", "Xavier"]), "x ticks: 'He', 'Xavier'"),
        (lambda axes: axes.lines[0].set_label("depth 5"), "line 'depth 5'"),
        (lambda axes: axes.lines[0].set_linestyle("--"), "(style --)"),
        (lambda axes: axes.legend(["measured"], title="kind"), "legend 'kind': 'measured'"),
        (lambda axes: axes.figure.suptitle("all"), "text 'all'"),
        (lambda axes: axes.bar(["a", "b"], [1, 2]), "x ticks: 'a', 'b'"),
    ],
)
def test_words_are_described(change, words):
    figure = Figure()
    axes = figure.add_subplot()
    axes.plot(X, X, marker="")
    before = describe(figure)
    change(axes)
    assert words not in before
    assert words in describe(figure)


@pytest.mark.parametrize("index", range(0, 200, 3))
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


def test_only_figures_are_described():
    with pytest.raises(TypeError, match="must be a matplotlib Figure, got Line2D"):
        describe(plt.Line2D([0], [0]))


def test_style_needs_no_font_that_matplotlib_does_not_bring(recwarn):
    with plt.rc_context():
        use_style()
        assert plt.rcParams["figure.facecolor"] == "white"
        figure = plt.figure()
        figure.text(0, 0, r"$\chi_1$ text")
        figure.canvas.draw()
        plt.close(figure)
    assert not list(recwarn)


def test_series_differ_in_more_than_colour():
    measured = [series(i) for i in range(len(COLORS))]
    curves = [series(i, measured=False) for i in range(len(COLORS))]
    assert len({s["marker"] for s in measured}) == len(COLORS)
    assert len({s["linestyle"] for s in curves}) == len(COLORS)


@pytest.mark.parametrize("index", [-1, 7, 0.5])
def test_there_is_no_eighth_series(index):
    with pytest.raises(ValueError, match="from 0 to 6, got"):
        series(index)
