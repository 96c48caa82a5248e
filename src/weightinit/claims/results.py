"""A claim together with the number measured for it: checked, and shown in a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from weightinit.claims.verdicts import Claim, find


@dataclass(frozen=True)
class Result:
    """A claim with the number measured for it; this is what `claim` returns and shows.

    Attributes
    ----------
    claim : Claim
        The statement and its verdict.
    measured : tuple of float
        The value alone, or lower quartile, median and upper quartile over the seeds.
    runs : int
        How many values were measured (1 for a single number).
    at_least, at_most : float or None
        The bound.
    source : str
        What was measured.
    """

    claim: Claim
    measured: tuple[float, ...]
    runs: int
    at_least: float | None
    at_most: float | None
    source: str

    @property
    def bound(self) -> str:
        """The bound in words.

        Examples
        --------
        >>> Result(find("1.1"), (0.5,), 1, 0.1, 1.0, "a ratio").bound
        'at least 0.1 and at most 1'
        """
        parts = (("at least", self.at_least), ("at most", self.at_most))
        return " and ".join(f"{words} {value:.4g}" for words, value in parts if value is not None)

    @property
    def value(self) -> str:
        """The measured number in words, with its spread if there were several runs.

        Examples
        --------
        >>> Result(find("1.1"), (1e-12, 2e-12, 4e-12), 20, None, 1e-9, "a ratio").value
        '2e-12 (median of 20; quartiles 1e-12 and 4e-12)'
        """
        if len(self.measured) == 1:
            return f"{self.measured[0]:.4g}"
        low, median, high = self.measured
        return f"{median:.4g} (median of {self.runs}; quartiles {low:.4g} and {high:.4g})"

    @property
    def measurement(self) -> str:
        """What was measured, the number and its bound, as one sentence.

        Examples
        --------
        >>> Result(find("1.1"), (0.5,), 1, 0.1, None, "a ratio").measurement
        'Measured, a ratio: 0.5. Required: at least 0.1.'
        """
        return f"Measured, {self.source}: {self.value}. Required: {self.bound}."

    def to_dict(self) -> dict:
        """Return the numbers as stored with a notebook's output; `from_dict` undoes it."""
        return {
            "claim": self.claim.id,
            "measured": list(self.measured),
            "runs": self.runs,
            "at_least": self.at_least,
            "at_most": self.at_most,
            "source": self.source,
        }

    @classmethod
    def from_dict(cls, data: Mapping) -> Result:
        """Build a result from what `to_dict` returned.

        Raises
        ------
        ValueError
            If the claim's id is unknown.
        """
        rest = {name: data[name] for name in ("runs", "at_least", "at_most", "source")}
        return cls(claim=find(data["claim"]), measured=tuple(data["measured"]), **rest)

    def __repr__(self) -> str:
        """Return the claim as plain text."""
        claim = self.claim
        return f"Claim {claim.id}, {claim.verdict}: {claim.statement}\n{self.measurement}"

    def _repr_markdown_(self) -> str:
        # The finding stays out: the prose around the cell says it, and so does the page of claims.
        return (
            f"> **Claim {self.claim.id}: {self.claim.verdict}.** *{self.claim.statement}*\n>\n"
            f"> {self.measurement}"
        )

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        # The numbers go into the output's metadata and not into a MIME type of their own:
        # Sphinx warns about every MIME type that it does not know.
        return {}, {"weightinit": self.to_dict()}


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
