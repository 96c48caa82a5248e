"""What `activations.register` refuses and why, and what it takes back."""

import math
import re

import numpy as np
import pytest
import torch

from weightinit.activations import Activation, check, get, names, register

INF = float("inf")
SQUARE = (lambda h: h**2, lambda h: 2 * h)
TANH = (np.tanh, get("tanh").df)


def refusal(f, df, **kwargs):
    """The message with which it is refused; the registry stays as it was."""
    before = names()
    with pytest.raises(ValueError, match="^own: ") as caught:
        register("own", f, df, **kwargs)
    assert names() == before
    return str(caught.value)


# ---- Formulas that do not work on arrays -----------------------------------------------------

ADVICE = "; write it with NumPy, as np.where, np.maximum or np.sin, not with torch, math or if"


def broken(h):
    raise KeyError


FAILING = {
    "math": (math.sin, math.cos, "only 0-dim.* Python scalars"),
    "torch": (torch.sin, torch.cos, "sin.*must be Tensor, not numpy.ndarray"),
    "if": (lambda h: h if h > 0 else 0 * h, np.ones_like, "The truth value of an array .*"),
    "two arguments": (lambda h, k: h, np.ones_like, ".*missing 1 required positional .*'k'"),
    "without a message": (broken, np.ones_like, "KeyError"),
}


@pytest.mark.parametrize("case", FAILING)
def test_error_in_a_formula_says_what_to_write(case):
    f, df, original = FAILING[case]
    expected = f"^own: f failed on a NumPy array: {original}{re.escape(ADVICE)}$"
    with pytest.raises(ValueError, match=expected) as caught:
        register("own", f, df)
    assert isinstance(caught.value.__cause__, Exception)
    with pytest.raises(ValueError, match="^own: df failed on a NumPy array: ") as caught:
        register("own", lambda h: +h, f)
    assert caught.value.__cause__ is not None


def test_formula_must_work_on_a_single_number():
    one_by_one = lambda h: np.array([math.sin(x) for x in h])  # noqa: E731
    message = refusal(one_by_one, np.cos)
    assert message.startswith("own: f failed on a single number (a NumPy array without axes): iter")
    assert message.endswith(ADVICE)
    assert "df failed on a single number" in refusal(np.sin, lambda h: np.cos(h[:]))
    register("own", np.vectorize(math.sin), np.vectorize(math.cos))
    register(
        "own",
        lambda h: np.piecewise(h, [h < 0], [0, lambda x: x**3]),
        lambda h: get("relu")(h) ** 2 * 3,
    )


WRONG_KIND = {
    "list": (lambda h: [float(x) for x in h.ravel()], "[-"),
    "tensor": (lambda h: torch.tensor(h), "tensor("),
    "none": (lambda h: None, "None"),
    "bool": (lambda h: h > 0, "bool in the shape (6001,)"),
    "int": (lambda h: np.where(h > 0, 1, 0), "int64 in the shape (6001,)"),
    "float32": (lambda h: h.astype(np.float32), "float32 in the shape (6001,)"),
    "complex": (lambda h: h + 0j, "complex128 in the shape (6001,)"),
    "shape": (lambda h: h[..., None] + 0, "float64 in the shape (6001, 1)"),
    "number": (lambda h: 2, "2"),
    "NumPy number": (lambda h: np.mean(h), "float64 in the shape ()"),
    "number for a number": (lambda h: +h if h.ndim else float(h), "-9.99"),
}


@pytest.mark.parametrize("what", ["f", "df"])
@pytest.mark.parametrize("case", WRONG_KIND)
def test_formula_must_return_an_array_of_floats(case, what):
    formula, got = WRONG_KIND[case]
    message = refusal(*((formula, np.ones_like) if what == "f" else (lambda h: +h, formula)))
    expected = f"own: {what} must return a NumPy array of float64 numbers in the shape of its "
    assert message.startswith(expected) and f", got {got}" in message


def relu_in_place(h):
    h[h < 0] = 0
    return h


def test_formula_must_leave_its_argument_alone():
    message = "changes its argument; let it begin with h = h.copy()"
    assert refusal(relu_in_place, get("relu").df, kinks=[0]) == f"own: f {message}"
    step_in_place = lambda h: np.sign(relu_in_place(h))  # noqa: E731
    assert refusal(get("relu").f, step_in_place, kinks=[0]) == f"own: df {message}"
    register("own", lambda h: relu_in_place(h.copy()), get("relu").df, kinks=[0])
    register("own", lambda h: h, np.ones_like)  # handing it on is no change


