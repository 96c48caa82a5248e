"""The curvature against whole Hessians, closed forms, ARPACK and gradient descent itself."""

import numpy as np
import pytest
import torch
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from tests.probes.support import Breakable, Broken, batch, hooks, linear
from weightinit import activations
from weightinit.curvature import _hessian, _largest, largest_eigenvalue
from weightinit.data import digits
from weightinit.initializers import Scheme, initialize
from weightinit.networks import mlp

F32, F64 = torch.float32, torch.float64
pytestmark = pytest.mark.usefixtures("one_thread")


def small_net(depth, width, activation, seed=0, scale=2.0):
    model = mlp(depth, width, activation, in_features=3, out_features=4, seed=seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(scale)
    return model


def small_batch(n=20):
    x, y = batch(n, 3)
    return x, y % 4


def full_hessian(model, x, y, loss=F.cross_entropy):
    """Every second derivative, by PyTorch's own function for it."""
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}
    sizes = [p.numel() for p in named.values()]
    buffers = {name: b.clone() for name, b in model.named_buffers()}

    def of(flat):
        parts = [a.view_as(p) for a, p in zip(flat.split(sizes), named.values(), strict=True)]
        parameters = dict(zip(named, parts, strict=True))
        # Untied: what PyTorch does to tie a module that stands in two places breaks it.
        return loss(functional_call(model, parameters | buffers, (x,), tie_weights=False), y)

    flat = torch.cat([p.detach().reshape(-1) for p in named.values()])
    return torch.autograd.functional.hessian(of, flat)


def hessian_vector_product(model, x, y, vector, loss=None):
    with _hessian(model, x, y, loss) as product:
        return product(vector)


def start(n, seed=0):
    v = torch.randn(n, dtype=F64, generator=torch.Generator().manual_seed(seed))
    return v / v.norm()


# ---- Right values ------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("depth", "width"), [(1, 6), (3, 4)])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_against_the_whole_hessian(activation, depth, width, seed):
    model, (x, y) = small_net(depth, width, activation, seed), small_batch()
    hessian = full_hessian(model, x, y)
    vectors = torch.randn(3, len(hessian), dtype=F64, generator=torch.Generator().manual_seed(1))
    for vector in vectors:
        product = hessian_vector_product(model, x, y, vector)
        torch.testing.assert_close(product, hessian @ vector, rtol=1e-9, atol=1e-12)
    largest = torch.linalg.eigvalsh(hessian)[-1].item()
    found = largest_eigenvalue(model, x, y)
    assert found == pytest.approx(largest, rel=1e-3)
    assert found <= largest * (1 + 1e-12)  # a Rayleigh quotient is never above
    precise = largest_eigenvalue(model, x, y, tolerance=1e-6, iterations=10**5)
    assert precise == pytest.approx(largest, rel=1e-6)


@pytest.mark.parametrize("name", [n for n in activations.names() if n != "linear"])
def test_every_activation(name):
    model, (x, y) = small_net(2, 3, name, scale=1.5), small_batch()
    largest = torch.linalg.eigvalsh(full_hessian(model, x, y))[-1].item()
    assert largest_eigenvalue(model, x, y, iterations=5000) == pytest.approx(largest, rel=1e-3)


def least_squares(seed=0):
    """A linear model, whose Hessian is 2/n X^T X, with a column of ones for the bias."""
    model = nn.Linear(6, 1, dtype=F64)
    x = batch(30, 6, seed=seed)[0]
    y = x @ torch.arange(6.0, dtype=F64)[:, None] + 1
    columns = torch.cat([x, torch.ones(30, 1, dtype=F64)], 1)
    return model, x, y, 2 / 30 * columns.T @ columns


@pytest.mark.parametrize("seed", range(5))
def test_least_squares_in_closed_form(seed):
    model, x, y, hessian = least_squares()
    largest = torch.linalg.eigvalsh(hessian)[-1].item()
    found = largest_eigenvalue(model, x, y, loss=F.mse_loss, seed=seed)
    assert found == pytest.approx(largest, rel=1e-3)


