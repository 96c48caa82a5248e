"""The networks of `weightinit.networks` in Keras, and weights copied from one to the other."""

import copy
from math import inf

import numpy as np
import torch
from torch import nn

from weightinit import _one_pass, activations
from weightinit._checks import check_choice, check_module, check_positive, check_seed, check_size
from weightinit.initializers import get
from weightinit.keras_parity.load import keras
from weightinit.keras_parity.runs import NORMALIZATIONS, check_model

# Layers in the order in which their weights are copied: PyTorch's class and Keras's.
_PAIRS = (
    (nn.Linear, keras.layers.Dense),
    (nn.Conv2d, keras.layers.Conv2D),
    (nn.modules.batchnorm._BatchNorm, keras.layers.BatchNormalization),
    (nn.LayerNorm, keras.layers.LayerNormalization),
)
_AVERAGES = ("running_mean", "running_var")


def mlp(
    depth: int,
    width: int,
    activation: str | activations.Activation,
    *,
    in_features: int = 64,
    out_features: int = 10,
    normalization: str | None = None,
    scheme: str | None = None,
    dtype: str = "float64",
    seed: int = 0,
    **norm_options,
):
    """Build in Keras what `weightinit.networks.mlp` builds in PyTorch, with the same layer names.

    Parameters
    ----------
    depth, width, activation, in_features, out_features
        As there; one width for all layers.
    normalization : str, optional
        ``"batch"`` or ``"layer"``, before the activation, with Keras's own defaults.
    scheme : str, optional
        How the weights start; by default Keras's way, ``GlorotUniform``. Biases are zero.
    dtype : {'float32', 'float64'}
        Precision of weights and signals; products of 16 bits differ from processor to processor.
    seed : int
        Decides all weights: each layer draws from a seed of its own, derived from this one.
    **norm_options
        ``epsilon``, and ``momentum`` of batch normalization: 1e-5 and 0.9 are PyTorch's.

    Returns
    -------
    keras.Sequential

    Raises
    ------
    TypeError, ValueError
        As `weightinit.networks.mlp`; if Keras has no such activation, the scheme is unknown, or the
        normalization takes no such options.

    Examples
    --------
    >>> model = mlp(2, 16, "relu", normalization="batch", scheme="he_truncated_normal")
    >>> [layer.name for layer in model.layers][:4]
    ['linear1', 'norm1', 'act1', 'linear2']
    """
    sizes = {"depth": depth, "width": width, "in_features": in_features}
    for name, value in (sizes | {"out_features": out_features}).items():
        check_size(name, value)
    check_choice("normalization", normalization, (None, *NORMALIZATIONS))
    check_choice("dtype", dtype, ("float32", "float64"))
    check_seed(seed)
    takes = {None: (), "batch": ("momentum", "epsilon"), "layer": ("epsilon",)}[normalization]
    if not set(norm_options) <= set(takes):
        options = " and ".join(takes) or "no options"
        raise TypeError(f"normalization={normalization!r} takes {options}, got {norm_options}")
    for name, value in norm_options.items():
        check_positive(name, value)
        if value >= 1:
            raise ValueError(f"{name} must be below 1, got {value!r}")
    phi, start = _activation(activation), get("xavier_uniform" if scheme is None else scheme)
    # Keras's "normal" is the truncated law; the other one has a name of its own.
    law = {"normal": "untruncated_normal"}.get(start.distribution, start.distribution)
    seeds = np.random.SeedSequence(seed).generate_state(depth + 1)

    def dense(name: str, units: int, own_seed: int):
        # One initializer with a seed returns the same numbers at every call: a seed for each layer.
        kernel = keras.initializers.VarianceScaling(start.scale, start.mode, law, int(own_seed))
        return keras.layers.Dense(units, kernel_initializer=kernel, dtype=dtype, name=name)

    model = keras.Sequential([keras.Input((in_features,), dtype=dtype)])
    for layer, own_seed in enumerate(seeds[:-1], start=1):
        model.add(dense(f"linear{layer}", width, own_seed))
        if normalization is not None:
            norm = NORMALIZATIONS[normalization]
            model.add(norm(dtype=dtype, name=f"norm{layer}", **norm_options))
        model.add(keras.layers.Activation(phi, dtype=dtype, name=f"act{layer}"))
    model.add(dense("output", out_features, seeds[-1]))
    return model


def _activation(activation: str | activations.Activation):
    phi = activations.get(activation)
    if phi.keras_name is None:
        raise ValueError(f"Keras has no activation {phi.name!r}")
    function = keras.activations.get(phi.keras_name)
    return lambda x: function(x, **phi.keras_kwargs)


