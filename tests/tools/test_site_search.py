"""What the search knows of a page: sections and claims, as one reads them."""

import json

from bs4 import BeautifulSoup
from site_search import formula_text, sections, write_index

PAGE = """<article><section id="chapter"><h1>2. Chapter<a class="headerlink">#</a></h1>
<p>About <math alttext="\\sigma_w^2"><msubsup><mi>σ</mi><mi>w</mi><mn>2</mn></msubsup></math>.</p>
<div class="cell_input"><div class="highlight"><pre>import torch</pre></div></div>
<section id="inner"><h2>Inner</h2><p>He initialization keeps it.</p>
<div class="claim"><strong>Claim 2.1</strong> true. <details>Measured: 1</details></div></section>
</section></article>"""


def found():
    return {
        entry["title"]: entry
        for entry in sections(BeautifulSoup(PAGE, "html.parser"), "chapters/a.html")
    }


def test_sections_and_claims_have_their_own_address_and_text():
    addresses = {title: entry["address"] for title, entry in found().items()}
    assert addresses == {
        "2. Chapter": "chapters/a.html",
        "Inner": "chapters/a.html#inner",
        "Claim 2.1": "chapters/a.html#claim-2-1",
    }
    assert found()["2. Chapter"]["text"] == "About σ_w²."
    assert found()["Inner"]["text"] == "He initialization keeps it."
    assert found()["Claim 2.1"]["text"] == "true."


def test_what_people_call_otherwise_is_noted_with_the_books_words():
    inner = found()["Inner"]
    assert "kaiming" in inner["also"]
    assert inner["said"]["kaiming"] == "He initialization"
    assert found()["2. Chapter"]["also"] == ""


def test_formula_reads_in_a_line():
    formula = "<mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mn>2</mn></mfrac>"
    assert formula_text(BeautifulSoup(formula, "html.parser")) == "(a+b)/2"
    power = "<msup><mi>x</mi><mi>β</mi></msup>"
    assert formula_text(BeautifulSoup(power, "html.parser")) == "x^β"


def test_page_without_an_article_has_none(tmp_path):
    assert sections(BeautifulSoup("<p>a</p>", "html.parser"), "a.html") == []
    write_index([{"title": "é"}], tmp_path / "a.js")
    text = (tmp_path / "a.js").read_text(encoding="utf-8")
    content = text.removeprefix("window.BOOK_SECTIONS=").rstrip(";\n")
    assert json.loads(content) == [{"id": 0, "title": "é"}]
