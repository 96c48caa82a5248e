"""What every published notebook must satisfy, one small function for each rule.

A rule takes the path of a notebook and its content and yields a sentence for each fault. They look
at the stored file only; that its outputs are right is for `comparison` to find out.
"""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from nbformat import NotebookNode

from tests.notebooks import second_edition
from tests.notebooks.comparison import PICTURE, CellMetadataError, tolerance
from tools.execute_notebooks import METADATA
from tools.reading import minutes
from weightinit import claims

MAX_BYTES = 2_000_000  # a chapter of seventeen figures, which the phone of a reader has to load
MAX_LINES = 25
MAX_WIDTH = 76  # characters of an open line of code: a page 1280 pixels wide cuts longer ones
RUN_TIMES = Path(__file__).parents[2] / "benchmarks" / "chapters.json"
MIN_ALT = 40
# What outputs may hold. Other forms are not compared in every detail, or need a server behind them.
FORMS = {"text/plain", "text/html", "text/markdown", PICTURE}
# What the metadata of a code cell may hold: nothing that keeps a result from the page.
CELL_METADATA = {
    "tags": {"hide-cell", "hide-input", "remove-input", "landing"},
    "jupyter": {"source_hidden", "outputs_hidden"},
    "mystnb": {"image", "code_prompt_show", "code_prompt_hide", "markdown_format"},
    "weightinit": {"rtol", "reason"},
}

Faults = Iterator[str]


def code_cells(notebook: NotebookNode) -> Iterator[tuple[str, NotebookNode]]:
    """Yield the code cells, each with a name to call it by."""
    cells = (cell for cell in notebook.cells if cell.cell_type == "code")
    for number, cell in enumerate(cells):
        first = cell.source.strip().split("\n")[0][:50]
        yield f"Cell {number} ({first!r})", cell  # counted from 0, as nbval does


def texts(cell: NotebookNode) -> Iterator[str]:
    """Yield the source of a cell and every text in its outputs."""
    yield cell.source
    for output in cell.get("outputs", ()):
        if "text" in output:
            yield output.text
        yield repr(output.get("metadata", ""))
        for form, data in output.get("data", {}).items():
            if form != PICTURE:
                yield data if isinstance(data, str) else repr(data)


def has_picture(output: NotebookNode) -> bool:
    """Say whether an output is a picture."""
    return PICTURE in output.get("data", {})


# --- was it run, and did it run cleanly? -----------------------------------------------------


def executed_in_order(path: Path, notebook: NotebookNode) -> Faults:
    """Cells run once, from the first to the last: the reader's outputs come from that order."""
    for turn, (name, cell) in enumerate(code_cells(notebook), start=1):
        if not cell.source.strip():
            yield f"{name} is empty"
        elif cell.execution_count is None:
            yield f"{name} was never run"
        elif cell.execution_count != turn:
            yield f"{name} was run as number {cell.execution_count}, not {turn}"
        for output in cell.outputs:
            if output.get("execution_count", turn) != turn:
                yield f"{name} shows a result of run {output.execution_count}, not {turn}"


def nothing_but_results(path: Path, notebook: NotebookNode) -> Faults:
    """Nothing on stderr, no exception, and only what is compared to the last detail."""
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type not in ("code", "markdown"):
            yield f"cell {number} of all is neither code nor Markdown"
    for name, cell in code_cells(notebook):
        for output in cell.outputs:
            if output.output_type == "stream" and output.name != "stdout":
                yield f"{name} wrote to {output.name}: {output.text.strip()[:80]}"
            if output.output_type == "error":
                yield f"{name} raised {output.ename}"
            for form in sorted(output.get("data", {}).keys() - FORMS):
                yield f"{name} shows {form}; allowed: {', '.join(sorted(FORMS))}"


MARKER = re.compile(r"NBVAL_|PYTEST_VALIDATE|^\s*%+\s*(capture|matplotlib|config)\b", re.M)


