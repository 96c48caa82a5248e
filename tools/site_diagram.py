"""A Sphinx extension: the directive `layer-diagram`, the drawing of a layer with a caption.

The drawing, _static/layer.svg, becomes part of the page, so that its colours follow the theme.
"""

from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

DRAWING = Path(__file__).resolve().parent.parent / "_static" / "layer.svg"


class LayerDiagram(SphinxDirective):
    """The drawing; the directive's content is its caption."""

    has_content = True

    def run(self):
        """Make a figure of the drawing and the caption."""
        self.assert_has_content()
        self.env.note_dependency(str(DRAWING))
        caption = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, caption)
        drawing = DRAWING.read_text(encoding="utf-8")
        return [
            nodes.raw("", f'<figure class="diagram">{drawing}<figcaption>', format="html"),
            *caption.children,
            nodes.raw("", "</figcaption></figure>", format="html"),
        ]


def setup(app):
    """Register with Sphinx."""
    app.add_directive("layer-diagram", LayerDiagram)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
