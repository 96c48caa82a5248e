"""Keys, fingers and screen readers: what can be reached, and what it is called."""

import re

import pytest

from tests.site.test_site import SITE, TOC

pytestmark = pytest.mark.site
CHAPTER = "chapters/04_exploding_gradients.html"


@pytest.fixture
def page(chromium):
    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    yield page
    page.close()


def test_arrow_keys_in_code_stay_on_the_page(page):
    page.goto(f"{SITE.as_uri()}/{CHAPTER}")
    for key in ("ArrowRight", "ArrowLeft"):
        page.locator("div.cell_input pre").nth(3).evaluate("box => (box.tabIndex = 0, box.focus())")
        page.keyboard.press(key)
        page.wait_for_timeout(200)
        page.locator("body").press(key)
        page.wait_for_timeout(200)
    assert page.url.endswith(CHAPTER)


def test_formulas_are_no_stops_unless_they_scroll(page):
    page.goto(f"{SITE.as_uri()}/{CHAPTER}")
    stops = ".math [tabindex], math[tabindex], span.math[tabindex]"
    assert page.locator("math").count() > 50
    assert page.locator(stops).count() == 0
    page.set_viewport_size({"width": 320, "height": 800})
    page.wait_for_timeout(300)
    wide = page.eval_on_selector_all(
        "div.math .formula",
        "boxes => boxes.map(b => [b.scrollWidth > b.clientWidth, b.tabIndex])",
    )
    assert {True, False} == {scrolls for scrolls, _ in wide}
    assert all((stop == 0) == scrolls for scrolls, stop in wide)
    box = page.locator("div.math .formula[tabindex]").first
    assert re.fullmatch(r"Formula \d+ .*scrolls sideways", box.get_attribute("aria-label"))
    box.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(300)
    assert box.evaluate("box => box.scrollLeft") > 0


@pytest.mark.parametrize("name", TOC)
def test_every_toggle_says_what_it_opens(name, page):
    page.goto(f"{SITE.as_uri()}/{name}.html")
    names = page.eval_on_selector_all(
        "summary",
        """all => all.map(
          s => [s.getAttribute("aria-label"), s.innerText.trim() || s.textContent.trim()])""",
    )
    assert [label for label, _ in names if label] == [], "what is seen is what is said"
    assert all(len(text) > 3 and text != "Toggle hidden content" for _, text in names)
    assert page.locator(".toggle-button, .toggle-hidden").count() == 0


def test_hint_opens_without_a_script(chromium):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{SITE.as_uri()}/{CHAPTER}")
    hint = page.locator("details.opens").first
    hint.locator("summary").press("Enter")
    assert hint.locator("p").first.is_visible()
    context.close()


def test_copy_buttons_are_seen_on_a_touch_screen(chromium):
    context = chromium.new_context(
        has_touch=True, is_mobile=True, viewport={"width": 375, "height": 800}
    )
    page = context.new_page()
    page.goto(f"{SITE.as_uri()}/{CHAPTER}")
    shown = page.locator("div.cell_input > .highlight-python button.copybtn").first
    assert float(shown.evaluate("button => getComputedStyle(button).opacity")) > 0.5
    context.close()


def test_back_to_top_comes_and_works(page):
    page.goto(f"{SITE.as_uri()}/{CHAPTER}")
    button = page.locator("#pst-back-to-top")
    assert not button.is_visible()
    page.mouse.move(640, 400)
    page.mouse.wheel(0, 4000)
    page.wait_for_timeout(300)
    page.mouse.wheel(0, -300)
    button.wait_for(state="visible")
    button.click()
    page.wait_for_function("window.scrollY === 0")
