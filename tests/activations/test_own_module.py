"""Activations of the reader's own, compared with PyTorch's modules that have the same formulas.

A warning fails every test of this project, so that these also show that none is given.
"""

import copy

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm
from torch import nn

from weightinit import theory
from weightinit.activations import Activation, from_module, get, names, register
from weightinit.data import digits
from weightinit.networks import mlp
from weightinit.probes import probe
from weightinit.training import sweep, train

DATA = digits()
INF = float("inf")
# Slopes without a maximum: one that swings, one that only grows, one that overflows from 710 on.
GROWING = {
    "h sin h": (lambda h: h * np.sin(h), lambda h: np.sin(h) + h * np.cos(h)),
    "square": (lambda h: h**2, lambda h: 2 * h),
    "exp": (np.exp, np.exp),
}
H_SIN_H = GROWING["h sin h"]
naive = lambda h: np.exp(h) / (1 + np.exp(h))  # noqa: E731


def register_again(name):
    """Register the formulas of one of the book's activations under a name of our own."""
    phi = get(name)
    return register(f"own {name}", phi.f, phi.df, kinks=phi.kinks, bounds=phi.bounds)


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
    second = register("own", *GROWING["square"])
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


@pytest.mark.parametrize(
    ("f", "df", "message"),
    [
        ("tanh", np.cos, "own: f must be a function of an array, got 'tanh'"),
        (np.tanh, None, "own: df must be a function of an array, got None"),
    ],
)
def test_formula_that_is_no_function_is_refused(f, df, message):
    with pytest.raises(TypeError, match=message):
        register("own", f, df)


BAD = {
    "NaN near": (np.sqrt, lambda h: 0.5 / np.sqrt(h), {}, "f is not finite near h = -0.01: .* nan"),
    "NaN in df": (np.tanh, lambda h: np.sqrt(h) * 0, {}, "df is not the deriv.* df says nan"),
    # exp overflows from 709.78 on; the points which are tried are 3 % apart.
    "f NaN far out": (naive, get("sigmoid").df, {}, r"f is NaN at h = 7[1-3]\d"),
    "df NaN far out": (get("sigmoid").f, lambda h: naive(h) / (1 + np.exp(h)), {}, "df is NaN at"),
    "f NaN on the left": (lambda h: 1 - naive(-h), get("sigmoid").df, {}, "f is NaN at h = -7"),
    "wrong derivative": (np.tanh, lambda h: 1 - np.tanh(h), {}, "df is not the derivative of f"),
    "missing kink": (np.abs, np.sign, {}, r"is there a kink near h = 0\? then say kinks=\[0\]$"),
    "bounds": (np.tanh, get("tanh").df, {"bounds": (0, 1)}, r"f leaves its bounds \(0, 1\)"),
    "number from f": (lambda h: 1.0, np.zeros_like, {}, "f must return a NumPy array .* 1.0"),
    "number from df": (lambda h: h, lambda h: 1.0, {}, "df must return a NumPy array .* 1.0"),
}


@pytest.mark.parametrize("case", BAD)
def test_formulas_that_do_not_agree_are_refused(case):
    f, df, kwargs, message = BAD[case]
    before = names()
    with pytest.raises(ValueError, match=f"^own: .*{message}"):
        register("own", f, df, **kwargs)
    assert names() == before
    good = register("own", *H_SIN_H)
    with pytest.raises(ValueError, match=message):
        register("own", f, df, **kwargs)
    assert get("own") is good


def test_overflow_to_infinity_is_allowed():
    logistic = register("own", lambda h: 1 / (1 + np.exp(-h)), get("sigmoid").df)
    assert get("own") is logistic and logistic.flat_intervals() == get("sigmoid").flat_intervals()


def test_name_of_a_family_does_not_take_the_place_of_its_members():
    register("leaky_relu(0.375)", *H_SIN_H)
    assert from_module(nn.LeakyReLU(0.375))(-8.0) == -3


# ---- The module ------------------------------------------------------------------------------


def apply(module, h):
    """Value and gradient."""
    h = h.clone().requires_grad_()
    x = module(h)
    (gradient,) = torch.autograd.grad((3 * x).sum(), h)
    return x.detach(), gradient


@pytest.mark.parametrize("name", ["tanh", "relu", "gelu"])
def test_module_equals_pytorch(name):
    h = torch.linspace(-9, 9, 1201, dtype=torch.float64)  # with 0, a kink of relu
    ours, theirs = (apply(phi.module(), h) for phi in (register_again(name), get(name)))
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3, 4)])
def test_module_keeps_type_and_shape(dtype, shape):
    h = torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(0))
    h = h.mT if h.ndim else h  # not contiguous
    ours = apply(register_again("tanh").module(), h)
    theirs = [exact.to(dtype) for exact in apply(torch.tanh, h.double())]
    torch.testing.assert_close(ours, tuple(theirs))  # within the type's rounding; types as well


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_module_under_vmap(axis):
    module = register_again("tanh").module()
    h = torch.linspace(-3, 3, 24, dtype=torch.float64).reshape(2, 3, 4)
    x, gradient = apply(torch.tanh, h)
    mapped = torch.func.vmap(module, in_dims=axis, out_dims=axis)(h)
    torch.testing.assert_close(mapped, x, rtol=1e-12, atol=1e-12)
    each = torch.func.grad(lambda h: 3 * module(h).sum())
    mapped = torch.func.vmap(each, in_dims=axis, out_dims=axis)(h)
    torch.testing.assert_close(mapped, gradient, rtol=1e-12, atol=1e-12)


