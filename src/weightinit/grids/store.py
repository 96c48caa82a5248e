"""The file that keeps the results of a grid: a line of JSON for each cell, one writer at a time."""

import inspect
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from weightinit import _rerun
from weightinit.grids.cells import described, parsed
from weightinit.grids.identity import identity


class Store:
    """The results of one function in a file, which need not be there yet."""

    def __init__(self, path: str | os.PathLike, function: Callable) -> None:
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f"store must be the path of a file, got {path!r}")
        self.path = Path(path).absolute()
        if self.path.exists() > self.path.is_file() or not self.path.parent.is_dir():
            raise ValueError(f"store must be a file in a folder that is there, got {str(path)!r}")
        if not inspect.isfunction(function):
            raise TypeError(
                "results can be stored of a function made by def, known by its source; "
                f"got {function!r}"
            )
        name = f"{function.__module__}.{function.__qualname__}"
        self.header = {"results of": name, "source": identity(function)}

    def read(self) -> dict[str, list[dict]]:
        """Return the rows of each cell; a ValueError if the file is damaged or another's."""
        lines, torn = _lines(self.path)
        if lines or not self._first_line().startswith(torn):
            self._check_header(lines[0] if lines else torn)
        done = {}
        for number, line in enumerate(lines[1:], start=2):
            try:
                record = parsed(line)
            except (ValueError, TypeError, KeyError) as error:
                raise ValueError(
                    f"line {number} of {self.path} is damaged: {line[:80]!r}; "
                    "delete that line, and its cell is computed again"
                ) from error
            if record.keys() & done.keys():
                raise ValueError(
                    f"line {number} of {self.path} holds a cell a second time: "
                    f"delete one of the lines. It is {described(*record)}"
                )
            done |= record
        return done

    @contextmanager
    def writing(self) -> Iterator[Callable[[str], None]]:
        """Keep others from writing; yield a function that adds a line, which is safe on return."""
        if _rerun.is_rerun():
            raise RuntimeError(
                f"{self.path} lacks cells, and they would be computed with other seeds or images "
                f"than the rest: unset {_rerun.SEED_SHIFT} and {_rerun.DATA}, then complete it"
            )
        try:
            held = FileLock(f"{self.path.resolve()}.lock").acquire(timeout=0)
        except Timeout as error:
            raise RuntimeError(
                f"another run is writing to {self.path}: wait until it ends, or name another file"
            ) from error
        with held, open(self.path, "ab", buffering=0) as file:

            def add(line: str) -> None:
                left = line.encode()
                try:
                    while left:
                        left = left[file.write(left) :]
                    os.fsync(file.fileno())
                except OSError as error:
                    error.add_note(f"{self.path} keeps what was added before; call again to go on.")
                    raise

            lines, torn = _lines(self.path)
            file.truncate(file.tell() - len(torn))
            if not lines:
                add(self._first_line().decode())
            yield add

    def _first_line(self) -> bytes:
        return json.dumps(self.header).encode() + b"\n"

    def _check_header(self, line: bytes) -> None:
        try:
            found = json.loads(line)
        except ValueError:
            found = None
        if not isinstance(found, dict) or found.keys() != self.header.keys():
            raise ValueError(f"{self.path} is no store of results: name another file")
        if found != self.header:
            name, other = self.header["results of"], found["results of"]
            whose = (
                f"{other}, not {name}"
                if other != name
                else f"{name} before its source changed, if only in a comment, or something it uses"
            )
            raise ValueError(
                f"{self.path} holds results of {whose}: delete the file or name another"
            )


def _lines(path: Path) -> tuple[list[bytes], bytes]:
    """Return the lines of a file, and what was still being written when a run was killed."""
    *lines, torn = path.read_bytes().split(b"\n") if path.exists() else [b""]
    return lines, torn
