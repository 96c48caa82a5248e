"""Training in the lab beside training in the package: same start, same batches."""

import json

import numpy as np
import pytest

from tests.lab.package_side import for_the_lab, network
from weightinit import data
from weightinit.training import loop, train

pytestmark = pytest.mark.slow

ALLOWED = 1e-6
STEPS, BATCH = 100, 64
TRAIN = """(text) => {
    const {activation, skip, layers, batches, rate} = JSON.parse(text);
    const made = {activation, skip, layers: layers.map((layer) => ({
        ...layer, weight: Float64Array.from(layer.weight), bias: Float64Array.from(layer.bias),
        norm: lab.makeNorm(layer.norm, layer.fanOut),
    }))};
    const {images, labels} = lab.digits();
    const trained = lab.TRAINED_ON;
    const part = (from, to) => [images.subarray(64 * from, 64 * to), labels.subarray(from, to)];
    const score = () => lab.evaluate(made, ...part(0, trained), trained);
    const scores = [score()];
    for (const rows of batches) {
        const batch = lab.take(images, labels, rows);
        lab.trainStep(made, batch.images, batch.labels, rows.length, rate);
        scores.push(score());
    }
    const test = lab.evaluate(made, ...part(trained, labels.length), labels.length - trained);
    return JSON.stringify({losses: scores.map((s) => s.loss),
                           accuracies: scores.map((s) => s.accuracy), test: test.accuracy});
}"""


def largest_difference(lab, normalization=None, skip=False, rate=0.2):
    model = network("tanh", 4, 16, normalization, skip)
    handed = for_the_lab(model, "tanh", normalization, skip) | {"rate": rate}
    rows = loop.batches(len(data.digits().x_train), BATCH, seed=3)
    handed["batches"] = [next(rows).tolist() for _ in range(STEPS)]
    made = json.loads(lab.evaluate(TRAIN, json.dumps(handed)))
    run = train(
        *(model, data.digits()),
        **dict(steps=STEPS, batch_size=BATCH, lr=rate, seed=3, evaluate_every=1),
    )
    assert made["accuracies"] == pytest.approx(run.history["train_accuracy"].tolist())
    assert made["test"] == pytest.approx(run.history["test_accuracy"].iloc[-1])
    assert made["losses"][-1] < 0.7 * made["losses"][0]
    return np.abs(np.array(made["losses"]) / run.history["loss"] - 1).max()


@pytest.mark.parametrize("normalization, skip", [(None, False), ("batch", False), ("layer", True)])
def test_losses_over_a_hundred_steps(lab, normalization, skip):
    assert largest_difference(lab, normalization, skip) < ALLOWED


def test_the_images_are_the_course_s(lab):
    found = lab.evaluate(
        "() => { const d = lab.digits(); return {x: [...d.images], y: [...d.labels]}; }"
    )
    course = data.digits()
    x = np.concatenate([course.x_train, course.x_test])
    assert np.abs(np.array(found["x"]) - x.ravel()).max() < 1e-14
    assert found["y"] == [*course.y_train, *course.y_test]
    assert lab.evaluate("lab.TRAINED_ON") == len(course.x_train)


def test_a_planted_fault_is_found(modules):
    page = modules({"normalization.js": ("const MOMENTUM = 0.1", "const MOMENTUM = 0.2")})
    with pytest.raises(AssertionError):
        assert largest_difference(page, "batch") < ALLOWED
    page.close()


def test_batches_are_whole_and_go_through_all_images(lab):
    rows = lab.evaluate(
        """() => { const b = lab.batches(10, 3, new lab.Generator(1));
                  return Array.from({length: 4}, () => [...b.next().value]); }"""
    )
    assert [len(batch) for batch in rows] == [3, 3, 3, 3]
    assert len({row for batch in rows[:3] for row in batch}) == 9
