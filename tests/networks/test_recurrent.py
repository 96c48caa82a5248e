import copy

import numpy as np
import pytest
import torch
from torch import nn

from weightinit import data, networks, probes, training

pytestmark = pytest.mark.usefixtures("one_thread")

DIGITS = data.digits()
IMAGES, LABELS, *_ = DIGITS.tensors()


def twin(model, piece, nonlinearity):
    """PyTorch's own recurrent network with the same weights."""
    theirs = nn.RNN(
        piece, model.width, nonlinearity=nonlinearity, batch_first=True, dtype=torch.float64
    )
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(model.recurrent.weight[:, :piece])
        theirs.weight_hh_l0.copy_(model.state_weight)
        theirs.bias_ih_l0.copy_(model.recurrent.bias)
        theirs.bias_hh_l0.zero_()
    return theirs


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("steps", [1, 8, 64])
def test_scores_and_gradients_equal_pytorch_rnn(activation, steps):
    model, piece = networks.rnn(12, activation, steps=steps, seed=3), 64 // steps
    theirs, output = twin(model, piece, activation), copy.deepcopy(model.output)
    ours = model(IMAGES[:20])
    states, _ = theirs(IMAGES[:20].reshape(20, steps, piece))
    expected = output(states[:, -1])
    torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-12)
    for scores in (ours, expected):
        nn.functional.cross_entropy(scores, LABELS[:20]).backward()
    weight = torch.cat([theirs.weight_ih_l0.grad, theirs.weight_hh_l0.grad], dim=1)
    torch.testing.assert_close(model.recurrent.weight.grad, weight, rtol=1e-10, atol=1e-13)
    torch.testing.assert_close(model.output.weight.grad, output.weight.grad)


def test_a_probe_shows_every_step():
    model = networks.rnn(10, "tanh", steps=4)
    table = probes.probe(model, IMAGES[:30], LABELS[:30])
    steps = table[table["name"] == "recurrent"]
    assert steps["call"].tolist() == [1, 2, 3, 4] and set(steps["activation"]) == {"tanh"}
    # The gradient by the first pre-activation, by the chain rule with explicit matrices.
    states, x = [], IMAGES.new_zeros(30, 10)
    for part in IMAGES[:30].split(16, dim=1):
        x = torch.tanh(
            part @ model.recurrent.weight[:, :16].T
            + x @ model.state_weight.T
            + model.recurrent.bias
        )
        states.append(x.detach())
    p = torch.softmax(model.output(states[-1]), dim=1).detach()
    grad = (p - nn.functional.one_hot(LABELS[:30], 10)) / 30 @ model.output.weight.detach()
    for x in reversed(states[1:]):
        grad = (grad * (1 - x**2)) @ model.state_weight.detach()
    grad = grad * (1 - states[0] ** 2)
    assert steps["grad_h_rms"].iloc[0] == pytest.approx(
        grad.square().mean().sqrt().item(), rel=1e-10
    )


def test_state_weight_is_a_view():
    model = networks.rnn(6, steps=8)
    with torch.no_grad():
        model.state_weight.copy_(torch.eye(6))
    np.testing.assert_array_equal(model.recurrent.weight[:, 8:].detach(), np.eye(6))


def test_it_learns_rows_and_is_reproducible():
    run = training.train(networks.rnn(16, "tanh", seed=1), DIGITS, steps=80, lr=0.5)
    assert run.history["test_accuracy"].iloc[-1] > 0.7
    state = torch.get_rng_state()
    one, two, other = (networks.rnn(5, seed=seed) for seed in (7, 7, 8))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(one.recurrent.weight, two.recurrent.weight)
    assert not torch.equal(one.recurrent.weight, other.recurrent.weight)
