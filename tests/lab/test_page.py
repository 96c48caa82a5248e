"""The lab's page in a browser: by mouse, finger and keyboard, and when something goes wrong."""

import gzip
import re
import sys
from pathlib import Path

import pytest

from tests.lab.conftest import ROOT

sys.path.insert(0, str(ROOT / "tools"))

import lab_script  # noqa: E402

pytestmark = pytest.mark.slow

SENTENCE = "weight-lab .lab-sentence >> nth=0"
TRAINING = "weight-lab .lab-sentence >> nth=1"
NOTE_OF_THE_PLANE = "figure:has(.lab-plane) figcaption"
NOTE_OF_THE_HISTOGRAM = "figure:has(.lab-bars) figcaption"


@pytest.fixture(scope="session")
def trial(tmp_path_factory):
    return lab_script.write_trial(tmp_path_factory.mktemp("lab")).parent


@pytest.fixture
def opened(chromium, trial, served):
    """Return a function that opens the lab; nothing may go wrong unseen or come from elsewhere."""
    pages, wrong, asked = [], [], []

    def open_lab(settings="", *, disk=True, width=800, theme="light", touch=False, measured=True):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, has_touch=touch
        )
        page = context.new_page()
        page.set_default_timeout(60_000)
        pages.append(page)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("request", lambda request: asked.append(request.url))
        start = trial.as_uri() if disk else served(trial)
        page.goto(f"{start}/index.html?{settings}")
        page.evaluate("(theme) => (document.documentElement.dataset.theme = theme)", theme)
        if measured:
            finished(page)
        assert all(url.startswith((start, "blob:")) for url in asked)
        return page

    yield open_lab
    for page in pages:
        page.context.close()
    wrong = [text for text in wrong if "favicon" not in text and "404" not in text]
    assert wrong == []


def finished(page):
    """Wait until all networks are drawn, and shown."""
    page.wait_for_function(
        """() => { const lab = document.querySelector("weight-lab");
                   return lab.measuring === false && !lab.stale && lab.frame === null; }"""
    )


def stroke(page, x, y, dx, dy):
    """Put a finger down, move it, and lift it."""
    finger = page.context.new_cdp_session(page)
    for kind, share in [("Start", 0), *(("Move", k / 8) for k in range(1, 9)), ("End", None)]:
        at = [] if share is None else [{"x": x + dx * share, "y": y + dy * share}]
        finger.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": at})
        page.wait_for_timeout(16)
    page.wait_for_timeout(300)


def setting(page, name):
    return page.evaluate("(name) => document.querySelector('weight-lab').settings[name]", name)


@pytest.mark.parametrize("disk", [True, False], ids=["from disk", "from a host"])
def test_says_what_happens(opened, disk):
    page = opened("sigma_w2=0.5&networks=5", disk=disk)
    text = page.inner_text(SENTENCE)
    assert "The signal fades" in text and "The gradient vanishes" in text
    value, theory = re.findall(r"it is (\d\.\d).10⁻⁴.*theory says (\d\.\d).10⁻⁴", squeezed(text))[0]
    assert abs(float(value) / float(theory) - 1) < 0.2
    page.wait_for_function("document.querySelector('.lab-spoken').textContent.length > 50")
    assert page.inner_text(".lab-spoken").startswith(text[:40])
    assert "times ten to the power of minus 4" in page.inner_text(".lab-spoken")
    assert page.locator("weight-lab .lab-theory").count() == 3
    assert page.locator("weight-lab .lab-measured circle").count() == 40


def squeezed(text):
    return text.replace("\u00a0×\u00a0", " ")


def test_the_variance_that_keeps_the_signal_is_found_by_keyboard(opened):
    page = opened("sigma_w2=0.5&networks=3")
    slider = page.get_by_label("Weight variance times fan-in").first
    slider.focus()
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    finished(page)
    assert setting(page, "sigma_w2") == pytest.approx(1, rel=0.02)
    assert float(slider.get_attribute("aria-valuetext")) == setting(page, "sigma_w2")
    page.wait_for_function("!location.search.includes('sigma_w2=0.5')")


