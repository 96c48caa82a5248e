"""The ready experiments: presets in the chapters and the instructor's list."""

import tomllib
from html import escape

import pytest

from tests.lab.conftest import ROOT


def read(name):
    (found,) = tomllib.loads((ROOT / name).read_text(encoding="utf-8")).values()
    return found


PRESETS, EXPERIMENTS = read("lab/presets.toml"), read("teaching/experiments.toml")


@pytest.mark.parametrize("entry", PRESETS + EXPERIMENTS, ids=lambda entry: entry["settings"])
def test_an_address_says_what_the_lab_has(lab, entry):
    found = lab.evaluate("(text) => lab.readAddress(text)", entry["settings"])
    assert found["complaints"] == []
    back = lab.evaluate("(s) => lab.readAddress(lab.writeAddress(s)).settings", found["settings"])
    assert back == found["settings"]
    named = entry.get("featured", "").split()
    assert set(named) <= found["settings"].keys()


def test_a_preset_for_each_chapter_and_fifteen_experiments():
    chapters = sorted((ROOT / "chapters").glob("*.ipynb"))
    assert [preset["page"] for preset in PRESETS] == [f"chapters/{c.stem}" for c in chapters]
    assert len(EXPERIMENTS) == 15
    assert sum(entry.get("homework", False) for entry in EXPERIMENTS) == 5
    assert len({entry["settings"] for entry in EXPERIMENTS}) == 15


def test_homework_has_a_variant_and_no_answer_on_a_public_page():
    for entry in EXPERIMENTS:
        parts = entry.keys() & {"shows", "look", "variant"}
        wanted = {"look", "variant"} if entry.get("homework") else {"shows"}
        assert parts == wanted, entry["title"]


def test_an_address_is_never_empty(lab):
    # On its own page the lab has a start of its own, which no address at all would ask for.
    text = lab.evaluate("lab.writeAddress(lab.readAddress('').settings)")
    assert text == "sigma_w2=1"


def test_every_preset_has_its_still_picture():
    drawn = {path.stem for path in (ROOT / "_static" / "lab").glob("*.svg")}
    assert drawn == {preset["still"] for preset in PRESETS}
    for preset in PRESETS:
        text = (ROOT / "_static" / "lab" / f"{preset['still']}.svg").read_text(encoding="utf-8")
        assert f"<desc>{escape(preset['settings'])}</desc>" in text, "run tools/lab_stills.py"
