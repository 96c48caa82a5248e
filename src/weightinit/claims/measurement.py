"""One piece of evidence for a claim: a measured number, its bound, and its control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from weightinit._checks import as_numbers, check_instance, check_number

Numbers = float | Sequence[float]


@dataclass(frozen=True)
class Measurement:
    """What `evidence` returns: the number measured, the bound, and the control.

    Attributes
    ----------
    source : str
        What was measured.
    measured : tuple of float
        The value alone, or lower quartile, median and upper quartile over the seeds. NaN if one
        of several values is NaN or infinite.
    runs : int
        How many values were measured (1 for a single number).
    at_least, at_most : float or None
        The bound.
    control : str or None
        The network or setting for which the bound should break.
    control_median : float or None
        The median of what was measured there.
    control_runs : int
        How many values that were; 0 without a control.
    formula : bool
        Whether it is a formula, checked on samples.
    """

    source: str
    measured: tuple[float, ...]
    runs: int
    at_least: float | None
    at_most: float | None
    control: str | None = None
    control_median: float | None = None
    control_runs: int = 0
    formula: bool = False

    def __post_init__(self):
        if len(self.measured) != (1 if self.runs == 1 else 3):
            raise ValueError(f"{self.runs} runs have one number or three, got {self.measured}")

    @property
    def kept(self) -> bool:
        """Whether the number keeps its bound: of several, the quartiles."""
        return bool(np.all(np.isfinite(self.measured))) and self._within(
            self.measured[0], self.measured[-1]
        )

    @property
    def can_fail(self) -> bool:
        """Whether there is a control and it breaks the bound."""
        if self.control is None or np.isnan(self.control_median):
            return False
        return not self._within(self.control_median, self.control_median)

    def _within(self, low: float, high: float) -> bool:
        enough = self.at_least is None or low >= self.at_least
        return enough and (self.at_most is None or high <= self.at_most)

    def margin(self) -> float:
        """Return how far the number is from its bound, relative to the bound.

        Returns
        -------
        float
            Negative where the bound is broken; of two bounds, the distance from the nearer one.
            Absolute where the bound is 0.

        Examples
        --------
        >>> evidence("a ratio", 0.5, at_most=2, formula=True).margin()
        0.75
        """
        distances = []
        if self.at_least is not None:
            distances.append((self.measured[0] - self.at_least) / (abs(self.at_least) or 1))
        if self.at_most is not None:
            distances.append((self.at_most - self.measured[-1]) / (abs(self.at_most) or 1))
        return float(np.min(distances))  # NaN stays NaN

    @property
    def bound(self) -> str:
        """The bound in words.

        Examples
        --------
        >>> evidence("a ratio", 0.5, at_least=0.1, at_most=1).bound
        'at least 0.1 and at most 1'
        """
        parts = (("at least", self.at_least), ("at most", self.at_most))
        return " and ".join(f"{words} {value:.4g}" for words, value in parts if value is not None)

    @property
    def value(self) -> str:
        """The measured number in words, with its spread if there were several runs.

        Examples
        --------
        >>> evidence("a ratio", [1, 2, 3, 4], at_most=9).value
        '2.5 (median of 4; quartiles 1.75 and 3.25)'
        """
        if len(self.measured) == 1:
            return f"{self.measured[0]:.4g}"
        low, median, high = self.measured
        return f"{median:.4g} (median of {self.runs}; quartiles {low:.4g} and {high:.4g})"

    @property
    def sentence(self) -> str:
        """What was measured and required, and what the control shows.

        Examples
        --------
        >>> evidence("a ratio", 0.5, at_most=1, control=("twice the scale", [7, 8])).sentence
        'Measured, a ratio: 0.5. Required: at most 1. Control, twice the scale: 7.5 (median of 2), which breaks the bound.'
        """  # noqa: E501 -- a doctest's output has to stand on one line
        kind = "Formula checked on samples" if self.formula else "Measured"
        broken = "" if self.kept else " This breaks the bound."
        return f"{kind}, {self.source}: {self.value}. Required: {self.bound}.{broken}" + (
            f" {self.control_sentence}" if self.control else ""
        )

    @property
    def control_sentence(self) -> str:
        """What the control shows; empty without one."""
        if self.control is None:
            return ""
        runs = f" (median of {self.control_runs})" if self.control_runs > 1 else ""
        says = "breaks the bound" if self.can_fail else "does not break the bound"
        return f"Control, {self.control}: {self.control_median:.4g}{runs}, which {says}."

    def to_dict(self) -> dict:
        """Return the numbers as stored with a notebook's output; `from_dict` undoes it."""
        stored = {**vars(self), "measured": list(self.measured)}
        if self.control is not None and np.isinf(self.control_median):
            stored["control_median"] = str(self.control_median)  # JSON has no infinity
        return stored

    @classmethod
    def from_dict(cls, data: Mapping) -> Measurement:
        """Build a measurement from what `to_dict` returned; errors as `Result.from_dict`."""
        check_instance("data", data, Mapping)
        names = [field.name for field in fields(cls)]
        if sorted(data) != sorted(names):
            raise ValueError(f"data must hold {', '.join(names)}, got {', '.join(map(str, data))}")
        median = data["control_median"]
        return cls(
            **{
                **data,
                "measured": tuple(map(float, data["measured"])),  # Jupyter stores NaN as text
                "control_median": None if median is None else float(median),
            }
        )


