"""A Sphinx extension: formulas as MathML, set when the book is built.

A browser draws MathML by itself, so that a reader downloads no program for it, and a page does
not move while it is read. `latex2mathml` translates; `mend` repairs what it says differently from
TeX. The font is in `site_fonts.py`.
"""

import html
import re
from xml.etree import ElementTree

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.locale import _
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

MATHML = "{http://www.w3.org/1998/Math/MathML}"
OPENING, CLOSING = set("([{⟨"), set(")]}⟩")
PARTS = {"mfrac": 2, "msub": 2, "msup": 2, "msubsup": 3, "munder": 2, "mover": 2, "munderover": 3}
SCRIPTS = PARTS.keys() - {"mfrac"}
TIGHT = set("|‖./∂∞…") | OPENING | CLOSING  # no space on either side, as in TeX
# What stands before a sign and not before an operation: `(-1)`, `= -1`, `a, -b`.
BEFORE_A_SIGN = OPENING | set("=≈∼∝≤≥<>,⟶→←⟹≠·×")
SIGNS = set("−+±")
ACCENTS = {"^": "\N{MODIFIER LETTER CIRCUMFLEX ACCENT}", "~": "\N{SMALL TILDE}"}
BARS = ("|", "‖")
THIN = "0.167em"  # TeX's space around the name of a function


def to_mathml(tex, *, display=False):
    r"""Translate a formula.

    Parameters
    ----------
    tex : str
        Without dollars or brackets around it.
    display : bool
        Whether it stands on a line of its own.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If a command is not known.

    Examples
    --------
    >>> to_mathml("x^2")
    '<math alttext="x^2" display="inline"><msup><mi>x</mi><mn>2</mn></msup></math>'
    """
    plain = re.sub(r"(\\math[a-z]+) +(\w)", r"\1{\2}", " ".join(tex.split()))
    # `\mathrm` loses its upright letters in the translation; `\text` keeps them.
    plain = plain.replace(r"\mathrm", r"\text")
    try:
        source = convert(plain, display="block" if display else "inline")
    except Exception as error:  # its errors have no common class
        raise ValueError(f"cannot be set as MathML: {error!r} in {tex}") from error
    root = ElementTree.fromstring(source)
    for element in root.iter():
        element.tag = element.tag.removeprefix(MATHML)
    unknown = re.findall(r"\\\w*", "".join(root.itertext()))
    if unknown or any(e.get("linebreak") for e in root.iter()):
        raise ValueError(f"cannot be set as MathML: {' '.join(unknown) or 'a line break'} in {tex}")
    if any(len(e) != PARTS[e.tag] for e in root.iter() if e.tag in PARTS):
        raise ValueError(f"a fraction or an exponent lacks a part: {tex}")
    mend(root)
    outer = root[0] if len(root) == 1 and root[0].tag == "mrow" else root
    math = ElementTree.Element("math", alttext=" ".join(tex.split()), display=root.get("display"))
    math.extend(outer)
    return ElementTree.tostring(math, encoding="unicode")


def mend(root):
    """Let a translated formula say what TeX would: signs, names, fences, scripts.

    Parameters
    ----------
    root : xml.etree.ElementTree.Element
        Is changed.
    """
    for element in list(root.iter()):
        _mend_primes(element)
        _mend_token(element)
    for parent in list(root.iter()):
        _group_powers_of_fences(parent)
        if parent.tag in SCRIPTS:
            for operator in [o for script in parent[1:] for o in script.iter("mo")]:
                operator.attrib.update(lspace="0", rspace="0")  # TeX sets no space in scripts
        elif parent.tag in {"mrow", "math", "mstyle", "mpadded"}:
            _mend_row(parent)


def _mend_token(element):
    text = element.text or ""
    if element.tag == "mi" and text == "~":
        element.tag, element.text = "mo", "∼"  # a relation; as an accent it is one already
    elif element.tag == "mo" and len(text) > 1 and text.isalpha():
        element.tag = "mi"  # `\max` and `\operatorname`: a name, which has no operator's spaces
        element.attrib.clear()
    elif element.tag == "mtext" and text == " ":
        element.text = "\N{NO-BREAK SPACE}"
    elif element.tag == "mi" and len(text) == 1 and "Α" <= text <= "Ω":
        element.set("mathvariant", "normal")
    if element.tag == "mo" and text in TIGHT:
        element.attrib.update(lspace="0", rspace="0")
        if text in BARS and "minsize" not in element.attrib:
            element.set("stretchy", "false")
    elif element.tag == "mo" and text == "⋯":
        element.attrib.update(lspace=THIN, rspace=THIN)
    if element.tag == "mover" and element[1].text in ("―", "¯", "ˉ"):
        element.tag = "mrow"
        element.set("class", "overline")  # no font has a bar that is long enough
        element.remove(element[1])
    elif element.tag == "mover" and element[1].text in ACCENTS:
        element.set("accent", "true")
        element[1].set("stretchy", "false")
        element[1].text = ACCENTS[element[1].text]
    if element.tag == "mrow" and len(element) == 1 and element[0].text == ",":
        element[0].attrib.update(lspace="0", rspace="0")  # `10{,}000`


