"""The checks of the built site, shown pages that are wrong in one way each."""

import pytest
from bs4 import BeautifulSoup

from tests.site import checks

HEAD = (
    '<title>T</title><meta name="viewport" content="width=device-width">'
    '<meta name="description" content="D">'
)


def page(body, head=HEAD, html='<html lang="en">'):
    return BeautifulSoup(
        f"{html}<head>{head}</head><body><h1>T</h1>{body}</body></html>", "html.parser"
    )


@pytest.mark.parametrize(
    "body",
    [
        '<script src="https://host.example/a.js"></script>',
        '<script src="//host.example/a.js"></script>',
        '<link rel="stylesheet" href="http://host.example/a.css">',
        '<img alt="A" src="a.png" srcset="a.png 1x, https://host.example/b.png 2x">',
        '<iframe src="https://host.example"></iframe>',
        "<style>@import 'https://host.example/a.css';</style>",
        '<p style="background: url(https://host.example/a.png)">',
        '<script>const address = "https://host.example/lib.js"</script>',
    ],
)
def test_what_comes_from_another_host_is_found(body):
    assert checks.other_hosts(page(body))


@pytest.mark.parametrize(
    "body",
    [
        '<script src="../_static/a.js"></script>',
        '<a href="https://host.example">a link that a reader may follow</a>',
        '<img alt="A" src="data:image/png;base64,AAAA">',
    ],
)
def test_what_is_on_the_site_is_not_complained_about(body):
    assert checks.other_hosts(page(body)) == []


@pytest.mark.parametrize(
    "rule",
    ["@font-face {src: url('https://host.example/f.woff')}", '@import "//host.example/a.css";'],
)
def test_style_sheet_that_loads_from_another_host_is_found(rule):
    assert checks.other_hosts_in_css(rule)
    assert checks.other_hosts_in_css("a {background: url(../a.png)}") == []


@pytest.mark.parametrize(
    "image",
    [
        '<img src="a.png">',
        '<img src="a.png" alt="">',
        '<img src="a.png" alt="a.png">',
        '<img src="a.png" alt="218f52548bf1af2920e58ed300c828900424d61741fa4dcd0ea54bc57089b118">',
        '<img src="x" alt="../_images/218f5.png">',
    ],
)
def test_picture_without_a_description_is_found(image):
    assert checks.alternative_text(page(image))
    assert checks.alternative_text(page('<img src="a.png" alt="Gradients fall with depth.">')) == []


@pytest.mark.parametrize(
    ("complaint", "arguments"),
    [
        ("no language", {"html": "<html>"}),
        ("no title", {"head": HEAD.replace("<title>T</title>", "")}),
        ("no viewport", {"head": HEAD.replace("viewport", "other")}),
        ("no description", {"head": HEAD.replace("description", "other")}),
    ],
)
def test_incomplete_head_is_found(complaint, arguments):
    (found,) = checks.head(page("", **arguments))
    assert found.startswith(complaint)
    assert checks.head(page("")) == []
    assert checks.head(page("<h1>Another</h1>")) == ["2 main headings instead of one"]


def test_formula_that_is_not_set_is_found():
    def formula(inside):
        return page(f'<span class="math">{inside}</span>')

    assert checks.formulas(formula("<math><mi>x</mi></math>")) == []
    assert checks.formulas(formula(r"\(x\)"))
    assert checks.formulas(formula(r"<math><mi>\foo</mi></math>"))
    assert checks.formulas(page('<script src="_static/mathjax/a.js"></script>'))


def test_links_that_lead_nowhere_are_found(tmp_path):
    (tmp_path / "chapters").mkdir()
    here = tmp_path / "chapters" / "a.html"
    there = tmp_path / "b.html"
    here.write_text("")
    there.write_text("")
    pages = {there: page('<p id="place">')}
    good = page('<a href="../b.html#place"></a><a href="https://host.example/x"></a>')
    assert checks.internal_links(here, good, tmp_path, pages) == []
    for address in ("../c.html", "../b.html#other", "../../outside.html"):
        wrong = page(f'<a href="{address}"></a>')
        assert len(checks.internal_links(here, wrong, tmp_path, pages)) == 1
