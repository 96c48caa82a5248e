"""A fully connected network."""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

from weightinit import activations
from weightinit._checks import check_choice, check_instance, check_module, check_size
from weightinit.networks.hidden_layer import check_network, check_normalization, hidden


def mlp(
    depth: int,
    width: int | Sequence[int],
    activation: str | activations.Activation,
    *,
    in_features: int = 64,
    out_features: int = 10,
    bias: bool = True,
    normalization: str | None = None,
    place: str = "before",
    skip: bool = False,
    dtype: torch.dtype = torch.float64,
    device: str | torch.device = "cpu",
    seed: int = 0,
) -> nn.Sequential:
    r"""Build a fully connected network: ``depth`` hidden layers, then an output layer.

    Layer :math:`l` computes :math:`h^l = W^l x^{l-1} + b^l` and :math:`x^l = \varphi(h^l)`; the
    output layer has no activation, because the losses of PyTorch expect raw scores. A
    normalization works on :math:`h^l`, before the activation sees it, or on :math:`\varphi(h^l)`.
    With skip connections, hidden layers from the second on compute
    :math:`x^l = x^{l-1} + \varphi(h^l)`.

    The weights start as PyTorch's own default leaves them. The default is drawn from ``seed``, and
    the global random generator stays where it was. The linear layers start the same with and
    without normalization and skip connections. Call `weightinit.initializers.initialize` to choose
    another start.

    Parameters
    ----------
    depth : int
        Number of hidden layers, at least 1.
    width : int or sequence of int
        Units per hidden layer, at least 1: one number for all of them, or one for each.
    activation : str or Activation
        A name in `weightinit.activations.names()`, or an `Activation` of your own.
    in_features, out_features : int
        Size of the input and of the output; the defaults fit the digits (64 pixels, 10 classes).
    bias : bool
        Whether linear layers have a bias. A normalization has one of its own in any case.
    normalization : str, optional
        ``"batch"``: each unit gets mean 0 and variance 1 over the batch (in evaluation mode, by
        averages kept from training). ``"layer"``: each example does, over the units of a layer.
        ``"group"``: each example does, over each of eight groups of units. All then have a factor
        and a bias per unit, which start at 1 and 0.
    place : str
        Where the normalization stands: ``"before"`` the activation or ``"after"`` it.
    skip : bool
        Whether a hidden layer adds its input to its output. The first does not, as it may have
        another width than the image.
    dtype : torch.dtype
        Double precision by default: the experiments then give the same digits on every processor.
    device : str or torch.device
        Where the parameters live.
    seed : int
        Seed of the default weights.

    Returns
    -------
    torch.nn.Sequential
        With children ``linear1, act1, linear2, act2, ..., output``; normalized, ``linear1, norm1,
        act1, ...`` or ``linear1, act1, norm1, ...``; with skip connections, ``linear1, act1,
        block2, ..., output``, where each block is a `Residual` with children ``linear``, ``norm``
        if normalized, and ``act``.

    Raises
    ------
    TypeError
        If ``dtype`` is no floating-point type, or ``activation`` or ``seed`` of a wrong type.
    ValueError
        If ``depth``, a ``width``, ``in_features`` or ``out_features`` is not a whole number of at
        least 1, the widths are not as many as the layers, the activation, the normalization or its
        place is unknown, groups are asked for and a width is no multiple of eight, ``skip`` is
        asked for and the hidden layers differ in width, ``bias`` or ``skip`` is neither True nor
        False, or this machine has no such device.

    References
    ----------
    Ioffe & Szegedy, ICML 2015, for batch normalization, and its place before the activation; Ba,
    Kiros & Hinton, *Layer normalization*, 2016; Wu & He, ECCV 2018, for groups; He et al., CVPR
    2016, for skip connections; Yang & Schoenholz, NeurIPS 2017, for the form of theirs that is used
    here.

    Examples
    --------
    >>> model = mlp(depth=2, width=5, activation="tanh")
    >>> list(dict(model.named_children()))
    ['linear1', 'act1', 'linear2', 'act2', 'output']
    >>> model(torch.zeros(3, 64, dtype=torch.float64)).shape
    torch.Size([3, 10])
    >>> mlp(depth=3, width=[8, 4, 2], activation="tanh").linear3
    Linear(in_features=4, out_features=2, bias=True)
    >>> model = mlp(depth=3, width=8, activation="relu", normalization="batch", skip=True)
    >>> list(dict(model.named_children()))
    ['linear1', 'norm1', 'act1', 'block2', 'block3', 'output']
    >>> list(dict(model.block2.named_children()))
    ['linear', 'norm', 'act']
    """
    sizes = {"depth": depth, "in_features": in_features, "out_features": out_features}
    check_network(sizes, bias, dtype, device, seed)
    text = isinstance(width, str)
    widths = list(width) if isinstance(width, Sequence) and not text else [width] * depth
    for value in widths:
        check_size("width", value)
    if len(widths) != depth:
        raise ValueError(f"width must be one number or {depth}, one for each layer, got {width!r}")
    check_normalization(normalization, place, widths)
    check_choice("skip", skip, (True, False))
    if skip:
        _check_equal(widths)
    phi = activations.get(activation)
    kwargs = {"dtype": dtype, "device": device}

    model = nn.Sequential()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        fan_in = in_features
        for layer, size in enumerate(widths, start=1):
            linear = nn.Linear(fan_in, size, bias=bias, **kwargs)
            parts = hidden(linear, phi.module(), normalization, place, **kwargs)
            if skip and layer > 1:
                model.add_module(f"block{layer}", Residual(parts))
            else:
                for name, part in parts.items():
                    model.add_module(f"{name}{layer}", part)
            fan_in = size
        model.add_module("output", nn.Linear(fan_in, out_features, bias=bias, **kwargs))
    return model


class Residual(nn.Sequential):
    """Modules in a row whose input is added to their output; `mlp` builds its blocks of it.

    Give it modules, or an `OrderedDict` of them, as `torch.nn.Sequential` takes them. A probe
    measures the activation inside as it always does: what is added, not the sum. It is a ValueError
    if input and output differ in shape, as PyTorch would repeat the smaller one.

    Examples
    --------
    >>> Residual(nn.ReLU())(torch.tensor([-1.0, 2.0]))
    tensor([-1.,  4.])
    """

    def __init__(self, *parts):
        named = len(parts) == 1 and isinstance(parts[0], OrderedDict)
        for part in parts[0].values() if named else parts:
            check_module("each part of a residual block", part)
        super().__init__(*parts)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the sum of the input and of what the modules make of it."""
        check_instance("x", x, torch.Tensor, "torch.zeros(3, 64)")
        added = super().forward(x)
        if added.shape != x.shape:
            given, made = tuple(x.shape), tuple(added.shape)
            raise ValueError(f"a residual block must keep the shape, got {made} from {given}")
        return x + added


def _check_equal(widths: list[int]) -> None:
    for layer, (before, width) in enumerate(pairwise(widths), start=2):
        if width != before:
            raise ValueError(
                f"skip connections need hidden layers of equal width, got {widths}: layer {layer} "
                f"has {width} units and an input of {before}"
            )
