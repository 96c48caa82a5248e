import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import expit

from weightinit import activations, initializers, networks, theory

# E[phi^2], E[phi'^2] and E[phi] under N(0, 1), to the digits shown.
TABLE = {
    "relu": (0.5, 0.5, 0.398942280401),
    "leaky_relu": (0.50005, 0.50005, 0.394952857597),
    "elu": (0.644945417493, 0.668102001223, 0.160520572267),
    "selu": (1.0, 1.071574992456, 0.0),
    "gelu": (0.425221482570, 0.455850865649, 0.282094791774),
    "silu": (0.355775519817, 0.379482351633, 0.206620964142),
    "softplus": (0.921245908859, 0.293379035858, 0.806059183347),
    "tanh": (0.394294490398, 0.464402902448, 0.0),
    "sigmoid": (0.293379035858, 0.044836241350, 0.5),
    "softsign": (0.183014021267, 0.227671340422, 0.0),
    "hardtanh": (0.516058550962, 0.682689492137, 0.0),
    "mish": (0.452342192376, 0.479083758374, 0.240403888375),
}


@pytest.mark.parametrize("name", TABLE)
def test_moments_equal_the_published_table(name):
    measured = (
        theory.second_moment(name, 1.0),
        theory.slope_second_moment(name, 1.0),
        theory.gaussian_mean(activations.get(name), 1.0, activations.get(name).kinks),
    )
    assert measured == pytest.approx(TABLE[name], rel=0, abs=5.1e-13)  # 12 decimals, rounded
    second, _, center = TABLE[name]
    assert theory.variance(name, 1.0) == pytest.approx(second - center**2, rel=0, abs=2e-12)


def adaptive_mean(g, std, kinks):
    """Integrate with scipy's adaptive rule, piece by piece; also return the mean of abs(g)."""
    corners = [0.0, *kinks, *(sign * 2.0**k for sign in (-1, 1) for k in range(-1, 7))]
    breaks = {*np.arange(-9.0, 10.0), *(c / std for c in corners if abs(c) < 9 * std)}
    breaks = sorted(breaks)

    def weighted(z):
        return g(np.array(std * z)) * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)

    pieces = [
        quad(weighted, low, high, epsabs=0, epsrel=1e-13, limit=200)[0]
        for low, high in zip(breaks, breaks[1:], strict=False)
    ]
    return sum(pieces), sum(map(abs, pieces))


# Corners off the half units at which panels end anyway: only the kinks tell where they are.
OFF_GRID = activations.from_module(torch.nn.Hardtanh(-0.7, 1.3))


@pytest.mark.filterwarnings("ignore::scipy.integrate.IntegrationWarning")  # 1e-13 of 1e-18
@pytest.mark.parametrize("std", [0.01, 0.1, 1, 5, 50, 1e4])
@pytest.mark.parametrize("phi", [*map(activations.get, activations.names()), OFF_GRID], ids=repr)
def test_moments_equal_adaptive_quadrature(phi, std):
    center, size = adaptive_mean(phi.f, std, phi.kinks)
    # Of the mean of abs(phi): the mean itself is 0 for an odd activation.
    mean = theory.gaussian_mean(phi.f, std**2, phi.kinks)
    assert mean == pytest.approx(center, rel=0, abs=1e-13 * size)
    for moment, g in (
        (theory.second_moment, lambda h: phi.f(h) ** 2),
        (theory.slope_second_moment, lambda h: phi.df(h) ** 2),
        (theory.variance, lambda h: (phi.f(h) - center) ** 2),
    ):
        expected, _ = adaptive_mean(g, std, phi.kinks)
        assert moment(phi, std**2) == pytest.approx(expected, rel=1e-12)


def test_variance_does_not_cancel():
    """A sigmoid at q = 1e-8 is 1/2 + h/4; the difference of its moments has four digits at best."""
    assert theory.variance("sigmoid", 1e-8) == pytest.approx(1e-8 / 16, rel=1e-8)


