"""Tests of figures.py: they show the numbers they are given: medians, quartiles, weights."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from weightinit import plotting
from weightinit.plotting import style


@pytest.fixture
def ax():
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


@pytest.fixture
def runs():
    rng = np.random.default_rng(0)
    layers = np.repeat([3, 1, 2], 11)  # out of order on purpose
    return pd.DataFrame({"layer": layers, "rms": rng.lognormal(size=33)})


def by_hand(runs, share):
    """Quartiles from sorted values: of 11, the 25, 50 and 75 % quantiles lie at 2.5, 5 and 7.5."""
    values = [np.sort(runs.loc[runs["layer"] == layer, "rms"]) for layer in (1, 2, 3)]
    place = share * 10
    below, above = int(np.floor(place)), int(np.ceil(place))
    return [v[below] + (place - below) * (v[above] - v[below]) for v in values]


def test_quartiles_by_hand(runs):
    table = plotting.quartiles(runs, "layer", "rms")
    assert table.index.tolist() == [1, 2, 3]
    for column, share in (("low", 0.25), ("median", 0.5), ("high", 0.75)):
        np.testing.assert_allclose(table[column], by_hand(runs, share), rtol=1e-14)


def test_spread_draws_medians_and_a_band_between_the_quartiles(runs, ax):
    plotting.plot_spread(runs, "layer", "rms", label="measured", ax=ax)
    (line,), (band,) = ax.lines, ax.collections
    assert line.get_xdata().tolist() == [1, 2, 3]
    np.testing.assert_allclose(line.get_ydata(), by_hand(runs, 0.5), rtol=1e-14)
    edges = {tuple(np.round(point, 12)) for path in band.get_paths() for point in path.vertices}
    for share in (0.25, 0.75):
        wanted = zip((1, 2, 3), by_hand(runs, share), strict=True)
        assert edges.issuperset((float(x), round(y, 12)) for x, y in wanted)
    assert line.get_marker() == style.MARKERS[0] and line.get_linestyle() == "-"
    assert line.get_linewidth() == 1.0 and line.get_color() == plotting.COLORS[0]
    assert band.get_alpha() == style.BAND["alpha"] < 0.5 and band.get_linewidth() == 0
    np.testing.assert_array_equal(band.get_facecolor()[0, :3], to_rgb(plotting.COLORS[0]))
    assert ax.get_legend_handles_labels()[1] == ["measured"]


def test_unconnected_points_have_markers_and_no_line(runs, ax):
    plotting.plot_spread(runs, "layer", "rms", label="measured", connect=False, ax=ax)
    assert ax.lines[0].get_linestyle() == "None" and ax.lines[0].get_marker() == "o"


def test_a_failed_run_is_not_silently_left_out(runs):
    runs.loc[4, "rms"] = np.nan
    with pytest.raises(ValueError, match=r"1 of 33 values of 'rms' are missing"):
        plotting.quartiles(runs, "layer", "rms")


def test_an_empty_table_and_a_missing_place_are_refused(runs):
    with pytest.raises(ValueError, match="the table is empty"):
        plotting.quartiles(runs.query("layer == 9"), "layer", "rms")
    with pytest.raises(ValueError, match="1 of 33 values of 'layer' are missing"):
        plotting.quartiles(runs.assign(layer=[np.nan, *runs["layer"][1:]]), "layer", "rms")


def test_theory_is_dashed_without_markers_and_above_the_measurement(runs, ax):
    plotting.plot_spread(runs, "layer", "rms", label="measured", ax=ax)
    plotting.plot_theory([1, 2, 3], [1, 2, 4], label=None, ax=ax)
    measured, theory = ax.lines
    assert theory.get_linestyle() == "--" and theory.get_marker() == ""
    assert theory.get_zorder() > measured.get_zorder()
    assert ax.get_legend_handles_labels()[1] == ["measured"]


def test_theory_has_the_colour_of_its_series_or_is_black(ax):
    plotting.plot_theory([1, 2], [3, 4], label="theory", ax=ax)
    plotting.plot_theory([1, 2], [3, 4], label=None, index=2, ax=ax)
    assert [line.get_color() for line in ax.lines] == ["black", plotting.COLORS[2]]
    assert [line.get_label() for line in ax.lines] == ["theory", "_theory"]


def test_in_a_legend_theory_stands_last_and_the_others_in_the_order_of_drawing(runs, ax):
    for i, name in enumerate(("one", "two")):
        plotting.plot_spread(runs, "layer", "rms", label=name, index=i, ax=ax)
        label = "theory" if i == 0 else None
        plotting.plot_theory([1, 2], [3, 4], label=label, index=i, ax=ax)
    ax.plot([1, 2], [4, 4], label="law", **plotting.THEORY)
    ax.errorbar([1], [2], [1], label="three")
    ax.axhline(2, label="guessing", **plotting.series(2, measured=False))  # dashed, no theory
    legend = plotting.legend(ax, loc="upper left", title="names")
    assert legend is ax.get_legend() and legend.get_title().get_text() == "names"
    entries = [text.get_text() for text in legend.get_texts()]
    assert entries == ["one", "two", "guessing", "three", "theory", "law"]
    handles = dict(zip(entries, legend.legend_handles, strict=True))
    assert handles["one"].get_marker() == "o" and handles["theory"].get_linestyle() == "--"


def test_a_legend_of_what_are_no_axes():
    with pytest.raises(TypeError, match="ax must be a matplotlib.Axes.*, got 'best'"):
        plotting.legend("best")


def test_the_current_axes_are_the_default(runs, ax):
    plt.sca(ax)
    assert plotting.plot_spread(runs, "layer", "rms", label="measured") is ax
    assert plotting.plot_theory([1], [1], label=None) is ax
    assert plotting.legend() is ax.get_legend()
    assert plotting.plot_filters(np.zeros((4, 4)), limit=1) is ax


def test_filters_keep_every_weight_in_its_place(ax):
    weights = np.arange(8 * 9.0).reshape(8, 9)  # 8 units of 3×3 pixels, two rows of four
    plotting.plot_filters(weights, limit=50, ax=ax)
    picture = ax.images[0].get_array()
    assert picture.shape == (7, 15)
    for unit in range(8):
        top, left = 4 * (unit // 4), 4 * (unit % 4)
        np.testing.assert_array_equal(
            picture[top : top + 3, left : left + 3], weights[unit].reshape(3, 3)
        )
    assert np.ma.getmaskarray(picture)[3].all() or np.isnan(picture[3]).all()
    assert ax.images[0].get_clim() == (-50, 50)
    assert ax.images[0].cmap.name == "RdBu_r" and not ax.axison
    plotting.plot_filters(weights, limit=50, columns=8, ax=ax)
    assert ax.images[1].get_array().shape == (3, 31)


TABLE = pd.DataFrame({"layer": [1, 1], "rms": [1.0, 2.0], "name": ["a", "b"], "ok": [True, False]})
INF, NAN = np.inf, np.nan


@pytest.mark.parametrize(
    ("error", "says", "given"),
    [
        (TypeError, "data must be a pandas.DataFrame, got None", {"data": None}),
        (TypeError, "data must be a pandas.DataFrame, got a dict", {"data": {"layer": [1]}}),
        (TypeError, "data must be a pandas.DataFrame, got <class", {"data": pd.DataFrame}),
        (ValueError, r"no column \['loss'\]; the columns are: .*'layer', 'rms'", {"y": "loss"}),
        (ValueError, r"no column \[None\]", {"x": None}),
        (ValueError, r"no column \[\['rms'\]\]", {"y": ["rms"]}),
        (ValueError, "column 'name' must hold numbers", {"y": "name"}),
        (ValueError, "column 'ok' must hold numbers, got bool", {"y": "ok"}),
        (ValueError, "'rms': the table is empty", {"data": TABLE[:0]}),
        (
            ValueError,
            "1 of 2 values of 'layer' are missing",
            {"data": TABLE.assign(layer=[1, NAN])},
        ),
        (ValueError, "2 of 2 values of 'rms' are missing", {"data": TABLE.assign(rms=NAN)}),
        (ValueError, "a quartile lies between", {"data": TABLE.assign(rms=[INF, -INF])}),
    ],
)
def test_wrong_measurements(error, says, given, ax):
    arguments = {"data": TABLE, "x": "layer", "y": "rms", **given}
    with pytest.raises(error, match=says):
        plotting.quartiles(**arguments)
    with pytest.raises(error, match=says):
        plotting.plot_spread(**arguments, label="measured", ax=ax)
    assert not ax.lines and not ax.collections


SPREAD = {"data": TABLE, "x": "layer", "y": "rms", "label": "measured"}
THEORY = {"x": [1, 2], "y": [1, 2], "label": "theory"}
FILTERS = {"weights": np.zeros((8, 4)), "limit": 1.0}


@pytest.mark.parametrize(
    ("function", "error", "says", "given"),
    [
        ("spread", ValueError, "from 0 to 6, got 7", {"index": 7}),
        ("spread", ValueError, "from 0 to 6, got None", {"index": None}),
        ("spread", TypeError, "label must be a .*str, got None", {"label": None}),
        ("spread", ValueError, "connect must be True or False, got 'no'", {"connect": "no"}),
        ("spread", TypeError, "ax must be a matplotlib.Axes.*, got a list", {"ax": []}),
        ("theory", ValueError, "from 0 to 6, got 7", {"index": 7}),
        ("theory", TypeError, "label must be a .*str, got 3", {"label": 3}),
        ("theory", ValueError, r"of one length, got shapes \(2,\) and \(3,\)", {"y": [1, 2, 3]}),
        ("theory", ValueError, r"got shapes \(\) and \(\)", {"x": 1, "y": 2}),
        ("theory", ValueError, r"got shapes \(1, 1\)", {"x": [[1]], "y": [[2]]}),
        ("theory", TypeError, "x must be a number or an array of them, got None", {"x": None}),
        (
            "theory",
            TypeError,
            "y must be a number or an array of them, got .*'b'",
            {"y": ["a", "b"]},
        ),
        ("theory", TypeError, "y must be a number or an array of them", {"y": [[1], [2, 3]]}),
        ("theory", TypeError, "ax must be a matplotlib.Axes", {"ax": plt.Figure}),
        (
            "filters",
            ValueError,
            r"square number of pixels .*got \(8, 3\)",
            {"weights": np.ones((8, 3))},
        ),
        ("filters", ValueError, r"rows of 4, got \(7, 4\)", {"weights": np.ones((7, 4))}),
        ("filters", ValueError, r"got \(4,\)", {"weights": np.ones(4)}),
        ("filters", ValueError, r"got \(\)", {"weights": 1.0}),
        ("filters", ValueError, r"got \(0, 4\)", {"weights": np.ones((0, 4))}),
        (
            "filters",
            TypeError,
            "weights must be a number or an array of them, got None",
            {"weights": None},
        ),
        (
            "filters",
            TypeError,
            "weights must be a number or an array of them",
            {"weights": [["a"] * 4] * 4},
        ),
        ("filters", ValueError, "limit must be positive and finite, got 0", {"limit": 0}),
        ("filters", ValueError, "limit must be positive and finite, got nan", {"limit": NAN}),
        ("filters", TypeError, "limit must be a number, got None", {"limit": None}),
        ("filters", ValueError, "columns must be a whole number .*, got 0", {"columns": 0}),
        ("filters", ValueError, "columns must be a whole number .*, got True", {"columns": True}),
        ("filters", TypeError, "ax must be a matplotlib.Axes.*, got 1", {"ax": 1}),
    ],
)
def test_wrong_calls(function, error, says, given):
    good = {"spread": SPREAD, "theory": THEORY, "filters": FILTERS}[function]
    before = plt.get_fignums()
    with pytest.raises(error, match=says):
        getattr(plotting, f"plot_{function}")(**{**good, **given})
    assert plt.get_fignums() == before  # not even an empty figure
