"""Memory that is used again: nothing that is still needed is overwritten."""

import pytest

# A network trained in memory that is used again, its twin in fresh memory; between the steps
# another piece of work, of other sizes.
TRAINED = """([normalization, skip]) => {
    const make = (seed, width) => lab.makeNetwork({
        activation: "tanh", depth: 3, width, normalization, skip,
        scheme: lab.byHand(1.5), sigmaB2: 0.1,
    }, new lab.Generator(seed));
    const n = 20;
    const { images, labels } = lab.digits();
    const shown = images.subarray(0, n * lab.INPUTS);
    const [reused, fresh] = [make(1, 13), make(1, 13)];
    const losses = [];
    for (let step = 0; step < 10; step++) {
        losses.push([
            lab.reusingMemory(() => lab.trainStep(reused, shown, labels, n, 0.1)),
            lab.trainStep(fresh, shown, labels, n, 0.1),
        ]);
        lab.reusingMemory(() => lab.forward(make(2, 5 + step), shown, n).length);
    }
    const numbers = ({ layers }) => layers.flatMap(({ weight, bias, norm }) =>
        [weight, bias, norm?.gamma, norm?.beta, norm?.mean, norm?.variance]
            .map((array) => [...(array ?? [])]));
    return { losses, reused: numbers(reused), fresh: numbers(fresh) };
}"""


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("normalization", ["none", "batch", "layer"])
def test_training_is_the_same_to_the_last_digit(lab, normalization, skip):
    made = lab.evaluate(TRAINED, [normalization, skip])
    assert all(reused == fresh for reused, fresh in made["losses"])
    assert made["losses"][9][0] < made["losses"][0][0]
    assert made["reused"] == made["fresh"]


def test_later_work_gets_the_memory_of_earlier_work_as_zeros_also_after_a_failure(lab):
    made = lab.evaluate(
        """() => {
            const taken = [1, 2, 3].map(() => {
                const arrays = [];
                const fail = () => lab.reusingMemory(() => { throw new RangeError("here"); });
                try { fail(); } catch (error) { if (error.message !== "here") throw error; }
                lab.reusingMemory(() => {
                    arrays.push(lab.zeros(4), lab.zeros(6));
                    arrays.push(arrays.every((array) => array.every((value) => value === 0)));
                    arrays[0].fill(7);
                    arrays[1].fill(7);
                });
                return arrays;
            });
            const [, second, third] = taken;
            return {
                zeros: taken.map((arrays) => arrays[2]),
                lengths: [third[0].length, third[1].length],
                same: second[0].buffer === third[0].buffer,
                starts: [second, third].map(([array]) => array.byteOffset),
                apart: third[1].byteOffset - third[0].byteOffset,
            };
        }"""
    )
    assert made["zeros"] == [True, True, True] and made["lengths"] == [4, 6]
    assert made["same"] and made["starts"] == [0, 0] and made["apart"] == 8 * 4


UNTOUCHED = """() => {
    const ones = (length) => lab.zeros(length).fill(1);
    const untouched = (array) => array.every((value) => value === 1);
    const other = (length) => lab.reusingMemory(() => void lab.zeros(length).fill(2));
    const cases = {
        outside: () => {
            other(50);
            other(5);
            const kept = [ones(5), ones(5)];
            other(50);
            return kept.every(untouched) && kept[0].buffer !== kept[1].buffer;
        },
        whole: () => {
            const work = () => lab.reusingMemory(() => {
                const kept = ones(5);
                other(5);
                lab.zeros(5).fill(3);
                return untouched(kept);
            });
            return work() && work();
        },
    };
    return Object.entries(cases).filter(([, works]) => !works()).map(([name]) => name);
}"""


def test_what_is_still_needed_is_not_overwritten(lab):
    assert lab.evaluate(UNTOUCHED) == []


@pytest.mark.parametrize(
    "old, new",
    [
        ("if (working) return work();", ""),
        ("if (!working) return new Float64Array(length);", ""),
        ("room.subarray(used - length, used)", "room.subarray(0, length)"),
    ],
)
def test_planted_faults_overwrite_something(modules, old, new):
    page = modules({"memory.js": (old, new)})
    try:
        assert page.evaluate(UNTOUCHED) != []
    finally:
        page.close()
