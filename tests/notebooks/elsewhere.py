"""Another machine, as far as this one can play it: do the stored outputs hold there?

Three things differ between the machines of today, and are tried at once by `make portability`:

- ``instructions``: PyTorch, MKL, oneDNN, NumPy, OpenBLAS and TensorFlow choose their kernels by the
  processor. Environment variables make them choose those of an old one.
- ``threads``: PyTorch computes on two threads instead of one, and so adds up in another order.
- ``subnormals``: numbers too small for full precision count as zero, as some kernels take them.

Every operation of every cell is watched for 16-bit products as well (`sixteen_bit`). Where the run
fails, `make portability DIFFER=threads` and so on take the differences one by one.

A fourth is for whoever writes a chapter: under ``rounding`` the last bit of every sum, product and
exponential moves up or down. No processor does that to all of them; what survives it does not
hang on any.
"""

from __future__ import annotations

import functools
import os
import re
from argparse import ArgumentTypeError

from tests.notebooks import sixteen_bit

ALL = ("instructions", "threads", "subnormals")
DIFFERENCES = (*ALL, "rounding")
THREADS = 2

# What processors compute with other last bits: sums in another order, series for a function. The
# sum, product or quotient of two numbers is the same everywhere. (An update w - lr * g is rounded
# once or twice, but stays w wherever lr * g is too small to change it: moved bits would not.)
INEXACT = re.compile(
    r"mm|mv|dot|matmul|linear|conv|einsum|cdist|^_?foreach_(exp|log|pow|norm|tanh|sigm)"
    r"|^(sum|nansum|mean|prod|var|std|norm|cumsum|cumprod|logsumexp|logcumsumexp|nll_loss|mse_loss)"
    r"|vector_norm|matrix_norm|softmax|batch_norm|layer_norm|group_norm|binary_cross_entropy"
    r"|^(exp|exp2|expm1|log|log2|log10|log1p|pow|tanh|sigmoid|erf|erfc|erfinv|sin|cos|tan|atan)_?$"
    r"|gelu|silu|mish|^(c|s)?elu_?(_backward)?$|softplus|log_sigmoid|tanh_backward"
    r"|sigmoid_backward|^linalg_|avg_pool|trapezoid",
)


def environment() -> dict[str, str]:
    """Return the variables that make the libraries use the kernels of an old processor."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    return {
        "ATEN_CPU_CAPABILITY": "default",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "MKL_CBWR": "COMPATIBLE",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "OPENBLAS_CORETYPE": "Nehalem",
        "NPY_DISABLE_CPU_FEATURES": " ".join(f for f in __cpu_dispatch__ if __cpu_features__[f]),
    }


def chosen(text: str) -> tuple[str, ...]:
    """Return the differences that a command line names: ``"all"`` for `ALL`, or some, with commas.

    Raises
    ------
    argparse.ArgumentTypeError
        If one is unknown.

    Examples
    --------
    >>> chosen("threads,rounding")
    ('threads', 'rounding')
    """
    names = ALL if text == "all" else tuple(text.split(","))
    if unknown := set(names) - set(DIFFERENCES):
        allowed = ", ".join(("all", *DIFFERENCES))
        raise ArgumentTypeError(
            f"unknown difference {', '.join(sorted(unknown))}; allowed: {allowed}"
        )
    return names


def last_bit_moved():
    """Return a mode (a context manager) that moves the last bit of what is not exact.

    A product in a 16-bit format is an error there, as in `sixteen_bit.no_sixteen_bit_products`.
    """
    import numpy as np
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    # Drawn once, and the same for each operation of a size: a processor repeats itself, too.
    steps = torch.from_numpy(np.random.default_rng(0).choice([-1.0, 1.0], size=2**22))
    factors = {
        dtype: (1 + torch.finfo(dtype).eps * steps).to(dtype)
        for dtype in (torch.float32, torch.float64)
    }

    def move(values: torch.Tensor) -> None:
        pool, size = factors[values.dtype], values.numel()
        first = 7919 * size % (len(pool) - size + 1)
        # A sigmoid or tanh that has reached its end lies far from the next number, everywhere.
        ends = values.abs() == 1
        values.mul_(pool[first : first + size].view(values.shape).masked_fill(ends, 1.0))

    def whole(values: torch.Tensor) -> bool:
        some = values[(0,) * values.ndim].item() if values.numel() else 0
        return some % 1 == 0 and bool((values == values.round()).all())

    def floats(values) -> list[torch.Tensor]:
        found = values if isinstance(values, list | tuple) else (values,)
        return [v for v in found if isinstance(v, torch.Tensor) and v.dtype in factors]

    @functools.cache
    def inexact(name: str) -> bool:
        return bool(INEXACT.search(name))

    class LastBitMoved(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            kwargs = kwargs or {}
            sixteen_bit.check(func, args, kwargs)
            result, name = func(*args, **kwargs), func.overloadpacket.__name__
            if inexact(name):
                outputs = floats(args[0] if result is None else result)
                # Sums and products of whole numbers are exact in any order.
                if not all(map(whole, floats(args[0]) if name in ("sum", "mean") else outputs)):
                    for value in outputs:
                        move(value)
            return result

    return LastBitMoved()


def start(differences: tuple[str, ...]) -> None:
    """In a notebook's kernel: let its cells compute as elsewhere."""
    import numpy as np
    import torch

    for dtype in (np.float16, np.float32, np.float64):
        np.finfo(dtype)  # asked for later, it would warn that it finds no subnormals
    torch.set_flush_denormal("subnormals" in differences)
    moving = "rounding" in differences
    mode = last_bit_moved if moving else sixteen_bit.no_sixteen_bit_products
    sixteen_bit.watch_cells(everywhere=True, mode=mode)


def set_environment(differences: tuple[str, ...]) -> None:
    """Choose the kernels of an old processor, for the processes that this one starts."""
    if "instructions" in differences:
        for name, value in environment().items():
            os.environ.setdefault(name, value)  # a worker has them from its parent