def test_gradient_descent_just_below_and_just_above_the_limit():
    for factor, converges in ((0.99, True), (1.01, False)):
        model, x, y, _ = least_squares()
        largest = largest_eigenvalue(model, x, y, loss=F.mse_loss, tolerance=1e-4)
        optimizer = torch.optim.SGD(model.parameters(), lr=factor * 2 / largest)
        losses = []
        for _ in range(1000):
            optimizer.zero_grad()
            losses.append(F.mse_loss(model(x), y))
            losses[-1].backward()
            optimizer.step()
        assert losses[-1] < 1e-12 if converges else losses[-1] > 1e12


@pytest.mark.parametrize("seed", range(4))
def test_dominant_eigenvalue_that_is_negative(seed):
    """Turned upside down, the loss has the opposite Hessian."""
    model, (x, y) = small_net(1, 4, "tanh", seed, scale=1.0), small_batch()

    def loss(output, y):
        return -F.cross_entropy(output, y)

    eigenvalues = torch.linalg.eigvalsh(full_hessian(model, x, y, loss))
    assert -eigenvalues[0] > eigenvalues[-1] > 0
    found = largest_eigenvalue(model, x, y, loss=loss)
    allowed = 1e-3 * -eigenvalues[0].item()
    assert found == pytest.approx(eigenvalues[-1].item(), abs=allowed)


def test_no_positive_eigenvalue():
    model, x, y, hessian = least_squares()
    largest = -torch.linalg.eigvalsh(hessian)[0].item()  # that of the concave loss
    found = largest_eigenvalue(model, x, y, loss=lambda o, y: -F.mse_loss(o, y), tolerance=1e-4)
    assert found == pytest.approx(largest, abs=1e-4 * torch.linalg.eigvalsh(hessian)[-1].item())


def test_saddle_with_an_eigenvalue_and_its_opposite():
    """At zero, a deep linear network with two layers has its eigenvalues in pairs."""
    model = nn.Sequential(nn.Linear(3, 5, bias=False), nn.Linear(5, 2, bias=False)).double()
    for parameter in model.parameters():
        nn.init.zeros_(parameter)
    x, y = batch(20, 3)[0], batch(20, 2, seed=1)[0]
    eigenvalues = torch.linalg.eigvalsh(full_hessian(model, x, y, F.mse_loss))
    assert eigenvalues[0].item() == pytest.approx(-eigenvalues[-1].item())
    found = largest_eigenvalue(model, x, y, loss=F.mse_loss)
    assert found == pytest.approx(eigenvalues[-1].item(), rel=1e-3)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "spectrum",
    [
        [1.0, 0.5, 0.0],
        [1.0, 0.9999, 0.999, 0.99, 0.9, 0.0],
        [1.0, 1.0, 0.3],
        [1.0, -1.0, 0.3],
        [1.0, -0.999, 0.99],
        [0.999, -1.0, -0.99],
        [0.3, 0.2, -1.0, 0.0],
        [-0.2, -0.4, -1.0],
        [0.0, 0.0, -0.5, -1.0],
        [-1.0, -1.0, -1.0],
        [1e-6, -1.0],
        [3.0] + [0.0] * 99,
        [0.02] * 100 + [1.0] + [-0.7] * 100,
        list(np.linspace(1, -1, 300)),
        list(np.linspace(0.5, -1, 300)),
    ],
    ids=lambda spectrum: "_".join(f"{x:g}" for x in spectrum[:6]),
)
def test_any_spectrum(spectrum, seed):
    n, spectrum = len(spectrum), torch.tensor(spectrum, dtype=F64)
    generator = torch.Generator().manual_seed(seed)
    basis = torch.linalg.qr(torch.randn(n, n, dtype=F64, generator=generator))[0]
    matrix = basis @ torch.diag(spectrum) @ basis.T
    largest = spectrum.max().item()
    for unit in (1.0, 1e-250, 1e250):
        found = _largest(lambda v, u=unit: u * (matrix @ v), start(n, seed), 1e-3, 2000) / unit
        assert largest - found <= 2e-3 * spectrum.abs().max()  # 2: nearly equal ones count as one
        assert found <= largest + 1e-12