def test_all_of_the_first_task_is_in_view_at_once(opened):
    """Slider and both pictures: on a telephone, too, and no sentence moves them."""
    for width, height in [(375, 600), (800, 500)]:
        page = opened("sigma_w2=0.5&networks=2", width=width, touch=width == 375)
        above = page.get_by_label("Weight variance").first.bounding_box()
        below = page.locator("weight-lab .lab-pictures svg").nth(1)
        assert below.bounding_box()["y"] + below.bounding_box()["height"] - above["y"] < height
        before = below.bounding_box()
        change = "document.querySelector('weight-lab').set({sigma_w2: 40, activation: 'relu'})"
        page.evaluate(change)
        finished(page)
        assert below.bounding_box() == before


def test_both_stay_somewhere_and_not_at_one(opened):
    """What the lab's page asks has an answer, in the words that it names."""
    page = opened("sigma_w2=1")
    assert "The signal falls" in page.inner_text(SENTENCE)
    page.evaluate("document.querySelector('weight-lab').set({sigma_w2: 1.5})")
    finished(page)
    text = page.inner_text(SENTENCE)
    assert "The signal stays" in text and "The gradient stays" in text


def test_a_finger_that_scrolls_from_a_slider_leaves_it_as_it_was(opened):
    page = opened("sigma_w2=2&networks=1&depth=2", touch=True)
    slider = page.get_by_label("Weight variance").first
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    x, y = box["x"] + box["width"] / 4, box["y"] + box["height"] / 2
    stroke(page, x, y, 0, -160)
    assert page.evaluate("scrollY") > 50
    assert setting(page, "sigma_w2") == 2 and slider.get_attribute("aria-valuetext") == "2"
    page.evaluate("scrollTo(0, 0)")
    y = slider.bounding_box()["y"] + slider.bounding_box()["height"] / 2
    stroke(page, x, y, 60, 0)
    assert setting(page, "sigma_w2") != 2  # along it, a finger moves it


def test_in_the_plane_a_finger_moves_the_point_and_a_swipe_beside_it_only_the_page(opened):
    page = opened("sigma_w2=2&sigma_b2=1&networks=1&depth=2", width=375, touch=True)
    plane = page.locator(".lab-plane")
    plane.scroll_into_view_if_needed()

    def start():
        return [setting(page, name) for name in ("sigma_w2", "sigma_b2")]

    def middle(box):
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    target = page.locator(".lab-handle").bounding_box()
    assert min(target["width"], target["height"]) > 43.9
    box, above = plane.bounding_box(), page.evaluate("scrollY")
    stroke(page, box["x"] + box["width"] * 0.8, box["y"] + box["height"] * 0.2, 0, 120)
    assert start() == [2, 1] and page.evaluate("scrollY") < above - 50
    # From the point, the same moves the point and nothing else.
    plane.scroll_into_view_if_needed()
    above = page.evaluate("scrollY")
    stroke(page, *middle(page.locator(".lab-handle").bounding_box()), 30, -45)
    assert start()[0] > 2.1 and start()[1] > 1.3 and page.evaluate("scrollY") == above
    box = plane.bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.7)
    assert start()[0] < 1.5  # where a finger taps, the point goes


def test_keys_that_a_slider_has_move_the_point_and_not_the_page(opened):
    page = opened("sigma_w2=2&networks=1&depth=2", width=375)
    page.locator(".lab-handle").focus()
    page.wait_for_timeout(100)
    above = page.evaluate("scrollY")
    found = []
    for key in ("End", "PageDown", "Home", "PageUp"):
        page.keyboard.press(key)
        found.append(setting(page, "sigma_w2"))
    assert found == [4, 3.5, 0.01, 0.51] and page.evaluate("scrollY") == above


