"""How weights start: fans, one engine for variance scaling, and the schemes built on it.

A scheme is a rule for the variance of one weight, given how many inputs the layer has (its
*fan-in*) and how many outputs (its *fan-out*). Each named scheme is one line in `SCHEMES`. Other
rules (orthogonal, constant, ...) are in `RULES`; `initialize` applies any of them to a whole model,
and `lsuv` lets a batch of data decide.

Read `fan_in_fan_out` (of linear, grouped, strided and other layers), `schemes` (variance scaling),
`rules` and `orthogonal` (the other rules), `one_layer` and `whole_model` (a rule applied),
then `layer_sequential` (LSUV).
"""

from weightinit.initializers.fan_in_fan_out import fans, weights_of
from weightinit.initializers.layer_sequential import lsuv
from weightinit.initializers.one_layer import fill_
from weightinit.initializers.orthogonal import Orthogonal
from weightinit.initializers.rules import Constant, Normal
from weightinit.initializers.schemes import SCHEMES, Scheme, get, variance
from weightinit.initializers.whole_model import RULES, initialize

__all__ = [
    "RULES",
    "SCHEMES",
    "Constant",
    "Normal",
    "Orthogonal",
    "Scheme",
    "fans",
    "fill_",
    "get",
    "initialize",
    "lsuv",
    "variance",
    "weights_of",
]
