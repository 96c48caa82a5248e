"""What every run of pytest in this project needs, whichever tests and doctests it runs."""

import importlib.util
import os

import pytest

# Waiting threads should sleep. They spin by default, and then one other busy process on the machine
# makes small matrix products tens of times slower. Kernels started by the tests inherit it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Workers of pytest-xdist compute beside each other: each with its share of the cores.
if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    SHARE = (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, SHARE)))

# Looking for doctests there imports TensorFlow; tests/keras_parity/test_doctests.py runs them.
collect_ignore = ["src/weightinit/keras_parity"]
# One of its examples trains 25 networks: tests/experiments/test_relu_starts.py asks their file.
collect_ignore += ["src/weightinit/experiments/relu_starts.py"]

# Most of the grading imports nbgrader, which `make grading` installs; tests/grading says so.
if importlib.util.find_spec("nbgrader") is None:
    collect_ignore_glob = ["grading/*.py"]

pytest_plugins = ["tests.notebooks.plugin", "tests.running.workers", "tests.running.progress"]


@pytest.fixture(autouse=True)
def registered_activations(monkeypatch):
    """Forget the activations that a test or a doctest registers."""
    from weightinit.activations import registry  # NumPy and SciPy only

    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))


@pytest.fixture(autouse=True)
def no_16_bit_products(request):
    """Let a product in a 16-bit format fail the test whose file names such a format."""
    from tests.notebooks import sixteen_bit

    allowed = request.node.get_closest_marker("sixteen_bit")
    if allowed or not sixteen_bit.file_names_a_format(request.path):
        yield
    else:
        with sixteen_bit.no_sixteen_bit_products():
            yield
