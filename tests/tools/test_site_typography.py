"""Numbers and symbols stand as in the text beside them, code stays, and twice changes nothing."""

import pytest
from bs4 import BeautifulSoup
from site_typography import MENDS, SYMBOLS

from tests.tools.pages import mended_twice

CLAIM = '<article><div class="claim">{}</div></article>'
CELL = '<article><table class="dataframe"><tr><td>{}</td></tr></table></article>'
HEAD = '<article><table class="dataframe"><tr><th>{}</th></tr></table></article>'
PROSE = "<article><p>{}</p></article>"


def mended(html):
    return str(mended_twice(html, MENDS))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("3.31e-07", "3.31·10<sup>−7</sup>"),
        ("-3.31e-07", "−3.31·10<sup>−7</sup>"),
        ("1e-05", "10<sup>−5</sup>"),
        ("-1e-05", "−10<sup>−5</sup>"),
        ("1.26e+20", "1.26·10<sup>20</sup>"),
        ("1.37e+04", "13,700"),
        ("-4.83e+03", "−4,830"),
        ("2.2e+02", "220"),
        ("2.5e+00", "2.5"),
        ("-1.37e+01", "−13.7"),
        ("6, up to 2^-3", "6, up to 2<sup>−3</sup>"),
        ("N(0, 0.01^2)", "N(0, 0.01<sup>2</sup>)"),
        ("-14.9", "−14.9"),
        ("0.98 to -2", "0.98 to −2"),
        ("Hardtanh(min_val=-1.0)", "Hardtanh(min_val=-1.0)"),
        ("conv-2", "conv-2"),
        ("3-5", "3-5"),
        ("a1e-5", "a1e-5"),
        ("float16", "float16"),
        ("R&D < 1e-5", "R&amp;D &lt; 10<sup>−5</sup>"),
    ],
)
@pytest.mark.parametrize("place", [CLAIM, CELL])
def test_number(place, before, after):
    escaped = before.replace("&", "&amp;").replace("<", "&lt;")
    assert mended(place.format(escaped)) == place.format(after)


@pytest.mark.parametrize("name", SYMBOLS)
def test_name_of_a_symbol(name):
    text = mended(CLAIM.format(f"about {name}/2."))
    assert "<math" in text and name not in BeautifulSoup(text, "html.parser").get_text()
    assert mended(HEAD.format(name)).count("<math") == 1


def test_names_within_words_stay():
    for text in ("epsilon", "kaiming_normal_", "fan_in", "xis", "sigma_w2s", "pixel"):
        assert mended(CLAIM.format(text)) == CLAIM.format(text)


def test_header_that_the_text_calls_by_its_name_in_code():
    assert "<th><code>grad_h_rms</code></th>" in mended(HEAD.format("grad_h_rms"))
    assert "<td>half_off</td>" in mended(CELL.format("half_off"))


def test_prose_and_code_keep_their_numbers():
    for text in ("1e-5", "<code>1e-5 92 %</code>", "<code>chapter 1</code>"):
        assert mended(PROSE.format(text)) == PROSE.format(text)
    code = CLAIM.format("<code>sigma_w2 1e-5</code>")
    assert mended(code) == code


@pytest.mark.parametrize(
    "text", ["92 % of", "chapter 1", "Chapters 1 and 2", "Figure 5.5", "claim 4.2", "Exercise 3"]
)
def test_no_line_ends_between(text):
    found = BeautifulSoup(mended(PROSE.format(text)), "html.parser").p.get_text()
    assert found != text and found.replace("\N{NO-BREAK SPACE}", " ") == text
    assert found.index("\N{NO-BREAK SPACE}") == text.index(" ")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a F. B", 'a <span class="together">F.</span> B'),
        ("a (F), b", 'a <span class="together">(F),</span> b'),
        ("a F b", "a F b"),
        ("a F – b", "a F – b"),
    ],
)
def test_formula_and_its_full_stop_stay_together(before, after):
    formula = '<span class="math"><math><mi>x</mi></math></span>'
    expected = PROSE.format(after.replace("F", formula))
    assert mended(PROSE.format(before.replace("F", formula))) == expected


def test_apostrophe_of_a_claim_is_that_of_the_text():
    assert mended(CLAIM.format("He's rule")) == CLAIM.format("He’s rule")


def test_page_without_an_article_is_left():
    assert mended("<main>92 % 1e-5</main>") == "<main>92 % 1e-5</main>"