def nothing_excused(path: Path, notebook: NotebookNode) -> Faults:
    """No comment, tag or magic that hides an output or undoes the description of figures."""
    for name, cell in code_cells(notebook):
        for match in MARKER.finditer(cell.source):
            yield f"{name} holds {match.group().strip()}"
        for key, value in cell.metadata.items():
            allowed = CELL_METADATA.get(key, set())
            if unknown := set(value) - allowed if allowed else {key}:
                yield f"{name} has {', '.join(sorted(unknown))} in the metadata {key}"
        try:
            tolerance(cell)
        except CellMetadataError as error:
            yield f"{name}: {error}"


# --- can everybody see it? -------------------------------------------------------------------

MARKDOWN_IMAGE = re.compile(r"!\[(?P<alt>[^\]]*)\]\(")
HTML_IMAGE = re.compile(
    r"<img\b(?:(?!\balt=)[^>])*(?:\balt=(?P<quote>[\"'])(?P<alt>.*?)(?P=quote))?"
)
DIRECTIVE_IMAGE = re.compile(
    r"^(?P<fence>`{3,}|:{3,})\{(?:image|figure)\}.*\n(?P<body>(?:.*\n)*?)(?P=fence)", re.M
)


def pictures_have_alternative_text(path: Path, notebook: NotebookNode) -> Faults:
    """Every picture is described to those who cannot see it, each in words of its own."""
    alts = []
    for name, cell in code_cells(notebook):
        if any(has_picture(output) for output in cell.outputs):
            image = cell.metadata.get("mystnb", {}).get("image", {})
            alts.append((name, str(image.get("alt") or "")))
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            alts += [(f"markdown (cell {number} of all)", alt) for alt in _alts(cell.source)]
    for name, alt in alts:
        if len(alt.strip()) < MIN_ALT:
            yield f"{name}: alternative text of {len(alt.strip())} characters, at least {MIN_ALT}"
    for alt, times in Counter(alt.strip() for _, alt in alts).items():
        if alt and times > 1:
            yield f"{times} pictures share the alternative text {alt!r}"


def _alts(source: str) -> Iterator[str]:
    for pattern in (MARKDOWN_IMAGE, HTML_IMAGE):
        for match in pattern.finditer(source):
            yield match["alt"] or ""
    for match in DIRECTIVE_IMAGE.finditer(source):
        alt = re.search(r"^:alt:(.*(?:\n[ \t]+.*)*)", match["body"], re.M)
        yield alt.group(1) if alt else ""


def figures_are_described(path: Path, notebook: NotebookNode) -> Faults:
    """A figure carries its numbers as text, one figure a cell, and no cell ends in an Axes."""
    for name, cell in code_cells(notebook):
        pictures = [output for output in cell.outputs if has_picture(output)]
        if len(pictures) > 1:
            yield f"{name} shows {len(pictures)} figures; its one alternative text fits only one"
        for output in pictures:
            if not output.data.get("text/plain", "").startswith("Figure with "):
                yield f"{name}: a figure without description; call plotting.use_style() first"
        for output in cell.outputs:
            if re.match(
                r"\[?<(Axes|matplotlib|Figure)", output.get("data", {}).get("text/plain", "")
            ):
                yield f"{name} ends in a matplotlib object; end it with plt.show()"


# --- is it fit to publish? -------------------------------------------------------------------

LOCAL_PATH = re.compile(
    r"(?<![\w.:/~+-])/(?:home|root|Users|tmp|work|usr|opt|var|mnt|private)/[^\s'\"]*"
    r"|(?<!\w)C:\\\w[^\s'\"]*|(?<!\w)[A-Z]:\\+Users\\[^\s'\"]*"
    r"|(?<![\w.:/~+-])/(?:home|root|Users|tmp|work)(?![\w/])"
)


def no_local_paths(path: Path, notebook: NotebookNode) -> Faults:
    """No path of the machine on which it was run."""
    for number, cell in enumerate(notebook.cells):
        for text in texts(cell):
            if match := LOCAL_PATH.search(text):
                yield f"cell {number} of all holds the local path {match.group()}"


def small_enough(path: Path, notebook: NotebookNode) -> Faults:
    """A file that can be opened on a phone and read in a diff."""
    if (size := path.stat().st_size) > MAX_BYTES:
        yield f"{size} bytes; at most {MAX_BYTES}"


