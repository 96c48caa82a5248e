"""The statements that the course puts to the test, as `claims.toml` words them."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from importlib import resources


@dataclass(frozen=True)
class Claim:
    """One entry of ``claims.toml``; the fields are explained at the top of that file."""

    id: str
    chapter: str
    anchor: str
    statement: str
    verdict: str
    finding: str
    digits_alone: bool = False


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
    'true if …'
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
    optional = {field.name: field.default is not MISSING for field in fields(Claim)}
    if missing := [name for name in optional if name not in entry and not optional[name]]:
        raise ValueError(f"{where}: missing: {', '.join(missing)}")
    if unknown := [name for name in entry if name not in optional]:
        raise ValueError(f"{where}: unknown: {', '.join(unknown)}; allowed: {', '.join(optional)}")
    for name, value in entry.items():
        if optional[name]:
            if not isinstance(value, bool):
                raise ValueError(f"{where}: {name} must be true or false, got {value!r}")
        elif not isinstance(value, str) or not value.strip():
            raise ValueError(f"{where}: {name} must be non-empty text, got {value!r}")
    if entry["verdict"] not in verdicts:
        raise ValueError(f"{where}: verdict {entry['verdict']!r}; allowed: {', '.join(verdicts)}")
    return Claim(**entry)


def find(id: str) -> Claim:
    """Return the claim with this id, or raise a ValueError that names those there are."""
    if not isinstance(id, str) or id not in load():
        raise ValueError(f"unknown claim {id!r}; known: {', '.join(load())}")
    return load()[id]
