"""Wrong answers to assignment 1, and what each loses."""

WALK = """
def walk_back(hs, weights, slope, grad_h):
    sizes = [{size}]
    for k in range(len(weights) - 1, -1, -1):
        grad_h = {step}
        sizes.append({size})
    return {order}
"""
SIZE, STEP = "np.sqrt((grad_h**2).mean())", "(grad_h @ weights[k]) * slope(hs[k])"
LAYER = """
def layer_backward(x, W, b, slope, grad_out):
    h = x @ W.T + b
    grad_h = {grad_h}
    return {answers}
"""
GRAD_H, ANSWERS = "grad_out * slope(h)", "grad_h @ W, grad_h.T @ x, grad_h.sum(axis=0)"
THEORY = """
def predicted_factors(phi, slope, nv, L, m=1.0):
    q, factors = {q}, []
    for _ in range(L - 1):
        {first}
        {second}
    return factors
"""
FACTOR = "factors.append(math.sqrt(nv * mean_over_gaussian(lambda h: slope(h) ** 2, q)))"
MAP = "q = nv * mean_over_gaussian(lambda h: phi(h) ** 2, q)"

WRONG = [
    (
        "chi1 is taken for the factor on the size",
        {
            "until_answer": """
def layers_until(chi1, threshold):
    return math.ceil(math.log(threshold) / math.log(chi1))
"""
        },
        {"until": 1.5},
    ),
    (
        "the number of layers is not rounded",
        {
            "until_answer": """
def layers_until(chi1, threshold):
    return 2 * math.log(threshold) / math.log(chi1)
"""
        },
        {"until": 1.5},
    ),
    (
        "the number of layers is rounded down",
        {
            "until_answer": """
def layers_until(chi1, threshold):
    return int(2 * math.log(threshold) / math.log(chi1))
"""
        },
        {"until": 1.5},
    ),
    (
        "the number of layers is rounded to the nearest",
        {
            "until_answer": """
def layers_until(chi1, threshold):
    return round(2 * math.log(threshold) / math.log(chi1))
"""
        },
        {"until": 1.5},
    ),
    (
        "the gradient by h is taken for that by W",
        {"flat_answer": "def weight_gradient_ratio(a, b, L):\n    return b ** (L - 1)"},
        {"flat": 1.5},
    ),
    (
        "squares of sizes in the place of sizes",
        {"flat_answer": "def weight_gradient_ratio(a, b, L):\n    return (b / a) ** (2 * L - 2)"},
        {"flat": 1.5},
    ),
    (
        "roots of sizes in the place of sizes",
        {"flat_answer": "def weight_gradient_ratio(a, b, L):\n    return (b / a) ** ((L - 1) / 2)"},
        {"flat": 1.5},
    ),
    (
        "signal and gradient shrink in one direction",
        {"flat_answer": "def weight_gradient_ratio(a, b, L):\n    return (a * b) ** (L - 1)"},
        {"flat": 1.5},
    ),
    (
        "one step too many between the layers",
        {"flat_answer": "def weight_gradient_ratio(a, b, L):\n    return (b / a) ** L"},
        {"flat": 1.5},
    ),
    (
        "the last layer over the first",
        {"flat_answer": "def weight_gradient_ratio(a, b, L):\n    return (a / b) ** (L - 1)"},
        {"flat": 1.5},
    ),
    (
        "the first layer's own output in the place of its input",
        {"flat_answer": "def weight_gradient_ratio(a, b, L):\n    return b ** (L - 1) / a**L"},
        {"flat": 1.5},
    ),
    (
        "the chain rule's factor c is forgotten",
        {
            "near_answer": """
def chi1_near_zero(n, v, q, s, c):
    return n * v * s**2 * (1 / 16 - c**2 * q / 32)
"""
        },
        {"near": 2},
    ),
    (
        "in the correction, c is not squared",
        {
            "near_answer": """
def chi1_near_zero(n, v, q, s, c):
    return n * v * (s * c) ** 2 * (1 / 16 - c * q / 32)
"""
        },
        {"near": 1.5},
    ),
    (
        "in the correction, c is forgotten",
        {
            "near_answer": """
def chi1_near_zero(n, v, q, s, c):
    return n * v * (s * c) ** 2 * (1 / 16 - q / 32)
"""
        },
        {"near": 1.5},
    ),
    (
        "a wider spread lets the slope grow",
        {
            "near_answer": """
def chi1_near_zero(n, v, q, s, c):
    return n * v * (s * c) ** 2 * (1 / 16 + c**2 * q / 32)
"""
        },
        {"near": 1.5},
    ),
    (
        "the mean over the Gaussian by numbers, with all powers of q",
        {
            "near_answer": """
def chi1_near_zero(n, v, q, s, c):
    return n * v * mean_over_gaussian(lambda h: (s * c * sigmoid_slope(c * h)) ** 2, q)
"""
        },
        {"near": 0.5},
    ),
    (
        "the mixed product of the square is counted once",
        {
            "near_answer": """
def chi1_near_zero(n, v, q, s, c):
    return n * v * (s * c) ** 2 * (1 / 16 - c**2 * q / 64)
"""
        },
        {"near": 1.5},
    ),
    (
        "the mixed product of the square is counted four times",
        {
            "near_answer": """
def chi1_near_zero(n, v, q, s, c):
    return n * v * (s * c) ** 2 * (1 / 16 - c**2 * q / 16)
"""
        },
        {"near": 1.5},
    ),
    (
        "a term in q squared is left over",
        {
            "near_answer": """
def chi1_near_zero(n, v, q, s, c):
    return n * v * (s * c) ** 2 * (1 / 4 - c**2 * q / 16) ** 2
"""
        },
        {"near": 0.5},
    ),
    (
        "the spread of h is left out",
        {
            "near_answer": """
def chi1_near_zero(n, v, q, s, c):
    return n * v * (s * c / 4) ** 2
"""
        },
        {"near": 2},
    ),
    (
        "the slope is forgotten",
        {"layer_answer": LAYER.format(grad_h="grad_out", answers=ANSWERS)},
        {"layer": 4},
    ),
    (
        "the slope is taken at what arrives",
        {"layer_answer": LAYER.format(grad_h="grad_out * slope(grad_out)", answers=ANSWERS)},
        {"layer": 4},
    ),
    (
        "the slope is taken at h without the bias",
        {"layer_answer": LAYER.format(grad_h="grad_out * slope(x @ W.T)", answers=ANSWERS)},
        {"layer": 4},
    ),
    (
        "the slope is that of the sigmoid, whatever the activation",
        {"layer_answer": LAYER.format(grad_h="grad_out * sigmoid_slope(h)", answers=ANSWERS)},
        {"layer": 4},
    ),
    (
        "means over images in the place of sums",
        {
            "layer_answer": LAYER.format(
                grad_h=GRAD_H, answers="grad_h @ W, grad_h.T @ x / len(x), grad_h.mean(axis=0)"
            )
        },
        {"layer": 2},
    ),
    (
        "the gradient by the weights is transposed",
        {
            "layer_answer": LAYER.format(
                grad_h=GRAD_H, answers="grad_h @ W, x.T @ grad_h, grad_h.sum(axis=0)"
            )
        },
        {"layer": 2},
    ),
    (
        "the gradient by the input goes without the slope",
        {
            "layer_answer": LAYER.format(
                grad_h=GRAD_H, answers="grad_out @ W, grad_h.T @ x, grad_h.sum(axis=0)"
            )
        },
        {"layer": 2},
    ),
    (
        "the gradient by the input takes the slope at the input",
        {
            "layer_answer": LAYER.format(
                grad_h=GRAD_H,
                answers="(grad_out @ W) * slope(x), grad_h.T @ x, grad_h.sum(axis=0)",
            )
        },
        {"layer": 2},
    ),
    (
        "one bias gradient for each image",
        {"layer_answer": LAYER.format(grad_h=GRAD_H, answers="grad_h @ W, grad_h.T @ x, grad_h")},
        {"layer": 1},
    ),
    (
        "the list begins with the top layer",
        {"walk_answer": WALK.format(size=SIZE, step=STEP, order="sizes")},
        {"walk": 2},
    ),
    (
        "norms in the place of sizes",
        {"walk_answer": WALK.format(size="np.linalg.norm(grad_h)", step=STEP, order="sizes[::-1]")},
        {"walk": 2},
    ),
    (
        "the slope is left out on the way",
        {"walk_answer": WALK.format(size=SIZE, step="grad_h @ weights[k]", order="sizes[::-1]")},
        {"walk": 2},
    ),
    (
        "the standard deviation in the place of the size",
        {"walk_answer": WALK.format(size="grad_h.std()", step=STEP, order="sizes[::-1]")},
        {"walk": 2},
    ),
    (
        "the mean absolute value in the place of the size",
        {"walk_answer": WALK.format(size="np.abs(grad_h).mean()", step=STEP, order="sizes[::-1]")},
        {"walk": 2},
    ),
    (
        "the weights are taken from the bottom up",
        {
            "walk_answer": WALK.format(
                size=SIZE, step=STEP.replace("weights[k]", "weights[-1 - k]"), order="sizes[::-1]"
            )
        },
        {"walk": 2},
    ),
    (
        "the step of task 4, where the activation comes after the weights",
        {
            "walk_answer": WALK.format(
                size=SIZE,
                step="(grad_h * slope(hs[k] @ weights[k].T)) @ weights[k]",
                order="sizes[::-1]",
            )
        },
        {"walk": 2},
    ),
    (
        "the slope comes before the weights, at the layer above",
        {
            "walk_answer": WALK.format(
                size=SIZE, step="(grad_h * slope(hs[k + 1])) @ weights[k]", order="sizes[::-1]"
            )
        },
        {"walk": 2},
    ),
    (
        "the factor is that of the way up",
        {
            "fit_answer": """
def fit_factor(sizes):
    sizes = np.asarray(sizes)
    layers, keep = np.arange(len(sizes)), sizes > 0
    return math.exp(np.polyfit(layers[keep], np.log(sizes[keep]), 1)[0])
"""
        },
        {"fit": 2},
    ),
    (
        "a list of sizes is not thought of",
        {
            "fit_answer": """
def fit_factor(sizes):
    keep = sizes > 0
    return math.exp(-np.polyfit(np.flatnonzero(keep), np.log(sizes[keep]), 1)[0])
"""
        },
        {"fit": 0.5},
    ),
    (
        "only the first and the last size count",
        {
            "fit_answer": """
def fit_factor(sizes):
    return (sizes[0] / sizes[-1]) ** (1 / (len(sizes) - 1))
"""
        },
        {"fit": 2},
    ),
    (
        "only the first and the last size above 0 count",
        {
            "fit_answer": """
def fit_factor(sizes):
    sizes = np.asarray(sizes)
    keep = np.flatnonzero(sizes)
    return (sizes[keep[0]] / sizes[keep[-1]]) ** (1 / (keep[-1] - keep[0]))
"""
        },
        {"fit": 1.5},
    ),
    (
        "the logarithm and the power have different bases",
        {
            "fit_answer": """
def fit_factor(sizes):
    sizes = np.asarray(sizes)
    keep = np.flatnonzero(sizes)
    return 10 ** -np.polyfit(keep, np.log(sizes[keep]), 1)[0]
"""
        },
        {"fit": 2},
    ),
    (
        "layers are renumbered after zeros are left out",
        {
            "fit_answer": """
def fit_factor(sizes):
    logs = np.log([size for size in sizes if size > 0])
    return math.exp(-np.polyfit(range(len(logs)), logs, 1)[0])
"""
        },
        {"fit": 0.5},
    ),
    (
        "zeros become a tiny number",
        {
            "fit_answer": """
def fit_factor(sizes):
    logs = np.log(np.asarray(sizes) + 1e-300)
    return math.exp(-np.polyfit(range(len(logs)), logs, 1)[0])
"""
        },
        {"fit": 0.5},
    ),
    (
        "the mean of the ratios",
        {
            "fit_answer": """
def fit_factor(sizes):
    sizes = np.asarray(sizes)
    return np.mean(sizes[:-1] / sizes[1:])
"""
        },
        {"fit": 2},
    ),
    (
        "layers and logarithms are swapped",
        {
            "fit_answer": """
def fit_factor(sizes):
    sizes = np.asarray(sizes)
    keep = np.flatnonzero(sizes)
    return math.exp(-np.polyfit(np.log(sizes[keep]), keep, 1)[0])
"""
        },
        {"fit": 2},
    ),
    (
        "the factors are chi1 itself",
        {
            "theory_answer": THEORY.format(
                q="nv * m", first=FACTOR.replace("math.sqrt", ""), second=MAP
            )
        },
        {"theory": 2.5},
    ),
    (
        "q starts at the mean square of the input",
        {"theory_answer": THEORY.format(q="m", first=FACTOR, second=MAP)},
        {"theory": 2},
    ),
    (
        "nv is missing under the root",
        {"theory_answer": THEORY.format(q="nv * m", first=FACTOR.replace("nv * ", ""), second=MAP)},
        {"theory": 2.5},
    ),
    (
        "the mean is over numbers of variance sqrt(q)",
        {
            "theory_answer": THEORY.format(
                q="nv * m",
                first=FACTOR.replace(", q)", ", math.sqrt(q))"),
                second=MAP.replace(", q)", ", math.sqrt(q))"),
            )
        },
        {"theory": 2},
    ),
    (
        "q moves on before the factor is stored",
        {"theory_answer": THEORY.format(q="nv * m", first=MAP, second=FACTOR)},
        {"theory": 2},
    ),
    (
        "q stays where it starts",
        {"theory_answer": THEORY.format(q="nv * m", first=FACTOR, second="pass")},
        {"theory": 2},
    ),
    (
        "the map of q goes without nv",
        {"theory_answer": THEORY.format(q="nv * m", first=FACTOR, second=MAP.replace("nv * ", ""))},
        {"theory": 2},
    ),
    (
        "the mean slope is squared, not the slope",
        {
            "theory_answer": THEORY.format(
                q="nv * m",
                first="factors.append(math.sqrt(nv) * mean_over_gaussian(slope, q))",
                second=MAP,
            )
        },
        {"theory": 2},
    ),
    (
        "the variance of the activation in the place of its mean square",
        {
            "theory_answer": THEORY.format(
                q="nv * m", first=FACTOR, second=f"{MAP} - nv * mean_over_gaussian(phi, q) ** 2"
            )
        },
        {"theory": 2},
    ),
    (
        "the list of factors begins with the top",
        {
            "theory_answer": THEORY.format(q="nv * m", first=FACTOR, second=MAP).replace(
                "return factors", "return factors[::-1]"
            )
        },
        {"theory": 2},
    ),
]

# No task of the machine needs the figure, which takes the longest.
WRONG = [(what, {**cells, "weights_plot": ""}, losses) for what, cells, losses in WRONG]
