"""Numbers of a check, questions, and comparisons, with what a student reads."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from grading.checking import Ask, Parameters, Wrong, close, within
from grading.codec import answer


def drawn(params):
    return params.randint(1, 10**9), params.uniform(0, 1), params.numpy().normal(size=3).tolist()


def test_parameters_are_the_same_each_time():
    names = b"a secret", "ada", "01_test", "task", "part"
    assert drawn(Parameters(*names)) == drawn(Parameters(*names))


def test_parameters_differ_in_each_of_what_they_follow_from():
    """Also where names only share their letters out differently."""
    found = [
        drawn(Parameters(secret, *names))
        for secret in (b"a secret", b"a secre", b"A secret")
        for names in itertools.product(("ada", "ad", "bob"), ("1", "a1"), ("task", "other"))
    ]
    for values in zip(*found, strict=True):
        assert len({str(value) for value in values}) == len(found)
    assert drawn(Parameters(b"s", "ab", "c")) != drawn(Parameters(b"s", "a", "bc"))


def test_parameters_of_many_students_are_spread_evenly():
    numbers = [Parameters(b"a secret", f"student {n}").uniform(0, 1) for n in range(2000)]
    assert stats.kstest(numbers, "uniform").pvalue > 1e-3


def test_parameters_are_not_guessed_from_the_public_ones():
    public = Parameters(b"public", "task", "part")
    assert drawn(public) != drawn(Parameters(b"a secret", "ada", "01_test", "task", "part"))


def ask(**names):
    return Ask(lambda text: answer(text, names).text)


def told(run, *arguments, **values):
    with pytest.raises(Wrong) as caught:
        run(*arguments, **values)
    return str(caught.value)


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.array(2.0), np.array([[2]])], ids=repr)
def test_a_number_is_a_float(value):
    got = ask(x=value).number("x")
    assert got == 2 and type(got) is float


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "`x` should be a number, got None: is a `return` missing?"),
        ("2", "`x` should be a number, got str"),
        (True, "`x` should be a number, got bool"),
        ([2.0], "`x` should be a number, got list"),
        (np.ones(2), "`x` should be a number, got an array of shape (2,)"),
        (object(), "`x` should be a number, got an object of type object, which cannot be marked"),
        (math.nan, "`x` should be a finite number, got nan"),
        (-math.inf, "`x` should be a finite number, got -inf"),
        (10**400, "`x` should be a finite number, got inf"),
        (-1e61, "`x` is too large: -1e+61"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_number_is_named(value, said):
    assert told(ask(x=value).number, "x") == said


@pytest.mark.parametrize(
    "value",
    [[[1, 2], [3, 4]], ((1.0, 2), (3, 4)), np.array([[1, 2], [3, 4]], "uint8")],
    ids=["lists", "tuples", "bytes"],
)
def test_an_array_is_float64(value):
    got = ask(x=value).array("x", (2, 2))
    assert got.dtype == float and got.tolist() == [[1, 2], [3, 4]]
    assert ask(x=2.5).array("x", ()) == 2.5


MANY = "`x` should be an array of numbers"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "`x` should be an array, got None: is a `return` missing?"),
        ("ab", "`x` should be an array, got str"),
        (np.ones((2, 1)), "`x` should have shape (2,), got (2, 1)"),
        (np.ones(3), "`x` should have shape (2,), got (3,)"),
        (1.0, "`x` should have shape (2,), got ()"),
        ([[1, 2], [3]], f"{MANY}: a list of 2 numbers will do"),
        (["a", "b"], f"{MANY}: a list of 2 numbers will do"),
        (["a" * 10**6, *[""] * 10**6], f"{MANY}: a list of 2 numbers will do"),  # as texts 4 TB
        ([None, {}], f"{MANY}: a list of 2 numbers will do"),
        ([object(), 1], f"{MANY}: a list of 2 numbers will do"),
        ([10**400, 1], f"{MANY}: a list of 2 numbers will do"),
        (np.array([1, math.nan]), "`x` contains nan or infinity"),
        ([1.0, math.inf], "`x` contains nan or infinity"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_array_is_named(value, said):
    assert told(ask(x=value).array, "x", (2,)) == said


BLANK = "is not written yet, or its line `raise NotImplementedError()` is still there"


def test_the_function_that_is_left_blank_is_named():
    def inner(x):
        raise NotImplementedError

    def outer(x):
        return inner(x) + 1

    def library(x):
        raise NotImplementedError("no such kernel")

    questions = ask(inner=inner, outer=outer, library=library)
    assert told(questions, "[inner(x) for _ in range(2)][1]", x=1) == f"`inner` {BLANK}"
    assert told(questions, "outer(x)", x=1) == f"`outer(x)` needs `inner`, which {BLANK}"
    assert "raised NotImplementedError: no such kernel" in told(questions, "library(x)", x=1)
    unnamed = Ask(lambda question: '{"error": "NotImplementedError: "}')
    assert told(unnamed, "f(1)") == f"`f(1)` {BLANK}"


def test_errors_that_often_have_one_cause_come_with_a_question():
    questions = ask(maker=lambda x: None, a=np.ones((2, 3)))
    assert "is a `return` missing? (with x = 1)" in told(questions, "maker(x)(x)", x=1)
    assert "is a `return` missing?" in told(questions, "maker(1)[0]")
    for wrong in ("a @ a", "a + a.T"):
        assert "do the shapes fit?" in told(questions, wrong)


@pytest.mark.parametrize("value", [0, 1, 0.5, 1 + 1e-9])
def test_a_share_is_from_0_to_1(value):
    assert ask(x=value).share("x") == value


def test_what_is_no_share_is_said():
    far = "`x` should lie between 0 and 1, got 40: is it in percent, or a number of things?"
    assert told(ask(x=40).share, "x") == far
    assert told(ask(x=-0.1).share, "x") == "`x` should lie between 0 and 1, got -0.1"


def test_errors_of_the_student_are_told_with_what_was_given():
    def f(n, a):
        raise [
            ValueError("too large"),
            NotImplementedError(),
            NameError("name 'g' is not defined"),
        ][n]

    questions = ask(f=f)
    assert told(questions, "f(n, a)", n=0, a=np.eye(2)) == (
        "`f(n, a)` raised ValueError: too large (with n = 0, a = an array of shape (2, 2))"
    )
    assert told(questions, "f(n, a)", n=1, a=0) == f"`f` {BLANK}"
    assert "raised NameError: name 'g'" in told(questions, "f(n, a)", n=2, a=0.1)
    lists = {"n": [np.ones((2, 3)), 0.1], "a": [1] * 9}
    few = "(with n = [an array of shape (2, 3), 0.1], a = [1, 1, 1, 1, 1, 1, ...])"
    assert few in told(questions, "f(n, a)", **lists)
    assert told(questions, "h(1)") == "`h` is not defined: write it, and run its cell"
    assert told(questions, "h") == "`h` is not defined: write it, and run its cell"
    assert "(with x = 0.333333)" in told(questions, "x / 0", x=1 / 3)


@pytest.mark.parametrize("text", [None, "", "nonsense", '{"value": {"pickle": ""}}'], ids=str)
def test_an_answer_that_cannot_be_read_is_wrong_and_no_bug(text):
    assert told(Ask(lambda question: text), "f(1)").startswith("`f(1)` gave an ")


def test_close_allows_what_is_stated_and_not_more():
    close(1 + 9e-7, 1, "x")
    close([1e-7, 1.0], [0, 1], "x")  # relative to the largest
    close(0.0, 0.0, "x")
    close(np.zeros(0), np.zeros(0), "x")
    close(5e-4, 0, "x", atol=1e-3)
    for got, expected in [(1 + 2e-6, 1), (1e-9, 0), ([1, 2 + 1e-5], [1, 2]), (-1, 1)]:
        told(close, got, expected, "x")
    for bad in (math.nan, math.inf, -math.inf):
        told(close, bad, 1, "x")
        assert told(close, [1, bad], [1, 2], "x") == "x has wrong entries"
    assert told(close, 1e300, 1, "x") == "x is 1e+300 times too large"
    assert told(close, [1e300, 1e300], [1e300, 2e300], "x") == "x has wrong entries"


@pytest.mark.parametrize(
    ("got", "expected", "said"),
    [
        (2, 1, "the gain is 2 times too large"),
        (0.25, 1, "the gain is 4 times too small"),
        (-1, 1, "the gain has the wrong sign"),
        (-3, 1, "the gain has the wrong sign and the wrong size"),
        (3, 0, "the gain is wrong"),
        (0, 3, "the gain is wrong"),
        ([2, 4, 6], [1, 2, 3], "the gain is 2 times too large"),
        ([3, 2, 1], [1, 2, 3], "the gain has wrong entries"),
        ([1, 2, 4], [1, 2, 3], "the gain has wrong entries"),
        ([0, 0], [1, 2], "the gain has wrong entries"),
        (1.006, 1, "the gain is wrong by a factor of 1.006000: is something rounded, or left out?"),
    ],
    ids=str,
)
def test_close_says_how_numbers_differ(got, expected, said):
    assert told(close, got, expected, "the gain") == said


def test_close_knows_frequent_mistakes_by_their_value():
    mistakes = [(2, "two"), ([4, 8], "array"), (4, "four")]
    assert told(close, 4, 1, "it", mistakes=mistakes) == "it is 4 times too large: four"
    assert told(close, [4, 8], [1, 2], "it", mistakes=mistakes) == "it is 4 times too large: array"
    assert told(close, 5, 1, "it", mistakes=mistakes) == "it is 5 times too large"
    said = told(close, 1.001, 1, "it", mistakes=[(1.001, "three")])
    assert said == "it is wrong by a factor of 1.001000: three"


N = 400  # numbers in one sample below
DEVIATIONS = {
    "mean": (lambda x: x.mean(-1), 0, math.sqrt(1 / N)),
    "mean square": (lambda x: (x**2).mean(-1), 1, math.sqrt(2 / N)),
}


def test_within_seldom_refuses_an_honest_statistic_by_theory():
    assert 2 * stats.norm.sf(6) < 1e-6
    for n in (400, 40_000):  # a mean square has a longer tail to the right than a normal number
        outside = stats.chi2.sf(n * (1 + 6 * math.sqrt(2 / n)), n)
        outside += stats.chi2.cdf(n * (1 - 6 * math.sqrt(2 / n)), n)
        assert outside < (1e-6 if n > 10_000 else 1e-5)


@pytest.mark.parametrize("name", DEVIATIONS)
def test_within_refuses_no_honest_statistic_of_20000(name):
    statistic, expected, deviation = DEVIATIONS[name]
    dice = np.random.default_rng(2)
    for _ in range(20):
        for value in statistic(dice.normal(size=(1000, N))):
            within(value, expected, deviation, "it")


def test_within_refuses_what_is_off_and_says_by_how_much():
    x = np.random.default_rng(3).normal(size=40_000)
    deviation = math.sqrt(2 / x.size)
    said = told(within, (2 * x**2).mean(), 1, deviation, "the variance", [(2, "of both?")])
    assert said == f"the variance is {(2 * x**2).mean():.2f} times too large: of both?"
    assert "times too small" in told(within, 0.9 * (x**2).mean(), 1, deviation, "it")
    assert told(within, -1, 1, 0.1, "it") == "it is too small"
    assert told(within, 1, 0, 0.1, "it") == "it is too large"
    told(within, math.nan, 1, 0.1, "it")
    told(within, math.inf, 1, 0.1, "it")
    within(1.59, 1, 0.1, "it")
    told(within, 1.61, 1, 0.1, "it")
