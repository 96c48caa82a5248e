"""What several test files share."""

import importlib
import os

import pytest


@pytest.fixture(scope="session")
def keras():
    """Keras, without TensorFlow's start-up messages; skips where it is not installed."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Before TensorFlow: with PyTorch's CUDA build, its compiler (Triton) crashes the process if it
    # is loaded after TensorFlow, and torch.func may load it at any time.
    importlib.import_module("torch._dynamo")
    pytest.importorskip("tensorflow")
    return pytest.importorskip("keras")
