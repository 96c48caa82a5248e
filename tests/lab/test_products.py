"""Products of matrices: in plain JavaScript and by both kernels, beside NumPy's."""

import json

import numpy as np
import pytest

PRODUCT = """(text) => {
    const [way, a, b, rows, inner, columns] = JSON.parse(text);
    const kernel = way === "plain" ? null : lab.makeKernel(way === "fused");
    if (way !== "plain" && !kernel) return null;
    const product = kernel ? lab.productBy(kernel) : lab.plainProduct;
    return [...product(Float64Array.from(a), Float64Array.from(b), rows, inner, columns)];
}"""
SHAPES = [(64, 64, 64), (1, 1, 1), (3, 5, 7), (64, 20, 10), (130, 9, 33), (10, 360, 128)]


@pytest.mark.parametrize("way", ["plain", "two at a time", "fused"])
def test_products(lab, way):
    random = np.random.default_rng(0)
    for rows, inner, columns in SHAPES:
        a, b = random.normal(size=(rows, inner)), random.normal(size=(inner, columns))
        handed = [way, a.ravel().tolist(), b.ravel().tolist(), rows, inner, columns]
        made = lab.evaluate(PRODUCT, json.dumps(handed))
        if made is None:
            pytest.skip("this browser cannot multiply and add in one instruction")
        assert np.abs(np.array(made).reshape(rows, columns) - a @ b).max() < 1e-12


def test_infinities_pass_through(lab):
    made = lab.evaluate(
        "[...lab.product(Float64Array.of(Infinity, 1, NaN, 1), Float64Array.of(1, 1), 2, 2, 1)]"
    )
    assert made[0] == float("inf") and np.isnan(made[1])


def test_a_kernel_is_used_here(lab):
    """Otherwise every number is still right, and the lab ten times slower than it promises."""
    assert lab.evaluate("lab.product !== lab.plainProduct")
