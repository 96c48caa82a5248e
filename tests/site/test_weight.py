"""How heavy a page may be, and that nothing on it moves once it is seen."""

import pytest
from bs4 import BeautifulSoup

from tests.site import checks
from tests.site.test_site import SITE, TOC

import site_weight  # isort: skip

pytestmark = pytest.mark.site
KB = 1000
CHAPTERS = [name for name in TOC if name.startswith("chapters/")]


@pytest.mark.parametrize("name", ["intro", *CHAPTERS])
def test_page_is_light(name, chromium, served):
    found = site_weight.load(chromium, f"{served}/{name}.html", look_around=True)["bytes"]
    assert found["js"] < (60 if name == "intro" else 250) * KB, found
    if name == "intro":
        assert sum(found.values()) < 300 * KB, found


@pytest.mark.parametrize("width", [375, 768, 1280])
@pytest.mark.parametrize("name", TOC)
def test_nothing_moves(name, width, chromium, served):
    found = site_weight.load(chromium, f"{served}/{name}.html", width=width, look_around=True)
    assert found["shifts"] < 0.05


def test_a_page_that_moves_is_found(chromium, tmp_path):
    (tmp_path / "a.html").write_text(
        "<img src=a.svg><p style='height: 300px; background: red'>below</p><script>"
        "setTimeout(() => (document.images[0].style.height = '400px'), 100)</script>"
    )
    (tmp_path / "a.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'></svg>")
    with site_weight.serve(tmp_path) as address:
        found = site_weight.load(chromium, f"{address}/a.html")
    assert found["shifts"] > 0.05
    assert found["bytes"].keys() == {"html", "images"}


def waiting(page):
    """Complain about pictures without a size, and about those that should wait and do not."""
    found = [
        f"no size: {image.get('src')}"
        for image in page.find_all("img")
        if not (image.get("width") and image.get("height"))
    ]
    for number, image in enumerate(page.select("article img")):
        if (image.get("loading") == "lazy") != (number > 0):
            found.append(f"number {number} is loaded {image.get('loading') or 'at once'}")
    return found


@pytest.mark.parametrize("name", TOC)
def test_every_picture_has_a_size_and_all_but_the_first_wait(name):
    assert waiting(checks.read(SITE / f"{name}.html")) == []


def test_a_picture_that_does_not_wait_is_found():
    image = '<img src="a.png" width="8" height="8"{}>'
    page = "<article>" + image.format("") + "{}</article>"
    for second, complaints in [
        (image.format(' loading="lazy"'), 0),
        (image.format(""), 1),
        ('<img src="b.png" loading="lazy">', 1),
    ]:
        assert len(waiting(BeautifulSoup(page.format(second), "html.parser"))) == complaints
