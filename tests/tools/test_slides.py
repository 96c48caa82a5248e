import base64
import importlib.util
import re
import struct
from pathlib import Path

import nbformat
import pytest
import slide_rules
import slide_text
import slides
from bs4 import BeautifulSoup

from weightinit.claims import load
from weightinit.claims.results import COLOURS, css_class

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
# The beginning of a picture, up to its width and height: all that is read of it.
PICTURE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 300, 200)
FORBIDDEN = re.compile(r"\{[a-z:]+\}`|:::|```|\{cite|^\([\w-]+\)=|\{admonition", re.MULTILINE)
NEEDS_REVEAL = pytest.mark.skipif(
    importlib.util.find_spec("sphinx_revealjs") is None,
    reason="sphinx-revealjs is not installed: make grading",
)

START = (
    """# 7. A *title*

```{admonition} In this chapter
:class: note
**You will be able to**
- see it;

**Time**: not long.
```

(A remark to readers.)

What is it about? """
    + "Many words follow here. " * 20
)
SECTION = r"""(claim-1-3)=
## One

Look ([He et al., 2015](../references.md#he2015)) at [this](../x.ipynb). It computes

$$
a < b
$$ (first)

where {eq}`second` counts. Said by nobody but the speaker.

$$
c
$$ (second)

```{admonition} Predict
:class: tip
What $x$ comes out?
```

:::{admonition} Aside
:class: dropdown
Folded.
:::

```python
secret_code()
```
"""
END = """```{admonition} What to remember
:class: important
- First {ref}`thing <claim-1-3>`.
- Second.
```

## Exercises

Not shown."""


def code(output, source="secret_code()", **metadata):
    return nbformat.v4.new_code_cell(source, outputs=[output], metadata=metadata)


def figure(alt='It "falls".', **metadata):
    output = nbformat.v4.new_output(
        "display_data", data={"image/png": base64.b64encode(PICTURE).decode()}
    )
    return code(output, mystnb={"image": {"alt": alt}}, **metadata)


def claim(id):
    data = {"text/plain": "Claim", "text/html": "<table></table>"}
    output = nbformat.v4.new_output("execute_result", data=data)
    output.metadata["weightinit"] = {"claim": id}
    return code(output)


def small_notebook():
    text = nbformat.v4.new_markdown_cell
    printed = nbformat.v4.new_output("stream", text="a line of output")
    skipped = figure(slideshow={"slide_type": "skip"})
    cells = [text(START), claim("1.1"), text(SECTION), code(printed), skipped]
    cells += [figure(), claim("1.3"), text("### Part\n\nMore."), figure(), text(END), claim("1.4")]
    return nbformat.v4.new_notebook(cells=cells)


def made_of(notebook):
    return slide_rules.columns(slide_rules.blocks(notebook))


@pytest.fixture(scope="module")
def small():
    made = made_of(small_notebook())
    return made, slides.page(made, "small")


@pytest.fixture(scope="module", params=CHAPTERS, ids=lambda path: path.stem[:2])
def chapter(request):
    found = slide_rules.blocks(nbformat.read(request.param, as_version=4))
    made = slide_rules.columns(found)
    return found, made, BeautifulSoup(slides.page(made, request.param.stem)[0], "html.parser")


def test_slides_come_in_the_order_of_the_chapter(small):
    kinds = [[slide.kind for slide in column] for column in small[0]]
    assert kinds == [
        ["title", "objectives", "claim"],
        ["opening", "formula", "formula", "predict", "figure", "claim", "figure"],
        ["remember"],
    ]


def test_text_is_cut_at_sentences(small):
    (title, objectives, _), (opening, *_), _ = small[0]
    assert title.body.startswith("<p>What is it about? Many")
    assert title.body.endswith("follow here.</p>\n")
    assert len(title.body.split()) <= slide_rules.OPENING
    assert "see it" in objectives.body and "Time" not in objectives.body
    assert opening.body == "<p>Look (He et al., 2015) at this.</p>\n"


def test_formula_stands_with_what_leads_to_it_and_goes_on(small):
    formula = small[0][1][1].body
    assert formula.startswith("<p>Look (He et al., 2015) at this. It computes</p>")
    assert r"\[a &lt; b\]" in formula and '<span class="number">(1)</span>' in formula
    assert formula.endswith("<p>where (2) counts.</p>\n")


def test_heading_is_the_nearest_one_and_the_rest_is_said(small):
    *_, first, verdict, second = small[0][1]
    assert (first.heading, verdict.heading, second.heading) == ("One", "Claim 1.3", "Part")
    assert "<p>More.</p>" in "".join(verdict.notes)
    assert "nobody but the speaker" in "".join(small[0][1][1].notes)


