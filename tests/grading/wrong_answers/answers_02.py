"""Wrong answers to assignment 2, and what each loses."""

UNIFORM = "2 * torch.rand(shape, generator=torch.Generator().manual_seed(seed)) - 1"
NORMAL = "torch.randn(shape, generator=torch.Generator().manual_seed(seed))"
CUT = f"math.sqrt(2) * torch.erfinv(math.erf(3 / math.sqrt(2)) * ({UNIFORM}))"


def xavier(uniform=UNIFORM, normal=NORMAL, variance="2 / sum(fans(shape, groups))", before=""):
    return {
        "xavier_answer": f"""{before}
def xavier(shape, groups=1, distribution="uniform", seed=0):
    v = {variance}
    if distribution == "uniform":
        return ({uniform}) * math.sqrt(3 * v)
    return ({normal}) * math.sqrt(v)
"""
    }


def sparse(lines):
    return {"sparse_answer": f"def sparse_variances(n_in, n_out, p):\n    {lines}\n"}


def tanh(line):
    return {"tanh_answer": f"def layers_until(q, q_end):\n    return {line}\n"}


def library(line):
    return {"library_answer": f"def library_factor(c_in, c_out, g):\n    return {line}\n"}


def drift(line):
    return {
        "drift_answer": f"""
def drift(widths, variances):
    n, v = np.asarray(widths), np.asarray(variances)
    f = np.cumprod(n[:-1] * v)
    b = np.append(np.cumprod((n[1:] * v)[:0:-1])[::-1], 1.0)
    return {line}
"""
    }


