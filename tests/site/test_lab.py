"""The lab on the built site: its page, a preset in each chapter, the list of experiments."""

import tomllib

import pytest

from tests.site import checks
from tests.site.test_site import ROOT, SITE

pytestmark = pytest.mark.site


LAB = "const lab = document.querySelector('weight-lab');"
# Between the last thing in the lab and its foot.
ROOM = """const seen = [...lab.children].filter((part) => part.offsetHeight > 1);
const foot = Math.max(...seen.map((part) => part.getBoundingClientRect().bottom));
return lab.getBoundingClientRect().bottom - foot;"""


def read(name):
    (found,) = tomllib.loads((ROOT / name).read_text(encoding="utf-8")).values()
    return found


@pytest.mark.parametrize("preset", read("lab/presets.toml"), ids=lambda preset: preset["page"])
def test_a_chapter_has_its_preset_after_the_text_on_its_figure(preset):
    page = checks.read(SITE / f"{preset['page']}.html")
    (lab,) = page.find_all("weight-lab")
    assert lab["settings"] == preset["settings"] and lab["featured"] == preset["featured"]
    assert lab.img["alt"] == preset["alt"]
    box = lab.find_parent(class_="lab-preset")
    assert preset["question"] in " ".join(box.get_text().split())
    # What to see is said, and folded until it has been tried.
    (fold,) = box.find_all("details")
    assert preset["look"] in " ".join(fold.get_text().split()) and not fold.has_attr("open")
    assert fold.find_previous("weight-lab") is lab
    read = box.find_previous_sibling()
    assert read.name == "p" and " ".join(read.get_text().split()).startswith(preset["after"])
    figure = page.find(id=preset["below"])
    assert box.find_previous("figcaption")["id"] == figure["id"]
    assert read.find("a", href=f"#{preset['below']}") or read.find_previous_sibling("p").find(
        "a", href=f"#{preset['below']}"
    )


def test_the_lab_has_its_page_and_its_files():
    page = checks.read(SITE / "lab.html")
    assert page.find("weight-lab").has_attr("own-address")
    script = (SITE / "_static" / "lab.js").read_text(encoding="utf-8")
    assert "WORKER_SOURCE" in script
    # Once, or the element would be defined twice; and its address changes when the script does.
    (loader,) = page.find_all("script", src=lambda src: src and "lab" in src)
    assert "lab_loader.js?v=" in loader["src"]
    assert not checks.read(SITE / "intro.html").find("script", src=lambda s: s and "lab" in s)
    for name in ("lab.css", "lab_loader.js"):
        assert (SITE / "_static" / name).is_file()


ONE_TWO_THREE = ["lab", "chapters/03_activation_saturation", "chapters/05_role_of_initialization"]


@pytest.mark.parametrize("name", ONE_TWO_THREE)  # controls that are shown first
def test_room_is_kept_for_the_lab_until_it_is_drawn_and_not_after(name, chromium, served):
    page, widths = chromium.new_page(), [320, 375, 430, 600, 667, 719, 768]
    address = f"{served}/{name}.html"

    def heights(measure):
        found = []
        for width in widths:
            page.set_viewport_size({"width": width, "height": 900})
            found.append(page.evaluate(f"() => {{ {LAB} {measure} }}"))
        return found

    whole = "return lab.getBoundingClientRect().height"
    page.route("**/lab.js*", lambda route: route.abort())
    page.goto(address)
    kept = heights(whole)
    page.unroute("**/lab.js*")
    page.goto(address)
    page.locator("weight-lab").scroll_into_view_if_needed()
    page.wait_for_selector("weight-lab.lab-drawn", timeout=60_000)
    needed = heights(whole)
    assert [
        width for width, a, b in zip(widths, kept, needed, strict=True) if abs(a - b) > 60
    ] == []
    assert max(heights(ROOM)) < 60
    first = page.locator("weight-lab .lab-pictures figure").first
    assert first.locator(".lab-bars").count() == name.startswith("chapters/03")
    page.close()


def test_every_experiment_is_a_link_to_the_lab():
    page = checks.read(SITE / "teaching" / "experiments.html")
    links = [a["href"] for a in page.find_all("a", href=True) if "lab.html?" in a["href"]]
    wanted = [f"../lab.html?{entry['settings']}" for entry in read("teaching/experiments.toml")]
    assert links == wanted
    text = page.article.get_text()
    words = ("What it shows. ", "Look for. ", "For each student. ")
    assert [text.count(part) for part in words] == [10, 5, 5]
