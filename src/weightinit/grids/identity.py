"""What decides the results of a function, as one hash: its source and all that it uses."""

import ast
import hashlib
import inspect
import sys
from collections.abc import Iterator
from symtable import symtable
from types import FunctionType, ModuleType

import numpy as np

PLAIN = (type(None), bool, int, float, str)


def identity(function: FunctionType) -> str:
    """Return a hash that changes with what decides the results of a function made by ``def``.

    That is its source without docstrings, its default arguments, the constants that it uses, and
    the functions and classes of its own file, these again with all that they use. Modules, and what
    other files define, are known by their names. All else that it uses is a TypeError.
    """
    name = function.__qualname__
    try:
        parts = "\n".join(_parts(name, function, function.__module__, seen=set()))
    except TypeError as error:
        raise TypeError(f"the results of {name} cannot be stored: {error}") from None
    return hashlib.sha256(parts.encode()).hexdigest()


def _parts(name: str, value: object, home: str, seen: set[int]) -> Iterator[str]:
    """Yield the texts that make up the identity of a value used by a function of module `home`."""
    kind, module, inner = type(value), getattr(value, "__module__", None), []
    called = getattr(value, "__qualname__", getattr(value, "__name__", "<nothing>"))
    owner = getattr(value, "__self__", None)  # of a method an object, of math.sin a module
    # Of a class within a function, the source does not tell all.
    own = module == home and (kind is FunctionType or isinstance(value, type) and "<" not in called)
    yield name
    if kind in PLAIN or isinstance(value, np.dtype) or str(kind) == "<class 'torch.dtype'>":
        yield repr(value)
    elif (kind is np.ndarray or isinstance(value, np.generic)) and not value.dtype.hasobject:
        yield f"{value.dtype} {value.shape} {value.tobytes().hex()}"
    elif kind in (list, tuple, dict):
        yield f"{kind.__name__} of {len(value)}"
        inner = [(name, item) for item in (value.items() if kind is dict else value)]
    elif kind is ModuleType and value.__name__ != home:
        yield value.__name__
    elif own and not called.endswith("<lambda>"):
        yield called
        if id(value) not in seen:
            seen.add(id(value))
            source, inner = _read(name, value)
            yield source
    elif module in (home, None) or "<" in called or not isinstance(owner, type | ModuleType | None):
        what = "lambda" if called.endswith("<lambda>") else kind.__qualname__
        raise TypeError(f"{name} is a {what}: pass what decides the results as arguments")
    else:
        yield f"{module}.{called}"
    for used, item in inner:
        yield from _parts(used, item, home, seen)


def _read(name: str, value: FunctionType | type) -> tuple[str, list[tuple[str, object]]]:
    """Return the source of a function or class without docstrings, and what it uses, by name."""
    if isinstance(value, type):
        code, names, made = value, vars(sys.modules[value.__module__]), value.__bases__
    else:  # of a decorated function, the code that the decorator made
        names = value.__globals__ | inspect.getclosurevars(value).nonlocals
        code, made = value.__code__, (value.__defaults__, value.__kwdefaults__, vars(value))
    try:
        # From 3.13 on, Python takes the text of `python -c` for the source of all that exec makes.
        if getattr(code, "co_filename", "") == "<string>":
            raise OSError("made by exec")
        source = inspect.getsource(code)
    except OSError as error:
        raise TypeError(f"the source of {name} cannot be read") from error
    source = f"if True:\n{source}" if source[0].isspace() else source  # so that it can stand alone
    tables = symtable(source, name, "exec").get_children()
    for table in tables:  # those of functions in functions come behind
        tables += table.get_children()
    outside = {s.get_name() for table in tables for s in table.get_symbols() if s.is_global()}
    if dynamic := outside & {"eval", "exec", "globals", "__import__"} - names.keys():
        raise TypeError(f"{name} uses {dynamic.pop()}, which may do anything")
    docstrings = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            raise TypeError(f"{name} imports by itself: import at the top of its file")
        defined = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        if defined and ast.get_docstring(node) is not None:
            docstrings.append(ast.get_source_segment(source, node.body[0]))
    for docstring in docstrings:
        source = source.replace(docstring, "", 1)
    used = [(key, names[key]) for key in sorted(outside & names.keys())]
    return source, [(f"what {name} was made with", made), *used]
