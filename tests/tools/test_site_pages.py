"""A page loads what it needs, and no more."""

from pathlib import Path

from bs4 import BeautifulSoup
from site_pages import FONT, INDEX, THEME, choose_scripts, choose_theme

HEAD = """<head><link rel="stylesheet" href="_static/math.css?v=1"/>
<script src="_static/scripts/fontawesome.js?digest=1"></script>
<script src="searchindex.js"></script><script src="_static/copybutton.js?v=1"></script>
<script src="_static/doctools.js"></script></head>"""


def loaded(body):
    page = BeautifulSoup(HEAD + f"<body>{body}</body>", "html.parser")
    for _ in range(2):
        choose_scripts(page, Path("a.html"))
    return [s.get("src", s.get("href", s.string)) for s in page.select("script, link")]


def test_page_without_formulas_and_code():
    assert loaded("<p>a</p>") == ["_static/doctools.js"]


def test_page_with_formulas_and_code():
    style, unpacked, *scripts = loaded("<math></math><div class='highlight'></div>")
    assert (style, unpacked) == ("_static/math.css?v=1", FONT)
    assert scripts == ["_static/copybutton.js?v=1", "_static/doctools.js"]


def test_search_page_loads_what_it_searches():
    assert loaded("<div id='search-results'></div>")[-1] == INDEX


def test_light_or_dark_is_chosen_before_the_first_line():
    script = "document.documentElement.dataset.theme = localStorage.getItem('theme') || 'auto';"
    page = BeautifulSoup(f"<head><script>{script}</script></head><body></body>", "html.parser")
    for _ in range(2):
        choose_theme(page, Path("a.html"))
    assert page.head.script.string == script + THEME
