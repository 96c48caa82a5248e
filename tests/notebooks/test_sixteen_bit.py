"""Tests of the guard against 16-bit products: each form of one is found, and nothing else is."""

import pytest
import torch
from nbformat import v4
from torch import nn
from torch.nn import functional as F

from tests.notebooks.sixteen_bit import Reach, SixteenBitProduct, no_sixteen_bit_products
from tests.notebooks.test_plugin import run_pytest

pytestmark = pytest.mark.sixteen_bit("what is tested is the guard itself")

HALF = (torch.float16, torch.bfloat16)


def square(dtype, *leading):
    return torch.ones(*leading, 4, 4, dtype=dtype)


PRODUCTS = {
    "@": lambda d: square(d) @ square(d),
    "matrix and vector": lambda d: square(d) @ square(d)[0],
    "dot": lambda d: square(d)[0] @ square(d)[0],
    "batched": lambda d: square(d, 3) @ square(d, 3),
    "out": lambda d: torch.mm(square(d), square(d), out=square(d)),
    "addmm": lambda d: torch.addmm(square(d), square(d), square(d)),
    "in place": lambda d: square(d).addmm_(square(d), square(d)),
    "einsum": lambda d: torch.einsum("ij,kj->ik", square(d), square(d)),
    "linear": lambda d: nn.Linear(4, 4, dtype=d)(square(d)),
    "bilinear": lambda d: nn.Bilinear(4, 4, 2, dtype=d)(square(d), square(d)),
    "convolution": lambda d: F.conv2d(square(d, 1, 1), square(d, 1, 1)),
    "transposed": lambda d: F.conv_transpose1d(square(d, 1), square(d, 4)[:, :, :2]),
    "attention": lambda d: F.scaled_dot_product_attention(*(square(d, 1, 2) for _ in range(3))),
    "recurrent": lambda d: nn.RNN(4, 3, dtype=d)(square(d)),
    "lstm": lambda d: nn.LSTMCell(4, 3, dtype=d)(square(d)),
    "vmap": lambda d: torch.func.vmap(torch.mm)(square(d, 2), square(d, 2)),
}


@pytest.mark.parametrize("dtype", HALF, ids=str)
@pytest.mark.parametrize("product", PRODUCTS.values(), ids=PRODUCTS)
def test_product_in_16_bits_is_refused(product, dtype):
    with no_sixteen_bit_products(), pytest.raises(SixteenBitProduct, match=f"run in {dtype}"):
        product(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("product", PRODUCTS.values(), ids=PRODUCTS)
def test_product_in_32_or_64_bits_passes(product, dtype):
    with no_sixteen_bit_products():
        product(dtype)


def test_product_of_the_backward_pass_is_refused():
    class Half(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, gradient):
            return (gradient.half() @ gradient.half()).float()

    x = square(torch.float32).requires_grad_()
    with no_sixteen_bit_products():
        y = Half.apply(x).sum()
        with pytest.raises(SixteenBitProduct, match="mm"):
            y.backward()


@pytest.mark.parametrize("dtype", HALF, ids=str)
def test_autocast_is_refused(dtype):
    with no_sixteen_bit_products(), pytest.raises(SixteenBitProduct):
        with torch.autocast("cpu", dtype):
            nn.Linear(4, 4)(torch.ones(2, 4))


def test_numbers_kept_in_16_bits_are_allowed():
    with no_sixteen_bit_products():
        h = square(torch.float32).to(torch.float16).relu()
        kept = (h.float() @ h.float()).to(torch.float16)
        assert kept.mul(2).add(1).max() == 9


@pytest.mark.slow  # TensorFlow takes seconds to load
def test_product_of_keras_in_16_bits_is_refused(keras):
    from tensorflow.python.framework import op_callbacks

    from tests.notebooks.sixteen_bit import watch_tensorflow

    x = torch.ones(2, 4, 4, 1).numpy()
    layers = [keras.layers.Dense(3), keras.layers.Conv2D(2, 2)]
    halves = [keras.layers.Dense(3, dtype="mixed_float16")]
    halves += [keras.layers.Conv2D(2, 2, dtype="bfloat16")]
    try:
        watch_tensorflow()
        for layer in layers:
            layer(x)
        for layer in halves:
            with pytest.raises(SixteenBitProduct, match="float16"):
                layer(x)
    finally:
        op_callbacks.clear_op_callbacks()


def test_cell_with_such_a_product_fails(tmp_path):
    sources = ("import torch", "x = torch.ones(2, 2)", "(x.bfloat16() @ x.bfloat16()).sum().item()")
    cells = [
        v4.new_code_cell(source, execution_count=turn) for turn, source in enumerate(sources, 1)
    ]
    result = v4.new_output("execute_result", {"text/plain": "8.0"}, execution_count=3)
    cells[2].outputs = [result]
    *others, failure = run_pytest(v4.new_notebook(cells=cells), tmp_path)
    assert others == ["", ""]
    assert "Cell 2" in failure
    assert "SixteenBitProduct" in failure and "run in torch.bfloat16" in failure


# Which cells are watched ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cell",
    [
        "torch.float16",
        "torch.bfloat16",
        "x.half()",
        "model.bfloat16()",
        "dtype='float16'",
        "with torch.autocast('cpu'): pass",
        "keras.mixed_precision.set_global_policy('mixed_float16')",
        "torch.amp.GradScaler()",
        "%time\nx = torch.float16",
    ],
)
def test_cell_that_names_a_format_is_watched(cell):
    assert Reach().includes(cell)


@pytest.mark.parametrize(
    "cell",
    [
        "a = FORMATS",
        "for dtype in FORMATS: pass",
        "small(1)",
        "Small()",
        "x = (small, 1)",
        "def f(dtype=None):\n    return small(dtype)",
    ],
)
def test_cell_that_uses_what_such_a_cell_made_is_watched(cell):
    reach = Reach()
    made = "FORMATS = [torch.float16]\ndef small(x):\n    inner = x.half()\nclass Small: pass"
    assert reach.includes(made)
    assert reach.includes(cell)


def test_a_name_made_anew_is_not_watched():
    reach = Reach()
    assert reach.includes("ax = plot(torch.float16)")
    assert not reach.includes("ax = 1\nax + 1")
    assert not reach.includes("ax")
    assert reach.includes("f = torch.float16")
    assert not reach.includes("def g(f):\n    return f")


@pytest.mark.parametrize("cell", ["inner = 1", "x = 2", "halfway = 0.5", "import torch"])
def test_other_cells_are_not(cell):
    reach = Reach()
    reach.includes("def small(x):\n    inner = x.half()\n    return [y for y in inner]")
    assert not reach.includes(cell)
