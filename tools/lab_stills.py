"""Draw the lab's still pictures, `_static/lab/*.svg`: what the lab shows at first.

By `python tools/lab_stills.py`, which needs Chromium; again when a preset has changed.
"""

import re
import shutil
import tomllib
from html import escape

from lab_script import ROOT, write_trial
from playwright.sync_api import sync_playwright

TARGET = ROOT / "_static" / "lab"
# The colours of the light theme: a picture stands on a white card, as the other figures do.
STYLE = """text{font:12px sans-serif;fill:#222}.lab-index{font-size:9px}.lab-axes line{stroke:#ccc}
.lab-theory{fill:none;stroke:#222;stroke-width:1.8;stroke-dasharray:6 4}
.lab-measured{fill:#0072b2}.lab-band{fill:#0072b2;opacity:.25}"""


def picture(page, settings):
    """Return the signal's and the gradient's picture, side by side, as one SVG.

    It says of which settings, so that a test can tell an old one.
    """
    parts = page.eval_on_selector_all(
        "weight-lab .lab-pictures svg", "all => all.slice(0, 2).map(svg => svg.innerHTML)"
    )
    parts = [re.sub(r"\d+\.\d{3,}", lambda n: f"{float(n[0]):.1f}", part) for part in parts]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 230" width="720" height="230">'
        f"<desc>{escape(settings)}</desc>"
        f'<style>{STYLE}</style><rect width="720" height="230" fill="#fff"/>'
        f'<g>{parts[0]}</g><g transform="translate(360 0)">{parts[1]}</g></svg>\n'
    )


def main():
    """Draw them all."""
    TARGET.mkdir(exist_ok=True)
    presets = tomllib.loads((ROOT / "lab" / "presets.toml").read_text(encoding="utf-8"))["preset"]
    address = write_trial().as_uri()
    with sync_playwright() as playwright:
        executable = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page = browser.new_page()
        for preset in presets:
            page.goto(f"{address}?{preset['settings']}")
            page.wait_for_selector("text=Median of 20 networks", timeout=60_000)
            page.wait_for_timeout(200)  # a frame
            text = picture(page, preset["settings"])
            (TARGET / f"{preset['still']}.svg").write_text(text, encoding="utf-8")
            print(preset["still"], page.inner_text(".lab-sentence"))
        browser.close()


if __name__ == "__main__":
    main()
