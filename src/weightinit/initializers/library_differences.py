"""Where this package and the libraries start weights differently, in numbers."""

from __future__ import annotations

from math import inf, nan

import pandas as pd

_ROWS = [
    # Layer, quantity, then its value here, in torch.nn.init and in keras.initializers.
    ("Conv2d(8, 16, 3, groups=4)", "fan_out", 36, 144, 144, "an input reaches its group only"),
    ("Conv2d(8, 16, 3, groups=8)", "fan_in", 9, 9, 72, "depthwise kernel, stored transposed"),
    ("Conv2d(8, 16, 3, groups=8)", "fan_out", 18, 144, 18, "an input reaches its group only"),
    ("Conv2d(4, 8, 3, stride=2)", "fan_out", 18, 72, 72, "4 times fewer outputs than inputs"),
    ("ConvTranspose2d(6, 10, 3)", "fan_in", 54, 90, 90, "swapped: only the shape is seen"),
    ("ConvTranspose2d(6, 10, 3)", "fan_out", 90, 54, 54, "swapped: only the shape is seen"),
    ("ConvTranspose2d(6, 10, 4, stride=2)", "fan_in", 24, 160, 160, "swapped; stride ignored"),
    ("MultiheadAttention(32, 4), query", "fan_in", 32, 32, 128, "Keras: heads count as inputs"),
    ("MultiheadAttention(32, 4), query", "fan_out", 32, 96, 256, "query, key, value are stacked"),
    ("Embedding(1000, 16)", "fan_in", 1, 16, 1000, "a lookup sums one term"),
    ("Embedding(1000, 16)", "fan_out", 16, 1000, 16, "PyTorch stores it the other way round"),
    ("Bilinear(4, 6, 5)", "fan_out", 24, 30, nan, "two kinds of inputs; the mean"),
    ("he_normal", "cut at (std)", inf, inf, 2.2737, "Keras: the truncated law"),
    ("truncated normal, std 1", "std after the cut", 1, 0.8796, 0.8796, "widened first, here"),
    ("orthogonal, 3 inputs, 12 outputs", "mean square, out/in", 1, 0.25, 0.25, "rescaled here"),
    ("two layers, one seed or generator", "distinct draws", 2, 2, 1, "an int seed repeats itself"),
]


def differences() -> pd.DataFrame:
    """Return the cases in which the libraries differ from this package, and from each other.

    Checked against PyTorch 2.13 and Keras 3.15. Everywhere else the laws agree: ``xavier_*`` is
    ``xavier_*_`` and ``Glorot*``, ``he_uniform`` is ``kaiming_uniform_`` with its gain for ReLU and
    ``HeUniform``, ``he_normal`` is ``kaiming_normal_``. Keras's ``HeNormal``, ``LecunNormal`` and
    ``GlorotNormal`` are the ``*_truncated_normal`` schemes.

    Returns
    -------
    pandas.DataFrame
        One row per case: ``case`` (layers in PyTorch's notation), ``quantity``, its value ``here``,
        in ``pytorch`` and in ``keras`` (nan: no such thing), and ``why``.

    Examples
    --------
    >>> table = differences().set_index(["case", "quantity"])
    >>> table.loc[("ConvTranspose2d(6, 10, 3)", "fan_in"), ["here", "pytorch"]].tolist()
    [54.0, 90.0]
    """
    return pd.DataFrame(_ROWS, columns=["case", "quantity", "here", "pytorch", "keras", "why"])