def test_an_axis_of_many_decades_has_its_one(opened):
    page = opened("activation=sigmoid&depth=50&networks=1")
    gradient = page.locator("weight-lab .lab-pictures svg").nth(1)
    assert "1" in gradient.locator(".lab-axes text[text-anchor=end]").all_text_contents()


def test_on_paper_there_is_nothing_to_press(opened):
    page = opened("networks=1&depth=2")
    page.emulate_media(media="print")
    pressed = page.locator("weight-lab :is(button, input)")
    assert pressed.count() > 8
    assert not any(part.is_visible() for part in pressed.all())


def test_choices(opened):
    page = opened("networks=1&depth=3")
    page.get_by_text("More settings").click()
    page.get_by_label("Activation").select_option("relu")
    page.get_by_label("Normalization").select_option("batch")
    finished(page)
    text = page.inner_text(SENTENCE)
    assert "with relu" in text and "no dashed line: batch normalization" in text
    assert "There is no critical line" in page.inner_text(NOTE_OF_THE_PLANE)
    assert page.locator(".lab-plane .lab-theory").get_attribute("d") == ""
    page.get_by_label("Normalization").select_option("none")
    page.get_by_label("Scheme").select_option("he_normal")
    finished(page)
    assert page.get_by_label("Weight variance times fan-in").first.is_disabled()
    assert page.get_attribute(".lab-handle", "aria-valuenow") == "2"
    page.get_by_role("button", name="Reset").click()
    finished(page)
    assert setting(page, "activation") == "tanh"


def test_a_scheme_shows_the_variance_that_it_sets(opened):
    page = opened("scheme=he_normal&networks=1&depth=2")
    shown = page.locator("weight-lab .lab-control").first.inner_text()
    assert "σw² 2" in " ".join(shown.split()) and "set by the scheme: he normal" in shown
    assert "sigma_w2" not in page.evaluate("document.querySelector('weight-lab').copy.field.value")


def test_a_few_words_stand_beside_the_slider(opened):
    page = opened("sigma_w2=1.5")
    words, slider = page.locator(".lab-verdict"), page.get_by_label("Weight variance").first
    assert words.inner_text() == "Signal stays · gradient stays"
    assert abs(words.bounding_box()["y"] - slider.bounding_box()["y"]) < 60
    # And under the plane, whose point moves pictures that may be out of sight.
    assert page.locator(f"{NOTE_OF_THE_PLANE} strong").inner_text() == words.inner_text()


@pytest.mark.parametrize("function", ["tanh", "relu"])
def test_the_critical_line_ends_at_the_frame_and_not_before_or_beyond(opened, function):
    page = opened(f"networks=1&depth=2&activation={function}")
    line = page.evaluate(
        """() => {
            const path = document.querySelector(".lab-plane .lab-theory");
            const { x, y, width, height } = path.ownerSVGElement.viewBox.baseVal;
            const numbers = path.getAttribute("d").match(/-?[0-9.]+/g).map(Number);
            return {
                end: numbers.slice(-2), right: x + width, top: y,
                cut: getComputedStyle(path.ownerSVGElement).overflow,
            };
        }"""
    )
    x, y = line["end"]
    assert (x >= line["right"] - 0.1 or y <= line["top"] + 0.1) and line["cut"] == "hidden"


def test_sentence_and_pictures_are_of_the_same_networks(opened):
    page = opened("activation=tanh&networks=1&depth=5")
    said = page.evaluate(
        """async () => {
            const lab = document.querySelector("weight-lab");
            lab.engine.send = () => 0;  // its theory comes before its networks, here by hand
            lab.set({ activation: "relu", sigma_w2: 100 });
            lab.take({ kind: "theory", lines: { signal: [1, 7777], gradient: [], lost: null } });
            await new Promise(requestAnimationFrame);
            await new Promise(requestAnimationFrame);
            return lab.sentence.textContent;
        }"""
    )
    assert "with tanh" in said and "7777" not in said


