"""What the tests of Keras's networks share."""

import pytest

from weightinit import networks

PYTORCH = {"batch": {"momentum": 0.9, "epsilon": 1e-5}, "layer": {"epsilon": 1e-5}, None: {}}


@pytest.fixture
def parity(keras):
    from weightinit import keras_parity

    return keras_parity


@pytest.fixture
def pair(parity):
    """Return a function that builds a network in PyTorch and its twin in Keras."""

    def build(normalization, activation="tanh", dtype="float64"):
        options = {"normalization": normalization}
        model = networks.mlp(3, 16, activation, seed=1, **options)
        options |= PYTORCH[normalization]
        twin = parity.mlp(3, 16, activation, seed=2, dtype=dtype, **options)
        parity.copy_weights(model, twin)
        return model, twin

    return build
