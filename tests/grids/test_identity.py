"""How a store knows its function: by what its file says of it, or not at all."""

import importlib
import sys

import numpy as np
import pytest

from weightinit.grids import run_grid
from weightinit.grids.identity import identity


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Return a function that writes a module and imports it anew."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    names = []

    def write(source, name="edited"):
        (tmp_path / f"{name}.py").write_text(source)
        for known in names:  # what imported it has the old one
            sys.modules.pop(known, None)
        names.append(name)
        importlib.invalidate_caches()
        return importlib.import_module(name)

    yield write
    for name in names:
        sys.modules.pop(name, None)


# Two versions of a module that defines f(x); the results of the second are others.
USES = "def f(x):\n    return {'v': x * k}\n"
HELPED = "def f(x):\n    return {'v': helper(x)}\n"
CHANGED = {
    "source": ("def f(x):\n    return {'v': x}\n", "def f(x):\n    return {'v': -x}\n"),
    "default": ("def f(x, k=1):\n    return {'v': k}\n", "def f(x, k=2):\n    return {'v': k}\n"),
    "default from a variable": [f"K = {k}\ndef f(x, y=K):\n    return {{'v': y}}\n" for k in "12"],
    "default for a keyword": [f"K = {k}\ndef f(x, *, y=K):\n    return {{'v': y}}\n" for k in "12"],
    "variable": (f"k = 1\n{USES}", f"k = 2\n{USES}"),
    "kind of a variable": (f"k = 1\n{USES}", f"k = 1.0\n{USES}"),
    "sign of a zero": (f"k = 0.0\n{USES}", f"k = -0.0\n{USES}"),
    "text": (f"k = 'a'\n{USES}", f"k = 'b'\n{USES}"),
    "item": [f"D = {{'a': [1, {n}]}}\ndef f(x):\n    return {{'v': D['a'][1]}}\n" for n in "12"],
    "order": [f"D = {d}\ndef f(x):\n    return {{'v': D[0]}}\n" for d in ("[1, 2]", "[2, 1]")],
    "array": [
        f"import numpy as np\nk = np.array([1.0, {n}])\ndef f(x):\n    return {{'v': k[1]}}\n"
        for n in "12"
    ],
    "shape of an array": [
        f"import numpy as np\nk = np.ones({n})\ndef f(x):\n    return {{'v': k.shape[0]}}\n"
        for n in ("(2, 3)", "(3, 2)")
    ],
    "helper": [f"def helper(x):\n    return x + {n}\n{HELPED}" for n in "12"],
    "helper of a helper": [
        f"def inner(x):\n    return x + {n}\ndef helper(x):\n    return inner(x)\n{HELPED}"
        for n in "12"
    ],
    "variable of a helper": [f"k = {n}\ndef helper(x):\n    return k\n{HELPED}" for n in "12"],
    "default of a helper": [f"k = {n}\ndef helper(x, y=k):\n    return y\n{HELPED}" for n in "12"],
    "helper under the same name": [
        f"def one(x):\n    return 1\ndef two(x):\n    return 2\nhelper = {n}\n{HELPED}"
        for n in ("one", "two")
    ],
    "helper of NumPy": [f"import numpy as np\nhelper = np.{n}\n{HELPED}" for n in ("sin", "cos")],
    "helper of Python": [f"import math\nhelper = math.{n}\n{HELPED}" for n in ("sin", "cos")],
    "helper built in": [f"helper = {n}\n{HELPED}" for n in ("abs", "bool")],
    "attribute of a function": [f"def f(x):\n    return {{'v': f.k}}\nf.k = {n}\n" for n in "12"],
    "recursion": [
        f"k = {n}\ndef f(x):\n    return {{'v': f(x - 1)['v'] + k if x else 0}}\n" for n in "12"
    ],
    "comprehension": [
        f"k = {n}\ndef f(x):\n    return {{'v': sum([k for _ in 'ab'])}}\n" for n in "12"
    ],
    "inner function": [
        f"k = {n}\ndef f(x):\n    def g():\n        return (lambda: k)()\n    return {{'v': g()}}\n"
        for n in "12"
    ],
    "closure": [
        f"def make(k):\n    def f(x):\n        return {{'v': x * k}}\n    return f\nf = make({n})\n"
        for n in "12"
    ],
    "function in a closure": [
        "def one(x):\n    return 1\ndef two(x):\n    return 2\n"
        "def make(g):\n    def f(x):\n        return {'v': g(x)}\n    return f\n"
        f"f = make({n})\n"
        for n in ("one", "two")
    ],
    "closure of a closure": [
        "def make(k):\n    def g(x):\n        return k\n"
        "    def f(x):\n        return {'v': g(x)}\n    return f\n"
        f"f = make({n})\n"
        for n in "12"
    ],
    "decorator": [
        "import functools\ndef times(k):\n    def decorate(g):\n        @functools.wraps(g)\n"
        "        def wrapped(x):\n            return {'v': k * g(x)['v']}\n        return wrapped\n"
        f"    return decorate\nK = {n}\n@times(K)\ndef f(x):\n    return {{'v': x}}\n"
        for n in "12"
    ],
    "decorated function": [
        "def plain(g):\n    def wrapped(x):\n        return g(x)\n    return wrapped\n"
        f"@plain\ndef f(x):\n    return {{'v': {n}}}\n"
        for n in "12"
    ],
    "source of a decorator": [
        "import functools\ndef deco(g):\n    @functools.wraps(g)\n    def wrapped(x):\n"
        f"        return {{'v': {n} * g(x)['v']}}\n    return wrapped\n"
        "@deco\ndef f(x):\n    return {'v': x}\n"
        for n in "12"
    ],
    "class": [
        f"class C:\n    def get(self):\n        return {n}\n"
        "def f(x):\n    return {'v': C().get()}\n"
        for n in "12"
    ],
    "variable in a method": [
        f"k = {n}\nclass C:\n    def get(self):\n        return k\n"
        "def f(x):\n    return {'v': C().get()}\n"
        for n in "12"
    ],
    "base class": [
        f"class B:\n    k = {n}\nclass C(B):\n    pass\ndef f(x):\n    return {{'v': C.k}}\n"
        for n in "12"
    ],
    "closure over a global of the same name": [
        "k = 5\ndef make(k):\n    def f(x):\n        return {'v': x * k}\n    return f\n"
        f"f = make({n})\n"
        for n in "12"
    ],
    "variable in the body of a class": [
        f"k = {n}\nclass C:\n    v = k\ndef f(x):\n    return {{'v': C.v}}\n" for n in "12"
    ],
    "dtype": [
        f"import torch\nd = torch.float{n}\ndef f(x):\n    return {{'v': d.itemsize}}\n"
        for n in ("32", "64")
    ],
    "text that is no docstring": [
        f"def f(x):\n    t = '''{n}'''\n    return {{'v': t}}\n" for n in "12"
    ],
}


