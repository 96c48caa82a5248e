r"""What theory predicts about a random network: Gaussian moments and layer-by-layer signals.

In a wide network with independent weights, the pre-activations of a layer behave like draws from
:math:`N(0, q)`. One number per layer, :math:`q^l`, then says how large the signal is; one more,
:math:`c^l`, how similar two inputs still look; and one expectation per layer,
:math:`E[\varphi'(h)^2]`, says what the way back does to the gradient (Poole et al. 2016;
Schoenholz et al. 2017). NumPy only, double precision.

Read, from one expectation to a whole network:

- `quadrature`, of any function: `gaussian_mean`, `gaussian_pair_mean`;
- `moments`, of an activation: `variance`, `second_moment`, `slope_second_moment`;
- `three_gains`: `gain`, `gains`;
- `maps`, of one layer: `q_map`, `q_slope`, `c_map`, `c_slope`, `chi1`;
- `fixed_points` and `criticality`, of many: `fixed_point`, `critical_line`, `depth_scales`;
- `propagation`, layer by layer: `propagate`; and `relu_log_ratio`, for layers that are not wide.
"""

from weightinit.theory.criticality import critical_line, depth_scales
from weightinit.theory.fixed_points import FixedPoint, fixed_point
from weightinit.theory.maps import c_map, c_slope, chi1, q_map, q_slope
from weightinit.theory.moments import second_moment, slope_second_moment, variance
from weightinit.theory.propagation import propagate, relu_log_ratio
from weightinit.theory.quadrature import gaussian_mean, gaussian_pair_mean
from weightinit.theory.three_gains import gain, gains

__all__ = [
    "FixedPoint",
    "c_map",
    "c_slope",
    "chi1",
    "critical_line",
    "depth_scales",
    "fixed_point",
    "gain",
    "gains",
    "gaussian_mean",
    "gaussian_pair_mean",
    "propagate",
    "q_map",
    "q_slope",
    "relu_log_ratio",
    "second_moment",
    "slope_second_moment",
    "variance",
]