def test_hessian_of_zeros():
    x, y = small_batch()
    model = nn.Linear(3, 4, dtype=F64)
    for values in (x, x.clone().requires_grad_()):
        assert largest_eigenvalue(model, values, y, loss=lambda o, y: o.sum()) == 0.0
        ones = torch.ones(16, dtype=F64)
        product = hessian_vector_product(model, values, y, ones, loss=lambda o, y: o.sum())
        assert torch.equal(product, torch.zeros(16, dtype=F64))
    # ReLU is straight on both sides of its kink.
    relu = small_net(1, 5, "relu")
    relu.output.requires_grad_(False)
    assert largest_eigenvalue(relu, x, y, loss=lambda o, y: o.sum()) == 0.0


def test_frozen_shared_and_unused_parameters():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.shared = linear(3, 4, 0), linear(4, 4, 1)
            self.unused, self.again = linear(2, 2, 2), self.shared
            self.first.bias.requires_grad_(False)

        def forward(self, x):
            return self.again(self.shared(self.first(x).tanh()).tanh())

    model, (x, y) = Net(), small_batch()
    hessian = full_hessian(model, x, y)
    assert len(hessian) == 3 * 4 + 4 * 4 + 4 + 2 * 2 + 2
    vector = start(len(hessian))
    product = hessian_vector_product(model, x, y, vector)
    torch.testing.assert_close(product, hessian @ vector)
    largest = torch.linalg.eigvalsh(hessian)[-1].item()
    assert largest_eigenvalue(model, x, y) == pytest.approx(largest, rel=1e-3)


@pytest.mark.parametrize("training", [True, False])
def test_batch_normalization(training):
    """In train mode, the mean and variance depend on the parameters as well."""
    model = nn.Sequential(linear(3, 5, 0), nn.BatchNorm1d(5, dtype=F64), nn.Tanh(), linear(5, 4, 1))
    model[1].running_mean.fill_(0.5)
    model.train(training)
    x, y = small_batch()
    largest = torch.linalg.eigvalsh(full_hessian(model, x, y))[-1].item()
    assert largest_eigenvalue(model, x, y) == pytest.approx(largest, rel=1e-3)


def test_dropout_is_the_same_in_every_product():
    model = nn.Sequential(linear(3, 8, 0), nn.Tanh(), nn.Dropout(), linear(8, 4, 1)).train()
    x, y = small_batch()
    torch.manual_seed(0)
    with torch.random.fork_rng():
        largest = torch.linalg.eigvalsh(full_hessian(model, x, y))[-1].item()
    assert largest_eigenvalue(model, x, y, tolerance=1e-6) == pytest.approx(largest, rel=1e-6)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_float32(activation):
    """Its products are right to about 1e-6 of their size, so this is as close as it can come."""
    x, y = small_batch()
    largest = largest_eigenvalue(small_net(2, 5, activation), x, y, tolerance=1e-6, iterations=5000)
    model = small_net(2, 5, activation).to(F32)
    found = largest_eigenvalue(model, x.float(), y, tolerance=1e-5, iterations=5000)
    assert found == pytest.approx(largest, rel=1e-5)
    vector = start(sum(p.numel() for p in model.parameters()))
    product = hessian_vector_product(model, x.float(), y, vector)
    assert product.dtype == F64
    with pytest.raises(RuntimeError, match="no eigenvalue found in 300 iterations"):
        largest_eigenvalue(model, x.float(), y, tolerance=1e-12, iterations=300)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_medium_network_against_arpack(activation):
    x, y, *_ = digits().tensors()
    x, y, model = x[:50], y[:50], mlp(2, 12, activation)
    n = sum(p.numel() for p in model.parameters())
    with _hessian(model, x, y, None) as product:
        operator = LinearOperator(
            (n, n), lambda v: product(torch.tensor(v.ravel())).numpy(), dtype=np.float64
        )
        (largest,) = eigsh(
            operator, k=1, which="LA", tol=1e-8, v0=start(n).numpy(), return_eigenvectors=False
        )
    found = [largest_eigenvalue(model, x, y, seed=seed) for seed in range(2)]
    np.testing.assert_allclose(found, largest, rtol=1e-4)
    assert max(found) <= largest * (1 + 1e-8)


