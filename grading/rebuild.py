"""A submitted notebook, rebuilt from the release: the student gives only sources of cells.

Whatever may be damaged on the way, in Colab, by mail, or on purpose, comes from the release:
metadata, identities, locked cells, points, the kernel. What had to be mended is said in a note.
"""

import copy
import difflib
import json
import re
import stat
from pathlib import Path

import nbformat

LARGEST = 64 * 2**20  # bytes of a submitted notebook
LONGEST = 200_000  # characters of one cell
WORDS = 20_000  # of one with text; to draw brackets alone takes the square of their number
MOST = 500  # cells
# Commands of MathJax that set links, attributes or other commands, or draw over the lines above or
# below: a formula could cover the rubric and put another one there.
LOUD = (
    "href|Url|require|unicode|style|class|cssId|data|html[A-Za-z]*|bbox|mmlToken|enclose|toggle|"
    "texttip|mathtip|tooltip|includegraphics|[a-z]?def|let|global|Declare[A-Za-z]+|"
    "(?:re)?new(?:command|environment|tagform|columntype)|"
    "raise(?:box)?|lower|smash|[rR]ule|Space|above(?:withdelims)?|genfrac"
)
REVIEW = "REVIEW"  # a note that begins so asks a person to look


class Damaged(Exception):
    """There is no notebook to read; its text says why."""


def settings(cell):
    """Return what nbgrader knows of a cell, empty for a cell of the student's own."""
    return cell["metadata"].get("nbgrader", {})


