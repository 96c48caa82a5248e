"""How much a probe adds to a forward and backward pass. Run with ``pytest benchmarks``."""

import statistics
import time

import pytest
import torch

from weightinit.networks import mlp
from weightinit.probes import Probe

ALLOWED = 1.10  # for float32; float64 is only reported
PAIRS = 150


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
def test_probe_overhead(benchmark, capsys, activation, dtype):
    """Median over pairs of passes, one bare and one probed, run directly after each other.

    The machine may be busy: the two passes of a pair see nearly the same load, and every other
    pair starts with the probed pass. The probed pass pays for everything: attaching the hooks,
    measuring, removing them and building the table.
    """
    model = mlp(20, 256, activation, dtype=dtype, seed=0)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(256, 64, dtype=dtype, generator=generator)
    y = torch.randint(10, (256,), generator=generator)

    def bare():
        model.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()

    def probed():
        with Probe(model) as probe:
            bare()
        probe.table()

    ratios, seconds = [], []

    def pair():
        passes = (bare, probed) if len(ratios) % 2 else (probed, bare)
        took = {run: _seconds(run) for run in passes}
        ratios.append(took[probed] / took[bare])
        seconds.append(took[bare])

    for _ in range(10):
        pair()
    ratios.clear()
    seconds.clear()
    benchmark.pedantic(pair, rounds=PAIRS, iterations=1)

    low, ratio, high = statistics.quantiles(ratios, n=4)
    benchmark.extra_info["ratio"] = round(ratio, 3)
    with capsys.disabled():
        print(
            f"\n{activation}, {dtype}: probed / bare = {ratio:.3f} (quartiles {low:.3f} to "
            f"{high:.3f}); a bare pass takes {1e3 * statistics.median(seconds):.1f} ms"
        )
    if dtype == torch.float32:
        assert ratio <= ALLOWED


def _seconds(run):
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
