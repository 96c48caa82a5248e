"""On a phone the house style's least text is nine pixels high."""

import matplotlib.pyplot as plt

from tests.notebooks.second_edition import MIN_TEXT, SHARP, text_height
from weightinit import plotting


def test_least_text_of_the_default_width():
    with plt.rc_context():
        plotting.use_style()
        width, _ = plt.rcParams["figure.figsize"]
        assert text_height(round(width * SHARP * plt.rcParams["figure.dpi"])) >= MIN_TEXT
