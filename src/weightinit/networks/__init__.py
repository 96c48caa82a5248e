"""The chapters' networks: layer by layer (`mlp`, `convnet`), and step by step (`rnn`, `lstm`).

Read `fully_connected`, `hidden_layer` (a layer, its activation and its normalization),
`convolutional`, `recurrent`, then `long_short_term`.
"""

from weightinit.networks.convolutional import convnet
from weightinit.networks.fully_connected import Residual, mlp
from weightinit.networks.long_short_term import LongShortTerm, lstm
from weightinit.networks.recurrent import Recurrent, rnn

__all__ = ["LongShortTerm", "Recurrent", "Residual", "convnet", "lstm", "mlp", "rnn"]
