"""Experiments that take longer than a chapter may: computed by `make sweeps`, kept in files.

Each is a function that trains some networks, one cell of a grid; the grid stands below it in its
file, as an entry of ``GRIDS``. `results` gives the table of a whole grid, read from its file in
``chapters/results`` as far as that holds it. Delete the file to compute all of it again. Chapters
show the text of six functions: after a change, also of a docstring, run `make notebooks`.

Read `stored`, then the experiment that you are looking for: `tanh_gains` (chapter 2),
`activation_starts` (chapter 3), `explosions` (chapter 4), `depths`, `critical_tanh`, `relu_starts`,
`ten_layers`, `small_starts`, `very_deep`, `residual_blocks` (chapter 5), `thirty_layers` (a further
experiment), `batch_normalization`, `scaled_layers`, `frozen_parts`, `batch_sizes` (chapter 6). What
several of them need is in `rates` and `last_rows`.
"""

from weightinit.experiments.activation_starts import activation_and_start
from weightinit.experiments.batch_normalization import (
    first_layers_and_rate,
    late_normalization,
    normalized_scheme_and_rate,
    other_eps_and_rate,
    std_and_normalization,
)
from weightinit.experiments.batch_sizes import batch_size_and_rate
from weightinit.experiments.critical_tanh import orthogonal_at_depth, tanh_network
from weightinit.experiments.depths import depth_and_scale
from weightinit.experiments.explosions import clipping_threshold, remedy_and_scale
from weightinit.experiments.frozen_parts import (
    copied_weights,
    faint_network,
    frozen_biases,
    frozen_weights,
    trained_before,
)
from weightinit.experiments.relu_starts import he_times, relu_network, scheme_and_rate
from weightinit.experiments.residual_blocks import branch_and_rate, divided_scores, hundred_blocks
from weightinit.experiments.scaled_layers import (
    first_steps,
    first_steps_at_two_rates,
    hidden_faster,
    hidden_scale_and_rate,
    scaled_and_tuned,
    scaled_at_two_rates,
    scaled_network,
    small_batches,
    small_batches_at_two_rates,
)
from weightinit.experiments.small_starts import small_tanh, woken
from weightinit.experiments.stored import GRIDS, results
from weightinit.experiments.tanh_gains import gain_and_optimizer, tanh_start
from weightinit.experiments.ten_layers import long_run, scheme_and_optimizer
from weightinit.experiments.thirty_layers import matrices_and_scale, thirty_relu_layers
from weightinit.experiments.very_deep import (
    faint_digits,
    gaussian_with_signal_of_orthogonal,
    linear_part,
    linear_share,
    restored_signal,
    rule_and_optimizer,
    thousand_layers,
)

__all__ = [
    "GRIDS",
    "activation_and_start",
    "batch_size_and_rate",
    "branch_and_rate",
    "clipping_threshold",
    "copied_weights",
    "depth_and_scale",
    "divided_scores",
    "faint_digits",
    "faint_network",
    "first_layers_and_rate",
    "gain_and_optimizer",
    "gaussian_with_signal_of_orthogonal",
    "first_steps",
    "first_steps_at_two_rates",
    "frozen_biases",
    "frozen_weights",
    "he_times",
    "hidden_faster",
    "hidden_scale_and_rate",
    "hundred_blocks",
    "long_run",
    "late_normalization",
    "linear_part",
    "linear_share",
    "matrices_and_scale",
    "normalized_scheme_and_rate",
    "other_eps_and_rate",
    "orthogonal_at_depth",
    "relu_network",
    "remedy_and_scale",
    "restored_signal",
    "results",
    "scaled_and_tuned",
    "scaled_at_two_rates",
    "scaled_network",
    "rule_and_optimizer",
    "scheme_and_optimizer",
    "scheme_and_rate",
    "small_batches",
    "small_batches_at_two_rates",
    "small_tanh",
    "std_and_normalization",
    "tanh_network",
    "tanh_start",
    "thirty_relu_layers",
    "thousand_layers",
    "trained_before",
    "woken",
]
