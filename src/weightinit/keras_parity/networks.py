"""The networks of `weightinit.networks` in Keras, and weights copied from one to the other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from weightinit import activations
from weightinit._checks import MAX_SEED, check_integer, check_size
from weightinit.initializers import get
from weightinit.keras_parity.load import keras
from weightinit.keras_parity.runs import NORMALIZATIONS

# Layers in the order in which their weights are copied: PyTorch's class and Keras's.
_PAIRS = (
    (nn.Linear, keras.layers.Dense),
    (nn.Conv2d, keras.layers.Conv2D),
    (nn.modules.batchnorm._BatchNorm, keras.layers.BatchNormalization),
    (nn.LayerNorm, keras.layers.LayerNormalization),
)


def initializer(scheme: str, seed: int):
    """Return Keras's initializer for a scheme of `weightinit.initializers.SCHEMES`.

    Parameters
    ----------
    scheme : str
        Name of the scheme. ``he_truncated_normal`` is what Keras calls ``HeNormal``.
    seed : int
        Its seed. One initializer with a seed returns the same numbers at every call, so each layer
        needs a seed of its own.

    Returns
    -------
    keras.initializers.VarianceScaling

    Raises
    ------
    TypeError, ValueError
        If the scheme is unknown or the seed is no integer from 0 to 2**32 - 1.

    Examples
    --------
    >>> initializer("he_truncated_normal", seed=0).distribution
    'truncated_normal'
    """
    check_integer("seed", seed, 0, MAX_SEED)
    rule = get(scheme)
    # Keras's "normal" is the truncated law; the other one has a name of its own.
    law = {"normal": "untruncated_normal"}.get(rule.distribution, rule.distribution)
    return keras.initializers.VarianceScaling(rule.scale, rule.mode, law, seed=seed)


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
    dtype : str
        Precision of weights and signals.
    seed : int
        Decides all weights: each layer draws from a seed of its own, derived from this one.
    **norm_options
        Given to each normalization: ``momentum=0.9, epsilon=1e-5`` are PyTorch's conventions.

    Returns
    -------
    keras.Sequential

    Raises
    ------
    TypeError, ValueError
        As `weightinit.networks.mlp`; if Keras has no such activation; or if there are options but
        no normalization.

    Examples
    --------
    >>> model = mlp(2, 16, "relu", normalization="batch", scheme="he_truncated_normal")
    >>> [layer.name for layer in model.layers][:4]
    ['linear1', 'norm1', 'act1', 'linear2']
    """
    sizes = {"depth": depth, "width": width}
    for name, value in (sizes | {"in_features": in_features, "out_features": out_features}).items():
        check_size(name, value)
    check_integer("seed", seed, 0, MAX_SEED)
    if normalization not in (None, *NORMALIZATIONS):
        raise ValueError(f"normalization must be None, 'batch' or 'layer', got {normalization!r}")
    if norm_options and normalization is None:
        raise ValueError(f"there is no normalization that could take {norm_options}")
    phi = _activation(activation)
    seeds = np.random.SeedSequence(seed).generate_state(depth + 1)

    def dense(name: str, units: int, own_seed: int):
        start = initializer(scheme or "xavier_uniform", int(own_seed))
        return keras.layers.Dense(units, kernel_initializer=start, dtype=dtype, name=name)

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
    in, out) where PyTorch has (out, in, height, width).

    Parameters
    ----------
    source : torch.nn.Module
        Linear layers, 2-d convolutions, batch and layer normalizations; others are passed over.
    target : keras.Model
        Built, with the same kinds of layers in the same order.

    Raises
    ------
    ValueError
        If kinds, order or shapes of the layers differ. Nothing has been changed then.

    Examples
    --------
    >>> from weightinit import networks
    >>> source, target = networks.mlp(2, 8, "tanh", seed=1), mlp(2, 8, "tanh")
    >>> copy_weights(source, target)
    >>> x = torch.ones(1, 64, dtype=torch.float64)
    >>> bool(np.allclose(source(x).detach(), target(x.numpy()), rtol=0, atol=1e-12))
    True
    """
    theirs = [m for m in source.modules() if isinstance(m, tuple(t for t, _ in _PAIRS))]
    ours = [layer for layer in target.layers if isinstance(layer, tuple(k for _, k in _PAIRS))]
    if len(theirs) != len(ours):
        raise ValueError(f"PyTorch's model has {len(theirs)} layers with weights, not {len(ours)}")
    values = []
    for module, layer in zip(theirs, ours, strict=True):
        new = [p.detach().numpy() for p in _in_keras_order(module)]
        fits = any(isinstance(module, t) and isinstance(layer, k) for t, k in _PAIRS)
        wanted = [tuple(weight.shape) for weight in layer.weights]
        if not fits or [value.shape for value in new] != wanted:
            raise ValueError(f"{module!r} does not fit Keras's layer {layer.name!r}, {wanted}")
        values.append(new)
    for layer, new in zip(ours, values, strict=True):
        layer.set_weights(new)


def _in_keras_order(module: nn.Module) -> Iterator[torch.Tensor]:
    weight = module.weight
    if isinstance(module, nn.Linear):
        weight = weight.T
    elif isinstance(module, nn.Conv2d):
        weight = weight.permute(2, 3, 1, 0)
    yield weight
    if module.bias is not None:
        yield module.bias
    if isinstance(module, nn.modules.batchnorm._BatchNorm):
        yield from (module.running_mean, module.running_var)
