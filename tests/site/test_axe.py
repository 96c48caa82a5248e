"""What axe-core finds on any page, in light and in dark, on a desk and on a telephone: nothing."""

from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from tests.site import checks
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
def test_axe_finds_nothing(name, scheme, width, chromium):
    page = chromium.new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    page.goto(f"{SITE.as_uri()}/{name}")
    page.wait_for_load_state()
    page.wait_for_timeout(200)
    assert complaints(page) == []
    page.close()


def test_a_fault_would_be_found(chromium):
    page = chromium.new_page()
    page.set_content(
        "<html lang='en'><title>T</title><main><h1>T</h1><p style='color: #ccc'>pale</p>"
        "<button aria-label='Other'>Seen</button></main>"
    )
    found = " ".join(complaints(page))
    for rule in ("color-contrast", "label-content-name-mismatch"):
        assert rule in found
    page.close()


def without_a_name(page):
    """Return the headers of tables that say nothing; axe leaves them to the reader."""
    return [str(cell) for cell in page.find_all("th") if not cell.get_text(strip=True)]


@pytest.mark.parametrize("name", PAGES)
def test_every_header_of_a_table_says_something(name):
    assert without_a_name(checks.read(SITE / name)) == []


def test_a_header_without_a_name_is_found():
    page = BeautifulSoup("<table><tr><th> </th><th>a</th></tr></table>", "html.parser")
    assert without_a_name(page) == ["<th> </th>"]
