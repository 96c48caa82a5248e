"""A Sphinx extension: where the book and its source can be found, each out of one setting.

`html: baseurl` in _config.yml is where the site is published. With it each page names its own
address and what a preview of a link shows (Open Graph), and there are a sitemap.xml and a
robots.txt. `book_source` is where the source is. With it each page has a button that leads there,
and `{{ source }}` on a page is a link. Without a setting there is none of that.
"""

from html import escape
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape as escape_xml

from docutils import nodes

ICON = "_static/touch-icon.png"  # shown where a page has no picture of its own


def base(config):
    """Return the address of the site, with a slash at its end; empty without the setting."""
    address = (config.html_baseurl or "").strip()
    return address.rstrip("/") + "/" if address else ""


def name_source(app, config):
    """Turn the setting of the source into words for the pages."""
    words = f"[the source]({config.book_source})" if config.book_source else "a copy of the source"
    config.myst_substitutions = {**config.myst_substitutions, "source": words}
    config.html_baseurl = base(config)


def add_button(app, pagename, templatename, context, doctree):
    """Let a button at the top of a page lead to the source."""
    if app.config.book_source:
        context["header_buttons"].append(
            {
                "type": "link",
                "url": app.config.book_source,
                "tooltip": "The source of this book",
                "text": "Source",
                "label": "source-of-the-book",
            }
        )


def picture(app, doctree):
    """Return the place of a page's first picture on the site, or of the book's icon."""
    for image in doctree.findall(nodes.image):
        name = app.builder.images.get(image["uri"])
        if name and name.endswith((".png", ".jpg", ".webp")):
            return f"{app.builder.imagedir}/{quote(name)}"
    return ICON


def name_page(app, pagename, templatename, context, doctree):
    """Add a page's Open Graph properties; Sphinx itself adds its canonical address."""
    if pagename == app.config.root_doc:
        context["docstitle"] = None  # or the first page would be called twice the same
    if not base(app.config) or doctree is None:
        return
    properties = {
        "type": "website" if pagename == app.config.root_doc else "article",
        "site_name": app.config.html_title,
        "title": doctree.next_node(nodes.title).astext(),
        "description": context.get("description", ""),
        "url": base(app.config) + app.builder.get_target_uri(pagename),
        "image": base(app.config) + picture(app, doctree),
    }
    context["metatags"] = context.get("metatags", "") + "".join(
        f'\n<meta property="og:{name}" content="{escape(text)}" />'
        for name, text in properties.items()
    )


def write_addresses(app, error):
    """Write sitemap.xml and robots.txt."""
    if error or app.builder.format != "html" or not base(app.config):
        return
    pages = sorted(app.env.found_docs)
    listed = "".join(
        f"<url><loc>{escape_xml(base(app.config) + app.builder.get_target_uri(page))}</loc></url>\n"
        for page in pages
    )
    Path(app.outdir, "sitemap.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n' + listed + "</urlset>\n",
        encoding="utf-8",
    )
    Path(app.outdir, "robots.txt").write_text(
        f"User-agent: *\nAllow: /\nSitemap: {base(app.config)}sitemap.xml\n", encoding="utf-8"
    )


def setup(app):
    """Register with Sphinx."""
    app.add_config_value("book_source", "", "html", [str])
    app.connect("config-inited", name_source)
    app.connect("html-page-context", add_button, priority=600)  # after the theme's buttons
    app.connect("html-page-context", name_page, priority=600)  # after the description
    app.connect("build-finished", write_addresses)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
