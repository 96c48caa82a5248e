"""LSUV: unit variances where they can be had, and a plain word where they cannot."""

import numpy as np
import pytest
import torch
import torch.nn.utils.parametrize
from torch import nn

from weightinit.initializers import initialize, lsuv


def data(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def mlp(depth=6, activation=nn.Tanh):
    layers = [nn.Linear(20, 50)]
    for _ in range(depth):
        layers += [activation(), nn.Linear(50, 50)]
    return nn.Sequential(*layers).double()


def outputs(model, x):
    found = {}
    for name, child in model.named_children():
        x = found[name] = child(x)
    return found


@pytest.mark.parametrize("activation", [nn.Tanh, nn.ReLU, nn.Sigmoid])
def test_unit_variance_in_every_layer(activation):
    model, x = mlp(activation=activation), 7 * data(300, 20) + 1
    table = lsuv(model, x, seed=0)
    assert table["status"].eq("scaled").all() and table["rescalings"].eq(1).all()
    found = outputs(model, x)
    for layer, variance in zip(table["layer"], table["variance"], strict=True):
        measured = found[layer].var(correction=0).item()
        assert measured == pytest.approx(variance, rel=1e-12) == pytest.approx(1, abs=1e-9)
    assert not any(child.bias.any() for child in model if isinstance(child, nn.Linear))


def test_weights_are_scaled_orthogonal_matrices():
    model = mlp(depth=1)
    table = lsuv(model, data(100, 20), seed=0).set_index("layer")
    for name in ("0", "2"):
        values = torch.linalg.svdvals(model[int(name)].weight.detach())
        expected = table.loc[name, "factor"] * (2.5**0.5 if name == "0" else 1)
        np.testing.assert_allclose(values, expected, rtol=1e-10)
    expected = table["variance_before"] ** -0.5
    np.testing.assert_allclose(table["factor"], expected, rtol=1e-12)


@pytest.mark.sixteen_bit("the outcome is measured, whichever the product")
def test_convolutions_normalization_and_half_precision():
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.ConvTranspose2d(8, 4, 3),
        nn.Flatten(),
        nn.Linear(4 * 9 * 9, 5),
    )
    batch = data(40, 3, 16, 16)
    for dtype, tolerance in ((torch.float64, 0.01), (torch.bfloat16, 0.05)):
        table = lsuv(model.to(dtype), batch.to(dtype), seed=0, tolerance=tolerance)
        assert table["status"].eq("scaled").all()
        assert {p.dtype for p in model.parameters()} == {dtype}


def test_nothing_else_changes():
    """Not the mode, the running statistics, the hooks, the gradients, the generators, the data."""
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 2))
    x = data(50, 4).float()
    buffers = {name: b.clone() for name, b in model.named_buffers()}
    before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()
    x_before = x.clone()
    table = lsuv(model, x, seed=0)
    assert table["status"].eq("scaled").all()
    assert model.training and torch.equal(x, x_before)
    assert all(torch.equal(b, buffers[name]) for name, b in model.named_buffers())
    assert not any(module._forward_hooks for module in model.modules())
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], numpy_before)
    assert torch.is_grad_enabled()


def test_seed_decides():
    x, one, same, other = data(50, 20), mlp(), mlp(), mlp()
    for model, seed in ((one, 0), (same, 0), (other, 1)):
        lsuv(model, x, seed=seed)
    assert torch.equal(one[-1].weight, same[-1].weight)
    assert not torch.isclose(one[-1].weight, other[-1].weight).all()


@pytest.mark.parametrize(
    "batch",
    [data(5, 3).float(), data(5, 4), data(5, 4).long(), (data(5, 4).float(),) * 2],
    ids=["width", "dtype", "integers", "two inputs"],
)
def test_batch_that_the_model_cannot_take_changes_nothing(batch):
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(ValueError, match=r"the model cannot take the batch, \(5, \d\) of torch"):
        lsuv(model, batch, seed=0)
    assert not any(module._forward_hooks for module in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_error_or_interrupt_at_any_time_changes_nothing():
    """In the run after the start, and in runs when some layers have been rescaled already."""

    class Stopping(nn.Module):
        def __init__(self, error, turn):
            super().__init__()
            self.error, self.turn = error, turn

        def forward(self, x):
            self.turn -= 1
            if self.turn == 0:
                raise self.error
            return x

    for error, seen in ((KeyboardInterrupt(), KeyboardInterrupt), (RuntimeError("no"), ValueError)):
        for turn in (1, 3, 5, 6):
            model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), Stopping(error, turn))
            before = [p.detach().clone() for p in model.parameters()]
            with pytest.raises(seen):
                lsuv(model, data(5, 4).float(), seed=0)
            assert all(map(torch.equal, model.parameters(), before))


