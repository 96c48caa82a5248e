"""A small notebook for the tests of the checks: what is in it, and how to spoil each cell.

It is stored executed, as the chapters are, in `honest_notebook.json` (a name under which it is not
run as one of them). After a change: ``python -m tests.notebooks.honest_notebook``.
"""

from __future__ import annotations

import base64
import copy
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
import numpy as np
from matplotlib.image import imread, imsave
from nbformat import NotebookNode, v4

from tools.execute_notebooks import METADATA

STORED = Path(__file__).with_suffix(".json")
ALT = "A falling curve with its quartile band, drawn only to test the checks; cell "

SETUP = """\
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display
from weightinit import plotting
from weightinit.claims import claim, evidence

plotting.use_style()
plt.rcParams.update({"figure.figsize": (3, 2), "figure.dpi": 60})"""

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

# The claims that are measured here, one for each way to spoil one.
CLAIMS = "1.0 1.1 1.2 1.3 1.4 1.5 1.6 2.0 2.1 2.2 2.3".split()


def measured_claim(id: str) -> str:
    """Return the code of a cell that measures this claim."""
    return f"""\
slope = 0.25
claim("{id}",
      evidence("products of slopes",
               [slope**10, slope**11, slope**12], at_most=1e-5,
               control=("slope 0.9", 0.9**10)),
      evidence("largest slope", slope, at_most=0.9))"""


TABLE = "pd.DataFrame({'layer': [1, 2], 'rms': [2.5e-20, 0.25]})"
TWO = "display('one', 'two')"

Spoiler = Callable[[NotebookNode], None]


@dataclass(frozen=True)
class Case:
    """A cell, what spoils it, and what the failure then says (None: it still passes)."""

    name: str
    source: str
    spoil: Spoiler | None = None
    says: str | None = None
    metadata: dict | None = None


# --- how to spoil a cell ---------------------------------------------------------------------


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


def in_turn(change: int | None) -> Spoiler:
    """Change the execution count, or remove it."""

    def spoil(cell):
        cell.execution_count = None if change is None else cell.execution_count + change

    return spoil


def settings(entry) -> Spoiler:
    """Store this in the cell's own metadata."""
    return lambda cell: cell.metadata.update(weightinit=entry)


def outputs(change: Callable[[list], list]) -> Spoiler:
    """Replace the list of outputs."""
    return lambda cell: cell.update(outputs=change(cell.outputs))


def output(change: Callable[[NotebookNode], object]) -> Spoiler:
    """Change the first output."""
    return lambda cell: change(cell.outputs[0])


def measured(change: Callable[[NotebookNode], object]) -> Spoiler:
    """Change the stored numbers of a claim's first piece of evidence."""
    return lambda cell: change(cell.outputs[0].metadata["weightinit"]["evidence"][0])


def picture(change: Callable[[np.ndarray], np.ndarray]) -> Spoiler:
    """Change the pixels of the stored picture: rows, columns, and colours with opacity."""

    def spoil(cell):
        data = cell.outputs[0].data
        pixels = imread(io.BytesIO(base64.b64decode(data["image/png"])))
        file = io.BytesIO()
        imsave(file, np.ascontiguousarray(change(pixels)), format="png")
        data["image/png"] = base64.b64encode(file.getvalue()).decode()

    return spoil


def _paler(pixels):
    """Lighten everything that is not white, by as little as an eye sees."""
    drawn = (pixels[..., :3] < 0.8).any(axis=-1)
    pixels[drawn, :3] = np.minimum(1, pixels[drawn, :3] + 0.15)
    return pixels