def test_the_seed_decides():
    model, (x, y) = small_net(2, 5, "tanh"), small_batch()
    first = largest_eigenvalue(model, x, y)
    assert largest_eigenvalue(model, x, y) == first
    other = largest_eigenvalue(model, x, y, seed=1)
    assert other != first and other == pytest.approx(first, rel=1e-3)


# ---- The model is left as it was ---------------------------------------------------------


@pytest.mark.parametrize("where", [None, "forward", "loss", "backward", "iterations"])
@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_left_as_it_was(where, training):
    model = Breakable().train(training)
    model.act = nn.Tanh()
    model.norm.eval()
    model.first.register_forward_hook(lambda *_: None)
    model.first.weight.register_hook(lambda _: None)
    model.second.weight.grad = torch.ones_like(model.second.weight)
    model.where = where
    x, y = batch()

    def loss(output, y):
        if where == "loss":
            raise Broken
        return F.cross_entropy(output, y)

    def state():
        return (
            [(m.training, [(n, id(b)) for n, b in m._buffers.items()]) for m in model.modules()],
            [b.tolist() for b in model.buffers()],
            [(id(p), p.tolist(), p._version, id(p.grad)) for p in model.parameters()],
            hooks(model),
            torch.get_rng_state().tolist(),
            torch.is_grad_enabled(),
        )

    n = sum(p.numel() for p in model.parameters())
    before = state()
    with torch.no_grad():
        if where in (None, "iterations"):
            hessian_vector_product(model, x, y, start(n), loss=loss)
        if where is None:
            assert largest_eigenvalue(model, x, y, loss=loss) > 0
        else:
            with pytest.raises(RuntimeError if where == "iterations" else Broken):
                largest_eigenvalue(model, x, y, loss=loss, iterations=1)
    assert state() == before
    assert not x.requires_grad


# ---- Bad input ---------------------------------------------------------------------------


def nan_batch():
    x, y = batch()
    x[3, 5] = float("nan")
    return x, y


def infinite(output, y):
    return output.sum() * float("inf")


def root(output, y):
    return (output - output).abs().pow(1.5).sum() + output.sum()


SHARED = [
    (TypeError, "x must be a torch.Tensor, got list", lambda: ([1.0], batch()[1]), {}),
    (TypeError, "y must be a torch.Tensor, got list", lambda: (batch()[0], [1, 2]), {}),
    (ValueError, "x must be finite, but 1 entries", nan_batch, {}),
    (ValueError, "got 40 and 39", lambda: (batch()[0], batch()[1][:39]), {}),
    (ValueError, r"at least one example, got shape \(0, 64\)", lambda: batch(0), {}),
    (ValueError, r"cannot take x of shape \(40, 63\): mat1", lambda: batch(features=63), {}),
    (TypeError, "loss must be a function .* got 'nll'", batch, {"loss": "nll"}),
    (ValueError, "10 scores per example", lambda: (batch()[0], batch()[1] + 5), {}),
    (ValueError, r"one number, got \(40,\)", batch, {"loss": lambda o, y: o.sum(1)}),
    (ValueError, "not depend on any param", batch, {"loss": lambda o, y: o.detach().sum()}),
    (ValueError, "the loss is (nan|inf|-inf), so .*first_failure says", batch, {"loss": infinite}),
    (ValueError, "loss is finite, but 610 of the 610 entries", batch, {"loss": root}),
]


@pytest.mark.parametrize(("error", "message", "arguments", "options"), SHARED)
def test_bad_input(error, message, arguments, options):
    model = mlp(1, 8, "tanh")
    with pytest.raises(error, match=message):
        largest_eigenvalue(model, *arguments(), **options)