@pytest.mark.parametrize("q", [1e-300, 1e-20, 1e20, 1e300])
def test_moments_of_relu_and_tanh_at_extreme_q(q):
    assert theory.second_moment("relu", q) == pytest.approx(q / 2, rel=1e-13)
    if q > 1:  # the slope becomes a peak of area 4/3 in a density of 1/sqrt(2 pi q) at 0
        expected = 4 / 3 / np.sqrt(2 * np.pi * q)
        assert theory.slope_second_moment("tanh", q) == pytest.approx(expected, rel=1e-12)
    else:  # tanh(h) = h - ...
        assert theory.second_moment("tanh", q) == pytest.approx(q, rel=1e-13)


def test_kinks_of_the_caller_matter():
    """A corner at 0.3, where no panel ends by itself."""
    expected, _ = adaptive_mean(lambda h: abs(h - 0.3), 1.0, [0.3])
    mean = theory.gaussian_mean(lambda h: abs(h - 0.3), 1.0, kinks=[0.3])
    assert mean == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("q", [0.0, -1.0, np.nan, np.inf])
def test_variance_must_be_positive_and_finite(q):
    functions = (theory.variance, theory.second_moment, theory.slope_second_moment)
    for function in functions:
        with pytest.raises(ValueError, match=f"q must be positive and finite, got {q}"):
            function("tanh", q)


def test_expectation_that_is_not_finite_raises():
    with pytest.raises(ValueError, match="must be finite, got inf"):
        theory.second_moment("linear", 1e307)
    with pytest.raises(ValueError, match="must be finite, got nan"):
        theory.gaussian_mean(lambda h: h * np.nan, 1.0)


# ---- Layer by layer ----------------------------------------------------------------------


def test_linear_network_has_a_closed_form():
    """q^l = n_{l-1} v (q^{l-1}) + sigma_b2, and the gradient grows by n_{l+1} v."""
    widths, v, sigma_b2 = [7, 50, 20, 90, 30, 5], 0.03, 0.2
    table = theory.propagate("linear", widths, lambda *_: v, sigma_b2=sigma_b2)
    q, expected = 1.0, []
    for n in widths[:4]:
        q = n * v * q + sigma_b2
        expected.append(q)
    np.testing.assert_allclose(table["q"], expected, rtol=1e-13)
    np.testing.assert_allclose(table["x2"], expected, rtol=1e-13)
    np.testing.assert_allclose(table["chi1"][:3], [20 * v, 90 * v, 30 * v], rtol=1e-13)
    assert np.isnan(table["chi1"][3])
    squares = [20 * 90 * 30 * v**3, 90 * 30 * v**2, 30 * v, 1]
    np.testing.assert_allclose(table["grad_h_relative"], np.sqrt(squares), rtol=1e-13)
    assert table["layer"].tolist() == [1, 2, 3, 4]


def test_he_keeps_a_relu_signal_in_any_widths():
    widths = [64, 30, 500, 70, 10]
    table = theory.propagate(
        "relu", widths, lambda fan_in, fan_out: 2 / fan_in, input_second_moment=3.0
    )
    np.testing.assert_allclose(table["q"], [6, 6, 6], rtol=1e-13)
    np.testing.assert_allclose(table["x2"], [3, 3, 3], rtol=1e-13)
    np.testing.assert_allclose(table["slope2"], 0.5, rtol=1e-13)
    # Backward 2/fan_in does not keep the gradient: n_{l+1} * (2 / n_l) * 1/2.
    np.testing.assert_allclose(table["chi1"][:2], [500 / 30, 70 / 500], rtol=1e-13)


def test_sigmoid_recursion_with_unequal_widths():
    """The recursion written out, with a plain Riemann sum for the expectations."""
    widths, sigma_b2 = [64, 40, 120, 60, 10], 0.1

    def v(fan_in, fan_out):
        return 2 / (fan_in + fan_out)

    z = np.linspace(-9, 9, 20_001)
    density = np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()
    q1 = 64 * v(64, 40) * 1.5 + sigma_b2
    x1 = (expit(np.sqrt(q1) * z) ** 2 * density).sum()
    q2 = 40 * v(40, 120) * x1 + sigma_b2
    x2 = (expit(np.sqrt(q2) * z) ** 2 * density).sum()
    q3 = 120 * v(120, 60) * x2 + sigma_b2

    def slope2(q):
        s = expit(np.sqrt(q) * z)
        return ((s * (1 - s)) ** 2 * density).sum()

    back2 = 60 * v(120, 60) * slope2(q2)
    back1 = 120 * v(40, 120) * slope2(q1)
    table = theory.propagate("sigmoid", widths, v, sigma_b2=sigma_b2, input_second_moment=1.5)
    np.testing.assert_allclose(table["q"], [q1, q2, q3], rtol=1e-10)
    np.testing.assert_allclose(table["chi1"][:2], [back1, back2], rtol=1e-10)
    np.testing.assert_allclose(
        table["grad_h_relative"], [np.sqrt(back1 * back2), np.sqrt(back2), 1], rtol=1e-10
    )


