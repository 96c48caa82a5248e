"""Answers to assignment 3 that are often wrong: what, the cells, and what each task loses."""

from tests.grading.wrong_answers import written

SLOPES = """
def slopes(phi, h):
    x = h.detach().clone().requires_grad_()
    return torch.autograd.grad(phi(x).sum(), x)[0]
"""


def gradient_ratio(*lines):
    return written("gradient_ratio_answer", "def gradient_ratio(first, second, factors):", lines)


def edge(*lines):
    return written("edge_answer", "def edge(fraction, a, b):", lines)


def predicted_share(*lines):
    return written("predicted_share_answer", "def predicted_share(at, variance, mean=0.0):", lines)


def centred(*lines):
    return written("centred_answer", "def centred(phi):", lines)


def chi1_centred(*lines):
    return written("chi1_centred_answer", "def chi1_centred(mean, second, slope2):", lines)


def dead_share(*lines):
    return written("dead_share_answer", "def dead_share(batches):", lines)


WRONG = [
    (
        "the ratio of mean squares is taken for that of roots",
        gradient_ratio("return (first / second) ** factors"),
        {"gradient_ratio": 1.5},
    ),
    (
        "equal shares are taken for equal gradients",
        gradient_ratio("return 1.0"),
        {"gradient_ratio": 1.5},
    ),
    (
        "one factor too few",
        gradient_ratio("return (first / second) ** ((factors - 1) / 2)"),
        {"gradient_ratio": 1.5},
    ),
    (
        "whole numbers are divided",
        gradient_ratio("return (first / second) ** (factors // 2)"),
        {"gradient_ratio": 1.5},
    ),
    (
        "the square in the slope of tanh is forgotten",
        edge("return math.atanh(1 - fraction) / b"),
        {"edge": 2.5},
    ),
    (
        "the edge moves with the height of the function",
        edge("return math.atanh(math.sqrt(1 - fraction)) / (a * b)"),
        {"edge": 1.5},
    ),
    (
        "the edge moves outward as the function gets steeper",
        edge("return math.atanh(math.sqrt(1 - fraction)) * b"),
        {"edge": 1.5},
    ),
    (
        "the largest slope is taken for 1",
        edge("return math.atanh(math.sqrt(1 - fraction / (abs(a) * b))) / b"),
        {"edge": 1.5},
    ),
    (
        "the square of tanh is taken for the slope",
        edge("return math.atanh(math.sqrt(fraction)) / b"),
        {"edge": 2.5},
    ),
    (
        "tanh itself is taken for the slope",
        edge("return math.atanh(fraction) / b"),
        {"edge": 2.5},
    ),
    (
        "the mean of the outputs is differentiated",
        {
            "saturated_share_answer": """
def slopes(phi, h):
    x = h.detach().clone().requires_grad_()
    phi(x).mean().backward()
    return x.grad


def saturated_share(phi, h, fraction=0.05):
    s, grid = slopes(phi, h).abs(), torch.linspace(-10, 10, 2001, dtype=torch.float64)
    largest = slopes(phi, grid).abs().max() * 2001
    return float((s * h.numel() < fraction * largest).double().mean())
"""
        },
        {"saturated_share": 1},
    ),
    (
        "signs of slopes count",
        {
            "saturated_share_answer": SLOPES
            + """

def saturated_share(phi, h, fraction=0.05):
    largest = slopes(phi, torch.linspace(-10, 10, 2001, dtype=torch.float64)).max()
    return float((slopes(phi, h) < fraction * largest).double().mean())
"""
        },
        {"saturated_share": 1.5},
    ),
    (
        "the largest slope is that of the units at hand",
        {
            "saturated_share_answer": SLOPES
            + """

def saturated_share(phi, h, fraction=0.05):
    s = slopes(phi, h).abs()
    return float((s < fraction * s.max()).double().mean())
"""
        },
        {"saturated_share": 1.5},
    ),
    (
        "the largest slope is taken for 1",
        {
            "saturated_share_answer": SLOPES
            + """

def saturated_share(phi, h, fraction=0.05):
    return float((slopes(phi, h).abs() < fraction).double().mean())
"""
        },
        {"saturated_share": 1.5},
    ),
    (
        "the value is looked at, not the slope",
        {
            "saturated_share_answer": SLOPES
            + """

def saturated_share(phi, h, fraction=0.05):
    return float((phi(h).abs() > 1 - fraction).double().mean())
"""
        },
        {"saturated_share": 1.5},
    ),
    (
        "the share is a number of units",
        {
            "saturated_share_answer": SLOPES
            + """

def saturated_share(phi, h, fraction=0.05):
    largest = slopes(phi, torch.linspace(-10, 10, 2001, dtype=torch.float64)).abs().max()
    return int((slopes(phi, h).abs() < fraction * largest).sum())
"""
        },
        {"saturated_share": 1.5},
    ),
    (
        "gradients add up in h",
        {
            "saturated_share_answer": """
def slopes(phi, h):
    h.requires_grad_()
    phi(h).sum().backward()
    return h.grad


def saturated_share(phi, h, fraction=0.05):
    largest = slopes(phi, torch.linspace(-10, 10, 2001, dtype=torch.float64)).abs().max()
    return float((slopes(phi, h).abs() < fraction * largest).double().mean())
"""
        },
        {"saturated_share": 0.5},
    ),
    (
        "the fraction is always 5 %",
        {
            "saturated_share_answer": SLOPES
            + """

def saturated_share(phi, h, fraction=0.05):
    largest = slopes(phi, torch.linspace(-10, 10, 2001, dtype=torch.float64)).abs().max()
    return float((slopes(phi, h).abs() < 0.05 * largest).double().mean())
"""
        },
        {"saturated_share": 1.5},
    ),
    (
        "one side alone is counted",
        predicted_share("return math.erfc((at - mean) / math.sqrt(2 * variance)) / 2"),
        {"predicted_share": 1.5},
    ),
    (
        "the variance is taken for the standard deviation",
        predicted_share(
            "normal = torch.distributions.Normal(mean, variance)",
            "at = torch.tensor(at)",
            "return float(normal.cdf(-at) + 1 - normal.cdf(at))",
        ),
        {"predicted_share": 1.5},
    ),
    (
        "the root of 2 in the argument of erfc is forgotten",
        predicted_share(
            "root = math.sqrt(variance)",
            "return (math.erfc((at + mean) / root) + math.erfc((at - mean) / root)) / 2",
        ),
        {"predicted_share": 1.5},
    ),
    (
        "the share is off by 0.003",
        predicted_share(
            "root = math.sqrt(2 * variance)",
            "return (math.erfc((at + mean) / root) + math.erfc((at - mean) / root)) / 2 + 0.003",
        ),
        {"predicted_share": 1.5},
    ),
    (
        "the mean is left out",
        predicted_share("return math.erfc(at / math.sqrt(2 * variance))"),
        {"predicted_share": 1},
    ),
    (
        "both sides are taken for equal",
        predicted_share("return math.erfc((at - mean) / math.sqrt(2 * variance))"),
        {"predicted_share": 1},
    ),
    (
        "the units that are not saturated are counted",
        predicted_share(
            "normal = torch.distributions.Normal(mean, math.sqrt(variance))",
            "at = torch.tensor(at)",
            "return float(normal.cdf(at) - normal.cdf(-at))",
        ),
        {"predicted_share": 1.5},
    ),
    (
        "the root of the second moment is taken for the standard deviation",
        centred(
            "m, s = expectation(phi), math.sqrt(expectation(lambda z: phi(z) ** 2))",
            "return lambda h: (phi(h) - m) / s",
        ),
        {"centred": 3},
    ),
    (
        "mean and deviation are those of the sigmoid, whatever the function",
        centred("return lambda h: (torch.sigmoid(h) - 0.5) / 0.2083"),
        {"centred": 3},
    ),
    (
        "mean and deviation are those of the batch",
        centred("return lambda h: (phi(h) - phi(h).mean()) / phi(h).std()"),
        {"centred": 3},
    ),
    (
        "the mean is taken for the value at 0",
        centred(
            "m = float(phi(torch.zeros(1)))",
            "s = math.sqrt(expectation(lambda z: (phi(z) - m) ** 2))",
            "return lambda h: (phi(h) - m) / s",
        ),
        {"centred": 3},
    ),
    (
        "the variance is taken for its root",
        centred(
            "m = expectation(phi)",
            "s = expectation(lambda z: phi(z) ** 2) - m**2",
            "return lambda h: (phi(h) - m) / s",
        ),
        {"centred": 3},
    ),
    (
        "the shift is thought to leave the scale alone",
        chi1_centred("return slope2 / second"),
        {"chi1_centred": 1.5},
    ),
    (
        "the mean is not squared",
        chi1_centred("return slope2 / (second - mean)"),
        {"chi1_centred": 1.5},
    ),
    (
        "the shift is taken for a change of the slope",
        chi1_centred("return (slope2 - mean**2) / (second - mean**2)"),
        {"chi1_centred": 1.5},
    ),
    (
        "images that are alike are taken for independent",
        {
            "expected_dead_answer": """
def expected_dead(p, images, groups):
    return p**images
"""
        },
        {"expected_dead": 1.5},
    ),
    (
        "the images of a group are taken for independent",
        {
            "expected_dead_answer": """
def expected_dead(p, images, groups):
    return p ** (images / groups)
"""
        },
        {"expected_dead": 1.5},
    ),
    (
        "shares of batches are averaged",
        dead_share(
            "return sum(float((h <= 0).all(dim=0).double().mean()) for h in batches) / len(batches)"
        ),
        {"dead_share": 1.5},
    ),
    (
        "a unit that is dead in one batch is taken for dead",
        dead_share(
            "dead = torch.stack([(h <= 0).all(dim=0) for h in batches])",
            "return float(dead.any(dim=0).double().mean())",
        ),
        {"dead_share": 1.5},
    ),
    (
        "batches are put beside each other",
        dead_share("return float((torch.cat(batches, dim=1) <= 0).all(dim=0).double().mean())"),
        {"dead_share": 1.5},
    ),
    (
        "the first batch alone is looked at",
        dead_share("return float((batches[0] <= 0).all(dim=0).double().mean())"),
        {"dead_share": 1.5},
    ),
    (
        "one image is enough to call a unit dead",
        dead_share("return float((torch.cat(batches) <= 0).any(dim=0).double().mean())"),
        {"dead_share": 2},
    ),
    (
        "a zero makes a unit alive",
        dead_share("return float((torch.cat(batches) < 0).all(dim=0).double().mean())"),
        {"dead_share": 0.5},
    ),
    (
        "images are taken for units",
        dead_share("return float((torch.cat(batches) <= 0).all(dim=1).double().mean())"),
        {"dead_share": 2},
    ),
]

# The figure shows nothing that is marked, so it is not drawn.
WRONG = [
    (what, {**cells, "saturation_experiment_plot": ""}, losses) for what, cells, losses in WRONG
]
