"""Tests of the emulated machine: it differs where processors do, and nowhere else."""

import os
import subprocess
import sys
from argparse import ArgumentTypeError

import nbformat
import pytest
import torch
from nbformat import v4
from torch import nn

from tests.notebooks.elsewhere import DIFFERENCES, chosen, environment, last_bit_moved
from tests.notebooks.sixteen_bit import SixteenBitProduct
from tests.notebooks.test_plugin import run_pytest
from tools import execute_notebooks


def raised_in_place(y):
    torch._foreach_exp_([y])
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
    "exponentials of a list": lambda x: torch._foreach_exp([x])[0],
    "exponentials of a list in place": lambda x: raised_in_place(x.clone()),
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
    "update too small to change anything": lambda x: x.add(x.T, alpha=1e-30),
    "saturated": lambda x: (50 * x.sign()).tanh(),
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
        there, again = operation(x), operation(x)
    assert (there != here).any()
    assert torch.equal(there, again)  # as on any processor
    # eps is one or two units in the last place; a variance has two sums
    torch.testing.assert_close(there, here, rtol=5 * torch.finfo(dtype).eps, atol=0)


@pytest.mark.parametrize("operation", EXACT.values(), ids=EXACT)
def test_what_is_the_same_everywhere_stays(operation):
    x = numbers(torch.float64)
    here = operation(x)
    with last_bit_moved():
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


@pytest.mark.sixteen_bit("what is tested is the guard itself")
def test_a_16_bit_product_is_an_error_there():
    x = numbers(torch.bfloat16)
    with last_bit_moved(), pytest.raises(SixteenBitProduct):
        x @ x


def test_differences_by_name():
    assert chosen("all") == ("instructions", "threads", "subnormals")
    assert chosen(",".join(DIFFERENCES)) == DIFFERENCES
    assert chosen("subnormals") == ("subnormals",)
    with pytest.raises(
        ArgumentTypeError, match="unknown difference thread; allowed: all, instructions"
    ):
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


CELLS = {
    "subnormals": "torch.tensor(1e-310, dtype=torch.float64).item() * 1e300",
    "rounding": "print((torch.ones(5, dtype=torch.float64) * 0.1).sum().item().hex())",
    "threads": "torch.set_num_threads(1)\nprint(torch.get_num_threads())",
    "instructions": "print(torch.backends.cpu.get_cpu_capability())",
    "none": "print((torch.ones(5) + 1).sum().item())",
}


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """A notebook whose cells depend on one difference each, executed here."""
    folder = tmp_path_factory.mktemp("elsewhere")
    cells = [v4.new_code_cell(source) for source in ("import torch", *CELLS.values())]
    path = folder / "here.ipynb"
    nbformat.write(v4.new_notebook(cells=cells), path)
    execute_notebooks.execute(path)
    return nbformat.read(path, as_version=4)


@pytest.mark.skipif(
    torch.backends.cpu.get_cpu_capability() == "DEFAULT", reason="this is an old processor"
)
@pytest.mark.parametrize("differences", ["rounding,threads", "instructions,subnormals"])
def test_cell_that_depends_on_a_difference_fails_under_it(notebook, differences, tmp_path):
    _, *failures = run_pytest(notebook, tmp_path, f"--differ={differences}")
    failed = {name for name, text in zip(CELLS, failures, strict=True) if text}
    assert failed == set(differences.split(","))
