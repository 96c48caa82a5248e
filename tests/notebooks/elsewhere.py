"""Another machine, as far as this one can play it: do the stored outputs hold there?

Four things differ between machines, each of them an entry of `DIFFERENCES`:

- ``instructions``: PyTorch, MKL, oneDNN, NumPy, OpenBLAS and TensorFlow choose their kernels by the
  processor. Environment variables make them choose those of an old one.
- ``threads``: PyTorch computes on two threads instead of one, and so adds up in another order.
- ``subnormals``: numbers too small for full precision count as zero, as some kernels take them.
- ``rounding``: the last bit of everything that processors compute differently (products, sums,
  exponentials, fused updates, ...) is moved up or down at random. No processor of today does that;
  a result that survives it survives the processors of tomorrow.

`make portability` runs the notebooks with all of them at once; where it fails, `make portability
DIFFER=rounding` and so on take them one by one. A cell about one of them says so in its metadata,
``{"weightinit": {"same": ["subnormals"], "reason": ...}}``, and runs without it.
"""

from __future__ import annotations

import os
import re
import sys

DIFFERENCES = ("instructions", "threads", "subnormals", "rounding")

# What processors compute with other last bits: sums in another order, series for a function, or a
# product and a sum rounded once instead of twice. The sum, product or quotient of two numbers is
# the same everywhere.
INEXACT = re.compile(
    r"mm|mv|dot|matmul|linear|conv|einsum|cdist|^_?foreach_(exp|log|pow|addc|norm|lerp|tanh|sigm)"
    r"|^(sum|nansum|mean|prod|var|std|norm|cumsum|cumprod|logsumexp|logcumsumexp|nll_loss|mse_loss)"
    r"|vector_norm|matrix_norm|softmax|batch_norm|layer_norm|group_norm|binary_cross_entropy"
    r"|^(exp|exp2|expm1|log|log2|log10|log1p|pow|tanh|sigmoid|erf|erfc|erfinv|sin|cos|tan|atan)_?$"
    r"|gelu|silu|mish|elu$|elu_$|elu_backward|selu|softplus|log_sigmoid|tanh_backward"
    r"|sigmoid_backward|addcmul|addcdiv|lerp|^linalg_|avg_pool|trapezoid",
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
    """Return the differences that a command line names, ``"all"`` or some separated by commas.

    Raises
    ------
    ValueError
        If one is unknown.

    Examples
    --------
    >>> chosen("threads,rounding")
    ('threads', 'rounding')
    """
    names = DIFFERENCES if text == "all" else tuple(text.split(","))
    if unknown := set(names) - set(DIFFERENCES):
        allowed = ", ".join(("all", *DIFFERENCES))
        raise ValueError(f"unknown difference {', '.join(sorted(unknown))}; allowed: {allowed}")
    return names


def last_bit_moved():
    """Return a mode (a context manager) that moves the last bit of what is not exact."""
    import numpy as np
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    rng = np.random.default_rng(0)

    def move(values: torch.Tensor) -> None:
        eps = torch.finfo(values.dtype).eps
        factor = 1 + eps * rng.integers(-1, 2, size=tuple(values.shape))
        values.mul_(torch.as_tensor(factor, dtype=values.dtype, device=values.device))

    def whole(values: torch.Tensor) -> bool:
        return bool((values == values.round()).all()) and bool((values.abs() < 2**20).all())

    class LastBitMoved(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            kwargs = kwargs or {}
            name = func.overloadpacket.__name__
            # x + alpha * y may be rounded once or twice
            fused = re.match(r"(_foreach_)?(add|sub)_?$", name) and kwargs.get("alpha", 1) != 1
            inexact = fused or INEXACT.search(name)
            tensors = [v for v in tree_leaves((args, kwargs)) if isinstance(v, torch.Tensor)]
            # Sums and products of small whole numbers are exact in any order.
            exact = inexact and all(not v.is_floating_point() or whole(v) for v in tensors)
            result = func(*args, **kwargs)
            if inexact and not exact:
                moved = result if result is not None else args[0]
                for value in tree_leaves(moved):
                    if isinstance(value, torch.Tensor) and value.dtype in (
                        torch.float32,
                        torch.float64,
                    ):
                        move(value)
            return result

    return LastBitMoved()


def start(differences: list[str]) -> None:
    """In a notebook's kernel: let its cells compute as elsewhere."""
    import numpy as np
    import torch

    for dtype in (np.float16, np.float32, np.float64):
        np.finfo(dtype)  # asked for later, it would warn that it finds no subnormals
    shell = sys.modules["IPython"].get_ipython()
    mode = last_bit_moved() if "rounding" in differences else None

    def before_a_cell(info):
        torch.set_flush_denormal("subnormals" in differences)

    if mode is not None:
        mode.__enter__()
    shell.events.register("pre_run_cell", before_a_cell)


def set_environment(differences: tuple[str, ...]) -> None:
    """Choose the kernels of an old processor, for this process's children."""
    if "instructions" in differences:
        os.environ.update(environment())
