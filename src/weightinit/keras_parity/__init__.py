"""The same networks in Keras. The only folder that imports Keras and TensorFlow.

Importing it is silent. Where TensorFlow is not installed it says what to install; nothing else in
the package needs it.

Read `networks` (a network of Keras, and weights copied into it), `runs` (trained and probed as this
package does it), then `load` (importing TensorFlow without its messages).
"""

from weightinit.keras_parity.load import keras
from weightinit.keras_parity.networks import copy_weights, mlp
from weightinit.keras_parity.runs import probe, train

__all__ = ["copy_weights", "keras", "mlp", "probe", "train"]
