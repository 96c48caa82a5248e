"""Make slides of each chapter out of its stored outputs: `python tools/slides.py`.

Read `slide_text` (Markdown and sentences), `slide_rules` (what becomes a slide), then this file,
which writes the pages. Nothing in them is loaded from another host.
"""

import html
import importlib.util
import re
import shutil
import struct
import sys
from pathlib import Path

import nbformat
from slide_rules import blocks, columns

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "_build" / "slides"


def page(made, name):
    """Write the slides of a chapter as a page of HTML.

    Parameters
    ----------
    made : list of list of Slide
    name : str
        The chapter, by which its figures are named.

    Returns
    -------
    text : str
    figures : dict
        The pictures, as bytes, by their place beside the page.
    """
    figures, body = {}, []
    for column in made:
        body.append("<section>")
        for slide in column:
            look, content = [slide.kind], slide.body
            if slide.kind == "figure":
                place = f"figures/{name}-{len(figures) + 1}.png"
                figures[place] = slide.picture
                content = f'<img src="{place}" alt="{html.escape(slide.body)}">'
                look += ["tall"] * is_tall(slide.picture)
            elif (length := len(plain(slide.body))) > 330:
                look.append("long" if length < 560 else "longest")
            level = "h1" if slide.kind == "title" else "h2"
            body.append(
                f'<section><div class="frame {" ".join(look)}">\n<{level}>{slide.heading}'
                f'</{level}>\n<div class="body">{content}</div></div>\n'
                f'<aside class="notes">{"".join(slide.notes)}</aside></section>'
            )
        body.append("</section>")
    template = (ROOT / "tools" / "slides.html").read_text(encoding="utf-8")
    title = plain(made[0][0].heading)
    return template.replace("{title}", title).replace("{slides}", "\n".join(body)), figures


def plain(text):
    """Take the tags out of HTML.

    Examples
    --------
    >>> plain("<em>one</em> &amp; two")
    'one &amp; two'
    """
    return re.sub(r"<[^>]+>", "", text)


def is_tall(png):
    """Say whether a picture needs all of a slide's height; its size is in the first bytes."""
    width, height = struct.unpack(">II", png[16:24])
    return height > 0.85 * width


def copy_assets(folder):
    """Copy reveal.js, MathJax, the font and the style beside the slides, with their licences.

    Raises
    ------
    ModuleNotFoundError
        If a package that brings them is not installed.
    """
    reveal = _package("sphinx_revealjs") / "_static" / "revealjs"
    mathjax = _package("sphinx-mathjax-offline") / "static" / "mathjax" / "tex-svg-full.js"
    font = reveal / "dist" / "theme" / "fonts" / "source-sans-pro"
    files = [reveal / "dist" / name for name in ("reset.css", "reveal.css", "reveal.js")]
    files += [reveal / "plugin" / "notes" / "notes.js", mathjax, *font.glob("*.woff")]
    files += [ROOT / "tools" / "slides.css", ROOT / "_static" / "logo.svg"]
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        shutil.copyfile(file, folder / file.name)
    shutil.copyfile(reveal / "LICENSE", folder / "LICENSE-reveal.js")
    shutil.copyfile(font / "LICENSE", folder / "LICENSE-source-sans-pro")


def _package(name):
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(f"{name} is not installed: run `make slides`, which installs it")
    return Path(spec.origin).parent


def main():
    """Write the slides of every chapter, and a page that lists them, to _build/slides."""
    shutil.rmtree(TARGET, ignore_errors=True)
    try:
        copy_assets(TARGET / "assets")
    except ModuleNotFoundError as error:
        return str(error)
    (TARGET / "figures").mkdir()
    items = []
    for path in sorted((ROOT / "chapters").glob("*.ipynb")):
        made = columns(blocks(nbformat.read(path, as_version=4)))
        text, figures = page(made, path.stem)
        (TARGET / f"{path.stem}.html").write_text(text, encoding="utf-8")
        for place, picture in figures.items():
            (TARGET / place).write_bytes(picture)
        count = sum(map(len, made))
        items.append(f'<li><a href="{path.stem}.html">{made[0][0].heading}</a> {count} slides</li>')
        print(f"_build/slides/{path.stem}.html: {count} slides")
    index = (ROOT / "tools" / "slides_index.html").read_text(encoding="utf-8")
    (TARGET / "index.html").write_text(index.replace("{items}", "\n".join(items)), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
