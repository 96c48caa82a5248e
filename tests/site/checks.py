"""What must hold on every page of the site. Each check returns its complaints; none is good."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup

# Where a browser fetches something by itself, as opposed to a link that a reader may follow.
RESOURCES = {
    "script": ["src"],
    "link": ["href"],
    "img": ["src", "srcset"],
    "source": ["src", "srcset"],
    "iframe": ["src"],
    "video": ["src", "poster"],
    "audio": ["src"],
    "embed": ["src"],
    "object": ["data"],
}
CSS_ADDRESS = re.compile(r"""(?:url\(\s*|@import\s+)["']?([^"')\s;]+)""")
HASH_OR_FILE = re.compile(r"[0-9a-f]{16,}|\S+\.(png|svg|jpe?g|gif)", re.IGNORECASE)


def read(path):
    """Parse a page."""
    return BeautifulSoup(Path(path).read_text(encoding="utf-8"), "html.parser")


def is_elsewhere(address):
    """Is this the address of something on a host?"""
    parts = urlsplit(address)
    return bool(parts.netloc) or parts.scheme in ("http", "https", "ws", "wss")


def addresses(page):
    """List everything that a browser fetches in order to show a page."""
    found = []
    for tag, attributes in RESOURCES.items():
        for element in page.find_all(tag):
            if tag == "link" and set(element.get("rel", [])) & {"next", "prev", "canonical"}:
                continue  # says where something is, loads nothing
            for attribute in attributes:
                if not element.get(attribute):
                    continue
                if attribute == "srcset":
                    found += [part.split()[0] for part in element["srcset"].split(",")]
                else:
                    found.append(element[attribute])
    for element in page.find_all("style"):
        found += CSS_ADDRESS.findall(element.get_text())
    for element in page.find_all(style=True):
        found += CSS_ADDRESS.findall(element["style"])
    return found


def other_hosts(page):
    """Complain about everything loaded from a host."""
    found = [f"loads {address}" for address in addresses(page) if is_elsewhere(address)]
    for script in page.find_all("script", src=False):
        # What an inline script names, it is about to load.
        found += [
            f"a script names {a}" for a in re.findall(r"https?://[^\s\"'`]+", script.get_text())
        ]
    return found


def other_hosts_in_css(text):
    """Complain about everything that a style sheet loads from a host."""
    return [f"loads {address}" for address in CSS_ADDRESS.findall(text) if is_elsewhere(address)]


def alternative_text(page):
    """Complain about pictures that say nothing, or a file name, to those who cannot see them."""
    found = []
    for image in page.find_all("img"):
        alt = (image.get("alt") or "").strip()
        if not alt:
            found.append(f"no alternative text on {image.get('src')}")
        elif HASH_OR_FILE.fullmatch(alt) or alt == image.get("src"):
            found.append(f"alternative text of {image.get('src')} is only {alt!r}")
    return found


def head(page, *, description=True):
    """Complain about what a browser, a screen reader or a search engine needs and lacks."""
    found = []
    if not (page.html and page.html.get("lang")):
        found.append("no language")
    if not (page.title and page.title.get_text().strip()):
        found.append("no title")
    if not page.find(
        "meta", attrs={"name": "viewport", "content": re.compile("width=device-width")}
    ):
        found.append("no viewport for small screens")
    if description:
        element = page.find("meta", attrs={"name": "description"})
        if not (element and element.get("content", "").strip()):
            found.append("no description")
        headings = (page.find("article") or page).find_all("h1")
        if len(headings) != 1:
            found.append(f"{len(headings)} main headings instead of one")
    return found


def formulas(page):
    """Complain about formulas that are left as TeX or need a program."""
    found = [
        f"loads {s['src']}" for s in page.select("script[src]") if "mathjax" in s["src"].lower()
    ]
    for element in page.select(".math"):
        formulas = element.find_all("math")
        if len(formulas) != 1 or "\\" in element.get_text():
            found.append(f"not set: {element.get_text().strip()}")
    return found


def internal_links(path, page, root, pages):
    """Complain about links and resources that lead nowhere within the site.

    `pages` holds the parsed pages by path, to look up the place on a page that a link names.
    """
    found = []
    links = [a["href"] for a in page.find_all("a", href=True)]
    for address in links + addresses(page):
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            continue
        target = path if not parts.path else (path.parent / unquote(parts.path)).resolve()
        if target.is_dir():
            target = target / "index.html"
        if not target.is_file() or root not in target.parents:
            found.append(f"{address} does not exist")
        elif parts.fragment and target in pages:
            name = unquote(parts.fragment)
            if not pages[target].find(id=name) and not pages[target].find(
                "a", attrs={"name": name}
            ):
                found.append(f"{address}: the page has no such place")
    return found