@pytest.mark.parametrize("kind", CHANGED)
def test_what_decides_the_results_is_told_apart(kind, module, tmp_path):
    before, after = CHANGED[kind]
    new = run_grid(module(after).f, [{"x": 3}])
    old = run_grid(module(before).f, [{"x": 3}], store=tmp_path / "store")
    whole = (tmp_path / "store").read_bytes()
    if kind not in ("kind of a variable", "sign of a zero"):
        assert old["v"].tolist() != new["v"].tolist()
    # The same again, read anew, is known again.
    again = run_grid(module(before).f, [{"x": 3}], store=tmp_path / "store")
    assert again.equals(old)
    with pytest.raises(ValueError, match="(before its source changed|results of .*, not )"):
        run_grid(module(after).f, [{"x": 3}], store=tmp_path / "store")
    assert (tmp_path / "store").read_bytes() == whole


SAME = {
    "elsewhere": (USES + "k = 1\n", f"other = 5\nk = 1\n\n\n{USES}def g():\n    return other\n"),
    "docstrings": (
        f"k = 1\ndef helper(x):\n    '''Old.'''\n    return x\n{HELPED}",
        f"k = 1\ndef helper(x):\n    '''New.\n\n    Longer.\n    '''\n    return x\n{HELPED}",
    ),
    "docstring of a class": [
        f"class C:\n    '''{text}'''\n    k = 1\ndef f(x):\n    return {{'v': C.k}}\n"
        for text in ("Old.", "New.")
    ],
    "docstring of a method": [
        f"class C:\n    def g(x):\n        '''{text}'''\n        return x\n"
        "def f(x):\n    return {'v': C.g(x)}\n"
        for text in ("Old.", "New.")
    ],
    "long docstrings of a class and its method": [
        f"class C:\n    '''{text}'''\n    def g(x):\n        '''{text}'''\n        return x\n"
        "def f(x):\n    return {'v': C.g(x)}\n"
        for text in ("Old.\n\n    Of three lines.\n    ", "New.")
    ],
    "docstring of a function within": [
        f"def f(x):\n    def g():\n        '''{text}'''\n        return x\n"
        "    return {'v': g()}\n"
        for text in ("Old.", "New.")
    ],
    "docstring of a coroutine": [
        f"import asyncio\nasync def g(x):\n    '''{text}'''\n    return x\n"
        "def f(x):\n    return {'v': asyncio.run(g(x))}\n"
        for text in ("Old.", "New.")
    ],
    "local of the same name": [
        f"t = {n}\ndef f(x):\n    t = x\n    return {{'v': t}}\n" for n in "12"
    ],
    "another file": ("from math import pi as k\n" + USES, "k = 3.141592653589793\n" + USES),
    "mutual recursion": [
        "def g(x):\n    return f(x)['v']\ndef f(x):\n    return {'v': g(x - 1) if x else 0}\n"
    ]
    * 2,
}


