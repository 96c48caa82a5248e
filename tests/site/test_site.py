"""Checks of the built site, run by `make book` on what it has just built."""

import base64
import io
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
import yaml
from fontTools.ttLib import TTFont
from PIL import Image

from tests.notebooks.second_edition import CAPTION
from tests.site import checks
from weightinit.claims import load
from weightinit.claims.results import SIGNS

pytestmark = pytest.mark.site

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"
BUILT = sorted(path for path in SITE.rglob("*.html") if "_static" not in path.parts)


def documents(entry):
    """List every file named in a part of the table of contents."""
    if isinstance(entry, list):
        return [name for item in entry for name in documents(item)]
    if isinstance(entry, dict):
        own = [entry[key] for key in ("root", "file") if key in entry]
        return own + [
            name for key in ("parts", "chapters", "sections") for name in documents(entry.get(key))
        ]
    return []


TOC = documents(yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8")))
NOTEBOOKS = [name for name in TOC if (ROOT / f"{name}.ipynb").is_file()]


@pytest.fixture(scope="session")
def pages():
    return {path: checks.read(path) for path in BUILT}


def test_the_table_of_contents_lists_the_book():
    assert TOC[0] == "intro"
    assert {path.stem for path in (ROOT / "chapters").glob("*.ipynb")} <= {
        Path(name).name for name in TOC
    }


@pytest.mark.parametrize("name", TOC)
def test_page_exists_and_is_not_empty(name, pages):
    path = SITE / f"{name}.html"
    assert path.is_file()
    assert len(pages[path].find("article").get_text()) > 200


def test_the_first_page_leads_to_the_book(pages):
    refresh = pages[SITE / "index.html"].find("meta", attrs={"http-equiv": "Refresh"})
    assert refresh["content"].endswith("url=intro.html")


@pytest.mark.parametrize("path", BUILT, ids=lambda path: str(path.relative_to(SITE)))
def test_page(path, pages):
    page = pages[path]
    complaints = (
        checks.other_hosts(page)
        + checks.alternative_text(page)
        + checks.formulas(page)
        + checks.internal_links(path, page, SITE, pages)
    )
    if path.name != "index.html":  # a redirection, which nobody sees
        in_the_book = str(path.relative_to(SITE).with_suffix("")).replace("\\", "/") in TOC
        complaints += checks.head(page, description=in_the_book)
    assert complaints == []


def test_style_sheets_load_nothing_from_other_hosts():
    complaints = {
        str(path.relative_to(SITE)): checks.other_hosts_in_css(path.read_text(encoding="utf-8"))
        for path in SITE.rglob("*.css")
    }
    assert len(complaints) > 3
    assert not {name: found for name, found in complaints.items() if found}


def test_formulas_have_their_font_and_nothing_of_mathjax_is_left():
    font = TTFont(SITE / "_static" / "formulas.woff")
    assert "MATH" in font  # where bars and roots go
    chapter = checks.read(SITE / "chapters" / "01_vanishing_gradients.html")
    used = set("".join(m.get_text() for m in chapter.find_all("math"))) - set("\xa0\n")
    assert len(used) > 30
    assert {ord(character) for character in used} <= font.getBestCmap().keys()
    assert not (SITE / "_static" / "mathjax").exists()


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_page_shows_every_stored_picture(name):
    notebook = nbformat.read(ROOT / f"{name}.ipynb", as_version=4)
    stored = [
        pixels(base64.b64decode(output.data["image/png"]))
        for cell in notebook.cells
        if not {"remove-cell", "remove-output"} & set(cell.metadata.get("tags", []))
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    page = checks.read(SITE / f"{name}.html")
    shown = [
        pixels((SITE / name).parent.joinpath(image["src"]).resolve().read_bytes())
        for image in page.select("div.cell_output img")
    ]
    assert [picture.shape for picture in shown] == [picture.shape for picture in stored]
    # Shown with 256 colours: a picture of another notebook, or one gone wrong, is far away.
    assert all(np.abs(a - b).mean() < 1 for a, b in zip(shown, stored, strict=True))


def pixels(content):
    with Image.open(io.BytesIO(content)) as image:
        flat = Image.new("RGB", image.size, "white")
        flat.paste(image, mask=image.convert("RGBA").getchannel("A"))
    return np.asarray(flat, dtype=float)


def test_the_page_of_all_claims_has_a_line_for_each_and_its_script():
    page = checks.read(SITE / "appendix" / "claims.html")
    (table,) = page.select(".all-claims table")
    rows = table.tbody.find_all("tr")
    assert [row.td.get_text(strip=True) for row in rows] == list(load())
    assert {row.select_one(".verdict").contents[-1].strip() for row in rows} == {*SIGNS}
    assert page.find("script", src=re.compile(r"_static/claims\.js"))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_page_shows_every_caption_with_its_figure(name, pages):
    cells = nbformat.read(ROOT / f"{name}.ipynb", as_version=4).cells
    sources = [cell.source for cell in cells if cell.cell_type == "markdown"]
    labels = [match["label"] for source in sources if (match := CAPTION.match(source))]
    captions = pages[SITE / f"{name}.html"].select("figure.captioned:has(img) > figcaption")
    assert [caption["id"] for caption in captions] == labels