def short_cells(path: Path, notebook: NotebookNode) -> Faults:
    """A cell shows one idea."""
    for name, cell in code_cells(notebook):
        if (lines := len(cell.source.splitlines())) > MAX_LINES:
            yield f"{name} has {lines} lines; at most {MAX_LINES}"


def narrow_code(path: Path, notebook: NotebookNode) -> Faults:
    """A line of code that is not folded fits on the page; nobody has to scroll sideways."""
    for name, cell in code_cells(notebook):
        if second_edition.FOLDED & set(cell.metadata.get("tags", ())):
            continue
        for line in cell.source.splitlines():
            if len(line) > MAX_WIDTH:
                yield f"{name}: {len(line)} characters, at most {MAX_WIDTH}: {line.strip()}"


def clean_metadata(path: Path, notebook: NotebookNode) -> Faults:
    """Nothing in the metadata that changes from run to run or from machine to machine."""
    if notebook.metadata != METADATA:
        yield f"the metadata are {notebook.metadata}, not {METADATA}"


def honest_about_time(path: Path, notebook: NotebookNode) -> Faults:
    """The minutes to read are those that words, code and figures need; the seconds, measured."""
    needed = round(minutes(notebook))
    for cell in notebook.cells:
        for stated in re.findall(r"^\*\*Time\*\*: (.*?) minutes to read", cell.source, re.M):
            if stated != str(needed):
                yield f"it states {stated} minutes to read, and needs {needed}"
        for stated in re.findall(
            r"^\*\*Time\*\*: .*?about (\d+) seconds to run", cell.source, re.M
        ):
            took = json.loads(RUN_TIMES.read_text("utf-8"))[path.stem]["seconds"]
            if not took / 1.5 <= int(stated) <= took * 1.5:  # machines differ by that much
                yield f"it states {stated} seconds to run, and was measured to take {took}"


# --- are its claims those of claims.toml? ----------------------------------------------------


def claims_match(path: Path, notebook: NotebookNode) -> Faults:
    """Each claim of this chapter has one box here, which stands, where its link points."""
    expected = {id for id, entry in claims.load().items() if entry.chapter == path.stem}
    called = Counter()
    for name, cell in code_cells(notebook):
        for call in _claim_calls(cell.source):
            argument = call.args[0] if call.args else None
            if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
                yield f"{name}: the first argument of claim must be the id, written out"
            else:
                called[argument.value] += 1
    results = list(claims.stored_results(notebook))
    shown = Counter(result.claim.id for result in results)
    for id in sorted(expected - called.keys()):
        yield f"claim {id} is in claims.toml but is never measured"
    for id in sorted(called.keys() - expected):
        yield f"claim {id} is measured but claims.toml does not list it for {path.stem}"
    for id in sorted((called.keys() & expected) - shown.keys()):
        yield f"claim {id} is measured but not shown; make it the last line of its cell"
    for id in sorted(called | shown):
        if (times := max(called[id], shown[id])) > 1:
            yield f"claim {id} has {times} boxes; hand all its evidence to one call"
    for result in results:
        for fault in result.faults:  # stored with other seeds or images
            yield f"claim {result.claim.id} is stored broken: {fault}"
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for id in sorted(expected):
        if f"({claims.load()[id].anchor})=" not in prose:
            yield f"no label ({claims.load()[id].anchor})= above the section of claim {id}"


def _claim_calls(source: str) -> Iterator[ast.Call]:
    # a magic or shell line is no Python; none of them can call claim
    source = re.sub(r"^\s*[%!].*$", "", source, flags=re.M)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            function = node.func
            if getattr(function, "id", None) == "claim" or getattr(function, "attr", "") == "claim":
                yield node


RULES = (
    executed_in_order,
    nothing_but_results,
    nothing_excused,
    pictures_have_alternative_text,
    figures_are_described,
    no_local_paths,
    small_enough,
    short_cells,
    narrow_code,
    clean_metadata,
    honest_about_time,
    claims_match,
    second_edition.figures_are_captioned,
    second_edition.within_budget,
    second_edition.text_can_be_read,
)