def _without_marker(pixels):
    """Paint a square of four by four pixels in the middle black."""
    row, column = (size // 2 for size in pixels.shape[:2])
    pixels[row : row + 4, column : column + 4, :3] = 1 - pixels[row, column, :3].round()
    return pixels


def _transparent(pixels):
    pixels[..., 3] = 0.5
    return pixels


def _not_a_picture(shown):
    shown.data["image/png"] = base64.b64encode(b"not a picture").decode()


def _half_a_picture(shown):
    data = shown.data["image/png"]
    shown.data["image/png"] = data[: len(data) // 8 * 4]


def _not_base64(shown):
    shown.data["image/png"] = "a"


def _excused(cell):
    cell.source = "# NBVAL_IGNORE_OUTPUT\n# NBVAL_SKIP\n" + cell.source
    cell.metadata["tags"] = ["nbval-ignore-output", "nbval-skip", "skip-execution"]
    stored("1.5", "2.5")(cell)


def _announced_exception(cell):
    cell.source = "# NBVAL_RAISES_EXCEPTION\n1 / 0"
    cell.metadata["tags"] = ["raises-exception"]
    error = v4.new_output("error", ename="ZeroDivisionError", evalue="division by zero")
    cell.outputs = [error]


def _another_jpeg(shown):
    shown.data["image/jpeg"] = shown.data["image/png"]


LOOSE = {"weightinit": {"rtol": 1e-4, "reason": "stands for a trained network"}}
HTML = "text/html"
ONE_MORE = v4.new_output("display_data", {"text/plain": "one more"})
DIFFER = "of the picture's pixels differ"

CASES = (
    Case("setup", SETUP),
    # figures
    Case("curve", CURVE, stored("1e-08", "1.00001e-08"), "stored 1.00001e-08, computed 1e-08"),
    Case("label", CURVE, stored("'gradient'", "'gradients'"), "the text differs"),
    Case(
        "no picture",
        CURVE,
        output(lambda shown: shown.data.pop("image/png")),
        "stored outputs: display_data (text/plain)",
    ),
    Case("mirrored", CURVE, picture(lambda pixels: pixels[:, ::-1]), DIFFER),
    Case("paler", CURVE, picture(_paler), DIFFER),
    Case("no marker", CURVE, picture(_without_marker), DIFFER),
    Case("transparent", CURVE, picture(_transparent), DIFFER),
    Case("cut", CURVE, picture(lambda pixels: pixels[:-1]), "the stored picture has shape"),
    Case("not a picture", CURVE, output(_not_a_picture), "the stored picture cannot be read"),
    Case("half a picture", CURVE, output(_half_a_picture), "the stored picture cannot be read"),
    Case("not base64", CURVE, output(_not_base64), "the stored picture cannot be read"),
    Case("another form", CURVE, output(_another_jpeg), "stored outputs: display_data (image/jpeg"),
    Case(
        "narrow",
        CURVE,
        output(lambda shown: shown.metadata.update({"image/png": {"width": 10}})),
        "output 1, metadata: the text differs",
    ),
    Case("swapped legend", LEGEND, source("[::-1]", ""), DIFFER),
    Case("band", BAND, source("[0.25,", "[0.20,"), "text/plain: stored -"),
    # claims
    Case("claim broken", measured_claim("1.0"), source("0.25", "0.65"), "no longer supported:"),
    Case(
        "claim number",
        measured_claim("1.1"),
        measured(lambda m: m.measured.__setitem__(1, m.measured[1] * 1.01)),
        "relative difference 0.0099",
    ),
    Case(
        "claim bound",
        measured_claim("1.2"),
        measured(lambda m: m.update(at_most=2e-5)),
        "output 1, metadata: stored 2e-05, computed 1e-05",
    ),
    Case(
        "claim source",
        measured_claim("1.3"),
        measured(lambda m: m.update(source="x")),
        "computed line",
    ),
    Case(
        "claim control",
        measured_claim("1.4"),
        measured(lambda m: m.update(control_median=0.4)),
        "output 1, metadata: stored 0.4, computed 0.34867844",
    ),
    Case(
        "control removed",
        measured_claim("1.5"),
        measured(lambda m: m.update(control=None, control_median=None, control_runs=0)),
        "the stored claim cannot be read: claim 1.5 has no control",
    ),
    Case("control kept", measured_claim("1.6"), source("9**10", "1**10"), "the check cannot fail"),
    Case(
        "claim unreadable",
        measured_claim("2.0"),
        output(lambda shown: shown.metadata["weightinit"].pop("claim")),
        "claim cannot be read",
    ),
    Case(
        "claim unmeasured",
        measured_claim("2.1"),
        output(lambda shown: shown.metadata.clear()),
        "stored outputs: execute_result (text/html, text/plain)\n",
    ),
    Case(
        "claim text",
        measured_claim("2.2"),
        stored("2.384e-07", "2.384e-08"),
        "the stored text/plain of the claim is not what its numbers",
    ),
    Case(
        "claim shown",
        measured_claim("2.3"),
        stored("2.384e-07", "2.384e-08", HTML),
        "the stored text/html of the claim is not what its numbers",
    ),
    # numbers and words
    Case("tiny", "print(1e-20)", stored("1e-20", "5e-20"), "relative difference 0.8,"),
    Case("zero", "print(0.0)", stored("0.0", "1e-300"), "relative difference 1,"),
    Case("count", "print(20)", stored("20", "21"), "whole numbers must be equal"),
    Case("sign", "print(-0.5)", stored("-0.5", "0.5"), "relative difference 2,"),
    Case("digit", "print(0.123456)", stored("3456", "3457"), "relative difference 0.0000081,"),
    Case("near", "print(1.5)", stored("1.5", "1.5000016"), "relative difference 0.0000011,"),
    Case("nearer", "print(1.5)", stored("1.5", "1.5000014")),
    Case("nan", "print(float('nan'))", stored("nan", "0.5"), "computed line 1: nan"),
    Case("words", "print('rises')", stored("rises", "falls"), "the text differs"),
    Case("capital", "print('Rises')", stored("Rises", "rises"), "the text differs"),
    Case("table", TABLE, stored("2.500000e-20", "2.600000e-20", HTML), "text/html: stored 2.6"),
    Case("table as text", TABLE, stored("2.500000e-20", "2.6e-20"), "text/plain: stored 2.6"),
    # outputs
    Case("output removed", "print(1)", outputs(lambda old: []), "stored outputs: none"),
    Case(
        "output added",
        "print(1)",
        outputs(lambda old: [*old, ONE_MORE]),
        "stored outputs: stream (stdout); display_data (text/plain)",
    ),
    Case("outputs swapped", TWO, outputs(lambda old: old[::-1]), "stored   line 1: 'two'"),
    Case(
        "kinds swapped",
        "print('one')\ndisplay('two')",
        outputs(lambda old: old[::-1]),
        "stored outputs: display_data (text/plain); stream (stdout)",
    ),
    Case("output of two removed", TWO, outputs(lambda old: old[:1]), "computed outputs: display_"),
    Case("second output", TWO, outputs(lambda old: [old[0], ONE_MORE]), "output 2, text/plain"),
    Case(
        "another type",
        "1.5",
        output(lambda shown: shown.update(output_type="display_data")),
        "stored outputs: display_data (text/plain)\ncomputed outputs: execute_result",
    ),
    Case(
        "another stream",
        "print(1)",
        output(lambda shown: shown.update(name="stderr")),
        "stored outputs: stream (stderr)",
    ),
    # order and excuses
    Case("never run", "a = 1", in_turn(None), "was never run"),
    Case("never run, shown", "print(2)", in_turn(None), "Unrun reference cell has outputs"),
    Case("too early", "b = 2", in_turn(-1), "was run as number"),
    Case("too late", "b = 3", in_turn(+1), "was run as number"),
    Case("excused", "print(1.5)", _excused, "stored 2.5, computed 1.5"),
    Case("exception", "print(1)", _announced_exception, "Cell execution caused an exception"),
    # a cell's own tolerance
    Case("no reason", "c = 3", settings({"rtol": 1e-4}), "must also give a reason"),
    Case("blank reason", "c = 4", settings({"rtol": 1e-4, "reason": " "}), "give a reason"),
    Case("too loose", "d = 4", settings({"rtol": 0.1, "reason": "x"}), "at most 0.01, got 0.1"),
    Case("no tolerance", "d = 5", settings({"rtol": 0, "reason": "x"}), "above 0 and at most"),
    Case("below zero", "d = 6", settings({"rtol": -1e-4, "reason": "x"}), "above 0 and at most"),
    Case("true", "d = 7", settings({"rtol": True, "reason": "x"}), "got True"),
    Case("in words", "d = 8", settings({"rtol": "1e-4", "reason": "x"}), "got '1e-4'"),
    Case("misspelt", "e = 5", settings({"atol": 1}), "may hold rtol with reason"),
    Case("not a table", "e = 6", settings(["rtol"]), "may hold rtol with reason"),
    Case("tolerated", "print(3.14159265)", stored("3.14159265", "3.1416"), None, LOOSE),
    Case("not tolerated", "print(3.14159265)", stored("3.14159265", "3.1426"), "tol", LOOSE),
    Case("counted", "print(31415)", stored("31415", "31416"), "whole numbers must be", LOOSE),
    Case("untouched", "print('still', 42)"),
)


# --- the notebook ----------------------------------------------------------------------------


def unexecuted() -> NotebookNode:
    """Return the notebook as its author writes it."""
    notebook = v4.new_notebook(metadata=nbformat.from_dict(METADATA))
    labels = "\n".join(f"(claim-{id.replace('.', '-')})=" for id in CLAIMS)
    title = f"# A test\n\n{labels}\n## A section"
    notebook.cells = [v4.new_markdown_cell(title, id="title")]
    for number, case in enumerate(CASES):
        alt = {"mystnb": {"image": {"alt": ALT + case.name}}} if "plt.show" in case.source else {}
        metadata = nbformat.from_dict({**alt, **(case.metadata or {})})
        notebook.cells.append(v4.new_code_cell(case.source, metadata=metadata, id=f"case-{number}"))
    return notebook


def honest() -> NotebookNode:
    """Return the notebook as it is stored, executed."""
    return nbformat.read(STORED, as_version=4)


def honest_and_spoilt() -> NotebookNode:
    """Return a notebook that holds each cell twice: honest first, then all of them spoilt."""
    notebook, spoilt = honest(), honest()
    cells = [cell for cell in spoilt.cells if cell.cell_type == "code"]
    for turn, (case, cell) in enumerate(zip(CASES, cells, strict=True), start=1):
        cell.id += "-spoilt"
        cell.execution_count = len(CASES) + turn
        if case.spoil:
            case.spoil(cell)
    notebook.cells += copy.deepcopy(cells)
    return notebook


def find(notebook: NotebookNode, name: str) -> NotebookNode:
    """Return the cell of the case with this name."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return cells[[case.name for case in CASES].index(name)]


if __name__ == "__main__":
    from tools.execute_notebooks import execute

    nbformat.write(unexecuted(), STORED)
    execute(STORED)