WRONG = [
    (
        "the bound is taken for the standard deviation",
        {"bound_answer": "def factor_of_bound(n, a, depth):\n    return (n * a**2) ** depth"},
        {"bound": 1.5},
    ),
    (
        "factors of layers are added",
        {"bound_answer": "def factor_of_bound(n, a, depth):\n    return n * a**2 / 3 * depth"},
        {"bound": 1.5},
    ),
    (
        "the share of kept weights is squared",
        {
            "sparse_answer": """
def sparse_variances(n_in, n_out, p):
    q = p**2
    product = 1 / (q * math.sqrt(n_in * n_out))
    return 1 / (n_in * q), 1 / (n_out * q), 2 / ((n_in + n_out) * q), product
"""
        },
        {"sparse": 2.5},
    ),
    (
        "the two variances are averaged, not the two factors",
        {
            "sparse_answer": """
def sparse_variances(n_in, n_out, p):
    f, b = 1 / (n_in * p), 1 / (n_out * p)
    return f, b, (f + b) / 2, math.sqrt(f * b)
"""
        },
        {"sparse": 1.5},
    ),
    (
        "the forward and the backward condition are swapped",
        {
            "sparse_answer": """
def sparse_variances(n_in, n_out, p):
    f, b = 1 / (n_in * p), 1 / (n_out * p)
    return b, f, 2 / ((n_in + n_out) * p), math.sqrt(f * b)
"""
        },
        {"sparse": 1.5},
    ),
    (
        "groups are counted as a library does",
        {
            "fans_answer": """
def fans(shape, groups=1):
    size = math.prod(shape[2:])
    return shape[1] * size, shape[0] * size
"""
        },
        {"fans": 1.25, "xavier": 1.5},
    ),
    (
        "the shape is read in the wrong order",
        {
            "fans_answer": """
def fans(shape, groups=1):
    size = math.prod(shape[2:])
    return shape[0] // groups * size, shape[1] * size
"""
        },
        {"fans": 2.5},
    ),
    (
        "the kernel is forgotten",
        {"fans_answer": "def fans(shape, groups=1):\n    return shape[1], shape[0] // groups"},
        {"fans": 2, "xavier": 1.5},
    ),
    (
        "kernels are taken to be square",
        {
            "fans_answer": """
def fans(shape, groups=1):
    size = shape[-1] ** 2 if len(shape) > 2 else 1
    return shape[1] * size, shape[0] // groups * size
"""
        },
        {"fans": 1.25},
    ),
    (
        "the backward factor in the place of the forward one",
        {
            "library_answer": """
def library_factor(c_in, c_out, g):
    return 2 * c_out / g / (c_in / g + c_out)
"""
        },
        {"library": 1.5},
    ),
    (
        "equal numbers of channels are taken for granted",
        {"library_answer": "def library_factor(c_in, c_out, g):\n    return 2 / (1 + g)"},
        {"library": 1.5},
    ),
    (
        "groups cancel",
        {
            "library_answer": """
def library_factor(c_in, c_out, g):
    return 2 * c_in / (c_in + c_out)
"""
        },
        {"library": 1.5},
    ),
    (
        "the uniform bound is the standard deviation",
        {
            "xavier_answer": """
def xavier(shape, groups=1, distribution="uniform", seed=0):
    n_in, n_out = fans(shape, groups)
    generator = torch.Generator().manual_seed(seed)
    std = math.sqrt(2 / (n_in + n_out))
    if distribution == "uniform":
        return (2 * torch.rand(shape, generator=generator) - 1) * std
    return torch.randn(shape, generator=generator) * std
"""
        },
        {"xavier": 1.5},
    ),
    (
        "both distributions are normal",
        {
            "xavier_answer": """
def xavier(shape, groups=1, distribution="uniform", seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator) * math.sqrt(2 / sum(fans(shape, groups)))
"""
        },
        {"xavier": 1},
    ),
    (
        "the seed is ignored",
        {
            "xavier_answer": """
def xavier(shape, groups=1, distribution="uniform", seed=0):
    v = 2 / sum(fans(shape, groups))
    if distribution == "uniform":
        return (2 * torch.rand(shape) - 1) * math.sqrt(3 * v)
    return torch.randn(shape) * math.sqrt(v)
"""
        },
        {"xavier": 0.5},
    ),
    (
        "the normal weights are multiplied by the variance",
        {
            "xavier_answer": """
def xavier(shape, groups=1, distribution="uniform", seed=0):
    v = 2 / sum(fans(shape, groups))
    generator = torch.Generator().manual_seed(seed)
    if distribution == "uniform":
        return (2 * torch.rand(shape, generator=generator) - 1) * math.sqrt(3 * v)
    return torch.randn(shape, generator=generator) * v
"""
        },
        {"xavier": 2},
    ),
    (
        "the uniform interval is not centred",
        {
            "xavier_answer": """
def xavier(shape, groups=1, distribution="uniform", seed=0):
    v = 2 / sum(fans(shape, groups))
    generator = torch.Generator().manual_seed(seed)
    if distribution == "uniform":
        return torch.rand(shape, generator=generator) * math.sqrt(3 * v)
    return torch.randn(shape, generator=generator) * math.sqrt(v)
"""
        },
        {"xavier": 1.5},
    ),
    (
        "a fixed factor per layer in the place of the power law",
        {
            "tanh_answer": """
def layers_until(q, q_end):
    return math.ceil(math.log(q_end / q) / math.log(0.8))
"""
        },
        {"tanh": 1.5},
    ),
    (
        "the number of layers is rounded down",
        {
            "tanh_answer": """
def layers_until(q, q_end):
    return int((1 / q_end - 1 / q) / 2)
"""
        },
        {"tanh": 1.5},
    ),
    (
        "the gradient meets the weights of its own layer",
        {
            "drift_answer": """
def drift(widths, variances):
    widths, variances = np.asarray(widths), np.asarray(variances)
    backward = np.cumprod((widths[1:] * variances)[::-1])[::-1]
    return np.cumprod(widths[:-1] * variances), backward
"""
        },
        {"drift": 2},
    ),
    (
        "the gradient is in the reverse order",
        {
            "drift_answer": """
def drift(widths, variances):
    widths, variances = np.asarray(widths), np.asarray(variances)
    backward = np.append(1.0, np.cumprod((widths[1:] * variances)[:0:-1]))
    return np.cumprod(widths[:-1] * variances), backward
"""
        },
        {"drift": 2},
    ),
    (
        "the inputs of a layer are taken for its outputs",
        {
            "drift_answer": """
def drift(widths, variances):
    widths, variances = np.asarray(widths), np.asarray(variances)
    factors = widths[1:] * variances
    return np.cumprod(factors), np.append(np.cumprod(factors[:0:-1])[::-1], 1.0)
"""
        },
        {"drift": 2},
    ),
    (
        "factors of single layers, not multiplied",
        {
            "drift_answer": """
def drift(widths, variances):
    widths, variances = np.asarray(widths), np.asarray(variances)
    return widths[:-1] * variances, np.append((widths[1:] * variances)[1:], 1.0)
"""
        },
        {"drift": 3},
    ),
    (
        "the depth has no effect",
        {"bound_answer": "def factor_of_bound(n, a, depth):\n    return n * a**2 / 3"},
        {"bound": 1.5},
    ),
    (
        "the bound is taken for the width of the interval",
        {"bound_answer": "def factor_of_bound(n, a, depth):\n    return (n * a**2 / 12) ** depth"},
        {"bound": 1.5},
    ),
    (
        "holes have no effect",
        {
            "sparse_answer": """
def sparse_variances(n_in, n_out, p):
    return 1 / n_in, 1 / n_out, 2 / (n_in + n_out), 1 / math.sqrt(n_in * n_out)
"""
        },
        {"sparse": 2.5},
    ),
    (
        "fewer weights, so smaller ones",
        {
            "sparse_answer": """
def sparse_variances(n_in, n_out, p):
    return p / n_in, p / n_out, 2 * p / (n_in + n_out), p / math.sqrt(n_in * n_out)
"""
        },
        {"sparse": 2.5},
    ),
    (
        "p is under the root of the product",
        {
            "sparse_answer": """
def sparse_variances(n_in, n_out, p):
    product = 1 / math.sqrt(p * n_in * n_out)
    return 1 / (n_in * p), 1 / (n_out * p), 2 / ((n_in + n_out) * p), product
"""
        },
        {"sparse": 1.5},
    ),
    (
        "the two compromises are exchanged",
        {
            "sparse_answer": """
def sparse_variances(n_in, n_out, p):
    product = 1 / (math.sqrt(n_in * n_out) * p)
    return 1 / (n_in * p), 1 / (n_out * p), product, 2 / ((n_in + n_out) * p)
"""
        },
        {"sparse": 1.5},
    ),
    (
        "groups divide the fan-in",
        {
            "fans_answer": """
def fans(shape, groups=1):
    size = math.prod(shape[2:])
    return shape[1] // groups * size, shape[0] * size
"""
        },
        {"fans": 1.25, "xavier": 1.5},
    ),
    (
        "groups divide both fans",
        {
            "fans_answer": """
def fans(shape, groups=1):
    size = math.prod(shape[2:])
    return shape[1] // groups * size, shape[0] // groups * size
"""
        },
        {"fans": 1.25, "xavier": 1.5},
    ),
    (
        "every convolution has two dimensions",
        {
            "fans_answer": """
def fans(shape, groups=1):
    size = shape[2] * shape[3] if len(shape) == 4 else 1
    return shape[1] * size, shape[0] // groups * size
"""
        },
        {"fans": 1.25},
    ),
    (
        "the first side of the kernel stands for all",
        {
            "fans_answer": """
def fans(shape, groups=1):
    kernel = shape[2:]
    size = kernel[0] ** len(kernel) if kernel else 1
    return shape[1] * size, shape[0] // groups * size
"""
        },
        {"fans": 1.25},
    ),
    (
        "the product of nothing is a float",
        {
            "fans_answer": """
def fans(shape, groups=1):
    size = np.prod(shape[2:])
    return shape[1] * size, shape[0] // groups * size
"""
        },
        {"fans": 0.5},
    ),
    (
        "the true fan-out in the place of the library's",
        {
            "library_answer": """
def library_factor(c_in, c_out, g):
    return 2 * (c_in / g) / (c_in / g + c_out / g)
"""
        },
        {"library": 1.5},
    ),
    (
        "groups multiply the fan-out",
        {
            "library_answer": """
def library_factor(c_in, c_out, g):
    return 2 * (c_in / g) / (c_in / g + c_out * g)
"""
        },
        {"library": 1.5},
    ),
    (
        "one output sums over all channels",
        {
            "library_answer": """
def library_factor(c_in, c_out, g):
    return 2 * c_in / (c_in / g + c_out)
"""
        },
        {"library": 1.5},
    ),
    (
        "both distributions are uniform",
        {
            "xavier_answer": """
def xavier(shape, groups=1, distribution="uniform", seed=0):
    generator = torch.Generator().manual_seed(seed)
    a = math.sqrt(6 / sum(fans(shape, groups)))
    return (2 * torch.rand(shape, generator=generator) - 1) * a
"""
        },
        {"xavier": 1.5},
    ),
    (
        "the initializer forgets the groups",
        {
            "xavier_answer": """
def xavier(shape, groups=1, distribution="uniform", seed=0):
    v = 2 / sum(fans(shape))
    generator = torch.Generator().manual_seed(seed)
    if distribution == "uniform":
        return (2 * torch.rand(shape, generator=generator) - 1) * math.sqrt(3 * v)
    return torch.randn(shape, generator=generator) * math.sqrt(v)
"""
        },
        {"xavier": 1.5},
    ),
    (
        "an array in the place of a tensor",
        {
            "xavier_answer": """
def xavier(shape, groups=1, distribution="uniform", seed=0):
    v = 2 / sum(fans(shape, groups))
    draw = np.random.default_rng(seed)
    if distribution == "uniform":
        return draw.uniform(-math.sqrt(3 * v), math.sqrt(3 * v), shape)
    return draw.normal(0, math.sqrt(v), shape)
"""
        },
        {"xavier": 0.5},
    ),
    (
        "the seed of all of torch is set",
        {
            "xavier_answer": """
def xavier(shape, groups=1, distribution="uniform", seed=0):
    v = 2 / sum(fans(shape, groups))
    torch.manual_seed(seed)
    if distribution == "uniform":
        return (2 * torch.rand(shape) - 1) * math.sqrt(3 * v)
    return torch.randn(shape) * math.sqrt(v)
"""
        },
        {"xavier": 0.5},
    ),
    (
        "the number of layers is a constant",
        {"tanh_answer": "def layers_until(q, q_end):\n    return 100"},
        {"tanh": 1.5},
    ),
    (
        "1/q grows by 1 per layer",
        {"tanh_answer": "def layers_until(q, q_end):\n    return math.ceil(1 / q_end - 1 / q)"},
        {"tanh": 1.5},
    ),
    (
        "the start does not matter",
        {"tanh_answer": "def layers_until(q, q_end):\n    return math.ceil(1 / (2 * q_end))"},
        {"tanh": 1.5},
    ),
    (
        "the number of layers is rounded",
        {"tanh_answer": "def layers_until(q, q_end):\n    return round((1 / q_end - 1 / q) / 2)"},
        {"tanh": 1.5},
    ),
    (
        "another form of the rule is repeated",
        {
            "tanh_answer": """
def layers_until(q, q_end):
    layers = 0
    while q > q_end:
        q, layers = q - 2 * q**2, layers + 1
    return layers
"""
        },
        {"tanh": 1.5},
    ),
    (
        "lists cannot be multiplied",
        {
            "drift_answer": """
def drift(widths, variances):
    widths = np.array(widths)
    forward, backward = [1.0], [1.0]
    for layer in range(len(variances)):
        forward.append(forward[-1] * widths[layer] * variances[layer])
    for factor in (widths[1:] * np.array(variances))[:0:-1]:
        backward.insert(0, backward[0] * factor)
    return np.array(forward[1:]), np.array(backward) * (variances / variances)
"""
        },
        {"drift": 1},
    ),
    (
        "roots of mean squares",
        {
            "drift_answer": """
def drift(widths, variances):
    widths, variances = np.asarray(widths), np.asarray(variances)
    backward = np.append(np.cumprod((widths[1:] * variances)[:0:-1])[::-1], 1.0)
    return np.sqrt(np.cumprod(widths[:-1] * variances)), np.sqrt(backward)
"""
        },
        {"drift": 3},
    ),
    (
        "the signal starts with 1",
        {
            "drift_answer": """
def drift(widths, variances):
    widths, variances = np.asarray(widths), np.asarray(variances)
    forward = np.append(1.0, np.cumprod(widths[:-1] * variances)[:-1])
    return forward, np.append(np.cumprod((widths[1:] * variances)[:0:-1])[::-1], 1.0)
"""
        },
        {"drift": 2},
    ),
    (
        "the 1 of the gradient stands at the wrong end",
        {
            "drift_answer": """
def drift(widths, variances):
    widths, variances = np.asarray(widths), np.asarray(variances)
    backward = np.append(1.0, np.cumprod((widths[1:] * variances)[:0:-1])[::-1])
    return np.cumprod(widths[:-1] * variances), backward
"""
        },
        {"drift": 2},
    ),
    (
        "numpy's generator, made a tensor",
        xavier(
            uniform="torch.tensor(2 * np.random.default_rng(seed).random(tuple(shape)) - 1)",
            normal="torch.tensor(np.random.default_rng(seed).normal(size=tuple(shape)))",
        ),
        {"xavier": 0.5},
    ),
    (
        "the uniform weights forget the groups",
        xavier(uniform=f"({UNIFORM}) * math.sqrt(2 / sum(fans(shape)) / v)"),
        {"xavier": 1},
    ),
    (
        "the variance in the place of its root, for normal linear weights",
        xavier(normal=f"{NORMAL} * (math.sqrt(v) if len(shape) == 2 else 1)"),
        {"xavier": 1.5},
    ),
    (
        "the normal distribution is cut off at three deviations",
        xavier(normal=CUT),
        {"xavier": 2},
    ),
    (
        "the normal distribution is cut off and rescaled",
        xavier(normal=f"{CUT} / 0.98658"),
        {"xavier": 2},
    ),
    (
        "each unit gets evenly spread weights, in an order of chance",
        xavier(
            uniform="spread(shape, seed)",
            normal="math.sqrt(2) * torch.erfinv(spread(shape, seed))",
            before="""
def spread(shape, seed):
    generator, rest = torch.Generator().manual_seed(seed), math.prod(shape[1:])
    rows = [torch.randperm(rest, generator=generator) for _ in range(shape[0])]
    place = torch.stack(rows) + torch.rand(shape[0], rest, generator=generator)
    return (2 * place / rest - 1).clamp(-1 + 1e-6, 1 - 1e-6).reshape(shape)
""",
        ),
        {"xavier": 2.5},
    ),
    (
        "all units get the same weights",
        xavier(
            UNIFORM.replace("shape,", "(1, *shape[1:]),") + " + torch.zeros(shape)",
            f"({NORMAL.replace('shape,', '(1, *shape[1:]),')}).expand(shape)",
        ),
        {"xavier": 3},
    ),
    (
        "every second weight is the one before with the other sign",
        xavier(
            uniform=f"mirrored({UNIFORM})",
            normal=f"mirrored({NORMAL})",
            before="""
def mirrored(w):
    flat = w.flatten().clone()
    flat[1::2] = -flat[: len(flat) // 2 * 2 : 2]
    return flat.reshape(w.shape)
""",
        ),
        {"xavier": 2.5},
    ),
    (
        "divided by the sample's own standard deviation",
        xavier(
            uniform=f"({UNIFORM}) / ({UNIFORM}).std() / math.sqrt(3)",
            normal=f"{NORMAL} / {NORMAL}.std()",
        ),
        {"xavier": 2.5},
    ),
    (
        "the bound is taken to be 1/sqrt(n)",
        {"bound_answer": "def factor_of_bound(n, a, depth):\n    return (1 / 3) ** depth"},
        {"bound": 1.5},
    ),
    (
        "the number of layers is rounded twice",
        {
            "tanh_answer": """
def layers_until(q, q_end):
    return math.ceil(1 / q_end / 2) - math.ceil(1 / q / 2)
"""
        },
        {"tanh": 1.5},
    ),
    ("the channels are exchanged", library("2 * c_out / (c_out + c_in * g)"), {"library": 1.5}),
    (
        "the library's factor is upside down",
        library("(c_in + g * c_out) / (2 * c_in)"),
        {"library": 1.5},
    ),
    ("the factor is one over the groups", library("1 / g"), {"library": 1.5}),
    (
        "the root of the library's factor",
        library("(2 * c_in / (c_in + g * c_out)) ** 0.5"),
        {"library": 1.5},
    ),
    (
        "the gradient meets the next widths, but the variance of its own layer",
        drift("f, np.append(np.cumprod((n[2:] * v[:-1])[::-1])[::-1], 1.0)"),
        {"drift": 2},
    ),
    (
        "layers in the reverse order, signal and gradient",
        drift("f[::-1], b[::-1]"),
        {"drift": 3},
    ),
    ("signal and gradient are exchanged", drift("b, f"), {"drift": 3}),
    (
        "a network of one layer has no factor yet",
        {"bound_answer": "factor_of_bound = lambda n, a, depth: (n * a**2 / 3) ** (depth - 1)"},
        {"bound": 1.5},
    ),
    (
        "the standard deviation in the place of the variance",
        {"bound_answer": "def factor_of_bound(n, a, depth):\n    return (n * a / 3**0.5) ** depth"},
        {"bound": 1.5},
    ),
    (
        "standard deviations in the place of the variances",
        sparse(
            "n = n_in, n_out, (n_in + n_out) / 2, math.sqrt(n_in * n_out)\n"
            "    return [1 / math.sqrt(p * one) for one in n]"
        ),
        {"sparse": 2.5},
    ),
    (
        "the variance of M in the place of the mean of its square",
        sparse(
            "n = n_in, n_out, (n_in + n_out) / 2, math.sqrt(n_in * n_out)\n"
            "    return [1 / (p * (1 - p) * one) for one in n]"
        ),
        {"sparse": 2.5},
    ),
    (
        "the library is said to count the inputs wrong, not the outputs",
        library("2 * (c_in / g) / (c_in + c_out / g)"),
        {"library": 1.5},
    ),
    ("a variance is no factor", library("2 / (c_in / g + c_out)"), {"library": 1.5}),
    (
        "the factor is measured, not calculated",
        library("(1 + 1e-4 * np.random.randn()) * 2 * c_in / (c_in + g * c_out)"),
        {"library": 1.5},
    ),
    (
        "numpy's generator under its own names",
        xavier(
            uniform="torch.tensor(2 * PCG(seed).random(tuple(shape)) - 1)",
            normal="torch.tensor(PCG(seed).normal(size=tuple(shape)))",
            before="from numpy.random import Generator, PCG64\n"
            "PCG = lambda seed: Generator(PCG64(seed))",
        ),
        {"xavier": 0.5},
    ),
    (
        "Python's random numbers",
        xavier(
            uniform="torch.tensor([R(seed + k).uniform(-1, 1) for k in range(N(shape))])"
            ".reshape(shape)",
            before="from random import Random as R\nN = math.prod",
        ),
        {"xavier": 0.5},
    ),
    (
        "the seed of all of torch is set, and put back",
        xavier(
            uniform="2 * draw(torch.rand, shape, seed) - 1",
            normal="draw(torch.randn, shape, seed)",
            before="""
def draw(what, shape, seed):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return what(shape)
""",
        ),
        {"xavier": 0.5},
    ),
    (
        "a function of torch.nn.init draws",
        xavier(
            uniform="torch.nn.init.uniform_(torch.empty(shape), -1, 1, "
            "generator=torch.Generator().manual_seed(seed))"
        ),
        {"xavier": 0.5},
    ),
    (
        "the generator always starts at 0",
        xavier(UNIFORM.replace("(seed)", "(0)"), NORMAL.replace("(seed)", "(0)")),
        {"xavier": 3},
    ),
    (
        "the bound is taken for the width of the interval, in the initializer",
        xavier(uniform=f"2 * ({UNIFORM})"),
        {"xavier": 1.5},
    ),
    (
        "Xavier's variance is taken for the average of two variances",
        xavier(variance="sum(1 / n for n in fans(shape, groups)) / 2"),
        {"xavier": 3},
    ),
    (
        "rounded down, and one more",
        tanh("math.floor((1 / q_end - 1 / q) / 2) + 1"),
        {"tanh": 0.5},
    ),
    ("multiplied by 2, not divided", tanh("math.ceil((1 / q_end - 1 / q) * 2)"), {"tanh": 1.5}),
    (
        "the two variances are exchanged",
        tanh("math.ceil((1 / q - 1 / q_end) / 2)"),
        {"tanh": 1.5},
    ),
    (
        "the factors of the layers are added",
        drift("np.cumsum(n[:-1] * v), b"),
        {"drift": 2},
    ),
    (
        "the gradient is multiplied from the first layer on",
        drift("f, np.append(np.cumprod((n[1:] * v)[1:]), 1.0)"),
        {"drift": 2},
    ),
    ("the gradient is divided by that of the first layer", drift("f, b / b[0]"), {"drift": 2}),
]

# No task of the machine needs the figure, which takes the longest.
WRONG = [(what, {**cells, "bottleneck_plot": ""}, losses) for what, cells, losses in WRONG]
