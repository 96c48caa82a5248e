"""How a store knows its function: by all that decides its results, or not at all."""

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
    "set": [f"D = {d}\ndef f(x):\n    return {{'v': len(D)}}\n" for d in ("{1, 2}", "{1, 2, 3}")],
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
    "partial": [
        f"import functools\nhelper = functools.partial(pow, {n})\n{HELPED}" for n in ("2", "3")
    ],
    "cached helper": [
        f"import functools\n@functools.cache\ndef helper(x):\n    return {n}\n{HELPED}"
        for n in "12"
    ],
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
    "instance of a dataclass": [
        "from dataclasses import dataclass\n@dataclass\nclass C:\n    k: int\n"
        f"c = C({n})\ndef f(x):\n    return {{'v': c.k}}\n"
        for n in "12"
    ],
    "frozen set": [
        f"D = frozenset({d})\ndef f(x):\n    return {{'v': len(D)}}\n" for d in ("{1}", "{1, 2}")
    ],
    "keyword of a partial": [
        f"import functools\nhelper = functools.partial(pow, exp={n})\n{HELPED}" for n in "23"
    ],
    "closure over a global of the same name": [
        "k = 5\ndef make(k):\n    def f(x):\n        return {'v': x * k}\n    return f\n"
        f"f = make({n})\n"
        for n in "12"
    ],
    "variable in the body of a class": [
        f"k = {n}\nclass C:\n    v = k\ndef f(x):\n    return {{'v': C.v}}\n" for n in "12"
    ],
    "device": [
        f"import torch\nd = torch.device('{n}')\ndef f(x):\n    return {{'v': d.type}}\n"
        for n in ("cpu", "meta")
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


def test_a_helper_in_another_file_is_followed(module, tmp_path):
    for name, source, use in (
        ("taken", "from helpers import scale", "scale(x)"),
        ("whole", "import helpers", "helpers.scale(x)"),
        ("variable", "import helpers", "helpers.K"),
    ):
        for n in (1, 2):
            module(f"K = {n}\ndef scale(x):\n    return x * {n}\n", "helpers")
            f = module(f"{source}\ndef f(x):\n    return {{'v': {use}}}\n", name).f
            if n == 1:
                run_grid(f, [{"x": 3}], store=tmp_path / name)
            else:
                with pytest.raises(ValueError, match="before its source changed"):
                    run_grid(f, [{"x": 3}], store=tmp_path / name)


SAME = {
    "elsewhere": (USES + "k = 1\n", f"other = 5\nk = 1\n\n\n{USES}def g():\n    return other\n"),
    "docstrings": (
        f"k = 1\ndef helper(x):\n    '''Old.'''\n    return x\n{HELPED}",
        f"k = 1\ndef helper(x):\n    '''New.\n\n    Longer.\n    '''\n    return x\n{HELPED}",
    ),
    "local of the same name": [
        f"t = {n}\ndef f(x):\n    t = x\n    return {{'v': t}}\n" for n in "12"
    ],
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


REFUSED = {
    "lambda": ("f = lambda x: {'v': x}\n", "it is a lambda"),
    "two lambdas": ("f, g = lambda x: {'v': x}, lambda x: {'v': -x}\n", "it is a lambda"),
    "lambda as a helper": (f"helper = lambda x: x\n{HELPED}", "uses helper, a lambda"),
    "generator of NumPy": (
        "import numpy as np\nrng = np.random.default_rng(0)\n"
        "def f(x):\n    return {'v': rng.normal()}\n",
        "uses rng, a Generator",
    ),
    "method of a generator": (
        f"import random\nhelper = random.Random(0).uniform\n{HELPED}",
        "uses helper, a method",
    ),
    "method of a list": (f"helper = [].append\n{HELPED}", "uses helper, a builtin_function"),
    "instance": ("class C:\n    v = 1\nc = C()\ndef f(x):\n    return {'v': c.v}\n", "uses c, a C"),
    "array of objects": (
        f"import numpy as np\nk = np.array([None])\n{USES}",
        "uses k, a ndarray",
    ),
    "open file": ("k = open(__file__)\nk.close()\n" + USES, "uses k, a TextIOWrapper"),
    "class in a function": (
        "def make(k):\n    class C:\n        v = k\n    return C\nC = make(1)\n"
        "def f(x):\n    return {'v': C.v}\n",
        "uses C, made where its source does not tell all",
    ),
    "module as a whole": (
        "import edited\ndef f(x):\n    return {'v': vars(edited)}\n",
        "uses edited, a module",
    ),
    "import in the function": (
        "def f(x):\n    import edited\n    return {'v': 1}\n",
        "uses edited, which f imports by itself",
    ),
    "eval": ("k = 1\ndef f(x):\n    return {'v': eval('k')}\n", "uses eval, which may do anything"),
    "made by exec": ("exec('def f(x): return {}')\n", "it is whose source cannot be read"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_may_change_unseen_is_refused(kind, module, tmp_path):
    source, message = REFUSED[kind]
    f = module(source).f
    with pytest.raises(TypeError, match=f"the results of .* cannot be stored, as .*{message}"):
        run_grid(f, [{"x": 3}], store=tmp_path / "store")
    assert not (tmp_path / "store").exists()


K = np.float32(0.5)


def uses_packages(x, dtype=np.float64):
    """Names an installed package, the standard library, and this package."""
    return {"v": float(np.sqrt(x, dtype=dtype) * K), "f": run_grid.__name__, "s": sys.maxsize}


def test_packages_are_known_by_name():
    """The hash is that of every Python and every version of them."""
    expected = "bc108caa62f9e599cc7361d3a80394e87ddaa08e31882ab6d5946b57dd4f60c3"
    assert identity(uses_packages) == expected
