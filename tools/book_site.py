"""A Sphinx extension: each page's first paragraph becomes its description for search engines."""

from html import escape

from docutils import nodes

LONGEST = 200


def shorten(text, longest=LONGEST):
    """Cut a text at the end of a word.

    Parameters
    ----------
    text : str
    longest : int
        The most characters to return.

    Returns
    -------
    str

    Examples
    --------
    >>> shorten("Gradients vanish  in deep networks.", longest=24)
    'Gradients vanish in ...'
    """
    text = " ".join(text.split())
    if len(text) <= longest:
        return text
    return text[: longest - 3].rsplit(" ", 1)[0] + " ..."


def describe_page(app, pagename, templatename, context, doctree):
    """Add `<meta name="description">` to a page that does not bring its own."""
    if doctree is None or 'name="description"' in context.get("metatags", ""):
        return
    for paragraph in doctree.findall(nodes.paragraph):
        if isinstance(paragraph.parent, nodes.section):
            text = escape(shorten(paragraph.astext()))
            context["metatags"] = (
                context.get("metatags", "") + f'\n<meta name="description" content="{text}" />'
            )
            return


def setup(app):
    """Register with Sphinx."""
    app.connect("html-page-context", describe_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
