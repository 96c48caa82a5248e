"""What the search page searches: each section of each page, and each claim, as readable text.

`_static/search.js` searches it in the browser. It is a script and not JSON, since a page opened
from disk may load scripts only.
"""

import json
import re

HEADINGS = ("h1", "h2", "h3", "h4")
# What one reads, rather than code, its output, and what only a screen has.
SILENT = (
    "script, style, div.cell_input, div.highlight, .claim details, .headerlink, .eqno, summary,"
    ".all-claims,"  # each claim is found in its chapter
    ".elsewhere"  # what another page has, and shows here
)
ROWS = ("tr", "li", "p", "div", "dd", "dt", "figcaption", "section")
RAISED = str.maketrans("0123456789+-−()nkl", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁽⁾ⁿᵏˡ")
# What people type for what the book calls otherwise, and where the book says it.
SYNONYMS = {
    "kaiming he": r"\bHe (initialization|start|weights|et al)|kaiming_|\bHe's\b",
    "zero same identical constant": r"[Ss]ymmetry",
    "glorot xavier": r"[Xx]avier|Glorot",
    "lecun": r"LeCun|lecun_",
    "dead relu dying": r"\bdead\b|\bdie[sd]?\b",
    "batchnorm bn": r"[Bb]atch normalization",
    "layernorm": r"[Ll]ayer normalization",
    "resnet skip": r"[Rr]esidual",
    "lr": r"learning rate",
    "muP mup": r"µP|μP",
    "rnn": r"[Rr]ecurrent",
    "lstm": r"LSTM",
    "underflow half precision amp": r"float16",
    "sgd gradient descent": r"gradient descent",
}


def formula_text(element):
    """Write a formula in one line, without TeX.

    Parameters
    ----------
    element : bs4.Tag or bs4.NavigableString
        MathML.

    Returns
    -------
    str

    Examples
    --------
    >>> from bs4 import BeautifulSoup
    >>> page = "<math><msup><mi>σ</mi><mn>2</mn></msup><mo>=</mo><msqrt><mi>n</mi></msqrt></math>"
    >>> formula_text(BeautifulSoup(page, "html.parser"))
    'σ²=√n'
    """
    if not hasattr(element, "children"):
        return str(element)
    parts = [formula_text(child) for child in element.children]
    match element.name, parts:
        case "mfrac", [top, bottom]:
            return f"{_in_brackets(top)}/{_in_brackets(bottom)}"
        case "msqrt", _:
            return f"√{_in_brackets(''.join(parts))}"
        case "msup", [base, power]:
            return base + _power(power)
        case "msub" | "munder", [base, index]:
            return f"{base}_{index}"
        case "msubsup" | "munderover", [base, index, power]:
            return f"{base}_{index}{_power(power)}"
        case "mspace", _:
            return " "
    return "".join(parts)


def _in_brackets(text):
    return text if len(text) < 2 or text.isalnum() else f"({text})"


def _power(text):
    raised = text.translate(RAISED)
    return raised if not set(raised) & set(text) else f"^{_in_brackets(text)}"


def sections(page, address):
    """List what can be found on a page.

    Parameters
    ----------
    page : bs4.BeautifulSoup
        Is changed.
    address : str
        Of the page, from the site's root.

    Returns
    -------
    list of dict
        Each with `address`, `page`, `title`, `text`, `also`, other words for what it says, and
        `said`, what it says for each of them.
    """
    article = page.find("article")
    if article is None or article.find("h1") is None:
        return []
    for element in article.select(SILENT):
        element.decompose()
    for formula in article.find_all("math"):
        formula.replace_with(formula_text(formula))
    for power in article.find_all("sup"):
        power.replace_with(_power(power.get_text()))
    for element in article.find_all(ROWS):
        element.append("\n")
    for element in article.find_all(("td", "th")):
        element.append(" ")
    title = _plain(article.find("h1"))
    found = [_claim(box, address, title) for box in article.select("div.claim")]
    for section in reversed(article.select("section[id]")):  # inner ones first
        heading = section.find(HEADINGS)
        if heading is not None:
            name = _plain(heading.extract())
            place = f"{address}#{section['id']}" if name != title else address
            found.append(_entry(place, title, name, _plain(section)))
        section.decompose()
    return [entry for entry in reversed(found) if entry and entry["text"]]


def _claim(box, address, title):
    name = _plain(box.find("strong").extract())
    entry = _entry(
        f"{address}#{name.lower().replace(' ', '-').replace('.', '-')}", title, name, _plain(box)
    )
    box.decompose()
    return entry


def _plain(element):
    return re.sub(r"\s+([.,;:)])", r"\1", " ".join(element.get_text().split()))


def _entry(address, page, title, text):
    said = f"{title} {text}"
    meant = {words: match for words, where in SYNONYMS.items() if (match := re.search(where, said))}
    return {
        "address": address,
        "page": page,
        "title": title,
        "text": text,
        "also": " ".join(meant),
        "said": {word: match[0] for words, match in meant.items() for word in words.split()},
    }


def write_index(entries, target):
    """Write what `_static/search.js` reads.

    Parameters
    ----------
    entries : list of dict
    target : pathlib.Path
    """
    numbered = [{"id": number, **entry} for number, entry in enumerate(entries)]
    content = json.dumps(numbered, ensure_ascii=False, separators=(",", ":"))
    target.write_text(f"window.BOOK_SECTIONS={content};\n", encoding="utf-8")
