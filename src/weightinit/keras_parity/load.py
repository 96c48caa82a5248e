"""Importing TensorFlow and Keras without their start-up messages, for `keras_parity`."""

import importlib
import os
import re
import sys
import tempfile
from contextlib import contextmanager

from weightinit import _rerun

REQUIREMENT = "tensorflow==2.21.0"
# Lines that TensorFlow's C++ code writes at every start, with or without cause.
_NOTICE = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog|"
    rb"[IWE]\d{4} .*(cudart_stub|cpu_feature_guard|computation_placer|cuda_|util\.cc|port\.cc)|"
    rb".*(oneDNN|Could not find cuda drivers|To enable the following instructions|rebuild Tensor)"
)


@contextmanager
def _start_up_messages_held_back():
    """Keep what C++ code writes to stderr, which Python cannot; let all but notices out."""
    sys.stderr.flush()
    real = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(real, 2)
            os.close(real)
            held.seek(0)
            rest = [line for line in held if line.strip() and not _NOTICE.match(line)]
            os.write(2, b"".join(rest))


def _load():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    backend = os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if backend != "tensorflow":
        raise ImportError(f"the course uses Keras on TensorFlow, but KERAS_BACKEND is {backend!r}")
    # Before TensorFlow: with PyTorch's CUDA build, its compiler (Triton) crashes the process if it
    # is loaded after TensorFlow, and torch.func may load it at any time.
    importlib.import_module("torch._dynamo")
    try:
        with _start_up_messages_held_back():
            tensorflow = importlib.import_module("tensorflow")
            keras = importlib.import_module("keras")
            tensorflow.constant(0.0)  # some messages come with the first tensor
    except ModuleNotFoundError as error:
        raise ImportError(
            f"{error.name} is not installed. Chapter 6 compares PyTorch with Keras and needs it: "
            f"pip install {REQUIREMENT}. Chapters 1 to 5 and the rest of the package do without."
        ) from error
    return tensorflow, keras


tf, keras = _load()
_rerun.shift_keras(keras, tf)
