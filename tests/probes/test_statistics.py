"""Statistics of a tensor against float64."""

import numpy as np
import pytest
import torch

from tests.probes.support import F64, rms, stats
from weightinit.probes import statistics


@pytest.mark.parametrize("size", [1, 7, 10_001, 70_001])
@pytest.mark.parametrize(
    ("dtype", "scale"),
    [
        (dtype, scale)
        for dtype in (torch.float64, torch.float32, torch.bfloat16, torch.float16)
        for scale in (1.0, 1e-4, 1e4, 1e-18, 1e-20, 1e-30, 1e-40, 1e30)
        if dtype != torch.float16 or 1e-4 <= scale <= 1e4  # it holds no others
    ],
)
def test_statistics_at_any_scale(dtype, size, scale):
    generator = torch.Generator().manual_seed(0)
    t = ((torch.randn(size, generator=generator, dtype=F64) + 1) * scale).to(dtype)
    # Divided by the scale, the squares are harmless in float64.
    expected = [scale * s for s in stats(t.double() / scale)]
    values = statistics.array(t)
    tolerance = 1e-12 if dtype == F64 else 1e-5
    np.testing.assert_allclose(statistics.moments(values), expected, rtol=tolerance)
    np.testing.assert_allclose(statistics.rms(values), expected[2], rtol=tolerance)


@pytest.mark.parametrize("scale", [1e-300, 1e-170, 1e170, 1e300])
def test_float64_whose_squares_leave_float64(scale):
    t = torch.linspace(-1, 3, 1000, dtype=F64)
    np.testing.assert_allclose(
        statistics.moments((t * scale).numpy()), np.multiply(stats(t), scale), rtol=1e-12
    )


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("mean", [1.0, -10.0, 1e3, 1e4])
def test_deviation_much_smaller_than_mean(dtype, mean):
    generator = torch.Generator().manual_seed(0)
    t = (torch.randn(10_000, generator=generator, dtype=F64) * 0.03 + mean).to(dtype)
    tolerance = 1e-5 if dtype == torch.float32 else 1e-8
    assert statistics.moments(t.numpy())[1] == pytest.approx(stats(t)[1], rel=tolerance)


def test_one_large_entry_among_many_tiny_ones():
    t = torch.full((20_000,), 1e-30)
    t[-1] = 1e-10
    assert statistics.rms(t.numpy()) == pytest.approx(1e-10 / 20_000**0.5, rel=1e-6, abs=0)


def test_constant_tensor_has_no_deviation():
    assert statistics.moments(np.full(1000, 0.1)) == pytest.approx((0.1, 0.0, 0.1), abs=0)
    assert statistics.moments(np.zeros(10)) == (0.0, 0.0, 0.0)


def test_infinite_and_nan_entries_are_reported():
    mean, std, root = statistics.moments(np.array([1.0, np.inf]))
    assert mean == np.inf and np.isnan(std) and root == np.inf
    assert np.isnan(statistics.moments(np.array([1.0, np.nan, np.inf]))).all()
    assert np.isnan(statistics.rms(np.array([], dtype=np.float32)))


@pytest.mark.parametrize("exponent", np.arange(-20, -14, 0.25))
def test_squares_that_begin_to_vanish(exponent):
    """Where float32 squares are no normal numbers any more, and where nearly none is."""
    t = torch.randn(1000, generator=torch.Generator().manual_seed(0)) * 10.0**exponent
    measured = [*statistics.moments(t.numpy()), statistics.rms(t.numpy())]
    np.testing.assert_allclose(measured, [*stats(t), rms(t)], rtol=0, atol=2e-7 * rms(t))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_flushed_subnormals_change_nothing(dtype):
    lowest, highest = np.log10([torch.finfo(dtype).tiny, torch.finfo(dtype).max])
    measured = {}
    try:
        for flushed in (False, True):
            assert torch.set_flush_denormal(flushed)
            measured[flushed] = []
            for exponent in np.linspace(lowest + 0.1, highest - 1, 60):
                t = (torch.linspace(1, 9, 20_000, dtype=F64) * 10.0**exponent).to(dtype)
                values = statistics.array(t)
                measured[flushed].append([*statistics.moments(values), statistics.rms(values)])
    finally:
        torch.set_flush_denormal(False)
    assert np.isfinite(measured[True]).all() and measured[True] == measured[False]


def test_the_root_mean_square_of_several_tensors():
    parts = [torch.ones(3) * 2, torch.ones(6, 5), torch.zeros(0)]
    sizes = [(t.numel(), statistics.rms(t.numpy())) for t in parts[:2]]
    joined = torch.cat([t.flatten() for t in parts])
    assert statistics.combine(sizes) == pytest.approx(rms(joined), rel=1e-15)
    assert statistics.combine([(4, 1e-200), (4, 1e-200)]) == pytest.approx(1e-200, rel=1e-14, abs=0)
    assert statistics.combine([(4, 3.0)]) == 3.0
    assert np.isnan(statistics.combine([])) and np.isnan(statistics.combine([(0, np.nan)]))


def test_entries_in_any_order_of_memory():
    t = torch.randn(30, 40, generator=torch.Generator().manual_seed(0), dtype=F64)
    for view in (t.T, t[::3, 1::2], t[:, 0], t[3, 4], t.requires_grad_()[5:]):
        values = statistics.array(view)
        np.testing.assert_allclose(statistics.moments(values), stats(view), rtol=1e-12)


def test_many_flushed_squares_beside_a_large_one():
    t = torch.full((70_000,), 1e-19)
    t[0] = 1e-15
    try:
        assert torch.set_flush_denormal(True)
        measured = statistics.rms(t.numpy())
    finally:
        torch.set_flush_denormal(False)
    assert measured == pytest.approx(rms(t), rel=1e-6, abs=0)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_entries_of_one_sign(sign, scale):
    t = sign * torch.linspace(1, 3, 100, dtype=F64)
    expected = np.multiply(stats(t), scale)
    np.testing.assert_allclose(statistics.moments((t * scale).numpy()), expected, rtol=1e-13)
    assert statistics.moments(np.array([sign * np.inf, 1.0]))[2] == np.inf
