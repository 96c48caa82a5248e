"""Answers to assignment 4 that are often wrong: what, the cells, and what each task loses."""

from tests.grading.wrong_answers import written


def gradient_growth(*lines):
    return written("gradient_growth_answer", "def gradient_growth(sigma_w2, layers):", lines)


def growth_per_layer(*lines):
    return written("growth_per_layer_answer", "def growth_per_layer(gradients):", lines)


def layers_won(*lines):
    return written("layers_won_answer", "def layers_won(scale, factor):", lines)


def loss_factor(*lines):
    return written("loss_factor_answer", "def loss_factor(rate, curvature, steps):", lines)


def branch_scale(*lines):
    return written("branch_scale_answer", "def branch_scale(sigma_w2, layers, most):", lines)


def clip_norm(*lines):
    return written("clip_norm__answer", "def clip_norm_(gradients, limit):", lines)


NORM = "norm = math.sqrt(sum(float(g.double().square().sum()) for g in gradients))"

WRONG = [
    (
        "half a factor is rounded off",
        gradient_growth("return (sigma_w2 / 2) ** ((layers - 1) // 2)"),
        {"gradient_growth": 1.5},
    ),
    (
        "two factors less than layers",
        gradient_growth("return (sigma_w2 / 2) ** ((layers - 2) / 2)"),
        {"gradient_growth": 1.5},
    ),
    (
        "half a factor too many",
        gradient_growth("return (sigma_w2 / 2) ** (layers / 2)"),
        {"gradient_growth": 1.5},
    ),
    (
        "the ratio of mean squares is taken for that of roots",
        gradient_growth("return (sigma_w2 / 2) ** (layers - 1)"),
        {"gradient_growth": 1.5},
    ),
    (
        "a gradient is thought never to vanish",
        gradient_growth("return max(1, (sigma_w2 / 2) ** ((layers - 1) / 2))"),
        {"gradient_growth": 1},
    ),
    (
        "the slopes that are 0 are forgotten",
        gradient_growth("return sigma_w2 ** ((layers - 1) / 2)"),
        {"gradient_growth": 1.5},
    ),
    (
        "as many factors as layers",
        growth_per_layer(
            "rms = [float(g.double().square().mean().sqrt()) for g in gradients]",
            "return (rms[0] / rms[-1]) ** (1 / len(rms))",
        ),
        {"growth_per_layer": 2.5},
    ),
    (
        "the growth is taken forward",
        growth_per_layer(
            "rms = [float(g.double().square().mean().sqrt()) for g in gradients]",
            "return (rms[-1] / rms[0]) ** (1 / (len(rms) - 1))",
        ),
        {"growth_per_layer": 2.5},
    ),
    (
        "lengths of layers of different widths are compared",
        growth_per_layer(
            "length = [float(g.double().norm()) for g in gradients]",
            "return (length[0] / length[-1]) ** (1 / (len(length) - 1))",
        ),
        {"growth_per_layer": 1.5},
    ),
    (
        "squares in single precision",
        growth_per_layer(
            "rms = [float(g.square().mean().sqrt()) for g in gradients]",
            "return (rms[0] / rms[-1]) ** (1 / (len(rms) - 1))",
        ),
        {"growth_per_layer": 0.5},
    ),
    (
        "factors are averaged",
        growth_per_layer(
            "rms = [float(g.double().square().mean().sqrt()) for g in gradients]",
            "return sum(a / b for a, b in zip(rms, rms[1:])) / (len(rms) - 1)",
        ),
        {"growth_per_layer": 1.5},
    ),
    (
        "the mean of sizes is taken for the RMS",
        growth_per_layer(
            "size = [float(g.double().abs().mean()) for g in gradients]",
            "return (size[0] / size[-1]) ** (1 / (len(size) - 1))",
        ),
        {"growth_per_layer": 2.5},
    ),
    (
        "the standard deviation is taken for the RMS",
        growth_per_layer(
            "size = [float(g.double().std()) for g in gradients]",
            "return (size[0] / size[-1]) ** (1 / (len(size) - 1))",
        ),
        {"growth_per_layer": 2.5},
    ),
    (
        "a line is fitted through all layers",
        growth_per_layer(
            "rms = [float(g.double().square().mean().sqrt()) for g in gradients]",
            "return math.exp(-np.polyfit(range(len(rms)), np.log(rms), 1)[0])",
        ),
        {"growth_per_layer": 1.5},
    ),
    (
        "layers are counted from 0",
        {
            "overflow_layer_answer": """
def overflow_layer(start, growth, format):
    largest = torch.finfo(getattr(torch, format)).max
    if start > largest:
        return 1
    if growth <= 1:
        return 0
    return math.ceil(math.log(largest / start) / math.log(growth))
"""
        },
        {"overflow_layer": 2},
    ),
    (
        "a signal that does not grow is forgotten",
        {
            "overflow_layer_answer": """
def overflow_layer(start, growth, format):
    largest = torch.finfo(getattr(torch, format)).max
    return 1 + math.ceil(math.log(largest / start) / math.log(growth))
"""
        },
        {"overflow_layer": 0.5},
    ),
    (
        "a signal that does not grow is thought to fit",
        {
            "overflow_layer_answer": """
def overflow_layer(start, growth, format):
    if growth <= 1:
        return 0
    layer = 1
    while start <= torch.finfo(getattr(torch, format)).max:
        start, layer = start * growth, layer + 1
    return layer
"""
        },
        {"overflow_layer": 0.5},
    ),
    (
        "bfloat16 is taken for float16",
        {
            "overflow_layer_answer": """
def overflow_layer(start, growth, format):
    largest = 3.4028235e38 if format == "float32" else 65504
    if start > largest:
        return 1
    if growth <= 1:
        return 0
    return 1 + math.ceil(math.log(largest / start) / math.log(growth))
"""
        },
        {"overflow_layer": 1},
    ),
    (
        "the start is left out",
        {
            "overflow_layer_answer": """
def overflow_layer(start, growth, format):
    largest = torch.finfo(getattr(torch, format)).max
    if start > largest:
        return 1
    if growth <= 1:
        return 0
    return 1 + math.ceil(math.log(largest) / math.log(growth))
"""
        },
        {"overflow_layer": 2},
    ),
    (
        "all formats are thought to end where float16 ends",
        {
            "overflow_layer_answer": """
def overflow_layer(start, growth, format):
    if start > 65504:
        return 1
    if growth <= 1:
        return 0
    return 1 + math.ceil(math.log(65504 / start) / math.log(growth))
"""
        },
        {"overflow_layer": 2},
    ),
    (
        "two kinds of logarithm are mixed",
        layers_won("return math.log10(scale) / -math.log(factor)"),
        {"layers_won": 1.5},
    ),
    (
        "the layers won are rounded up",
        layers_won("return math.ceil(math.log(scale) / -math.log(factor))"),
        {"layers_won": 1.5},
    ),
    (
        "the factor is taken for that of the mean square",
        layers_won("return 2 * math.log(scale) / -math.log(factor)"),
        {"layers_won": 1.5},
    ),
    (
        "the sign of the logarithm is forgotten",
        layers_won("return math.log(scale) / math.log(factor)"),
        {"layers_won": 1.5},
    ),
    (
        "every layer is thought to halve the gradient",
        layers_won("return math.log2(scale)"),
        {"layers_won": 1.5},
    ),
    (
        "the quotient of logarithms is upside down",
        layers_won("return -math.log(factor) / math.log(scale)"),
        {"layers_won": 1.5},
    ),
    (
        "the factor of a is taken for that of the loss",
        loss_factor("return (1 - rate * curvature) ** steps"),
        {"loss_factor": 1.5},
    ),
    (
        "the size of a is taken for the loss",
        loss_factor("return abs(1 - rate * curvature) ** steps"),
        {"loss_factor": 1.5},
    ),
    (
        "the loss is squared once more",
        loss_factor("return (1 - rate * curvature) ** (4 * steps)"),
        {"loss_factor": 1.5},
    ),
    (
        "the half stays in the slope",
        loss_factor("return (1 - rate * curvature / 2) ** (2 * steps)"),
        {"loss_factor": 1.5},
    ),
    (
        "the step goes uphill",
        loss_factor("return (1 + rate * curvature) ** (2 * steps)"),
        {"loss_factor": 1.5},
    ),
    (
        "all slopes of a branch are taken for 1",
        branch_scale("return math.sqrt((most ** (2 / layers) - 1) / sigma_w2)"),
        {"branch_scale": 2.5},
    ),
    (
        "root mean square and mean square are mixed up",
        branch_scale("return math.sqrt(2 * (most ** (1 / layers) - 1) / sigma_w2)"),
        {"branch_scale": 2.5},
    ),
    (
        "the square of beta is returned",
        branch_scale("return 2 * (most ** (2 / layers) - 1) / sigma_w2"),
        {"branch_scale": 2.5},
    ),
    (
        "sizes of the two paths are added up",
        branch_scale("return (most ** (1 / layers) - 1) / math.sqrt(sigma_w2 / 2)"),
        {"branch_scale": 2.5},
    ),
    (
        "the direct path is forgotten",
        branch_scale("return math.sqrt(2 * most ** (2 / layers) / sigma_w2)"),
        {"branch_scale": 2.5},
    ),
    (
        "beta shrinks like one over the number of layers",
        branch_scale("return math.sqrt(2 * (most - 1) / sigma_w2) * 2 / layers"),
        {"branch_scale": 2},
    ),
    (
        "beta does not shrink with the number of layers",
        branch_scale("return math.sqrt(2 * (most - 1) / sigma_w2)"),
        {"branch_scale": 2},
    ),
    (
        "beta depends on the number of layers alone",
        branch_scale("return 1 / math.sqrt(layers)"),
        {"branch_scale": 2.5},
    ),
    (
        "beta is that of very many layers",
        branch_scale("return math.sqrt(4 * math.log(most) / (layers * sigma_w2))"),
        {"branch_scale": 2},
    ),
    (
        "larger weights get a larger beta",
        branch_scale("return math.sqrt((most ** (2 / layers) - 1) * sigma_w2 / 2)"),
        {"branch_scale": 2.5},
    ),
    (
        "the factor is the larger of two numbers",
        clip_norm(
            NORM,
            "for g in gradients:",
            "    g.mul_(max(1, limit / norm) if norm else 1)",
            "return norm",
        ),
        {"clip_norm_": 3},
    ),
    (
        "the function ends after the first tensor",
        clip_norm(
            NORM,
            "for g in gradients:",
            "    if norm > limit:",
            "        g.mul_(limit / norm)",
            "    return norm",
        ),
        {"clip_norm_": 1.5},
    ),
    (
        "each tensor is clipped by the length of those before it",
        clip_norm(
            "total = 0",
            "for g in gradients:",
            "    total += float(g.double().square().sum())",
            "    if math.sqrt(total) > limit:",
            "        g.mul_(limit / math.sqrt(total))",
            "return math.sqrt(total)",
        ),
        {"clip_norm_": 1.5},
    ),
    (
        "the mean of the squares is taken for their sum",
        clip_norm(
            NORM.replace("sum())", "mean())"),
            "if norm > limit:",
            "    for g in gradients:",
            "        g.mul_(limit / norm)",
            "return norm",
        ),
        {"clip_norm_": 3.5},
    ),
    (
        "PyTorch's own function gets tensors in place of parameters",
        clip_norm("return torch.nn.utils.clip_grad_norm_(gradients, limit)"),
        {"clip_norm_": 4},
    ),
    (
        "each tensor is clipped by itself",
        {
            "clip_norm__answer": """
def clip_norm_(gradients, limit):
    norms = [float(g.norm()) for g in gradients]
    for g, norm in zip(gradients, norms):
        if norm > limit:
            g.mul_(limit / norm)
    return math.sqrt(sum(norm**2 for norm in norms))
"""
        },
        {"clip_norm_": 1.5},
    ),
    (
        "the longest tensor decides whether to clip",
        {
            "clip_norm__answer": """
def clip_norm_(gradients, limit):
    norm = math.sqrt(sum(float(g.square().sum()) for g in gradients))
    if max(float(g.norm()) for g in gradients) > limit:
        for g in gradients:
            g.mul_(limit / norm)
    return norm
"""
        },
        {"clip_norm_": 0.5},
    ),
    (
        "a gradient shorter than 1 is never clipped",
        {
            "clip_norm__answer": """
def clip_norm_(gradients, limit):
    norm = math.sqrt(sum(float(g.square().sum()) for g in gradients))
    if norm > 1:
        for g in gradients:
            g.mul_(min(1, limit / norm))
    return norm
"""
        },
        {"clip_norm_": 0.5},
    ),
    (
        "a short gradient is made longer",
        {
            "clip_norm__answer": """
def clip_norm_(gradients, limit):
    norm = math.sqrt(sum(float(g.square().sum()) for g in gradients))
    for g in gradients:
        g.mul_(limit / norm)
    return norm
"""
        },
        {"clip_norm_": 2},
    ),
    (
        "the length after clipping is returned",
        {
            "clip_norm__answer": """
def clip_norm_(gradients, limit):
    norm = math.sqrt(sum(float(g.square().sum()) for g in gradients))
    if norm > limit:
        for g in gradients:
            g.mul_(limit / norm)
    return min(norm, limit)
"""
        },
        {"clip_norm_": 0.5},
    ),
    (
        "the tensors are not changed in place",
        {
            "clip_norm__answer": """
def clip_norm_(gradients, limit):
    norm = math.sqrt(sum(float(g.square().sum()) for g in gradients))
    if norm > limit:
        gradients = [g * limit / norm for g in gradients]
    return norm
"""
        },
        {"clip_norm_": 1.5},
    ),
    (
        "the length is found again after each tensor",
        {
            "clip_norm__answer": """
def clip_norm_(gradients, limit):
    def length():
        return math.sqrt(sum(float(g.square().sum()) for g in gradients))

    norm = length()
    for g in gradients:
        if length() > limit:
            g.mul_(limit / length())
    return norm
"""
        },
        {"clip_norm_": 1.5},
    ),
    (
        "the factor is upside down",
        {
            "clip_norm__answer": """
def clip_norm_(gradients, limit):
    norm = math.sqrt(sum(float(g.square().sum()) for g in gradients))
    if norm > limit:
        for g in gradients:
            g.mul_(norm / limit)
    return norm
"""
        },
        {"clip_norm_": 1.5},
    ),
    (
        "nothing is returned for a short gradient",
        {
            "clip_norm__answer": """
def clip_norm_(gradients, limit):
    norm = math.sqrt(sum(float(g.square().sum()) for g in gradients))
    if norm > limit:
        for g in gradients:
            g.mul_(limit / norm)
        return norm
"""
        },
        {"clip_norm_": 2},
    ),
    (
        "entries are clipped instead of the length",
        {
            "clip_norm__answer": """
def clip_norm_(gradients, limit):
    norm = math.sqrt(sum(float(g.square().sum()) for g in gradients))
    for g in gradients:
        g.clamp_(-limit, limit)
    return norm
"""
        },
        {"clip_norm_": 1.5},
    ),
    (
        "lengths of tensors are added up",
        {
            "clip_norm__answer": """
def clip_norm_(gradients, limit):
    norm = sum(float(g.norm()) for g in gradients)
    if norm > limit:
        for g in gradients:
            g.mul_(limit / norm)
    return norm
"""
        },
        {"clip_norm_": 3.5},
    ),
    (
        "a zero is divided by",
        {
            "clip_norm__answer": """
def clip_norm_(gradients, limit):
    norm = math.sqrt(sum(float(g.square().sum()) for g in gradients))
    factor = min(1, limit / norm)
    for g in gradients:
        g.mul_(factor)
    return norm
"""
        },
        {"clip_norm_": 0.5},
    ),
]

# The figure shows nothing that is marked, so it is not drawn.
WRONG = [(what, {**cells, "overflow_experiment_plot": ""}, losses) for what, cells, losses in WRONG]