def _mend_primes(script):
    """Set a prime on the line: as an exponent, browsers draw it too small to be seen."""
    if script.tag not in {"msup", "msubsup"}:
        return
    raised = script[-1]
    tokens = list(raised) if raised.tag == "mrow" else [raised]
    primes = [token for token in tokens if set(token.text or " ") <= set("′″")]
    if not primes:
        return
    row = ElementTree.Element("mrow")
    row.append(script[0])
    for prime in primes:
        operator = ElementTree.SubElement(row, "mo", lspace="0", rspace="0")
        operator.text = prime.text
    script[0] = row
    script.remove(raised)
    rest = [token for token in tokens if token not in primes]
    if rest:
        script.append(raised)
        for prime in primes:
            raised.remove(prime)
    else:
        script.tag = {"msup": "mrow", "msubsup": "msub"}[script.tag]


def _fence(element):
    """Return the bracket that an element is, also one with an exponent."""
    core = element[0] if element.tag in SCRIPTS and len(element) else element
    return core.text if core.tag == "mo" and core.text in OPENING | CLOSING else None


def _group_powers_of_fences(parent):
    """Make `( a )^2` a power of all of `( a )`: a bracket alone in a script does not grow."""
    for closing in [
        c for c in parent if c.tag in SCRIPTS and _fence(c) and "minsize" in c[0].attrib
    ]:
        children, depth = list(parent), 0
        end = children.index(closing)
        for start in range(end, -1, -1):
            depth += {True: 1, False: -1}[_fence(children[start]) in CLOSING] * bool(
                _fence(children[start])
            )
            if depth == 0:
                break
        else:
            continue
        row = ElementTree.Element("mrow")
        row.extend([*children[start:end], closing[0]])
        for child in children[start:end]:
            parent.remove(child)
        closing[0] = row


def _is_name(element):
    core = element[0] if element.tag in SCRIPTS and len(element) else element
    return core.tag == "mi" and len(core.text or "") > 1 and core.text.isalpha()


def _mend_row(row):
    """Set signs, and the spaces around names of functions."""
    children = list(row)
    pairs = zip([None, *children], children, [*children[1:], None], strict=False)
    for before, element, after in pairs:
        if element.tag == "mo" and element.text in SIGNS and before is not None:
            if before.tag == "mo" and before.text in BEFORE_A_SIGN:
                element.set("form", "prefix")
        if _is_name(element):
            is_term = after is not None and (
                after.tag not in {"mo", "mspace"} or after.text in BARS
            )
            if is_term and not _fence(after):
                row.insert(list(row).index(element) + 1, _space())
            if before is not None and (before.tag not in {"mo", "mspace"} or _ends_a_term(before)):
                if not _is_name(before):
                    row.insert(list(row).index(element), _space())


def _ends_a_term(element):
    return _fence(element) in CLOSING


def _space():
    return ElementTree.Element("mspace", width=THIN)


def _translated(translator, node, *, display):
    try:
        return to_mathml(node.astext(), display=display)
    except ValueError as error:
        logging.getLogger(__name__).warning("%s", error, location=node)
        return f"<code>{html.escape(node.astext())}</code>"


def visit_inline(translator, node):
    """Write a formula in a line of text."""
    translator.body.append(translator.starttag(node, "span", "", CLASS="math notranslate"))
    translator.body.append(_translated(translator, node, display=False) + "</span>")
    raise nodes.SkipNode


def visit_display(translator, node):
    """Write a formula on its own line, with its number."""
    translator.body.append(translator.starttag(node, "div", CLASS="math notranslate"))
    if node["number"]:
        number = get_node_equation_number(translator, node)
        translator.body.append(f'<span class="eqno">({number})')
        translator.add_permalink_ref(node, _("Link to this equation"))
        translator.body.append("</span>")
    formula = _translated(translator, node, display=True)
    translator.body.append(f'<div class="formula">{formula}</div></div>\n')  # scrolls by itself
    raise nodes.SkipNode


def setup(app):
    """Register with Sphinx."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_display, None))
    app.config.html_math_renderer = "mathml"
    app.add_css_file("math.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
