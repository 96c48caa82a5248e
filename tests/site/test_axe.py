"""What axe-core finds on any page, in light and in dark, on a desk and on a telephone: nothing."""

from pathlib import Path

import pytest

from tests.site.test_site import SITE, TOC

pytestmark = pytest.mark.site
PAGES = [f"{name}.html" for name in TOC] + ["search.html"]
RUN = """async () => {
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice", "experimental"];
  const found = await axe.run(document, {
    resultTypes: ["violations"], runOnly: { type: "tag", values: tags },
  });
  return found.violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.html}`));
}"""


def complaints(page):
    package = pytest.importorskip("axe_core_python")
    (script,) = Path(package.__file__).parent.rglob("axe.min.js")
    page.evaluate(script.read_text(encoding="utf-8"))
    return page.evaluate(RUN)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 375)])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(name, scheme, width, browser):
    page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    page.goto(f"{SITE.as_uri()}/{name}")
    page.wait_for_load_state()
    page.wait_for_timeout(200)
    assert complaints(page) == []
    page.close()


def test_a_fault_would_be_found(browser):
    page = browser.new_page()
    page.set_content(
        "<html lang='en'><title>T</title><main><h1>T</h1><p style='color: #ccc'>pale</p>"
        "<table><tr><th></th><td>1</td></tr></table>"
        "<button aria-label='Other'>Seen</button></main>"
    )
    found = " ".join(complaints(page))
    for rule in ("color-contrast", "empty-table-header", "label-content-name-mismatch"):
        assert rule in found
    page.close()
