r"""Fans: how many terms one output of a layer sums, and how many outputs one input feeds.

With independent weights of mean 0 and variance :math:`v`, away from borders and on average,

.. math:: E[h^2] = \text{fan}_{in} \, v \, E[x^2], \qquad
          E[(\partial L/\partial x)^2] = \text{fan}_{out} \, v \, E[(\partial L/\partial h)^2].

These two sentences *define* the fans here; the tests measure them through each kind of layer.
"""

from dataclasses import dataclass
from math import prod

import torch
from torch import nn
from torch.nn.parameter import is_lazy

KINDS = (
    nn.Linear,
    nn.Bilinear,
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
    nn.Embedding,
    nn.MultiheadAttention,
)
LISTED = ", ".join(kind.__name__ for kind in KINDS)


@dataclass(frozen=True)
class Weight:
    """One weight of a layer, with its fans."""

    name: str
    parameter: torch.Tensor
    fan_in: float
    fan_out: float
    blocks: int = 1
    padding: int | None = None

    def empty(self, device: torch.device) -> torch.Tensor:
        """Return room for new values: this shape, in single precision or better."""
        dtype = torch.promote_types(self.parameter.dtype, torch.float32)
        return torch.empty(self.parameter.shape, dtype=dtype, device=device)

    @torch.no_grad()
    def set(self, values: torch.Tensor) -> None:
        """Overwrite the parameter, rounding to its precision; a padding row becomes 0."""
        self.parameter.copy_(values)
        if self.padding is not None:
            self.parameter[self.padding] = 0


def fans(module: nn.Module | torch.Tensor) -> tuple[float, float]:
    r"""Return how many terms one output of a layer sums, and how many outputs one input feeds.

    Write :math:`K` for the number of positions of a kernel, :math:`S` for the product of the
    strides and :math:`g` for the number of groups. Padding and dilation change nothing.

    ====================  =======================================  ================================
    layer                 fan-in                                   fan-out
    ====================  =======================================  ================================
    Linear                in                                       out
    Conv                  in/g · K                                 out/g · K / S
    ConvTranspose         in/g · K / S                             out/g · K
    Bilinear              in1 · in2                                2 out · in1 · in2 / (in1 + in2)
    MultiheadAttention    embed (of query, of key and of value)    embed
    Embedding             1: a lookup copies one weight            embedding_dim
    ====================  =======================================  ================================

    Why :math:`/S`: a strided convolution has :math:`S` times fewer outputs than inputs. An output
    still sums all its terms; the same products, counted from the inputs, are :math:`S` times fewer
    for each. In a transposed convolution the roles are exchanged. Single positions may get more or
    less than this average. A bilinear input of the first kind feeds out · in2 products and
    one of the second out · in1; the fan-out is the mean over all inputs.

    `torch.nn.init` sees only the shape of the weight and disagrees in these cases: it swaps the
    fans of a transposed convolution; its fan-out is :math:`g` times too large for a grouped
    convolution and :math:`S` times for a strided one; of attention it sees one matrix with
    3 embed outputs; of an embedding, a matrix product.

    Parameters
    ----------
    module : torch.nn.Module or torch.Tensor
        A layer of a kind in the table; or a weight of shape ``(out, in, *kernel)`` with at most
        three kernel dimensions. Pass the layer where there is one: a tensor does not know of
        strides, groups or transposition.

    Returns
    -------
    fan_in, fan_out : int or float
        The two fans; a float only where a mean is not a whole number.

    Raises
    ------
    TypeError
        If the module is of another kind.
    ValueError
        If a fan is 0, the weight has a wrong number of dimensions, no shape yet (lazy layers) or is
        computed from other parameters (parametrizations, pruning), or the layer has several weights
        with different fans (attention with ``kdim`` or ``vdim``).

    Examples
    --------
    >>> fans(nn.Linear(64, 10))
    (64, 10)
    >>> fans(nn.Conv2d(3, 8, kernel_size=5, stride=2))
    (75, 50)
    >>> fans(nn.ConvTranspose2d(3, 8, kernel_size=5, stride=2))
    (18.75, 200)
    """
    found = {weight.name: (weight.fan_in, weight.fan_out) for weight in weights_of(module)}
    if len(set(found.values())) > 1:
        raise ValueError(
            f"{type(module).__name__} has weights with different fans: {found}; "
            "ask for those of one weight"
        )
    return next(iter(found.values()))


