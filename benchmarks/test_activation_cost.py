"""What an activation adds to a training step, relative to ReLU. Run with ``pytest benchmarks``."""

import time

import pytest
import torch
from torch import nn

from weightinit import networks

RELATIVES = ("leaky_relu", "prelu", "elu", "selu", "silu", "gelu", "tanh", "sigmoid")
LIMIT = 3.0  # against regressions of the own code around it; PyTorch's kernels stay below 2


def step(name, dtype, width=256, depth=5, batch=64):
    """Return a function that does one forward and backward pass."""
    model = networks.mlp(depth, width, "relu" if name == "prelu" else name, dtype=dtype)
    if name == "prelu":
        for layer in range(1, depth + 1):
            setattr(model, f"act{layer}", nn.PReLU(dtype=dtype))
    x = torch.randn(batch, 64, dtype=dtype, generator=torch.Generator().manual_seed(0))
    y = torch.arange(batch) % 10
    return lambda: nn.functional.cross_entropy(model(x), y).backward()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_cost_of_a_step(benchmark, capsys, dtype):
    """Time all of them in turn, so that a busy moment of the machine hits every one."""
    steps = {name: step(name, dtype) for name in ("relu", *RELATIVES)}
    taken = {name: [] for name in steps}

    def once():
        for name, run in steps.items():
            start = time.perf_counter()
            run()
            taken[name].append(time.perf_counter() - start)

    benchmark.pedantic(once, rounds=40, warmup_rounds=2)
    ratios = {name: min(taken[name]) / min(taken["relu"]) for name in RELATIVES}
    benchmark.extra_info.update(ratios)
    with capsys.disabled():
        shown = ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items())
        print(f"\n{dtype}, time per step over ReLU's: {shown}")
    assert max(ratios.values()) <= LIMIT
