"""A Sphinx extension that finishes the pages when all are written: what the theme cannot be told.

Each mend takes a parsed page and its path, and changes the page. Mending a page twice changes
nothing, since Sphinx writes only those pages anew whose source has changed.
"""

from pathlib import Path

import site_images
from bs4 import BeautifulSoup

# The icons come from a font with those that are used: site_fonts.py.
UNUSED = ("scripts/fontawesome.js",)


def drop_scripts(page, path):
    """Load no script that a page does not need."""
    for script in page.select("script[src]"):
        if script["src"].split("?")[0].endswith(UNUSED):
            script.decompose()


MENDS = [drop_scripts, site_images.set_sizes]


def finish_pages(app, exception):
    """Make the images lighter and mend every page."""
    if exception or app.builder.format != "html":
        return
    root = Path(app.outdir)
    for image in (root / "_images").glob("*.png"):
        site_images.quantize(image)
    for path in root.rglob("*.html"):
        if "_static" in path.relative_to(root).parts:
            continue
        before = path.read_text(encoding="utf-8")
        page = BeautifulSoup(before, "html.parser")
        for mend in MENDS:
            mend(page, path)
        after = str(page)
        if after != before:
            path.write_text(after, encoding="utf-8")
    for name in UNUSED:
        for path in root.glob(f"_static/{name}*"):
            path.unlink()


def setup(app):
    """Register with Sphinx."""
    app.connect("build-finished", finish_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
