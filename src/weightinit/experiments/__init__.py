"""Experiments that take longer than a chapter may: computed by `make sweeps`, kept in files.

Each is a function that trains some networks, one cell of a grid; the grid stands below it in its
file, as an entry of ``GRIDS``. `results` gives the table of a whole grid, read from its file in
``chapters/results`` as far as that holds it. Delete the file to compute all of it again. Chapters
show the text of six functions: after a change, also of a docstring, run `make notebooks`.

Read `stored`, then the experiment that you are looking for: `tanh_gains` (chapter 2),
`activation_starts` (chapter 3), `explosions` (chapter 4), `depths`, `critical_tanh`, `relu_starts`,
`ten_layers`, `small_starts`, `very_deep`, `residual_blocks` (chapter 5), `batch_normalization`,
`scaled_layers`, `frozen_parts`, `batch_sizes` (chapter 6), and for pages of further experiments
`thirty_layers`, `confident_starts`, `tanh_rules`, `pixel_readers`, `forget_gates`, `fixup_blocks`,
`wide_layers`. What several of them need is in `rates` and `last_rows`.
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
from weightinit.experiments.confident_starts import confident_network, factor_and_shift
from weightinit.experiments.critical_tanh import orthogonal_at_depth, tanh_network
from weightinit.experiments.depths import depth_and_scale
from weightinit.experiments.explosions import clipping_threshold, remedy_and_scale
from weightinit.experiments.fixup_blocks import fixup_network, start_and_blocks
from weightinit.experiments.forget_gates import bias_and_optimizer, forgetful
from weightinit.experiments.frozen_parts import (
    copied_weights,
    faint_network,
    frozen_biases,
    frozen_weights,
    trained_before,
)
from weightinit.experiments.pixel_readers import case_and_method, pixel_reader, trained_reader
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
from weightinit.experiments.tanh_rules import hidden_and_output, rule, tanh_layers, zigzag
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
from weightinit.experiments.wide_layers import adam, of_width, width_and_rates

__all__ = [
    "GRIDS",
    "activation_and_start",
    "adam",
    "batch_size_and_rate",
    "bias_and_optimizer",
    "branch_and_rate",
    "case_and_method",
    "clipping_threshold",
    "confident_network",
    "copied_weights",
    "depth_and_scale",
    "divided_scores",
    "factor_and_shift",
    "faint_digits",
    "faint_network",
    "first_layers_and_rate",
    "first_steps",
    "first_steps_at_two_rates",
    "fixup_network",
    "forgetful",
    "frozen_biases",
    "frozen_weights",
    "gain_and_optimizer",
    "gaussian_with_signal_of_orthogonal",
    "he_times",
    "hidden_and_output",
    "hidden_faster",
    "hidden_scale_and_rate",
    "hundred_blocks",
    "late_normalization",
    "linear_part",
    "linear_share",
    "long_run",
    "matrices_and_scale",
    "normalized_scheme_and_rate",
    "of_width",
    "other_eps_and_rate",
    "orthogonal_at_depth",
    "pixel_reader",
    "relu_network",
    "remedy_and_scale",
    "restored_signal",
    "results",
    "rule",
    "rule_and_optimizer",
    "scaled_and_tuned",
    "scaled_at_two_rates",
    "scaled_network",
    "scheme_and_optimizer",
    "scheme_and_rate",
    "small_batches",
    "small_batches_at_two_rates",
    "small_tanh",
    "start_and_blocks",
    "std_and_normalization",
    "tanh_layers",
    "tanh_network",
    "tanh_start",
    "thirty_relu_layers",
    "thousand_layers",
    "trained_before",
    "trained_reader",
    "width_and_rates",
    "woken",
    "zigzag",
]
