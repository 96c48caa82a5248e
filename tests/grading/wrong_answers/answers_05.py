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
        "comparison: diverged trainings are left out",
        {
            "tuned_comparison_answer": comparison(
                MEAN.replace("mean", "nanmean"), "showing", nan=""
            )["tuned_comparison_answer"].replace("np.mean(shown)", "np.nanmean(shown)")
        },
        {"tuned_comparison": 1},
    ),
    (
        "comparison: the deviation divides by n",
        comparison(MEAN, "showing", ddof=0),
        {"tuned_comparison": 1},
    ),
    (
        "comparison: of equally good rates the largest",
        {
            "tuned_comparison_answer": comparison(MEAN, "showing")[
                "tuned_comparison_answer"
            ].replace(
                "rates[int(np.argmax(scores))]",
                "rates[len(rates) - 1 - int(np.argmax(scores[::-1]))]",
            )
        },
        {"tuned_comparison": 1},
    ),
]
WRONG = [(what, cells | NO_PLOT, lost) for what, cells, lost in FOUND]
