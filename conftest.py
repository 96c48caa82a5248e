"""What every run of pytest in this project needs, whichever tests and doctests it runs."""

import os

import pytest

# Waiting threads should sleep. They spin by default, and then one other busy process on the machine
# makes small matrix products tens of times slower. Kernels started by the tests inherit it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

pytest_plugins = ["tests.notebooks.plugin"]


@pytest.fixture(autouse=True)
def registered_activations(monkeypatch):
    """Forget the activations that a test or a doctest registers."""
    from weightinit.activations import registry  # NumPy and SciPy only

    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))