def test_formula_must_not_mix_the_numbers():
    """A normalization is no activation, though df is its slope at a fixed scale."""
    message = refusal(lambda h: h / np.max(np.abs(h)), lambda h: 0 * h + 1 / np.max(np.abs(h)))
    assert message.startswith("own: f must treat each number on its own: at h = -10 it is -0.33")
    assert message.endswith("in an array, and -1 for that number alone")


# ---- Whether the formulas agree ----------------------------------------------------------

naive = lambda h: np.exp(h) / (1 + np.exp(h))  # noqa: E731
BAD = {
    "NaN near": (np.sqrt, lambda h: 0.5 / np.sqrt(h), {}, "f is (NaN|infinite) at h = -0.0"),
    "NaN in df": (np.tanh, lambda h: np.sqrt(h) * 0, {}, "df is (NaN|infinite) at h = -0.0"),
    # exp overflows from 709.78 on; the points which are tried are 3 % apart.
    "f NaN far out": (naive, get("sigmoid").df, {}, r"f is (NaN|infinite) at h = 7[1-3]\d"),
    "df NaN far out": (
        get("sigmoid").f,
        lambda h: naive(h) / (1 + np.exp(h)),
        {},
        "df is (NaN|infinite) at h = -?7",
    ),
    "f NaN on the left": (
        lambda h: 1 - naive(-h),
        get("sigmoid").df,
        {},
        "f is (NaN|infinite) at h = -7",
    ),
    "wrong derivative": (np.tanh, lambda h: 1 - np.tanh(h), {}, "df is not the derivative of f"),
    "missing kink": (np.abs, np.sign, {}, r"is there a kink near h = 0\? then say kinks=\[0\]$"),
    "bounds": (np.tanh, get("tanh").df, {"bounds": (0, 1)}, r"f leaves its bounds \(0, 1\)"),
    "number from f": (lambda h: 1.0, np.zeros_like, {}, "f must return a NumPy array .* 1.0"),
    "number from df": (lambda h: h, lambda h: 1.0, {}, "df must return a NumPy array .* 1.0"),
}


@pytest.mark.parametrize("case", BAD)
def test_formulas_that_do_not_agree_are_refused(case):
    f, df, kwargs, message = BAD[case]
    assert re.search(message, refusal(f, df, **kwargs))
    good = register("own", *SQUARE)
    with pytest.raises(ValueError, match=message):
        register("own", f, df, **kwargs)
    assert get("own") is good


def test_overflow_to_infinity_is_allowed():
    logistic = register("own", lambda h: 1 / (1 + np.exp(-h)), get("sigmoid").df)
    assert get("own") is logistic and logistic.flat_intervals() == get("sigmoid").flat_intervals()


# ---- The derivative --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "df", "kinks"),
    [
        (lambda h: h + 1e6, np.ones_like, ()),
        (lambda h: np.tanh(h) - 1e7, get("tanh").df, ()),
        (lambda h: h**4 * np.sin(h), lambda h: h**3 * (4 * np.sin(h) + h * np.cos(h)), ()),
        (
            lambda h: np.tanh(300 * h),
            lambda h: 300 / np.cosh(np.minimum(abs(300 * h), 99)) ** 2,
            (),
        ),
        (lambda h: np.log(1 + np.exp(h)), lambda h: 1 / (1 + np.exp(-h)), ()),
        (np.exp, np.exp, ()),
        (lambda h: np.abs(h - 25), lambda h: np.sign(h - 25), 25),
    ],
)
def test_right_derivative_is_accepted(f, df, kinks):
    assert register("own", f, df, kinks=kinks) is get("own")


@pytest.mark.parametrize("offset", [0, 1e6])
@pytest.mark.parametrize("edge", [6.5, 12, 29])
def test_wrong_derivative_far_out_is_refused(edge, offset):
    def f(h):
        return np.where(np.abs(h) > edge, 99.0, h) + offset

    def df(h):
        return np.where(np.abs(h) > edge, 5.0, 1.0)

    message = refusal(f, df, kinks=[-edge, edge])
    assert "df is not the derivative of f: near h = -" in message
    place, slope, said = re.search(
        r"h = (\S+) the slope should be (\S+), and df says (\S+)$", message
    ).groups()
    assert edge <= -float(place) < edge + 0.03 and (float(slope), float(said)) == (0, 5)


