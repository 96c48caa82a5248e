"""Compare two texts: numbers by relative tolerance, everything else exactly.

There is no absolute tolerance: 1e-20 and 5e-20 differ as much as 1 and 5 do, and 0 equals only 0.
Two whole numbers ("20" and "21") are compared exactly, since a count has no rounding error. Words
such as nan and inf are text. Digits within a word ("linear1", "0x7f") belong to the word.
Runs of spaces count as one and spaces beside a number as none, since a table's padding depends on
how wide its numbers are printed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from os.path import commonprefix

NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?")
WHOLE = re.compile(r"[-+]?\d+")
SPACES = re.compile(r"[ \t]+")
MAX_SHOWN = 5  # differences named in a message; the rest are counted


@dataclass(frozen=True)
class Piece:
    """A number of a text with the words before it; the last piece has words only."""

    words: str
    number: str
    line: int  # of the number

    @property
    def first_line(self) -> int:
        """The line on which the words begin."""
        return self.line - self.words.count("\n")


def differences(stored: str, computed: str, rtol: float) -> list[str]:
    """Say where `computed` differs from `stored`; an empty list means that they agree."""
    found: list[str] = []
    if stored != computed:
        # from the first difference in the words on, the texts no longer run in parallel
        for old, new in zip(_pieces(stored), _pieces(computed), strict=False):
            if old.words != new.words or bool(old.number) != bool(new.number):
                found.append("the text differs" + _lines(stored, computed, *_parting(old, new)))
                break
            if problem := _problem(old.number, new.number, rtol):
                found.append(problem + _lines(stored, computed, old.line, new.line))
    if len(found) > MAX_SHOWN:
        return [*found[:MAX_SHOWN], f"... and {len(found) - MAX_SHOWN} more differences"]
    return found


def relative_difference(old: str, new: str) -> Decimal:
    """Distance of two printed numbers over the larger magnitude (2 for a change of sign)."""
    # Decimal, because as a float 1e-400 would be 0 and 1e400 infinite
    a, b = Decimal(old), Decimal(new)
    return abs(a - b) / max(abs(a), abs(b)) if a != b else Decimal(0)


def _problem(old: str, new: str, rtol: float) -> str | None:
    if old == new:
        return None
    if WHOLE.fullmatch(old) and WHOLE.fullmatch(new):
        return f"stored {old}, computed {new}: whole numbers must be equal"
    try:
        relative = relative_difference(old, new)
    except InvalidOperation:  # an exponent beyond even Decimal
        return f"stored {old}, computed {new}"
    if relative <= Decimal(rtol):
        return None
    return f"stored {old}, computed {new}: relative difference {relative:.2g}, tolerance {rtol:g}"


def _pieces(text: str) -> Iterator[Piece]:
    end, line = 0, 1
    for match in NUMBER.finditer(text):
        words = text[end : match.start()]
        line += words.count("\n")
        yield Piece(_words(words), match.group(), line)
        end = match.end()
    yield Piece(_words(text[end:]), "", line + text.count("\n", end))


def _words(text: str) -> str:
    return SPACES.sub(" ", text).strip(" ")


def _parting(old: Piece, new: Piece) -> tuple[int, int]:
    """Return the lines on which the words of two pieces part."""
    common = commonprefix([old.words, new.words]).count("\n")
    return old.first_line + common, new.first_line + common


def _lines(stored: str, computed: str, old: int, new: int) -> str:
    shown = [
        (text.split("\n")[number - 1 : number] or ["(the end)"])[0].strip()[:200]
        for text, number in ((stored, old), (computed, new))
    ]
    return f"\n    stored   line {old}: {shown[0]}\n    computed line {new}: {shown[1]}"
