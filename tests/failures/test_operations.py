"""Tests of operations.py: what an operation reads and writes, and what it is called."""

import pytest
import torch
from torch.nn import functional as F

from tests.failures.support import F16, F32, NAN, around, batch, check
from weightinit.failures import Watch, first_failure
from weightinit.failures.operations import derived, facts, readable
from weightinit.networks import mlp

pytestmark = pytest.mark.usefixtures("one_thread")
aten = torch.ops.aten


@pytest.mark.parametrize(
    ("operation", "name", "true"),
    [
        (aten.mul.Tensor, "mul", {"pointwise"}),
        (aten.mul_.Tensor, "mul", {"pointwise", "written"}),
        (aten.mul.out, "mul", {"pointwise", "written", "overwritten"}),
        (aten.copy_.default, "copy", {"written", "overwritten"}),
        (aten.fill_.Scalar, "fill", {"written", "overwritten"}),
        (aten.mm.default, "mm", set()),
        (aten.view.default, "view", {"view"}),
        (aten.t.default, "t", {"view"}),
        (aten.empty.memory_format, "empty", {"uninitialised"}),
        (aten.new_empty_strided.default, "new_empty_strided", {"uninitialised"}),
        (aten.resize_.default, "resize", {"uninitialised", "written"}),
        (aten.native_layer_norm.default, "layer_norm", set()),
        (aten._to_copy.default, "to", set()),
        (aten._foreach_add_.List, "add", {"itemwise", "written"}),
        (aten._fused_sgd_.default, "fused_sgd", {"itemwise", "written"}),
        (aten._fused_adam_.default, "fused_adam", {"itemwise", "written"}),
    ],
)
def test_facts(operation, name, true):
    found = facts(operation)._asdict()
    assert found.pop("name") == name
    del found["arguments"]
    assert {key for key, value in found.items() if value} == true


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("aten::_foreach_mul_", "mul"),
        ("aten::native_batch_norm", "batch_norm"),
        ("aten::_log_softmax_backward_data", "log_softmax_backward_data"),
        ("mylib::twice", "twice"),
        ("addmm", "addmm"),
    ],
)
def test_readable(name, words):
    assert readable(name) == words


class Twice(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, gradient):
        return 2 * gradient


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (lambda x: x * x, "mul"),
        (lambda x: F.layer_norm(x, (4,)), "layer_norm"),
        (lambda x: F.log_softmax(x, 1), "log_softmax"),
        (lambda x: F.leaky_relu(x), "leaky_relu"),
        (lambda x: x.half(), "to"),
        (lambda x: x.T, "permute"),
        (Twice.apply, "Twice"),
        (lambda x: F.softplus(x), "softplus"),
    ],
)
def test_name_of_a_derivative(function, name):
    x = torch.ones(4, 4, requires_grad=True)
    assert derived(function(x).grad_fn) == name


def test_the_sum_of_gradients_is_no_derivative():
    x = torch.ones(3, requires_grad=True)
    assert derived((x * x).grad_fn.next_functions[0][0]) is None


# ---- What is read -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("copy", lambda t: t.copy_(torch.full((20,), 1e5))),
        ("normal", lambda t: t.normal_(0, 1e8)),
        ("exponential", lambda t: t.exponential_(1e-7)),
        ("cauchy", lambda t: t.cauchy_(0, 1e8)),
        ("geometric", lambda t: t.geometric_(1e-7)),
        ("log_normal", lambda t: t.log_normal_(1000, 1)),
    ],
)
def test_memory_that_is_overwritten_is_not_read(name, write, poisoned_memory):
    failure = first_failure(
        around(lambda h: h + write(torch.empty(20, dtype=F16)).float()), *batch()
    )
    check(failure, phase="forward", module="1", operation=name, inputs_finite=True, meant=False)
    assert failure.kind == "inf" and failure.zeros == 0


def test_a_constant_is_written_over_what_was_there(poisoned_memory):
    failure = first_failure(around(lambda h: h + torch.empty(20).fill_(NAN)), *batch())
    check(failure, operation="fill", meant=True, nans=20)


def same(h):
    return torch.mul(h, 1e30, out=h)


def alias(h):
    return h.mul_(h.view_as(h))


@pytest.mark.parametrize("function", [same, alias, lambda h: h.mul_(h), lambda h: h.mul_(1e30)])
def test_inputs_that_share_the_memory_that_is_written(function):
    """What the call itself writes is not what it has read."""
    largest = (around(F.relu)[0](batch()[0]) * 1e30).abs().max().item()
    failure = first_failure(around(lambda h: h + function(h.detach() * 1e30)), *batch())
    check(failure, phase="forward", module="1", operation="mul", inputs_finite=True, meant=False)
    assert failure.largest_input == pytest.approx(largest, rel=1e-6)


@pytest.mark.parametrize("beside", ["linear1.weight", "output.bias"])  # before it and behind it
@pytest.mark.parametrize("options", [{"foreach": True}, {"fused": True}, {}])
def test_inputs_of_the_list_entry_that_failed(options, beside):
    model = mlp(1, 8, "tanh", dtype=F32)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    model.get_parameter(beside).data.view(-1)[0] = 3e38  # does not move
    model.output.weight.grad[1, 1] = 1e30
    with Watch(model) as watch:
        torch.optim.SGD(model.parameters(), lr=1e10, **options).step()
    check(watch.failure, phase="update", tensor="output.weight", count=1, inputs_finite=True)
    # In a sum of lists the rate is an input as well.
    assert watch.failure.largest_input == pytest.approx(1e30)


def test_numbers_count_among_the_inputs_and_integers_do_not():
    failure = first_failure(around(lambda h: h * 1e30 * 1e37), *batch())
    assert failure.largest_input == 1e37
    failure = first_failure(around(lambda h: (1e20 * h).pow(10**2) + h), *batch())
    assert failure.operation == "pow" and 1e19 < failure.largest_input < 1e21


def test_all_results_of_an_operation_are_looked_at():
    def function(h):
        deviation, mean = torch.var_mean(h * 1e25, dim=1)
        return h + 0 * mean[:, None] + deviation[:, None] / 2

    check(first_failure(around(function), *batch()), operation="var_mean", shape=(32,))

    def second(h):
        _, largest = torch.aminmax(torch.where(h > 0, h.detach() * 1e38 * 10, h.detach()))
        return h + largest

    check(first_failure(around(second), *batch()), operation="mul", shape=(32, 20))
    assert first_failure(around(lambda h: h + torch.full_like(h, NAN).isnan()), *batch()) is None
