"""What every function of the room says to a wrong argument."""

import numpy as np
import pytest

from weightinit import activations, initializers, theory

NUMBER = [None, "1.0", [1.0], np.ones(2), 1j, {}]
POSITIVE = [0, -1.0, np.nan, np.inf]
NOT_NEGATIVE = [-0.1, np.nan, np.inf]
COUNT = [0, -1, 2.5, True, "3", None, [3]]
ACTIVATION = [None, 3, ["tanh"], np.tanh, activations.Activation]

# function, its right arguments, and which argument is: an activation, q > 0, a correlation, ...
MOMENT = {"activation": "tanh", "q": 1.0}
FUNCTIONS = {
    "variance": MOMENT,
    "second_moment": MOMENT,
    "slope_second_moment": MOMENT,
    "q_map": {**MOMENT, "sigma_w2": 1.0, "sigma_b2": 0.1},
    "q_slope": {**MOMENT, "sigma_w2": 1.0},
    "chi1": {**MOMENT, "sigma_w2": 1.0},
    "c_map": {**MOMENT, "c": 0.5, "sigma_w2": 1.0, "sigma_b2": 0.1},
    "c_slope": {**MOMENT, "c": 0.5, "sigma_w2": 1.0, "sigma_b2": 0.1},
    "fixed_point": {"activation": "tanh", "sigma_w2": 1.0, "sigma_b2": 0.1, "start": 1.0},
    "depth_scales": {"activation": "tanh", "sigma_w2": 1.0, "sigma_b2": 0.1},
    "critical_line": MOMENT,
    "gain": {**MOMENT, "kind": "forward"},
    "gaussian_mean": {"g": np.tanh, "q": 1.0, "kinks": ()},
    "gaussian_pair_mean": {"g": np.tanh, "c": 0.5, "q": 1.0, "kinks": (), "breaks": ()},
    "relu_log_ratio": {"width": 3, "depth": 2},
    "propagate": {
        "activation": "tanh",
        "widths": [4, 5, 6],
        "weight_variance": lambda fan_in, fan_out: 1 / fan_in,
        "sigma_b2": 0.1,
        "input_second_moment": 1.0,
        "input_correlation": 0.5,
    },
}
WRONG = {
    "activation": [(ACTIVATION, TypeError, "activation must be a name or an Activation, got "),
                   (["rely", "r"], ValueError, "unknown activation 'r.*'; allowed: .*relu")],
    "q": [(NUMBER, TypeError, "q must be a number, got"),
          (POSITIVE, ValueError, "q must be positive and finite, got")],
    "start": [(NUMBER, TypeError, "start must be a number, got"),
              (POSITIVE, ValueError, "start must be positive and finite, got")],
    "c": [(NUMBER, TypeError, "c must be a number, got"),
          ([1.0001, -2, np.nan], ValueError, "c must be a correlation from -1 to 1, got")],
    "input_correlation": [
        (NUMBER[1:], TypeError, "input_correlation must be a number, got"),
        ([1.01, -2, np.nan], ValueError, "input_correlation must be a correlation from -1 to 1")],
    "kind": [(["std", None, 3, ["forward"]], ValueError, "kind must be 'forward' or 'backward'")],
    "g": [([None, "tanh", 3], TypeError, "g must be a function of an array, got "),
          ([lambda h: None, lambda h: "a", lambda h: h[0], lambda h: 1j * h, lambda h: {}],
           TypeError, "g must map an array of numbers to an array of the same shape, got ")],
    "weight_variance": [
        (["he", 0.1, None, initializers.get("xavier_normal")], TypeError,
         r"weight_variance must be a function of \(fan_in, fan_out\), .*, got "),
        ([lambda fan_in: 1.0], TypeError, r"function of \(fan_in, fan_out\), but fails: .*2 were"),
        ([lambda *_: "0.1", lambda *_: None], TypeError, "variance of layer 1 must be a number"),
        ([lambda *_: -1.0, lambda *_: np.nan], ValueError, "variance of layer 1 must be finite")],
    "widths": [
        ([None, 3, "345", (n for n in (3, 4, 5)), {3: 3, 4: 4, 5: 5}, [], [3, 4]],
         (TypeError, ValueError), "widths must be a (sequence|list)"),
        ([[3, 0, 4], [3, 2.5, 4], [3, True, 4], [3, "4", 4], [3, [4], 4]], ValueError,
         "each of widths must be a whole number of at least 1, got")],
    "width": [(COUNT, ValueError, "width must be a whole number of at least 1, got")],
    "depth": [(COUNT, ValueError, "depth must be a whole number of at least 1, got")],
}  # fmt: skip
for name in ("sigma_w2", "sigma_b2", "input_second_moment"):
    WRONG[name] = [
        (NUMBER, TypeError, f"{name} must be a number, got"),
        (NOT_NEGATIVE, ValueError, f"{name} must be finite and not negative, got"),
    ]
for name in ("kinks", "breaks"):
    wrong = [None, "0", 3, ["0"], [None], [[0, 1]], [[0], 1], [np.inf], [np.nan], {0: 1}, [1j]]
    WRONG[name] = [(wrong, ValueError, f"{name} must be a sequence of finite numbers, got")]


@pytest.mark.parametrize(
    "function, argument", [(f, a) for f, given in FUNCTIONS.items() for a in given]
)
def test_wrong_argument_is_named(function, argument):
    getattr(theory, function)(**FUNCTIONS[function])  # right as it stands
    for values, error, message in WRONG[argument]:
        for value in values:
            with pytest.raises(error, match=f"{message}"):
                getattr(theory, function)(**FUNCTIONS[function] | {argument: value})


@pytest.mark.parametrize(
    "names, error, message",
    [
        ("relu", TypeError, r"names must be a sequence, such as \['relu'\], got 'relu'"),
        (3, TypeError, "names must be a sequence, such as"),
        ([], ValueError, r"names must hold at least one activation, got \[\]"),
        ([None], TypeError, "activation must be a name or an Activation, got None"),
        (["rely"], ValueError, "unknown activation 'rely'"),
    ],
)
def test_wrong_names_of_gains(names, error, message):
    with pytest.raises(error, match=message):
        theory.gains(names)


def test_numbers_of_numpy_are_numbers():
    assert theory.q_map("relu", np.array(3.0), np.float32(2)) == pytest.approx(3)
