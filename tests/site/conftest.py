"""The built site in a real browser."""

import pytest

from tests import tools  # noqa: F401 puts tools/ on the path

import site_weight  # noqa: E402, I001 isort: skip


@pytest.fixture(scope="session")
def browser():
    """Chromium, or skip what needs it."""
    place = site_weight.find_browser()
    if place is None:
        pytest.skip("there is no Chromium: apt-get install chromium (Debian), or install Chrome")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=place)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def served():
    """Return the address of the site on this machine."""
    with site_weight.serve() as address:
        yield address