def test_what_a_run_changes_in_the_model_or_the_batch_is_put_back():
    """An embedding that renormalizes itself, a buffer that is replaced, a first step in place."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(9, 6, max_norm=0.1)
            self.body = nn.Linear(6, 6)
            self.register_buffer("seen", torch.zeros(()))

        def forward(self, index, x):
            self.seen = self.seen + 1
            x += 1
            return self.body(self.table(index) + x)

    model, x = Net(), data(9, 6).float()
    table, x_before, seen = model.table.weight.detach().clone(), x.clone(), model.seen
    lsuv(model, (torch.arange(9), x), seed=0)
    assert torch.equal(model.table.weight, table) and torch.equal(x, x_before)
    assert model.seen is seen and seen == 0


# ---- What cannot be scaled is said ---------------------------------------------------------


def test_dead_input_is_reported():
    """With all biases 0 and negative inputs, the first ReLU lets nothing through."""
    model = nn.Sequential(nn.ReLU(), nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 2)).double()
    table = lsuv(model, -data(20, 3).abs(), seed=0)
    assert table["status"].eq("no unit variance").all()
    assert table["variance"].eq(0).all() and table["factor"].eq(1).all()
    assert torch.isfinite(model[1].weight).all()


def test_constant_input_is_reported():
    """The units differ from each other, but the samples do not."""
    model = mlp(depth=1)
    table = lsuv(model, data(1, 20).expand(30, 20), seed=0)
    assert table["status"].eq("no unit variance").all()


def test_output_that_is_not_finite_is_reported():
    x = data(20, 20)
    x[3, 4] = np.nan
    table = lsuv(mlp(depth=1), x, seed=0)
    assert table["status"].eq("no unit variance").all()


def test_shared_weight_is_scaled_once_and_reported():
    model = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 6)).double()
    model[2].weight = model[0].weight
    table = lsuv(model, data(200, 6), seed=0)
    assert table["status"].tolist() == ["scaled", "no unit variance"]
    assert table["variance"][0] == pytest.approx(1, abs=1e-9)
    assert table["variance"][1] < 0.9  # measured, not claimed


def test_shared_weight_whose_first_layer_is_dead_is_scaled_by_the_second():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.dead, self.alive = nn.Linear(6, 6), nn.Linear(6, 6)
            self.alive.weight = self.dead.weight

        def forward(self, x):
            return self.dead(0 * x) + self.alive(3 * x)

    table = lsuv(Net().double(), data(200, 6), seed=0)
    assert table["status"].tolist() == ["no unit variance", "scaled"]


def test_projection_inside_attention_is_reported():
    model = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True).double()
    before = model.self_attn.in_proj_weight.detach().clone()
    table = lsuv(model, data(20, 5, 8), seed=0).set_index("layer")
    assert table.loc["self_attn.out_proj", "status"] == "not called"
    assert table.loc[["linear1", "linear2"], "status"].tolist() == ["scaled", "scaled"]
    assert torch.equal(model.self_attn.in_proj_weight, before)


def test_layer_called_twice_is_reported():
    layer = nn.Linear(6, 6)
    model = nn.Sequential(layer, nn.ReLU(), layer).double()
    (row,) = lsuv(model, data(200, 6), seed=0).to_dict("records")
    assert row["status"] == "no unit variance" and row["variance"] < 0.9  # of the second call
    first = layer(data(200, 6)).var(correction=0).item()
    assert first == pytest.approx(1, abs=1e-9)


def test_layer_never_called_is_reported():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused = nn.Linear(6, 6), nn.Linear(6, 6)

        def forward(self, x):
            return self.used(x)

    table = lsuv(Net().double(), data(20, 6), seed=0)
    assert table["status"].tolist() == ["scaled", "not called"]
    assert np.isnan(table["variance"][1])


def test_weight_tied_backwards_is_reported():
    """The last layer's weight is the embedding: scaling it changes what the first layer sees."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.body, self.head = nn.Embedding(9, 6), nn.Linear(6, 6), nn.Linear(6, 9)
            self.head.weight = self.table.weight

        def forward(self, index):
            return self.head(5 * self.body(self.table(index)).sign())

    model = Net().double()
    table = lsuv(model, torch.arange(9), seed=0).set_index("layer")
    assert table.loc["body", "status"] == "no unit variance"
    assert abs(table.loc["body", "variance"] - 1) > 0.01
    assert table.loc["head", "status"] == "scaled"