@pytest.mark.parametrize("refused", [False, True])
def test_the_address_is_copied_or_shown_to_be_copied(opened, refused):
    page = opened("depth=3&networks=1", disk=False)
    page.evaluate(
        """(refused) => Object.defineProperty(navigator, "clipboard", { value: refused ? undefined
            : { writeText: async (text) => { window.copied = text; } } })""",
        refused,
    )
    button = page.get_by_role("button", name="Copy the address")
    wide = button.bounding_box()["width"]
    button.click()
    if refused:
        field = page.get_by_label("Address of this experiment")
        field.wait_for()
        assert page.evaluate("getSelection().toString()") == field.input_value()
        assert field.input_value().endswith("index.html?depth=3&networks=1")
    else:
        page.get_by_role("button", name="Copied").wait_for()
        now = page.get_by_role("button", name="Copied").bounding_box()["width"]
        assert abs(now - wide) <= 1  # pixels, as its width is rounded
        assert page.evaluate("copied").endswith("index.html?depth=3&networks=1")


@pytest.mark.parametrize("how", ["mouse", "touch", "keyboard"])
def test_the_point_in_the_plane_moves(opened, how):
    page = opened("networks=1&depth=2", touch=how == "touch")
    handle = page.locator(".lab-handle")
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    if how == "mouse":
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 60, y - 40, steps=4)
        page.mouse.up()
    elif how == "touch":
        finger = page.context.new_cdp_session(page)
        for kind, share in [("Start", 0), ("Move", 0.3), ("Move", 0.6), ("Move", 1), ("End", None)]:
            at = [] if share is None else [{"x": x + 60 * share, "y": y - 40 * share}]
            event = {"type": f"touch{kind}", "touchPoints": at}
            finger.send("Input.dispatchTouchEvent", event)
    else:
        handle.focus()
        for key in ("ArrowRight", "Shift+ArrowRight", "ArrowUp"):
            page.keyboard.press(key)
    finished(page)
    assert setting(page, "sigma_w2") > 1.2 and setting(page, "sigma_b2") > 0.04
    page.wait_for_function("location.search.includes('sigma_b2=')")


def test_training_can_be_watched_and_its_network_is_shown(opened):
    page = opened("networks=2&depth=3&width=16&sigma_w2=1.5&rate=0.3")
    page.get_by_role("button", name="Train").click()
    page.wait_for_function("document.querySelector('weight-lab').run?.ended")
    page.wait_for_function("document.querySelectorAll('.lab-trained rect').length > 6")
    text = page.inner_text(TRAINING)
    assert "Training ended: after 200 of 200 steps" in text
    assert int(re.search(r"(\d+) % of the test images", text)[1]) > 60
    axes = page.locator("figure:has(.lab-loss) .lab-axes text").all_text_contents()
    assert axes.count("100") == 2 and "% right" in axes  # steps below, and percent on the right
    assert "after training" in page.inner_text(NOTE_OF_THE_HISTOGRAM)


def test_training_can_be_stopped_and_begins_when_all_is_measured(opened):
    page = opened("networks=3&depth=20&width=64", measured=False)
    page.get_by_role("button", name="Train").click()
    page.wait_for_function("document.querySelector('weight-lab').run?.losses.length > 2")
    page.get_by_role("button", name="Stop").click()
    text = page.inner_text(TRAINING)
    assert "Training was stopped" in text
    assert int(re.search(r"after (\d+) of", text)[1]) < 200
    page.get_by_role("button", name="Train").wait_for()
    # And the network is shown as training has left it.
    page.wait_for_function(
        "document.querySelectorAll('.lab-pictures .lab-trained rect').length > 39"
    )
    assert "after training" in page.inner_text(NOTE_OF_THE_HISTOGRAM)


