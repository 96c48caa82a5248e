"""Wrong answers to assignment 5: what is wrong, the cells, the points that are lost."""

NO_PLOT = {"explain_plot": "pass"}


def orthogonal(*lines):
    body = "\n    ".join(lines)
    return {"orthogonal_answer": f"def orthogonal(n_out, n_in, gain, seed):\n    {body}\n"}


GENERATOR = "generator = torch.Generator().manual_seed(seed)"
TALL = (
    "a = torch.randn(max(n_out, n_in), min(n_out, n_in), generator=generator, dtype=torch.float64)"
)
TURNED = "return gain * (q if n_out >= n_in else q.T)"


def comparison(choose, shown, nan="np.nan_to_num", ddof=1):
    return {
        "tuned_comparison_answer": f"""
def tuned_comparison(train, starts, rates, choosing, showing):
    share = lambda *names: float({nan}(train(*names)))
    table = {{}}
    for start in starts:
        scores = [{choose} for rate in rates]
        rate = rates[int(np.argmax(scores))]
        shown = [share(start, rate, seed) for seed in {shown}]
        table[start] = (rate, np.mean(shown), np.std(shown, ddof={ddof}))
    return table
"""
    }


def compared(old, new):
    """Return the right comparison with one piece changed."""
    text = comparison(MEAN, "showing")["tuned_comparison_answer"]
    assert old in text
    return {"tuned_comparison_answer": text.replace(old, new)}


MEAN = "np.mean([share(start, rate, seed) for seed in choosing])"

