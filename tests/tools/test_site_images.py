"""Pictures become lighter and look the same; each has a size, and only the first is not lazy."""

import numpy as np
import pytest
from bs4 import BeautifulSoup
from PIL import Image
from site_images import quantize, set_sizes, size


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "a.png"
    ramp = np.tile(np.arange(300, dtype=np.uint16) * 255 // 300, (200, 1)).astype(np.uint8)
    pixels = np.dstack([ramp, ramp[::-1], np.full_like(ramp, 90), np.full_like(ramp, 255)])
    Image.fromarray(pixels).save(path, dpi=(144, 144))
    return path


def test_lighter_picture_looks_the_same(picture):
    before, weight = Image.open(picture).convert("RGB"), picture.stat().st_size
    quantize(picture)
    after = Image.open(picture)
    assert after.size == before.size and after.info["dpi"] == pytest.approx((144, 144), abs=0.1)
    assert np.abs(np.asarray(after.convert("RGB"), float) - np.asarray(before, float)).mean() < 1.5
    assert picture.stat().st_size <= weight
    content = picture.read_bytes()
    quantize(picture)
    assert picture.read_bytes() == content, "a second time changes nothing"


def test_pictures_get_their_size_and_wait_but_for_the_first(picture, tmp_path):
    (tmp_path / "b.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 4"/>')
    page = BeautifulSoup(
        '<img src="b.svg"><article><img src="a.png"><img src="b.svg?v=1"></article>', "html.parser"
    )
    set_sizes(page, tmp_path / "page.html")
    logo, first, second = page.find_all("img")
    assert (first["width"], first["height"]) == ("300", "200") == tuple(map(str, size(picture)))
    assert (second["width"], second["height"]) == ("8", "4")
    assert second["loading"] == "lazy"
    assert "loading" not in logo.attrs and "loading" not in first.attrs
