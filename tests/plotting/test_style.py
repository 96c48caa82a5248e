"""Tests of style.py: what every figure looks like, and how it gets into a notebook."""

import base64
import io
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.mathtext import MathTextParser
from matplotlib_inline.config import InlineBackend
from PIL import Image

from weightinit.plotting import COLORS, describe, series, style, use_style


def test_style_needs_no_font_that_matplotlib_does_not_bring(recwarn, caplog):
    with plt.rc_context():
        use_style()
        assert plt.rcParams["figure.facecolor"] == "white"
        figure = plt.figure()
        figure.text(0, 0, r"$\chi_1$ text")
        figure.canvas.draw()
        plt.close(figure)
    # A missing font is logged, a missing sign is a UserWarning; others are not about fonts.
    assert not [one for one in recwarn if issubclass(one.category, UserWarning)]
    assert "font" not in caplog.text


def test_exponents_and_indices_are_as_large_as_other_text():
    use_style()
    glyphs = MathTextParser("path").parse(r"$\sigma_w^2 = 10^{-6}$").glyphs
    assert {size for _, size, *_ in glyphs} == {12.0}


def test_series_differ_in_more_than_colour():
    measured = [series(i) for i in range(len(COLORS))]
    curves = [series(i, measured=False) for i in range(len(COLORS))]
    assert len({s["marker"] for s in measured}) == len(COLORS)
    assert len({s["linestyle"] for s in curves}) == len(COLORS)


@pytest.mark.parametrize("index", [-1, 7, 0.5, True, None, "0", [0], float("nan"), {}])
def test_there_is_no_eighth_series(index):
    with pytest.raises(ValueError, match="index must be a whole number from 0 to 6, got"):
        series(index)


@pytest.mark.parametrize("measured", [None, "no", 0, 1.0])
def test_measured_is_true_or_false(measured):
    with pytest.raises(ValueError, match="measured must be True or False, got"):
        series(0, measured=measured)


def test_measured_and_predicted_look_different():
    for index, color in enumerate(COLORS):
        points, curve = series(index), series(index, measured=False)
        assert points["color"] == curve["color"] == color
        assert points["linestyle"] == "-" and points["marker"] == style.MARKERS[index]
        assert curve["marker"] == "" and curve["linestyle"] == style.DASHES[index]


def test_every_colour_is_seen_on_white():
    for color in COLORS:  # WCAG's contrast to white, which yellow misses with 1.3
        light = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
        red, green, blue = light
        assert 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05) > 2


def draw(figure):
    """Return a picture in 1,000 colours, as the inline backend does."""
    file = io.BytesIO()
    ramp = np.arange(1000).reshape(20, 50)
    pixels = np.dstack([ramp % 250, ramp // 4, np.full_like(ramp, 90), np.full_like(ramp, 255)])
    Image.fromarray(pixels.astype(np.uint8)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode(), {"width": 25}


class Pictures(dict):
    """What `use_style` asks of IPython's formatter of pictures."""

    lookup_by_type, for_type = dict.__getitem__, dict.__setitem__


class Shell:
    """What `use_style` asks of a notebook's shell."""

    kernel = object()

    def __init__(self, pictures=(Figure,)):
        self.texts, self.backends, self.pictures = {}, [], Pictures.fromkeys(pictures, draw)
        text = SimpleNamespace(for_type=self.texts.__setitem__)
        formatters = {"text/plain": text, "image/png": self.pictures}
        self.display_formatter = SimpleNamespace(formatters=formatters)

    def enable_matplotlib(self, backend):
        assert not self.texts  # it would throw them away
        self.backends.append(backend)


@pytest.mark.filterwarnings("ignore:InlineBackend:DeprecationWarning")  # of its own old code
def test_in_a_notebook_figures_describe_themselves(monkeypatch):
    shell = Shell()
    monkeypatch.setattr(style, "_notebook_shell", lambda: shell)
    with plt.rc_context():
        use_style()
    assert shell.backends == ["inline"]
    assert InlineBackend.instance().figure_formats == {"retina"}
    shown, metadata = shell.pictures[Figure](Figure())
    assert metadata == {"width": 25}
    before, after = (Image.open(io.BytesIO(base64.b64decode(p))) for p in (draw(None)[0], shown))
    assert after.mode == "P" and after.size == before.size
    difference = np.asarray(before.convert("RGB"), int) - np.asarray(after.convert("RGB"), int)
    assert np.abs(difference).max() < 32 and len(np.unique(after)) > 200
    figure, shown = Figure(), []
    shell.texts[Figure](figure, SimpleNamespace(text=shown.append), False)
    assert shown == [describe(figure)]


def test_a_notebook_without_pictures_is_refused(monkeypatch):
    monkeypatch.setattr(style, "_notebook_shell", lambda: Shell(pictures=()))
    with plt.rc_context(), pytest.raises(RuntimeError, match="without PNG"):
        use_style()


def test_only_a_kernel_is_a_notebook(monkeypatch):
    ipython = pytest.importorskip("IPython")
    for shell, found in ((None, None), (SimpleNamespace(), None), (Shell, Shell)):
        monkeypatch.setattr(ipython, "get_ipython", lambda shell=shell: shell)
        assert style._notebook_shell() is found
