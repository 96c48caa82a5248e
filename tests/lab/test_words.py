"""The sentences that say what the pictures show."""

import pytest

SAY = """([signal, gradient, lines]) => lab.describe(
    {activation: "tanh", width: 16, normalization: "batch", skip: "yes"},
    {signal: [1, signal], gradient: [gradient, 1]}, lines, 5)"""


@pytest.mark.parametrize(
    "value, text",
    [
        (0.6234, "0.62"),
        (1.1e-12, "1.1\u00a0×\u00a010⁻¹²"),
        (1234.5, "1230"),
        (3.4e38, "3.4\u00a0×\u00a010³⁸"),
        (0, "0"),
        (float("inf"), "infinite"),
        (float("nan"), "not a number"),
    ],
)
def test_a_number(lab, value, text):
    assert lab.evaluate("(value) => lab.inWords(value)", value) == text


@pytest.mark.parametrize(
    "signal, gradient, said",
    [
        (1e-3, 1e-3, ["The signal fades", "The gradient vanishes"]),
        (0.1, 0.1, ["The signal falls", "The gradient shrinks"]),
        (1.5, 0.7, ["The signal stays", "The gradient stays"]),
        (10, 10, ["The signal grows", "The gradient grows"]),
        (1e39, 1e4, ["The signal explodes", "The gradient explodes", "In single precision"]),
        (float("inf"), 0, ["left the range of numbers", "The gradient is gone"]),
    ],
)
def test_what_happens(lab, signal, gradient, said):
    text = lab.evaluate(SAY, [signal, gradient, None])
    assert [part for part in said if part not in text] == []
    assert "no dashed line: batch normalization sets the scale" in text
    assert "anew and skip connections add" in text


def test_what_theory_says(lab):
    lines = {"signal": [1, 0.25], "gradient": [0.125, 1], "lost": None}
    text = lab.evaluate(SAY, [0.2, 0.1, lines])
    assert "0.2 in layer 2; theory says 0.25" in text
    assert "it is 0.1 of layer 2's; theory says 0.13" in text
    text = lab.evaluate(SAY, [0.2, 0.1, {"signal": [1], "gradient": [], "lost": 2}])
    assert "Theory stops at layer 2" in text


def test_the_same_in_a_few_words(lab):
    say = "([signal, gradient]) => lab.brief({signal, gradient})"
    assert lab.evaluate(say, [[1, 0.1], [0.1, 1]]) == "Signal falls · gradient shrinks"
    assert lab.evaluate(say, [[1, float("inf")], [0, 1]]) == "Signal overflows · gradient is gone"
    assert lab.evaluate(say, [[1], [1]]) == "One layer: nothing to compare"


def test_a_training_that_breaks_down_says_where_it_began(lab):
    say = "(losses) => lab.describeTraining({losses, accuracies: []}, 200)"
    text = lab.evaluate(say, [2.3e7, float("nan")])
    assert "at first the loss was 2.3\u00a0×\u00a010⁷, after 2 of 200 steps" in text


def test_more_than_the_last_layer_s_is_times_it(lab):
    assert "it is 9 times layer 2's" in lab.evaluate(SAY, [1, 9, None])


def test_a_power_of_ten_is_said_aloud(lab):
    sentence = "it is ${lab.inWords(1.1e-12)}; ${lab.inWords(2e15)}, and 0.5."
    text = lab.evaluate(f"lab.aloud(`{sentence}`)")
    assert text == (
        "it is 1.1 times ten to the power of minus 12; 2.0 times ten to the power of 15, and 0.5."
    )
