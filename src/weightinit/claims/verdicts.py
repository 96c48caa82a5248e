"""The statements and their verdicts: read from `claims.toml`, with every entry complete."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib import resources

VERDICTS = ("holds", "holds under a condition", "refined")


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
    """Read and check ``claims.toml``.

    Returns
    -------
    dict
        The claims by id, in the order of the file.

    Raises
    ------
    ValueError
        If the file does not have the form described at its top.

    Examples
    --------
    >>> load()["1.3"].verdict
    'holds under a condition'
    """
    return parse(resources.files("weightinit.claims").joinpath("claims.toml").read_text("utf-8"))


def parse(text: str) -> dict[str, Claim]:
    r"""Turn the text of a claims file into claims by id.

    Raises
    ------
    ValueError
        If the text is not TOML, or an entry lacks a field, has an unknown one, an empty one, a
        verdict outside `VERDICTS`, or repeats an id or anchor.

    Examples
    --------
    >>> parse("[[claim]]\nid = '1.0'")
    Traceback (most recent call last):
    ...
    ValueError: claim '1.0': missing: chapter, anchor, statement, verdict, finding
    """
    document = tomllib.loads(text)  # its TOMLDecodeError is a ValueError that names the line
    entries = document.get("claim")
    if set(document) != {"claim"} or not isinstance(entries, list):
        raise ValueError(
            f"a claims file holds [[claim]] entries and nothing else, found: {', '.join(document)}"
        )
    claims: dict[str, Claim] = {}
    for entry in entries:
        new = _validated(entry)
        if new.id in claims or any(new.anchor == old.anchor for old in claims.values()):
            raise ValueError(f"claim {new.id!r}: id and anchor must be unique")
        claims[new.id] = new
    return claims


def _validated(entry: Mapping) -> Claim:
    where = f"claim {entry.get('id', '(without id)')!r}"
    names = [field.name for field in fields(Claim)]
    if missing := [name for name in names if name not in entry]:
        raise ValueError(f"{where}: missing: {', '.join(missing)}")
    if unknown := [name for name in entry if name not in names]:
        raise ValueError(f"{where}: unknown: {', '.join(unknown)}; allowed: {', '.join(names)}")
    for name, value in entry.items():
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"{where}: {name} must be non-empty text, got {value!r}")
    if entry["verdict"] not in VERDICTS:
        raise ValueError(f"{where}: verdict {entry['verdict']!r}; allowed: {', '.join(VERDICTS)}")
    return Claim(**entry)


def find(id: str) -> Claim:
    """Return the claim with this id, or raise a ValueError that names those there are."""
    if id not in load():
        raise ValueError(f"unknown claim {id!r}; known: {', '.join(load())}")
    return load()[id]
