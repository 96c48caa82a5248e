"""Where PyTorch and Keras start weights by the same laws, and where they differ."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from weightinit.initializers import (
    Orthogonal,
    Scheme,
    fans,
    fill_,
    initialize,
)


def generator(seed):
    return torch.Generator().manual_seed(seed)


def same_law(ours, theirs):
    """Two large samples: Kolmogorov-Smirnov (false alarm 1e-3), standard deviations (6e-5)."""
    ours, theirs = (np.asarray(x, dtype=float).ravel() for x in (ours, theirs))
    assert len(ours) == len(theirs) >= 40_000
    assert stats.ks_2samp(ours, theirs).pvalue > 1e-3
    assert abs(np.log(ours.std() / theirs.std())) < 4 / np.sqrt(len(ours))


def sample(scheme, inputs=80, outputs=500):
    layer = nn.Linear(inputs, outputs)
    initialize(layer, scheme, seed=3)
    return layer.weight.detach().numpy()


# ---- PyTorch -------------------------------------------------------------------------------


def kaiming(function):
    return lambda weight, generator: function(weight, nonlinearity="relu", generator=generator)


@pytest.mark.parametrize(
    "name, reference",
    [
        ("xavier_normal", nn.init.xavier_normal_),
        ("xavier_uniform", nn.init.xavier_uniform_),
        ("he_normal", kaiming(nn.init.kaiming_normal_)),
        ("he_uniform", kaiming(nn.init.kaiming_uniform_)),
    ],
)
def test_same_law_as_pytorch(name, reference):
    same_law(sample(name), reference(torch.empty(500, 80), generator=generator(4)))


@pytest.mark.parametrize("out, into", [(12, 12), (10, 25)])
def test_same_law_as_pytorch_orthogonal(out, into):
    """First entries of 500 matrices each: Kolmogorov-Smirnov, false alarm 1e-3."""
    ours, theirs = [], []
    for seed in range(500):
        weight = torch.empty(out, into)
        fill_(weight, Orthogonal(), generator=generator(seed))
        ours.append(weight[0, 0].item())
        nn.init.orthogonal_(weight, generator=generator(seed + 500))
        theirs.append(weight[0, 0].item())
    assert stats.ks_2samp(ours, theirs).pvalue > 1e-3


# ---- Keras ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, theirs",
    [
        ("lecun_truncated_normal", "LecunNormal"),
        ("lecun_uniform", "LecunUniform"),
        ("xavier_truncated_normal", "GlorotNormal"),
        ("xavier_uniform", "GlorotUniform"),
        ("he_truncated_normal", "HeNormal"),
        ("he_uniform", "HeUniform"),
    ],
)
def test_same_law_as_keras(keras, name, theirs):
    theirs = np.asarray(getattr(keras.initializers, theirs)(seed=4)((80, 500)))
    ours = sample(name)
    same_law(ours, theirs)
    # The bound of the law, which the largest of 40,000 comes close to: exp(-18) for 0.2 %.
    if name.endswith("normal"):
        assert np.abs(ours).max() == pytest.approx(np.abs(theirs).max(), rel=2e-3)


@pytest.mark.parametrize("out, into", [(200, 200), (200, 250)])
def test_same_law_as_keras_orthogonal(keras, out, into):
    """Where out <= in both have orthonormal rows (Keras stores them as columns)."""
    theirs = np.asarray(keras.initializers.Orthogonal(seed=4)((into, out))).T
    ours = torch.empty(out, into)
    fill_(ours, Orthogonal(), generator=generator(0))
    for weight in (ours.numpy(), theirs):
        np.testing.assert_allclose(weight @ weight.T, np.eye(out), atol=1e-5)
    same_law(ours, theirs)


@pytest.mark.parametrize("n_in, n_out", [(80, 500), (500, 80)])
def test_default_of_pytorch_is_uniform_up_to_one_over_root_n_in(n_in, n_out):
    """Weights and biases; the largest of 40,000 comes within 0.2 % of the bound: exp(-80)."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layer = nn.Linear(n_in, n_out)
    weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    bound = n_in**-0.5
    uniform = stats.uniform(-bound, 2 * bound)
    assert stats.kstest(weight.ravel(), uniform.cdf).pvalue > 1e-3
    assert stats.kstest(bias, uniform.cdf).pvalue > 1e-3
    assert 0.998 * bound < np.abs(weight).max() <= bound * (1 + 1e-6)


@pytest.mark.parametrize("n_in, n_out", [(80, 500), (500, 80)])
def test_default_of_keras_is_glorot_uniform_with_zero_biases(keras, n_in, n_out):
    keras.utils.set_random_seed(0)
    layer = keras.layers.Dense(n_out)
    layer.build((None, n_in))
    weight, bias = (np.asarray(values) for values in layer.get_weights())
    bound = np.sqrt(6 / (n_in + n_out))
    assert stats.kstest(weight.ravel(), stats.uniform(-bound, 2 * bound).cdf).pvalue > 1e-3
    assert 0.998 * bound < np.abs(weight).max() <= bound * (1 + 1e-6)
    assert not bias.any()


