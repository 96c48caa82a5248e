"""The examples in the docstrings, which pytest does not collect: that would import TensorFlow.

It would do so in every worker, before the first test; see `collect_ignore` in the root's conftest.
"""

import doctest
import importlib
import pkgutil

import pytest


@pytest.mark.usefixtures("keras")
def test_examples_are_right():
    package = importlib.import_module("weightinit.keras_parity")
    names = [module.name for module in pkgutil.iter_modules(package.__path__)]
    assert names
    results = [
        doctest.testmod(importlib.import_module(f"weightinit.keras_parity.{name}"))
        for name in names
    ]
    assert sum(result.attempted for result in results) > 0
    assert sum(result.failed for result in results) == 0
