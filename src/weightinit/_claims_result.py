"""A claim together with the number measured for it, and how a notebook shows the two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from weightinit._claims_file import Claim, find


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