def test_parametrized_layer_is_reported():
    model = nn.Sequential(nn.Linear(6, 6), nn.Linear(6, 6)).double()
    nn.utils.parametrizations.weight_norm(model[0])
    table = lsuv(model, data(20, 6), seed=0)
    expected = ["no unit variance", "scaled"]
    assert table["status"].tolist() == expected


def test_noise_that_prevents_convergence_is_reported():
    class Noisy(nn.Linear):
        """Its output does not follow its weight."""

        def forward(self, x):
            return 3 * x

    table = lsuv(Noisy(6, 6).double(), data(20, 6), seed=0, max_rescalings=4)
    assert table["status"].tolist() == ["no unit variance"]
    assert table["rescalings"].tolist() == [4]


@pytest.mark.parametrize("variance, rescalings", [(1.05, 1), (0.95, 1), (1.005, 0), (0.995, 0)])
def test_tolerance_is_the_largest_accepted_distance(variance, rescalings):
    model, x = nn.Linear(5, 5).double(), data(50, 5)
    before = lsuv(model, x, seed=0)["variance_before"][0]
    (row,) = lsuv(model, x * (variance / before) ** 0.5, seed=0).to_dict("records")
    assert row["variance_before"] == pytest.approx(variance, rel=1e-9)
    assert row["rescalings"] == rescalings and row["status"] == "scaled"


def test_seed_decides_dropout_too_whatever_the_global_generator_does():
    found = []
    for seed in (0, 1):
        model = nn.Sequential(nn.Linear(20, 20), nn.Dropout(), nn.Linear(20, 3)).double()
        torch.manual_seed(seed)
        lsuv(model, data(30, 20), seed=7)
        found.append(model[2].weight)
    assert torch.equal(*found)


def test_bias_computed_from_others_stays_as_it_is():
    class Doubled(nn.Module):
        def forward(self, x):
            return 2 * x

    model = nn.Linear(6, 6).double()
    nn.utils.parametrize.register_parametrization(model, "bias", Doubled())
    before = model.bias.detach().clone()
    table = lsuv(model, data(20, 6), seed=0)
    assert torch.equal(model.bias, before) and table["status"].tolist() == ["scaled"]


def test_weight_that_would_not_fit_its_format_stays_orthogonal():
    """Outputs of 1e-6 ask for weights of 1e6, which float16 does not hold."""

    class Faint(nn.Linear):
        def forward(self, x):
            return 1e-6 * nn.functional.linear(x, self.weight.float(), self.bias.float())

    model = Faint(4, 4).half()
    (row,) = lsuv(model, data(30, 4).float(), seed=0).to_dict("records")
    assert row["status"] == "no unit variance"
    assert row["factor"] == 1 and row["rescalings"] == 0
    gram = model.weight.detach().float() @ model.weight.detach().float().T
    torch.testing.assert_close(gram, torch.eye(4), atol=2e-3, rtol=0)


def test_compiled_model_is_seen_into():
    model, same = mlp(depth=1), mlp(depth=1)
    table = lsuv(torch.compile(model, backend="eager"), data(50, 20), seed=0)
    expected = lsuv(same, data(50, 20), seed=0)
    assert table["status"].tolist() == expected["status"].tolist() == ["scaled"] * 2
    assert torch.equal(model[2].weight, same[2].weight)


def test_several_inputs():
    model = nn.Bilinear(3, 4, 50).double()
    table = lsuv(model, (data(30, 3), data(30, 4, seed=1)), seed=0)
    assert table["variance"][0] == pytest.approx(1, abs=1e-9)


def test_paper_unlike_orthogonal_alone_keeps_relu_alive():
    """Twenty ReLU layers: orthogonal weights halve the signal in each; LSUV does not."""
    model, x = mlp(depth=20, activation=nn.ReLU), data(200, 20)
    initialize(model, "orthogonal", seed=0)
    assert list(outputs(model, x).values())[-1].var() < 1e-4
    lsuv(model, x, seed=0)
    assert list(outputs(model, x).values())[-1].var().item() == pytest.approx(1, rel=1e-2)
