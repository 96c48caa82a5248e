"""The lab's pass forward and backward, number for number beside PyTorch's."""

import json

import pytest

from tests.lab.package_side import LAB, apart, for_the_lab, images, network, whole_pass
from weightinit import activations
from weightinit.probes import probe

pytestmark = pytest.mark.slow

ALLOWED = 1e-10
KINDS = [(None, False), ("batch", False), ("layer", False), (None, True), ("layer", True)]


def largest_difference(lab, activation, normalization=None, skip=False, depth=12):
    """Return how far the two are apart, the most over all layers and quantities."""
    model = network(activation, depth, 40, normalization, skip)
    x, y = images(64)
    handed = for_the_lab(model, activation, normalization, skip)
    handed |= {"images": x.numpy().ravel().tolist(), "labels": y.tolist()}
    made = json.loads(lab.evaluate(LAB, json.dumps(handed)))
    loss, layers = whole_pass(model, x, y)
    table = probe(model, x, y)
    found = [apart([made["loss"]], [loss])]
    assert len(made["layers"]) == len(layers) == len(table) == depth + 1
    for mine, theirs, row in zip(made["layers"], layers, table.itertuples(), strict=True):
        # A bias before batch normalization has no gradient but rounding errors.
        names = [n for n in theirs if not (n == "bias" and normalization == "batch")]
        found += [apart(mine[name], theirs[name]) for name in names]
        found += [apart([mine[name]], [getattr(row, name)]) for name in ("h_rms", "grad_h_rms")]
    return max(found)


@pytest.mark.parametrize("activation", activations.names())
@pytest.mark.parametrize("normalization, skip", KINDS)
def test_every_number_of_every_layer(lab, activation, normalization, skip):
    assert largest_difference(lab, activation, normalization, skip) < ALLOWED


def test_the_lab_has_the_activations_of_the_book(lab):
    assert sorted(lab.evaluate("Object.keys(lab.ACTIVATIONS)")) == activations.names()


FAULTS = {
    "a slope": ("activations.js", ("dTanh = (h) => 4 *", "dTanh = (h) => 3.99 *"), {}),
    "the mean of a batch": ("normalization.js", ("g[at] - mean - hat", "g[at] - hat"), {}),
    "the way back past a layer": ("network.js", ("back[i] += dx[i]", "back[i] += 0"), {}),
    "a mean over images": ("network.js", ("? 1 : 0)) / n;", "? 1 : 0));"), {}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(modules, fault):
    name, change, _ = FAULTS[fault]
    page = modules({name: change})
    kind = {"the mean of a batch": ("batch", False), "the way back past a layer": (None, True)}
    assert largest_difference(page, "tanh", *kind.get(fault, (None, False)), depth=5) > 1e-4
    page.close()
