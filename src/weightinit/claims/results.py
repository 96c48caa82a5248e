"""A claim as `claims.toml` states it, and together with the number that was measured for it."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from importlib import resources

import numpy as np

from weightinit._checks import as_numbers, check_instance, check_number


@dataclass(frozen=True)
class Claim:
    """One entry of ``claims.toml``; the fields are explained at the top of that file."""

    id: str
    chapter: str
    anchor: str
    statement: str
    verdict: str
    finding: str


@functools.cache
def load() -> dict[str, Claim]:
    """Read ``claims.toml``: the claims by id, in the order of the file.

    Raises
    ------
    ValueError
        As `parse`.

    Examples
    --------
    >>> load()["1.3"].verdict
    'holds under a condition'
    """
    return parse(resources.files("weightinit.claims").joinpath("claims.toml").read_text("utf-8"))


def parse(text: str) -> dict[str, Claim]:
    """Turn the text of a claims file into claims by id; a ValueError says what is wrong with it."""
    document = tomllib.loads(text)  # its TOMLDecodeError is a ValueError that names the line
    lists = all(isinstance(value, list) for value in document.values())
    if set(document) != {"verdicts", "claim"} or not lists:
        found = ", ".join(document)
        raise ValueError(f"a claims file holds lists of verdicts and [[claim]]s, found: {found}")
    claims: dict[str, Claim] = {}
    for entry in document["claim"]:
        new = _validated(entry, document["verdicts"])
        if new.id in claims or any(new.anchor == old.anchor for old in claims.values()):
            raise ValueError(f"claim {new.id!r}: id and anchor must be unique")
        claims[new.id] = new
    return claims


def _validated(entry: Mapping, verdicts: list[str]) -> Claim:
    where = f"claim {entry.get('id', '(without id)')!r}"
    names = [field.name for field in fields(Claim)]
    if missing := [name for name in names if name not in entry]:
        raise ValueError(f"{where}: missing: {', '.join(missing)}")
    if unknown := [name for name in entry if name not in names]:
        raise ValueError(f"{where}: unknown: {', '.join(unknown)}; allowed: {', '.join(names)}")
    for name, value in entry.items():
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"{where}: {name} must be non-empty text, got {value!r}")
    if entry["verdict"] not in verdicts:
        raise ValueError(f"{where}: verdict {entry['verdict']!r}; allowed: {', '.join(verdicts)}")
    return Claim(**entry)


def find(id: str) -> Claim:
    """Return the claim with this id, or raise a ValueError that names those there are."""
    if not isinstance(id, str) or id not in load():
        raise ValueError(f"unknown claim {id!r}; known: {', '.join(load())}")
    return load()[id]


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

    def __post_init__(self):
        check_instance("claim", self.claim, Claim, 'find("1.1")')
        if len(self.measured) != (1 if self.runs == 1 else 3):
            raise ValueError(f"{self.runs} runs have one number or three, got {self.measured}")

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
        return {**vars(self), "claim": self.claim.id, "measured": list(self.measured)}

    @classmethod
    def from_dict(cls, data: Mapping) -> Result:
        """Build a result from what `to_dict` returned.

        Raises
        ------
        TypeError, ValueError
            If it is not what `to_dict` returns, or the claim's id is unknown.
        """
        check_instance("data", data, Mapping)
        names = [field.name for field in fields(cls)]
        if sorted(data) != sorted(names):
            raise ValueError(f"data must hold {', '.join(names)}, got {', '.join(map(str, data))}")
        return cls(**{**data, "claim": find(data["claim"]), "measured": tuple(data["measured"])})

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
    measured: float | Sequence[float],
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
    TypeError, ValueError
        If the id is unknown, no bound is given, a bound is not a finite number or the two exclude
        each other, `measured` does not hold numbers, is empty or has more than one dimension, or
        `source` is empty.

    Examples
    --------
    >>> claim("1.1", [1e-12, 2e-12, 4e-12], at_most=1e-9, source="a ratio, 3 seeds").value
    '2e-12 (median of 3; quartiles 1.5e-12 and 3e-12)'
    """
    entry = find(id)
    _check_bound(at_least, at_most)
    if not isinstance(source, str) or not source.strip():
        raise ValueError(f"source must say in words what was measured, got {source!r}")
    values = as_numbers("measured", measured)
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
    bounds = {"at_least": at_least, "at_most": at_most}
    given = {name: bound for name, bound in bounds.items() if bound is not None}
    if not given:
        raise ValueError("give a bound: at_least, at_most or both")
    for name, bound in given.items():
        check_number(name, bound)
        if not np.isfinite(bound):
            raise ValueError(f"{name}: a bound must be finite, got {bound}")
    if len(given) == 2 and at_least > at_most:
        raise ValueError(f"no number is at least {at_least} and at most {at_most}")


def _plain(bound) -> float | None:
    return None if bound is None else float(bound)
