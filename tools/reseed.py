"""Execute notebooks with other seeds, or other images, and see which claims still hold.

`python tools/reseed.py chapters --shifts 1 2 3 --data digits`: those that measure a claim. With
each shift all seeds differ, of weights, of the order and the split of the images, of the networks
that choose learning rates. The notebooks stay as they are. Prints how far each number came from its
bound; fails when one broke it, when its control did not, or when it could not be measured.
"""

import argparse
import ast
import json
import math
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import nbformat
from execute_notebooks import find
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from rests_on import stored_rows

from weightinit._rerun import DATA, IMAGES, SEED_SHIFT
from weightinit.claims import load, stored_results

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "appendix" / "reseed.json"
NOT_SHOWN = "the cell does not show the claim"


def execute(path, shift, data, jobs=1):
    """Execute a notebook with shifted seeds; a cell that fails does not stop those behind it.

    Parameters
    ----------
    path : pathlib.Path
        The notebook, which is only read.
    shift : int
        By how many steps all seeds are shifted.
    data : {"digits", "mnist"}
        The images.
    jobs : int
        How many notebooks share this machine's cores.

    Returns
    -------
    list of dict
        The evidence of its claims: see `collect`.
    float
        Seconds.
    """
    start, notebook = time.perf_counter(), nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    # Waiting threads should sleep: where they spin, a busy machine is tens of times slower.
    threads = {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": str(_share(jobs))}
    place = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(notebook, timeout=600, allow_errors=True, resources=place)
    reason = NOT_SHOWN
    try:
        client.execute(env=os.environ | threads | {SEED_SHIFT: str(shift), DATA: data})
    except (CellTimeoutError, DeadKernelError) as error:
        reason = f"{type(error).__name__} before or in its cell"
    return collect(notebook, reason), time.perf_counter() - start


def _share(jobs):
    return max(1, (os.cpu_count() or 1) // jobs)


def collect(notebook, reason=NOT_SHOWN):
    """List the evidence that an executed notebook has for its claims, in order.

    Parameters
    ----------
    notebook : dict
        The parsed JSON of the notebook.
    reason : str
        Why a claim is missing whose cell raised no error.

    Returns
    -------
    list of dict
        ``cell`` and ``number`` (which evidence of which cell), ``claim``, ``source`` (None where
        there is no number), ``margin`` (None where it is not finite), ``kept``, ``problem`` (why it
        is not kept) and ``stored`` (names of the files in ``chapters/results`` whose rows it uses:
        no shift changes those).
    """
    found, rests_on = [], stored_rows(notebook)
    for index, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] != "code":
            continue
        results = list(stored_results({"cells": [cell]}))
        rows = [
            {
                "claim": result.claim.id,
                "source": piece.source,
                "margin": _number(piece.margin()),
                "kept": piece.kept and (piece.control is None or piece.can_fail),
                "problem": _problem(piece),
            }
            for result in results
            for piece in result.evidence
        ]
        called = Counter(_claims_called("".join(cell["source"])))
        for id in (called - Counter(result.claim.id for result in results)).elements():
            empty = dict.fromkeys(("source", "margin"))
            rows.append({"claim": id, **empty, "kept": False, "problem": _error(cell) or reason})
        pieces = rests_on[index]
        for number, row in enumerate(rows):
            of_all = sorted({file for files in pieces for file in files})
            stored = pieces[number] if len(pieces) == len(rows) else of_all
            found.append({"cell": index, "number": number, **row, "stored": stored})
    return found


def _problem(piece):
    if not piece.kept:
        return f"measured {piece.value}, required {piece.bound}"
    return piece.control_sentence if piece.control and not piece.can_fail else None


def _number(margin):
    return margin if math.isfinite(margin) else None  # as JSON has it


def _claims_called(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "claim":
            yield ast.literal_eval(node.args[0])


def _error(cell):
    for output in cell["outputs"]:
        if output["output_type"] == "error":
            text = f"{output['ename']}: {output['evalue']}".strip().splitlines()[-1]
            return text.replace(str(ROOT), "").replace(str(Path.home()), "~")
    return None


def measuring(paths):
    """Keep the notebooks that measure a claim: pages that only collect results have none."""
    kept = []
    for path in find(paths):
        cells = nbformat.read(path, as_version=4).cells
        code = (cell.source for cell in cells if cell.cell_type == "code")
        if any(True for source in code for _ in _claims_called(source)):
            kept.append(path)
    if not kept:
        raise FileNotFoundError(f"no notebook in {', '.join(paths)} measures a claim")
    return kept


def compare(found):
    """Put together what several shifts found for the same evidence.

    Parameters
    ----------
    found : dict of int to list of dict
        For each shift, what `collect` returned.

    Returns
    -------
    list of dict
        For each piece of evidence ``claim``, ``source``, ``stored``, and of the worst of the shifts
        ``shift``, ``margin``, ``kept`` and ``problem``; ``broken_at`` lists all shifts at which it
        was not kept.
    """
    pieces = {}
    for shift, rows in found.items():
        for row in rows:
            pieces.setdefault((row["cell"], row["number"]), []).append(row | {"shift": shift})
    compared = []
    for _, rows in sorted(pieces.items()):
        worst = dict(min(rows, key=_how_well))
        worst["broken_at"] = [row["shift"] for row in rows if not row["kept"]]
        del worst["cell"], worst["number"]
        compared.append(worst)
    return compared


def _how_well(row):
    unmeasured = row["margin"] is None
    return row["kept"], not unmeasured, 0 if unmeasured else row["margin"]


def excused(row, data):
    """Return whether a claim may break, as it is about the digits alone and these are others."""
    return data != IMAGES[0] and load()[row["claim"]].digits_alone


def table(name, rows, data):
    """Write what `compare` returned for a chapter as lines of text."""
    lines = [f"{name}, {data}", "claim  margin  shift  verdict"]
    for row in rows:
        margin = "-" if row["margin"] is None else f"{row['margin']:.2g}"
        verdict = "kept" if row["kept"] else "BROKEN" if row["source"] else "MISSING"
        notes = [row["source"], row["problem"]]
        if not row["kept"]:
            notes.append("not kept at shifts " + ", ".join(map(str, row["broken_at"])))
            if excused(row, data):
                notes.append("said of the digits alone")
        if row["stored"]:
            notes.append("NOT RESEEDED, as stored: " + ", ".join(row["stored"]))
        text = "; ".join(note for note in notes if note)
        lines.append(f"{row['claim']:<5}  {margin:>6}  {row['shift']:>5}  {verdict:<7}  {text}")
    return "\n".join(lines)


def keep(path, data, name, shifts, rows):
    """Write the result of one chapter into a file, beside those of others, in place of its last."""
    try:
        kept = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        kept = {}
    kept.setdefault(data, {})[name] = {"shifts": sorted(shifts), "evidence": rows}
    ordered = {data: dict(sorted(kept[data].items())) for data in IMAGES if data in kept}
    unfinished = path.with_suffix(".unfinished")
    text = json.dumps(ordered, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    unfinished.write_text(text, encoding="utf-8", newline="\n")
    unfinished.replace(path)


def run(paths, shifts, data, jobs, output):
    """Execute all notebooks with all shifts; print and store what they find; return what broke."""
    bad, found = [], {path: {} for path in paths}
    with ProcessPoolExecutor(jobs) as pool:
        tasks = {
            pool.submit(execute, path, shift, data, jobs): (path, shift)
            for path in paths
            for shift in shifts
        }
        for task in as_completed(tasks):
            path, shift = tasks[task]
            found[path][shift], seconds = task.result()
            print(f"{path.stem}, shift {shift}: {seconds:.0f} s", flush=True)
            if len(found[path]) == len(shifts):
                rows = compare({shift: found[path][shift] for shift in shifts})
                keep(output, data, path.stem, shifts, rows)
                print(table(path.stem, rows, data), flush=True)
                bad += [row for row in rows if not row["kept"] and not excused(row, data)]
    return bad


def main(arguments=None):
    """Read the arguments, run, and return the exit status: 1 if a claim broke or is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="+", help="notebooks, or folders of them")
    parser.add_argument("--shifts", nargs="+", type=int, default=[1, 2, 3], metavar="INTEGER")
    parser.add_argument("--data", choices=IMAGES, default=IMAGES[0])
    most = os.cpu_count() or 1
    jobs = {"type": int, "default": most, "choices": range(1, most + 1), "metavar": "INTEGER"}
    parser.add_argument("--jobs", **jobs, help="notebooks at a time")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the file of the results")
    given = parser.parse_args(arguments)
    shifts = list(dict.fromkeys(given.shifts))
    bad = run(measuring(given.notebooks), shifts, given.data, given.jobs, given.output)
    ids = list(dict.fromkeys(row["claim"] for row in bad))
    print(f"broken or missing: {', '.join(ids)}" if bad else "every claim was kept")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