def test_training_stays_in_view_and_says_when_it_is_out_of_date(opened):
    page = opened("networks=1&depth=20", width=375)
    button = page.locator("weight-lab .lab-buttons button").first
    button.scroll_into_view_if_needed()
    before = button.bounding_box()
    button.click()
    page.wait_for_function("document.querySelector('weight-lab').run?.losses.length > 2")
    assert button.bounding_box() == before and button.inner_text() == "Stop"
    plane = page.locator(".lab-plane").bounding_box()
    for changes in ("{rate: 0.2}", "{sigma_w2: 1.5}"):  # while it runs, and the next one
        page.evaluate(f"document.querySelector('weight-lab').set({changes})")
        finished(page)
        assert page.inner_text(TRAINING) == "Settings changed: train again."
        assert button.inner_text() == "Train" and page.locator(".lab-plane").bounding_box() == plane
        button.click()
        page.wait_for_function("document.querySelector('weight-lab').run?.losses.length > 2")


def test_numbers_that_run_away_are_said_in_words(opened):
    page = opened("networks=1&activation=relu&depth=50&sigma_w2=100&rate=10")
    assert "In single precision" in page.inner_text(SENTENCE)
    page.get_by_role("button", name="Train").click()
    page.wait_for_function("document.querySelector('weight-lab').run?.over")
    page.wait_for_function("document.querySelectorAll('.lab-sentence')[1].textContent.length > 40")
    text = page.inner_text(TRAINING)
    assert "Training broke down" in text and "not a number" in text
    # Nothing of it fits into the picture, which says so.
    assert page.locator("figure:has(.lab-loss) .lab-measured path").count() >= 1


@pytest.mark.parametrize(
    "address, said",
    [
        ("depth=900", "depth must be a whole number from 1 to 50"),
        ("width=33", "in steps of 8; the address says “33”, so 32 is used"),
        ("activation=sine", "activation cannot be “sine”"),
        ("sigma_w2=Infinity", "sigma_w2 must be a number from 0.01 to 100"),
        ("sigma_b2=", "sigma_b2 must be a number"),
        ("sigma_w2=1.5&scheme=he_normal", "sets the weight variance, to 2; the address gives"),
        ("layer=99", "so the last one is used"),
        ("networks=1e999&layer=-3", "networks must be a whole number"),
        ("__proto__=1&toString=2", "is no setting of the lab"),
        ("seed=%3Cb%3Ex", "the address says “<b>x”, so 0 is used"),
    ],
)
def test_an_address_out_of_range_is_said_in_words(opened, address, said):
    page = opened(f"{address}&depth=2")
    assert said in page.inner_text("weight-lab [role=alert]")
    assert "Median of" in page.inner_text(SENTENCE)


def test_a_killed_worker_is_noticed_and_another_one_started(opened):
    page = opened("networks=2&depth=2")
    page.evaluate(
        """() => { const lab = document.querySelector("weight-lab");
                   lab.engine.worker.terminate();
                   lab.set({depth: 3});
                   for (let i = 0; i < 16; i++) lab.engine.tick(); }"""
    )
    assert "does not answer any more" in page.inner_text("weight-lab [role=alert]")
    page.get_by_role("button", name="Start the computation again").click()
    finished(page)
    assert "3 layers" in page.inner_text(SENTENCE)
    assert page.inner_text("weight-lab [role=alert]") == ""


def test_a_worker_killed_while_it_trains_says_that_training_was_stopped(opened):
    page = opened("networks=1&depth=20")
    page.get_by_role("button", name="Train").click()
    page.wait_for_function("document.querySelector('weight-lab').run?.losses.length > 2")
    page.evaluate(
        """() => { const { engine } = document.querySelector("weight-lab");
                   engine.worker.terminate();
                   for (let i = 0; i < 16; i++) engine.tick(); }"""
    )
    assert "does not answer any more" in page.inner_text("weight-lab [role=alert]")
    assert "Training was stopped" in page.inner_text(TRAINING)


