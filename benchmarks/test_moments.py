"""How long one Gaussian moment takes. Run with ``pytest benchmarks``."""

import pytest

from weightinit import activations, theory

TARGET = 2e-3
MOMENTS = (theory.variance, theory.second_moment, theory.slope_second_moment)


@pytest.mark.parametrize("std", [0.01, 1, 50])
@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment.__name__)
def test_moment(benchmark, capsys, moment, std):
    """A round is one moment of each registered activation; the median is per moment."""
    names = activations.names()

    def run():
        for name in names:
            moment(name, std**2)

    benchmark.pedantic(run, rounds=40, iterations=1, warmup_rounds=2)

    median = benchmark.stats.stats.median / len(names)
    with capsys.disabled():
        verdict = "met" if median < TARGET else "MISSED"
        print(
            f"\n{moment.__name__} at std {std}: median {1e3 * median:.3f} ms, "
            f"target {1e3 * TARGET:.0f} ms {verdict}"
        )
    assert median < TARGET
