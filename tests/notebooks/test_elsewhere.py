"""Tests of the emulated machine: it differs where processors do, and nowhere else."""

import os
import subprocess
import sys

import pytest
import torch
from torch import nn

from tests.notebooks.elsewhere import DIFFERENCES, chosen, environment, last_bit_moved
from tests.notebooks.sixteen_bit import SixteenBitProduct


def updated_in_place(y, x):
    torch._foreach_addcmul_([y], [x], [x])
    return y


INEXACT = {
    "product": lambda x: x @ x,
    "convolution": lambda x: nn.functional.conv1d(x[None], x[None, :, :3]),
    "sum": lambda x: x.sum(dim=1),
    "mean": lambda x: x.mean(),
    "exp": lambda x: x.exp(),
    "tanh in place": lambda x: x.clone().tanh_(),
    "softmax": lambda x: x.softmax(dim=1),
    "norm": lambda x: torch.linalg.vector_norm(x, dim=0),
    "variance": lambda x: x.var(dim=0),
    "fused update": lambda x: x.add(x.T, alpha=0.1),
    "fused update in place": lambda x: x.clone().addcmul_(x, x.T, value=0.1),
    "update of a list": lambda x: torch._foreach_add([x], [x.T], alpha=0.1)[0],
    "update of a list in place": lambda x: updated_in_place(x.clone(), x),
    "decomposition": lambda x: torch.linalg.qr(x)[0],
    "batch normalization": lambda x: nn.functional.batch_norm(x, None, None, training=True),
    "gelu": lambda x: nn.functional.gelu(x),
    "vmap": lambda x: torch.func.vmap(torch.dot)(x, x),
}
EXACT = {
    "add": lambda x: x + x.T,
    "difference": lambda x: x - x.T,
    "product of two numbers": lambda x: x * x.T,
    "quotient": lambda x: x / x.T,
    "root": lambda x: x.abs().sqrt(),
    "relu": lambda x: x.relu(),
    "largest": lambda x: x.max(dim=1).values,
    "copy": lambda x: x.clone(),
    "view": lambda x: x.T[1:],
    "count": lambda x: (x > 0).double().sum(),
    "share": lambda x: (x > 0).double().mean(),
    "whole numbers": lambda x: torch.eye(7, dtype=x.dtype) @ torch.ones(7, 7, dtype=x.dtype),
}


def numbers(dtype):
    return torch.randn(7, 7, generator=torch.Generator().manual_seed(0), dtype=dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("operation", INEXACT.values(), ids=INEXACT)
def test_last_bit_of_what_processors_compute_differently_moves(operation, dtype):
    x = numbers(dtype)
    here = operation(x)
    with last_bit_moved():
        there = [operation(x) for _ in range(20)]
    assert any((other != here).any() for other in there)
    for other in there:  # eps is one or two units in the last place; a variance has two sums
        torch.testing.assert_close(other, here, rtol=5 * torch.finfo(dtype).eps, atol=0)


@pytest.mark.parametrize("operation", EXACT.values(), ids=EXACT)
def test_what_is_the_same_everywhere_stays(operation):
    x = numbers(torch.float64)
    here = operation(x)
    with last_bit_moved():
        for _ in range(20):
            assert torch.equal(operation(x), here)


def test_gradients_move_too():
    def gradient():
        x = numbers(torch.float64).requires_grad_()
        return torch.autograd.grad((x @ x).tanh().sum(), x)[0]

    here = gradient()
    with last_bit_moved():
        there = gradient()
    assert not torch.equal(there, here)
    torch.testing.assert_close(there, here, rtol=1e-12, atol=1e-13)


def test_a_16_bit_product_is_an_error_there():
    x = numbers(torch.bfloat16)
    with last_bit_moved(), pytest.raises(SixteenBitProduct):
        x @ x


def test_differences_by_name():
    assert chosen("all") == DIFFERENCES
    assert chosen("subnormals") == ("subnormals",)
    with pytest.raises(ValueError, match="unknown difference thread; allowed: all, instructions"):
        chosen("thread")


def test_old_instructions_are_used():
    script = (
        "import torch, numpy; from threadpoolctl import threadpool_info; "
        "from numpy._core._multiarray_umath import __cpu_features__ as f, __cpu_dispatch__ as d; "
        "import scipy.linalg; print(torch.backends.cpu.get_cpu_capability(), any(f[x] for x in d), "
        "{i.get('architecture') for i in threadpool_info() if i['internal_api'] == 'openblas'})"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env=os.environ | environment(),
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "DEFAULT False {'Nehalem'}", done.stderr