def test_an_error_in_the_worker_is_said_in_words(opened):
    page = opened("networks=1&depth=2")
    page.evaluate("document.querySelector('weight-lab').set({activation: 'sine'})")
    page.wait_for_function("document.querySelector('[role=alert]').textContent.includes('failed')")


def test_a_page_put_to_sleep_goes_on_when_woken(opened):
    page = opened("networks=12", measured=False)
    session = page.context.new_cdp_session(page)
    session.send("Page.setWebLifecycleState", {"state": "frozen"})
    session.send("Page.setWebLifecycleState", {"state": "active"})
    finished(page)
    assert "Median of 12 networks" in page.inner_text(SENTENCE)
    assert page.inner_text("weight-lab [role=alert]") == ""


@pytest.mark.parametrize("width", [375, 768, 1280])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_is_too_wide(opened, theme, width):
    axe = pytest.importorskip("axe_core_python", reason="needs Python's axe-core-python")
    page = opened("networks=1&depth=4&width=16", width=width, theme=theme)
    if not page.locator(".lab-more").get_attribute("open") == "":
        page.click("summary")
    page.get_by_role("button", name="Train").click()
    page.wait_for_function("document.querySelector('weight-lab').run?.ended")
    page.evaluate((Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("async () => (await axe.run()).violations")
    assert [(f["id"], [n["html"][:120] for n in f["nodes"]]) for f in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_lab_loads_when_it_comes_into_view(chromium, trial, served):
    (trial / "far.html").write_text(
        '<!doctype html><html lang="en"><title>far</title><div style="height: 5000px"></div>'
        '<weight-lab home="x.html" featured="depth" settings="depth=2&amp;networks=1">'
        '<img alt="still" src="data:,"></weight-lab>'
        '<script src="lab_loader.js?v=1"></script></html>'
    )
    loader = (ROOT / "lab" / "lab_loader.js").read_text(encoding="utf-8")
    (trial / "lab_loader.js").write_text(loader, encoding="utf-8")
    page, asked = chromium.new_page(), []
    page.on("request", lambda request: asked.append(request.url.rsplit("/")[-1]))
    page.goto(f"{served(trial)}/far.html")
    page.wait_for_timeout(300)
    assert "lab.js?v=1" not in asked and page.locator("weight-lab img").count() == 1
    page.locator("weight-lab").scroll_into_view_if_needed()
    finished(page)
    assert "lab.js?v=1" in asked and page.locator("weight-lab img").count() == 0
    assert page.get_by_role("link", name="Open this in the lab").get_attribute("href") == (
        "x.html?depth=2&networks=1"
    )
    page.close()


def test_on_its_own_page_the_lab_loads_at_once(chromium, trial, served):
    # Or a page that is reloaded far below the lab has none, for a reader who hears it, too.
    loader = (ROOT / "lab" / "lab_loader.js").read_text(encoding="utf-8")
    (trial / "lab_loader.js").write_text(loader, encoding="utf-8")
    (trial / "below.html").write_text(
        '<!doctype html><html lang="en"><title>below</title><div style="height: 5000px"></div>'
        "<weight-lab own-address></weight-lab>"
        '<script src="lab_loader.js?v=1"></script></html>'
    )
    page = chromium.new_page()
    page.goto(f"{served(trial)}/below.html?networks=1&depth=2")
    finished(page)
    assert page.evaluate("scrollY") == 0 and page.locator("weight-lab select").count() > 2
    page.close()


def test_all_of_it_weighs_little(trial):
    files = [trial / "lab.js", ROOT / "lab" / "lab.css", ROOT / "lab" / "lab_loader.js"]
    files += sorted((ROOT / "_static" / "lab").glob("*.svg"))
    assert len(files) > 8
    assert sum(len(gzip.compress(path.read_bytes())) for path in files) < 120_000
