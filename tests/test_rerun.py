"""The setting that shifts every seed: all that draws numbers in the chapters heeds it, or nothing.

What a shift changes is changed for a whole process, so it is looked at in processes of its own.
"""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from weightinit import _rerun

ROOT = Path(__file__).resolve().parents[1]
STEP = _rerun.STEP

DRAWS = """
import json, random
import numpy as np, torch
originals = [
    torch.Generator, torch.manual_seed, torch.random.manual_seed, np.random.default_rng,
    np.random.seed, np.random.RandomState, random.seed,
]
from weightinit import data, initializers, networks, training
now = [
    torch.Generator, torch.manual_seed, torch.random.manual_seed, np.random.default_rng,
    np.random.seed, np.random.RandomState, random.seed,
]
found = {"drawn before a seed is given": torch.rand(3).tolist()}
found["torch.Generator"] = torch.rand(3, generator=torch.Generator().manual_seed(0)).tolist()
torch.manual_seed(0)
found["torch.manual_seed"] = torch.rand(3).tolist()
torch.random.manual_seed(seed=0)
found["torch.random.manual_seed"] = torch.rand(3).tolist()
found["numpy.random.default_rng"] = np.random.default_rng(0).random(3).tolist()
found["numpy.random.default_rng of two"] = np.random.default_rng([0, 1]).random(3).tolist()
np.random.seed(0)
found["numpy.random.seed"] = np.random.rand(3).tolist()
found["numpy.random.RandomState"] = np.random.RandomState(seed=0).rand(3).tolist()
random.seed(0)
found["random.seed"] = random.random()
digits = data.digits()
found["split"] = digits.y_test.tolist()
build = lambda seed: networks.mlp(1, 8, "tanh", seed=seed)
found["weights"] = build(0).linear1.weight[0].tolist()
model = build(0)
initializers.initialize(model, "he_normal", seed=0)
found["scheme"] = model.linear1.weight[0].tolist()
found["recurrent weights"] = [p.sum().item() for p in networks.rnn(4, "tanh").parameters()]
found["order of the images"] = next(training.loop.batches(1000, 64, 0)).tolist()
chosen = training.tune(build, digits, lrs=[2.0**k for k in range(-3, 5)], steps=30)
found["choice of the rate"] = chosen.scores.tolist()
print(json.dumps([[a is b for a, b in zip(originals, now)], found]))
"""

KERAS = """
import json
from weightinit import keras_parity
import keras
found = {"mlp": float(keras_parity.mlp(1, 4, "relu", seed=0).layers[0].kernel[0, 0])}
found["initializer"] = float(keras.initializers.HeNormal(seed=0)((3, 3))[0, 0])
found["function"] = float(keras.random.normal((1,), seed=3)[0])
found["generator"] = float(keras.random.normal((1,), seed=keras.random.SeedGenerator(3))[0])
keras.utils.set_random_seed(0)
layer = keras.layers.Dense(1)
layer.build((1, 3))
found["global seed"] = float(layer.kernel[0, 0])
print(json.dumps(found))
"""

SURVIVES = """
import copy, pickle
import numpy as np, torch
from sklearn.utils import check_random_state
from weightinit import initializers
g = torch.Generator(device="cpu").manual_seed(3)
assert isinstance(g, torch.Generator) and isinstance(torch.default_generator, torch.Generator)
assert not isinstance(3, torch.Generator)
assert g.initial_seed() == 3 + 2 * 1_000_003
twins = [copy.deepcopy(g), pickle.loads(pickle.dumps(g)), g.clone_state()]
first = torch.randn(5, generator=g)
assert all(torch.equal(first, torch.randn(5, generator=twin)) for twin in twins)
torch.randperm(9, generator=g), torch.nn.init.normal_(torch.zeros(3), generator=g)
torch.set_rng_state(torch.get_rng_state())
initializers.fill_(torch.nn.Linear(2, 2), initializers.get("he_normal"), generator=g)
r = np.random.RandomState(3)
twins = [copy.deepcopy(r), pickle.loads(pickle.dumps(r))]
first = r.rand(5)
assert all((first == twin.rand(5)).all() for twin in twins)
assert check_random_state(r) is r and isinstance(check_random_state(None), np.random.RandomState)
rng = np.random.default_rng(0)
assert np.random.default_rng(rng) is rng
assert np.random.default_rng(None).random() != np.random.default_rng().random()
print("done")
"""


def run(script, **settings):
    environment = {k: v for k, v in os.environ.items() if k not in (_rerun.SEED_SHIFT, _rerun.DATA)}
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment | settings
    )


def printed(script, **settings):
    done = run(script, **settings)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow  # trains, in two processes
