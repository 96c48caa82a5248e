"""The lab's theory beside the package's."""

import json

import numpy as np
import pytest

from weightinit import activations, initializers
from weightinit.theory import critical_line, gaussian_mean, propagate

ALLOWED = 1e-6
WIDTHS = [64, *[48] * 30, 10]
# name, scale, mode: by hand below, at and above the usual values; and one that looks at both fans
SETTINGS = [(0.3, "fan_in", 0.0), (1.0, "fan_in", 0.0), (4.0, "fan_in", 0.3), (1.0, "fan_avg", 0.0)]

PROPAGATE = """(text) => {
    const [activation, widths, scheme, sigmaB2, x2] = JSON.parse(text);
    return lab.propagate(activation, widths, scheme, sigmaB2, x2);
}"""


def largest_difference(lab, activation, settings=SETTINGS):
    """Return how far apart q, E[x^2] and the gradient are, the most over layers and settings."""
    found = []
    for scale, mode, sigma_b2 in settings:
        scheme = initializers.Scheme("by hand", scale, mode, "normal")
        table = propagate(
            activation, WIDTHS, scheme.variance, sigma_b2=sigma_b2, input_second_moment=0.9
        )
        handed = [activation, WIDTHS, {"scale": scale, "mode": mode}, sigma_b2, 0.9]
        layers = lab.evaluate(PROPAGATE, json.dumps(handed))["layers"]
        assert len(layers) == len(table)
        for mine, theirs in {"q": "q", "x2": "x2", "gradient": "grad_h_relative"}.items():
            found += list(np.array([layer[mine] for layer in layers]) / table[theirs] - 1)
    return np.abs(found).max()


@pytest.mark.parametrize("activation", activations.names())
def test_every_line_is_the_package_s(lab, activation):
    assert largest_difference(lab, activation) < ALLOWED


@pytest.mark.parametrize("activation", activations.names())
def test_every_point_of_the_critical_line(lab, activation):
    for q in (1e-3, 0.1, 1.0, 30.0):
        point = lab.evaluate("([name, q]) => lab.criticalPoint(name, q)", [activation, q])
        try:
            expected = critical_line(activation, q)
        except ValueError:
            assert point is None
        else:
            assert [point["sigmaW2"], point["sigmaB2"]] == pytest.approx(expected, rel=1e-6)


def test_a_gaussian_mean_at_any_scale(lab):
    for q in (1e-20, 1e-4, 1.0, 1e4, 1e12):
        mine = lab.evaluate("(q) => lab.gaussianMean((h) => Math.tanh(h) ** 2, q)", q)
        assert mine == pytest.approx(gaussian_mean(lambda h: np.tanh(h) ** 2, q), rel=1e-9)


def test_a_signal_that_leaves_the_numbers_ends_the_lines(lab):
    handed = ["relu", [64] * 40, {"scale": 1e-20, "mode": "fan_in"}, 0, 1]
    found = lab.evaluate(PROPAGATE, json.dumps(handed))
    assert found["lost"] == len(found["layers"]) + 1 < 20


FAULTS = {
    "a fan swapped": ("initializers.js", ("fan_in: (fanIn) => fanIn", "fan_in: (_, out) => out")),
    "a slope wrong": ("activations.js", ("dTanh = (h) => 4 *", "dTanh = (h) => 3.99 *")),
    "a variance halved": ("theory.js", ("widths[l]) * x2 +", "widths[l]) * 0.5 * x2 +")),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(modules, fault):
    name, change = FAULTS[fault]
    page = modules({name: change})
    assert largest_difference(page, "tanh", [(1.0, "fan_in", 0.0)]) > 1e-3
    page.close()
