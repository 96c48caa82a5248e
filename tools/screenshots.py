"""Photograph every page of the built site in four variants: `python tools/screenshots.py`.

Light and dark, as wide as a telephone and as a laptop. A long page becomes several pictures, each
of a few screens, in _build/screenshots. Names given as arguments take only those pages.
"""

import shutil
import sys
from pathlib import Path

from book_pages import contents, load_toc
from browser import SITE, open_browser, show

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "_build" / "screenshots"
WIDTHS = {375: 812, 1280: 800}  # and the height of such a screen
SCHEMES = ("light", "dark")
LONGEST = 4000  # pixels in a picture
# The bar at the top would cover the first lines of each picture but a page's first.
UNFIX = ".bd-header-article { position: static !important; }"
# A lab loads when it comes into view, and has a sentence when it is there.
LABS = """async () => {
  for (const lab of document.querySelectorAll("weight-lab")) {
    lab.scrollIntoView();
    for (let i = 0; i < 100 && !lab.querySelector(".lab-sentence")?.textContent; i++)
      await new Promise((resolve) => setTimeout(resolve, 100));
  }
}"""


def photograph(browser, path, name, folder):
    """Take all pictures of a page.

    Parameters
    ----------
    browser : playwright.sync_api.Browser
    path : Path
        The page.
    name : str
        What the pictures' names begin with.
    folder : Path

    Returns
    -------
    list of Path
    """
    taken = []
    for scheme in SCHEMES:
        for width, height in WIDTHS.items():
            page = show(
                browser,
                path,
                viewport={"width": width, "height": height},
                color_scheme=scheme,
            )
            page.add_style_tag(content=UNFIX)
            page.evaluate(LABS)
            full = page.evaluate("document.documentElement.scrollHeight")
            # A window as high as a picture: asked for the full page, the browser lays it out
            # anew for each of its parts.
            tall = min(LONGEST, full)
            page.set_viewport_size({"width": width, "height": tall})
            for part, top in enumerate(range(0, full, tall), start=1):
                picture = folder / f"{name}-{scheme}-{width}-{part:02d}.png"
                page.evaluate("top => scrollTo({top, behavior: 'instant'})", top)
                above = top - round(page.evaluate("scrollY"))  # of the last part: seen already
                clip = {"x": 0, "y": above, "width": width, "height": tall - above}
                page.screenshot(path=picture, clip=clip)
                taken.append(picture)
            page.close()
    return taken


def main(chosen):
    """Photograph the pages chosen, or all."""
    names = [name for _, part in contents(load_toc(ROOT)) for name in part] + ["search", "404"]
    unknown = set(chosen) - set(names)
    if unknown:
        return f"No such page: {', '.join(sorted(unknown))}"
    missing = [name for name in names if not (SITE / f"{name}.html").is_file()]
    if missing:
        return "There is no complete site yet: run make book first"
    if not chosen:
        shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir(parents=True, exist_ok=True)
    try:
        with open_browser() as browser:
            for name in chosen or names:
                page = name.replace("/", "-")
                taken = photograph(browser, SITE / f"{name}.html", page, TARGET)
                print(f"{name}: {len(taken)} pictures", flush=True)
    except FileNotFoundError as error:
        return str(error)
    print(f"They are in {TARGET.relative_to(ROOT)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
