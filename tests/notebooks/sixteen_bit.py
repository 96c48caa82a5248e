"""No matrix product or convolution in a 16-bit format: processors do not agree on these.

A processor's own float16 and bfloat16 kernels may take subnormal numbers for zero, and add up in
another order or precision than the next one's. So a number that the book shows, or a test compares,
must not pass through one. `no_sixteen_bit_products` sees every operation of PyTorch and raises an
error at the first such product; `watch_tensorflow` does the same for TensorFlow and Keras.

To see every operation makes a chapter half as slow again, so in `make test` only the cells that can
reach a 16-bit format are watched (`Reach` finds them by the names in their code), and the tests
whose file names one. `make portability` watches every operation of every cell.
"""

from __future__ import annotations

import ast
import functools
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

# How a 16-bit format comes into Python code: by one of these names.
NAMES = re.compile(r"float16|\.half\b|autocast|\bB?F16\b|mixed_|set_dtype_policy|\bamp\b")
PRODUCT = re.compile(
    r"mm|mv|dot|matmul|linear|conv|rnn|lstm|gru|attention|einsum|embedding_bag|addr|outer|kron|cdist",
    re.IGNORECASE,
)


@functools.cache
def file_names_a_format(path: Path) -> bool:
    """Tell whether a file of Python code names a 16-bit format."""
    return path.suffix == ".py" and bool(NAMES.search(path.read_text("utf-8")))


class SixteenBitProduct(AssertionError):
    """A matrix product or convolution was run in a 16-bit format."""


def _refuse(operation: str, dtype: object) -> None:
    raise SixteenBitProduct(
        f"{operation} was run in {dtype}: processors differ there, so no result may depend on it. "
        "Multiply in float32 or float64, and round once."
    )


def check(func, args, kwargs) -> None:
    """Raise an error if an operation of PyTorch is a product of 16-bit tensors."""
    import torch
    from torch.utils._pytree import tree_leaves

    if is_product(func.overloadpacket.__name__):
        for value in tree_leaves((args, kwargs)):
            if isinstance(value, torch.Tensor) and value.dtype in (torch.float16, torch.bfloat16):
                _refuse(func.name(), value.dtype)


@functools.cache
def is_product(operation: str) -> bool:
    """Tell whether an operation multiplies matrices or convolves."""
    return bool(PRODUCT.search(operation))


def no_sixteen_bit_products():
    """Return a mode (a context manager) in which a 16-bit product of PyTorch raises an error."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class NoSixteenBitProducts(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            check(func, args, kwargs)
            return func(*args, **(kwargs or {}))

    return NoSixteenBitProducts()


def watch_tensorflow() -> None:
    """From now on, let a 16-bit product of TensorFlow (and so of Keras) raise an error."""
    from tensorflow.python.framework import op_callbacks

    op_callbacks.add_op_callback(_check_tensorflow)


def _check_tensorflow(op_type, inputs, attrs, outputs, op_name=None, graph=None):
    op_type = op_type.decode() if isinstance(op_type, bytes) else op_type
    if is_product(op_type):
        for value in inputs:
            if value.dtype.name in ("float16", "bfloat16"):
                _refuse(op_type, value.dtype.name)


class Reach:
    """Which cells can reach a 16-bit format: those that name one, or a thing that such a cell made.

    Examples
    --------
    >>> reach = Reach()
    >>> cells = ("import torch", "FORMAT = torch.float16", "def f():\\n    return FORMAT", "f()")
    >>> [reach.includes(cell) for cell in (*cells, "g = 1")]
    [False, True, True, True, False]
    """

    def __init__(self):
        self.made: set[str] = set()

    def includes(self, cell: str) -> bool:
        """Tell whether the next cell can, and remember the names that it makes."""
        # a line for the shell or a magic is no Python
        tree = ast.parse(re.sub(r"^\s*[%!].*$", "", cell, flags=re.MULTILINE))
        names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
        # What a cell makes itself, as the ax of its figure, it does not take from another.
        own = {name.id for name in names if isinstance(name.ctx, ast.Store)}
        own |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
        watched = bool(NAMES.search(cell) or ({name.id for name in names} - own) & self.made)
        made = set(_made(tree))
        self.made = self.made | made if watched else self.made - made
        return watched


def _made(tree: ast.AST) -> Iterator[str]:
    """Yield the names that code gives to things, apart from those inside its functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif not isinstance(node, ast.Lambda | ast.comprehension):
            yield from _made(node)


def watch_cells(everywhere: bool, mode: Callable = no_sixteen_bit_products) -> None:
    """In a notebook's kernel: watch its cells, all of them or those which `Reach` finds.

    ``mode`` makes the mode in which they run.
    """
    shell = sys.modules["IPython"].get_ipython()
    reach, watching = Reach(), {}

    def before_a_cell(info):
        watch = reach.includes(info.raw_cell) or everywhere
        if watch and "torch" not in watching:
            watching["torch"] = mode()
            watching["torch"].__enter__()
        elif not watch and "torch" in watching:
            watching.pop("torch").__exit__(None, None, None)
        if watch and "tensorflow" in sys.modules and "tensorflow" not in watching:
            watching["tensorflow"] = True
            watch_tensorflow()

    shell.events.register("pre_run_cell", before_a_cell)
