"""A pytest plugin: with ``-n``, a file of tests is one worker's, and the longest files come first.

A notebook's cells run in one kernel, one after the other, so no two workers can share them; and a
chapter that starts last would keep one core busy while the others wait.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path

import pytest
from xdist.scheduler import LoadFileScheduling

SECONDS = "seconds of each file"  # in pytest's cache, written by `progress` after a complete run
# Where no run has told yet: so many seconds for a byte, measured, and good enough for an order.
PER_BYTE = {".ipynb": 60e-6, ".py": 200e-6}


def estimate(path: Path, known: dict[str, float], name: str) -> float:
    """Return the seconds that a file of tests will take, as the last run had it or by its size."""
    if name in known:
        return known[name]
    try:
        return path.stat().st_size * PER_BYTE.get(path.suffix, 0.0)
    except OSError:
        return 0.0


class LongestFirst(LoadFileScheduling):
    """Hand out whole files; to whoever is free, the longest of those that are left."""

    def schedule(self) -> None:
        """Sort the files before the first is handed out."""
        if self.collection is None:
            cache = getattr(self.config, "cache", None)  # absent with -p no:cacheprovider
            known = cache.get(SECONDS, {}) if cache else {}
            self.workqueue = _Sorted(
                lambda name: estimate(self.config.rootpath / name, known, name)
            )
        super().schedule()


class _Sorted(OrderedDict):
    """A queue whose first is the one with the largest value."""

    def __init__(self, value):
        super().__init__()
        self.value = value

    def popitem(self, last=False):
        name = max(self, key=self.value)
        return name, self.pop(name)


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    """Let ``-n auto`` mean a worker for each core that this process may use."""
    return cores()


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Distribute by file whatever ``--dist`` says: no notebook survives being cut in two."""
    config.option.loadscopereorder = False
    return LongestFirst(config, log)
