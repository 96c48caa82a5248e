"""A Sphinx extension: files that a host or a browser looks for by itself, 404.html and icons."""

import shutil
from pathlib import Path

from site_addresses import base

STATIC = Path(__file__).resolve().parent.parent / "_static"
FAVICON, TOUCH = "favicon.ico", "touch-icon.png"  # the logo, as pixels


def add_icons(app, pagename, templatename, context, doctree):
    """Name the icons for browsers that do not show the logo as SVG."""
    up = "../" * pagename.count("/")
    context["metatags"] = (
        context.get("metatags", "")
        + f'\n<link rel="icon" sizes="32x32" href="{up}{FAVICON}" />'
        + f'\n<link rel="apple-touch-icon" href="{up}_static/{TOUCH}" />'
    )


def page_not_found(app):
    """Return the page that a host shows at an address where there is nothing.

    The address can be in any folder. With the setting of the site's address, links are complete;
    without, a script leaves the folders of the book that it finds in the address.

    Parameters
    ----------
    app : sphinx.application.Sphinx

    Returns
    -------
    str
    """
    folders = sorted({page.split("/")[0] for page in app.env.found_docs if "/" in page})
    home = base(app.config)
    start = f'<base href="{home}" />' if home else ""
    script = f"""<script>
  const home = location.pathname.replace(/(({"|".join(folders)})\\/.*|[^\\/]*)$/, "");
  document.head.append(Object.assign(document.createElement("base"), {{ href: home }}));
</script>"""
    template = Path(__file__).with_name("page_not_found.html").read_text(encoding="utf-8")
    filled = template.replace("{base}", start or script).replace("{title}", app.config.html_title)
    return filled.replace("{language}", app.config.language)


def write_files(app, error):
    """Write 404.html, and favicon.ico where browsers look for it unasked."""
    if error or app.builder.format != "html":
        return
    Path(app.outdir, "404.html").write_text(page_not_found(app), encoding="utf-8")
    shutil.copyfile(STATIC / FAVICON, Path(app.outdir, FAVICON))


def setup(app):
    """Register with Sphinx."""
    app.connect("html-page-context", add_icons)
    app.connect("build-finished", write_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
