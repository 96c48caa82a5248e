"""The statements the course puts to the test, and the check that each of them still stands.

`claims.toml` holds the statements and verdicts; a chapter measures a number and hands it to
`claim`, which shows the statement, the number, the bound and the verdict, and raises when the
number no longer supports the verdict.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from weightinit._claims_file import VERDICTS, Claim, find, load, parse
from weightinit._claims_page import page, stored_results, table
from weightinit._claims_result import Result

__all__ = [
    "VERDICTS",
    "Claim",
    "ClaimBroken",
    "Result",
    "claim",
    "load",
    "page",
    "parse",
    "stored_results",
    "table",
]


class ClaimBroken(AssertionError):
    """A measured number no longer supports the verdict of its claim."""


def claim(
    id: str,
    measured: float | Iterable[float],
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    source: str,
) -> Result:
    """Check a measured number against the bound its claim needs, and show both.

    Parameters
    ----------
    id : str
        The claim's id in ``claims.toml``, for instance ``"1.1"``.
    measured : float or 1-D sequence of float
        One number, or one per seed. Of several numbers the quartiles must keep the bound: the
        lower quartile for `at_least`, the upper one for `at_most`, so that about
        three quarters of the seeds support the verdict.
    at_least, at_most : float, optional
        The bound, inclusive; one of them or both.
    source : str
        What was measured, in words: quantity, network, number of seeds.

    Returns
    -------
    Result
        Shown by a notebook when it is the last line of a cell.

    Raises
    ------
    ClaimBroken
        If the bound is not kept, or if a measured number is NaN or infinite.
    ValueError
        If the id is unknown, no bound is given, a bound is not finite or the two exclude each
        other, `measured` is empty or has more than one dimension, or `source` is empty.

    Examples
    --------
    >>> claim("1.1", [1e-12, 2e-12, 4e-12], at_most=1e-9, source="a ratio, 3 seeds").value
    '2e-12 (median of 3; quartiles 1.5e-12 and 3e-12)'
    """
    entry = find(id)
    _check_bound(at_least, at_most)
    if not isinstance(source, str) or not source.strip():
        raise ValueError(f"source must say in words what was measured, got {source!r}")
    values = np.asarray(measured, dtype=float)
    if values.ndim > 1 or values.size == 0:
        raise ValueError(
            "measured must be a number or a non-empty 1-D sequence of numbers, "
            f"got an array of shape {values.shape}"
        )
    if not np.all(np.isfinite(values)):
        bad = ", ".join(map(str, values[~np.isfinite(values)])) if values.ndim else str(values)
        raise ClaimBroken(f"claim {id}: {source}: measured numbers must be finite, got {bad}")
    one = values.size == 1
    summary = values.reshape(1) if one else np.quantile(values, [0.25, 0.5, 0.75])
    # Nine digits: enough to compare by tolerance, few enough to read in a diff.
    shown = tuple(float(f"{value:.9g}") for value in summary)
    result = Result(entry, shown, values.size, _plain(at_least), _plain(at_most), source)
    too_low = at_least is not None and summary[0] < at_least
    too_high = at_most is not None and summary[-1] > at_most
    if too_low or too_high:
        raise ClaimBroken(
            f"claim {id} is no longer supported: {source}: measured {result.value}, "
            f"required {result.bound}. The claim: {entry.statement}"
        )
    return result


def _check_bound(at_least: float | None, at_most: float | None) -> None:
    given = [bound for bound in (at_least, at_most) if bound is not None]
    if not given:
        raise ValueError("give a bound: at_least, at_most or both")
    if not np.all(np.isfinite(given)):
        raise ValueError(f"a bound must be finite, got at_least={at_least}, at_most={at_most}")
    if len(given) == 2 and at_least > at_most:
        raise ValueError(f"no number is at least {at_least} and at most {at_most}")


def _plain(bound) -> float | None:
    return None if bound is None else float(bound)
