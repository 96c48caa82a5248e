"""Fans: counted, measured through each kind of layer, and compared with PyTorch's."""

import numpy as np
import pytest
import torch
from torch import nn

from weightinit.initializers import Scheme, fans, fill_, weights_of

SEEDS = range(30)
torch_fans = nn.init._calculate_fan_in_and_fan_out


def circular(kind, *args, **kwargs):
    """A convolution on a torus: every output sees, and every input feeds, all of its kernel."""
    return kind(*args, padding="same", padding_mode="circular", **kwargs)


# ---- Formulas ------------------------------------------------------------------------------

# Layer, fan-in, fan-out, and both as PyTorch has them.
CASES = [
    (nn.Linear(64, 10), (64, 10), (64, 10)),
    (nn.Conv1d(4, 6, 5), (20, 30), (20, 30)),
    (nn.Conv2d(3, 8, (5, 2)), (30, 80), (30, 80)),
    (nn.Conv3d(2, 3, 3), (54, 81), (54, 81)),
    (nn.Conv2d(3, 8, 3, dilation=2), (27, 72), (27, 72)),
    (nn.Conv2d(8, 12, 3, groups=4), (18, 27), (18, 108)),
    (nn.Conv2d(8, 16, 3, groups=8), (9, 18), (9, 144)),  # depthwise: two outputs for each input
    (nn.Conv2d(4, 8, 3, stride=2), (36, 18), (36, 72)),
    (nn.Conv1d(4, 5, 3, stride=2), (12, 7.5), (12, 15)),
    (nn.Conv1d(4, 5, 2, stride=4), (8, 2.5), (8, 10)),  # half of the inputs feed nothing
    (nn.ConvTranspose1d(4, 6, 5), (20, 30), (30, 20)),
    (nn.ConvTranspose2d(4, 6, 4, stride=2), (16, 96), (96, 64)),
    (nn.ConvTranspose2d(4, 6, 3, stride=2), (9, 54), (54, 36)),
    (nn.ConvTranspose2d(4, 6, 2, stride=4), (1, 24), (24, 16)),
    (nn.ConvTranspose3d(2, 3, 3), (54, 81), (81, 54)),
    (nn.ConvTranspose2d(4, 6, 3, groups=2), (18, 27), (27, 36)),
    (nn.Bilinear(4, 6, 5), (24, 24), (24, 30)),
    (nn.MultiheadAttention(16, 2), (16, 16), (16, 48)),
    (nn.Embedding(1000, 16), (1, 16), (16, 1000)),
]


@pytest.mark.parametrize("layer, expected, theirs", CASES, ids=str)
def test_fans_and_where_pytorch_has_others(layer, expected, theirs):
    found = fans(layer)
    assert found == expected
    assert [type(n) for n in found] == [type(n) for n in expected]
    assert torch_fans(weights_of(layer)[0].parameter) == theirs


@pytest.mark.parametrize("shape", [(5, 3), (5, 3, 2), (5, 3, 2, 2), (5, 3, 2, 2, 2)])
def test_fans_of_a_tensor(shape):
    assert fans(torch.empty(shape)) == torch_fans(torch.empty(shape))


def test_subclasses_are_understood():
    class Mine(nn.Bilinear):
        pass

    assert fans(Mine(4, 6, 5)) == (24, 24)


def test_fans_need_no_values():
    assert fans(nn.Conv2d(3, 8, 5, device="meta")) == (75, 200)


def test_attention_with_keys_of_another_size_has_several_weights():
    layer = nn.MultiheadAttention(8, 2, kdim=6, vdim=5)
    found = {weight.name: (weight.fan_in, weight.fan_out) for weight in weights_of(layer)}
    expected = {"q_proj_weight": (8, 8), "k_proj_weight": (6, 8), "v_proj_weight": (5, 8)}
    assert found == expected
    with pytest.raises(ValueError, match="weights with different fans: .*'k_proj_weight': .6, 8"):
        fans(layer)