def test_page_has_no_code_no_skipped_figure_and_no_exercise(small):
    text, figures = small[1]
    assert list(figures) == ["figures/small-1.png", "figures/small-2.png"]
    assert set(figures.values()) == {PICTURE}
    for word in (
        "secret_code",
        "a line of output",
        "<table",
        "Exercises",
        "Not shown",
        "../x",
        "Claim 1.4",
    ):
        assert word not in text
    assert BeautifulSoup(text, "html.parser").img["alt"] == 'It "falls".'


def test_list_before_a_question_is_shown_before_it():
    source = "# T\n\n## S\n\nLong ago. Two starts:\n\n- none;\n- one.\n\n"
    cell = nbformat.v4.new_markdown_cell(source + "```{admonition} Predict\nWhich?\n```")
    *_, setting, ask = made_of(nbformat.v4.new_notebook(cells=[cell]))[-1]
    assert (setting.kind, ask.kind) == ("setting", "predict")
    assert "Two starts:" in setting.body and "<li>one.</li>" in setting.body


def test_figure_without_alternative_text_is_an_error():
    notebook = nbformat.v4.new_notebook(cells=[figure(alt=" ")])
    with pytest.raises(ValueError, match="no alternative text"):
        slide_rules.blocks(notebook)


def test_tall_picture_gets_all_of_the_height():
    assert not slides.is_tall(PICTURE)
    assert slides.is_tall(PICTURE[:16] + struct.pack(">II", 200, 300))


def test_long_lists_are_shared_out_evenly():
    shared = slide_text.portions("\n".join(["- " + "word " * 39] * 4), most=120)
    assert [portion.count("- ") for portion in shared] == [2, 2]


def test_chapter_shows_each_figure_and_each_claim_once(chapter):
    found, made, page = chapter
    shown = [slide for column in made for slide in column]
    figures = [block.title for block in found if block.kind == "figure"]
    assert [image["alt"] for image in page.find_all("img")] == figures
    claims = [slide.heading.removeprefix("Claim ") for slide in shown if slide.kind == "claim"]
    assert claims == [block.source for block in found if block.kind == "claim"]
    assert len(set(claims)) == len(claims)
    for id in claims:
        (slide,) = [s for s in page.select(".claim") if s.h2.text == f"Claim {id}"]
        assert load()[id].statement in slide.text and load()[id].verdict in slide.text


def test_chapter_asks_before_it_shows(chapter):
    found, made, _ = chapter
    kinds = [slide.kind for column in made for slide in column]
    assert kinds[:2] == ["title", "objectives"] and "remember" in kinds
    wanted = [block.kind for block in found if block.kind in ("predict", "figure")]
    assert [kind for kind in kinds if kind in ("predict", "figure")] == wanted


def test_chapter_leaves_no_markup_raw(chapter):
    for script in chapter[2].find_all("script"):
        script.extract()
    text = chapter[2].get_text()
    assert FORBIDDEN.findall(text) == []
    prose = re.sub(r"\\[(\[].*?\\[)\]]", "", text, flags=re.DOTALL)
    assert re.findall(r".*(?:\$|\*\*|\]\().*", prose) == []
    assert not chapter[2].find_all("pre")


def test_chapter_is_sound_and_loads_nothing_from_elsewhere(chapter):
    page = chapter[2]
    assert page.html["lang"] == "en" and page.title.text.strip()
    assert all(section.find(["h1", "h2"]).text.strip() for section in page.find_all("section"))
    frames = page.select(".frame")
    assert len(frames) == len(page.find_all("aside")) == sum(map(len, chapter[1]))
    for tag in page.find_all(src=True) + page.find_all(href=True):
        assert re.match(r"(assets|figures)/[\w.-]+$", tag.get("src") or tag["href"])
    ids = [tag["id"] for tag in page.find_all(id=True)]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("verdict", COLOURS)
def test_a_verdict_has_its_colour_on_a_slide_too(verdict):
    style = (ROOT / "tools" / "slides.css").read_text("utf-8")
    assert f"\n.{css_class(verdict)} {{ --verdict: {COLOURS[verdict]};" in style


@pytest.mark.parametrize("name", ["slides.html", "slides_index.html", "slides.css"])
def test_templates_name_no_other_host(name):
    assert re.findall(r"//(?! )", (ROOT / "tools" / name).read_text("utf-8")) == []


@NEEDS_REVEAL
def test_every_file_that_a_page_loads_is_copied(tmp_path):
    slides.copy_assets(tmp_path / "assets")
    template = (ROOT / "tools" / "slides.html").read_text("utf-8")
    style = (ROOT / "tools" / "slides.css").read_text("utf-8")
    wanted = re.findall(r'(?:src|href)="assets/([^"]+)"', template)
    wanted += re.findall(r'url\("([^"]+)"\)', style)
    assert len(wanted) > 9
    assert [name for name in wanted if not (tmp_path / "assets" / name).is_file()] == []


def test_missing_package_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="sphinx_revealjs is not installed: run `make"):
        slides.copy_assets(tmp_path)
