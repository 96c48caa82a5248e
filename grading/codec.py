"""Values as JSON text, between the process that marks and the kernel of a student.

Nothing is ever unpickled, and only exact types travel: an object of a class that a student wrote
arrives as the name of its class, so it can neither compare itself equal nor run anything.
"""

import base64
import json
import math

import numpy as np

MOST = 12 * 2**20  # characters of one answer
PARTS = 200_000  # lists, arrays and dicts in it: millions take minutes to read
DTYPES = {f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)}
DTYPES |= {"bool", "float16", "float32", "float64"}


def encode(value):
    """Return a value as something that JSON can hold; see `decode`."""
    kind = type(value)
    if kind in (type(None), bool, int, float, str):
        return value
    if kind in (list, tuple):
        return [encode(item) for item in value]
    if kind is dict and all(type(key) is str for key in value):
        return {"dict": {key: encode(item) for key, item in value.items()}}
    if isinstance(value, np.generic) and value.dtype.name in DTYPES:
        return value.item()
    if kind.__module__.partition(".")[0] == "torch" and hasattr(value, "detach"):
        value, kind = value.detach().cpu(), "tensor"
        value = value.float() if str(value.dtype) == "torch.bfloat16" else value
        value = value.numpy()
        if value.ndim == 0:
            return value.item()
    if type(value) is np.ndarray and value.dtype.name in DTYPES:
        raw = np.ascontiguousarray(value).tobytes()
        found = {"data": base64.b64encode(raw).decode(), "dtype": value.dtype.name}
        return found | {"shape": list(value.shape), "tensor": kind == "tensor"}
    return {"type": type(value).__qualname__[:80]}


def plain(text):
    """Return a text that can be written: JSON has lone surrogates, and no file takes them."""
    return text.encode("utf-8", "replace").decode()


def _line(text):
    """Return a text in one line, without codes for colors: it stands among lines with points."""
    return "".join(one if one.isprintable() else "?" for one in " ".join(plain(text).split()))


class Foreign:
    """Stands for a value of a type that does not travel."""

    def __init__(self, name):
        self.name = name


def decode(value, tensors=False):
    """Return what `encode` was given: lists for tuples, arrays for tensors unless asked for.

    Raises
    ------
    ValueError
        If it is not what `encode` makes.

    Examples
    --------
    >>> decode(encode((1, {"a": np.float32(0.5)}, "x")))
    [1, {'a': 0.5}, 'x']
    >>> decode(encode(np.eye(2, dtype="float32"))).dtype
    dtype('float32')
    >>> decode(encode(object())).name
    'object'
    """
    if type(value) is list:
        return [decode(item, tensors) for item in value]
    if type(value) is not dict:
        return plain(value) if type(value) is str else value
    if value.keys() == {"dict"} and type(value["dict"]) is dict:
        return {plain(key): decode(item, tensors) for key, item in value["dict"].items()}
    if value.keys() == {"type"} and type(value["type"]) is str:
        return Foreign(_line(value["type"][:80]))
    if value.keys() != {"data", "dtype", "shape", "tensor"} or value["dtype"] not in DTYPES:
        raise ValueError("an unreadable array")
    shape = value["shape"]
    if type(shape) is not list or not all(type(n) is int and 0 <= n < 2**31 for n in shape):
        raise ValueError("an array of unreadable shape")
    raw, dtype = base64.b64decode(value["data"], validate=True), np.dtype(value["dtype"])
    if math.prod(shape) * dtype.itemsize != len(raw) or len(shape) > 8:
        raise ValueError("an array of unreadable size")
    found = np.frombuffer(raw, dtype).reshape(shape).copy()
    if value["tensor"] and tensors:
        import torch

        return torch.from_numpy(found)
    return found


def question(expression, values):
    """Return an expression and its values as text of letters, digits, + and /."""
    held = {"expression": expression, "values": {k: encode(v) for k, v in values.items()}}
    return base64.b64encode(json.dumps(held).encode()).decode()


class Reply:
    """What a kernel shows for an answer: the text under a MIME type of its own."""

    def __init__(self, text):
        self.text = text

    def _repr_mimebundle_(self, **kwargs):
        return {"application/x-answer": self.text}


def answer(text, namespace):
    """Evaluate a `question` in a namespace; runs in the kernel of the student, never raises."""
    try:
        held = json.loads(base64.b64decode(text))
        values = {name: decode(value, tensors=True) for name, value in held["values"].items()}
        found = {"value": encode(eval(held["expression"], {**namespace, **values}))}
        return Reply(json.dumps(found))
    except BaseException as error:  # also SystemExit: the kernel must go on
        return Reply(json.dumps({"error": _said(error)}))


def _said(error):
    name = str(type(error).__name__)
    try:
        text = str(error)
        if isinstance(error, NotImplementedError) and not text:
            text = _raised_in(error)
        return f"{name}: {text}"[:500]
    except BaseException:  # of a class that a student wrote
        return f"{name[:80]}, which cannot be printed"


def _raised_in(error):
    """Return the name of the function that raised an error, such as one that is left blank."""
    trace = error.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_frame.f_code.co_name


def read(text):
    """Return ``(value, error)`` of an answer, one of them ``None``.

    Raises
    ------
    ValueError
        If it is not what `answer` writes, or too long.

    Examples
    --------
    >>> read(answer(question("f(n)", {"n": 3}), {"f": lambda n: n + 1}).text)
    (4, None)
    >>> read(answer(question("f(n)", {"n": 3}), {}).text)
    (None, "NameError: name 'f' is not defined")
    """
    if type(text) is not str or len(text) > MOST:
        raise ValueError("an answer that is too long")
    if text.count("[") + text.count("{") > PARTS:
        raise ValueError("an answer of too many parts")
    try:
        found = json.loads(text)
        if type(found) is dict and type(found.get("error")) is str:
            return None, _line(found["error"][:500])
        if type(found) is dict and "value" in found:
            return decode(found["value"]), None
    except (RecursionError, ValueError, TypeError) as error:
        raise ValueError(f"an unreadable answer ({error})"[:200]) from None
    raise ValueError("an unreadable answer")
