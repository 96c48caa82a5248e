r"""Probes: what every layer of a network sees in one forward and backward pass.

A probe puts hooks on the layers of a model. Each hook reduces the tensor it is shown to a few
numbers at once and keeps only those, so that probing needs next to no memory. Layers are the
modules which own a weight, a parameter with two or more dimensions: linear, convolutional,
recurrent, attention. Embeddings and normalizations are none, nor are modules of your own which own
positions or tokens, or which hold layers themselves. PyTorch shows a hook what goes in and out of a
*module*: an activation called as a function, ``F.relu(h)``, cannot be seen, and the table says so.

Read `whole_pass` (one pass, one table), `hooks` (how it is measured), `statistics` (means,
deviations and root mean squares of a tensor), then `saturation` (saturated entries, dead units).
"""

from weightinit.probes.hooks import Probe
from weightinit.probes.whole_pass import probe

__all__ = ["Probe", "probe"]