@pytest.mark.parametrize("kdim, vdim", [(6, 8), (8, 5), (6, 6)])
def test_attention_with_two_different_fans_has_no_fans_of_its_own(kdim, vdim):
    with pytest.raises(ValueError, match="weights with different fans"):
        fans(nn.MultiheadAttention(8, 2, kdim=kdim, vdim=vdim))


@pytest.mark.parametrize("name", ["q_proj_weight", "k_proj_weight", "v_proj_weight"])
def test_attention_that_computes_one_of_its_weights_is_refused(name):
    layer = nn.MultiheadAttention(8, 2, kdim=6)
    nn.utils.parametrizations.weight_norm(layer, name)
    with pytest.raises(ValueError, match="MultiheadAttention computes its"):
        fans(layer)


# ---- Counted -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layer", [layer for layer, _, _ in CASES if hasattr(layer, "stride")], ids=str
)
def test_fans_are_counts(layer):
    """With all weights 1: the terms of a mean output; the products that a mean input feeds."""
    size = 24 if layer.weight.ndim < 5 else 9
    x = torch.ones(1, layer.in_channels, *[size] * (layer.weight.ndim - 2), requires_grad=True)
    with torch.no_grad():
        weight = layer.weight.clone()
        layer.weight.fill_(1), layer.bias.fill_(0)
    h = layer(x)
    h.sum().backward()
    with torch.no_grad():
        layer.weight.copy_(weight)
    # Whole periods of the stride, away from the borders.
    step = layer.stride[0]
    middle = slice(4, 4 + 4 * step) if size == 24 else slice(4, 5)
    here = (..., *[middle] * (x.ndim - 2))
    out = h if layer.transposed else x.grad
    ratio = h[here].mean().item(), x.grad[here].mean().item()
    assert out[here].numel() and ratio == pytest.approx(fans(layer), rel=1e-6)


# ---- Through real layers: what the fans are for --------------------------------------------

LAYERS = {
    "linear": (lambda: nn.Linear(30, 240), (30,)),
    "linear, narrowing": (lambda: nn.Linear(240, 30), (240,)),
    "conv": (lambda: circular(nn.Conv2d, 4, 32, (3, 5)), (4, 6, 6)),
    "conv 1d, dilated": (lambda: circular(nn.Conv1d, 4, 32, 3, dilation=2), (4, 12)),
    "conv 3d": (lambda: circular(nn.Conv3d, 3, 24, 3), (3, 4, 4, 4)),
    "conv, grouped": (lambda: circular(nn.Conv2d, 4, 32, 3, groups=2), (4, 6, 6)),
    "conv, depthwise": (lambda: circular(nn.Conv2d, 12, 48, 3, groups=12), (12, 6, 6)),
    # The kernel is shorter than the torus, so that a stride tiles it without borders.
    "conv, strided": (
        lambda: nn.Conv2d(4, 32, 3, stride=2, padding=1, padding_mode="circular"),
        (4, 6, 6),
    ),
    "conv, patches": (lambda: nn.Conv2d(3, 160, 4, stride=4), (3, 8, 8)),
    # Kernel and stride equal: each output sums one position of its group.
    "transposed, patches": (lambda: nn.ConvTranspose2d(12, 40, 2, stride=2), (12, 5, 5)),
}


def generator(seed):
    return torch.Generator().manual_seed(seed)


def started(make, mode, g):
    layer = make().double()
    fill_(layer, Scheme("unit", 1.0, mode, "normal"), generator=g)
    if getattr(layer, "bias", None) is not None:
        nn.init.zeros_(layer.bias)
    return layer


