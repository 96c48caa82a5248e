"""Pictures become lighter and look the same; each has a size, and only the first is not lazy."""

import numpy as np
import pytest
from bs4 import BeautifulSoup
from PIL import Image
from site_images import lighten, set_sizes, size, use_lighter


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "a.png"
    ramp = np.tile(np.arange(300, dtype=np.uint16) * 255 // 300, (200, 1)).astype(np.uint8)
    pixels = np.dstack([ramp, ramp[::-1], np.full_like(ramp, 90), np.full_like(ramp, 255)])
    Image.fromarray(pixels).save(path)
    return path


def test_lighter_picture_is_the_same(picture):
    lighten(picture)
    lighter = picture.with_suffix(".webp")
    before, after = (np.asarray(Image.open(p).convert("RGB")) for p in (picture, lighter))
    assert np.array_equal(before, after)
    time = lighter.stat().st_mtime_ns
    lighten(picture)
    assert lighter.stat().st_mtime_ns == time


def test_a_page_shows_the_lighter_picture_where_there_is_one(picture, tmp_path):
    lighten(picture)
    page = BeautifulSoup(
        '<p><a class="reference image-reference" href="a.png"><img src="a.png"></a></p>'
        '<a href="x.html"><img src="a.png"></a><img src="b.png"><a href="a.png">a</a>',
        "html.parser",
    )
    for _ in range(2):
        use_lighter(page, tmp_path / "page.html")
    assert [image["src"] for image in page.find_all("img")] == ["a.webp", "a.webp", "b.png"]
    assert [link["href"] for link in page.find_all("a")] == ["x.html", "a.png"]


def test_the_size_of_a_style_becomes_attributes(picture, tmp_path):
    style = "width: 150px; height: 100px;"
    page = BeautifulSoup(
        f'<img src="a.png" style="{style}"><img src="a.png" style="width: 1em">', "html.parser"
    )
    for _ in range(2):
        set_sizes(page, tmp_path / "page.html")
    first, second = page.find_all("img")
    assert (first["width"], first["height"]) == ("150", "100") and "style" not in first.attrs
    assert (second["width"], second["height"], second["style"]) == ("300", "200", "width: 1em")


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
