import copy
import math

import numpy as np
import pytest
import torch
from torch import nn

from weightinit import data, failures, networks, probes, training
from weightinit.initializers import initialize

pytestmark = pytest.mark.usefixtures("one_thread")

DIGITS = data.digits()
IMAGES, LABELS, *_ = DIGITS.tensors()


def twin(model):
    """PyTorch's own layer over all steps, with the same weights."""
    piece = model.cell.input_size
    theirs = nn.LSTM(piece, model.width, batch_first=True, dtype=torch.float64)
    theirs.load_state_dict({f"{k}_l0": v for k, v in model.cell.state_dict().items()})
    return theirs


@pytest.mark.parametrize("forget_bias", [None, 1.0])
@pytest.mark.parametrize("steps", [1, 8, 64])
def test_scores_and_gradients_equal_pytorch_lstm(steps, forget_bias):
    model = networks.lstm(12, steps=steps, forget_bias=forget_bias, seed=3)
    theirs, output = twin(model), copy.deepcopy(model.output)
    ours = model(IMAGES[:20])
    hidden, (last, cell) = theirs(IMAGES[:20].reshape(20, steps, 64 // steps))
    expected = output(hidden[:, -1])
    torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-12)
    states = model.states(IMAGES[:20])
    torch.testing.assert_close(torch.stack([x for x, _ in states], dim=1), hidden)
    torch.testing.assert_close(states[-1], (last[0], cell[0]))
    for scores in (ours, expected):
        nn.functional.cross_entropy(scores, LABELS[:20]).backward()
    for name, parameter in model.cell.named_parameters():
        other = theirs.get_parameter(f"{name}_l0").grad
        torch.testing.assert_close(parameter.grad, other, rtol=1e-10, atol=1e-13)
    torch.testing.assert_close(model.output.weight.grad, output.weight.grad)


def formula(model, images):
    """The states by the formulas of the docstring, one gate after the other."""
    cell, n = model.cell, model.width
    x, c = images.new_zeros(len(images), n), images.new_zeros(len(images), n)
    states = []
    for part in images.split(cell.input_size, dim=1):
        i, f, g, o = (
            part @ cell.weight_ih[rows].T
            + x @ cell.weight_hh[rows].T
            + cell.bias_ih[rows]
            + cell.bias_hh[rows]
            for rows in (slice(k * n, (k + 1) * n) for k in range(4))
        )
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        x = torch.sigmoid(o) * torch.tanh(c)
        states.append((x, c))
    return states


def test_gradients_by_every_state_are_those_of_the_formula():
    model = networks.lstm(6, steps=4, seed=2)
    ours, theirs = model.states(IMAGES[:15]), formula(model, IMAGES[:15])
    assert len(ours) == len(theirs) == 4
    for states in (ours, theirs):
        for pair in states:
            for state in pair:
                state.retain_grad()
        nn.functional.cross_entropy(model.output(states[-1][0]), LABELS[:15]).backward()
    for mine, other in zip(ours, theirs, strict=True):
        for a, b in zip(mine, other, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14)
            torch.testing.assert_close(a.grad, b.grad, rtol=1e-10, atol=1e-15)


def without_weights(model):
    with torch.no_grad():
        model.cell.weight_ih.zero_()
        model.cell.weight_hh.zero_()
    return model


def test_the_gates_are_input_forget_cell_output():
    model = without_weights(networks.lstm(3, steps=4))
    biases = np.array([0.3, 1.2, -0.7, 0.5])
    with torch.no_grad():
        model.cell.bias_ih.copy_(torch.tensor(biases).repeat_interleave(3))
        model.cell.bias_hh.zero_()
    i, f, _, o = 1 / (1 + np.exp(-biases))
    added, c = i * np.tanh(biases[2]), 0.0
    for hidden, cell in model.states(IMAGES[:2]):
        c = f * c + added
        np.testing.assert_allclose(cell.detach(), np.full((2, 3), c), rtol=1e-12)
        np.testing.assert_allclose(hidden.detach(), o * np.tanh(np.full((2, 3), c)), rtol=1e-12)


@pytest.mark.parametrize("bias", [-1, 0.0, 1.0, np.float64(3)])
def test_without_weights_a_gradient_falls_by_the_forget_gate_at_every_step(bias):
    model = without_weights(networks.lstm(4, steps=8, forget_bias=bias))
    cells = [cell for _, cell in model.states(IMAGES[:3])]
    gradients = torch.autograd.grad(cells[-1].sum(), cells)
    for back, gradient in enumerate(reversed(gradients)):
        expected = torch.full_like(gradient, (1 / (1 + math.exp(-bias))) ** back)
        torch.testing.assert_close(gradient, expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("forget_bias", [None, 0, 1.0])
def test_all_but_the_forget_bias_starts_as_pytorch_draws_it(forget_bias):
    model = networks.lstm(5, steps=4, out_features=3, forget_bias=forget_bias, seed=7)
    with torch.random.fork_rng():
        torch.manual_seed(7)
        cell = nn.LSTMCell(16, 5, dtype=torch.float64)
        output = nn.Linear(5, 3, dtype=torch.float64)
    if forget_bias is not None:
        with torch.no_grad():
            cell.bias_ih[5:10], cell.bias_hh[5:10] = forget_bias, 0.0
    expected = {f"cell.{k}": v for k, v in cell.state_dict().items()}
    expected |= {f"output.{k}": v for k, v in output.state_dict().items()}
    got = model.state_dict()
    assert list(got) == list(expected)
    assert [name for name in got if not torch.equal(got[name], expected[name])] == []


def test_the_seed_decides_and_the_global_generator_is_untouched():
    state = torch.get_rng_state()
    one, two, other = (networks.lstm(5, seed=seed) for seed in (7, 7, 8))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(one.cell.weight_hh, two.cell.weight_hh)
    assert not torch.isclose(one.cell.weight_hh, other.cell.weight_hh).any()


def test_dtype_and_device_are_passed_on():
    model = networks.lstm(3, forget_bias=1.0, dtype=torch.float32, device="meta")
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert {p.device.type for p in model.parameters()} == {"meta"}


def test_a_probe_shows_the_hidden_state_at_every_step():
    model = networks.lstm(10, steps=4, seed=1)
    table = probes.probe(model, IMAGES[:30], LABELS[:30])
    assert table["name"].tolist() == ["cell"] * 4 + ["output"]
    assert table["call"].tolist() == [1, 2, 3, 4, 1]
    # The activations are inside the cell: what it returns is not a pre-activation.
    assert table["activation"].tolist() == ["not visible"] * 4 + ["output"]
    hidden = [x for x, _ in formula(model, IMAGES[:30])]
    loss = nn.functional.cross_entropy(model.output(hidden[-1]), LABELS[:30])
    gradients = torch.autograd.grad(loss, hidden)
    for column, tensors in (("h_rms", hidden), ("grad_h_rms", gradients)):
        expected = [tensor.square().mean().sqrt().item() for tensor in tensors]
        np.testing.assert_allclose(table[column][:4], expected, rtol=1e-9)


def test_the_first_failure_is_found_in_the_step_where_it_is():
    """Infinity minus infinity: the gates would hide an infinity alone, but not a NaN."""
    model = networks.lstm(6, steps=4)
    images = IMAGES[:10].clone()
    assert failures.first_failure(model, images, LABELS[:10]) is None
    with torch.no_grad():  # in each sum all terms have one sign, so their order does not count
        model.cell.weight_ih.zero_()
        model.cell.weight_ih[:, 0] = 1e200
        model.cell.weight_hh.fill_(-1.5e308)
        model.cell.bias_ih.fill_(1.0)
        model.cell.bias_hh.zero_()
    images[:, :16] = 0
    images[:, 16:32] = 1e200
    failure = failures.first_failure(model, images, LABELS[:10])
    assert (failure.phase, failure.module, failure.call) == ("forward", "cell", 2)


def test_initializing_leaves_the_cell_and_its_forget_bias_alone():
    model = networks.lstm(6, forget_bias=1.0)
    before = copy.deepcopy(model.cell.state_dict())
    report = initialize(model, "xavier_normal", seed=0).set_index("parameter")["action"]
    assert set(report[[f"cell.{name}" for name in before]]) == {"left alone (recurrent)"}
    assert report["output.weight"] == "xavier_normal"
    assert all(torch.equal(model.cell.state_dict()[name], before[name]) for name in before)


def test_it_learns_rows():
    model = networks.lstm(16, forget_bias=1.0, seed=1)
    run = training.train(model, DIGITS, steps=80, lr=1.0, probe_every=80)
    assert run.history["test_accuracy"].iloc[-1] > 0.7
    assert run.layers["name"].tolist() == (["cell"] * 8 + ["output"]) * 2
