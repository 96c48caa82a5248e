"""Numbers, symbols and spaces of the site, as a book sets them and a program does not.

What a program prints into a table or a box says `3.31e-07` and `sigma_w2`. The text beside it has
the same as a power of ten and as a symbol. In code, and in what code prints line by line, all
stays as it is.
"""

import re
from decimal import Decimal
from html import escape

from bs4 import BeautifulSoup, NavigableString
from site_math import to_mathml

# Names that stand for one symbol of the book.
SYMBOLS = {
    "sigma_w2": r"\sigma_w^2",
    "sigma_w^2": r"\sigma_w^2",
    "sigma_b2": r"\sigma_b^2",
    "chi1": r"\chi_1",
    "n_in": r"n_{\text{in}}",
    "n_out": r"n_{\text{out}}",
    "dL/dh": r"\partial\mathcal{L}/\partial h",
    "dL/dW": r"\partial\mathcal{L}/\partial W",
    "xi": r"\xi",
    "pi": r"\pi",
    "phi": r"\varphi",
    "lambda": r"\lambda",
    "e^-|h|": r"e^{-|h|}",
}
NAME = re.compile(
    r"(?<!\w)(" + "|".join(map(re.escape, sorted(SYMBOLS, key=len, reverse=True))) + r")(?![\w^])"
)
SCIENTIFIC = re.compile(r"(?<![\w.])([-−]?\d+(?:\.\d+)?)e([-+]?\d+)(?!\w)")
POWER = re.compile(r"(?<![\w^])(\d+(?:\.\d+)?)\^([-−]?\d+)(?!\w)")
MINUS = re.compile(r"(?<![\w)\]}.,=-])-(?=\d)")
PLAIN = 5  # digits before the point that are read without a power of ten
IDENTIFIER = re.compile(r"[A-Za-z]\w*_\w+")
APOSTROPHE = re.compile(r"(?<=\w)'(?=\w|\s|$)")
# What no line may part: 92 %, chapter 1, Figure 5.5.
NUMBERED = ("hapter", "hapters", "igure", "igures", "laim", "xercise")
PARTED = re.compile(rf"(?<=\d) (?=%)|(?:{'|'.join(f'(?<={word})' for word in NUMBERED)}) (?=\d)")
CODE = {"pre", "code", "script", "style", "math", "svg", "textarea", "noscript", "kbd"}
CLOSING = re.compile(r"[.,;:!?)\]”’]+")
OPENING = re.compile(r"[(\[“‘]+$")


def _texts(element):
    return [
        text
        for text in element.find_all(string=True)
        if type(text) is NavigableString and not any(p.name in CODE for p in text.parents)
    ]


def set_numbers(page, path):
    """Set powers of ten, minus signs and symbols in tables and in the boxes of claims."""
    for place in page.select("article table.dataframe, article .claim, article .all-claims td"):
        for text in _texts(place):
            html = _set(str(text), in_header=text.find_parent("th") is not None)
            if html != escape(str(text), quote=False):
                text.replace_with(BeautifulSoup(html, "html.parser"))


def _set(text, *, in_header):
    if in_header and IDENTIFIER.fullmatch(text.strip()) and text.strip() not in SYMBOLS:
        return f"<code>{text.strip()}</code>"  # the text calls it so
    text = APOSTROPHE.sub("’", text)
    parts = NAME.split(text)
    for at, part in enumerate(parts):
        if at % 2:
            parts[at] = f'<span class="math notranslate">{to_mathml(SYMBOLS[part])}</span>'
        else:
            parts[at] = _numbers(escape(part, quote=False))
    return "".join(parts)


def _numbers(text):
    text = SCIENTIFIC.sub(_scientific, text)
    text = POWER.sub(lambda found: found[1] + _raised(int(found[2].replace("−", "-"))), text)
    return MINUS.sub("−", text)


def _scientific(found):
    exponent = int(found[2])
    if 0 <= exponent <= PLAIN:
        return f"{Decimal(found[0].replace('−', '-')):,f}"
    factor = "" if found[1] == "1" else "−" if found[1] in ("-1", "−1") else f"{found[1]}·"
    return f"{factor}10{_raised(exponent)}"


def _raised(exponent):
    return f"<sup>{exponent}</sup>".replace("-", "−")


def keep_together(page, path):
    """Let no line end within `92 %` and `chapter 1`, or between a formula and its full stop."""
    article = page.find("article")
    if article is None:
        return
    for text in _texts(article):
        kept = PARTED.sub("\N{NO-BREAK SPACE}", str(text))
        if kept != text:
            text.replace_with(kept)
    for formula in article.select("span.math"):
        if "together" not in formula.parent.get("class", []):
            _glue(page, formula)


def _glue(page, formula):
    after, before = formula.next_sibling, formula.previous_sibling
    closing = CLOSING.match(after) if type(after) is NavigableString else None
    opening = OPENING.search(before) if type(before) is NavigableString else None
    if not closing and not opening:
        return
    together = formula.wrap(page.new_tag("span", attrs={"class": "together"}))
    if closing:
        together.append(closing[0])
        after.replace_with(after[closing.end() :])
    if opening:
        together.insert(0, opening[0])
        before.replace_with(before[: opening.start()])


MENDS = [set_numbers, keep_together]
