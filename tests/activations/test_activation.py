"""What an activation is: its slopes, and where they are small."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import ndtr

from weightinit.activations import Activation, check, get, names, register

INF = float("inf")
ALL = names()
# Slopes without a maximum: one that swings, one that only grows, one that overflows from 710 on.
GROWING = {
    "h sin h": (lambda h: h * np.sin(h), lambda h: np.sin(h) + h * np.cos(h)),
    "square": (lambda h: h**2, lambda h: 2 * h),
    "exp": (np.exp, np.exp),
}


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


@pytest.mark.parametrize("name", GROWING)
def test_slope_that_grows_has_no_maximum(name):
    own = register(name, *GROWING[name])
    assert own.max_slope == INF and own.flat_intervals(0) == ()
    with pytest.raises(ValueError, match=f"{name} has no largest slope"):
        own.flat_intervals(0.05)


@pytest.mark.parametrize("slope", [1.0, 1e6])
def test_slope_that_settles_far_out_has_a_maximum(slope):
    # phi' = slope * r (2 - r) with r = |h| / (1 + |h|): 1 % below its limit at h = 9.
    own = register(
        "own",
        lambda h: slope * h * np.abs(h) / (1 + np.abs(h)),
        lambda h: slope * np.abs(h) * (2 + np.abs(h)) / (1 + np.abs(h)) ** 2,
        kinks=[0],
    )
    assert own.max_slope == pytest.approx(slope, rel=1e-12)
    # phi' = share * slope where (1 - r)^2 = 1 - share.
    end = 1 / np.sqrt(1 - 0.05) - 1
    np.testing.assert_allclose(own.flat_intervals(), [(-end, end)], rtol=1e-9)


# ---- The constructor ------------------------------------------------------------------------


@pytest.mark.parametrize("kinks", [0, 0.0, np.float64(0), np.array(0), [0], (0,), np.array([0.0])])
def test_one_kink_may_be_a_number(kinks):
    own = register("own", np.abs, np.sign, kinks=kinks)
    assert own.kinks == (0.0,) and check(Activation("own", np.abs, np.sign, kinks)) == own
    assert own.flat_intervals() == ()  # hashed, as the keys of a cache are


@pytest.mark.parametrize(
    "kinks", [None, "0", ["0"], [None], [[0, 1]], [1, 0], [0, 0], [-1, 2, 2.0], INF, 1j, {}.get]
)
def test_bad_kinks_are_shown(kinks):
    with pytest.raises(ValueError, match="own: kinks must be finite and increasing n") as caught:
        Activation("own", np.tanh, np.cosh, kinks)
    assert str(caught.value).endswith(f"numbers, or one number, got {kinks!r}")


@pytest.mark.parametrize(
    "bounds", [(1, -1), 1, None, (), (-1,), (-1, 0, 1), "01", ("-1", "1"), (float("nan"), 1)]
)
def test_bad_bounds_are_shown(bounds):
    with pytest.raises(ValueError, match="own: bounds must be a pair of numbers ") as caught:
        Activation("own", np.tanh, np.cosh, bounds=bounds)
    assert str(caught.value).endswith(f"(low, high) with low <= high, got {bounds!r}")


def test_bounds_may_be_any_pair():
    for bounds in ([-1, 1], np.array([-1, 1]), (-1, INF), (0, 0)):
        own = Activation("own", np.tanh, get("tanh").df, bounds=bounds)
        assert own.bounds == tuple(bounds) and own.flat_intervals(0) == ()


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"name": None}, TypeError, "name must be a string, got None"),
        ({"f": "tanh"}, TypeError, "own: f must be a function of an array, got 'tanh'"),
        ({"df": None}, TypeError, "own: df must be a function of an array, got None"),
        ({"torch_name": 3}, TypeError, "own: torch_name must be a string or None, got 3"),
        ({"keras_name": 3}, TypeError, "own: keras_name must be a string or None, got 3"),
        ({"torch_kwargs": [1]}, TypeError, r"own: torch_kwargs must be a dictionary, got \[1\]"),
        ({"keras_kwargs": None}, TypeError, "own: keras_kwargs must be a dictionary, got None"),
    ],
)
def test_what_an_activation_is_made_of(wrong, error, message):
    with pytest.raises(error, match=message):
        Activation(**{"name": "own", "f": np.tanh, "df": np.cosh} | wrong)


@pytest.mark.parametrize("name", ["Tnah", "functional", "init"])
def test_a_module_that_pytorch_does_not_have(name):
    with pytest.raises(ValueError, match=f"own: torch.nn has no module '{name}'"):
        Activation("own", np.tanh, np.cosh, torch_name=name).module()


@pytest.mark.parametrize("h", [None, "1", [None], 1j, {}])
def test_phi_is_of_real_numbers(h):
    with pytest.raises(TypeError, match="h must be a number or an array of real numbers, got "):
        get("tanh")(h)


@pytest.mark.parametrize("share", [None, "0.05", [0.05], 1j])
def test_share_is_a_number(share):
    with pytest.raises(TypeError, match="share must be a number, got"):
        get("relu").flat_intervals(share)


# ---- Slopes between the points of the grid ---------------------------------------------------


def steep(factor, at):
    return Activation(
        "steep",
        lambda h: np.tanh(factor * (h - at)),
        lambda h: factor / np.cosh(np.clip(factor * (h - at), -300, 300)) ** 2,
    )


@pytest.mark.parametrize("at", [0, 0.12345678, -3.3, 777.7])
@pytest.mark.parametrize("factor", [30, 1e4])
def test_a_steep_slope_is_found_wherever_it_is(factor, at):
    phi, half = steep(factor, at), np.arctanh(0.95**0.5) / factor
    assert phi.max_slope == pytest.approx(factor, rel=1e-9)
    ends = np.ravel(phi.flat_intervals())[1:-1]  # 1 - tanh^2 is 5 % there
    np.testing.assert_allclose(ends, [at - half, at + half], rtol=1e-12, atol=1e-14)


def test_a_slope_too_steep_to_be_followed_is_refused():
    with pytest.raises(ValueError, match="steep: df is not the derivative of f: is there .* 777.7"):
        _ = steep(1e7, 777.7).max_slope


@pytest.mark.parametrize("exponent", [0.05, 0.01])
def test_slope_that_grows_slowly_has_no_maximum(exponent):
    own = Activation(
        "own",
        lambda h: h * np.abs(h) ** exponent,
        lambda h: (1 + exponent) * np.abs(h) ** exponent,
        kinks=0,
    )
    assert own.max_slope == INF
