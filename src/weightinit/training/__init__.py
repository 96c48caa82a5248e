"""One training loop (`train`), and the same for many small networks at once (`train_ensemble`).

Read `loop` (batches, evaluation, checks: what both share), `one_network`, then `ensemble`,
`stack` (many networks, stacked along a new first axis) and `own_rates` (their optimizer), and
`tuning` (which learning rate).
"""

from weightinit.training.ensemble import sweep, train_ensemble
from weightinit.training.one_network import Run, train
from weightinit.training.tuning import BestRateAtEdge, Tuned, final_loss, steps_until, tune

__all__ = [
    "BestRateAtEdge",
    "Run",
    "Tuned",
    "final_loss",
    "steps_until",
    "sweep",
    "train",
    "train_ensemble",
    "tune",
]
