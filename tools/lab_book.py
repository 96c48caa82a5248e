"""A Sphinx extension: the lab's page, its presets in the chapters, and its script.

- ```` ```{weight-lab} ```` is the lab itself, on its own page;
- ```` ```{lab-experiments} ```` lists `teaching/experiments.toml`, each as a link to the lab;
- `lab/presets.toml` says which preset stands after which paragraph of which chapter.

The script is joined from `lab/*.js` when a book has been built (`lab_script`).
"""

import functools
import hashlib
import shutil
import tomllib
from html import escape
from pathlib import Path

import lab_script
from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.util import logging

ROOT = Path(__file__).resolve().parents[1]
PRESETS = ROOT / "lab" / "presets.toml"
EXPERIMENTS = ROOT / "teaching" / "experiments.toml"
# Not in _static, whose scripts Jupyter Book puts on every page.
FILES = [ROOT / "lab" / name for name in ("lab.css", "lab_loader.js")]
# What a ready experiment may have below its question.
PARTS = {"shows": "What it shows", "look": "Look for", "variant": "For each student"}
PAGE = "lab"  # the page that shows nothing but the lab


def entries(path):
    """Return the tables of a TOML file that has one list of them."""
    (found,) = tomllib.loads(path.read_text(encoding="utf-8")).values()
    return found


class Lab(nodes.General, nodes.Element):
    """One lab, with the still picture that is shown until it has been loaded."""


class Experiment(nodes.Inline, nodes.TextElement):
    """A link to the lab in a certain state."""


class LabDirective(Directive):
    """The lab on its own page."""

    def run(self):
        """Return the lab."""
        return [Lab(own=True, still="variance", settings="sigma_w2=0.5", featured="sigma_w2")]


class ExperimentsDirective(Directive):
    """The list of ready experiments."""

    def run(self):
        """Return an ordered list."""
        self.state.document.settings.env.note_dependency(str(EXPERIMENTS))
        items = []
        for entry in entries(EXPERIMENTS):
            link = Experiment("", entry["title"], settings=entry["settings"])
            head = nodes.paragraph("", "", nodes.strong("", "", link))
            if entry.get("homework"):
                head += nodes.Text(" (homework)")
            asks = nodes.paragraph("", "", nodes.Text(entry["question"]))
            rest = []
            for name, words in PARTS.items():
                if name in entry:
                    rest.append(nodes.paragraph("", "", nodes.emphasis("", f"{words}. ")))
                    rest[-1] += nodes.Text(entry[name])
            items.append(nodes.list_item("", head, asks, *rest))
        return [nodes.enumerated_list("", *items, enumtype="arabic", suffix=".")]


def place_presets(app, doctree):
    """Put a chapter's preset after the text on its figure; warn if there is no such text."""
    for preset in entries(PRESETS):
        if preset["page"] != app.env.docname:
            continue
        app.env.note_dependency(str(PRESETS))
        texts = (p for p in doctree.findall(nodes.paragraph) if isinstance(p.parent, nodes.section))
        read = next((p for p in texts if p.astext().startswith(preset["after"])), None)
        if read is None:
            logging.getLogger(__name__).warning(
                "lab/presets.toml: no paragraph begins with %r", preset["after"], location=doctree
            )
            continue
        read.parent.insert(read.parent.index(read) + 1, _box(preset))


def _box(preset):
    """Return what stands in a chapter: what to try, the lab, and, folded, what to see."""
    task = nodes.paragraph("", "", nodes.strong("", "Try it. "))
    task += nodes.Text(f"{preset['question']} {preset['drag']}")
    keys = ("still", "settings", "featured", "first", "alt")
    lab = Lab(**{key: preset[key] for key in keys if key in preset})
    fold = "<details class='lab-look'><summary>What to look for</summary>"
    look = nodes.paragraph("", preset["look"])
    parts = [task, lab, nodes.raw("", fold, format="html"), look]
    parts.append(nodes.raw("", "</details>", format="html"))
    return nodes.container("", *parts, classes=["lab-preset"])


@functools.cache
def version():
    """Return what changes with the lab's files, so that no browser keeps old ones."""
    texts = [lab_script.script(), *(path.read_text(encoding="utf-8") for path in FILES)]
    return hashlib.sha256("".join(texts).encode()).hexdigest()[:8]


def visit_lab(self, node):
    """Write the element and the picture in it."""
    up = "../" * self.builder.current_docname.count("/")
    home = f"{up}{PAGE}.html"
    own = "own-address " if node.get("own") else f'home="{home}" '
    keys = [key for key in ("settings", "featured", "first") if key in node]
    given = " ".join(f'{key}="{escape(node[key])}"' for key in keys)
    alt = node.get("alt") or next(p["alt"] for p in entries(PRESETS) if p["still"] == node["still"])
    added = len(node["featured"].split()) - 1
    static = f"{up}_static"
    self.body.append(
        f'<link rel="stylesheet" href="{static}/lab.css?v={version()}">'
        f'<script defer src="{static}/lab_loader.js?v={version()}"></script>\n'
        f'<weight-lab {own}{given} style="--lab-added: {added}">'
        f'<img src="{static}/lab/{node["still"]}.svg" width="720" '
        f'height="230" loading="lazy" alt="{escape(alt)}"><noscript><p>To move this network, '
        "switch JavaScript on.</p></noscript></weight-lab>\n"
    )
    raise nodes.SkipNode


def visit_experiment(self, node):
    """Open a link to the lab in a certain state."""
    up = "../" * self.builder.current_docname.count("/")
    address = escape(f"{up}{PAGE}.html?{node['settings']}")
    self.body.append(f'<a class="reference internal" href="{address}">')


def depart_experiment(self, node):
    """Close it."""
    self.body.append("</a>")


def write_script(app, exception):
    """Write the script, and what loads it, beside the other static files."""
    if exception is None and app.builder.format == "html":
        static = Path(app.outdir) / "_static"
        (static / "lab.js").write_text(lab_script.script(), encoding="utf-8")
        for path in FILES:
            shutil.copy(path, static)


def setup(app):
    """Register with Sphinx."""
    app.add_node(Lab, html=(visit_lab, None))
    app.add_node(Experiment, html=(visit_experiment, depart_experiment))
    app.add_directive("weight-lab", LabDirective)
    app.add_directive("lab-experiments", ExperimentsDirective)
    app.connect("doctree-read", place_presets, priority=900)  # when captions have been joined
    app.connect("build-finished", write_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
