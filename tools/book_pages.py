"""Put the built site's pages together into one, in the order of the table of contents.

Places on a page get the page's name in front, so that they differ, and links between pages become
links within the one.
"""

import copy
import posixpath
from html import escape
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml
from bs4 import BeautifulSoup

REFERRING = ("aria-labelledby", "aria-describedby", "for", "headers")


def contents(toc):
    """List the parts of the book and the pages in each.

    Parameters
    ----------
    toc : dict
        The parsed _toc.yml.

    Returns
    -------
    list of tuple
        The caption, and the names of the pages.

    Examples
    --------
    >>> contents({"root": "a", "parts": [{"caption": "B", "chapters": [{"file": "c/d"}]}]})
    [('', ['a']), ('B', ['c/d'])]
    """
    parts = [
        (part["caption"], [chapter["file"] for chapter in part["chapters"]])
        for part in toc["parts"]
    ]
    return [("", [toc["root"]]), *parts]


def place(name, fragment=""):
    """Return the identifier, in the one page, of a page or of a place on it.

    Examples
    --------
    >>> place("c/d"), place("c/d", "e")
    ('c-d', 'c-d--e')
    """
    return name.replace("/", "-") + (f"--{fragment}" if fragment else "")


def move_address(address, name, names):
    """Return where a link of a page leads in the one page, which lies beside them.

    Examples
    --------
    >>> move_address("../f.html#g", "c/d", ["c/d", "f"]), move_address("#g", "c/d", ["c/d"])
    ('#f--g', '#c-d--g')
    >>> move_address("../_images/h.png", "c/d", []), move_address("https://i.example", "c/d", [])
    ('_images/h.png', 'https://i.example')
    """
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return address
    if not parts.path:
        return "#" + place(name, unquote(parts.fragment))
    target = posixpath.normpath(posixpath.join(posixpath.dirname(name), parts.path))
    page = target.removesuffix(".html")
    return "#" + place(page, unquote(parts.fragment)) if page in names else target


def article(page, name, names):
    """Take the text out of a page, with its places and links made those of the one page."""
    found = copy.copy(page.find("article"))
    for element in found.find_all(True):
        if element.get("id"):
            element["id"] = place(name, element["id"])
        for attribute in REFERRING:
            if element.get(attribute):
                value = element[attribute]
                each = value.split() if isinstance(value, str) else value
                element[attribute] = " ".join(place(name, one) for one in each)
        for attribute in ("href", "src", "xlink:href"):
            if element.get(attribute) and not element[attribute].startswith("data:"):
                element[attribute] = move_address(element[attribute], name, names)
        for attribute in ("marker-end", "fill"):  # what an SVG refers to by url(#...)
            if "url(#" in (element.get(attribute) or ""):
                element[attribute] = element[attribute].replace("url(#", f"url(#{place(name)}--")
    found["id"] = place(name)
    return found


def assemble(site, toc, sheets=None):
    """Make the one page.

    Parameters
    ----------
    site : Path
        The folder of the built site.
    toc : dict
        The parsed _toc.yml.
    sheets : dict, optional
        The sheet on which each page begins, by its name, for the table of contents.

    Returns
    -------
    str
        HTML, to be written into that folder.
    """
    parts = contents(toc)
    names = [name for _, part in parts for name in part]
    pages = {
        name: BeautifulSoup((site / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
        for name in names
    }
    for page in pages.values():
        for mark in page.select("a.headerlink, script[src*=search]"):
            mark.decompose()
    # A chapter's head has the styles, and the script for formulas if there is one.
    head = copy.copy(pages[parts[1][1][0]].head)
    for element in head.find_all(["link", "script"]):
        for attribute in ("href", "src"):
            if element.get(attribute):
                element[attribute] = move_address(element[attribute], parts[1][1][0], [])
    title = pages[names[0]].title.get_text(strip=True)
    head.title.string = title
    body = [f'<h1 class="book-title">{escape(title)}</h1><nav class="book-contents">']
    for caption, part in parts:
        body.append(f"<p><strong>{escape(caption)}</strong></p><ul>" if caption else "<ul>")
        for name in part:
            heading = escape(pages[name].find("h1").get_text(strip=True))
            sheet = (sheets or {}).get(name, "")
            body.append(f'<li><a href="#{place(name)}">{heading}</a> <span>{sheet}</span></li>')
        body.append("</ul>")
    footer = pages[names[0]].select_one(".bd-footer-content")
    notice = [footer.select_one(".copyright"), *footer.select('a[rel="license"]')]
    said = ". ".join(" ".join(part.get_text().split()).strip(".") for part in notice)
    body.append(f"</nav><p>{escape(said)}.</p>")
    body += [str(article(pages[name], name, names)) for name in names]
    return (
        f'<!DOCTYPE html><html lang="en" data-theme="light">{head}<body class="whole-book">'
        f'<main class="bd-article">{"".join(body)}</main></body></html>'
    )


def load_toc(root):
    """Read the table of contents."""
    return yaml.safe_load(Path(root, "_toc.yml").read_text(encoding="utf-8"))
