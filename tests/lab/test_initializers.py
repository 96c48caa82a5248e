"""Weights that the lab draws have the law of the package's schemes."""

import json
import math

import numpy as np
import pytest
from scipy import stats

from weightinit.initializers import SCHEMES

FAN_IN, FAN_OUT, MATRICES = 60, 100, 5
DRAW = """([name, fanIn, fanOut, matrices]) => {
    const generator = new lab.Generator(7);
    const scheme = typeof name === "string" ? lab.SCHEMES[name] : lab.byHand(name);
    return JSON.stringify(Array.from({length: matrices},
        () => [...lab.drawWeight(scheme, fanIn, fanOut, generator)]));
}"""
TRUNCATED = 0.87962566103423978


def drawn(lab, name, fan_in=FAN_IN, fan_out=FAN_OUT, matrices=MATRICES):
    made = np.array(json.loads(lab.evaluate(DRAW, [name, fan_in, fan_out, matrices])))
    return made.reshape(matrices, fan_out, fan_in)


def law(scheme):
    """Return the distribution of a weight that a scheme of the package promises."""
    std = math.sqrt(scheme.variance(FAN_IN, FAN_OUT))
    return {
        "normal": stats.norm(scale=std),
        "uniform": stats.uniform(-math.sqrt(3) * std, 2 * math.sqrt(3) * std),
        "truncated_normal": stats.truncnorm(-2, 2, scale=std / TRUNCATED),
    }[scheme.distribution]


def complaints(lab, name, expected):
    """Say what is wrong with a law: its variance, or its shape."""
    weights = drawn(lab, name).ravel()
    found = []
    # five standard errors of a variance of a normal law, which has the widest tails of the three
    if abs(weights.var() / expected.var() - 1) > 5 * math.sqrt(2 / weights.size):
        found.append("variance")
    if stats.kstest(weights, expected.cdf).pvalue < 1e-4:
        found.append("shape")
    return found


def test_the_lab_has_the_schemes_of_the_package(lab):
    named = lab.evaluate("Object.keys(lab.SCHEMES)")
    assert sorted(named) == sorted([*SCHEMES, "orthogonal"])


@pytest.mark.parametrize("name", SCHEMES)
def test_law_of_a_scheme(lab, name):
    assert complaints(lab, name, law(SCHEMES[name])) == []


def test_law_by_hand(lab):
    assert complaints(lab, 1.7, stats.norm(scale=math.sqrt(1.7 / FAN_IN))) == []


@pytest.mark.parametrize("fan_in, fan_out", [(20, 20), (12, 30), (30, 12)])
def test_orthogonal_matrices(lab, fan_in, fan_out):
    weights = drawn(lab, "orthogonal", fan_in, fan_out, 40)
    for weight in weights:
        square = weight @ weight.T if fan_out <= fan_in else weight.T @ weight
        size = max(fan_in, fan_out) / fan_in  # the mean square of an entry is 1 / fan_in
        assert np.abs(square - size * np.eye(len(square))).max() < 1e-12
    # Uniform over all of them: the first entry is as a coordinate on a sphere, of both signs.
    first = weights[:, 0, 0] * math.sqrt(fan_in / max(fan_in, fan_out))
    sphere = stats.beta(*[(max(fan_in, fan_out) - 1) / 2] * 2, loc=-1, scale=2)
    assert stats.kstest(first, sphere.cdf).pvalue > 1e-4


def test_biases_and_a_seed(lab):
    draw = "(seed) => [...lab.drawBias(0.3, 4000, new lab.Generator(seed))]"
    first, again, other = (np.array(lab.evaluate(draw, seed)) for seed in (1, 1, 2))
    assert (first == again).all() and (first != other).all()
    assert stats.kstest(first, stats.norm(scale=math.sqrt(0.3)).cdf).pvalue > 1e-4
    assert lab.evaluate("[...lab.drawBias(0, 3, new lab.Generator(1))]") == [0, 0, 0]


def test_a_permutation_is_one_and_uniform(lab):
    make = "Array.from({length: 6000}, (_, i) => lab.permutation_of(i))"
    lab.evaluate("lab.permutation_of = (i) => [...new lab.Generator(i).permutation(3)].join('')")
    counts = np.unique(lab.evaluate(make), return_counts=True)[1]
    assert len(counts) == 6
    assert stats.chisquare(counts).pvalue > 1e-4


FAULTS = {
    "a fan swapped": ("initializers.js", ("fan_in: (fanIn) => fanIn", "fan_in: (_, out) => out")),
    "a variance halved": (
        "initializers.js",
        ("std * generator.normal()", "0.7071 * std * generator.normal()"),
    ),
    "another shape": ("random.js", ("return u * factor;", "return Math.sign(u) * 1.0;")),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(modules, fault):
    name, change = FAULTS[fault]
    page = modules({name: change})
    assert complaints(page, "lecun_normal", law(SCHEMES["lecun_normal"]))
    page.close()
