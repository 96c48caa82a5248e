"""One training loop (`train`), and the same for many small networks at once (`train_ensemble`).

Read `loop` (batches, evaluation, checks: what both share), `one_network`, then `ensemble` and
`stack` (many networks, stacked along a new first axis).
"""

from weightinit.training.ensemble import sweep, train_ensemble
from weightinit.training.one_network import Run, train

__all__ = ["Run", "sweep", "train", "train_ensemble"]
