"""Computing the cells of a grid in pools of workers, each result as one line of text."""

import json
import os
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import NoReturn

import cloudpickle
import joblib
import pandas as pd
from joblib.parallel import ParallelBackendBase, get_active_backend

from weightinit.grids.cells import described, plain

STRIKES = 3  # a cell that was in flight when so many pools of workers broke is given up


def _call(function: Callable, key: str, home: int) -> tuple[str, str, bytes | None]:
    """Return a cell and its line for the store, or its traceback and error; workers run this."""
    try:
        cell = json.loads(key)
        rows = _rows(function(**cell), cell)
    except Exception as error:
        error.add_note(f"This was the cell {described(key)}.")
        if os.getpid() == home:
            raise
        # Some exceptions cannot be pickled, some not loaded again. With Dask, joblib would wait for
        # ever for those, and loky would not say what they were, so they travel as bytes.
        text = "".join(traceback.format_exception(error))
        try:
            return key, text, cloudpickle.dumps(error)
        except Exception:
            return key, text, b""
    # Also what is not stored is passed as text, so that tables never depend on what was.
    return key, f'{{"cell": {key}, "rows": {json.dumps(rows)}}}\n', None


def _reraise(text: str, pickled: bytes) -> NoReturn:
    remote = RuntimeError(f"the function raised, in a worker:\n{text}")
    try:
        error = cloudpickle.loads(pickled)
    except Exception:
        raise remote from None
    raise error from remote


def _rows(result: object, cell: dict) -> list[dict]:
    if isinstance(result, pd.DataFrame) and result.columns.is_unique:
        result = result.to_dict("records")
    rows = [result] if isinstance(result, Mapping) else result
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise TypeError(
            "the function must return a dict, a list of dicts or a data frame whose columns "
            f"differ, got {result!r}"
        )
    if both := {name for row in rows for name in cell.keys() & row.keys()}:
        raise ValueError(f"the result has columns named like arguments: {sorted(both)}")
    return [plain(row) for row in rows]


def computed(function: Callable, keys: list[str]) -> Iterator[str]:
    """Yield the lines of cells as they finish, through as many pools of workers as it takes."""
    strikes, cause = dict.fromkeys(keys, 0), None
    while strikes:
        # What may have broken a pool waits until the others are done. Innocent cells are in flight
        # along with the guilty one, so before any is given up it is tried alone.
        fewest = min(strikes.values())
        if fewest == STRIKES:
            raise RuntimeError(
                f"{len(strikes)} cells broke {STRIKES} pools of workers each, the last one alone; "
                f"all others are done. They are: {'; '.join(map(described, strikes))}"
            ) from cause
        group = [key for key, number in strikes.items() if number == fewest]
        group, flying = group[:1] if fewest == STRIKES - 1 else group, set()
        try:
            for key, line in _one_pool(function, group, flying):
                del strikes[key]
                yield line
        except Exception as error:
            names = {kind.__name__ for kind in type(error).__mro__}  # Dask may not be installed
            if not names & {"TerminatedWorkerError", "KilledWorker"}:
                raise
            strikes |= {key: strikes[key] + 1 for key in flying}
            cause = error


def _one_pool(function: Callable, keys: list[str], flying: set[str]) -> Iterator[tuple[str, str]]:
    """Compute cells in one pool of workers; keep in ``flying`` those that were started."""

    def tasks() -> Iterator:
        for key in keys:
            flying.add(key)
            yield joblib.delayed(_call)(function, key, os.getpid())

    backend = _mended(get_active_backend()[0])
    # In batches of one, as a cell should be stored when it is done, not when its neighbours are.
    parallel = joblib.Parallel(backend=backend, return_as="generator_unordered", batch_size=1)
    results = parallel(tasks())
    try:
        for key, line, error in results:
            if error is not None:
                _reraise(line, error)
            flying.remove(key)
            yield key, line
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # whoever interrupts a run knows that cells are left
            results.close()


def _mended(backend: ParallelBackendBase) -> ParallelBackendBase:
    """Mend joblib's backend for Dask in two places, and return it; other backends stay."""
    if type(backend).__name__ != "DaskDistributedBackend" or "submit" in vars(backend):
        return backend
    # joblib 1.6 computes nothing on a cluster that has one core left: cells would run here, where
    # one that kills its process ends the run. And it waits for ever for a task that fails outside
    # its own code, whose callback is never called.
    cores, submit = backend.effective_n_jobs, backend.submit

    def submit_and_report(task, callback):
        future = submit(task, callback)
        future.add_done_callback(lambda done: done.exception() and callback(done.exception()))
        return future

    backend.effective_n_jobs = lambda n_jobs: (found := cores(n_jobs)) + (found == 1)
    backend.submit = submit_and_report
    return backend
