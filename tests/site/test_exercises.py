"""The site gives nothing of the exercises away: `make book` runs this on what it has built."""

import re
from pathlib import Path

import pytest
import yaml

from tests.grading.support import ASSIGNMENTS, withheld

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"


def compact(text):
    """Return only letters and digits, in small: whatever a page does to marks and spaces."""
    return re.sub(r"<[^>]*>|&\w+;|[\W_]", "", text.lower())


def book():
    """Return what the pages are made of: what stands there is no secret."""
    folders = ("chapters", "appendix", "teaching", "src")
    found = [path for name in folders for path in (ROOT / name).rglob("*") if path.is_file()]
    known = [path for path in found if path.suffix in (".ipynb", ".md", ".py")]
    # Letters of a line of a notebook are the same in its JSON, but for the n of an end of line.
    return compact("\n".join(path.read_text(encoding="utf-8") for path in known))


def secrets():
    """Return sentences, lines and names that no page may hold, and what they belong to."""
    known, found = book(), {}
    for assignment in ASSIGNMENTS:
        hidden = withheld(assignment)
        for line in hidden["solutions and rubrics"] + hidden["checks"] + hidden["names"]:
            short = compact(line)
            if len(short) > 20 and short not in known:
                found[short] = f"{assignment}: {line}"
    return found


def leaks(site):
    found, known = [], secrets()
    assert len(known) > 100
    for path in sorted(site.rglob("*")):
        if path.is_file() and path.suffix in (".html", ".js", ".txt", ".ipynb", ".md", ".json"):
            text = compact(path.read_text(encoding="utf-8", errors="replace"))
            found += [f"{path.name}: {said}" for short, said in known.items() if short in text]
    return found


def test_no_exercise_is_a_page():
    contents = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    assert not re.search(r"(file|root|glob): *exercises", contents)
    assert yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))[
        "only_build_toc_files"
    ]


@pytest.mark.parametrize("kind", ["checks", "notebook"])
def test_a_leak_would_be_seen(tmp_path, kind):
    folder = ROOT / "exercises" / {"checks": "checks", "notebook": "source"}[kind]
    text = "\n".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.[pi]*"))
    (tmp_path / "searchindex.js").write_text(text, encoding="utf-8")
    assert len(leaks(tmp_path)) > 50


@pytest.mark.site
def test_no_file_of_the_site_holds_a_solution_a_rubric_or_a_hidden_check():
    assert (SITE / "_static" / "search_index.js").is_file()
    assert not [path for path in SITE.rglob("*") if "exercises" in path.relative_to(SITE).parts]
    assert leaks(SITE) == []
