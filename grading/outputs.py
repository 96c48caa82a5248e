"""What cells show: text and pictures are kept, and nothing that could act in a page."""

import base64
import binascii
import functools
import math
import re

from nbconvert.filters import ansi2html
from nbformat.v4 import new_output

EMPTY = 20  # bytes that each message counts for, also an empty one
ESCAPES = 5000  # of the signs that begin a color, which take long to draw
COLOR = re.compile(r"\x1b(\[(?:[0-9]{1,3}(?:;[0-9]{1,3}){0,9})?m)?")
FLOOD = 50  # a cell that prints so many times what is kept has its kernel ended
MARKER = re.compile(rb"\xff([^\0\1\xd0-\xd9\xff])", re.S)  # of a JPEG, before what has a length
PIXELS = 25_000_000  # of a picture: a small file may take gigabytes when it is drawn
PICTURES = {"image/png": b"\x89PNG", "image/jpeg": b"\xff\xd8"}


def writable(text):
    """Return a text that a file can hold: half a pair of UTF-16 is a question mark."""
    return text.encode("utf-8", "replace").decode()


def line(text):
    r"""Return a text as one line that a terminal shows, and does not obey.

    Examples
    --------
    >>> line("a\x1b[2Jb\nc")
    'a?[2Jb?c'
    """
    return "".join(one if one.isprintable() else "?" for one in text)


def colored(text):
    r"""Return a text without codes for colors that a page cannot draw, or not in good time.

    Examples
    --------
    >>> colored("\x1b[31mred\x1b[0m \x1b[38mstops every page\x1b[2J")
    '\x1b[31mred\x1b[0m stops every page[2J'
    """
    return COLOR.sub(lambda found: found[0] if found[1] and _drawn(found[0]) else "", text)


def pixels(raw):
    r"""Return how many pixels a PNG or JPEG says that it has, 0 if it says none.

    Examples
    --------
    >>> pixels(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0\0\0\0\2")
    512
    >>> pixels(b"\xff\xd8\xff\xe0\0\4ab\xff\xff\xc2\0\x11\x08\0\3\0\5")
    15
    """
    if raw.startswith(PICTURES["image/png"]):
        return int.from_bytes(raw[16:20], "big") * int.from_bytes(raw[20:24], "big")
    at = 2
    for _ in range(1000):  # some have hundreds, for their colors
        if not (found := MARKER.search(raw, at)):
            return 0
        kind, at = found[1][0], found.end()
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):  # a frame, of any kind
            height, width = (int.from_bytes(raw[at + n : at + n + 2], "big") for n in (3, 5))
            return height * width
        at += int.from_bytes(raw[at : at + 2], "big")
    return math.inf


@functools.lru_cache(1000)
def _drawn(code):
    try:
        ansi2html(code)
    except Exception:  # such as one that says that a color follows, and none does
        return False
    return True


class Outputs:
    """What one cell shows, of which only text and pictures are kept, up to a limit."""

    def __init__(self, limit):
        self.cells, self.limit, self.bytes, self.replied = [], limit, 0, False
        self.escapes, self.full = 0, False

    def add(self, kind, content):
        """Take one message of the kernel, and nothing of it that could act in a page."""
        if kind == "clear_output":
            self.cells = []
        elif kind == "stream":
            self._text(content.get("name"), str(content.get("text", "")))
        elif kind == "error":
            lines = content.get("traceback")
            lines = [str(line) for line in lines] if isinstance(lines, list) else []
            self.error(content.get("ename"), content.get("evalue"), lines)
        elif kind in ("execute_result", "display_data"):
            data = content.get("data")
            self._shown(data if isinstance(data, dict) else {})

    def error(self, name, value, lines=()):
        """Add an error."""
        name, value = writable(str(name)[:200]), writable(str(value)[:2000])
        text = writable("\n".join(lines)) or f"{name}: {value}"
        if self._room(text):
            text = colored(text[:20_000])
            shown = {"ename": name, "evalue": value, "traceback": text.split("\n")}
            self.cells.append(new_output("error", **shown))

    def lost(self):
        """Say that there was more than could be read."""
        said = "\n... some of what was printed was lost, as it was too much at once\n"
        self.cells.append(new_output("stream", name="stderr", text=said))

    def _text(self, name, text):
        name = name if name in ("stdout", "stderr") else "stdout"
        text = writable(text)
        if not self._room(text):
            return
        text = colored(text)
        last = self.cells[-1] if self.cells else None
        if last is not None and last.output_type == "stream" and last.name == name:
            last.text += text
        else:
            self.cells.append(new_output("stream", name=name, text=text))

    def _shown(self, data):
        for kind, start in PICTURES.items():
            text = data.get(kind)
            if not isinstance(text, str):
                continue
            self.bytes += len(text)
            try:
                raw = base64.b64decode(text)
            except (binascii.Error, ValueError):
                continue
            small = raw.startswith(start) and len(raw) < 5 * 2**20 and pixels(raw) <= PIXELS
            if small and self.bytes < self.limit * FLOOD:
                picture = {kind: base64.b64encode(raw).decode()}
                self.cells.append(new_output("display_data", picture))
                return
        text = data.get("text/plain")
        if isinstance(text, str) and self._room(text):
            self.cells.append(new_output("display_data", {"text/plain": colored(writable(text))}))

    def _room(self, text):
        """Whether a text is to be kept; says once that the rest is not."""
        self.bytes += len(text) + EMPTY
        self.escapes += text.count("\x1b")
        if self.bytes <= self.limit and self.escapes <= ESCAPES:
            return True
        if not self.full:
            self.full = True
            most = f"{self.limit} bytes" if self.bytes > self.limit else f"{ESCAPES} colors"
            said = f"\n... only the first {most} are kept\n"
            self.cells.append(new_output("stream", name="stderr", text=said))
        return False