@pytest.mark.parametrize("kind", SAME)
def test_what_decides_nothing_changes_nothing(kind, module, tmp_path):
    before, after = SAME[kind]
    old = identity(module(before).f)
    assert identity(module(after).f) == old


def used(made):
    return f"import functools, random\nimport numpy as np\nhelper = {made}\n{HELPED}"


REFUSED = {
    "lambda": ("f = lambda x: {'v': x}\n", "<lambda> is a lambda"),
    "lambda as a helper": (used("lambda x: x"), "helper is a lambda"),
    "generator of NumPy": (used("np.random.default_rng(0)"), "helper is a Generator"),
    "method of a generator": (used("random.Random(0).uniform"), "helper is a method"),
    "method of a hidden generator": (used("np.random.normal"), "helper is a (method|builtin)"),
    "method of a list": (used("[].append"), "helper is a builtin_function"),
    "partial": (used("functools.partial(pow, 2)"), "helper is a partial"),
    "set": (used("{1, 2}"), "helper is a set"),
    "generator in a dict": (used("{'a': [random.Random(0)]}"), "helper is a Random"),
    "array of objects": (used("np.array([None])"), "helper is a ndarray"),
    "open file": (used("open(__file__)") + "helper.close()\n", "helper is a TextIOWrapper"),
    "cached helper": (
        f"import functools\n@functools.cache\ndef helper(x):\n    return 1\n{HELPED}",
        "helper is a _lru_cache_wrapper",
    ),
    "instance": ("class C:\n    v = 1\nc = C()\ndef f(x):\n    return {'v': c.v}\n", "c is a C"),
    "default": (
        "import random\ndef f(x, rng=random.Random(0)):\n    return {'v': rng.random()}\n",
        "what f was made with is a Random",
    ),
    "class in a function": (
        "def make(k):\n    class C:\n        v = k\n    return C\nC = make(1)\n"
        "def f(x):\n    return {'v': C.v}\n",
        "C is a type",
    ),
    "closure of another file": (
        "from tests.grids.test_identity import K_TIMES as helper\n" + HELPED,
        "helper is a function",
    ),
    "its own module": (
        "import edited\ndef f(x):\n    return {'v': vars(edited)}\n",
        "edited is a module",
    ),
    "import in the function": (
        "def f(x):\n    import edited\n    return {'v': 1}\n",
        "f imports by itself",
    ),
    "eval": ("k = 1\ndef f(x):\n    return {'v': eval('k')}\n", "f uses eval, which may do"),
    "made by exec": ("exec('def f(x): return {}')\n", "the source of f cannot be read"),
}


def times(k):
    def helper(x):
        return x * k

    return helper


K_TIMES = times(2)


@pytest.mark.parametrize("kind", REFUSED)
def test_what_may_change_unseen_is_refused(kind, module, tmp_path):
    source, message = REFUSED[kind]
    f = module(source).f
    with pytest.raises(TypeError, match=f"the results of .* cannot be stored: {message}"):
        run_grid(f, [{"x": 3}], store=tmp_path / "store")
    assert not (tmp_path / "store").exists()


K = np.float32(0.5)


def uses_packages(x, dtype=np.float64):
    """Names an installed package, the standard library, and this package."""
    return {"v": float(np.sqrt(x, dtype=dtype) * K), "f": run_grid.__name__, "s": sys.maxsize}


def test_packages_are_known_by_name():
    """The hash is that of every Python and every version of them."""
    expected = "685923e4ab1fb34edcb377323a8c02eb686fc37c262f830eec16a766b4354888"
    assert identity(uses_packages) == expected
