"""How much a probe adds to a forward and backward pass. Run with ``pytest benchmarks``."""

import os
import statistics
import time

import pytest
import torch

from weightinit.networks import mlp
from weightinit.probes import Probe

TARGET = 1.10
# Above the largest ratios that were measured, for a busy machine: more means that something got
# slower. The target itself is printed beside each ratio and not asserted.
WORST = {1: 1.4, 2: 1.8}
PAIRS = 60


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
def test_probe_overhead(benchmark, capsys, activation, dtype, threads):
    """Compare passes in pairs, one bare and one probed, which run directly after each other.

    The machine may be busy: the passes of a pair see nearly the same load, and every other pair
    starts with the probed pass. A pass is forward, loss and backward to all parameters. What a
    training loop pays once, attaching the hooks and building the table, is reported apart.

    The chapters run in float64 with one thread. How two threads wait for each other changes both
    passes: ``OMP_WAIT_POLICY=ACTIVE pytest benchmarks`` measures them with PyTorch's own way, which
    makes a bare pass fastest if nothing else runs.
    """
    model = mlp(20, 256, activation, dtype=dtype, seed=0)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(256, 64, dtype=dtype, generator=generator)
    y = torch.randint(10, (256,), generator=generator)
    bare, probed, around = [], [], []

    def run():
        model.zero_grad()
        start = time.perf_counter()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        return time.perf_counter() - start

    def run_probed():
        start = time.perf_counter()
        with Probe(model) as probe:
            probed.append(run())
        probe.table()
        around.append(time.perf_counter() - start - probed[-1])

    def pair():
        if len(bare) % 2:
            run_probed()
        bare.append(run())
        if len(bare) > len(probed):
            run_probed()

    benchmark.pedantic(pair, rounds=PAIRS, iterations=1, warmup_rounds=5)

    ratios = [p / b for p, b in zip(probed[5:], bare[5:], strict=True)]
    low, ratio, high = statistics.quantiles(ratios, n=4)
    benchmark.extra_info["ratio"] = round(ratio, 3)
    with capsys.disabled():
        print(
            f"\n{activation}, {dtype}, {threads} thread(s), waiting "
            f"{os.environ.get('OMP_WAIT_POLICY', 'default').lower()}: probed / bare = {ratio:.3f}, "
            f"target {TARGET:.2f} {'met' if ratio <= TARGET else 'MISSED'} (quartiles {low:.3f} to "
            f"{high:.3f}, minima {min(probed) / min(bare):.3f}); a bare pass takes "
            f"{1e3 * statistics.median(bare):.1f} ms, hooks and table once "
            f"{1e3 * statistics.median(around):.1f} ms"
        )
    assert ratio < WORST[threads]