def test_module_leaves_its_input_alone():
    def relu_in_place(h):
        h[h < 0] = 0
        return h

    h = torch.tensor([-1.0, 2.0], dtype=torch.float64)
    x = Activation("own", relu_in_place, get("relu").df).module()(h)
    assert x.tolist() == [0, 2] and h.tolist() == [-1, 2]


@pytest.mark.parametrize("weight", [1.0, torch.tensor(0.7, dtype=torch.float64).requires_grad_()])
def test_second_derivative_is_refused(weight):
    """With a weight, a gradient that took phi' for a constant would look right and be wrong."""
    h = torch.tensor([0.5, -1.0], dtype=torch.float64, requires_grad=True)
    x = register_again("tanh").module()(weight * h)
    (slope,) = torch.autograd.grad(x.sum(), h, create_graph=True)
    torch.testing.assert_close(slope, weight / torch.cosh(weight * h) ** 2)
    with pytest.raises(RuntimeError, match="an activation of your own has no second derivative"):
        slope.sum().backward()


# ---- Training and probing --------------------------------------------------------------------


def same_numbers(ours, theirs, rtol):
    assert ours.shape == theirs.shape
    for column in theirs.select_dtypes("number"):
        np.testing.assert_allclose(ours[column], theirs[column], rtol=rtol, err_msg=column)


def test_training_equals_that_of_pytorchs_module():
    register_again("tanh")
    ours, theirs = (
        train(mlp(2, 12, name), DATA, steps=20, lr=0.5, evaluate_every=5).history
        for name in ("own tanh", "tanh")
    )
    assert ours["loss"].iloc[-1] < 0.95 * ours["loss"].iloc[0] and len(ours) == 5
    same_numbers(ours, theirs, 1e-10)


def test_sweep_equals_that_of_pytorchs_module():
    register_again("tanh")
    kwargs = {"lrs": [0.1, 0.5], "seeds": [0, 1], "steps": 20, "evaluate_every": 5}
    ours, theirs = (
        sweep(lambda seed, name=name: mlp(2, 12, name, seed=seed), DATA, **kwargs)
        for name in ("own tanh", "tanh")
    )
    assert len(ours) == 20 and ours["loss"].nunique() == 18  # step 0 knows no learning rate
    same_numbers(ours, theirs, 1e-10)


def test_network_that_diverges_does_not_warn():
    register("h sin h", *H_SIN_H)  # NumPy would warn of sin(inf)
    table = sweep(lambda seed: mlp(2, 4, "h sin h"), DATA, lrs=[0.1, 1e200], seeds=[0], steps=3)
    assert np.isfinite(table["loss"]).tolist() == [True, True, True, False]


def probed(name, scale, share=0.05):
    model = mlp(3, 40, name, seed=1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= scale
    x, y, *_ = DATA.tensors()
    return probe(model, x[:4], y[:4], lr=0.1, share=share)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5])
@pytest.mark.parametrize("name", ["tanh", "relu", "gelu"])
def test_probe_equals_that_of_pytorchs_module(name, share):
    own = register_again(name)
    ours, theirs = probed(own.name, 4, share), probed(name, 4, share)
    assert ours["activation"].tolist() == 3 * [own.name] + ["output"]
    if share:
        assert (theirs["saturated"][:3] > 0).all()
    assert (theirs["dead"][:3] > 0).all() if name == "relu" else (theirs["dead"][:3] == 0).all()
    same_numbers(ours, theirs, 1e-12)


@pytest.mark.parametrize(
    ("f", "df"), [*GROWING.values(), (np.sin, np.cos)], ids=[*GROWING, "sin h"]
)
def test_probe_where_saturation_is_unknown(f, df):
    hidden = probed(register("own", f, df).name, scale=1).iloc[:3]
    assert hidden["saturated"].isna().all() and (hidden["dead"] == 0).all()
    numbers = hidden.select_dtypes("number").drop(columns="saturated")
    assert np.isfinite(numbers).all(axis=None) and numbers.shape == (3, 13)


# ---- Slopes and theory -----------------------------------------------------------------------


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


def test_gains_of_h_sin_h_in_closed_form():
    """E[h^2 cos(th)] = (1 - t^2) exp(-t^2 / 2) and E[h sin(th)] = t exp(-t^2 / 2), with t = 2."""
    own = register("h sin h", *H_SIN_H)
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
