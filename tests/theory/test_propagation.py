"""Layer by layer through a whole network, and layers that are not wide."""

import numpy as np
import pytest
import torch
from scipy.special import digamma, expit, polygamma
from scipy.stats import binom

from weightinit import activations, networks, theory


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


# ---- The range of double precision ------------------------------------------


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


def test_widths_from_numpy_are_whole_numbers():
    table = theory.propagate("relu", np.array([8, 16, 16, 4]), he)
    np.testing.assert_allclose(table["q"], 2, rtol=1e-13)


# ---- Layers that are not wide -------------------------------------------------------------


@pytest.mark.parametrize("width", [50, 100, 400])
def test_log_ratio_to_the_next_order(width):
    """Exactly: k of the n units are active, k binomial, and their squares add up to a chi^2_k."""
    k = np.arange(1, width + 1)
    weights = binom.pmf(k, width, 0.5)
    log = digamma(k / 2) + np.log(4 / width)
    mean = weights @ log
    variance = weights @ (polygamma(1, k / 2) + (log - mean) ** 2)
    lead_mean, lead_variance = theory.relu_log_ratio(width, 1)
    # The next terms, as documented, and what is of the order after that.
    assert mean - lead_mean == pytest.approx(-4.1 / width**2, abs=50 / width**3)
    assert variance - lead_variance == pytest.approx(18.5 / width**2, abs=200 / width**3)


def log_ratios(networks, width, depth):
    """All networks at once, each with its own He-normal weights in every layer."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(networks, width, 1, generator=generator)
    before = x.square().sum(dim=(1, 2))
    for _ in range(depth):
        weights = torch.randn(networks, width, width, generator=generator) * (2 / width) ** 0.5
        x = torch.relu(weights @ x)
    return torch.log(x.square().sum(dim=(1, 2)) / before).numpy()


def test_log_ratio_of_real_networks():
    """300 networks: mean and variance within four standard errors and the next order."""
    width, depth = 60, 20
    mean, variance = theory.relu_log_ratio(width, depth)
    logs = log_ratios(300, width, depth)
    error = logs.std(ddof=1) / np.sqrt(len(logs))
    assert abs(logs.mean() - mean) < 4 * error + 4.1 * depth / width**2
    # The logarithm is nearly normal, so that its variance has a relative error of sqrt(2/N).
    error = variance * np.sqrt(2 / len(logs))
    assert abs(logs.var(ddof=1) - variance) < 4 * error + 18.5 * depth / width**2
    assert abs(logs.mean()) > 8 * logs.std() / np.sqrt(len(logs))  # it would see a mean of 0


# ---- What is refused -----------------------------------------------------------------------


def test_an_activation_that_jumps_has_no_gradient():
    """As `chi1` says: the slope moment would be 0, and the gradient is not."""
    step = activations.Activation("step", lambda h: (h > 0) * 1.0, np.zeros_like, kinks=0)
    with pytest.raises(ValueError, match="step jumps at 0.0: its slope is infinite there"):
        theory.propagate(step, [4, 5, 6], lambda n, _: 1 / n)


def test_the_weights_to_the_output_are_not_asked_for():
    """They are no part of any row; so a scheme may refuse the output's fans."""
    asked = []
    theory.propagate("relu", [4, 5, 6, 7], lambda *fans: asked.append(fans) or 0.1)
    assert asked == [(4, 5), (5, 6), (5, 6)]
