"""Wrong answers to assignment 6: what is wrong, the cells, the points that are lost."""

NO_PLOT = {"explain_plot": "pass"}


def forward(line):
    return {"bn_forward_answer": f"def bn_forward(h, gamma, beta, eps):\n    return {line}\n"}


def backward(
    dh="gamma / sigma * (g - g.mean(axis=0) - n * (g * n).mean(axis=0))",
    dgamma="(g * n).sum(axis=0)",
    dbeta="g.sum(axis=0)",
    sigma="np.sqrt(h.var(axis=0) + eps)",
):
    return {
        "bn_backward_answer": f"""
def bn_backward(g, h, gamma, eps):
    sigma = {sigma}
    n = (h - h.mean(axis=0)) / np.sqrt(h.var(axis=0) + eps)
    return {dh}, {dgamma}, {dbeta}
"""
    }


def update(new, old="1 - momentum", ddof=1, spread="var"):
    return {
        "running_update_answer": f"""
def running_update(mean, var, h, momentum):
    old, new = {old}, {new}
    return old * mean + new * h.mean(axis=0), old * var + new * h.{spread}(axis=0, ddof={ddof})
"""
    }


def batches(line):
    return {"batches_until_answer": f"def batches_until(momentum, share):\n    return {line}\n"}


def equal(line):
    return {"equal_rates_answer": f"def equal_rates(rate, a):\n    return {line}\n"}


def factor(line):
    return {"growth_answer": f"def growth(slope):\n    m = (1 + slope**2) / 2\n    return {line}\n"}


def gain(*lines):
    return {"he_gain_answer": "def he_gain(phi):\n    " + "\n    ".join(lines) + "\n"}


GRID = "z = np.linspace(-12, 12, 200_001)"
DENSITY = "p = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])"

