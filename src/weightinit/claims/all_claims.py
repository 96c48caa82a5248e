"""The list of all claims, put together from the stored outputs of the chapters."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from weightinit._checks import check_instance, check_sequence
from weightinit.claims.results import Result, pill
from weightinit.claims.statements import load


def table(notebooks: Iterable[str | Path] | None = None):
    """List every claim with what its chapter measured for it.

    Parameters
    ----------
    notebooks : iterable of path, optional
        Executed notebooks. By default all of ``chapters/`` and ``appendix/``, in this folder or
        the one above it.

    Returns
    -------
    pandas.DataFrame
        One row per claim of ``claims.toml``: id, chapter, statement, verdict, finding, result (a
        `Result`, read from the stored outputs) and link (Markdown: to the section that
        measures it, which the site follows, and to its notebook, which JupyterLab follows).

    Raises
    ------
    FileNotFoundError
        If there are no notebooks.
    ValueError
        If a claim has no stored result (an executed notebook is missing, or never measures it), or
        more than one.
    """
    from pandas import DataFrame

    if notebooks is not None:
        check_sequence("notebooks", notebooks)
    results: dict[str, Result] = {}
    for path in _notebooks() if notebooks is None else map(_path, notebooks):
        for result in stored_results(json.loads(path.read_text("utf-8"))):
            if result.claim.id in results:
                raise ValueError(f"claim {result.claim.id} is measured more than once")
            results[result.claim.id] = result
    if missing := [id for id in load() if id not in results]:
        raise ValueError(f"no stored result for claim {', '.join(missing)}; execute its notebook")
    rows = [
        {
            "id": entry.id,
            "chapter": entry.chapter,
            "statement": entry.statement,
            "verdict": entry.verdict,
            "finding": entry.finding,
            "result": results[entry.id],
            "link": f"[section on {entry.id}](#{entry.anchor}), {_link(entry.chapter)}",
        }
        for entry in load().values()
    ]
    return DataFrame(rows)


def stored_results(notebook: Mapping) -> Iterator[Result]:
    """Yield the results that an executed notebook (its parsed JSON) holds in its outputs."""
    check_instance("notebook", notebook, Mapping, "nbformat.read(path, 4)")
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            if "weightinit" in output.get("metadata", {}):
                yield Result.from_dict(output["metadata"]["weightinit"])


@dataclass(frozen=True)
class Page:
    """Markdown text that a notebook renders."""

    markdown: str

    def __repr__(self) -> str:
        """Return the text itself."""
        return self.markdown

    def _repr_markdown_(self) -> str:
        return self.markdown


def page(notebooks: Iterable[str | Path] | None = None) -> Page:
    """Write the list of `table` as a Markdown table, a line a claim.

    Parameters
    ----------
    notebooks : iterable of path, optional
        As for `table`, which also says what can go wrong.

    Returns
    -------
    Page
        Shown by a notebook when it is the last line of a cell. On the site `claims.js` adds the
        filters and `book.css` the form for a phone; both know the table by the class around it.
    """
    lines = ["| Claim | Verdict | People say | We find | Where |", "|:--|:--|:--|:--|:--|"]
    for row in table(notebooks).itertuples():
        cells = row.id, pill(row.verdict), _escaped(row.statement), _escaped(row.finding), row.link
        lines.append(f"| {' | '.join(cells)} |")
    # Without the empty lines Markdown would take the table for HTML.
    return Page("\n".join(['<div class="all-claims">', "", *lines, "", "</div>"]))


def _escaped(text: str) -> str:
    """Write text so that Markdown shows it as it is."""
    return re.sub(r"([\\`*_\[\]<>|$~])", r"\\\1", text)


def _path(notebook) -> Path:
    if not isinstance(notebook, str | Path):
        raise TypeError(f"notebooks must hold paths, got {notebook!r}")
    return Path(notebook)


def _link(notebook: str) -> str:
    if notebook[:2].isdigit():
        return f"[chapter {int(notebook[:2])}](../chapters/{notebook}.ipynb)"
    return f"[further experiment](../appendix/{notebook}.ipynb)"


def _notebooks() -> list[Path]:
    for course in (Path("."), Path("..")):
        if chapters := sorted(course.glob("chapters/*.ipynb")):
            return chapters + sorted(course.glob("appendix/*.ipynb"))
    raise FileNotFoundError(
        f"no notebooks in 'chapters' or '../chapters', seen from {Path.cwd().name!r}"
    )
