"""The networks in Keras against those in PyTorch; the silence and the errors of the import."""

import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import nbclient
import nbformat
import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

import weightinit
from weightinit import networks, probes, training
from weightinit.data import digits
from weightinit.initializers import SCHEMES, initialize

PYTORCH = {"batch": {"momentum": 0.9, "epsilon": 1e-5}, "layer": {"epsilon": 1e-5}, None: {}}
every_kind = pytest.mark.parametrize("normalization", [None, "batch", "layer"])


@pytest.fixture
def parity(keras):
    from weightinit import keras_parity

    return keras_parity


def pair(parity, normalization, activation="tanh"):
    model = networks.mlp(3, 16, activation, normalization=normalization, seed=1)
    twin = parity.mlp(
        3, 16, activation, normalization=normalization, seed=2, **PYTORCH[normalization]
    )
    parity.copy_weights(model, twin)
    return model, twin


@every_kind
@pytest.mark.parametrize(
    "activation, rtol",
    # TensorFlow keeps the slope of a leaky ReLU in single precision: 0.01 is off by 2e-8 of it.
    [("tanh", 1e-11), ("relu", 1e-11), ("hardtanh", 1e-11), ("leaky_relu", 1e-8)],
)
def test_same_scores_and_same_probe(parity, normalization, activation, rtol):
    model, twin = pair(parity, normalization, activation)
    data = digits()
    x, y = data.x_train[:50], data.y_train[:50]
    before = [w.copy() for w in twin.get_weights()]
    found = parity.probe(twin, x, y)
    assert all(np.array_equal(a, b) for a, b in zip(before, twin.get_weights(), strict=True))
    wanted = probes.probe(model, torch.tensor(x), torch.tensor(y))
    assert found["name"].tolist() == wanted["name"].tolist()
    columns = ["h_rms", "grad_h_rms", "grad_w_rms", "w_rms"]
    np.testing.assert_allclose(found[columns], wanted[columns], rtol=rtol)
    model.eval()
    expected = model(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(twin(x, training=False), expected, rtol=10 * rtol, atol=rtol)


@pytest.mark.parametrize("normalization", [None, "layer"])
def test_same_training(parity, normalization):
    """Keras keeps the rate in single precision: 0.0625 is the same in both, 0.05 is not."""
    model, twin = pair(parity, normalization)
    options = {"lr": 0.0625, "steps": 60, "batch_size": 50, "seed": 3, "evaluate_every": 20}
    wanted = training.train(model, digits(), **options).history
    found = parity.train(twin, digits(), **options)
    assert found["step"].tolist() == wanted["step"].tolist() == [0, 20, 40, 60]
    np.testing.assert_allclose(found[wanted.columns], wanted, rtol=1e-9)


def test_same_training_with_batch_normalization_but_for_the_running_variance(parity):
    """The weights agree; the average for evaluation does not: n - 1 in PyTorch, n in Keras."""
    model, twin = pair(parity, "batch")
    options = {"lr": 0.0625, "steps": 30, "batch_size": 50}
    training.train(model, digits(), **options)
    parity.train(twin, digits(), **options)
    np.testing.assert_allclose(
        twin.get_layer("linear2").kernel, model.linear2.weight.detach().T, rtol=1e-8, atol=1e-10
    )
    norm, ours = twin.get_layer("norm1"), model.norm1
    np.testing.assert_allclose(norm.moving_mean, ours.running_mean, rtol=1e-8, atol=1e-10)
    kept = 0.9**30  # of the 1 that both start with
    ratio = (ours.running_var.numpy() - kept) / (np.asarray(norm.moving_variance) - kept)
    np.testing.assert_allclose(ratio, 50 / 49, rtol=1e-8)


def test_convolutions_are_copied(parity, keras):
    source = nn.Sequential(
        nn.Conv2d(2, 4, (3, 5)), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 3)
    ).double()
    source(torch.randn(9, 2, 4, 6, dtype=torch.float64))  # the averages move away from 0 and 1
    layers = [keras.layers.Conv2D(4, (3, 5)), keras.layers.BatchNormalization(epsilon=1e-5)]
    # Flattened with the channels first, as in PyTorch.
    layers += [keras.layers.Permute((3, 1, 2)), keras.layers.Flatten(), keras.layers.Dense(3)]
    with_dtype = [layer.__class__.from_config(layer.get_config() | {"dtype": "float64"})
                  for layer in layers]  # fmt: skip
    target = keras.Sequential([keras.Input((4, 6, 2), dtype="float64"), *with_dtype])
    parity.copy_weights(source, target)
    x = torch.randn(5, 2, 4, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = source.eval()(x).detach().numpy()
    found = target(x.permute(0, 2, 3, 1).numpy(), training=False)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_same_law_of_the_weights(parity, scheme):
    """Kolmogorov-Smirnov, false alarm 1e-3; 40,000 weights behind 80 inputs, 500 outputs."""
    twin = parity.mlp(1, 500, "relu", in_features=80, scheme=scheme, seed=5)
    layer = nn.Linear(80, 500)
    initialize(layer, scheme, seed=6)
    theirs = np.asarray(twin.get_layer("linear1").kernel).ravel()
    ours = layer.weight.detach().numpy().ravel()
    assert stats.ks_2samp(ours, theirs).pvalue > 1e-3
    assert abs(np.log(ours.std() / theirs.std())) < 4 / np.sqrt(len(ours))
    assert not np.asarray(twin.get_layer("linear1").bias).any()


def test_a_seed_decides_all_weights_and_no_two_layers_are_equal(parity):
    one, same, other = (parity.mlp(4, 64, "relu", seed=seed) for seed in (1, 1, 2))
    kernels = [np.asarray(layer.kernel) for layer in one.layers if hasattr(layer, "kernel")]
    again = [np.asarray(layer.kernel) for layer in same.layers if hasattr(layer, "kernel")]
    assert all(np.array_equal(a, b) for a, b in zip(kernels, again, strict=True))
    assert not np.array_equal(kernels[0], other.get_layer("linear1").kernel)
    assert not np.array_equal(kernels[1], kernels[2])


def test_defaults_of_normalization_are_those_of_keras(parity):
    norm = parity.mlp(1, 4, "relu", normalization="batch").get_layer("norm1")
    assert (norm.momentum, norm.epsilon) == (0.99, 1e-3)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda k: k.mlp(0, 4, "relu"), "depth must be a whole number"),
        (lambda k: k.mlp(1, 4, "relu", normalization="group"), "normalization must be None, "),
        (lambda k: k.mlp(1, 4, "relu", epsilon=1e-5), "no normalization that could take"),
        (lambda k: k.mlp(1, 4, "relu", scheme="kaiming"), "unknown scheme 'kaiming'"),
        (lambda k: k.train(k.mlp(1, 4, "relu"), digits(), lr=-1, steps=3), "learning rate"),
        (lambda k: k.train(k.mlp(1, 4, "relu"), digits(), lr=1, steps=0), "steps must be"),
        (lambda k: k.copy_weights(nn.Linear(64, 4), k.mlp(1, 4, "relu")), "has 1 layers"),
        (lambda k: k.copy_weights(networks.mlp(1, 5, "relu"), k.mlp(1, 4, "relu")), "not fit"),
        (lambda k: k.probe(k.mlp(1, 4, "relu"), np.ones((3, 64)), np.ones(2)), "3 and 2"),
    ],
)
def test_bad_input(parity, call, message):
    with pytest.raises(ValueError, match=message):
        call(parity)


