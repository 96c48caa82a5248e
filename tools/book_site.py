"""A Sphinx extension: captions of figures, citations as links.

A caption is a paragraph below a figure's cell that begins with `**Figure 1.2.**`; a citation is a
link such as `[He et al. (2015)](../references.md#he2015)`. Both are plain Markdown, so that
JupyterLab and GitHub show them as well.
"""

import re

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

CAPTION = re.compile(r"Figure \d+(\.\d+)?\.$")  # of a chapter, or of a further experiment
REFERENCES = "references"  # the page with the bibliography


class Captioned(nodes.General, nodes.Element):
    """A figure and its caption: screen readers announce the one with the other."""


class Caption(nodes.Part, nodes.TextElement):
    """The caption, with the paragraph's own text."""


def is_caption(node):
    """Return whether a node is a paragraph that begins with a figure's number in bold."""
    if not isinstance(node, nodes.paragraph):
        return False
    first = next((child for child in node.children if child.astext()), None)
    return isinstance(first, nodes.strong) and CAPTION.match(first.astext()) is not None


def join_captions(app, doctree):
    """Move each caption into the output of the cell above it."""
    for paragraph in list(doctree.findall(is_caption)):
        siblings = paragraph.parent.children
        above = [
            n for n in siblings[: siblings.index(paragraph)] if not isinstance(n, nodes.target)
        ]
        outputs = [
            part
            for part in (above[-1].children if above else ())
            if isinstance(part, nodes.Element) and part.get("nb_element") == "cell_code_output"
        ]
        if not outputs:
            logging.getLogger(__name__).warning(
                "a caption must stand directly below its figure's cell", location=paragraph
            )
            continue
        paragraph.parent.remove(paragraph)
        caption = Caption(
            "", "", *paragraph.children, ids=paragraph["ids"], names=paragraph["names"]
        )
        shown, outputs[0].children = outputs[0].children, []
        outputs[0] += Captioned("", *shown, caption)


class Citations(SphinxPostTransform):
    """Let links to an entry on the page of references lead there; warn about one that is not."""

    default_priority = 5  # before MyST looks for a heading of that name

    def run(self, **kwargs):
        """Replace the links of one page."""
        keys = {citation.key for citation in self.env.get_domain("cite").citations}
        for link in list(self.document.findall(addnodes.pending_xref)):
            key = link.get("reftargetid")
            if not key or link["reftarget"] != REFERENCES:
                continue
            if key not in keys:
                logging.getLogger(__name__).warning(
                    "no entry %s among the references", key, location=link
                )
            address = self.app.builder.get_relative_uri(self.env.docname, REFERENCES)
            reference = nodes.reference("", "", internal=True, refuri=f"{address}#{key}")
            reference += link.children
            link.replace_self(reference)


def setup(app):
    """Register with Sphinx."""
    app.add_node(Captioned, html=_tags("figure", "captioned"))
    app.add_node(Caption, html=_tags("figcaption", "caption"))
    app.connect("doctree-read", join_captions)
    app.add_post_transform(Citations)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _tags(name, css_class):
    def visit(self, node):
        self.body.append(self.starttag(node, name, "", CLASS=css_class))

    def depart(self, node):
        self.body.append(f"</{name}>\n")

    return visit, depart
