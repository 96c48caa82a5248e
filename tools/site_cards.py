"""A Sphinx extension: the directive `chapter-cards`, a card for each chapter named in it.

A card has the chapter's title, its sentence out of descriptions.toml, the minutes that the chapter
states, which the tests compare with the count of reading.py, and a stored figure of the chapter:
that of the cell tagged `landing`, or else the first.
"""

import base64
import io
import json
import re
from pathlib import Path

from docutils import nodes
from PIL import Image
from site_descriptions import load
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective

TAG = "landing"
SIZE = (560, 336)  # twice as many pixels as a card shows, for sharp screens
FOLDER = "_generated"  # beside the book, out of git
TIME = re.compile(r"^\*\*Time\*\*: (\d+) minutes to read", re.M)


def facts(notebook):
    """Take out of a chapter what its card shows.

    Parameters
    ----------
    notebook : dict
        The parsed JSON.

    Returns
    -------
    dict
        Its ``title``, ``minutes``, a ``png`` and the first sentence of its ``alt`` text.

    Raises
    ------
    ValueError
        If one of them is missing.
    """
    text = "\n".join(
        "".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown"
    )
    title = re.search(r"^# (.+)$", text, re.M)
    time = TIME.search(text)
    if not title or not time:
        raise ValueError("no title, or no line '**Time**: ... minutes to read'")
    found = []
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            if png := output.get("data", {}).get("image/png"):
                tagged = TAG in cell["metadata"].get("tags", ())
                alt = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")
                found.append((not tagged, len(found), "".join(png), " ".join(alt.split())))
    if not found:
        raise ValueError("no stored figure")
    *_, png, alt = min(found)
    return {
        "title": title[1],
        "minutes": int(time[1]),
        "png": base64.b64decode(png),
        "alt": re.split(r"(?<=[.:]) ", alt)[0].rstrip(":"),
    }


def thumbnail(png, size=SIZE):
    """Cut the upper part out of a figure, and make it small.

    Parameters
    ----------
    png : bytes
    size : tuple of int

    Returns
    -------
    bytes
    """
    with Image.open(io.BytesIO(png)) as figure:
        picture = Image.new("RGB", figure.size, "white")
        picture.paste(figure, mask=figure.convert("RGBA").getchannel("A"))
    high = min(picture.height, round(picture.width * size[1] / size[0]))
    small = picture.crop((0, 0, picture.width, high)).resize(size, Image.Resampling.LANCZOS)
    file = io.BytesIO()
    small.save(file, "WEBP", quality=55, method=6)
    return file.getvalue()


class ChapterCards(SphinxDirective):
    """One card a line; a line names a notebook, such as ``chapters/01_vanishing_gradients``."""

    has_content = True

    def run(self):
        """Make the list of cards."""
        cards = nodes.bullet_list(classes=["chapter-cards"])
        for name in filter(None, map(str.strip, self.content)):
            path = Path(self.env.srcdir, f"{name}.ipynb")
            self.env.note_dependency(str(path))
            try:
                card = self.card(name, facts(json.loads(path.read_text(encoding="utf-8"))))
            except (OSError, ValueError) as error:
                raise self.error(f"no card for {name}: {error}") from error
            cards += nodes.list_item("", *card)
        return [cards]

    def card(self, name, chapter):
        """Return the parts of one card."""
        place = Path(FOLDER, Path(name).name + ".webp")
        Path(self.env.srcdir, FOLDER).mkdir(exist_ok=True)
        Path(self.env.srcdir, place).write_bytes(thumbnail(chapter["png"]))
        image = nodes.image(
            uri=f"/{place.as_posix()}",
            alt=f"Figure of the chapter: {chapter['alt']}",
            loading="lazy",
            classes=["no-scaled-link"],
            width=f"{SIZE[0] // 2}px",
            height=f"{SIZE[1] // 2}px",
        )
        link = addnodes.pending_xref(
            "",
            nodes.inline("", chapter["title"]),
            refdomain="std",
            reftype="doc",
            reftarget=f"/{name}",
            refexplicit=True,
            refwarn=True,
            refdoc=self.env.docname,
        )
        return [
            image,
            nodes.paragraph("", "", link, classes=["title"]),
            nodes.paragraph("", load()[name]),
            nodes.paragraph("", f"{chapter['minutes']} minutes", classes=["minutes"]),
        ]


def setup(app):
    """Register with Sphinx."""
    app.add_directive("chapter-cards", ChapterCards)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
