"""The browser in which the built site is printed and photographed, without a window."""

import shutil
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

SITE = Path(__file__).resolve().parent.parent / "_build" / "html"
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
MISSING = "There is no Chromium. On Debian: apt-get install chromium; elsewhere Chrome will do"
# A page is complete when its pictures are there, and formulas are set that a script has to set.
READY = """async () => {
  document.querySelectorAll('img[loading="lazy"]').forEach((image) => (image.loading = "eager"));
  await Promise.all([...document.images].map((image) => image.decode()));
  await document.fonts.ready;
  if (window.MathJax?.startup?.promise) await MathJax.startup.promise;
}"""


def find():
    """Return the path of a Chromium or Chrome, or None."""
    return next((place for name in NAMES if (place := shutil.which(name))), None)


@contextmanager
def open_browser():
    """Start the browser, and close it at the end.

    Yields
    ------
    playwright.sync_api.Browser

    Raises
    ------
    FileNotFoundError
        If there is no browser, with how to get one.
    """
    place = find()
    if place is None:
        raise FileNotFoundError(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=place)
        try:
            yield browser
        finally:
            browser.close()


def show(browser, path, **options):
    """Open a page and wait until it is complete.

    Parameters
    ----------
    browser : playwright.sync_api.Browser
    path : Path
        A file.
    **options
        Of `Browser.new_page`, such as ``color_scheme``.

    Returns
    -------
    playwright.sync_api.Page
    """
    page = browser.new_page(**options)
    page.set_default_timeout(300_000)  # the whole book in one page takes its time
    page.goto(path.resolve().as_uri())
    page.evaluate(READY)
    return page
