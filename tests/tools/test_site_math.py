"""Formulas say what TeX says: signs, names, fences, letters."""

import pytest
from site_math import to_mathml


@pytest.mark.parametrize(
    ("tex", "part"),
    [
        (r"\mathrm{d}u", "<mtext>d</mtext>"),
        (r"\mathbb E[x]", "<mi>\N{MATHEMATICAL DOUBLE-STRUCK CAPITAL E}</mi>"),
        (r"z \sim N", "<mo>∼</mo>"),
        (r"\operatorname{diag}(p)", "<mi>diag</mi>"),
        (r"\ln x", '<mi>ln</mi><mspace width="0.167em" /><mi>x</mi>'),
        (r"\Phi", '<mi mathvariant="normal">Φ</mi>'),
        (r"(-1)", '<mo form="prefix">−</mo>'),
        (r"x - 1", "<mo>−</mo>"),
        (r"x^{a-b}", '<mo lspace="0" rspace="0">−</mo>'),
        (r"\varphi'(h)", '<mrow><mi>φ</mi><mo lspace="0" rspace="0">′</mo></mrow>'),
        (r"\overline{x^2}", '<mrow class="overline">'),
        (r"a < b", "<mo>&lt;</mo>"),
    ],
)
def test_what_the_translation_says_otherwise_is_mended(tex, part):
    assert part in to_mathml(tex)


def test_power_of_a_tall_bracket_is_that_of_all_it_holds():
    formula = to_mathml(r"n \Big(\frac12\Big)^2")
    assert "<mi>n</mi><msup><mrow><mo" in formula
    assert formula.index("<mfrac>") < formula.index("</mrow><mn>2</mn></msup>")


@pytest.mark.parametrize("tex", [r"\nosuchthing x", r"a \\ b", r"\frac{1}", r"\left( x"])
def test_what_cannot_be_set_is_refused(tex):
    with pytest.raises(ValueError, match="MathML|lacks"):
        to_mathml(tex)
