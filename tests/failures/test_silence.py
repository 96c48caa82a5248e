"""Tests of origins.py and operations.py: silence about healthy networks and meant infinities."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.failures.support import (
    BF16,
    F16,
    F32,
    F64,
    INF,
    NAN,
    Apply,
    around,
    batch,
    check,
    three_steps,
)
from weightinit import activations
from weightinit.failures import Watch, first_failure
from weightinit.networks import mlp

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.sixteen_bit("only what is finite is asked")
@pytest.mark.parametrize(
    ("name", "dtype"),
    [(name, dtype) for name in activations.names() for dtype in (F32, F16)]
    + [("tanh", BF16), ("relu", F64)],
)
def test_healthy_network(name, dtype, poisoned_memory):
    assert first_failure(mlp(3, 30, name, dtype=dtype), *batch(dtype=dtype)) is None


@pytest.mark.parametrize("training", [True, False])
def test_healthy_convolutional_network(training, poisoned_memory):
    model = nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True)),
        *(nn.MaxPool2d(2, padding=1), nn.Dropout(), nn.Conv2d(8, 4, 3), nn.GroupNorm(2, 4)),
        *(nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(4, 10)),
    )
    x, y = batch()
    assert first_failure(model.train(training), x.view(-1, 1, 8, 8), y) is None


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.output = nn.Linear(16, 10)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(4))

    def forward(self, x, padding=None):
        h = self.encoder(x.view(-1, 4, 16), src_mask=self.mask, src_key_padding_mask=padding)
        return self.output(h[:, -1])


@pytest.mark.parametrize("training", [True, False])
def test_healthy_attention_with_infinite_masks(training, poisoned_memory):
    model, (x, y) = Attention().train(training), batch()
    padding = torch.zeros(32, 4)
    padding[:, 2] = -INF
    assert first_failure(model, x, y) is None
    with Watch(model) as watch:
        F.cross_entropy(model(x, padding), y).backward()
        with torch.no_grad():
            model(x, padding=padding)
    assert watch.failure is None
    padding[0] = -INF  # a row in which everything is masked: PyTorch makes zeros of it
    with Watch(model) as watch:
        F.cross_entropy(model(x, padding), y).backward()
    assert watch.failure is None and model.output.weight.grad.isfinite().all()


@pytest.mark.filterwarnings("ignore:.*nested")
def test_nested_tensors_of_an_encoder():
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    model = nn.TransformerEncoder(layer, 2).eval()
    padding = torch.tensor([[False] * 3 + [True]])
    for scale, healthy in ((1.0, True), (NAN, False)):
        with Watch(model) as watch, torch.no_grad():
            model(scale * torch.randn(1, 4, 16), src_key_padding_mask=padding)
            torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])
        assert (watch.failure is None) == healthy


@pytest.mark.sixteen_bit("only what is finite is asked")
@pytest.mark.parametrize("dtype", [F32, BF16])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_healthy_recurrent_network(kind, dtype, poisoned_memory):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = kind(8, 6, num_layers=2, bidirectional=True, dropout=0.2, batch_first=True)
            self.output = nn.Linear(12, 10)

        def forward(self, x):
            return self.output(self.rnn(x.view(-1, 8, 8))[0][:, -1])

    assert first_failure(Net().to(dtype), *batch(dtype=dtype)) is None


@pytest.mark.parametrize("sparse", [True, False])
def test_embedding(sparse):
    table = nn.Embedding(20, 8, sparse=sparse, padding_idx=0)
    model = nn.Sequential(table, Apply(lambda h: h.mean(1)), nn.Linear(8, 10))
    x, y = torch.arange(160).view(32, 5) % 20, batch()[1]
    assert first_failure(model, x, y) is None
    model[1] = Apply(lambda h: h.mean(1) * 1e20)
    model[2].weight.data.fill_(1e10)
    table.weight.data.mul_(1e-10)
    failure = first_failure(model, x, y, loss=lambda output, y: output.sum() * 1e10)
    check(failure, phase="backward", module="1", operation="mul", derivative_of="mul")


def with_buffers(h):
    """Fill memory that was not initialized, in all ways."""
    rows, copied, made = torch.empty(h.shape), h.new_empty(h.shape), torch.empty_like(h)
    for i in range(len(h)):
        rows[i] = h[i].tanh()
    copied.copy_(rows)
    torch.mul(h.detach(), 2, out=made)
    filled = torch.empty_strided(h.shape, (h.shape[1], 1)).fill_(2.0).mul_(2)
    noise = torch.empty(h.shape).normal_() + torch.empty(h.shape).uniform_().zero_()
    return copied * filled + made + noise


def with_meant_infinities(h):
    """Use infinities as constants, none of which reaches the result."""
    mask = torch.ones(20, 20).tril().log()
    best = torch.full((20,), INF).minimum(h[0])
    padded = F.pad(h, (1, 1), value=-INF).unfold(1, 3, 1).amax(2)
    bounded = h.clamp(-INF, INF).nan_to_num(posinf=INF)
    weights = (h[0] + mask).softmax(1) + mask.exp()
    masked = h.masked_fill(h < -0.5, -INF).masked_fill(h > 0.5, -INF).exp()
    return bounded @ weights + best + padded + masked + torch.sigmoid(h + INF)


@pytest.mark.parametrize("function", [with_buffers, with_meant_infinities])
def test_infinities_that_do_no_harm(function, poisoned_memory):
    assert first_failure(around(function), *batch()) is None


def test_missing_data_that_are_left_out():
    model, (x, y) = nn.Sequential(Apply(torch.nan_to_num), nn.Linear(64, 10)), batch()
    x[:, 7] = NAN
    assert first_failure(model, x, y) is None


def test_infinity_that_was_meant_but_reaches_the_loss():
    model = nn.Sequential(nn.Linear(64, 10), Apply(lambda h: h.masked_fill(h < INF, -INF)))
    failure = first_failure(model, *batch(), loss=lambda output, y: output.sum())
    check(failure, phase="forward", module="1", operation="masked_fill", meant=True)
    assert "as a constant, 320 infinities" in str(failure)
    allowed = torch.arange(10) > 4

    def mask(h):
        return h.masked_fill(~allowed, -INF)

    model, (x, y) = nn.Sequential(nn.Linear(64, 10), Apply(mask)), batch()
    assert first_failure(model, x, y.clamp(min=5)) is None
    with Watch(model) as watch, torch.no_grad():
        model(x)  # the output itself may be masked
    assert watch.failure is None
    check(first_failure(model, x, y), operation="masked_fill", meant=True)  # wrong labels


@pytest.mark.parametrize("number", [INF, torch.tensor(INF)])
def test_infinite_number(number):
    model, (x, y) = mlp(1, 8, "tanh", dtype=F32), batch()
    failure = first_failure(model, x, y, loss=lambda output, y: output.sum() + number)
    check(failure, phase="loss", operation="add", meant=True, infinities=1, shape=())


def test_uninitialized_memory_that_is_used(poisoned_memory):
    failure = first_failure(around(lambda h: h + torch.empty(20)), *batch())
    check(failure, phase="forward", module="1", operation="empty", meant=True, nans=20)
    assert "empty returned memory that was never written, with 20 NaN" in str(failure)


@pytest.mark.parametrize("inplace", [False, True])
def test_overflow_among_masked_entries(inplace):
    mask = torch.zeros(20)
    mask[3] = -INF

    def function(h):
        h = h + mask
        return h.mul_(1e30).mul_(1e30).exp() if inplace else (h * 1e30 * 1e30).exp()

    x, y = batch()
    bad = int(((around(F.relu)[0](x) * 1e30).double() * 1e30).abs().gt(3.4e38).sum())
    masked = int(around(lambda h: h + mask)[:2](x).isinf().sum())
    failure = first_failure(around(function), x, y)
    check(failure, phase="forward", module="1", operation="mul", kind="inf", inputs_finite=False)
    # The masked entries were infinite before.
    assert masked == 32 and bad - masked <= failure.infinities <= bad


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam, torch.optim.RMSprop])
@pytest.mark.parametrize("foreach", [False, True])
def test_healthy_training(optimizer, foreach):
    model, same = mlp(2, 30, "tanh", dtype=F32), mlp(2, 30, "tanh", dtype=F32)
    watched = optimizer(model.parameters(), lr=1e-2, foreach=foreach)
    assert three_steps(model, watched) is None
    plain, (x, y) = optimizer(same.parameters(), lr=1e-2, foreach=foreach), batch()
    for _ in range(3):
        plain.zero_grad()
        F.cross_entropy(same(x), y).backward()
        plain.step()
    for a, b in zip(model.parameters(), same.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("parts", [False, True])
def test_overflow_that_relu_swallows(parts):
    """An overflow to -inf before a ReLU does no harm, whether the parts are called one by one."""
    x, y = batch()
    model = nn.Sequential(nn.Linear(64, 20), nn.ReLU(), nn.Linear(20, 10))
    with torch.no_grad():
        model[0].weight.fill_(-3e38)
    x = x.abs() + 1
    assert model[0](x).isneginf().all()
    with Watch(model) as watch:
        scores = model[2](model[1](model[0](x))) if parts else model(x)
        F.cross_entropy(scores, y).backward()
    assert watch.failure is None
