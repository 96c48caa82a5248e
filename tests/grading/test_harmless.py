"""No text of a student acts in the pages that an instructor opens, and honest text stays."""

import re
from pathlib import Path

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed")

import nbgrader  # noqa: E402
from bs4 import BeautifulSoup  # noqa: E402
from nbconvert.exporters import HTMLExporter  # noqa: E402
from nbconvert.filters import markdown2html  # noqa: E402
from nbformat.v4 import new_markdown_cell, new_notebook  # noqa: E402
from traitlets.config import Config  # noqa: E402

from grading.rebuild import harmless  # noqa: E402
from tests.grading import toy  # noqa: E402

TEMPLATES = Path(nbgrader.__file__).parent / "server_extensions" / "formgrader" / "templates"


def page(template, texts):
    """Return the page with texts as answers, as nbgrader makes it."""
    (given,) = toy.source().cells[-1:]
    given.metadata.nbgrader |= {"score": 1, "points": 3, "comment": ""}
    config = Config()
    config.HTMLExporter.template_name = template
    config.HTMLExporter.extra_template_basedirs = [str(TEMPLATES)]
    styles = TEMPLATES.parent / "static" / "node_modules" / "bootstrap" / "dist" / "css"
    config.HTMLExporter.extra_template_paths = [str(styles)]
    exporter = HTMLExporter(config=config)
    known = {"notebook": "toy", "score": 1, "max_score": 3, "late_penalty": 0}
    names = ("base_url", "submission_id", "assignment_id", "notebook_id", "student")
    names += ("last_name", "first_name", "notebook_path")
    more = dict.fromkeys(names, "x") | {"index": 0, "total": 1, "nbgrader": known}
    cells = [new_markdown_cell(text) for text in texts]
    cells.append(new_markdown_cell(texts[0], metadata=given.metadata))
    html, _ = exporter.from_notebook_node(new_notebook(cells=cells), resources=more)
    return BeautifulSoup(html, "html.parser")


def shown(text):
    """Return what these pages show of a text."""
    return BeautifulSoup(markdown2html(text), "html.parser")


PLAIN = set("p em strong code pre ul ol li table thead tbody tr td th h1 h2 h3 h4 h5 h6 br".split())
PLAIN |= set("hr blockquote del span div input dl dt dd a".split())
BESIDES = {"class", "id", "type", "disabled", "checked", "start", "href", "style"}
# What an instructor's browser must not see; the list of the program is not asked.
ACTS = re.compile(
    r"\\(href|mmlToken|require|style|class|cssId|html[A-Za-z]*|data|unicode|bbox|[ge]?def|let|"
    r"(re)?newcommand|raise(box)?|lower|smash|[rR]ule|Space|above|genfrac)(?![A-Za-z])"
)


def acting(html):
    """Return what could act in the HTML of one answer."""
    found = [one.name for one in html.find_all(True) if one.name not in PLAIN]
    for element in html.find_all(True):
        found += [f"attribute {name}" for name in element.attrs if name not in BESIDES]
        if not re.match("#|https?://|$", element.get("href", "")):
            found.append(f"a link to {element['href']}")
        if not element.get("style", "text-align:").startswith("text-align:"):
            found.append(f"a style {element['style']}")
        if "mermaid" in element.get("class", []):
            found.append("a diagram in a language of its own")
    return found + [f"MathJax's {found[0]}" for found in ACTS.finditer(html.get_text())]


