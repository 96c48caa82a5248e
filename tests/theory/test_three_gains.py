import subprocess
import sys

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from weightinit import activations, theory

# Forward and backward gain, and the slope of the q-map at q = 1, to the digits shown.
TABLE = {
    "relu": (1.41421356, 1.41421356, 1.0),
    "leaky_relu": (1.41414286, 1.41414286, 1.0),
    "elu": (1.24519830, 1.22342856, 0.890968),
    "selu": (1.0, 0.96602578, 0.782648),
    "gelu": (1.53353044, 1.48111441, 1.144063),
    "silu": (1.67653247, 1.62332026, 1.172594),
    "softplus": (1.04186684, 1.84622855, 0.492053),
    "tanh": (1.59253742, 1.46741359, 0.461071),
    "sigmoid": (1.84622855, 4.72264609, 0.106341),
    "softsign": (2.33753336, 2.09578061, 0.476712),
    "hardtanh": (1.39203614, 1.21028706, 0.385127),
    "mish": (1.48684758, 1.44475523, 1.076339),
}


@pytest.mark.parametrize("name", TABLE)
def test_gains_equal_the_published_table(name):
    forward, backward, slope = TABLE[name]
    assert theory.gain(name) == pytest.approx(forward, rel=0, abs=5.1e-9)
    assert theory.gain(name, "backward") == pytest.approx(backward, rel=0, abs=5.1e-9)
    (row,) = theory.gains([name]).to_dict("records")
    assert row["forward"] == theory.gain(name, kind="forward", q=1.0)
    assert row["backward"] == theory.gain(name, "backward")
    assert row["standard_deviation"] == theory.gain(name, "standard deviation")
    assert row["q_slope"] == pytest.approx(slope, rel=0, abs=5.1e-7)


def test_standard_deviation_gain_of_relu():
    """Its variance is (1 - 1/pi)/2: the often quoted 1.7129."""
    assert theory.gain("relu", "standard deviation") == pytest.approx(
        (2 / (1 - 1 / np.pi)) ** 0.5, rel=1e-13
    )


@pytest.mark.parametrize("q", [0.01, 1, 7])
@pytest.mark.parametrize("name", ["tanh", "gelu", "softplus"])
def test_a_gain_keeps_what_it_says(name, q):
    forward, backward = theory.gain(name, q=q), theory.gain(name, "backward", q)
    assert theory.q_map(name, q, forward**2) == pytest.approx(q, rel=1e-13)
    assert theory.chi1(name, q, backward**2) == pytest.approx(1, rel=1e-13)
    spread = theory.gain(name, "standard deviation", q) ** 2 * theory.variance(name, q)
    assert spread == pytest.approx(q, rel=1e-13)


def test_stability_in_words():
    table = theory.gains().set_index("activation")
    assert table.index.tolist() == activations.names()
    by_words = {words: set(part.index) for words, part in table.groupby("stability")}
    assert by_words.pop("slowly unstable") == {"gelu", "silu", "mish"}
    assert by_words.pop("marginal") == {"linear", "relu", "leaky_relu"}
    assert list(by_words) == ["stable"]


def power(exponent):
    """h |h|^(exponent - 1): at q = 1 the q-map is q^exponent, of slope exponent."""
    return activations.Activation(
        f"power {exponent}",
        lambda h: np.sign(h) * np.abs(h) ** exponent,
        lambda h: exponent * np.abs(h) ** (exponent - 1),
        kinks=0,
    )


@pytest.mark.parametrize(
    ("exponent", "words"),
    [(2, "unstable"), (1.21, "unstable"), (1.19, "slowly unstable"), (1, "marginal")],
)
def test_stability_is_the_slope_in_words(exponent, words):
    (row,) = theory.gains([power(exponent)]).to_dict("records")
    assert row["q_slope"] == pytest.approx(exponent, abs=1e-4) and row["stability"] == words


def test_a_gain_is_printed_without_any_framework():
    script = (
        "import sys; from weightinit import theory; print(theory.gain('gelu'));"
        "print({'torch', 'tensorflow', 'keras', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    gain, loaded = done.stdout.split("\n", 1)
    assert gain.startswith("1.5335304") and loaded == "set()\n" and done.stderr == ""


def test_unknown_kind_is_named():
    with pytest.raises(ValueError, match="'backward' or 'standard deviation', got 'std'"):
        theory.gain("tanh", "std")


def test_unknown_activation_is_named():
    for function in (theory.gain, lambda name: theory.gains([name])):
        with pytest.raises(ValueError, match="unknown activation 'rely'; allowed: .*relu"):
            function("rely")


@pytest.mark.parametrize("kind", ["forward", "backward", "standard deviation"])
def test_q_of_a_gain_must_be_positive(kind):
    with pytest.raises(ValueError, match="q must be positive and finite, got -1"):
        theory.gain("tanh", kind, q=-1)


def test_no_weights_revive_a_constant():
    constant = activations.Activation("one", np.ones_like, np.zeros_like)
    assert theory.gain(constant) == pytest.approx(1, rel=1e-13)
    with pytest.raises(ValueError, match="one has no backward gain at q = 1.0: it passes nothing"):
        theory.gain(constant, "backward")


def test_activation_without_a_gain_has_a_row_of_its_own():
    make = activations.register
    make("step", lambda h: (h > 0) * 1.0, np.zeros_like, kinks=[0])  # E[f^2] = 1/2, variance 1/4
    make("nothing", lambda h: 0 * h, np.zeros_like)
    table = theory.gains().set_index("activation")
    assert table.index.tolist() == activations.names()
    numbers = table.drop(columns="stability")
    found = numbers.loc["step"].to_numpy()
    np.testing.assert_allclose(found, [2**0.5, np.nan, 2, np.nan], rtol=1e-12)
    assert numbers.loc["nothing"].isna().all()
    assert table.loc[["step", "nothing"], "stability"].tolist() == ["no gain"] * 2
    others = table.drop(["step", "nothing"])
    assert others.notna().all(axis=None) and "no gain" not in set(others["stability"])
    for name, reason in (("step", "jumps at 0"), ("nothing", "has no backward gain")):
        with pytest.raises(ValueError, match=f"{name} {reason}"):
            theory.gain(name, "backward")


def test_gains_of_h_sin_h_in_closed_form():
    """E[h^2 cos(th)] = (1 - t^2) exp(-t^2 / 2) and E[h sin(th)] = t exp(-t^2 / 2), with t = 2."""
    own = activations.register(
        "h sin h", lambda h: h * np.sin(h), lambda h: np.sin(h) + h * np.cos(h)
    )
    square = 1 / 2 + 3 / 2 * np.exp(-2)
    mean = np.exp(-1 / 2)  # E[h sin h], with t = 1
    # E[sin^2] + E[h^2 cos^2] + E[h sin 2h], in which everything but 1/2 + 1/2 cancels.
    slopes, _ = quad(lambda h: own.df(h) ** 2 * norm.pdf(h), -40, 40, epsabs=1e-13, limit=500)
    assert slopes == pytest.approx(1, rel=1e-12)
    expected = [square**-0.5, slopes**-0.5, (square - mean**2) ** -0.5]
    kinds = ("forward", "backward", "standard deviation")
    np.testing.assert_allclose([theory.gain(own.name, kind) for kind in kinds], expected, 1e-12)
    row = theory.gains().set_index("activation").loc["h sin h"]
    np.testing.assert_allclose(row[[kind.replace(" ", "_") for kind in kinds]].tolist(), expected)
