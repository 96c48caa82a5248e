"""Activations of the reader's own, compared with PyTorch's modules that have the same formulas.

A warning fails every test of this project, so that these also show that none is given.
"""

import numpy as np
import pytest
import torch

from weightinit.activations import Activation, get, register
from weightinit.activations.own_module import OwnActivation
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


# ---- Wrong calls -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "h", [torch.arange(3), torch.tensor([True]), torch.tensor([1j]), np.ones(2), 1.0, None]
)
def test_module_takes_floating_point_tensors(h):
    with pytest.raises(TypeError, match="h must be a tensor of floating-point numbers, got "):
        register_again("tanh").module()(h)


@pytest.mark.parametrize("given", [None, "tanh", np.tanh, Activation])
def test_module_is_of_an_activation(given):
    with pytest.raises(TypeError, match="activation must be a weightinit.Activation, such as act"):
        OwnActivation(given)


def test_formula_must_keep_the_shape():
    own = Activation("own", lambda h: np.float64(1.0), np.zeros_like).module()
    with pytest.raises(ValueError, match=r"must keep the shape \(2, 3\), got \(\); activations.ch"):
        own(torch.ones(2, 3))