def evidence(
    source: str,
    measured: Numbers,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    control: tuple[str, Numbers] | None = None,
    formula: bool = False,
) -> Measurement:
    """Put a measured number, its bound and its control together, for `claim` to check.

    Parameters
    ----------
    source : str
        What was measured, in words: quantity, network.
    measured : float or 1-D sequence of float
        One number, or one per seed. Of several numbers the quartiles must keep the bound: the
        lower quartile for `at_least`, the upper one for `at_most`, so that about
        three quarters of the seeds support the verdict.
    at_least, at_most : float, optional
        The bound, inclusive; one of them or both.
    control : tuple of str and (float or 1-D sequence of float), optional
        A network or setting for which the bound should not hold, in words, and what was measured
        there. The median must break the bound; it may be infinite, not NaN.
    formula : bool
        Whether this is a formula checked on samples, for which there is no control.

    Returns
    -------
    Measurement
        To be handed to `claim`.

    Raises
    ------
    TypeError, ValueError
        If no bound is given, a bound is not a finite number or the two exclude each other, numbers
        are none, or more than a list of them, words are missing, or a formula has a control.

    Examples
    --------
    >>> slope = evidence("largest slope", 0.25, at_most=0.25, control=("tanh", 1.0))
    >>> slope.kept, slope.can_fail
    (True, True)
    """
    _check_words("source must say in words what was measured", source)
    _check_bound(at_least, at_most)
    if not isinstance(formula, bool):
        raise TypeError(f"formula must be True or False, got {formula!r}")
    bounds = [float(bound) for bound in (at_least, at_most) if bound is not None]
    given = {}
    if control is not None:
        if formula:
            raise ValueError("a formula checked on samples has no control; give one of the two")
        if not isinstance(control, tuple | list) or len(control) != 2:
            raise TypeError(
                f'control must be a pair, such as ("a shallow network", numbers), got {control!r}'
            )
        words, numbers = control
        _check_words("control must begin with the network or setting, in words", words)
        values = _numbers("the control's numbers", numbers)
        median = _rounded(np.median(values), bounds)
        given = {"control": words, "control_median": median, "control_runs": values.size}
    values = _numbers("measured", measured)
    if values.size > 1:
        finite = np.all(np.isfinite(values))
        values_shown = np.quantile(values, [0.25, 0.5, 0.75]) if finite else [np.nan] * 3
    else:
        values_shown = values
    shown = tuple(_rounded(value, bounds) for value in values_shown)
    low, high = (None if bound is None else float(bound) for bound in (at_least, at_most))
    return Measurement(source, shown, values.size, low, high, **given, formula=formula)


def _numbers(name: str, given: Numbers) -> np.ndarray:
    values = as_numbers(name, given)
    if values.ndim > 1 or values.size == 0:
        raise ValueError(
            f"{name} must be a number or a non-empty 1-D sequence of numbers, "
            f"got an array of shape {values.shape}"
        )
    return values.reshape(-1)


def _rounded(value: float, bounds: Sequence[float]) -> float:
    """Round to nine digits, unless that would carry the value across a bound or onto it."""
    # Nine digits: enough to compare by tolerance, few enough to read in a diff.
    rounded = float(f"{value:.9g}")
    same = all(np.sign(rounded - bound) == np.sign(value - bound) for bound in bounds)
    return rounded if same else float(value)


def _check_words(what: str, words: object) -> None:
    if not isinstance(words, str) or not words.strip():
        raise ValueError(f"{what}, got {words!r}")


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
