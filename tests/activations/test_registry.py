"""The activations of the book, those of PyTorch, and those that a reader adds."""

import copy
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from torch import nn

from weightinit import theory
from weightinit.activations import Activation, check, from_module, get, names, register, unregister
from weightinit.networks import mlp

INF = float("inf")
SQUARE = (lambda h: h**2, lambda h: 2 * h)
H_SIN_H = (lambda h: h * np.sin(h), lambda h: np.sin(h) + h * np.cos(h))
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


@pytest.mark.parametrize("name", ALL)
def test_check_accepts_the_registered(name):
    assert check(get(name)) is get(name)


def test_import_needs_neither_torch_nor_tensorflow():
    code = (
        "import sys, weightinit.activations, weightinit.data;"
        "assert not {'torch', 'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# ---- Registering -----------------------------------------------------------------------------


def test_registered_is_known_everywhere():
    before = names()
    own = register("h sin h", *H_SIN_H, kinks=[0], bounds=(-INF, INF))
    assert own == Activation("h sin h", *H_SIN_H, (0.0,), (-INF, INF))
    assert get("h sin h") is own and names() == sorted([*before, "h sin h"])
    assert theory.gains()["activation"].tolist() == names()
    model = mlp(2, 3, "h sin h")
    assert from_module(model.act1) is from_module(model.act2) is own
    assert from_module(copy.deepcopy(model).act1) == own
    assert "(act1): OwnActivation(h sin h)" in repr(model)


@pytest.mark.parametrize("time", ["first", "second"])
def test_no_test_sees_what_another_registered(time):
    assert "seen" not in names()
    register("seen", *H_SIN_H)


def test_registering_again_replaces():
    first = register("own", *H_SIN_H)
    second = register("own", *SQUARE)
    assert get("own") is second and second(3.0) == 9 and first(3.0) == 3 * np.sin(3)


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("relu", ValueError, "'relu' cannot be registered; .*: elu, .*, identity, .*, tanh$"),
        *((name, ValueError, f"'{name}' cannot") for name in ("tanh", "elu", "swish", "identity")),
        ("", ValueError, "'' cannot be registered"),
        (" \t", ValueError, r"' \\t' cannot be registered"),
        (None, TypeError, "the name of an activation must be a string, got None"),
    ],
)
def test_bad_name_is_refused(name, error, message):
    before = names(), get("relu"), get("swish")
    with pytest.raises(error, match=message):
        register(name, np.tanh, get("tanh").df)
    assert (names(), get("relu"), get("swish")) == before


def test_name_of_a_family_does_not_take_the_place_of_its_members():
    register("leaky_relu(0.375)", *H_SIN_H)
    assert from_module(nn.LeakyReLU(0.375))(-8.0) == -3


# ---- Taking back -----------------------------------------------------------------------------


def test_unregister_takes_back_one():
    before = names()
    register("square", *SQUARE)
    first = register("own", *SQUARE)
    model = mlp(2, 3, "own")
    assert unregister("own") is None
    assert names() == sorted([*before, "square"])
    with pytest.raises(ValueError, match="unknown activation 'own'"):
        get("own")
    assert from_module(model.act1) is first  # a network keeps what it is made of
    assert register("own", np.tanh, get("tanh").df) is get("own")


@pytest.mark.parametrize("name", ["tanh", "identity", "elsewhere", "", None, ["square"]])
def test_unregister_names_what_it_could_take_back(name):
    with pytest.raises(ValueError, match="not an activation of your own; registered are: none$"):
        unregister(name)
    register("square", *SQUARE)
    register("another", np.tanh, get("tanh").df)
    before = names()
    with pytest.raises(ValueError, match=f"^{re.escape(repr(name))} cannot .*: another, square$"):
        unregister(name)
    assert names() == before and get("tanh").torch_name == "Tanh"


@pytest.mark.parametrize("given", ["relu", None, nn.ReLU, np.tanh, get("relu")])
def test_from_module_takes_modules(given):
    with pytest.raises(TypeError, match="module must be a torch.nn.Module, got "):
        from_module(given)


@pytest.mark.parametrize("given", [None, 3, ["relu"], {}, nn.ReLU(), np.tanh, Activation])
def test_get_takes_names_and_activations(given):
    with pytest.raises(TypeError, match="activation must be a name or an Activation, got "):
        get(given)
