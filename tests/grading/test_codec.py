"""Values on their way from the kernel of a student: what arrives, and what is refused."""

import base64
import json
import math
import os
import random

import numpy as np
import pytest
import torch

from grading.codec import DTYPES, MOST, Foreign, answer, decode, encode, question, read


def sent(value):
    """Return what arrives of a value that the name x has in the kernel."""
    found, error = read(answer(question("x", {}), {"x": value}).text)
    assert error is None
    return found


def array(**changed):
    """Return the text of an answer, an array of two numbers, with something changed in it."""
    made = encode(np.arange(2.0)) | changed
    return json.dumps({"value": made})


@pytest.mark.parametrize(
    "value",
    [None, True, False, 0, -(10**30), 0.1, math.pi, 5e-324, "", 'naïve ½ "quote" \\ \n', [], {}],
    ids=repr,
)
def test_plain_values_arrive_as_they_are(value):
    assert sent(value) == value and type(sent(value)) is type(value)


def test_infinite_and_undefined_numbers_arrive():
    assert sent(math.inf) == math.inf and sent(-math.inf) == -math.inf
    assert math.isnan(sent(math.nan))
    assert np.isnan(sent(np.array([1, math.nan]))).tolist() == [False, True]


def test_collections_arrive_in_depth_with_tuples_as_lists():
    value = {"a": (1, [2.5, {"b": None}]), "type": "x", "dict": {}, "data": 1}
    assert sent(value) == {"a": [1, [2.5, {"b": None}]], "type": "x", "dict": {}, "data": 1}


@pytest.mark.parametrize("name", sorted(DTYPES))
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3, 4)])
def test_arrays_arrive_bit_by_bit(name, shape):
    value = np.random.default_rng(0).integers(0, 2, shape).astype(name)
    for one in (value, value.T, value[::-1] if shape else value):  # also those not contiguous
        got = sent(one)
        assert got.dtype == one.dtype and got.shape == one.shape and (got == one).all()
    got[...] = 1  # an array of our own, which may be written to


def test_numbers_of_numpy_and_torch_are_numbers():
    for value, plain in [(np.float32(0.5), 0.5), (np.int64(3), 3), (np.bool_(True), True)]:
        assert sent(value) == plain and type(sent(value)) is type(plain)
    assert sent(torch.tensor(2)) == 2 and type(sent(torch.tensor(2.0))) is float


@pytest.mark.parametrize("kind", ["float64", "float32", "float16", "bfloat16", "int64", "bool"])
def test_tensors_arrive_as_arrays_and_as_tensors_in_the_kernel(kind):
    value = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).to(getattr(torch, kind))
    assert sent(value).tolist() == value.tolist()
    namespace = {"kind": lambda x: type(x).__name__, "same": lambda x: bool((x == value).all())}
    assert read(answer(question("kind(x)", {"x": value}), namespace).text) == ("Tensor", None)
    assert read(answer(question("same(x)", {"x": value}), namespace).text) == (True, None)
    if kind != "bfloat16":  # which NumPy does not have
        plain = question("kind(x)", {"x": value.numpy()})
        assert read(answer(plain, namespace).text) == ("ndarray", None)


def test_parameters_with_gradient_and_views_arrive():
    weight = torch.nn.Parameter(torch.arange(6.0).reshape(2, 3))
    assert (sent(weight) == weight.detach().numpy()).all()
    assert (sent(weight.t()) == weight.detach().numpy().T).all()


class Liar(float):
    """Equal to everything, of every size."""

    def __eq__(self, other):
        return True

    __hash__ = float.__hash__

    def __reduce__(self):
        return os.mkdir, ("/tmp/unpickled",)


class Row(np.ndarray):
    pass


class Text(str):
    pass


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Liar(1), "Liar"),
        (Text("x"), "Text"),
        (np.zeros(2).view(Row), "Row"),
        (np.array([object()]), "ndarray"),
        (np.array(["x"]), "ndarray"),
        (np.zeros(2, complex), "ndarray"),
        (np.zeros(2, "datetime64[s]"), "ndarray"),
        ({1: 2}, "dict"),
        ({1}, "set"),
        (1j, "complex"),
        (b"x", "bytes"),
        (print, "builtin_function_or_method"),
        (type("T" * 500, (), {})(), "T" * 80),
    ],
    ids=lambda value: None if isinstance(value, str) else type(value).__name__,
)
def test_of_other_types_only_the_name_arrives(value, name):
    for got in (sent(value), sent([value])[0], sent({"a": value})["a"]):
        assert type(got) is Foreign and got.name == name