def copy_weights(source: nn.Module, target) -> None:
    """Give a Keras model the weights, and running averages, of a PyTorch model.

    A Keras kernel has its outputs last: (in, out) where PyTorch has (out, in), and (height, width,
    in, out) where PyTorch has (out, in, height, width). First both models run, with random weights,
    on a random batch: they must compute the same function. (Behind a convolution a ``Flatten`` of
    Keras is another function than PyTorch's, which has the channels first.)

    Parameters
    ----------
    source : torch.nn.Module
        Linear layers, 2-d convolutions, batch and layer normalizations; no other weights are
        copied. It takes images as (batch, channels, height, width).
    target : keras.Model
        A built model of one input and one output, with the same kinds of layers in the same order;
        it takes images with their channels last.

    Raises
    ------
    TypeError
        If one of them is no such model.
    ValueError
        If kinds, order or shapes of the layers differ, numbers have 16 bits, or the two models
        compute different functions. Nothing has been changed then.

    Examples
    --------
    >>> from weightinit import networks
    >>> source, target = networks.mlp(2, 8, "tanh", seed=1), mlp(2, 8, "tanh")
    >>> copy_weights(source, target)
    >>> x = torch.ones(1, 64, dtype=torch.float64)
    >>> bool(np.allclose(source(x).detach(), target(x.numpy()), rtol=0, atol=1e-12))
    True
    """
    check_module("source", source)
    _one_pass.check_model(source)
    check_model("target", target)
    dtypes = {str(p.dtype).removeprefix("torch.") for p in source.parameters()}
    if len(dtypes) != 1 or not dtypes <= {"float32", "float64"}:
        found = ", ".join(dtypes)
        raise ValueError(f"source must hold numbers of one kind, float32 or float64, got: {found}")
    arrays, before = _arrays(source, target), target.get_weights()
    try:
        gap = _gap(source, target)
    finally:
        target.set_weights(before)
    single = "float32" in dtypes | {target.weights[0].dtype}
    if not gap < (1e-4 if single else 1e-6):
        raise ValueError(
            "source and target compute different functions: with the same random weights their "
            f"outputs differ by {gap:.1g} of the largest; do their layers run in the same order, "
            "with the same activations, strides, padding and epsilon, and without a Flatten behind "
            "a convolution?"
        )
    target.set_weights(arrays)


def _arrays(source: nn.Module, target) -> list[np.ndarray]:
    """Return PyTorch's weights as Keras has them: its layers of the kinds above, two by two."""
    kinds = tuple(kind for kind, _ in _PAIRS)
    theirs = [m for m in source.modules() if isinstance(m, kinds) and _in_keras_order(m)]
    ours = [layer for layer in target.layers if layer.weights]
    if len(theirs) != len(ours):
        raise ValueError(f"PyTorch's model has {len(theirs)} layers with weights, not {len(ours)}")
    found = []
    for module, layer in zip(theirs, ours, strict=True):
        values = _in_keras_order(module)
        wanted = [tuple(weight.shape) for weight in layer.weights]
        kinds_fit = any(isinstance(module, t) and isinstance(layer, k) for t, k in _PAIRS)
        if not kinds_fit or [value.shape for value in values] != wanted:
            raise ValueError(f"{module!r} does not fit Keras's layer {layer.name!r}, {wanted}")
        found += values
    return found


def _in_keras_order(module: nn.Module) -> list[np.ndarray]:
    weight = module.weight
    if isinstance(module, nn.Linear):
        weight = weight.T
    elif isinstance(module, nn.Conv2d):
        weight = weight.permute(2, 3, 1, 0)
    averages = [getattr(module, name, None) for name in _AVERAGES]
    values = [weight, module.bias, *averages]
    return [value.detach().cpu().numpy() for value in values if value is not None]


def _gap(source: nn.Module, target) -> float:
    """Return how far the outputs are apart, of the largest, with random weights in both."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn([4, *(size or 16 for size in target.input_shape[1:])], generator=generator)
    try:
        twin = copy.deepcopy(source).cpu().eval()
        with torch.no_grad():
            for name, values in (*twin.named_parameters(), *twin.named_buffers()):
                if not isinstance(values, nn.Parameter) and not name.endswith(_AVERAGES):
                    continue
                if values.ndim > 1:
                    values.normal_(0, values[0].numel() ** -0.5, generator=generator)
                else:
                    values.uniform_(0.1, 1, generator=generator)
            given = x.to(next(twin.parameters()).dtype)
            y = twin(given.movedim(-1, 1) if x.ndim == 4 else given)
        expected = (y.movedim(1, -1) if y.ndim == 4 else y).numpy()
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError) as error:
        shape = tuple(x.shape)
        raise ValueError(f"source cannot take target's input, {shape}: {error}") from error
    target.set_weights(_arrays(twin, target))
    found = target(x.numpy(), training=False).numpy()
    if found.shape != expected.shape:
        return inf
    return np.abs(found - expected).max() / np.abs(expected).max()
