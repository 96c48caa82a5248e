"""The networks of `weightinit.networks` in Keras, and weights copied from one to the other."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from math import prod

import numpy as np
import torch
from torch import nn

from weightinit import _one_pass, activations
from weightinit._checks import check_choice, check_module, check_positive, check_seed, check_size
from weightinit.initializers import get
from weightinit.keras_parity.load import keras, tf
from weightinit.keras_parity.runs import NORMALIZATIONS, check_model

# Layers in the order in which their weights are copied: PyTorch's class and Keras's.
_PAIRS = (
    (nn.Linear, keras.layers.Dense),
    (nn.Conv2d, keras.layers.Conv2D),
    (nn.modules.batchnorm._BatchNorm, keras.layers.BatchNormalization),
    (nn.LayerNorm, keras.layers.LayerNormalization),
)


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
    sizes = {"depth": depth, "width": width}
    for name, value in (sizes | {"in_features": in_features, "out_features": out_features}).items():
        check_size(name, value)
    check_choice("normalization", normalization, (None, *NORMALIZATIONS))
    check_choice("dtype", dtype, ("float32", "float64"))
    check_seed(seed)
    takes = {None: (), "batch": ("momentum", "epsilon"), "layer": ("epsilon",)}[normalization]
    for name, value in norm_options.items():
        if name not in takes:
            options = " and ".join(takes) or "no options"
            raise TypeError(f"normalization={normalization!r} takes {options}, got {name!r}")
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
            kind = NORMALIZATIONS[normalization]
            model.add(kind(dtype=dtype, name=f"norm{layer}", **norm_options))
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
    in, out) where PyTorch has (out, in, height, width). Behind a ``Flatten`` of images Keras counts
    (height, width, channels) and PyTorch (channels, height, width): rows are reordered there if
    need be. First both models run, with random weights, on a random batch: they must compute the
    same function.

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
    dtypes = {p.dtype for p in source.parameters()}
    if len(dtypes) != 1 or not dtypes <= {torch.float32, torch.float64}:
        found = ", ".join(map(str, dtypes))
        raise ValueError(f"source must hold numbers of one kind, float32 or float64, got: {found}")
    pairs = _pairs(source, target)
    twin = _randomized(source)
    x, expected = _random_run(twin, target, *dtypes)
    differ = {}
    for reorder in (False, True):
        found = _run(target, _arrays(_pairs(twin, target), target, reorder), x)
        if found.shape == expected.shape:
            differ[reorder] = np.abs(found - expected).max() / np.abs(expected).max()
    single = torch.float32 in dtypes or target.weights[0].dtype == "float32"
    best = min(differ, key=differ.get, default=None)
    if best is None or not differ[best] < (1e-4 if single else 1e-6):
        gap = "in shape" if best is None else f"by {differ[best]:.1g} of the largest"
        raise ValueError(
            "source and target compute different functions: with the same random weights their "
            f"outputs differ {gap}; do their layers run in the same order, with the same "
            "activations, strides, padding and epsilon?"
        )
    for layer, arrays in _arrays(pairs, target, best):
        layer.set_weights(arrays)


def _pairs(source: nn.Module, target) -> list[tuple]:
    """Return PyTorch's and Keras's layers with weights, two by two."""
    theirs = [m for m in source.modules() if isinstance(m, tuple(t for t, _ in _PAIRS))]
    ours = [layer for layer in target.layers if isinstance(layer, tuple(k for _, k in _PAIRS))]
    if len(theirs) != len(ours):
        raise ValueError(f"PyTorch's model has {len(theirs)} layers with weights, not {len(ours)}")
    pairs = list(zip(theirs, ours, strict=True))
    for module, layer in pairs:
        fits = any(isinstance(module, t) and isinstance(layer, k) for t, k in _PAIRS)
        wanted = [tuple(weight.shape) for weight in layer.weights]
        if not fits or [tuple(value.shape) for value in _in_keras_order(module)] != wanted:
            raise ValueError(f"{module!r} does not fit Keras's layer {layer.name!r}, {wanted}")
    return pairs


def _in_keras_order(module: nn.Module) -> Iterator[torch.Tensor]:
    weight = module.weight
    if isinstance(module, nn.Linear):
        weight = weight.T
    elif isinstance(module, nn.Conv2d):
        weight = weight.permute(2, 3, 1, 0)
    values = [weight, module.bias]
    if isinstance(module, nn.modules.batchnorm._BatchNorm):
        values += [module.running_mean, module.running_var]
    yield from (value for value in values if value is not None)


def _arrays(pairs: list[tuple], target, reorder: bool) -> list[tuple]:
    """Return each layer of Keras with its new arrays, reordered behind a Flatten if asked."""
    modules, found, image = {id(layer): module for module, layer in pairs}, [], None
    for layer in target.layers:
        if isinstance(layer, keras.layers.Flatten) and len(layer.input.shape) == 4:
            image = layer.input.shape[1:]
        if id(layer) in modules:
            arrays = [v.detach().cpu().numpy() for v in _in_keras_order(modules[id(layer)])]
            dense = isinstance(layer, keras.layers.Dense)
            if reorder and image and arrays and len(arrays[0]) == prod(image):
                count = 1 if dense else len(arrays)  # a bias counts outputs
                arrays[:count] = [_channels_last(array, *image) for array in arrays[:count]]
            image = None if dense else image
            found.append((layer, arrays))
    return found


def _channels_last(array: np.ndarray, height: int, width: int, channels: int) -> np.ndarray:
    rows = np.arange(len(array)).reshape(channels, height, width)
    return array[rows.transpose(1, 2, 0).ravel()]


def _randomized(source: nn.Module) -> nn.Module:
    """Return a copy in evaluation mode whose weights tell every order of layers and rows apart."""
    try:
        twin = copy.deepcopy(source).cpu().eval()
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"source cannot be copied to be tried out: {error}") from error
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in twin.parameters():
            start = torch.randn(p.shape, generator=generator, dtype=torch.float64)
            p.copy_(start / p[0].numel() ** 0.5 if p.ndim > 1 else 0.5 + start / 2)
        for name, buffer in twin.named_buffers():
            if name.endswith(("running_mean", "running_var")):
                buffer.uniform_(0.5, 1.5, generator=generator)
    return twin


def _random_run(twin: nn.Module, target, dtype) -> tuple[np.ndarray, np.ndarray]:
    """Return a batch and the outputs of PyTorch's model, both with channels last."""
    shape = [4, *(size or 16 for size in target.input_shape[1:])]
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=dtype)
    try:
        with torch.no_grad():
            y = twin(x.movedim(-1, 1) if x.ndim == 4 else x)
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise ValueError(f"source cannot take target's input, {tuple(shape)}: {error}") from error
    return x.numpy(), (y.movedim(1, -1) if y.ndim == 4 else y).numpy()


def _run(target, arrays: list[tuple], x: np.ndarray) -> np.ndarray:
    """Run Keras's model with these arrays, which it does not keep."""
    new = {
        id(variable): array
        for layer, values in arrays
        for variable, array in zip(layer.weights, values, strict=True)
    }
    state = [
        [tf.constant(new.get(id(v), v.numpy()), dtype=v.dtype) for v in variables]
        for variables in (target.trainable_variables, target.non_trainable_variables)
    ]
    signal = tf.constant(x, dtype=target.weights[0].dtype)
    return target.stateless_call(*state, signal, training=False)[0].numpy()