def squared_gains(make, shape, mode, seed):
    """Return mean h^2 / mean x^2 and mean (dL/dx)^2 / mean (dL/dh)^2 of one random layer."""
    g = generator(seed)
    layer = started(make, mode, g)
    x = torch.randn(20, *shape, generator=g, dtype=torch.float64, requires_grad=True)
    h = layer(x)
    grad_h = torch.randn(h.shape, generator=g, dtype=torch.float64)
    (grad_x,) = torch.autograd.grad(h, x, grad_h)
    return mean_squares(h, x), mean_squares(grad_x, grad_h)


def mean_squares(out, into):
    return (out.detach().square().mean() / into.detach().square().mean()).item()


def compare(gains, layer, mode):
    """The mean of 30 layers within 4 standard errors of the exact expectation.

    False alarm 4e-4 for each comparison (t with 29 degrees of freedom).
    """
    n_in, n_out = fans(layer)
    n = {"fan_in": n_in, "fan_out": n_out, "fan_avg": (n_in + n_out) / 2}[mode]
    gains = np.array(gains)
    standard_error = gains.std(axis=0, ddof=1) / np.sqrt(len(gains))
    expected = np.array([n_in / n, n_out / n])
    assert np.all(np.abs(gains.mean(axis=0) - expected) < 4 * standard_error)
    # Swapped fans would be off by 1.8 times at least; the test can see a fifth of the gain.
    assert max(n_in / n_out, n_out / n_in) > 1.8
    assert np.all(4 * standard_error < 0.2 * expected)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg"])
def test_fan_in_keeps_the_signal_and_fan_out_the_gradient(name, mode):
    """60 comparisons: false alarm 2.4 % in all, once, since the seeds are fixed."""
    make, shape = LAYERS[name]
    compare([squared_gains(make, shape, mode, seed) for seed in SEEDS], make(), mode)


TRANSPOSED = {
    "1d": (nn.ConvTranspose1d, (6, 20, 5), {}),
    "1d, uneven stride": (nn.ConvTranspose1d, (6, 30, 5), {"stride": 3}),
    "2d": (nn.ConvTranspose2d, (6, 20, 3), {}),
    "2d, strided": (nn.ConvTranspose2d, (6, 12, 4), {"stride": 2}),
    "2d, dilated": (nn.ConvTranspose2d, (6, 20, 3), {"dilation": 2}),
    "2d, grouped": (nn.ConvTranspose2d, (6, 24, 3), {"groups": 2, "stride": 2}),
    "3d": (nn.ConvTranspose3d, (3, 12, 3), {}),
}


