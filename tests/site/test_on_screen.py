"""What fits on a screen and what a browser finds there."""

from pathlib import Path

import book_pages
import browser
import pytest

pytestmark = [
    pytest.mark.site,
    pytest.mark.skipif(browser.find() is None, reason=browser.MISSING),
]

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"
PAGES = [name for _, part in book_pages.contents(book_pages.load_toc(ROOT)) for name in part]
ON_SCREEN = Path(__file__).with_name("on_screen.js").read_text("utf-8")


@pytest.mark.parametrize("width", [375, 768, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_page_fits_on_the_screen(name, width, chromium):
    page = browser.show(chromium, SITE / f"{name}.html", viewport={"width": width, "height": 800})
    assert page.evaluate(ON_SCREEN) == []
    page.close()


def test_lines_that_are_cut_and_text_that_is_small_are_found(chromium):
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto((SITE / "chapters/02_xavier_initialization.html").as_uri())
    code = page.locator(".bd-article pre:visible").first
    code.evaluate("(pre) => pre.append('\\n' + 'x'.repeat(110))")
    assert any("code is cut" in complaint for complaint in page.evaluate(ON_SCREEN))
    page.set_viewport_size({"width": 200, "height": 800})
    page.add_style_tag(content="figure > svg text {font-size: 2px !important}")
    page.goto((SITE / "appendix" / "notation.html").as_uri())
    assert any("px in a drawing" in complaint for complaint in page.evaluate(ON_SCREEN))
    context.close()


@pytest.mark.parametrize("depth", ["", "chapters/", "chapters/further/"])
def test_page_that_is_not_there_leads_home(depth, tmp_path, chromium):
    """The host shows 404.html at any address: here a copy, in that folder of a site."""
    home = tmp_path / "course"
    (home / depth).mkdir(parents=True)
    (home / "index.html").write_text("<p>home</p>")
    lost = home / depth / "lost.html"
    lost.write_bytes((SITE / "404.html").read_bytes())
    page = chromium.new_page()
    page.goto(lost.as_uri())
    page.locator("a").first.click()
    assert page.locator("p").inner_text() == "home"
    page.close()
