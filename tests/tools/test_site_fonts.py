"""The fonts hold what the pages use, and little else."""

from pathlib import Path

import pytest
from fontTools.ttLib import TTFont
from site_fonts import FORMULAS, ICONS, write_formula_font, write_icon_font

THEME = pytest.importorskip("pydata_sphinx_theme")
STATIC = Path(THEME.__file__).parent / "theme" / "pydata_sphinx_theme" / "static"


def characters(path):
    return {chr(code) for code in TTFont(path).getBestCmap()}


def test_formulas_find_their_characters_and_the_sign_of_a_root(tmp_path):
    target = tmp_path / "formulas.woff"
    page = "<p>é</p><math alttext='x'><msqrt><mi>x</mi></msqrt><mo>∂</mo><mi>𝔼</mi></math>"
    assert write_formula_font([page], target) == set()
    assert {"x", "∂", "𝔼", "√", "𝑥"} <= characters(target)
    assert "é" not in characters(target)
    assert target.stat().st_size < FORMULAS.stat().st_size / 5


def test_letter_brings_the_italic_form_that_browsers_take(tmp_path):
    letters = "".join(f"<mi>{letter}</mi>" for letter in "φϕhεϵ")
    write_formula_font([f"<math >{letters}</math>"], tmp_path / "a.woff")
    assert set("𝜑𝜙ℎ𝜀𝜖") <= characters(tmp_path / "a.woff")


def test_character_that_the_font_lacks_is_named(tmp_path):
    assert write_formula_font(["<math ><mi>字</mi></math>"], tmp_path / "a.woff") == {"字"}


def test_icons_of_the_pages_and_of_the_style_sheet_are_kept(tmp_path):
    styles = (
        r'.fa-bars:before{content:"\f0c9"} .fa-list:before{content:"\f03a"}'
        ' html{--pst-icon-bell:"\uf0f3"}'
    )
    target = tmp_path / "icons.woff"
    fonts = next(STATIC.rglob(ICONS.name)).parents[len(ICONS.parts) - 1]
    write_icon_font(['<i class="fa-solid fa-bars"></i>'], styles, fonts, target)
    assert characters(target) == {"\uf0c9", "\uf0f3"}
    with pytest.raises(ValueError, match="names no icon"):
        write_icon_font([], "", fonts, target)
