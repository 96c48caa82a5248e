"""A Sphinx extension: each page says in a sentence of its own what it holds.

The sentences stand in descriptions.toml, by page. Search engines and previews show them, and the
first page's cards do. A page without one is a warning, so that `make book` stops.
"""

import tomllib
from html import escape
from pathlib import Path

from sphinx.util import logging

FILE = Path(__file__).with_name("descriptions.toml")


def load(path=FILE):
    """Read the sentences.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict
        By page, such as "chapters/02_xavier_initialization".
    """
    found = {}
    for key, value in tomllib.loads(path.read_text(encoding="utf-8")).items():
        if isinstance(value, str):
            found[key] = value
        else:
            found |= {f"{key}/{name}": text for name, text in value.items()}
    return found


def describe_page(app, pagename, templatename, context, doctree):
    """Add `<meta name="description">` to a page of the book."""
    if doctree is None:
        return
    text = load().get(pagename)
    if text is None:
        logging.getLogger(__name__).warning(
            "no description in tools/descriptions.toml", location=pagename
        )
        return
    context["description"] = text
    context["metatags"] = (
        context.get("metatags", "") + f'\n<meta name="description" content="{escape(text)}" />'
    )


def setup(app):
    """Register with Sphinx."""
    app.connect("html-page-context", describe_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