@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
@pytest.mark.parametrize("name", TRANSPOSED)
def test_fans_through_transposed_convolutions(name, mode):
    """The signal is read in the middle of the output, over whole periods of the stride.

    An output near a border sums fewer terms; an input feeds all of its patch wherever it is.
    28 comparisons: false alarm 1.1 %, once.
    """
    kind, sizes, kwargs = TRANSPOSED[name]
    spatial = {"1d": 16, "2d": 10, "3d": 6}[name[:2]]
    gains = []
    for seed in SEEDS:
        g = generator(seed)
        layer = started(lambda: kind(*sizes, **kwargs), mode, g)
        shape = (8, sizes[0], *[spatial] * (layer.weight.ndim - 2))
        x = torch.randn(shape, generator=g, dtype=torch.float64, requires_grad=True)
        h = layer(x)
        grad_h = torch.randn(h.shape, generator=g, dtype=torch.float64)
        (grad_x,) = torch.autograd.grad(h, x, grad_h)
        reach = layer.dilation[0] * (layer.kernel_size[0] - 1)
        period = layer.stride[0]
        inner = slice(reach, reach + (h.shape[-1] - 2 * reach) // period * period)
        middle = h[(..., *[inner] * (x.ndim - 2))]
        gains.append((mean_squares(middle, x), mean_squares(grad_x, grad_h)))
    compare(gains, layer, mode)


@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
def test_fans_through_a_bilinear_layer(mode):
    """The gradient of both inputs together; false alarm 4e-4 for each comparison."""
    gains = []
    for seed in SEEDS:
        g = generator(seed)
        layer = started(lambda: nn.Bilinear(4, 20, 60), mode, g)
        # Inputs of modulus 1, so that nothing but the weights is random in their products.
        x1, x2 = (torch.randn(100, n, generator=g, dtype=torch.float64).sign() for n in (4, 20))
        x1.requires_grad_(), x2.requires_grad_()
        h = layer(x1, x2)
        grad_h = torch.randn(h.shape, generator=g, dtype=torch.float64)
        grad_x = torch.cat(torch.autograd.grad(h, (x1, x2), grad_h), dim=1)
        gains.append((mean_squares(h, torch.ones(1)), mean_squares(grad_x, grad_h)))
    n_in, n_out = fans(layer)
    n = {"fan_in": n_in, "fan_out": n_out}[mode]
    mean, error = np.mean(gains, axis=0), np.std(gains, axis=0, ddof=1) / np.sqrt(len(gains))
    assert (n_in, n_out) == (80, 400)
    assert np.all(np.abs(mean - np.array([n_in / n, n_out / n])) < 4 * error)
    assert np.all(4 * error < 0.2 * mean)


def test_fans_through_attention_and_a_lookup():
    """Query, key and value of unit variance each; an embedding with unit variance.

    Within 4 standard errors of 48,000 and 40,000 numbers whose common scale is that of the weights:
    4,800 entries for a projection, 20,000 for the table. False alarm 6e-5 each.
    """
    attention = started(lambda: nn.MultiheadAttention(40, 4, bias=False), "fan_in", generator(0))
    x = torch.randn(3000, 40, generator=generator(1), dtype=torch.float64)
    for projection in attention.in_proj_weight.detach().chunk(3):
        assert abs(mean_squares(x @ projection.T, x) - 1) < 4 * np.sqrt(2 / projection.numel())
    table = started(lambda: nn.Embedding(500, 40), "fan_in", generator(2))
    looked_up = table(torch.arange(500))
    assert abs(looked_up.square().mean().item() - 1) < 4 * np.sqrt(2 / looked_up.numel())


# ---- Bad input -----------------------------------------------------------------------------


@pytest.mark.parametrize("module", [nn.BatchNorm1d(4), nn.RNN(3, 4), nn.ReLU()], ids=str)
def test_fans_of_another_module_are_refused(module):
    message = f"of Linear, .*ConvTranspose1d, .*Embedding, .* got a {type(module).__name__}"
    with pytest.raises(TypeError, match=message):
        fans(module)


@pytest.mark.parametrize("shape", [(), (3,), (2, 2, 2, 2, 2, 2)])
def test_tensor_of_a_wrong_dimension_is_refused(shape):
    with pytest.raises(ValueError, match="has 2 to 5 dimensions .* got shape") as caught:
        fans(torch.empty(shape))
    assert str(shape) in str(caught.value)


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (3, 4, 0)])
def test_zero_fans_are_refused(shape):
    with pytest.raises(ValueError, match="fans must be positive; the weight of Tensor") as caught:
        fans(torch.empty(shape))
    assert str(shape) in str(caught.value)


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@pytest.mark.parametrize("make", [lambda: nn.Linear(0, 4), lambda: nn.Embedding(0, 4)])
def test_layer_without_inputs_is_refused(make):
    with pytest.raises(ValueError, match="shape .*, fan-in 0 and fan-out 4"):
        fans(make())


def test_weight_of_a_wrong_dimension_is_refused():
    layer = nn.Conv2d(3, 4, 2)
    layer.weight = nn.Parameter(torch.zeros(4, 3))
    with pytest.raises(ValueError, match=r"weight of Conv2d has 4 dimensions; got shape \(4, 3\)"):
        fans(layer)


def test_lazy_layer_is_refused():
    with pytest.raises(ValueError, match="LazyLinear has no shape yet; run a batch"):
        fans(nn.LazyLinear(4))
