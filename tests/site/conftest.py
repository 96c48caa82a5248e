import browser
import pytest


@pytest.fixture(scope="module")
def chromium():
    with browser.open_browser() as opened:
        yield opened