def test_what_an_expression_raises_arrives_as_text_and_nothing_ends():
    def of(expression, **names):
        value, error = read(answer(question(expression, {}), names).text)
        assert value is None
        return error

    def leave():
        raise SystemExit(3)

    def long():
        raise ValueError("x" * 10_000)

    assert of("1 / 0") == "ZeroDivisionError: division by zero"
    assert of("f()") == "NameError: name 'f' is not defined"
    assert of("leave()", leave=leave) == "SystemExit: 3"
    assert len(of("long()", long=long)) == 500
    assert of("1 +").startswith("SyntaxError")

    def raises():
        raise NameError("x", name=object())

    bad = type("Bad", (Exception,), {"__str__": lambda self: 1 / 0})

    def worse():
        raise bad

    assert of("worse()", worse=worse) == "Bad, which cannot be printed"
    assert "4300 digits" in of("10**5000")
    assert of("raises()", raises=raises).startswith("NameError")


def test_names_of_the_student_can_be_hidden_but_not_changed():
    names = {"x": 1, "f": lambda x: x + 1}
    assert read(answer(question("f(x)", {"x": 5}), names).text) == (6, None)
    assert names["x"] == 1
    read(answer(question("[y := 3]", {}), names).text)
    assert "y" not in names


def test_a_question_is_safe_inside_quotes():
    text = question('f("\'\\\\\n")', {"ü": "'; import os #"})
    assert set(text) <= set(base64.b64encode(bytes(range(256))).decode() + "=0123456789ABCDEFG")
    assert set("'\"\\\n(){} ").isdisjoint(text)


@pytest.mark.parametrize(
    "text",
    [
        None,
        b"{}",
        "",
        "nonsense",
        "[]",
        "{}",
        '{"error": 3}',
        '{"value": ' + "[" * 100_000,
        '{"value": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"value": ' + "9" * 100_000 + "}",
        '{"value": {"pickle": "gASVJgAAAAAAAACMBXBvc2l4"}}',
        '{"value": {"type": 3}}',
        array(dtype="object"),
        array(dtype="O"),
        array(dtype="<U8"),
        array(dtype=["float64"]),
        array(dtype={"names": ["a"]}),
        array(dtype="float64,float64", shape=[1]),
        array(dtype="complex128", shape=[1]),
        array(dtype="datetime64[s]"),
        array(dtype="S8"),
        array(dtype="V8"),
        array(shape=[3]),
        array(shape=[-2]),
        array(shape=[-1, -2]),
        array(shape=[2**62, 4]),
        array(shape=[2.0]),
        array(shape=[True, 2]),
        array(shape=2),
        array(shape=[1] * 20 + [2]),
        array(data="%%%"),
        array(data=7),
        array(data="AAAA"),
        array(data="ü"),
        array(extra=1),
        json.dumps({"value": "x" * MOST}),
    ],
    ids=lambda text: str(text)[:40],
)
def test_an_unreadable_answer_is_refused_with_one_kind_of_error(text):
    with pytest.raises(ValueError) as caught:
        read(text)
    assert len(str(caught.value)) <= 200


def test_noise_in_an_answer_is_read_or_refused_and_nothing_else():
    """Bytes of a good answer, changed at random: a list of numbers, or a ValueError."""
    dice, good = random.Random(5), answer(question("x", {}), {"x": [np.eye(2), 1, "a"]}).text
    outcomes = {"read": 0, "refused": 0}
    for _ in range(3000):
        text = list(good)
        for _ in range(dice.randint(1, 4)):
            text[dice.randrange(len(text))] = dice.choice('{}[]":,0aA=-')
        try:
            read("".join(text))
            outcomes["read"] += 1
        except ValueError:
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 50


@pytest.mark.parametrize(
    "text",
    [
        '{"error": "E: \\ud800"}',
        '{"value": "\\udcff"}',
        '{"value": {"type": "\\udfff"}}',
        '{"value": {"dict": {"\\ud800": 1}}}',
    ],
)
def test_text_that_no_file_can_hold_is_replaced(text):
    """A lone surrogate in an answer would else stop the report of all students."""
    value, error = read(text)
    assert "?" in str(error or getattr(value, "name", value)).encode().decode()


def test_an_answer_of_millions_of_parts_is_refused_at_once():
    """Within the length that is allowed; to read it took minutes on a busy computer."""
    text = '{"value": [' + "[]," * (MOST // 3 - 10) + "0]}"
    with pytest.raises(ValueError, match="too many parts"):
        read(text)
    many = [[0.5] * 3] * 50_000
    assert read(answer(question("x", {}), {"x": many}).text) == (many, None)


def test_nothing_is_unpickled():
    assert not os.path.exists("/tmp/unpickled")
    with pytest.raises(ValueError):
        decode({"data": "", "dtype": "object", "shape": [0], "tensor": False})
