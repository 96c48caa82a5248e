"""Tests of landing_figure.py: the picture shows what it is given, and no pair that misleads."""

import base64
import io

import landing_figure
import numpy as np
import pytest
from bs4 import BeautifulSoup
from PIL import Image

LABELS = [3, 1, 4, 1, 5, 9]


def picture(first, second):
    images = np.arange(6 * 64).reshape(6, 64) % 17
    found = [(0.9, np.array(first)), (0.1, np.array(second))]
    return BeautifulSoup(landing_figure.draw(found, images, LABELS), "html.parser")


def test_each_guess_stands_below_its_digit_and_wrong_ones_are_marked():
    svg = picture([3, 1, 4, 1, 5, 7], [1] * 6)
    assert [text.text for text in svg.select("text.right, text.wrong")] == [*"314157", *"111111"]
    assert [text.text for text in svg.select("text.wrong")] == [*"7", *"1111"]
    assert [text.text for text in svg.select("text.share")] == ["90% right", "10% right"]
    assert "left has 5 right, the one on the right 2." in svg.title.text
    assert svg.title.text.endswith("every digit is a 1.")


def test_what_differs_is_not_called_the_same():
    assert "every digit" not in picture(LABELS, [1, 2, 1, 1, 1, 1]).title.text


def test_pixels_are_those_of_the_images():
    images = np.arange(128).reshape(2, 64) % 17
    address = landing_figure.ink(images)
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(address.split(",")[1]))))
    assert shown.shape == (8, 16)
    assert np.abs(shown[:, 8:].ravel() / 15.9 - images[1]).max() < 0.1


def test_second_network_starts_from_half_and_stays_at_guessing():
    (learned, guesses), (stayed, others) = landing_figure.trained_pair()
    assert learned > 0.85 and stayed < 0.2
    assert len(set(guesses)) == 10 and len(set(others)) <= 2


def test_pair_that_does_not_show_the_point_is_an_error(monkeypatch):
    monkeypatch.setattr(landing_figure, "STEPS", 1)
    with pytest.raises(ValueError, match="do not show the point"):
        landing_figure.trained_pair()
