"""A claim together with all its evidence: checked, and shown as one box."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan
from textwrap import shorten

from weightinit._checks import check_instance
from weightinit._rerun import is_rerun
from weightinit.claims.measurement import Measurement
from weightinit.claims.statements import Claim, find

SIGNS = {"true": "✓", "true if …": "◐", "too strong": "▲", "not true": "✗"}
# Dark enough for white letters, and to be told from both a white and a black page.
COLOURS = {
    "true": "#00714f",
    "true if …": "#1f5f99",
    "too strong": "#8a4500",
    "not true": "#a61c3c",
}
NEW_FORM = (
    'claim takes the id and its evidence: claim("1.1", evidence("what was measured", numbers, '
    'at_most=1, control=("where it should not hold", other_numbers)), ...)'
)


def css_class(verdict: str) -> str:
    """Return the name under which style sheets know a verdict.

    Examples
    --------
    >>> css_class("true if …")
    'true-if'
    """
    return "-".join(verdict.replace("…", "").split())


def pill(verdict: str) -> str:
    """Return a verdict as HTML: sign and word on its colour.

    Examples
    --------
    >>> pill("true").split("> ")[-1]
    'true</span>'
    """
    # A notebook page has no style sheet of ours: the colours stand here. White on a dark colour is
    # legible on a white and on a black page.
    style = (
        f"background-color: {COLOURS[verdict]}; color: #ffffff; padding: 2px 9px; "
        "border-radius: 10px; font-weight: bold; white-space: nowrap"
    )
    sign = f'<span aria-hidden="true">{SIGNS[verdict]}</span>'
    name = f"verdict {css_class(verdict)}"
    return f'<span class="{name}" style="{style}">{sign} {html.escape(verdict)}</span>'


@dataclass(frozen=True)
class Result:
    """A claim with all that was measured for it; this is what `claim` returns and shows.

    Attributes
    ----------
    claim : Claim
        The statement, its verdict and the finding.
    evidence : tuple of Measurement
        What was measured, each with its bound and its control.
    """

    claim: Claim
    evidence: tuple[Measurement, ...]

    def __post_init__(self):
        check_instance("claim", self.claim, Claim, 'find("1.1")')
        for piece in self.evidence:
            check_instance("evidence", piece, Measurement, 'evidence("a ratio", 0.5, at_most=1)')
        if not self.evidence:
            raise ValueError(f"claim {self.claim.id} has no evidence. {NEW_FORM}")
        controlled = any(piece.control is not None for piece in self.evidence)
        if not controlled and not all(piece.formula for piece in self.evidence):
            raise ValueError(
                f"claim {self.claim.id} has no control. Give one of its evidence "
                'control=("where it should not hold", numbers); only a claim whose evidence is all '
                "formula=True needs none"
            )

    @property
    def faults(self) -> list[str]:
        """A sentence for each bound that is broken and each control that breaks none."""
        found = []
        for piece in self.evidence:
            if not piece.kept:
                found.append(f"{piece.source}: measured {piece.value}, required {piece.bound}")
            if piece.control is not None and not piece.can_fail:
                found.append(
                    f"{piece.source}: the control {piece.control!r} {_kept_by(piece)}: the check "
                    f"cannot fail (control {piece.control_median:.4g}, required {piece.bound})"
                )
        return found

    def to_dict(self) -> dict:
        """Return the numbers as stored with a notebook's output; `from_dict` undoes it."""
        return {"claim": self.claim.id, "evidence": [piece.to_dict() for piece in self.evidence]}

    @classmethod
    def from_dict(cls, data: Mapping) -> Result:
        """Build a result from what `to_dict` returned.

        Raises
        ------
        TypeError, ValueError
            If it is not what `to_dict` returns, or the claim's id is unknown.
        """
        check_instance("data", data, Mapping)
        if set(data) != {"claim", "evidence"}:
            raise ValueError(f"data must hold claim, evidence, got {', '.join(map(str, data))}")
        pieces = tuple(Measurement.from_dict(piece) for piece in data["evidence"])
        return cls(find(data["claim"]), pieces)

    def __repr__(self) -> str:
        """Return the claim as plain text."""
        entry = self.claim
        lines = [
            f"Claim {entry.id}: {SIGNS[entry.verdict]} {entry.verdict}",
            f"People say: {entry.statement}",
            f"We find: {entry.finding}",
            *(f"- {piece.sentence}" for piece in self.evidence),
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        entry = self.claim
        edge = (
            f"1px solid rgba(128, 128, 128, 0.5); border-left: 4px solid {COLOURS[entry.verdict]}"
        )
        items = "".join(f"<li>{html.escape(piece.sentence)}</li>" for piece in self.evidence)
        return (
            f'<div class="claim {css_class(entry.verdict)}" '
            f'style="border: {edge}; border-radius: 6px; padding: 10px 14px; text-align: left">'
            f'<div style="margin: 0 0 6px 0"><strong>Claim {entry.id}</strong> '
            f"{pill(entry.verdict)}</div>"
            f'<div style="margin: 0 0 6px 0"><strong>People say:</strong> '
            f"<em>{html.escape(entry.statement)}</em></div>"
            f'<div style="margin: 0 0 6px 0"><strong>We find:</strong> '
            f"{html.escape(entry.finding)}</div>"
            # Underlined, as JupyterLab hides the triangle that says that it opens.
            '<details><summary style="cursor: pointer"><u>What was measured</u>'
            f"</summary><ul>{items}</ul></details></div>"
        )

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        # The numbers go into the output's metadata and not into a MIME type of their own:
        # Sphinx warns about every MIME type that it does not know.
        return {}, {"weightinit": self.to_dict()}


def _kept_by(piece: Measurement) -> str:
    return "is not a number" if isnan(piece.control_median) else "keeps the bound too"


class ClaimBroken(AssertionError):
    """What was measured no longer supports the verdict of its claim."""


def claim(id: str, *evidence: Measurement, **unknown: object) -> Result:
    """Check a claim against all its evidence, and show both.

    Parameters
    ----------
    id : str
        The claim's id in ``claims.toml``, for instance ``"1.1"``.
    *evidence : Measurement
        What was measured, from `evidence`. At least one has a control, unless all are formulas.

    Returns
    -------
    Result
        Shown by a notebook when it is the last line of a cell.

    Raises
    ------
    ClaimBroken
        If a bound is not kept, a control keeps its bound, or a number is NaN or infinite; it names
        all of them. When the chapters run with other seeds or images (`weightinit._rerun`) the
        result is returned all the same, for its margins.
    TypeError, ValueError
        If the id is unknown, something else than evidence is given, or there is no control.

    Examples
    --------
    >>> from weightinit.claims import evidence
    >>> small = evidence("a ratio", [1e-12, 2e-12], at_most=1e-9, control=("twice the scale", 1))
    >>> claim("1.1", small).evidence[0].kept
    True
    """
    entry = find(id)
    if unknown or not all(isinstance(piece, Measurement) for piece in evidence):
        given = [*map(repr, evidence), *(f"{name}={value!r}" for name, value in unknown.items())]
        raise TypeError(f"{NEW_FORM}; got {', '.join(shorten(text, 60) for text in given)}")
    result = Result(entry, evidence)
    if result.faults and not is_rerun():
        listed = "\n".join(f"- {fault}" for fault in result.faults)
        raise ClaimBroken(
            f"claim {id} is no longer supported:\n{listed}\nThe claim: {entry.statement}"
        )
    return result
