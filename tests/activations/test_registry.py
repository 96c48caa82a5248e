import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from scipy.special import ndtr
from torch import nn

from weightinit.activations import Activation, check, from_module, get, names

INF = float("inf")
ALL = names()
# Both sides of every kink, the kinks, and far tails in which PyTorch is exact as well.
GRID = np.unique(
    np.concatenate(
        [np.linspace(-12, 12, 2401), np.linspace(-100, 100, 401)]
        + [k + np.array([-1e-3, -1e-9, -1e-15, 0.0, 1e-15, 1e-9, 1e-3]) for k in (-1, 0, 1)]
    )
)


def autograd(module, h):
    x = torch.tensor(h, dtype=torch.float64, requires_grad=True)
    y = module.double()(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    return y.detach().numpy(), slope.numpy()


def compare_with_torch(activation, module):
    y, slope = autograd(module, GRID)
    np.testing.assert_allclose(activation.f(GRID), y, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(activation.df(GRID), slope, rtol=1e-12, atol=1e-12)


def test_all_rows_are_there():
    assert set(ALL) == {
        *("linear", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus", "tanh"),
        *("sigmoid", "softsign", "hardtanh", "mish"),
    }
    assert get("identity") is get("linear") and get("swish") is get("silu")
    assert all(get(name).name == name and get(get(name)) is get(name) for name in ALL)


@pytest.mark.parametrize("name", ALL)
def test_value_and_slope_equal_autograd(name):
    compare_with_torch(get(name), get(name).module())


@pytest.mark.parametrize("name", ALL)
def test_slope_equals_finite_differences(name):
    activation, step = get(name), 1e-3
    h = np.linspace(-8, 8, 1601) + 0.0047  # no point within 2 steps of a kink
    f = activation.f
    # Fourth order: the truncation error is step^4 |f^(5)| / 30, below 1e-12.
    numeric = (8 * (f(h + step) - f(h - step)) - (f(h + 2 * step) - f(h - 2 * step))) / 12 / step
    np.testing.assert_allclose(activation.df(h), numeric, rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", ALL)
def test_far_out_without_warning(name):
    activation = get(name)
    size = np.geomspace(1e-300, 1e4, 4001)
    h = np.concatenate([-size[::-1], [0.0], size])
    with warnings.catch_warnings(), np.errstate(over="raise", invalid="raise", divide="raise"):
        warnings.simplefilter("error")
        value, slope = activation(h), activation.df(h)
    assert np.all(np.isfinite(value)) and np.all(np.isfinite(slope))
    assert value.dtype == slope.dtype == np.float64 and value.shape == slope.shape == h.shape
    assert np.all((value >= activation.bounds[0]) & (value <= activation.bounds[1]))


@pytest.mark.parametrize("name", ALL)
def test_number_in_number_out(name):
    assert np.ndim(get(name)(2)) == 0 and get(name)(2) == get(name)(np.array([2.0]))[0]


def test_tails_keep_their_digits():
    # Where 1 - tanh(h)^2 and s (1 - s) cancel to 0; to first order exp(-h) is exact here.
    assert get("tanh").df(40.0) == pytest.approx(4 * np.exp(-80.0), rel=1e-13, abs=0)
    assert get("sigmoid").df(50.0) == pytest.approx(np.exp(-50.0), rel=1e-13, abs=0)
    assert get("softplus").f(-50.0) == pytest.approx(np.exp(-50.0), rel=1e-13, abs=0)


@pytest.mark.parametrize("name", ["gelu", "silu", "mish"])
def test_minimum_is_at_the_zero_of_the_slope(name):
    activation = get(name)
    at = brentq(activation.df, -1.6, -0.5, xtol=1e-15)
    assert activation(at) == pytest.approx(activation.bounds[0], rel=4e-16, abs=0)


@pytest.mark.parametrize("name", sorted(set(ALL) - {"gelu", "silu", "mish"}))
def test_monotonic_bounds_are_the_limits(name):
    activation, far = get(name), np.array([-1e15, 1e15])
    ends = np.where(np.abs(activation(far)) > 1e10, np.sign(far) * INF, activation(far))
    np.testing.assert_allclose(ends, activation.bounds, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("linear", 1),
        ("relu", 1),
        ("leaky_relu", 1),
        ("elu", 1),
        ("selu", 1.0507009873554805 * 1.6732632423543772),
        ("gelu", ndtr(np.sqrt(2)) + np.exp(-1) / np.sqrt(np.pi)),  # phi'' = 0 at sqrt(2)
        ("silu", 1.099839320128866917),  # phi'' = 0 solved with 40 digits
        ("softplus", 1),
        ("tanh", 1),
        ("sigmoid", 0.25),
        ("softsign", 1),
        ("hardtanh", 1),
        ("mish", 1.088498161251728761),  # as for silu
    ],
)
def test_max_slope(name, expected):
    assert get(name).max_slope == pytest.approx(expected, rel=1e-13, abs=0)


@pytest.mark.parametrize("share", [0.5, 0.05, 1e-3, 1e-6])
def test_flat_intervals_in_closed_form(share):
    root = np.sqrt(1 - share)
    ends = {
        # share = 4 s (1 - s); share = 1 - tanh^2; share = 1 / (1 + |h|)^2
        "sigmoid": np.log1p(root) - np.log(share / (1 + root)),
        "tanh": np.arctanh(root),
        "softsign": 1 / np.sqrt(share) - 1,
    }
    for name, end in ends.items():
        expected = ((-INF, -end), (end, INF))
        np.testing.assert_allclose(get(name).flat_intervals(share), expected, rtol=1e-10)
    one_sided = {
        "relu": 0.0,
        "elu": np.log(share),
        "selu": np.log(share),
        "softplus": np.log(share) - np.log1p(-share),
    }
    for name, end in one_sided.items():
        np.testing.assert_allclose(get(name).flat_intervals(share), [(-INF, end)], rtol=1e-10)
    assert get("linear").flat_intervals(share) == ()
    assert get("hardtanh").flat_intervals(share) == ((-INF, -1), (1, INF))


def test_leaky_relu_is_flat_only_by_the_share_asked_for():
    assert get("leaky_relu").flat_intervals(0.02) == ((-INF, 0),)
    assert get("leaky_relu").flat_intervals(0.01) == ()


@pytest.mark.parametrize("share", [0.05, 1e-3, 1e-6, 1e-9])
@pytest.mark.parametrize("name", ["gelu", "silu", "mish"])
def test_flat_intervals_around_a_zero_of_the_slope(name, share):
    activation = get(name)
    tail, dip = activation.flat_intervals(share)
    level = share * activation.max_slope
    zero = brentq(activation.df, -1.6, -0.5, xtol=1e-15)
    assert tail[0] == -INF and tail[1] < dip[0] < zero < dip[1]
    # The slope at the ends is -level, -level, +level, to the rounding error of the slope.
    ends = activation.df(np.array([tail[1], *dip]))
    np.testing.assert_allclose(ends, [-level, -level, level], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("share", [0.3, 0.05, 1e-3])
def test_flat_intervals_agree_with_the_slope_point_by_point(name, share):
    activation = get(name)
    h = np.linspace(-30, 30, 60_001)
    inside = np.zeros(h.shape, dtype=bool)
    for low, high in activation.flat_intervals(share):
        inside |= (low <= h) & (h <= high)
    small = np.abs(activation.df(h)) < share * activation.max_slope
    np.testing.assert_array_equal(inside, small)


def test_share_zero_means_constant():
    expected = {"relu": ((-INF, 0),), "hardtanh": ((-INF, -1), (1, INF))}
    for name in ALL:
        assert get(name).flat_intervals(0) == expected.get(name, ()), name


def test_flat_intervals_of_your_own_activation():
    # Logistic written naively (overflows far out) and moved to 3; a step between two kinks;
    # flat on both sides of a kink: one interval.
    moved = Activation(
        "moved",
        lambda h: 1 / (1 + np.exp(3 - h)),
        lambda h: 1 / (1 + np.exp(3 - h)) * (1 - 1 / (1 + np.exp(3 - h))),
    )
    end = get("sigmoid").flat_intervals()[1][0]
    np.testing.assert_allclose(moved.flat_intervals(), [(-INF, 3 - end), (3 + end, INF)], 1e-10)
    stairs = Activation(
        "stairs",
        lambda h: np.minimum(h, 0) + np.maximum(h - 2, 0),
        lambda h: np.where((h > 0) & (h <= 2), 0.0, 1.0),
        kinks=[0, 1, 2],
    )
    assert check(stairs).flat_intervals(0) == stairs.flat_intervals(0.5) == ((0, 2),)
    assert stairs.kinks == (0.0, 1.0, 2.0)


def test_flat_intervals_refuse_what_they_cannot_list():
    with pytest.raises(ValueError, match=r"sine: its slope .* in more than 500 .*periodic\?"):
        Activation("sine", np.sin, np.cos).flat_intervals()
    with pytest.raises(ValueError, match="root: the derivative is not finite at h = -"):
        _ = Activation("root", np.sqrt, lambda h: 0.5 / np.sqrt(h)).max_slope


@pytest.mark.parametrize("share", [-0.1, 1, 2, float("nan")])
def test_bad_share_is_named(share):
    with pytest.raises(ValueError, match=r"share must be in \[0, 1\), got"):
        get("relu").flat_intervals(share)


@pytest.mark.parametrize(
    "module",
    [
        nn.ReLU(inplace=True),
        nn.LeakyReLU(0.2),
        nn.LeakyReLU(-0.5),
        nn.PReLU(init=0.125),
        nn.ELU(0.5),
        nn.Hardtanh(-2, 0.5),
        nn.ReLU6(),
        nn.Softplus(beta=1, threshold=30),
        nn.Identity(),
    ],
    ids=repr,
)
def test_from_module_gives_the_same_function(module):
    activation = from_module(module)
    if not isinstance(module, nn.ReLU):  # autograd forbids in-place on a leaf
        compare_with_torch(activation, module)
    compare_with_torch(activation, activation.module())
    check(activation)


@pytest.mark.parametrize("name", ALL)
def test_from_module_inverts_module(name):
    assert from_module(get(name).module()) is get(name)
    standard = getattr(nn, get(name).torch_name)()
    assert from_module(standard) is get(name)


class ReLU(nn.ReLU):
    """Somebody's own class, with a name that PyTorch uses."""

    def forward(self, h):
        return super().forward(h) ** 2


@pytest.mark.parametrize(
    "module",
    [
        nn.GELU(approximate="tanh"),
        nn.Softplus(beta=2),
        nn.Softplus(threshold=3),
        nn.PReLU(4),
        nn.ELU(-1.0),
        nn.Softmax(dim=1),
        nn.Linear(2, 2),
        nn.Sequential(nn.ReLU()),
        ReLU(),
        "relu",
    ],
    ids=repr,
)
def test_from_module_knows_what_it_does_not_know(module):
    assert from_module(module) is None


def test_keras_arguments_where_its_defaults_differ():
    assert get("leaky_relu").keras_kwargs == {"negative_slope": 0.01}
    assert get("gelu").keras_kwargs == {"approximate": False}
    assert get("hardtanh").keras_name == "hard_tanh"
    assert from_module(nn.Hardtanh(-2, 2)).keras_name is None  # Keras has only the standard one


def test_bad_names_are_named():
    with pytest.raises(ValueError, match="unknown activation 'reul'; allowed: elu, gelu, .*tanh"):
        get("reul")
    with pytest.raises(TypeError, match="name or an Activation, got None"):
        get(None)


@pytest.mark.parametrize("kinks", [(1, 0), (0, 0), (float("nan"),), (0, INF)])
def test_bad_kinks_are_named(kinks):
    with pytest.raises(ValueError, match="own: kinks must be finite and increasing"):
        Activation("own", np.tanh, np.cosh, kinks=kinks)


@pytest.mark.parametrize(
    ("f", "df", "bounds", "reason"),
    [
        (np.tanh, lambda h: 1 - np.tanh(h), (-1, 1), "df is not the derivative of f"),
        (np.abs, np.sign, (0, INF), r"is there a kink near h = 0\? then say kinks=\[0\]$"),
        (lambda h: np.where(h > 1, np.nan, h), np.ones_like, (-INF, INF), "f is not finite"),
        (np.tanh, get("tanh").df, (0, 1), "f leaves its bounds"),
        (np.tanh, lambda h: 1.0, (-1, 1), "df must return a NumPy array .* got the number 1.0"),
    ],
)
def test_check_gives_the_reason(f, df, bounds, reason):
    with pytest.raises(ValueError, match=f"own: .*{reason}"):
        check(Activation("own", f, df, bounds=bounds))


@pytest.mark.parametrize("name", ALL)
def test_check_accepts_the_registered(name):
    assert check(get(name)) is get(name)


def test_import_needs_neither_torch_nor_tensorflow():
    code = (
        "import sys, weightinit.activations, weightinit.data;"
        "assert not {'torch', 'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
