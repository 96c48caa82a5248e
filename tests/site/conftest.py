"""The built site in a real browser."""

import pytest

from tests import tools  # noqa: F401 puts tools/ on the path

import browser  # noqa: E402, I001 isort: skip
import site_weight  # noqa: E402, I001 isort: skip


@pytest.fixture(scope="session")
def chromium():
    """Start the browser, or skip what needs it."""
    if browser.find() is None:
        pytest.skip(browser.MISSING)
    with browser.open_browser() as opened:
        yield opened


@pytest.fixture(scope="session")
def served():
    """Return the address of the site on this machine."""
    with site_weight.serve() as address:
        yield address
