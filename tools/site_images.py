"""Images of the site: lighter files, a size before they arrive, and loaded when they come near."""

import re
from pathlib import PurePosixPath
from urllib.parse import unquote
from xml.etree import ElementTree

from PIL import Image

STYLE = re.compile(r"width: (\d+)px; height: (\d+)px;?")


def lighten(path):
    """Write a PNG beside itself as WebP, without a loss, which is a third lighter.

    Parameters
    ----------
    path : pathlib.Path
    """
    lighter = path.with_suffix(".webp")
    if not lighter.exists():  # its name is that of its content
        with Image.open(path) as image:
            image.convert("RGB").save(lighter, "WEBP", lossless=True, method=6)


def use_lighter(page, path):
    """Show of each PNG the WebP beside it, where there is one, and without a link to the PNG.

    Parameters
    ----------
    page : bs4.BeautifulSoup
        Is changed.
    path : pathlib.Path
        The page's file.
    """
    for image in page.select("img[src$='.png']"):
        lighter = str(PurePosixPath(image["src"]).with_suffix(".webp"))
        if (path.parent / unquote(lighter)).exists():
            image["src"] = lighter
            if "image-reference" in image.parent.get("class", ()):
                image.parent.unwrap()


def size(path):
    """Return a picture's width and height in pixels.

    Parameters
    ----------
    path : pathlib.Path
        A PNG or JPEG, or an SVG with a ``viewBox``.

    Returns
    -------
    tuple of int
    """
    if path.suffix == ".svg":
        box = ElementTree.parse(path).getroot().get("viewBox")
        return tuple(round(float(number)) for number in box.split()[2:])
    with Image.open(path) as picture:
        return picture.size


def set_sizes(page, path):
    """Give each picture its width and height, and let all but a page's first wait.

    A width and a height in the style hold also where the page is narrower: they become attributes,
    which only say the proportions there.

    Parameters
    ----------
    page : bs4.BeautifulSoup
        Is changed.
    path : pathlib.Path
        The page's file.
    """
    for number, image in enumerate(page.select("article img")):
        if number:
            image["loading"] = "lazy"
            image["decoding"] = "async"
        elif "loading" in image.attrs:
            del image["loading"]
    for image in page.select("img[style]"):
        if found := STYLE.fullmatch(image["style"]):
            image["width"], image["height"] = found.groups()
            del image["style"]
    for image in page.select("img[src]:not([width][height])"):
        source = path.parent / unquote(image["src"].split("?")[0])
        image["width"], image["height"] = map(str, size(source))
