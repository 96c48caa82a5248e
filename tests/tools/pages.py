"""What the tests of tools that mend pages share."""

from pathlib import Path

from bs4 import BeautifulSoup


def mended_twice(html, mends):
    """Return a page after its mends, a second round of which must change nothing."""
    page = BeautifulSoup(html, "html.parser")
    for mend in mends:
        mend(page, Path("a.html"))
    once = str(page)
    for mend in mends:
        mend(page, Path("a.html"))
    assert str(page) == once
    return page