FOUND = [
    (
        "forward: the variance divides by n - 1",
        forward("gamma * (h - h.mean(axis=0)) / np.sqrt(h.var(axis=0, ddof=1) + eps) + beta"),
        {"bn_forward": 2},
    ),
    (
        "forward: eps beside the root",
        forward("gamma * (h - h.mean(axis=0)) / (h.std(axis=0) + eps) + beta"),
        {"bn_forward": 2},
    ),
    (
        "forward: statistics over the units of an example",
        forward(
            "gamma * (h - h.mean(axis=1, keepdims=True))"
            " / np.sqrt(h.var(axis=1, keepdims=True) + eps) + beta"
        ),
        {"bn_forward": 2},
    ),
    (
        "backward: the statistics as constants",
        backward(dh="gamma / sigma * g"),
        {"bn_backward": 3},
    ),
    (
        "backward: the mean depends on h, the deviation does not",
        backward(dh="gamma / sigma * (g - g.mean(axis=0))"),
        {"bn_backward": 3},
    ),
    (
        "backward: gamma forgotten",
        backward(dh="1 / sigma * (g - g.mean(axis=0) - n * (g * n).mean(axis=0))"),
        {"bn_backward": 3},
    ),
    (
        "backward: without eps in the deviation",
        backward(sigma="np.sqrt(h.var(axis=0) + 1e-12)"),
        {"bn_backward": 3},
    ),
    (
        "backward: means over the batch for gamma and beta",
        backward(dgamma="(g * n).mean(axis=0)", dbeta="g.mean(axis=0)"),
        {"bn_backward": 1.5},
    ),
    (
        "backward: gamma's gradient with h, not normalized",
        backward(dgamma="(g * h).sum(axis=0)"),
        {"bn_backward": 1.5},
    ),
    ("running: Keras's momentum", update("1 - momentum", old="momentum"), {"running_update": 2}),
    ("running: the variance divides by n", update("momentum", ddof=0), {"running_update": 1.5}),
    (
        "batches: rounded down",
        batches("int(np.log(share) / np.log(1 - momentum))"),
        {"batches_until": 1.5},
    ),
    (
        "batches: rounded to the nearest",
        batches("round(np.log(share) / np.log(1 - momentum))"),
        {"batches_until": 1.5},
    ),
    (
        "batches: the exponential for the power",
        batches("int(np.ceil(-np.log(share) / momentum))"),
        {"batches_until": 1.5},
    ),
    (
        "batches: the weight of the new value",
        batches("int(np.ceil(np.log(share) / np.log(momentum)))"),
        {"batches_until": 1.5},
    ),
    ("rates: proportional to the length", equal("(a * rate, a * rate)"), {"equal_rates": 1.5}),
    ("rates: the square for both", equal("(a**2 * rate, a**2 * rate)"), {"equal_rates": 1.5}),
    ("growth: the mean square for the variance", factor("m / m"), {"growth": 2}),
    (
        "growth: the mean of |h| for that of max(h, 0)",
        factor("m / (m - 2 * (1 - slope) ** 2 / np.pi)"),
        {"growth": 2},
    ),
    (
        "growth: right for ReLU and for a line only",
        factor("m / (m - (1 - slope) / (2 * np.pi))"),
        {"growth": 2},
    ),
    (
        "growth: the size of the slope, without its sign",
        factor("m / (m - (1 - abs(slope)) ** 2 / (2 * np.pi))"),
        {"growth": 2},
    ),
    (
        "gain: by the variance",
        gain(GRID, DENSITY, "m = (phi(z) * p).sum()", "return ((phi(z) - m)**2 * p).sum() ** -0.5"),
        {"he_gain": 3},
    ),
    (
        "gain: a Gauss-Hermite rule",
        gain(
            "z, p = np.polynomial.hermite_e.hermegauss(100)",
            "return ((phi(z) ** 2 * p).sum() / p.sum()) ** -0.5",
        ),
        {"he_gain": 2},
    ),
    (
        "gain: random numbers",
        gain(
            "z = np.random.default_rng(0).normal(size=100_000)",
            "return (phi(z) ** 2).mean() ** -0.5",
        ),
        {"he_gain": 3},
    ),
    (
        "gain: a grid that is too short",
        gain("z = np.linspace(-3, 3, 100_001)", DENSITY, "return (phi(z) ** 2 * p).sum() ** -0.5"),
        {"he_gain": 3},
    ),
    (
        "forward: the root is missing",
        forward("gamma * (h - h.mean(axis=0)) / (h.var(axis=0) + eps) + beta"),
        {"bn_forward": 2},
    ),
    (
        "forward: one mean for all units",
        forward("gamma * (h - h.mean()) / np.sqrt(h.var() + eps) + beta"),
        {"bn_forward": 2},
    ),
    (
        "forward: an eps of its own",
        forward("gamma * (h - h.mean(axis=0)) / np.sqrt(h.var(axis=0) + 1e-5) + beta"),
        {"bn_forward": 2},
    ),
    (
        "forward: gamma and beta are exchanged",
        forward("beta * (h - h.mean(axis=0)) / np.sqrt(h.var(axis=0) + eps) + gamma"),
        {"bn_forward": 2},
    ),
    (
        "backward: the deviation depends on h, the mean does not",
        backward(dh="gamma / sigma * (g - n * (g * n).mean(axis=0))"),
        {"bn_backward": 3},
    ),
    (
        "backward: sums for means",
        backward(dh="gamma / sigma * (g - g.sum(axis=0) - n * (g * n).sum(axis=0))"),
        {"bn_backward": 3},
    ),
    (
        "backward: the last two results are exchanged",
        backward(dgamma="g.sum(axis=0)", dbeta="(g * n).sum(axis=0)"),
        {"bn_backward": 1.5},
    ),
    (
        "backward: a wrong sign",
        backward(dh="gamma / sigma * (g - g.mean(axis=0) + n * (g * n).mean(axis=0))"),
        {"bn_backward": 3},
    ),
    (
        "backward: eps is missing in the normalized values only",
        backward(
            dh="gamma / sigma * (g - g.mean(axis=0) - n * (g * n).mean(axis=0)"
            " * sigma**2 / h.var(axis=0))"
        ),
        {"bn_backward": 3},
    ),
    (
        "running: as Keras keeps the averages, and divided by n",
        update("1 - momentum", old="momentum", ddof=0),
        {"running_update": 2},
    ),
    ("running: only the newest batch counts", update("1", old="0"), {"running_update": 2}),
    (
        "running: deviations are averaged",
        update("momentum", spread="std"),
        {"running_update": 1.5},
    ),
    (
        "batches: rounded down, and one more",
        batches("int(np.log(share) / np.log(1 - momentum)) + 1"),
        {"batches_until": 0.5},
    ),
    (
        "batches: a constant loss per batch",
        batches("int(np.ceil((1 - share) / momentum))"),
        {"batches_until": 1.5},
    ),
    ("rates: exchanged", equal("(a * rate, a**2 * rate)"), {"equal_rates": 1.5}),
    (
        "growth: upside down",
        factor("(m - (1 - slope) ** 2 / (2 * np.pi)) / m"),
        {"growth": 2},
    ),
    (
        "growth: the mean is not squared",
        factor("m / (m - (1 - slope) / np.sqrt(2 * np.pi))"),
        {"growth": 2},
    ),
    (
        "growth: the root",
        factor("np.sqrt(m / (m - (1 - slope) ** 2 / (2 * np.pi)))"),
        {"growth": 2},
    ),
    (
        "gain: upside down",
        gain(GRID, DENSITY, "return (phi(z) ** 2 * p).sum() ** 0.5"),
        {"he_gain": 3},
    ),
    (
        "gain: a grid to 5",
        gain("z = np.linspace(-5, 5, 200_001)", DENSITY, "return (phi(z) ** 2 * p).sum() ** -0.5"),
        {"he_gain": 3},
    ),
    (
        "gain: a coarse grid",
        gain("z = np.linspace(-12, 12, 101)", DENSITY, "return (phi(z) ** 2 * p).sum() ** -0.5"),
        {"he_gain": 2},
    ),
    (
        "gain: the spacing is missing",
        gain(GRID, DENSITY, "return ((phi(z) ** 2 * p).sum() / (z[1] - z[0])) ** -0.5"),
        {"he_gain": 3},
    ),
    (
        "gain: the slope for the activation",
        gain(GRID, DENSITY, "return (np.gradient(phi(z), z) ** 2 * p).sum() ** -0.5"),
        {"he_gain": 3},
    ),
]
WRONG = [(what, cells | NO_PLOT, lost) for what, cells, lost in FOUND]
