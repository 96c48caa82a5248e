"""A small notebook for the tests of the checks: what is in it, and how to spoil each cell.

Every cell has its own spoiler, so one spoilt copy shows for all of them at once whether a fault
is found, and whether an untouched cell beside it still passes.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass

import nbformat
from matplotlib.image import imread, imsave
from nbclient import NotebookClient
from nbformat import NotebookNode, v4

ALT = "A falling curve with its quartile band, drawn only to test the checks; cell "

CURVE = """\
figure, axes = plt.subplots()
axes.semilogy([1, 2, 3], [1e-12, 1e-8, 1e-4], label="gradient")
axes.legend()
plt.show()"""

# The description lists the legend's words, not the colour beside each.
LEGEND = """\
figure, axes = plt.subplots()
lines = axes.plot([1, 2], [1, 2]) + axes.plot([1, 2], [2, 1])
axes.legend(lines[::-1], ["rises", "falls"])
plt.show()"""

BAND = """\
walks = np.random.default_rng(0).normal(size=(20, 5)).cumsum(axis=1)
low, high = np.quantile(walks, [0.25, 0.75], axis=0)
plt.fill_between(range(5), low, high, label="quartiles")
plt.show()"""

CLAIM = """\
slope = 0.25
claim("1.1", [slope**10, slope**11, slope**12], at_most=1e-5, source="products of slopes")"""

Spoiler = Callable[[NotebookNode], None]


@dataclass(frozen=True)
class Case:
    """A cell, what spoils it, and what the failure then says (None: it still passes)."""

    name: str
    source: str
    spoil: Spoiler | None = None
    says: str | None = None
    metadata: dict | None = None


def stored(old: str, new: str, form: str = "text/plain") -> Spoiler:
    """Replace a piece of the stored output."""

    def spoil(cell):
        output = cell.outputs[0]
        holder, key = (output, "text") if "text" in output else (output.data, form)
        assert old in holder[key], f"{old!r} not in {holder[key]!r}"
        holder[key] = holder[key].replace(old, new, 1)

    return spoil


def source(old: str, new: str) -> Spoiler:
    """Replace a piece of the code, as an author might who forgets to run the cell again."""

    def spoil(cell):
        assert old in cell.source
        cell.source = cell.source.replace(old, new, 1)

    return spoil


def in_turn(count: int | None) -> Spoiler:
    return lambda cell: cell.update(execution_count=count)


def settings(**entry) -> Spoiler:
    return lambda cell: cell.metadata.update(weightinit=entry)


def _remove_outputs(cell):
    cell.outputs = []


def _add_output(cell):
    cell.outputs.append(v4.new_output("display_data", {"text/plain": "one more"}))


def _remove_picture(cell):
    del cell.outputs[0].data["image/png"]


def _another_picture(cell):
    """Store a picture of the same size that shows something else: mirrored."""
    pixels = imread(io.BytesIO(base64.b64decode(cell.outputs[0].data["image/png"])))
    file = io.BytesIO()
    imsave(file, pixels[:, ::-1], format="png")
    cell.outputs[0].data["image/png"] = base64.b64encode(file.getvalue()).decode()


def _change_claimed_number(cell):
    cell.outputs[0].metadata["weightinit"]["measured"][1] *= 1.01


def _ignore_output(cell):
    cell.source = "# NBVAL_IGNORE_OUTPUT\n" + cell.source
    cell.metadata["tags"] = ["nbval-ignore-output", "nbval-skip"]
    stored("1.5", "2.5")(cell)


LOOSE = {"weightinit": {"rtol": 1e-4, "reason": "stands for a trained network"}}
HTML = "text/html"
TABLE = "pd.DataFrame({'layer': [1, 2], 'rms': [2.5e-20, 0.25]})"

CASES = (
    Case(
        "setup",
        "import sys\nimport matplotlib.pyplot as plt\nimport numpy as np\nimport pandas as pd\n"
        "from weightinit import plotting\nfrom weightinit.claims import claim\n\n"
        "plotting.use_style()",
    ),
    Case("curve", CURVE, stored("1e-08", "1.00001e-08"), "stored 1.00001e-08, computed 1e-08"),
    Case("label", CURVE, stored("'gradient'", "'gradients'"), "the text differs"),
    Case("picture", CURVE, _remove_picture, "stored outputs: display_data (text/plain)"),
    Case("other picture", CURVE, _another_picture, "of the picture's pixels differ"),
    Case("swapped legend", LEGEND, source("[::-1]", ""), "of the picture's pixels differ"),
    Case("band", BAND, source("[0.25,", "[0.20,"), "text/plain: stored -"),
    Case("claim broken", CLAIM, source("0.25", "0.65"), "claim 1.1 is no longer supported"),
    Case("claim number", CLAIM, _change_claimed_number, "relative difference 0.0099"),
    Case("claim text", CLAIM, stored("2.384e-07", "2.384e-08"), "not what its numbers"),
    Case(
        "claim shown",
        CLAIM,
        stored("2.384e-07", "2.384e-08", "text/markdown"),
        "the stored text/markdown of the claim is not what its numbers",
    ),
    Case("tiny", "print(1e-20)", stored("1e-20", "5e-20"), "relative difference 0.8,"),
    Case("zero", "print(0.0)", stored("0.0", "1e-300"), "relative difference 1,"),
    Case("count", "print(20)", stored("20", "21"), "whole numbers must be equal"),
    Case("sign", "print(-0.5)", stored("-0.5", "0.5"), "relative difference 2,"),
    Case("nan", "print(float('nan'))", stored("nan", "0.5"), "computed line 1: nan"),
    Case("words", "print('rises')", stored("rises", "falls"), "the text differs"),
    Case("table", TABLE, stored("2.500000e-20", "2.600000e-20", HTML), "text/html: stored 2.6"),
    Case("output removed", "print(1)", _remove_outputs, "stored outputs: none"),
    Case("output added", "print(1)", _add_output, "stored outputs: stream (stdout); display"),
    Case("never run", "a = 1", in_turn(None), "was never run"),
    Case("out of order", "b = 2", in_turn(1), "was run as number 1"),
    Case("excused", "print(1.5)", _ignore_output, "stored 2.5, computed 1.5"),
    Case("no reason", "c = 3", settings(rtol=1e-4), "must also give a reason"),
    Case("too loose", "d = 4", settings(rtol=0.1, reason="x"), "at most 0.01, got 0.1"),
    Case("misspelt", "e = 5", settings(atol=1), "unknown in the cell's metadata: atol"),
    Case("tolerated", "print(3.14159265)", stored("3.14159265", "3.1416"), None, LOOSE),
    Case("not tolerated", "print(3.14159265)", stored("3.14159265", "3.1426"), "tol", LOOSE),
    Case("untouched", "print('still', 42)"),
)


def honest() -> NotebookNode:
    """Return the notebook, executed as a published one is."""
    notebook = v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    )
    notebook.cells = [v4.new_markdown_cell("# A test\n\n(claim-1-1)=\n## A section")]
    for case in CASES:
        alt = {"mystnb": {"image": {"alt": ALT + case.name}}} if "plt." in case.source else {}
        metadata = {**alt, **(case.metadata or {})}
        notebook.cells.append(v4.new_code_cell(case.source, metadata=metadata))
    NotebookClient(notebook, timeout=60, record_timing=False).execute()
    return nbformat.from_dict(notebook)


def find(notebook: NotebookNode, name: str) -> NotebookNode:
    """Return the cell of the case with this name."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return cells[[case.name for case in CASES].index(name)]