# ---- Where they differ ---------------------------------------------------------------------

# A layer of PyTorch and of Keras, as its kind, arguments and input shape; their fan-in and fan-out
# here and in Keras. (`test_fan_in_fan_out` has PyTorch's.)
FANS = [
    (nn.Conv2d(8, 16, 3, groups=4), ("Conv2D", (16, 3), {"groups": 4}, 8), (18, 36), (18, 144)),
    (
        nn.Conv2d(8, 16, 3, groups=8),
        ("DepthwiseConv2D", (3,), {"depth_multiplier": 2}, 8),
        (9, 18),
        (72, 18),
    ),
    (nn.Conv2d(4, 8, 3, stride=2), ("Conv2D", (8, 3), {"strides": 2}, 4), (36, 18), (36, 72)),
    (nn.ConvTranspose2d(6, 10, 3), ("Conv2DTranspose", (10, 3), {}, 6), (54, 90), (90, 54)),
]


@pytest.mark.parametrize("layer, same, here, theirs", FANS, ids=str)
def test_fans_here_and_in_keras(keras, layer, same, here, theirs):
    """Read off the bound of Keras's own uniform law: scale / fan = bound^2 / 3."""
    kind, args, kwargs, channels = same
    keras_layer = getattr(keras.layers, kind)(*args, **kwargs)
    keras_layer.build((None, 9, 9, channels))
    assert fans(layer) == here
    for mode, fan in zip(("fan_in", "fan_out"), theirs, strict=True):
        law = keras.initializers.VarianceScaling(1.0, mode, "uniform", seed=0)
        weight = np.asarray(law(keras_layer.kernel.shape))
        # The largest of n uniform numbers falls short of the bound by a share of 1/n on average.
        assert 1 - 1e-6 < 3 / np.abs(weight).max() ** 2 / fan < 1 + 20 / weight.size


def test_only_pytorch_and_this_package_draw_the_tails():
    """200,000 normal numbers: none beyond 3.5 deviations with probability exp(-93)."""
    weight = nn.init.kaiming_normal_(torch.empty(1000, 200), generator=generator(0))
    assert weight.abs().max() / 0.1 > 3.5
    assert np.abs(sample("he_normal", 200, 1000)).max() / 0.1 > 3.5


def test_the_truncated_law_is_widened_here_and_not_in_pytorch():
    weight = torch.empty(1000, 200)
    nn.init.trunc_normal_(weight, std=1.0, a=-2.0, b=2.0, generator=generator(0))
    error = 4 / np.sqrt(2 * weight.numel())
    assert abs(weight.std().item() / 0.8796 - 1) < error
    unit = Scheme("unit", 200.0, "fan_in", "truncated_normal")
    fill_(weight, unit, generator=generator(0))
    assert abs(weight.std().item() - 1) < error


def test_the_mean_square_behind_an_orthogonal_matrix():
    """3 inputs, 12 outputs: rescaled here, a quarter in PyTorch."""
    x, weight = torch.randn(500, 3, generator=generator(1)), torch.empty(12, 3)
    nn.init.orthogonal_(weight, generator=generator(0))
    assert gain(x, weight) == pytest.approx(0.25, rel=1e-5)
    fill_(weight, Orthogonal(), generator=generator(0))
    assert gain(x, weight) == pytest.approx(1, rel=1e-5)


def test_two_layers_of_one_seed_or_generator_differ():
    layers = nn.Linear(4, 4), nn.Linear(4, 4)
    initialize(nn.Sequential(*layers), "he_normal", seed=0)
    assert not torch.equal(*(layer.weight for layer in layers))
    g = generator(0)
    assert not torch.equal(*(nn.init.kaiming_normal_(torch.empty(4, 4), generator=g) for _ in "ab"))


def gain(x, weight):
    return ((x @ weight.T).square().mean() / x.square().mean()).item()


def test_laws_of_keras_that_differ(keras):
    """The cut of HeNormal, a law that is not widened, no rescaling, a seed that repeats."""
    cut = np.abs(np.asarray(keras.initializers.HeNormal(seed=0)((200, 1000)))).max() / 0.1
    assert cut == pytest.approx(2.2737, rel=1e-3)
    law = keras.initializers.TruncatedNormal(stddev=1.0, seed=0)
    assert abs(np.asarray(law((200, 1000))).std() / 0.8796 - 1) < 4 / np.sqrt(2 * 200_000)
    weight = torch.tensor(np.asarray(keras.initializers.Orthogonal(seed=0)((3, 12)))).T
    x = torch.randn(500, 3, generator=generator(1))
    assert gain(x, weight) == pytest.approx(0.25, rel=1e-5)
    law = keras.initializers.HeNormal(seed=0)
    assert np.array_equal(law((4, 4)), law((4, 4)))
    law = keras.initializers.HeNormal(seed=keras.random.SeedGenerator(0))
    assert not np.array_equal(law((4, 4)), law((4, 4)))