def test_a_shift_changes_all_that_is_drawn_and_without_one_nothing_is_touched():
    untouched, plain = printed(DRAWS)
    assert all(untouched)
    changed, other = printed(DRAWS, **{_rerun.SEED_SHIFT: "1"})
    assert not any(changed)
    assert plain.keys() == other.keys()
    assert [name for name in plain if plain[name] == other[name]] == []
    assert len(plain["split"]) == len(other["split"])


@pytest.mark.slow  # loads TensorFlow twice
def test_a_shift_changes_all_that_keras_draws(keras):
    plain, other = printed(KERAS), printed(KERAS, **{_rerun.SEED_SHIFT: "1"})
    assert [name for name in plain if plain[name] == other[name]] == []


@pytest.mark.slow
def test_shifted_generators_can_be_used_copied_and_pickled_like_the_others():
    assert run(SURVIVES, **{_rerun.SEED_SHIFT: "2"}).stdout == "done\n"


@pytest.mark.parametrize("value", ["", "0"])
def test_no_shift_touches_nothing(value, monkeypatch):
    monkeypatch.setenv(_rerun.SEED_SHIFT, value)
    monkeypatch.setitem(sys.modules, "torch", None)  # would be an ImportError
    _rerun.shift_seeds()
    _rerun.shift_keras(None, None)
    assert _rerun.is_rerun() == bool(value)


def test_what_is_shifted(monkeypatch):
    assert _rerun.shifted(7) == 7
    monkeypatch.setenv(_rerun.SEED_SHIFT, "2")
    assert _rerun.shifted(7) == 7 + 2 * STEP
    assert _rerun.shifted([0, (1, None)]) == [2 * STEP, [1 + 2 * STEP, None]]
    assert _rerun.shifted(2**32 - 1) == 2 * STEP - 1  # still a seed that NumPy takes
    state = object()
    assert _rerun.shifted(state) is state
    monkeypatch.setenv(_rerun.SEED_SHIFT, "-1")
    assert _rerun.shifted(0) == 2**32 - STEP


def test_wrong_settings_are_named(monkeypatch):
    for value in ("one", "1.5"):
        monkeypatch.setenv(_rerun.SEED_SHIFT, value)
        with pytest.raises(ValueError, match=f"SHIFT must be an integer, such as 1, got '{value}'"):
            _rerun.seed_shift()
    monkeypatch.setenv(_rerun.DATA, "cats")
    with pytest.raises(ValueError, match="DATA must be digits or mnist, got 'cats'"):
        _rerun.images()


@pytest.mark.parametrize("path", sorted((ROOT / "chapters").glob("*.ipynb")), ids=lambda p: p.stem)
def test_chapters_draw_only_through_what_is_shifted(path):
    """`from numpy.random import default_rng` would keep the function as it was, for one."""
    cells = nbformat.read(path, as_version=4).cells
    tree = ast.parse("\n".join(cell.source for cell in cells if cell.cell_type == "code"))
    assert unshifted(tree) == []


@pytest.mark.parametrize("path", sorted((ROOT / "src").rglob("*.py")), ids=lambda p: p.stem)
def test_the_package_draws_only_through_what_is_shifted(path):
    assert unshifted(ast.parse(path.read_text("utf-8"))) == []


# Other ways to a generator with a seed. (What `SeedSequence` gives goes on to Keras, which shifts.)
OTHERS = {"PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64", "Random", "cuda"}


def unshifted(tree):
    found = []
    for node in ast.walk(tree):
        module = getattr(node, "module", None) if isinstance(node, ast.ImportFrom) else None
        if module in ("random", "numpy.random", "torch.random", "torch._C"):
            found.append(f"from {module}")
        if isinstance(node, ast.ImportFrom) and module == "torch":
            names = {alias.name for alias in node.names} & {"Generator", "manual_seed"}
            found += sorted(names)
        if isinstance(node, ast.Attribute) and node.attr in OTHERS:
            found.append(node.attr)
    return found


def test_other_ways_to_draw_are_seen():
    source = "from numpy.random import default_rng\nfrom torch import Generator\nnp.random.PCG64(0)"
    assert unshifted(ast.parse(source)) == ["from numpy.random", "Generator", "PCG64"]


def test_a_rerun_adds_nothing_to_stored_results(monkeypatch, tmp_path):
    from weightinit.grids import run_grid

    monkeypatch.setenv(_rerun.SEED_SHIFT, "1")
    with pytest.raises(RuntimeError, match="lacks cells.*with other seeds or images .* unset WEI"):
        run_grid(power, [{"base": 2}], store=tmp_path / "x.jsonl")
    monkeypatch.delenv(_rerun.SEED_SHIFT)
    assert run_grid(power, [{"base": 2}], store=tmp_path / "x.jsonl")["square"].tolist() == [4]
    monkeypatch.setenv(_rerun.DATA, "mnist")
    assert run_grid(power, [{"base": 2}], store=tmp_path / "x.jsonl")["square"].tolist() == [4]


def power(base):
    return {"square": base**2}
