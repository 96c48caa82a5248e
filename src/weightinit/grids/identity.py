"""What decides the results of a function, as one hash: its source and all that it uses."""

from __future__ import annotations

import ast
import dataclasses
import dis
import functools
import hashlib
import importlib.util
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path, PurePath
from types import CodeType, FunctionType, ModuleType
from typing import NoReturn

import numpy as np

LIBRARY = __name__.partition(".")[0]
PLAIN = (type(None), bool, int, float, complex, str, bytes, range)
DYNAMIC = {"eval", "exec", "globals", "__import__"}
LOADS = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def identity(function: FunctionType) -> str:
    """Return a hash that changes with whatever may change the results of a function.

    That is its source without docstrings, its default arguments, and every variable, function and
    class from outside that its source names, the last two again with all that they use. What
    belongs to an installed package, or to a folder of this one other than the function's, is known
    by its name. Sources are read from their files, so reload a module that you have edited.

    Parameters
    ----------
    function : function
        Made by ``def``.

    Returns
    -------
    str
        The same for every version of Python that this package runs on.

    Raises
    ------
    TypeError
        If the hash cannot be trusted: where a source cannot be read or is that of a lambda, or
        where something is used that has a state of its own, such as a random generator.

    Examples
    --------
    >>> def made(k):
    ...     def scaled(a):
    ...         return {"v": a * k}
    ...     return scaled
    >>> identity(made(1)) == identity(made(1)), identity(made(1)) == identity(made(2))
    (True, False)
    """
    parts = _Walk(function).visit(function.__qualname__, function)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class _Walk:
    """A walk through all that a function uses; functions and classes are visited once."""

    def __init__(self, function: FunctionType) -> None:
        self.function = function
        self.package = getattr(sys.modules.get(function.__module__), "__package__", None)
        self.seen = []

    def visit(self, name: str, value: object) -> Iterator[str]:
        """Yield the texts that make up the identity of a value."""
        kind = type(value)
        yield name
        if kind in PLAIN or isinstance(value, np.generic | np.dtype | PurePath):
            yield repr(value)
        elif kind.__module__ == "torch" and kind.__name__ in ("dtype", "device"):
            yield repr(value)
        elif kind in (list, tuple, dict):
            yield kind.__name__
            for key, item in value.items() if kind is dict else enumerate(value):
                yield from self.visit(f"{name}[{key!r}]", item)
        elif kind in (set, frozenset):
            yield from sorted("\n".join(self.visit(f"one of {name}", item)) for item in value)
        elif kind is np.ndarray and not value.dtype.hasobject:
            yield f"{value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
        elif kind is functools.partial:
            yield from self.visit(name, [value.func, value.args, value.keywords])
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = dataclasses.fields(value)
            yield from self.visit(name, [kind, *(getattr(value, field.name) for field in fields)])
        elif kind is ModuleType:
            if self._is_own(value.__name__):
                self._refuse(name, "a module: name what you use of it")
            yield value.__name__
        elif not isinstance(getattr(value, "__self__", None), type | ModuleType | None) or not (
            hasattr(value, "__name__")
        ):
            self._refuse(name, f"a {kind.__qualname__}: pass what decides the results as arguments")
        else:
            yield from self._visit_named(name, value)

    def _visit_named(self, name: str, value: object) -> Iterator[str]:
        """Yield the identity of what has a name: a function, a class, or another callable."""
        module = getattr(value, "__module__", None)
        # Not the file in which a package keeps it, which may move.
        home = ".".join((module or "").split(".")[:2])
        yield f"{home}.{getattr(value, '__qualname__', value.__name__)}"
        if module is None or not self._is_own(module) or any(value is one for one in self.seen):
            return
        self.seen.append(value)
        if isinstance(value, FunctionType):
            parts = value.__defaults__, value.__kwdefaults__, vars(value)
            # Of a decorated function, this is the code that the decorator made.
            code, names = value.__code__, value.__globals__ | _closure(value)
        elif isinstance(value, type) and "<locals>" not in value.__qualname__:
            parts, code, names = value.__bases__, value, vars(sys.modules[module])
        elif hasattr(value, "__wrapped__"):  # what functools.cache makes
            yield from self.visit(name, value.__wrapped__)
            return
        else:
            self._refuse(name, "made where its source does not tell all: use def, outside")
        yield from self.visit(f"what {name} was made with", list(parts))
        try:
            source = inspect.getsource(code)
        except (OSError, TypeError):
            self._refuse(name, "whose source cannot be read")
        if value.__name__ == "<lambda>":
            self._refuse(name, "a lambda, whose source is not its own: use def")
        # An indented source cannot stand alone.
        source = f"if True:\n{source}" if source[0].isspace() else source
        tree = ast.parse(source)
        for used, found in sorted(self._used(name, compile(tree, "", "exec"), names).items()):
            yield from self.visit(used, found)
        for node in ast.walk(tree):
            if isinstance(node, DEFINITIONS) and ast.get_docstring(node) is not None:
                source = source.replace(ast.get_source_segment(source, node.body[0]), "", 1)
        yield source

    def _used(self, name: str, module: CodeType, names: dict) -> dict[str, object]:
        """Return what a source names; of modules of one's own, only what is taken from them."""
        found, (*codes,) = {}, _within(module)
        for code in codes:
            steps = list(dis.get_instructions(code))
            for at, step in enumerate(steps):
                used = step.argval
                if step.opname == "IMPORT_NAME" and self._is_own(used):
                    self._refuse(used, f"which {name} imports by itself: import it outside")
                if step.opname not in LOADS or used.startswith("__"):
                    continue
                if used in DYNAMIC and used not in names:
                    self._refuse(used, "which may do anything")
                if used not in names:
                    continue  # one of Python's own, or a name of the class itself
                value = names[used]
                while type(value) is ModuleType and self._is_own(value.__name__):
                    at += 1
                    if steps[at].opname not in ("LOAD_ATTR", "LOAD_METHOD"):
                        break
                    value = getattr(value, steps[at].argval, None)
                    used += f".{steps[at].argval}"
                found[used] = value
        return found

    def _is_own(self, name: str) -> bool:
        """Whether a module may change from one run to the next: it is not installed."""
        top = name.partition(".")[0]
        if top == LIBRARY:
            return getattr(sys.modules.get(name), "__package__", None) == self.package
        if top in sys.stdlib_module_names:
            return False
        spec = sys.modules.get(top) or importlib.util.find_spec(top)
        file = getattr(spec, "__file__", None) or getattr(spec, "origin", None)
        places = [file or "", *(getattr(spec, "__path__", None) or [])]
        return not any({"site-packages", "dist-packages"} & {*Path(p).parts} for p in places)

    def _refuse(self, name: str, why: str) -> NoReturn:
        function = self.function.__qualname__
        used = "it is" if name == function else f"it uses {name},"
        raise TypeError(f"the results of {function} cannot be stored, as {used} {why}")


def _within(code: CodeType) -> Iterator[CodeType]:
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield const
            yield from _within(const)


def _closure(function: FunctionType) -> dict:
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    return found
