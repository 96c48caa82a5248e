"""One pass leaves the model, its input and the labels as they were, bit for bit."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, spectral_norm

from tests.probes.support import F64, batch, linear
from weightinit._one_pass import as_it_was
from weightinit.probes import Probe, probe

CPU = torch.device("cpu")


class Changing(nn.Module):
    """A layer which does something to its weight before it uses it."""

    def __init__(self, change):
        super().__init__()
        self.linear, self.output, self.change = linear(64, 20, 1), linear(20, 10, 2), change
        with torch.no_grad():
            self.linear.weight[0, 0] = -0.0
            self.linear.bias[0] = -torch.nan

    def forward(self, x):
        self.change(self.linear)
        return self.output(self.linear(x).nan_to_num())


def clamp(layer):
    with torch.no_grad():
        layer.weight.clamp_(-0.1, 0.1)


def only_the_sign_of_zero(layer):
    layer.weight.data += 0.0  # -0 + 0 is 0


def other_memory(layer):
    layer.weight.data = F.normalize(layer.weight.data)


def other_shape(layer):
    layer.weight.data = layer.weight.data[:, :64].repeat(2, 1)
    layer.bias.data = layer.bias.data.repeat(2)
    layer.weight.data, layer.bias.data = layer.weight.data[:20], layer.bias.data[:20]


def other_parameter(layer):
    layer.weight = nn.Parameter(layer.weight.detach().clamp(min=0))


def no_parameter(layer):
    layer.bias = None


def finite_bias(layer):
    layer.bias.data.nan_to_num_(1.0)


CHANGES = [
    *(clamp, only_the_sign_of_zero, other_memory, other_shape, other_parameter, no_parameter),
    finite_bias,
]


def bits(model):
    return [(n, id(p), p.data_ptr(), p.detach().numpy().tobytes()) for n, p in found(model)]


def found(model):
    return [*model.named_parameters(), *model.named_buffers()]


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("change", CHANGES)
def test_a_layer_that_changes_its_weight(change, frozen):
    model = Changing(change)
    model.linear.requires_grad_(not frozen)
    before = bits(model)
    probe(model, *batch())
    assert bits(model) == before
    change(model.linear)
    assert bits(model) != before


def test_an_embedding_with_a_largest_norm():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(5, 4, max_norm=0.1), nn.Flatten(), nn.Linear(12, 10))
    before, x = bits(model), torch.randint(5, (7, 3))
    probe(model, x, torch.zeros(7, dtype=torch.int64))
    assert bits(model) == before
    model(x)
    assert bits(model) != before


@pytest.mark.filterwarnings("ignore:.*torch.nn.utils:FutureWarning")
@pytest.mark.parametrize("normalize", [spectral_norm, parametrizations.spectral_norm])
def test_buffers_that_estimate_a_norm(normalize):
    model = normalize(nn.Linear(5, 4)).train()
    before = bits(model)
    with as_it_was(model, CPU):
        model(torch.ones(2, 5))
        assert bits(model) != before
    assert bits(model) == before


def test_a_weight_that_cannot_be_written_is_left_alone():
    with torch.inference_mode():
        inference = nn.Parameter(torch.ones(3))
    model = nn.ParameterList([inference, nn.Parameter(torch.ones(1).expand(3))])
    with as_it_was(model, CPU):
        assert model[0].grad is None
    assert len(model) == 2


def test_a_pass_inside_inference_mode():
    model = Changing(clamp)
    before, (x, y) = bits(model), batch()
    with torch.inference_mode():
        table = probe(model, x.clone(), y.clone())
    assert table["grad_w_rms"].notna().all() and bits(model) == before


@pytest.mark.parametrize(
    "first",
    [nn.ReLU(inplace=True), nn.Dropout(0.9, inplace=True), nn.Hardtanh(0, 1, inplace=True)],
)
def test_an_input_that_the_first_operation_overwrites(first):
    (x, y), model = batch(), nn.Sequential(first, linear(64, 10, 1))
    before = x.clone()
    probe(model, x, y)
    assert torch.equal(x, before) and x._version == 0
    with Probe(model):
        model(x)
    assert not torch.equal(x, before)


def test_labels_that_the_loss_overwrites():
    x, y = batch()
    before = y.clone()
    probe(linear(64, 10, 1), x, y, loss=lambda out, y: F.cross_entropy(out, y.fmod_(3)))
    assert torch.equal(y, before) and y._version == 0


def test_gradients_stay_although_the_loss_makes_some():
    model = linear(64, 10, 1)
    model.weight.grad = torch.ones_like(model.weight)
    grad = model.weight.grad

    def loss(output, y):
        output.sum().backward(retain_graph=True)
        return F.cross_entropy(output, y)

    probe(model, *batch(), loss=loss)
    assert model.weight.grad is grad and (grad == 1).all() and model.bias.grad is None


def test_shared_buffers_and_parameters_stay_shared():
    a, b = nn.BatchNorm1d(20, dtype=F64), nn.BatchNorm1d(20, dtype=F64)
    b.running_mean, b.weight = a.running_mean, a.weight
    model = nn.Sequential(linear(64, 20, 1), a, b, linear(20, 10, 2))
    shared, original = [], a.running_mean

    def look(*_):
        shared.append((a.running_mean is b.running_mean, a.running_var is b.running_var))
        assert a.running_mean is not original and a.weight is b.weight

    handle = model.register_forward_hook(look)
    probe(model, *batch())
    handle.remove()
    assert shared == [(True, False)]
    assert a.running_mean is b.running_mean is original and not original.any()


@pytest.mark.parametrize("fails", [False, True])
def test_everything_is_back_after_an_error_too(fails):
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout())
    before, state, seed = bits(model), copy.deepcopy(model.state_dict()), torch.get_rng_state()
    try:
        with as_it_was(model, CPU):
            model.eval()
            model[0].weight.data.zero_()
            model[0].running_mean += 1
            torch.rand(1)
            model[0].bias.grad = torch.ones(3)
            if fails:
                raise ArithmeticError
    except ArithmeticError:
        assert fails
    assert bits(model) == before and model.training and model[0].training
    assert model[0].bias.grad is None and torch.equal(torch.get_rng_state(), seed)
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
