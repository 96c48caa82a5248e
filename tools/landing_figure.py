"""Take the landing page's figure out of chapter 1's stored outputs, so that the two cannot differ.

The cell is the one tagged `landing`. Its picture, and a page fragment that shows it with the cell's
own alternative text, go to _generated/, where intro.md includes them.
"""

import base64
import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
CHAPTER = ROOT / "chapters" / "01_vanishing_gradients.ipynb"
TAG = "landing"


def extract(notebook, tag=TAG):
    """Find the picture of the one cell with a tag.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
    tag : str

    Returns
    -------
    png : bytes
    alt : str
        The alternative text in the cell's metadata (`mystnb: image: alt`).

    Raises
    ------
    ValueError
        If there is not exactly one such cell, or it lacks one stored PNG or its alternative text.
    """
    cells = [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]
    if len(cells) != 1:
        raise ValueError(f"{len(cells)} cells are tagged {tag!r}; exactly one must be")
    (cell,) = cells
    pictures = [
        output.data["image/png"]
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    if len(pictures) != 1:
        raise ValueError(f"the cell tagged {tag!r} stores {len(pictures)} PNG pictures; one needed")
    alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
    if not alt.strip():
        raise ValueError(f"the cell tagged {tag!r} has no alternative text (mystnb: image: alt)")
    return base64.b64decode(pictures[0]), " ".join(alt.split())


def main():
    """Write _generated/landing.png and _generated/landing.md."""
    try:
        png, alt = extract(nbformat.read(CHAPTER, as_version=4))
    except (OSError, ValueError) as error:
        return f"No figure for the landing page in {CHAPTER.relative_to(ROOT)}: {error}"
    folder = ROOT / "_generated"
    folder.mkdir(exist_ok=True)
    (folder / "landing.png").write_bytes(png)
    fragment = f"```{{image}} /_generated/landing.png\n:alt: {alt}\n:class: landing\n```\n"
    (folder / "landing.md").write_text(fragment, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