def test_tanh_on_its_critical_line():
    """At q* = 1 the known pair (sigma_w2, sigma_b2) keeps signal and gradient."""
    sigma_w2, sigma_b2 = 2.1533026489, 0.1509646294
    widths = [100] * 12
    table = theory.propagate(
        "tanh",
        widths,
        lambda fan_in, _: sigma_w2 / fan_in,
        sigma_b2=sigma_b2,
        input_second_moment=theory.second_moment("tanh", 1.0),
    )
    np.testing.assert_allclose(table["q"], 1, atol=1e-9)
    np.testing.assert_allclose(table["chi1"][:-1], 1, atol=1e-9)


def test_correlation_is_followed_layer_by_layer():
    """In a linear network: c^l = (n v q^{l-1} c^{l-1} + sigma_b2) / q^l."""
    options = {"sigma_b2": 0.2, "input_second_moment": 3.0}
    widths, v = [7, 50, 20, 90, 5], 0.03
    table = theory.propagate("linear", widths, lambda *_: v, input_correlation=-0.4, **options)
    covariance, expected = 3.0 * -0.4, []
    for n, q in zip(widths[:3], table["q"], strict=True):
        covariance = n * v * covariance + 0.2
        expected.append(covariance / q)
    np.testing.assert_allclose(table["c"], expected, rtol=1e-13)
    without = theory.propagate("linear", widths, lambda *_: v, **options)
    assert list(without) == ["layer", "q", "x2", "slope2", "chi1", "grad_h_relative"]
    assert without.equals(table.drop(columns="c"))


# Changing widths, so that a fan too many or too few shows at once.
WIDTHS = [64, 150, 220, 170, 200, 10]
NETWORKS = {
    "relu": (lambda fan_in, fan_out: 2 / fan_in, 0.0),
    "tanh": (lambda fan_in, fan_out: 2 / (fan_in + fan_out), 0.05),
    "sigmoid": (lambda fan_in, fan_out: 16 / fan_in, 0.5),
    "gelu": (lambda fan_in, fan_out: 2 / fan_out, 0.0),
}


CORRELATION = 0.6


def simulate(name, seed):
    """Return mean h^2, mean product and mean (dL/dh)^2 of each layer of one random network.

    The product is of the pre-activations of two inputs that have the given correlation.
    """
    v, sigma_b2 = NETWORKS[name]
    generator = torch.Generator().manual_seed(seed)
    layers, signals = [], []
    for fan_in, fan_out in zip(WIDTHS[:-1], WIDTHS[1:], strict=True):
        layer = torch.nn.utils.skip_init(torch.nn.Linear, fan_in, fan_out)
        torch.nn.init.normal_(layer.weight, 0, v(fan_in, fan_out) ** 0.5, generator=generator)
        torch.nn.init.normal_(layer.bias, 0, sigma_b2**0.5, generator=generator)
        layers.append(layer)
    phi = activations.get(name).module()
    x = torch.randn(4, WIDTHS[0], generator=generator)
    x[2:] -= (x[2:] * x[:2]).sum(1, keepdim=True) / x[:2].square().sum(1, keepdim=True) * x[:2]
    x = x / x.square().mean(dim=1, keepdim=True).sqrt()
    x[2:] = CORRELATION * x[:2] + (1 - CORRELATION**2) ** 0.5 * x[2:]
    for layer in layers[:-1]:
        signals.append(layer(x))
        signals[-1].retain_grad()
        x = phi(signals[-1])
    (layers[-1](x) * torch.randn(4, WIDTHS[-1], generator=generator)).sum().backward()
    h2 = [h.detach().square().mean().item() for h in signals]
    products = [(h[:2] * h[2:]).mean().item() for h in signals]
    return h2, products, [h.grad.square().mean().item() for h in signals]