@pytest.mark.parametrize(
    ("f", "df", "message"),
    [
        (np.tanh, lambda h: TANH[1](h) / 2, "near h = 0 the slope should be 1, and df says 0.5"),
        (
            np.tanh,
            lambda h: TANH[1](h) * 1.00001,
            "h = 0 the slope should be 1, and df says 1.00001",
        ),
        (
            lambda h: h**2,
            lambda h: +h,
            r"near h = -?0.2[56] the slope should be -?0.(5|49)\d*, and df says -?0.2[4-6]",
        ),
        (lambda h: h + np.maximum(h - 3, 0) ** 2, np.ones_like, r"near h = 3.\d+ the slope should"),
    ],
)
def test_wrong_derivative_says_what_it_should_be(f, df, message):
    assert re.search(f"^own: df is not the derivative of f: .*{message}", refusal(f, df))


def triangles(h):
    return np.abs(h - np.round(h))


@pytest.mark.parametrize(
    ("f", "df", "kinks", "question"),
    [
        (np.abs, np.sign, (), "is there a kink near h = 0? then say kinks=[0]"),
        (get("elu").f, get("elu").df, (), "is there a kink near h = 0? then say kinks=[0]"),
        (
            lambda h: (h > 0.5) * 1.0,
            np.zeros_like,
            (),
            "is there a kink near h = 0.5? then say kinks=[0.5]",
        ),
        (
            get("hardtanh").f,
            get("hardtanh").df,
            (),
            "is there a kink near h = -1, 1? then say kinks=[-1, 1]",
        ),
        (
            get("hardtanh").f,
            get("hardtanh").df,
            1,
            "is there a kink near h = -1? then say kinks=[-1, 1]",
        ),
        (
            lambda h: np.abs(h - 20),
            lambda h: np.sign(h - 20),
            1 / 3,
            "then say kinks=[0.3333333333333333, 20]",
        ),
        (
            triangles,
            lambda h: np.sign(h - np.round(h)),
            (),
            "near h = 0, -0.5, 0.5, ...? then name all in kinks",
        ),
    ],
)
def test_kink_that_is_not_declared_is_asked_for(f, df, kinks, question):
    message = refusal(f, df, kinks=kinks)
    assert message.startswith("own: df is not the derivative of f: ") and message.endswith(question)
    if "say" in question:  # and the advice helps
        advised = [float(k) for k in re.search(r"kinks=\[(.*)\]", question)[1].split(",")]
        register("own", f, df, kinks=advised)


@pytest.mark.parametrize("at", ["0.125", "0.333333", "-2.71828", "29.995", "40", "700.7"])
def test_a_jump_between_the_points_is_asked_for(at):
    step = lambda h: (h > float(at)) * 1.0  # noqa: E731
    question = f"is there a kink near h = {at}? then say kinks=[{at}]"
    assert refusal(step, np.zeros_like).endswith(question)
    register("own", step, np.zeros_like, kinks=[float(at)])


@pytest.mark.parametrize("at", [1 / 8, -1 / 3, 123.456])
def test_a_corner_between_the_points_is_asked_for(at):
    corner = (lambda h: np.abs(h - at), lambda h: np.sign(h - at))
    assert f"is there a kink near h = {at:.6g}? then say kinks=[{at:.6g}]" in refusal(*corner)
    register("own", *corner, kinks=[float(f"{at:.6g}")])  # the advice helps


def test_bounds_are_where_f_stays():
    register("own", lambda h: 0 * h + 3, np.zeros_like, bounds=(3, 3))
    message = refusal(*TANH, bounds=(-1, 0.5))
    assert "f leaves its bounds (-1, 0.5): near h = 0.55 it is 0.5005" in message
    line = (lambda h: +h, np.ones_like)
    assert "bounds (-20, 40): near h = -20.01" in refusal(*line, bounds=(-20, 40))


@pytest.mark.parametrize("given", ["tanh", None, np.tanh, Activation])
def test_only_an_activation_is_checked(given):
    with pytest.raises(TypeError, match=r"activation must be a weightinit.Activation, such as act"):
        check(given)