def load(path):
    """Return the cells of a submitted notebook as ``(type, source, grade_id)``.

    Raises
    ------
    Damaged
        If it is a link, too large, or not a notebook.
    """
    path = Path(path)
    if any(part.is_symlink() for part in (path, path.parent, path.parent.parent)):
        raise Damaged("a link to another file was handed in")
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise Damaged("what was handed in is no file")
        if path.stat().st_size > LARGEST:
            raise Damaged(f"the notebook is larger than {LARGEST // 2**20} MB")
        text = path.read_bytes().decode("utf-8-sig")
        found = json.loads(text)
        sheets = found.get("worksheets") or [found]
        return [_cell(one) for sheet in sheets for one in sheet["cells"]][:MOST]
    except OSError as error:
        raise Damaged(f"the notebook cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        empty = not path.stat().st_size
        raise Damaged("the file is empty" if empty else "the file is not a notebook") from error


def _cell(cell):
    # Version 3 has "input" for code, and cells that are headings.
    source = cell.get("source", cell.get("input", ""))
    source = source if isinstance(source, str) else "".join(map(str, source))
    # A lone surrogate is valid JSON, but no text that can be written.
    source = source.encode("utf-8", "replace").decode().replace("\r\n", "\n")[:LONGEST]
    kind = cell.get("cell_type", "code")
    kind = kind if kind in ("code", "raw") else "markdown"
    metadata = cell.get("metadata")
    known = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    name = known.get("grade_id") if isinstance(known, dict) else None
    return kind, source, name if isinstance(name, str) else None


def harmless(text):
    """Return Markdown whose HTML can do nothing: no tags, links, or commands of MathJax that link.

    Pages with a student's text are opened by the instructor, whose browser may set marks. A space
    more is all that it takes, and it changes nothing in formulas.

    Examples
    --------
    >>> harmless("a <b>: <script>x</script> &#36; [go](javascript:x) $a<b$")
    'a < b>: < script>x< /script> & #36; [go] (javascript:x) $a< b$'
    """
    if len(text) > WORDS:
        text = f"{text[:WORDS]}\n\n(cut here: longer than {WORDS} characters)"
    text = re.sub(r"([<&])(?=[A-Za-z/!?#])", r"\1 ", text)
    text = re.sub(r"\](?=[(:\[])", "] ", text)
    text = re.sub(r"(```|~~~)(?=[^\S\n]*mermaid)", r"\1text ", text)
    # All backslashes, as Markdown takes some; and a space, as the letters before would join. A run
    # of them is tried from its first alone: from each, a long one would take hours.
    return re.sub(rf"(?<!\\)\\+(?=(?:{LOUD})(?![A-Za-z]))", " ", text)


def rebuild(release, cells):
    """Return the notebook to be executed, and notes on what was mended.

    Parameters
    ----------
    release : NotebookNode
        What the students were given.
    cells : list of (str, str, str or None)
        From `load`; empty for a submission that cannot be read.

    Returns
    -------
    notebook : NotebookNode
        The cells of the release with the sources of the student's answers; cells of the student's
        own follow the cell that they followed.
    notes : list of str
        Those that begin with ``REVIEW`` rest on a guess, at which a person should look.
    """
    known = {settings(cell)["grade_id"]: cell for cell in release.cells if settings(cell)}
    cells, notes = _identified(release, known, cells)
    answers, own, last, changed = {}, {None: []}, None, []
    for kind, source, name in cells:
        if name is None:
            own.setdefault(last, []).append((kind, source))
            continue
        last, cell = name, known[name]
        if not settings(cell)["solution"]:
            if source.strip() != cell.source.strip():
                changed.append(name)
        elif name not in answers or source.strip() != cell.source.strip():
            # Of two copies the last that was worked on counts.
            if name in answers and answers[name][1].strip() != cell.source.strip():
                notes.append(f"{REVIEW}: two answers in {name}, the last one counts")
            answers[name] = kind, source
    if changed:
        notes.append(f"locked cells changed, taken from the release: {', '.join(changed)}")
    if missing := [name for name in known if name not in {one[2] for one in cells}]:
        notes.append(f"missing cells put back: {', '.join(missing)}")
    return _assembled(release, answers, own, notes), notes


def _assembled(release, answers, own, notes):
    notebook, built = copy.deepcopy(release), [_own(*one) for one in own[None]]
    for cell in notebook.cells:
        name = settings(cell).get("grade_id")
        if name in answers:
            kind, source = answers[name]
            if kind != cell.cell_type:
                notes.append(f"type of cell changed, taken from the release: {name}")
            cell.source = source if cell.cell_type == "code" else harmless(source)
        built += [cell, *(_own(*one) for one in own.get(name, []) if name)]
    for number, cell in enumerate(built):
        cell["id"] = settings(cell).get("grade_id", f"own-{number}")
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.cells = built
    return notebook


def _own(kind, source):
    if kind == "code":
        return nbformat.v4.new_code_cell(source)
    return nbformat.v4.new_markdown_cell(harmless(source))


def _identified(release, known, cells):
    """Return the cells with identities that exist, guessed for those that have lost theirs."""
    cells = [(kind, text, name if name in known else None) for kind, text, name in cells]
    found, notes = {name for _, _, name in cells}, []
    lost = [
        cell for cell in release.cells if settings(cell).get("grade_id", "") not in found | {""}
    ]
    lost.sort(key=lambda cell: settings(cell)["solution"])  # locked ones are sure, and give places
    for cell in lost:
        name = settings(cell)["grade_id"]
        free = [at for at, one in enumerate(cells) if one[2] is None]
        at = _likely(release, cell, cells, free)
        if at is not None:
            cells[at] = *cells[at][:2], name
            if settings(cell)["solution"]:
                notes.append(f"{REVIEW}: identity of {name} was lost, found by its text or place")
    return cells, notes


def _likely(release, cell, cells, free):
    """Return the place of a cell among those without identity, or ``None``."""
    same = [at for at in free if cells[at][1].strip() == cell.source.strip()]
    if same:
        return same[0]
    if not settings(cell)["solution"]:
        return None
    names = set(re.findall(r"^def (\w+)", cell.source, re.M)) if cell.cell_type == "code" else set()
    if names:
        defines = [at for at in free if names & {*re.findall(r"^def (\w+)", cells[at][1], re.M)}]
        return defines[-1] if defines else None
    order = [settings(one).get("grade_id") for one in release.cells]
    before = order[order.index(settings(cell)["grade_id"]) - 1]
    places = [at for at, one in enumerate(cells) if one[2] == before]
    if places and places[-1] + 1 in free and cells[places[-1] + 1][0] == cell.cell_type:
        return places[-1] + 1
    return _alike(cell.source, {at: cells[at][1][:5000] for at in free})


def _alike(source, texts):
    """Return the key of the text that is most like a source, if one is like it at all."""
    most, best, matcher = 0.6, None, difflib.SequenceMatcher(None, "", source)
    for at, text in texts.items():
        matcher.set_seq1(text)
        # The first two are quick, and never smaller than the third.
        bounds = (matcher.real_quick_ratio, matcher.quick_ratio, matcher.ratio)
        if all(bound() > most for bound in bounds):
            most, best = matcher.ratio(), at
    return best
