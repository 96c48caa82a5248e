"""Tests of site_cards.py: what a card takes out of a chapter."""

import base64
import copy
import io

import pytest
import site_cards
from PIL import Image


def png(colour, size=(100, 200)):
    file = io.BytesIO()
    Image.new("RGBA", size, colour).save(file, "PNG")
    return file.getvalue()


def figure(colour, alt, tags=()):
    data = {"image/png": base64.b64encode(png(colour)).decode()}
    metadata = {"tags": list(tags), "mystnb": {"image": {"alt": alt}}}
    return {"cell_type": "code", "metadata": metadata, "source": "", "outputs": [{"data": data}]}


def chapter():
    text = "# 7. A title\n\n**Time**: 35 minutes to read. All cells together run in a minute."
    return {
        "cells": [
            {"cell_type": "markdown", "metadata": {}, "source": text},
            figure("red", "The first. More of it."),
            figure("blue", "The second:\n with a colon.", tags=["landing"]),
        ]
    }


def test_card_shows_the_tagged_figure_or_else_the_first():
    found = site_cards.facts(chapter())
    assert (found["title"], found["minutes"]) == ("7. A title", 35)
    assert (found["png"], found["alt"]) == (png("blue"), "The second")
    plain = chapter()
    plain["cells"][2]["metadata"]["tags"] = []
    assert site_cards.facts(plain)["alt"] == "The first."


@pytest.mark.parametrize(
    ("cells", "complaint"), [([], "no title"), (chapter()["cells"][:1], "no stored figure")]
)
def test_chapter_that_lacks_something_has_no_card(cells, complaint):
    with pytest.raises(ValueError, match=complaint):
        site_cards.facts({"cells": copy.deepcopy(cells)})


def test_thumbnail_is_the_upper_part_on_white():
    two = Image.new("RGBA", (100, 200), (0, 0, 0, 0))
    two.paste("red", (0, 60, 100, 200))
    file = io.BytesIO()
    two.save(file, "PNG")
    made = Image.open(io.BytesIO(site_cards.thumbnail(file.getvalue(), (50, 30)))).convert("RGB")
    assert made.size == (50, 30)
    assert {made.getpixel((x, y)) for x in (0, 49) for y in (0, 28)} == {(255, 255, 255)}
