"""A Sphinx extension that finishes the pages when all are written: what the theme cannot be told.

Each mend takes a parsed page and its path, and changes the page. Mending a page twice changes
nothing, since Sphinx writes only those pages anew whose source has changed.
"""

import re
from pathlib import Path

import site_folds
import site_images
import site_names
import site_search
import site_tables
import site_typography
from bs4 import BeautifulSoup

# The icons come from a font with those that are used, and the search from site_search.py.
UNUSED = ("scripts/fontawesome.js", "searchtools.js", "language_data.js", "searchindex.js")
UNUSED += ("sphinx_highlight.js",)  # marks parts of words
# Unpacked before the first line is drawn, and not when a formula first needs it.
FONT = 'document.fonts.load("1em Formulas")'
# The theme chooses light or dark when all is drawn, and code has neither colours nor its height
# until then.
THEME = """{const root = document.documentElement.dataset;
if (root.theme !== "light" && root.theme !== "dark")
  root.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";}"""
INDEX = "_static/search_index.js"
# What a script does, and what is on a page that needs it.
NEEDED = {
    "clipboard.min.js": "div.highlight",
    "copybutton.js": "div.highlight",
    "togglebutton.js": ".toggle, .admonition.dropdown",
    "togglebutton.css": ".toggle, .admonition.dropdown",
    "sphinx-design.min.css": "[class*=sd-]",
    "scroll_boxes.js": "article",
    "design-tabs.js": ".sd-tab-set",
    "claims.js": ".all-claims",
    "minisearch.js": "#search-results",
    "search.js": "#search-results",
    "math.css": "math",
    "search.css": "article, #search-results",
}


def choose_scripts(page, path):
    """Load what a page needs, and no more."""
    seen = set()
    for element in page.select("script[src], link[rel=stylesheet]"):
        name = element.get("src", element.get("href")).split("?")[0]
        needed = NEEDED.get(name.rsplit("/", 1)[-1])
        twice = element.name == "link" and name in seen  # named by Sphinx and by jupyter-book
        if twice or name.endswith(UNUSED) or (needed and not page.select_one(needed)):
            element.decompose()
        seen.add(name)
    for script in page.find_all("script", string=re.compile("^(let|var) toggle")):
        if not page.select_one(NEEDED["togglebutton.js"]):
            script.decompose()
    if page.find("math") and not page.find("script", string=FONT):
        script = page.new_tag("script")
        script.string = FONT
        page.select_one("link[href*='math.css']").insert_after(script)
    if page.select_one("#search-results") and not page.select(f"script[src='{INDEX}']"):
        page.head.append(page.new_tag("script", src=INDEX))


def choose_theme(page, path):
    """Say light or dark before the first line is drawn."""
    script = page.head and page.head.find("script", string=re.compile("dataset.theme = localStor"))
    if script and THEME not in script.string:
        script.string = script.string + THEME


# What a page needs is known when its toggles have become what they stay.
MENDS = [
    *site_folds.MENDS,
    *site_tables.MENDS,
    *site_names.MENDS,
    *site_tables.AFTER,
    *site_typography.MENDS,
    site_images.use_lighter,
    site_images.set_sizes,
    choose_scripts,
    choose_theme,
]


def finish_pages(app, exception):
    """Make the images lighter and mend every page."""
    if exception or app.builder.format != "html":
        return
    root = Path(app.outdir)
    images = list((root / "_images").glob("*.png"))
    for image in images:
        site_images.lighten(image)
    entries, named = [], set()
    for path in sorted(root.rglob("*.html")):
        if "_static" in path.relative_to(root).parts:
            continue
        before = path.read_text(encoding="utf-8")
        page = BeautifulSoup(before, "html.parser")
        for mend in MENDS:
            mend(page, path)
        after = str(page)
        if after != before:
            path.write_text(after, encoding="utf-8")
        named.update(re.findall(r"_images/([^\"/]+\.png)", after))  # for other sites, in the head
        entries += site_search.sections(page, path.relative_to(root).as_posix())
    site_search.write_index(entries, root / INDEX)
    for image in images:
        if image.name not in named:
            image.unlink()
    for name in UNUSED:
        for path in [*root.glob(f"_static/{name}*"), *root.glob(name)]:
            path.unlink()


def setup(app):
    """Register with Sphinx."""
    app.connect("build-finished", finish_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