@pytest.mark.parametrize("name", NETWORKS)
def test_wide_random_networks_agree(name):
    """40 networks, real layers, autograd: every mean within 4 standard errors.

    With 39 degrees of freedom one comparison gives a false alarm with probability 2.7e-4; there
    are 14 for each activation (4 signals, 4 covariances, 3 single steps backward, 3 products of
    them): under 1.6 % over the four activations. The seeds are fixed, so a test that passes keeps
    passing.
    """
    v, sigma_b2 = NETWORKS[name]
    table = theory.propagate(name, WIDTHS, v, sigma_b2=sigma_b2, input_correlation=CORRELATION)
    results = [simulate(name, seed) for seed in range(40)]
    h2, products, grad2 = (np.array(part) for part in zip(*results, strict=True))
    # Differences whose mean is zero if the prediction is right.
    differences = np.hstack(
        [
            h2 - table["q"].to_numpy(),
            products - (table["q"] * table["c"]).to_numpy(),
            grad2[:, :-1] - table["chi1"].to_numpy()[:-1] * grad2[:, 1:],
            grad2[:, :-1] - table["grad_h_relative"].to_numpy()[:-1] ** 2 * grad2[:, -1:],
        ]
    )
    standard_error = differences.std(axis=0, ddof=1) / np.sqrt(len(differences))
    scores = differences.mean(axis=0) / standard_error
    assert np.abs(scores).max() < 4, scores
    # The test can see what it should: the standard errors are a small share of the prediction.
    assert (standard_error[:4] / table["q"]).max() < 0.05


def test_propagate_describes_the_network_that_mlp_builds():
    """PyTorch's default has weight and bias variance 1/(3 fan_in); the first layer, exactly."""
    model = networks.mlp(1, 200_000, "tanh", in_features=20, out_features=1, seed=3)
    x = torch.ones(1, 20, dtype=torch.float64)
    table = theory.propagate(
        "tanh", [20, 200_000, 1], lambda fan_in, _: 1 / (3 * fan_in), sigma_b2=1 / 60
    )
    # 200,000 independent squares: relative standard error sqrt(2/200000) = 0.3 %; 4 of them.
    with torch.no_grad():
        assert model.linear1(x).square().mean().item() == pytest.approx(table["q"][0], rel=0.013)


# ---- The range of double precision, and bad input ------------------------------------------


def he(fan_in, fan_out):
    return 2 / fan_in


@pytest.mark.parametrize(
    "factor, found",
    [(1e20, "q is inf at layer 16 of 40"), (1e-20, "q is 1e-320 at layer 16 of 40")],
)
def test_signal_out_of_range_raises_and_says_where(factor, found):
    with pytest.raises(ValueError, match=found.replace("1e-320", ".*e-320")):
        theory.propagate("linear", [10] * 42, lambda fan_in, _: factor / fan_in)


def test_zero_weights_have_no_signal():
    with pytest.raises(ValueError, match="q is 0.0 at layer 1 of 2"):
        theory.propagate("tanh", [10] * 4, lambda *_: 0.0)


def test_zero_weights_with_biases_have_no_gradient():
    table = theory.propagate("tanh", [10] * 4, lambda *_: 0.0, sigma_b2=0.5)
    assert table["q"].tolist() == [0.5, 0.5] and table["grad_h_relative"].tolist() == [0, 1]


def test_gradient_far_below_the_root_of_the_smallest_number():
    """The squared RMS would be 1e-400; the RMS is a number like any other."""
    widths = [10] * 202
    small = theory.propagate("linear", widths, lambda fan_in, _: 1e-2 / fan_in, sigma_b2=0.99)
    np.testing.assert_allclose(small["q"], 1, rtol=1e-10)
    np.testing.assert_allclose(small["grad_h_relative"][0], 1e-199, rtol=1e-10)


