"""What of a chapter becomes a slide.

Sections go to the right, what belongs to one goes down: its heading with the first sentences, each
"Predict", the formulas that are referred to most, each figure, and each claim. All other prose goes
into the speaker's notes, code nowhere.
A cell with the metadata `slideshow.slide_type: skip` is left out; the exercises end the slides.
"""

import base64
import html
import re
from dataclasses import dataclass, field

from slide_text import broken, clip, parser, portions, sentences, words

from weightinit.claims import load
from weightinit.claims.results import SIGNS, css_class

OPENING = 50  # words at most of a section's first paragraph
POINTS = 120  # words at most on a slide of things to remember
ROWS = 6  # rows at most of a table
FORMULAS = 3  # formulas at most below one heading


@dataclass
class Block:
    """A piece of a chapter: its kind, its source, and what else that kind needs."""

    kind: str
    source: str = ""
    title: str = ""


@dataclass
class Slide:
    """One slide: what it is, its heading and body as HTML, and the prose that is said to it."""

    kind: str
    heading: str
    body: str  # of a figure: its alternative text
    notes: list = field(default_factory=list)
    picture: bytes = b""


# A notebook as a list of blocks -----------------------------------------------------------------


def blocks(notebook):
    """Take a chapter apart, up to its exercises.

    Parameters
    ----------
    notebook : nbformat.NotebookNode

    Returns
    -------
    list of Block
        Of the kinds title, section, part, text, formula, predict, remember, box, table, label,
        figure (title: its alternative text) and claim (source: its id).

    Raises
    ------
    ValueError
        If a figure has no alternative text.
    """
    found = []
    for cell in notebook.cells:
        if cell.metadata.get("slideshow", {}).get("slide_type") == "skip":
            continue
        new = _prose(cell.source) if cell.cell_type == "markdown" else _outputs(cell)
        for block in new:
            if block.kind == "exercise" or block.source == "Exercises":
                return found
            found.append(block)
    return found


def _outputs(cell):
    for output in cell.get("outputs", []):
        if "weightinit" in output.get("metadata", {}):
            yield Block("claim", output.metadata["weightinit"]["claim"])
        elif "image/png" in output.get("data", {}):
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
            if not alt.strip():
                raise ValueError(f"a figure has no alternative text (mystnb: image: alt): {cell}")
            yield Block("figure", output.data["image/png"], " ".join(alt.split()))


def _prose(source):
    lines = source.splitlines()
    for token in parser().parse(source):
        if token.level or token.nesting < 0:
            continue
        text = "\n".join(lines[slice(*token.map)])
        if token.type == "heading_open":
            kind = {"h1": "title", "h2": "section"}.get(token.tag, "part")
            yield Block(kind, text.lstrip("# ").strip())
        elif token.type in ("math_block", "math_block_label"):
            yield Block("formula", token.content.strip(), token.info)
        elif token.type in ("fence", "colon_fence"):
            yield from _directive(token.info.strip(), token.content)
        elif token.type == "myst_target":
            yield Block("label", token.content)
        elif token.type in ("paragraph_open", "table_open"):
            yield Block(token.type.removesuffix("_open").replace("paragraph", "text"), text)
        elif token.type not in ("html_block", "code_block", "hr", "myst_line_comment"):
            yield Block("box", text)  # a list, a quotation


def _directive(info, content):
    name, _, title = info.partition(" ")
    body = re.sub(r"\A(\s*:[\w-]+:.*\n?)*", "", content)
    kind = "".join(re.findall(r"^:class: *(\w+)", content, re.MULTILINE)[:1])
    if name in ("{exercise}", "{solution}") or kind == "exercise":
        yield Block("exercise")
    elif name == "{admonition}":
        predicts = title.startswith("Predict")
        kind = "predict" if predicts else "remember" if kind == "important" else "box"
        yield Block(kind, body, title)


# From blocks to slides --------------------------------------------------------------------------


