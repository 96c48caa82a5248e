"""What several test files share."""

import importlib

import pytest

pytest.register_assert_rewrite("tests.failures.support")


@pytest.fixture(scope="session")
def keras():
    """Keras, without TensorFlow's start-up messages; skips where it is not installed."""
    pytest.importorskip("tensorflow")
    return importlib.import_module("weightinit.keras_parity").keras


@pytest.fixture
def one_thread():
    """Let PyTorch compute on one core."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def poisoned_memory():
    """Fill the memory that torch.empty returns with NaN: the worst that it may hold."""
    import torch

    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    assert torch.utils.deterministic.fill_uninitialized_memory
    assert torch.empty(3).isnan().all()
    yield
    torch.use_deterministic_algorithms(before)
