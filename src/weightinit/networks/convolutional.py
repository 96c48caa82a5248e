"""A plain convolutional network for the digits."""

import torch
from torch import nn

from weightinit import activations
from weightinit.networks.hidden_layer import check_network, check_normalization, hidden


def convnet(
    depth: int,
    channels: int,
    activation: str | activations.Activation,
    *,
    image_size: int = 8,
    out_features: int = 10,
    normalization: str | None = None,
    place: str = "before",
    dtype: torch.dtype = torch.float64,
    device: str | torch.device = "cpu",
    seed: int = 0,
) -> nn.Sequential:
    """Build a convolutional network: ``depth`` layers of 3 x 3 kernels, then an output layer.

    It takes the same flat images as `mlp`. Zeros around an image keep its size, so every layer has
    ``channels`` times ``image_size`` squared activations; the output layer sees all of the last.
    The weights start as PyTorch's own default leaves them, drawn from ``seed``.

    Parameters
    ----------
    depth : int
        Number of convolutions, at least 1.
    channels : int
        Channels of each.
    activation : str or Activation
        As for `mlp`.
    image_size : int
        Height and width of the grey images, in pixels.
    out_features : int
        Size of the output.
    normalization, place, dtype, device, seed
        As for `mlp`. ``"batch"`` takes mean and variance per channel, over images and positions;
        ``"layer"`` over all channels and positions of an image.

    Returns
    -------
    torch.nn.Sequential
        With children ``image, conv1, act1, conv2, ..., flat, output``, and ``norm1, ...`` if
        normalized. It takes tensors of shape (batch, image_size ** 2).

    Raises
    ------
    TypeError, ValueError
        As `mlp`.

    Examples
    --------
    >>> model = convnet(depth=2, channels=8, activation="relu", normalization="batch")
    >>> list(dict(model.named_children()))
    ['image', 'conv1', 'norm1', 'act1', 'conv2', 'norm2', 'act2', 'flat', 'output']
    >>> model(torch.zeros(3, 64, dtype=torch.float64)).shape
    torch.Size([3, 10])
    """
    sizes = {"depth": depth, "channels": channels, "image_size": image_size}
    check_network(sizes | {"out_features": out_features}, True, dtype, device, seed)
    check_normalization(normalization, place, [channels])
    phi = activations.get(activation)
    kwargs = {"dtype": dtype, "device": device}

    model = nn.Sequential()
    model.add_module("image", nn.Unflatten(1, (1, image_size, image_size)))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for layer in range(1, depth + 1):
            conv = nn.Conv2d(1 if layer == 1 else channels, channels, 3, padding=1, **kwargs)
            parts = hidden(conv, phi.module(), normalization, place, **kwargs)
            for name, part in parts.items():
                model.add_module(f"{name}{layer}", part)
        model.add_module("flat", nn.Flatten())
        output = nn.Linear(channels * image_size**2, out_features, **kwargs)
        model.add_module("output", output)
    return model
