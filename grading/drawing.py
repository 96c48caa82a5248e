"""What takes a page of a student's cells too long to draw is shown in a plain way.

Feedback of all students is written by one process, and formgrader's pages by another. Colors for
code take the square of a cell's length, and more, if it is made for that; so do some formulas.
"""

import signal
import time

from nbconvert.filters import markdown2html
from nbconvert.filters.highlight import Highlight2HTML

from grading.rebuild import settings

ONE, ALL = 1.0, 5.0  # seconds of computing for one cell, and for a notebook
LEXER = "ipython3"  # with another, nbconvert reads no language of a single cell
SHOWN = 2000  # characters of a text that is slow even without formulas


class _Slow(BaseException):
    pass


def drawable(notebook):
    """Let a notebook be drawn soon, and return how many cells had to become plain.

    Parameters
    ----------
    notebook : NotebookNode
        Code loses its colors, by metadata that nbconvert reads; a text becomes a block of letters.

    Returns
    -------
    int
    """
    left, plain = ALL, 0
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": LEXER}
    for cell in notebook.cells:
        known = settings(cell)
        if known and not known["solution"]:
            continue  # ours
        code = cell.cell_type == "code"
        draw = Highlight2HTML(pygments_lexer=LEXER) if code else markdown2html
        began = time.process_time()
        if not _in_time(draw, cell.source, min(ONE, left)):
            plain += 1
            if code:
                cell.metadata["magics_language"] = "text"
            else:
                cell.source = _letters(cell.source)
        left = max(0.0, left - time.process_time() + began)
    return plain


def _letters(text):
    """Return Markdown that shows a text as it was typed, cut if that is slow, too."""
    block = "\n".join(f"    {line}" for line in text.split("\n"))
    return block if _in_time(markdown2html, block, ONE / 10) else block[:SHOWN] + "\n    (cut here)"


def _in_time(draw, text, seconds):
    """Whether drawing ends in so many seconds of computing; nothing is tried without any."""

    def stop(*_):
        raise _Slow

    if seconds <= 0:
        return len(text) < 200
    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        draw(text)
    except _Slow:
        return False
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    return True
