"""A Sphinx extension: the fonts of formulas and icons, with those characters that the book uses.

The font of formulas, Latin Modern Math, is in `tools/fonts`; that of icons comes with the theme,
which would send readers all 1,400 of them, twice.
"""

import base64
import hashlib
import re
import unicodedata
from pathlib import Path

from bs4 import BeautifulSoup
from fontTools import subset
from fontTools.ttLib import TTFont
from sphinx.util import logging

FORMULAS = Path(__file__).with_name("fonts") / "latinmodern-math.otf"
ICONS = Path("vendor") / "fontawesome" / "webfonts" / "fa-solid-900.ttf"
# A letter alone is italic: browsers take it from here.
_PLAIN = [*range(0x1D434, 0x1D455), *range(0x1D456, 0x1D468), 0x210E, *range(0x1D6E2, 0x1D715)]
ITALIC = {unicodedata.normalize("NFKC", chr(code)): code for code in _PLAIN}
ITALIC.update({letter: 0x1D716 + i for i, letter in enumerate("ϵϑϰϕϱϖ")})  # forms of their own
TALLEST = 2.5  # of a bracket, in em
CODE = re.compile(r"""["'](?:\\([ef][0-9a-f]{3})|([\ue000-\uf8ff]))["']""")


def shrink(font, characters, target):
    """Write a font with some of its characters.

    Parameters
    ----------
    font : fontTools.ttLib.TTFont
        Is changed.
    characters : iterable of int
    target : pathlib.Path
        A WOFF file.
    """
    options = subset.Options(layout_features=["*"], flavor="woff", hinting=False)
    options.drop_tables += ["FFTM"]
    worker = subset.Subsetter(options)
    worker.populate(unicodes=set(characters))
    worker.subset(font)
    target.parent.mkdir(parents=True, exist_ok=True)
    font.flavor = "woff"
    font.save(target, reorderTables=False)


def drop_tall_variants(font):
    """Forget brackets taller than any formula: Chromium leaves room for the widest of them."""
    variants = font["MATH"].table.MathVariants
    for construction in variants.VertGlyphConstruction:
        records = construction.MathGlyphVariantRecord
        kept = [r for r in records if r.AdvanceMeasurement <= TALLEST * font["head"].unitsPerEm]
        if kept:
            construction.MathGlyphVariantRecord = kept
            construction.VariantCount = len(kept)
            construction.GlyphAssembly = None


def write_formula_font(pages, target):
    """Write the font of the formulas on some pages, and return the characters that it lacks.

    Parameters
    ----------
    pages : iterable of str
        HTML.
    target : pathlib.Path

    Returns
    -------
    set of str
    """
    text = set()
    for page in pages:
        for formula in re.findall(r"<math .*?</math>", page, re.DOTALL):
            parsed = BeautifulSoup(formula, "html.parser")
            text |= set(parsed.get_text())
            letters = {letter.get_text() for letter in parsed.find_all("mi")}
            text |= {chr(ITALIC[letter]) for letter in letters & ITALIC.keys()}
            text |= {"√"} if parsed.msqrt else set()  # is drawn, and nowhere written
    font = TTFont(FORMULAS)
    lacking = {c for c in text if ord(c) not in font.getBestCmap()} - set("\N{NO-BREAK SPACE}\n")
    drop_tall_variants(font)
    shrink(font, {ord(c) for c in text}, target)
    return lacking


def embed(style, font):
    """Put a font into a style sheet: it is there before the text, which then never moves.

    Parameters
    ----------
    style, font : pathlib.Path
    """
    content = base64.b64encode(font.read_bytes()).decode("ascii")
    text, count = re.subn(
        r'url\("(?:formulas\.woff|data:[^"]*)"\)',
        f'url("data:font/woff;base64,{content}")',
        style.read_text(encoding="utf-8"),
    )
    if count != 1:
        raise ValueError(f"{style.name} does not name {font.name}")
    style.write_text(text, encoding="utf-8")


def retag(text, name, content):
    """Return a page that asks for a style sheet as it is: Sphinx made its tag before it was whole.

    Parameters
    ----------
    text : str
        HTML.
    name : str
        Of the style sheet.
    content : bytes
        What it holds.

    Returns
    -------
    str

    Examples
    --------
    >>> retag('href="_static/math.css?v=1234"', "math.css", b"a")
    'href="_static/math.css?v=ca978112"'
    """
    tag = hashlib.sha256(content).hexdigest()[:8]
    return re.sub(rf"({re.escape(name)}\?v=)\w+", rf"\g<1>{tag}", text)


def write_icon_font(pages, styles, fonts, target):
    """Write the font of the icons on some pages and in the style sheets.

    Parameters
    ----------
    pages : iterable of str
        HTML.
    styles : str
        CSS, which says which character an icon is.
    fonts : pathlib.Path
        The folder of the theme's files.
    target : pathlib.Path
    """
    names = {name for page in pages for name in re.findall(r"\bfa-[a-z0-9-]+", page)}
    rules = re.findall(r"([^{}]*)\{([^{}]*)\}", styles)
    codes = set()
    for selectors, declarations in rules:
        used = names & set(re.findall(r"\.(fa-[a-z0-9-]+)", selectors))
        if used or "--pst-icon" in declarations:
            for code, character in CODE.findall(declarations):
                codes.add(int(code, 16) if code else ord(character))
    if not codes:
        raise ValueError("the theme's style sheet names no icon")
    shrink(TTFont(fonts / ICONS), codes, target)


def write_fonts(app, exception):
    """Write both, after the pages."""
    if exception or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    paths = [path for path in Path(app.outdir).rglob("*.html") if static not in path.parents]
    pages = [path.read_text(encoding="utf-8") for path in paths]
    lacking = write_formula_font(pages, static / "formulas.woff")
    if lacking:
        logging.getLogger(__name__).warning("the font of formulas lacks %s", " ".join(lacking))
    embed(static / "math.css", static / "formulas.woff")
    whole = (static / "math.css").read_bytes()
    for path, page in zip(paths, pages, strict=True):
        tagged = retag(page, "math.css", whole)
        if tagged != page:
            path.write_text(tagged, encoding="utf-8")
    styles = (static / "styles" / "pydata-sphinx-theme.css").read_text(encoding="utf-8")
    write_icon_font(pages, styles, static, static / "icons.woff")


def setup(app):
    """Register with Sphinx."""
    app.add_css_file("icons.css")
    app.connect("build-finished", write_fonts, priority=600)  # after the pages are finished
    return {"parallel_read_safe": True, "parallel_write_safe": True}