def columns(found):
    """Choose what becomes a slide.

    Parameters
    ----------
    found : list of Block

    Returns
    -------
    list of list of Slide
        One inner list per section, the title's first.
    """
    markdown = parser()
    labels = [block.title for block in found if block.kind == "formula" and block.title]
    numbers = {label: number for number, label in enumerate(labels, start=1)}
    env = {"equations": numbers}
    shown = _most_cited(found)
    made, waiting, section, part = [[]], [], "", ""

    def write(source):
        return markdown.render(source, dict(env))

    def add(kind, body, heading="", picture=b""):
        title = markdown.renderInline(heading or part or section, dict(env))
        made[-1].append(Slide(kind, title, body, waiting[:], picture))
        waiting.clear()

    for index, block in enumerate(found):
        before = found[index - 1] if index else Block("")
        after = found[index + 1] if index + 1 < len(found) else Block("")
        kind, source = block.kind, block.source
        if kind == "title":
            add("title", write(_first_paragraph(found)), source)
            part = source  # heads what comes before the first section
        elif kind == "section":
            section, part = source, ""
            made.append([])
            follows = next((n for n in range(index + 1, len(found)) if found[n].kind != "label"), 0)
            if follows and (text := _opening(found, follows)):
                add("opening", write(text))
        elif kind == "part":
            part = source
        elif kind == "predict":
            if before.kind == "box" and not before.title:  # a list of what the question is about
                earlier = found[max(index - 2, 0)]
                lead = _lead(earlier.source) if earlier.kind == "text" else ""
                add("setting", write(f"{lead}\n\n{before.source}"))
            add("predict", write(clip(source, 120)))
        elif kind == "formula" and index in shown:
            lead = _lead(before.source) if before.kind == "text" else ""
            goes_on = after.kind == "text" and after.source[:1].islower()
            rest = sentences(after.source)[0] if goes_on else ""
            number = f'<span class="number">({numbers[block.title]})</span>' if block.title else ""
            formula = f'<div class="formula">{write(f"$${broken(source)}$$")}{number}</div>'
            add("formula", write(lead) + formula + write(rest))
        elif kind == "figure":
            add("figure", block.title, picture=base64.b64decode(source))
        elif kind == "claim":
            add("claim", _verdict(load()[source]), f"Claim {source}")
        elif kind == "remember":
            made.append([])
            title = section if before.kind == "section" else block.title
            for points in portions(source, POINTS):
                add("remember", write(points), title)
        elif kind == "box" and not section and block.title:
            add("objectives", write(_up_to_first_list(source)), block.title)
        elif kind == "table":
            head, rule, *rows = source.splitlines()
            for start in range(0, len(rows), ROWS):
                add("table", write("\n".join([head, rule, *rows[start : start + ROWS]])))
        elif kind in ("text", "box", "formula"):
            said = f"$${source}$$" if kind == "formula" else source
            (made[-1][-1].notes if made[-1] else waiting).append(write(said))
    return [column for column in made if column]


def _first_paragraph(found):
    """Find what a chapter begins with; a remark in brackets is for those who read it."""
    for block in found:
        if block.kind == "text" and not block.source.startswith("("):
            return clip(block.source, OPENING)
        if block.kind == "section":
            break
    return ""


def _opening(found, index):
    """Cut the first paragraph of a section; what is unfinished belongs to what follows it."""
    if found[index].kind != "text":
        return ""
    kept = sentences(found[index].source)
    after = found[index + 1].kind if index + 1 < len(found) else ""
    if after == "table":
        return ""
    if after == "formula":
        kept.pop()
    while kept and not re.search(r"[.?!][\"”)*_]*$", kept[-1]):
        kept.pop()
    return clip(" ".join(kept), OPENING)


def _lead(text):
    """Take what leads to a formula: the last sentence, or more if that is a word or two."""
    *earlier, lead = sentences(text)
    # A sentence that begins small goes on from the formula before.
    whole = earlier and not earlier[-1][:1].islower()
    return f"{earlier[-1]} {lead}" if whole and words(lead) < 8 else lead


def _most_cited(found):
    """Of the formulas below each heading, choose those that the chapter refers to most."""
    text = "\n".join(block.source for block in found)
    below = [[]]
    for index, block in enumerate(found):
        if block.kind in ("section", "part"):
            below.append([])
        elif block.kind == "formula":
            times = text.count(f"{{eq}}`{block.title}`") if block.title else -1
            below[-1].append((-times, index))
    return {index for formulas in below for _, index in sorted(formulas)[:FORMULAS]}


def _verdict(claim):
    sign, name = SIGNS[claim.verdict], css_class(claim.verdict)
    return (
        f'<p class="label">What people say</p><blockquote>{html.escape(claim.statement)}'
        f'</blockquote><div class="fragment {name}"><p class="verdict"><span aria-hidden="true">'
        f"{sign}</span> {claim.verdict}</p><p>{html.escape(clip(claim.finding, 90))}</p></div>"
    )


def _up_to_first_list(source):
    lines = source.splitlines()
    for token in parser().parse(source):
        if token.type == "bullet_list_open":
            return "\n".join(lines[: token.map[1]])
    return source
