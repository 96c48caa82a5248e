"""The figures show the numbers they are given: medians, quartiles, weights."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from weightinit import plotting


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
    assert line.get_marker() == plotting.MARKERS[0] and line.get_linestyle() == "-"


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


def test_a_missing_column_is_named_with_those_there_are(runs):
    with pytest.raises(ValueError, match=r"no column \['loss'\]; .*'layer', 'rms'"):
        plotting.quartiles(runs, "layer", "loss")


def test_theory_is_dashed_without_markers_and_above_the_measurement(runs, ax):
    plotting.plot_spread(runs, "layer", "rms", label="measured", ax=ax)
    plotting.plot_theory([1, 2, 3], [1, 2, 4], label=None, ax=ax)
    measured, theory = ax.lines
    assert theory.get_linestyle() == "--" and theory.get_marker() == ""
    assert theory.get_zorder() > measured.get_zorder()
    assert ax.get_legend_handles_labels()[1] == ["measured"]


def test_the_number_of_a_series_is_checked(runs, ax):
    with pytest.raises(ValueError, match="from 0 to 6, got 7"):
        plotting.plot_spread(runs, "layer", "rms", label="measured", index=7, ax=ax)


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


@pytest.mark.parametrize("shape", [(8, 63), (7, 64), (64,)])
def test_filters_of_the_wrong_shape_are_refused(shape, ax):
    with pytest.raises(ValueError, match=r"square number of pixels .*got \("):
        plotting.plot_filters(np.zeros(shape), limit=1, ax=ax)