# ---- The import ----------------------------------------------------------------------------


def run_python(script):
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)


def test_import_is_silent(keras):
    done = run_python("from weightinit import keras_parity")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_import_is_silent_in_a_notebook(keras):
    source = "from weightinit import keras_parity\nkeras_parity.mlp(1, 4, 'relu').count_params()"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    nbclient.NotebookClient(notebook, timeout=300).execute()
    assert [o.output_type for o in notebook.cells[0].outputs] == ["execute_result"]


def test_other_messages_are_let_through(keras):
    """What is no start-up notice must be seen: here a line written during the import."""
    script = (
        "from weightinit import _keras_import as k; import os\n"
        "with k._start_up_messages_held_back():\n"
        "    os.write(2, b'I0000 00:00:1.2 7 cudart_stub.cc:31] Could not find cuda drivers\\n')\n"
        "    os.write(2, b'E0000 00:00:1.2 7 other.cc:1] something broke\\n')"
    )
    assert run_python(script).stderr == "E0000 00:00:1.2 7 other.cc:1] something broke\n"


BLOCK = "import sys; sys.modules['tensorflow'] = None\n"


def test_without_tensorflow_it_says_what_to_install():
    done = run_python(BLOCK + "from weightinit import keras_parity")
    requirements = (Path(__file__).parents[2] / "requirements.txt").read_text("utf-8")
    pin = re.search(r"^tensorflow==.*$", requirements, re.MULTILINE)[0]
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: tensorflow is not installed")
    assert f"pip install {pin}." in last


def test_without_tensorflow_everything_else_works():
    names = [m.name for m in pkgutil.iter_modules(weightinit.__path__) if m.name != "keras_parity"]
    assert len(names) >= 12
    done = run_python(BLOCK + "".join(f"import weightinit.{name}\n" for name in names))
    assert (done.returncode, done.stderr) == (0, "")


def test_another_backend_is_refused():
    script = "import os; os.environ['KERAS_BACKEND'] = 'jax'\nimport weightinit.keras_parity"
    assert "ImportError: the course uses Keras on TensorFlow" in run_python(script).stderr