def test_gradient_out_of_range_raises_and_says_where():
    """A factor of 0.1 per layer: 308 layers below the last of 400, it is no normal number."""
    with pytest.raises(ValueError, match="RMS of dL/dh at layer 92, .* is 1[.0-9]*e-308"):
        theory.propagate("linear", [10] * 402, lambda fan_in, _: 1e-2 / fan_in, sigma_b2=0.99)
    # Huge weights saturate tanh: the signal stays put, the gradient grows without bound.
    with pytest.raises(ValueError, match=r"RMS of dL/dh at layer \d+, .* is inf"):
        theory.propagate("tanh", [10] * 302, lambda fan_in, _: 1e6 / fan_in)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"widths": [10, 10]}, r"at least one hidden layer and output, got \[10, 10\]"),
        ({"widths": [10, 0, 10]}, "at least 1, got 0 in"),
        ({"widths": [10, 2.5, 10]}, "at least 1, got 2.5 in"),
        ({"widths": [10, True, 10]}, "at least 1, got True in"),
        ({"input_correlation": 1.01}, "input_correlation must be from -1 to 1, got 1.01"),
        ({"input_correlation": np.nan}, "input_correlation must be from -1 to 1, got nan"),
        ({"sigma_b2": -0.1}, "sigma_b2 must be finite and not negative, got -0.1"),
        ({"sigma_b2": np.nan}, "sigma_b2 must be finite and not negative, got nan"),
        ({"input_second_moment": -1.0}, "input_second_moment must be .*, got -1.0"),
        ({"weight_variance": lambda *_: -1.0}, "weight variance of layer 1 must be .*, got -1.0"),
        ({"weight_variance": lambda *_: np.nan}, "weight variance of layer 1 must be .*, got nan"),
        ({"activation": "rely"}, "unknown activation 'rely'; allowed: .*relu"),
    ],
)
def test_bad_input_is_named(change, message):
    arguments = {"activation": "tanh", "widths": [10, 10, 10], "weight_variance": he} | change
    with pytest.raises(ValueError, match=message):
        theory.propagate(**arguments)


@pytest.mark.parametrize(
    "change, message",
    [
        (
            {"weight_variance": initializers.get("xavier_normal")},
            r"\(fan_in, fan_out\), .*, got Sc",
        ),
        ({"weight_variance": "he"}, r"such as initializers.get\(name\).variance, got 'he'"),
        ({"weight_variance": 0.1}, "weight_variance must be a function of .*, got 0.1"),
        ({"weight_variance": lambda *_: "0.1"}, "variance of layer 1 must be a number, got '0.1'"),
        ({"sigma_b2": "0.1"}, "sigma_b2 must be a number, got '0.1'"),
        ({"input_second_moment": "1"}, "input_second_moment must be a number, got '1'"),
        ({"input_correlation": "1"}, "input_correlation must be a number, got '1'"),
    ],
)
def test_input_of_the_wrong_type_is_named(change, message):
    arguments = {"activation": "tanh", "widths": [10, 10, 10], "weight_variance": he} | change
    with pytest.raises(TypeError, match=message):
        theory.propagate(**arguments)


def test_numbers_must_be_numbers():
    for given in ("1.0", None, [1.0], np.ones(2)):
        for name, call in {
            "q": lambda q: theory.q_map("tanh", q, 1.0),
            "sigma_w2": lambda sigma_w2: theory.chi1("tanh", 1.0, sigma_w2),
            "c": lambda c: theory.c_map("tanh", c, 1.0, 1.0),
            "sigma_b2": lambda sigma_b2: theory.fixed_point("tanh", 1.0, sigma_b2),
            "start": lambda start: theory.fixed_point("tanh", 1.0, start=start),
        }.items():
            with pytest.raises(TypeError, match=f"{name} must be a number, got"):
                call(given)
    assert theory.q_map("relu", np.array(3.0), np.float32(2)) == pytest.approx(3)


def test_widths_from_numpy_are_whole_numbers():
    table = theory.propagate("relu", np.array([8, 16, 16, 4]), he)
    np.testing.assert_allclose(table["q"], 2, rtol=1e-13)