# Each a line; ⏎ stands for its own ends of lines.
VECTORS = r"""
<script>alert(1)</script>
<SCRIPT SRC=//h.example/x.js></SCRIPT>
<script⏎>alert(1)</script⏎>
<<script>alert(1)//<</script>
<img src=x onerror=alert(1)>
<img/src=x/onerror=alert(1)>
<svg/onload=alert(1)>
<svg><script>alert(1)</script></svg>
<math><mi xlink:href="javascript:alert(1)">x</mi></math>
<iframe srcdoc="<script>alert(1)</script>">
<body onload=alert(1)>
<style>body{display:none}</style>
<link rel=stylesheet href=//h.example>
<base href=//h.example/>
<meta http-equiv=refresh content="0;url=//h.example">
<form action=//h.example><input type=submit>
<details open ontoggle=alert(1)>x</details>
<a href="javascript:alert(1)">x</a>
</div></div></div><script>alert(1)</script>
</textarea><script>alert(1)</script>
<!-- --><script>alert(1)</script>
<!--><script>alert(1)</script>-->
<?php ?><script>alert(1)</script>
<![CDATA[<script>alert(1)</script>]]>
<!DOCTYPE html><script>alert(1)</script>
<x onclick=alert(1)>x</x>
<h-x style=position:fixed>x</h-x>
<javascript:alert(1)>
<vbscript:x>
<data:text/html,x>
[x](javascript:alert(1))
[x]( javascript:alert(1))
[x](JaVaScRiPt:alert(1) "title")
[x](<javascript:alert(1)>)
[x](java&#115;cript:alert(1))
[x](javascript&colon;alert(1))
[x](data:text/html;base64,PHNjcmlwdD4=)
[x](vbscript:x)
[x][y]⏎⏎[y]: javascript:alert(1)
[y]⏎⏎[y]: <javascript:alert(1)>
[y][]⏎⏎[y]:⏎  javascript:alert(1)
[y]⏎⏎> [y]: javascript:alert(1)
[a\]b](javascript:alert(1))
[a]\(javascript:alert(1))
[a]&#40;javascript:alert(1))
![x](javascript:alert(1))
![x](x" onerror="alert(1))
![x](http://h.example/spy.png)
![y]⏎⏎[y]: http://h.example/spy.png
[![x](x)](javascript:alert(1))
https://h.example/"onmouseover="alert(1)
https://h.example/<script>alert(1)</script>
&lt;script&gt;alert(1)&lt;/script&gt;
&#60;script&#62;alert(1)&#60;/script&#62;
&#x3c;img src=x onerror=alert(1)&#x3e;
&ltscript&gtalert(1)
# "><img src=x onerror=alert(1)>
# x" onmouseover="alert(1)
x <img src=x onerror=alert(1)>⏎=====
```"><img src=x onerror=alert(1)>⏎x⏎```
```html⏎<script>alert(1)</script>⏎```
```x" onclick="alert(1)⏎x⏎```
```mermaid⏎graph TD; A-->B; click A href "javascript:alert(1)"⏎```
``` mermaid⏎graph TD⏎```
~~~~~  mermaid⏎<img src=x onerror=alert(1)>⏎~~~~~
> ```mermaid⏎> graph TD⏎> ```
`<script>alert(1)</script>`
    <script>alert(1)</script>
|a|b|⏎|---|:-:|⏎|<script>alert(1)</script>|[x](javascript:alert(1))|
- [ ] <img src=x onerror=alert(1)>
~~<svg onload=alert(1)>~~
**<b onclick=alert(1)>**
$<script>alert(1)</script>$
$$</script><script>alert(1)</script>$$
\begin{x}<img src=x onerror=alert(1)>\end{x}
\\(<img src=x onerror=alert(1)>\\)
$\href{javascript:alert(1)}{x}$
$\\href{javascript:alert(1)}{x}$
$\\\href{javascript:alert(1)}{x}$
$$\href {javascript:alert(1)}{x}$$
$\href%⏎{javascript:alert(1)}{x}$
\begin{equation}\href{javascript:alert(1)}{x}\end{equation}
&#36;&#92;href{javascript:alert(1)}{x}&#36;
$\h&#114;ef{javascript:alert(1)}{x}$
&dollar;&bsol;href{javascript:alert(1)}{x}&dollar;
\\[\href{javascript:alert(1)}{x}\\]
$\mmlToken{mi}[href="javascript:alert(1)"]{x}$
$\require{html}\style{position:fixed}{x}$
$\class{x}{y}\cssId{toc}{z}\htmlId{a}{b}\data{a=b}{c}$
$\unicode[x;position:fixed]{x41}\bbox[border:9px solid]{x}$
$\def\x{\href{javascript:alert(1)}}\let\y\href \gdef\z{}$
$\rlap{\smash{\raise 4em{\color{white}\rule{40em}{4em}}}}\lower-4em{4 points}$
$\Rule{9em}{5em}{-4em}\Space{1em}{-9em}{1em}{a\above-60pt b}\genfrac{}{}{-60pt}{}{1}{2}$
$\re\newcommand{\frac}{\href}$
$\hre\href f{javascript:alert(1)}{x}$
$\html\data{a}$
"""


ATTACKS = [line.replace("⏎", "\n") for line in VECTORS.strip().splitlines()]


@pytest.mark.parametrize("text", ATTACKS)
def test_no_text_of_a_student_acts(text):
    assert acting(shown(harmless(text))) == []
    assert acting(shown(f"Before {harmless(text)} after")) == []


@pytest.mark.parametrize("template", ["feedback", "formgrade"])
def test_no_text_of_a_student_acts_in_the_pages_of_nbgrader(template):
    plain = page(template, ["plain"] * len(ATTACKS))
    made = page(template, [harmless(text) for text in ATTACKS])
    for name in ("script", "style", "iframe", "form", "link", "meta", "title", "body", "html"):
        assert len(made.find_all(name)) == len(plain.find_all(name)), name
    answers = made.select("div.rendered_html")
    assert len(answers) == len(plain.select("div.rendered_html")) == len(ATTACKS) + 1
    assert [acting(one) for one in answers] == [[]] * len(answers)


def test_left_as_they_are_most_of_them_would_act():
    """Else the tests above would prove nothing."""
    quiet = [text for text in ATTACKS if not acting(shown(text))]
    assert len(quiet) < 0.3 * len(ATTACKS), quiet


def test_honest_words_and_formulas_read_as_meant():
    """What is shown differs from what was written by single spaces at most."""
    for text in (
        "If n<m, a > b and x<=y, then $a<b$ & $0 < p<q$; R&D, AT&T.",
        r"$$\begin{bmatrix} a & b \\ c &d \end{bmatrix}$$ $\left[x\right](t)$ $\mathbb{E}[X](t)$",
        r"$\frac{\partial\mathcal{L}}{\partial h}$ $\displaystyle\text{if }a<b$ $\textstyle\sum$",
        "`x[1](y)` and `a<b` and `p & q`",
        "    for i in x[1:]:\n        print(i<n)",
        "See [1] and [2]: both (a) and (b). x -> y <- z, <3, 5 < 6",
    ):
        read = shown(harmless(text)).get_text()
        assert re.sub(r"[`\s]", "", read) == re.sub(r"[`\s]", "", text)
    kept = harmless("**bold** *it* `code`\n\n- a\n- b\n\n|a|b|\n|-|-|\n|1|2|\n\n# T\n\n1. x\n\n> q")
    names = {one.name for one in shown(kept).find_all(True)}
    assert {"strong", "em", "code", "ul", "li", "table", "td", "h1", "ol", "blockquote"} <= names
    for formula in (
        r"\frac{a}{b} \left( \begin{cases} x \\\\ y \end{cases} \newline \stylex",
        "a & = b",
    ):
        assert harmless(formula) == formula