@pytest.mark.parametrize(
    ("error", "message", "options"),
    [
        (ValueError, "tolerance must be positive and finite, got 0", {"tolerance": 0}),
        (ValueError, "tolerance must be positive and finite, got nan", {"tolerance": np.nan}),
        (ValueError, "tolerance must be between 0 and 1, got 1", {"tolerance": 1}),
        (TypeError, "tolerance must be a number, got '1e-3'", {"tolerance": "1e-3"}),
        *(
            (ValueError, "iterations must be a whole number of at least 1", {"iterations": value})
            for value in (0, -1, 10.0, True, "9", None, np.nan)
        ),
        (TypeError, "seed must be an integer, got True", {"seed": True}),
        (ValueError, r"seed must be in \[0, 4294967295\], got -1", {"seed": -1}),
    ],
)
def test_bad_options(error, message, options):
    with pytest.raises(error, match=message):
        largest_eigenvalue(mlp(1, 8, "tanh"), *batch(), **options)


def test_what_has_no_curvature():
    for model in (nn.Tanh, None, "mlp", [nn.Tanh()], torch.tanh):
        with pytest.raises(TypeError, match="model must be a torch.nn.Module, got "):
            largest_eigenvalue(model, *batch())
    with pytest.raises(ValueError, match="no parameter of Sequential requires a gradient"):
        largest_eigenvalue(mlp(1, 8, "tanh").requires_grad_(False), *batch())


def test_too_few_iterations_say_how_far_they_got():
    model, (x, y) = mlp(3, 8, "tanh"), batch()
    message = (
        r"no eigenvalue found in 3 iterations: the last estimate [-\d.e]+ is uncertain by "
        r"[-\d.e]+, and at most [-\d.e]+ is allowed; allow more iterations or a larger tolerance"
    )
    with pytest.raises(RuntimeError, match=message):
        largest_eigenvalue(model, x, y, iterations=3)


def test_no_second_derivative():
    own = activations.Activation("own", lambda h: h**2, lambda h: 2 * h)
    with pytest.raises(RuntimeError, match="has no second derivative"):
        largest_eigenvalue(mlp(1, 8, own), *batch())


@pytest.mark.parametrize("seed", range(3))
def test_a_loose_tolerance_does_not_miss_the_largest_beside_a_larger_negative_one(seed):
    """Of hundreds of numbers: a random vector is nearly orthogonal to each direction."""
    spectrum = torch.cat([torch.tensor([-1.0, 0.7], dtype=F64), torch.zeros(400, dtype=F64)])
    found = _largest(lambda v: spectrum * v, start(402, seed), 0.05, 1000)
    assert found == pytest.approx(0.7, rel=0.05)


def test_the_largest_beside_a_larger_negative_one_in_a_network():
    x, y, *_ = digits().tensors()
    model = mlp(6, 16, "tanh")
    initialize(model, Scheme("chaotic", 4.0, "fan_in", "normal"), seed=1)
    found = [
        largest_eigenvalue(model, x[:60], y[:60], tolerance=tolerance) for tolerance in (0.05, 1e-3)
    ]
    assert found[1] > 10 and found[0] == pytest.approx(found[1], rel=0.05)


def test_iterations_are_the_products_allowed():
    """Both starts together; one more product gives the scale."""
    spectrum, products = torch.tensor([-1.0, 0.5, 0.0, 0.2], dtype=F64), []

    def product(v):
        products.append(v)
        return spectrum * v

    found = _largest(product, start(4), 1e-3, 1000)
    needed = len(products) - 1
    assert found == pytest.approx(0.5, rel=1e-3)
    assert _largest(product, start(4), 1e-3, needed) == found
    with pytest.raises(RuntimeError, match=f"no eigenvalue found in {needed - 1} iterations"):
        _largest(product, start(4), 1e-3, needed - 1)


@pytest.mark.parametrize("tolerance", [0.3, 1e-2, 1e-4, 1e-6])
def test_the_residual_is_as_promised(tolerance):
    """An eigenvalue lies within the tolerance, times the largest magnitude, of the result."""
    spectrum = torch.linspace(-0.2, 1, 50, dtype=F64)
    found = _largest(lambda v: spectrum * v, start(50), tolerance, 10**5)
    assert (spectrum - found).abs().min() <= tolerance and found <= 1 + 1e-12