FOUND = [
    (
        "steps: a decimal logarithm, without the growth",
        {"extra_steps_answer": "def extra_steps(growth, times):\n    return np.log10(times)"},
        {"extra_steps": 2},
    ),
    (
        "steps: a thousand times smaller takes a thousand times as many",
        {"extra_steps_answer": "def extra_steps(growth, times):\n    return times / growth"},
        {"extra_steps": 2},
    ),
    (
        "steps: the logarithms the other way round",
        {"extra_steps_answer": "def extra_steps(g, times):\n    return np.log(g) / np.log(times)"},
        {"extra_steps": 2},
    ),
    (
        "steps: growth - 1 in the place of its logarithm",
        {"extra_steps_answer": "def extra_steps(g, times):\n    return np.log(times) / (g - 1)"},
        {"extra_steps": 2},
    ),
    (
        "steps: rounded up",
        {
            "extra_steps_answer": """
def extra_steps(growth, times):
    return float(np.ceil(np.log(times) / np.log(growth)))
"""
        },
        {"extra_steps": 2},
    ),
    (
        "steps: rounded to two digits",
        {
            "extra_steps_answer": """
def extra_steps(growth, times):
    return round(float(np.log(times) / np.log(growth)), 2)
"""
        },
        {"extra_steps": 2},
    ),
    (
        "steps: fewer for a smaller noise",
        {"extra_steps_answer": "def extra_steps(g, times):\n    return -np.log(times) / np.log(g)"},
        {"extra_steps": 2},
    ),
    (
        "units: only the layer whose incoming weights are random",
        {
            "units_left_answer": """
def units_left(widths, k):
    return [n if layer == k else 1 for layer, n in enumerate(widths, start=1)]
"""
        },
        {"units_left": 1.5},
    ),
    (
        "units: all layers behind the random weights wake up",
        {
            "units_left_answer": """
def units_left(widths, k):
    return [n if layer >= k - 1 else 1 for layer, n in enumerate(widths, start=1)]
"""
        },
        {"units_left": 1.5},
    ),
    (
        "units: only the layer whose outgoing weights are random",
        {
            "units_left_answer": """
def units_left(widths, k):
    return [n if layer == k - 1 else 1 for layer, n in enumerate(widths, start=1)]
"""
        },
        {"units_left": 1.5},
    ),
    (
        "units: the layer above wakes up, too",
        {
            "units_left_answer": """
def units_left(widths, k):
    return [n if k - 1 <= layer <= k + 1 else 1 for layer, n in enumerate(widths, start=1)]
"""
        },
        {"units_left": 1.5},
    ),
    (
        "units: the layers are counted from 0",
        {
            "units_left_answer": """
def units_left(widths, k):
    return [n if layer in (k - 1, k) else 1 for layer, n in enumerate(widths)]
"""
        },
        {"units_left": 2},
    ),
    (
        "units: an index of -1 is taken for the last layer",
        {
            "units_left_answer": """
def units_left(widths, k):
    left = [1] * len(widths)
    left[k - 2] = widths[k - 2]
    if k <= len(widths):
        left[k - 1] = widths[k - 1]
    return left
"""
        },
        {"units_left": 0.5},
    ),
    (
        "count: each unit is compared with the one before it alone",
        {
            "different_units_answer": """
def different_units(x, tolerance=1e-6):
    return int((np.abs(np.diff(x)).max(axis=0) > tolerance).sum() + 1)
"""
        },
        {"different_units": 2},
    ),
    (
        "count: units that have a copy are not counted",
        {
            "different_units_answer": """
def different_units(x, tolerance=1e-6):
    same = np.abs(x[:, :, None] - x[:, None, :]).max(axis=0) <= tolerance
    return int((same.sum(axis=0) == 1).sum())
"""
        },
        {"different_units": 2},
    ),
    (
        "count: pairs in the place of units",
        {
            "different_units_answer": """
def different_units(x, tolerance=1e-6):
    apart = np.abs(x[:, :, None] - x[:, None, :]).max(axis=0)
    return int((np.tril(apart) > tolerance).sum())
"""
        },
        {"different_units": 2},
    ),
    (
        "count: a tolerance of its own",
        {
            "different_units_answer": """
def different_units(x, tolerance=1e-6):
    apart = np.abs(x[:, :, None] - x[:, None, :]).max(axis=0)
    return int((~np.tril(apart <= 1e-6, -1).any(axis=1)).sum())
"""
        },
        {"different_units": 2},
    ),
    (
        "count: the rank, so multiples count once",
        {
            "different_units_answer": """
def different_units(x, tolerance=1e-6):
    return int(np.linalg.matrix_rank(x, tol=len(x) * tolerance))
"""
        },
        {"different_units": 2},
    ),
    (
        "count: rounds, and counts equal columns",
        {
            "different_units_answer": """
def different_units(x, tolerance=1e-6):
    return np.unique(np.round(x / tolerance), axis=1).shape[1]
"""
        },
        {"different_units": 2},
    ),
    (
        "count: the mean difference in the place of the largest",
        {
            "different_units_answer": """
def different_units(x, tolerance=1e-6):
    apart = np.abs(x[:, :, None] - x[:, None, :]).mean(axis=0)
    return int((~np.tril(apart <= tolerance, -1).any(axis=1)).sum())
"""
        },
        {"different_units": 2},
    ),
    (
        "count: the length of the difference in the place of the largest entry",
        {
            "different_units_answer": """
def different_units(x, tolerance=1e-6):
    apart = np.linalg.norm(x[:, :, None] - x[:, None, :], axis=0)
    return int((~np.tril(apart <= tolerance, -1).any(axis=1)).sum())
"""
        },
        {"different_units": 2},
    ),
    (
        "count: a relative tolerance beside the absolute one",
        {
            "different_units_answer": """
def different_units(x, tolerance=1e-6):
    found = []
    for unit in x.T:
        if not any(np.allclose(unit, other, atol=tolerance) for other in found):
            found.append(unit)
    return len(found)
"""
        },
        {"different_units": 2},
    ),
    (
        "count: looks at the first example only",
        {
            "different_units_answer": """
def different_units(x, tolerance=1e-6):
    return int((np.diff(np.sort(x[0])) > tolerance).sum() + 1)
"""
        },
        {"different_units": 2},
    ),
    (
        "count: a difference without its size",
        {
            "different_units_answer": """
def different_units(x, tolerance=1e-6):
    above = (x[:, :, None] - x[:, None, :]).max(axis=0)
    return int((~np.tril(above <= tolerance, -1).any(axis=1)).sum())
"""
        },
        {"different_units": 2},
    ),
    (
        "gain: the smaller side in the place of the larger",
        {
            "gain_for_answer": """
def gain_for(n_out, n_in, variance):
    return np.sqrt(variance * min(n_out, n_in))
"""
        },
        {"gain_for": 2},
    ),
    (
        "gain: always the number of inputs",
        {
            "gain_for_answer": """
def gain_for(n_out, n_in, variance):
    return np.sqrt(variance * n_in)
"""
        },
        {"gain_for": 1},
    ),
    (
        "gain: its square",
        {
            "gain_for_answer": """
def gain_for(n_out, n_in, variance):
    return variance * max(n_out, n_in)
"""
        },
        {"gain_for": 2},
    ),
    (
        "gain: twice the variance, as in He's rule",
        {
            "gain_for_answer": """
def gain_for(n_out, n_in, variance):
    return np.sqrt(2 * variance * max(n_out, n_in))
"""
        },
        {"gain_for": 2},
    ),
    (
        "gain: the library's root of 2",
        {"gain_for_answer": "def gain_for(n_out, n_in, variance):\n    return 2**0.5"},
        {"gain_for": 2},
    ),
    (
        "orthogonal: the diagonal of R in the place of its signs",
        orthogonal(
            GENERATOR,
            TALL,
            "q, r = torch.linalg.qr(a)",
            "q = q * r.diagonal()",
            TURNED,
        ),
        {"orthogonal": 3.5},
    ),
    (
        "orthogonal: the signs of Q's diagonal",
        orthogonal(
            GENERATOR,
            TALL,
            "q, r = torch.linalg.qr(a)",
            "q = q * q.diagonal().sign()",
            TURNED,
        ),
        {"orthogonal": 1.5},
    ),
    (
        "orthogonal: reshaped, not transposed",
        orthogonal(
            GENERATOR,
            TALL,
            "q, r = torch.linalg.qr(a)",
            "return gain * (q * r.diagonal().sign()).reshape(n_out, n_in)",
        ),
        {"orthogonal": 2},
    ),
    (
        "orthogonal: the library's signs",
        orthogonal(GENERATOR, TALL, "q, r = torch.linalg.qr(a)", TURNED),
        {"orthogonal": 1.5},
    ),
    (
        "orthogonal: one sign for the whole matrix",
        orthogonal(
            GENERATOR,
            TALL,
            "q, r = torch.linalg.qr(a)",
            "q = q * r.diagonal().sign()[0]",
            TURNED,
        ),
        {"orthogonal": 1.5},
    ),
    (
        "orthogonal: the seed is not used",
        orthogonal(
            TALL.replace("generator=generator, ", ""),
            "q, r = torch.linalg.qr(a)",
            "q = q * r.diagonal().sign()",
            TURNED,
        ),
        {"orthogonal": 0.5},
    ),
    (
        "orthogonal: a wide matrix is not transposed",
        orthogonal(
            GENERATOR,
            "a = torch.randn(n_out, n_in, generator=generator, dtype=torch.float64)",
            "q, r = torch.linalg.qr(a)",
            "return gain * q * r.diagonal().sign()",
        ),
        {"orthogonal": 3},
    ),
    (
        "orthogonal: the gain multiplies the squares",
        orthogonal(
            GENERATOR,
            TALL,
            "q, r = torch.linalg.qr(a)",
            "q = q * r.diagonal().sign()",
            TURNED.replace("gain", "gain**0.5"),
        ),
        {"orthogonal": 2},
    ),
    (
        "orthogonal: single precision",
        orthogonal(
            GENERATOR,
            TALL.replace(", dtype=torch.float64", ""),
            "q, r = torch.linalg.qr(a)",
            "q = q * r.diagonal().sign()",
            TURNED,
        ),
        {"orthogonal": 1},
    ),
    (
        "comparison: the showing seeds choose the rate",
        comparison(MEAN.replace("choosing", "showing"), "showing"),
        {"tuned_comparison": 4},
    ),
    (
        "comparison: the luckiest seed chooses the rate",
        comparison(MEAN.replace("mean", "max"), "showing"),
        {"tuned_comparison": 4},
    ),
    (
        "comparison: the median chooses the rate",
        comparison(MEAN.replace("mean", "median"), "showing"),
        {"tuned_comparison": 4},
    ),
    (
        "comparison: the worst seed chooses the rate",
        comparison(MEAN.replace("mean", "min"), "showing"),
        {"tuned_comparison": 4},
    ),
    (
        "comparison: the first choosing seed is left out",
        comparison(MEAN.replace("choosing", "choosing[1:]"), "showing"),
        {"tuned_comparison": 4},
    ),
    (
        "comparison: the last choosing seed is left out",
        comparison(MEAN.replace("choosing", "choosing[:-1]"), "showing"),
        {"tuned_comparison": 4},
    ),
    (
        "comparison: shown on the seeds that chose the rate",
        comparison(MEAN, "choosing"),
        {"tuned_comparison": 3},
    ),
    (
        "comparison: a place in the list in the place of the rate",
        compared("= (rate,", "= (rates.index(rate),"),
        {"tuned_comparison": 2.5},
    ),
    (
        "comparison: the standard error in the place of the deviation",
        compared("ddof=1)", "ddof=1) / len(shown) ** 0.5"),
        {"tuned_comparison": 1.25},
    ),
    (
        "comparison: diverged trainings are left out",
        {
            "tuned_comparison_answer": comparison(
                MEAN.replace("mean", "nanmean"), "showing", nan=""
            )["tuned_comparison_answer"].replace("np.mean(shown)", "np.nanmean(shown)")
        },
        {"tuned_comparison": 1.25},
    ),
    (
        "comparison: the deviation divides by n",
        comparison(MEAN, "showing", ddof=0),
        {"tuned_comparison": 1.25},
    ),
    (
        "comparison: start and rate change places in train",
        compared("(start, rate, seed)", "(rate, start, seed)"),
        {"tuned_comparison": 4},
    ),
    (
        "comparison: the rate stands last in the table",
        compared(
            "(rate, np.mean(shown), np.std(shown, ddof=1))",
            "(np.mean(shown), np.std(shown, ddof=1), rate)",
        ),
        {"tuned_comparison": 4},
    ),
    (
        "comparison: the table is printed, not returned",
        compared("return table", "print(table)"),
        {"tuned_comparison": 4},
    ),
    (
        "comparison: the variance in the place of the deviation",
        compared("np.std(", "np.var("),
        {"tuned_comparison": 1.25},
    ),
    (
        "comparison: of equally good rates the largest",
        compared(
            "rates[int(np.argmax(scores))]",
            "rates[len(rates) - 1 - int(np.argmax(scores[::-1]))]",
        ),
        {"tuned_comparison": 0.75},
    ),
]
WRONG = [(what, cells | NO_PLOT, lost) for what, cells, lost in FOUND]