def weights_of(module: nn.Module | torch.Tensor) -> list[Weight]:
    """Return the weights that a layer owns, each with its fans; same errors as `fans`."""
    if isinstance(module, torch.Tensor):
        return [_tensor(module)]
    if not isinstance(module, KINDS):
        given = module.__name__ if isinstance(module, type) else f"a {type(module).__name__}"
        raise TypeError(f"fans are defined here for layers of {LISTED}; got {given}")
    names = weight_names(module)
    if not owns_its_weights(module):
        raise ValueError(
            f"{type(module).__name__} computes its {names[0]} from other parameters (a "
            "parametrization or pruning), so that what is written there would be lost"
        )
    return [_checked(module, _describe(module, name)) for name in names]


def weight_names(module: nn.Module) -> tuple[str, ...]:
    """Return the names of the weights of a layer of a kind in `KINDS`."""
    if not isinstance(module, nn.MultiheadAttention):
        return ("weight",)
    if module._qkv_same_embed_dim:
        return ("in_proj_weight",)
    return ("q_proj_weight", "k_proj_weight", "v_proj_weight")


def owns_its_weights(module: nn.Module) -> bool:
    """Tell whether the weights are parameters of the layer, not computed from others."""
    return all(module._parameters.get(name) is not None for name in weight_names(module))


def _tensor(tensor: torch.Tensor) -> Weight:
    if not 2 <= tensor.ndim <= 5:
        raise ValueError(
            "a weight has 2 to 5 dimensions (out, in, and up to three of a kernel); "
            f"got shape {tuple(tensor.shape)}"
        )
    fan_out, fan_in, *kernel = tensor.shape
    positions = prod(kernel)
    return _checked(tensor, Weight("weight", tensor, fan_in * positions, fan_out * positions))


def _describe(module: nn.Module, name: str) -> Weight:
    weight = module._parameters[name]
    if is_lazy(weight):
        raise ValueError(
            f"{type(module).__name__} has no shape yet; run a batch through the model first"
        )
    extra = 1 if isinstance(module, nn.Bilinear) else len(getattr(module, "kernel_size", ()))
    if weight.ndim != 2 + extra:
        raise ValueError(
            f"the {name} of {type(module).__name__} has {2 + extra} dimensions; "
            f"got shape {tuple(weight.shape)}"
        )
    out, into, *rest = weight.shape
    if isinstance(module, nn.modules.conv._ConvNd):
        positions, steps, groups = prod(rest), prod(module.stride), module.groups
        # The first dimension covers all groups, the second only one of them.
        near, far = out // groups * positions, into * positions
        spread = _mean(near, steps)
        fan_in, fan_out = (spread, far) if module.transposed else (far, spread)
        return Weight(name, weight, fan_in, fan_out, groups)
    if isinstance(module, nn.Bilinear):
        products = into * rest[0]
        return Weight(name, weight, products, _mean(2 * out * products, into + rest[0]))
    if isinstance(module, nn.Embedding):
        return Weight(name, weight, min(out, 1), into, padding=module.padding_idx)
    blocks = 3 if name == "in_proj_weight" else 1
    return Weight(name, weight, into, out // blocks, blocks)


def _mean(total: int, count: int) -> float:
    """Return the quotient, as an int where it is a whole number."""
    return total // count if count and total % count == 0 else total / max(count, 1)


def _checked(owner: nn.Module | torch.Tensor, weight: Weight) -> Weight:
    if not (weight.fan_in > 0 and weight.fan_out > 0):
        raise ValueError(
            f"fans must be positive; the {weight.name} of {type(owner).__name__} has shape "
            f"{tuple(weight.parameter.shape)}, fan-in {weight.fan_in} and fan-out {weight.fan_out}"
        )
    return weight
