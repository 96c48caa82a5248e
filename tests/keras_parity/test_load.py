"""Importing TensorFlow: silent where it is installed, helpful where it is not.

In a kernel the import is run by chapter 6, whose stored outputs have no message.
"""

import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import weightinit

EVERYTHING_ELSE = [m.name for m in pkgutil.iter_modules(weightinit.__path__)
                   if m.name != "keras_parity"]  # fmt: skip
# One process for all of it, since each import of TensorFlow takes seconds.
SCRIPT = f"""
import os, sys
sys.modules["tensorflow"] = None
{"".join(f"import weightinit.{name}" + chr(10) for name in EVERYTHING_ELSE)}
try:
    from weightinit import keras_parity
except ImportError as error:
    print(error)
del sys.modules["tensorflow"]
from weightinit import keras_parity
print(keras_parity.mlp(1, 4, "relu").count_params())
from weightinit.keras_parity import load
with load._start_up_messages_held_back():
    os.write(2, b"I0000 00:00:1.2 7 cudart_stub.cc:31] Could not find cuda drivers\\n")
    os.write(2, b"E0000 00:00:1.2 7 other.cc:1] something broke\\n")
"""


def run_python(script):
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)


@pytest.fixture(scope="module")
def done(keras):
    return run_python(SCRIPT)


@pytest.mark.slow  # another Python, which imports everything
def test_without_tensorflow_everything_else_works_and_keras_says_what_to_install(done):
    assert len(EVERYTHING_ELSE) >= 12
    requirements = (Path(__file__).parents[2] / "requirements.txt").read_text("utf-8")
    pin = re.search(r"^tensorflow==.*$", requirements, re.MULTILINE)[0]
    first = done.stdout.splitlines()[0]
    assert first.startswith("tensorflow is not installed") and f"pip install {pin}." in first


def test_import_is_silent(done):
    """After the message above, the number of parameters is all that is written."""
    assert done.returncode == 0 and done.stdout.splitlines()[1:] == [str(64 * 4 + 4 + 4 * 10 + 10)]


def test_other_messages_are_let_through(done):
    """What is no start-up notice must be seen: here a line written during the import."""
    assert done.stderr == "E0000 00:00:1.2 7 other.cc:1] something broke\n"


def test_another_backend_is_refused():
    script = "import os; os.environ['KERAS_BACKEND'] = 'jax'\nimport weightinit.keras_parity"
    assert "ImportError: the course uses Keras on TensorFlow" in run_python(script).stderr
