"""What the pages of the site weigh, and when they are there on a telephone's line.

Bytes are over gzip. The line has 1.6 Mbit/s and 150 ms, the processor a fourth of this one's speed.
"""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import browser  # noqa: E402
import site_weight  # noqa: E402

KINDS = ("html", "css", "js", "fonts", "images")
SLOW = ["intro.html", "chapters/01_vanishing_gradients.html"]
READABLE, COMPLETE = 2, 6  # seconds


@pytest.fixture(scope="module")
def chromium():
    if browser.find() is None:
        pytest.skip(browser.MISSING)
    if not (site_weight.SITE / "intro.html").is_file():
        pytest.skip("there is no site: make book")
    with browser.open_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def served():
    with site_weight.serve() as address:
        yield address


def test_bytes_by_kind_and_page(chromium, served, capsys):
    root = site_weight.SITE
    pages = [p.relative_to(root) for p in sorted(root.rglob("*.html")) if "_static" not in p.parts]
    pages.remove(Path("index.html"))  # leads to another at once
    lines = [" ".join(f"{kind:>7}" for kind in (*KINDS, "all")) + "  kB over gzip"]
    for page in pages:
        found = site_weight.load(chromium, f"{served}/{page.as_posix()}", look_around=True)["bytes"]
        sizes = [found.get(kind, 0) for kind in KINDS]
        lines.append(" ".join(f"{s / 1000:7.0f}" for s in (*sizes, sum(sizes))) + f"  {page}")
    with capsys.disabled():
        print("", *lines, sep="\n")


@pytest.mark.parametrize("page", SLOW)
def test_time_on_a_slow_line(page, chromium, served, capsys):
    runs = [site_weight.load(chromium, f"{served}/{page}", width=375, slow=True) for _ in range(3)]
    text, complete = (sorted(run[key] for run in runs)[1] for key in ("text", "complete"))
    with capsys.disabled():
        print(f"\n{page}: readable after {text:.1f} s, complete after {complete:.1f} s")
    assert text < READABLE
    assert complete < COMPLETE
