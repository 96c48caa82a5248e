"""The list of all claims, put together from the stored outputs of the chapters."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from weightinit._checks import check_instance, check_sequence
from weightinit.claims.results import Result, load


def table(notebooks: Iterable[str | Path] | None = None):
    """List every claim with what the chapters measured for it.

    Parameters
    ----------
    notebooks : iterable of path, optional
        Executed notebooks. By default all of ``chapters/``, in this folder or the one above it.

    Returns
    -------
    pandas.DataFrame
        One row per claim of ``claims.toml``: id, statement, verdict, finding, results (a list
        of `Result`, read from the stored outputs) and link (Markdown: to the section that
        measures it, which the site follows, and to its notebook, which JupyterLab follows).

    Raises
    ------
    FileNotFoundError
        If there are no notebooks.
    ValueError
        If a claim has no stored result: an executed chapter is missing, or never measures it.
    """
    from pandas import DataFrame

    if notebooks is not None:
        check_sequence("notebooks", notebooks)
    results: dict[str, list[Result]] = {id: [] for id in load()}
    for path in _chapters() if notebooks is None else map(_path, notebooks):
        for result in stored_results(json.loads(path.read_text("utf-8"))):
            results[result.claim.id].append(result)
    if missing := [id for id, found in results.items() if not found]:
        raise ValueError(f"no stored result for claim {', '.join(missing)}; execute its chapter")
    rows = [
        {
            "id": entry.id,
            "statement": entry.statement,
            "verdict": entry.verdict,
            "finding": entry.finding,
            "results": results[entry.id],
            "link": f"[Where it is measured](#{entry.anchor}), "
            f"[the whole chapter](../chapters/{entry.chapter}.ipynb)",
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


def page(notebooks: Iterable[str | Path] | None = None, *, chapter: str | None = None) -> Page:
    """Write the list of `table` as one block of text per claim, which a phone can show too.

    Parameters
    ----------
    notebooks : iterable of path, optional
        As for `table`, which also says what can go wrong.
    chapter : str, optional
        Only the claims of this chapter, named by its notebook without ``.ipynb``. By default all.

    Returns
    -------
    Page
        Shown by a notebook when it is the last line of a cell.

    Raises
    ------
    ValueError
        If no claim belongs to the chapter.
    """
    known = list(dict.fromkeys(entry.chapter for entry in load().values()))
    if chapter is not None and chapter not in known:
        raise ValueError(f"no claims of chapter {chapter!r}; known: {', '.join(known)}")
    rows = table(notebooks).itertuples()
    shown = (row for row in rows if chapter in (None, load()[row.id].chapter))
    return Page("\n\n".join(map(_block, shown)))


def _block(row) -> str:
    measured = "\n".join(f"- {result.measurement}" for result in row.results)
    return (
        f"**{row.id}: {row.verdict}**\n\n"
        f"- *People say:* {row.statement}\n"
        f"- *We find:* {row.finding}\n"
        f"{measured}\n"
        f"- {row.link}"
    )


def _path(notebook) -> Path:
    if not isinstance(notebook, str | Path):
        raise TypeError(f"notebooks must hold paths, got {notebook!r}")
    return Path(notebook)


def _chapters() -> list[Path]:
    found = sorted(Path("chapters").glob("*.ipynb")) or sorted(Path("../chapters").glob("*.ipynb"))
    if not found:
        raise FileNotFoundError(
            f"no notebooks in 'chapters' or '../chapters', seen from {Path.cwd().name!r}"
        )
    return found
