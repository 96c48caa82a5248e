"""A Sphinx extension: what stands at the end of each page.

Its licences, as links; when its source was last changed, which git knows; and, of a notebook, the
versions that made its outputs. The menu that downloads a notebook says what it needs to run.
"""

import re
import shutil
import subprocess
from pathlib import Path

from sphinx.util import logging

ROOT = Path(__file__).resolve().parent.parent
LICENCES = {  # by their name on the site
    "code.txt": "LICENSE",
    "text.txt": "LICENSE-text",
    "font-of-formulas.txt": "tools/fonts/GUST-FONT-LICENSE.txt",
}
NAMED = {"torch": "PyTorch", "numpy": "NumPy", "scikit-learn": "scikit-learn"}
KERAS = {"tensorflow": "TensorFlow"}
NEEDS = ", which needs the book's package"
MONTHS = (
    "January February March April May June July August September October November December".split()
)


def last_changed(path):
    """Return the day of the last commit that changed a file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    str or None
        Such as "3 March 2026". None if git does not know: there is none, the file is not in it or
        has changes of its own, or the history was not fetched, so that its first commit is no news.
    """

    def git(*arguments):
        done = subprocess.run(
            ["git", "-C", path.parent, *arguments], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    try:
        if git("rev-parse", "--is-shallow-repository") == "true":
            return None
        if git("status", "--porcelain", "--", path.name):
            return None
        day = git("log", "-1", "--format=%cs", "--", path.name)
    except (OSError, subprocess.CalledProcessError):
        return None
    if not day:
        return None
    year, month, number = day.split("-")
    return f"{int(number)} {MONTHS[int(month) - 1]} {year}"


def versions(source, constraints):
    r"""Say which versions made the outputs of a notebook.

    Parameters
    ----------
    source : str
        The notebook's file.
    constraints : str
        The text of constraints.txt, whose first line names the Python.

    Returns
    -------
    str

    Examples
    --------
    >>> pins = "# made with, on Python 3.11.\ntorch==2.1\nnumpy==2.0\nscikit-learn==1.9\n"
    >>> versions("", pins)
    'Python 3.11, PyTorch 2.1, NumPy 2.0, scikit-learn 1.9'
    """
    python = re.search(r"on Python (\d+\.\d+)", constraints.splitlines()[0])
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)$", constraints, re.M))
    uses_keras = re.search(r"(?:import|from) (?:keras|tensorflow|weightinit\.keras)", source)
    named = NAMED | (KERAS if uses_keras else {})
    return ", ".join(
        [f"Python {python[1]}", *(f"{shown} {pins[name]}" for name, shown in named.items())]
    )


def end_page(app, pagename, templatename, context, doctree):
    """Write the last lines of a page, and what its download needs."""
    up = "../" * pagename.count("/")
    lines = [
        f'<a rel="license" href="{up}licenses/code.txt">Code: BSD-3-Clause</a> · '
        f'<a rel="license" href="{up}licenses/text.txt">Text and figures: CC BY 4.0</a>'
    ]
    if doctree is not None:
        path = Path(app.env.doc2path(pagename))
        if day := last_changed(path):
            lines.append(f"This page was last changed on {day}.")
        if path.suffix == ".ipynb":
            made = versions(
                path.read_text(encoding="utf-8"),
                (ROOT / "constraints.txt").read_text(encoding="utf-8"),
            )
            lines.append(f"Its outputs were made with {made}.")
            if not explain_download(context.get("header_buttons", ())):
                logging.getLogger(__name__).warning("no notebook to download", location=pagename)
    context["theme_extra_footer"] = "".join(f"<p>{line}</p>" for line in lines)


def explain_download(buttons):
    """Let the link to a notebook say what it needs to run; return whether there is one."""
    found = False
    for button in buttons:
        if button["type"] == "group":
            found |= explain_download(button["buttons"])
        elif button.get("label") == "download-source-button" and button["url"].endswith(".ipynb"):
            button["text"] = f"Notebook{NEEDS}"
            button["tooltip"] = (
                "Download the notebook. To run it, install the course: see Run, on the first page"
            )
            found = True
    return found


def copy_licences(app, error):
    """Put the licences onto the site, as text that a browser shows."""
    if error or app.builder.format != "html":
        return
    folder = Path(app.outdir, "licenses")
    folder.mkdir(exist_ok=True)
    for name, source in LICENCES.items():
        shutil.copyfile(ROOT / source, folder / name)


def setup(app):
    """Register with Sphinx."""
    app.connect("html-page-context", end_page, priority=700)  # after the theme's buttons
    app.connect("build-finished", copy_licences)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
