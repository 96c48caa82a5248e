"""A pytest plugin: says now and then what is being run, and at the end what took the time.

It writes whole lines, a few a minute, that read the same in a terminal and in the log of a server.
``-q`` and ``-v`` bring back pytest's own letters and lines.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter, defaultdict
from pathlib import PurePosixPath

import pytest

from tests.running.workers import SECONDS

EVERY = 10  # seconds from one line to the next


def group(nodeid: str) -> str:
    """Return the row of the table of times that a test belongs to.

    A notebook is a row of its own, and so is a folder of tests.
    """
    path = PurePosixPath(nodeid.partition("::")[0])
    if path.suffix == ".ipynb":
        return str(path.with_suffix(""))
    if path.parts[0] == "tests":
        return "/".join(path.parts[:2]) if len(path.parts) > 2 else "tests"
    return f"doctests in {path.parts[0]}"


def clock(seconds: float) -> str:
    """Write seconds as minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


class Progress:
    """What is running, what has run, and how long it took; told by the hooks of `Reporter`."""

    def __init__(self, now=time.perf_counter):
        self.now = now
        self.start = now()
        self.sizes: Counter[str] = Counter()  # tests of each file
        self.running: dict[str, float] = {}  # files that are running, and when they started
        self.numbers: Counter[str] = Counter()  # tests of each file that were started
        self.failed: Counter[str] = Counter()  # by file, as all that follow
        self.done: Counter[str] = Counter()
        self.waiting: defaultdict[str, float] = defaultdict(float)
        self.processor: defaultdict[str, float] = defaultdict(float)

    def collected(self, nodeids) -> None:
        """Learn which tests there are."""
        self.sizes = Counter(_file(nodeid) for nodeid in nodeids)

    def starts(self, nodeid: str) -> None:
        """Learn that a test has started."""
        file = _file(nodeid)
        self.running.setdefault(file, self.now())
        self.numbers[file] += 1

    def reports(self, report) -> str | None:
        """Learn how a phase of a test went; say so where it fails or ends a notebook."""
        file = _file(report.nodeid)
        self.waiting[file] += report.duration
        self.processor[file] += getattr(report, "processor", 0.0)
        self.failed[file] += report.failed
        if report.when == "teardown":
            self.done[file] += 1
            if self.done[file] == self.sizes[file] and file in self.running:
                took = self.now() - self.running.pop(file)
                if file.endswith(".ipynb"):
                    said = f"{self.done[file]} cells in {took:.0f} s"
                    return f"{file}: {said}, {self.failed[file]} failed"
        return f"FAILED {report.nodeid}" if report.failed else None

    def line(self) -> str:
        """Say what is running."""
        now = self.now()
        done, failed = self.done.total(), self.failed.total()
        said = [f"{clock(now - self.start):>6}  {done} of {self.sizes.total()}"]
        if failed:
            said[0] += f", {failed} failed"
        for file, since in list(self.running.items()):
            what = "cell" if file.endswith(".ipynb") else "test"
            place = f"{what} {self.numbers[file]} of {self.sizes[file]}"
            said.append(f"{PurePosixPath(file).stem} {place}, {now - since:.0f} s")
        return " | ".join(said)

    def table(self, processor: float) -> list[str]:
        """Return the lines of the table of times; `processor` is that of everything, in seconds."""
        rows: defaultdict[str, list[float]] = defaultdict(lambda: [0, 0, 0.0, 0.0])
        for file in self.waiting:
            counts = self.done, self.failed, self.processor, self.waiting
            rows[group(file)] = [
                a + c[file] for a, c in zip(rows[group(file)], counts, strict=True)
            ]
        ordered = sorted(rows.items(), key=lambda row: -row[1][2])
        known = sum(self.processor.values())
        ordered.append(("starting, collecting, reporting", ["", "", processor - known, ""]))
        total = [self.done.total(), self.failed.total(), processor, self.now() - self.start]
        ordered.append(("everything", total))
        width = max(len(name) for name, _ in ordered)
        titles = ("", "tests", "failed", "processor", "waiting")
        return [
            f"{name:<{width}}" + "".join(f"{_cell(value):>12}" for value in values)
            for name, *values in [titles, *((name, *values) for name, values in ordered)]
        ]


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def _cell(value) -> str:
    return f"{value:.1f} s" if isinstance(value, float) else str(value)


def processor_time() -> float:
    """Return the processor time of this process and of its children that have ended, in seconds."""
    return sum(os.times()[:4])


class Reporter:
    """Passes on what pytest says to a `Progress`, and what that says to the terminal."""

    def __init__(self, config):
        self.config = config
        self.progress = Progress()
        self.terminal = config.pluginmanager.getplugin("terminalreporter")
        self.lines = config.get_verbosity() == 0
        self.over = threading.Event()
        if self.lines:
            self.terminal.showfspath = False
            self.out = _own_stdout()
            threading.Thread(target=self._talk, daemon=True).start()

    def _talk(self):
        while not self.over.wait(EVERY):
            if self.progress.sizes:
                self._say(self.progress.line())

    def _say(self, line):
        print(line, file=self.out, flush=True)

    def pytest_collection_finish(self, session):
        """Count the tests, where this process runs them itself."""
        self.progress.collected(item.nodeid for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node, ids):
        """Count the tests, where workers run them."""
        self.progress.collected(ids)

    def pytest_runtest_logstart(self, nodeid):
        """Note that a test has started."""
        self.progress.starts(nodeid)

    def pytest_runtest_logreport(self, report):
        """Note how a test went, and say so where that is news."""
        said = self.progress.reports(report)
        if said and self.lines:
            self._say(said)

    @pytest.hookimpl(wrapper=True)
    def pytest_report_teststatus(self):
        """Leave out pytest's letter for each test."""
        category, letter, word = yield
        if not self.lines:
            return category, letter, word
        return category, "", "" if category == "passed" else word

    def pytest_terminal_summary(self, terminalreporter):
        """Show the table of times."""
        self.over.set()
        rows = {group(file) for file in self.progress.waiting}
        if len(rows) > 1 and self.lines:
            terminalreporter.section("times")
            for line in self.progress.table(processor_time()):
                terminalreporter.write_line(line)
        if self._tells_the_next_run():
            self.config.cache.set(SECONDS, dict(self.progress.waiting))

    def _tells_the_next_run(self) -> bool:
        """Say whether every test there is has been run, and there is a place to write it down."""
        named = self.config.args_source is not pytest.Config.ArgsSource.TESTPATHS
        if named or self.config.option.keyword or not hasattr(self.config, "cache"):
            return False
        return self.progress.done.total() == self.progress.sizes.total()


def _own_stdout():
    """Return a stream to where pytest writes, which it does not capture while a test runs."""
    try:
        return os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding=sys.stdout.encoding)
    except (OSError, ValueError, AttributeError):
        return sys.stdout


class Meter:
    """Notes in each report the processor time since the one before it, in the process that runs."""

    def __init__(self):
        self.last = processor_time()

    def pytest_collection_finish(self):
        """Leave out what collecting took."""
        self.last = processor_time()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self):
        """Note the time; a notebook's kernel is counted when it ends, with the last cell."""
        report = yield
        now = processor_time()
        report.processor, self.last = now - self.last, now
        return report


@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    """Measure where tests are run; report where there is a terminal to report to."""
    config.pluginmanager.register(Meter(), "processor-time")
    if not hasattr(config, "workerinput") and config.pluginmanager.hasplugin("terminalreporter"):
        config.pluginmanager.register(Reporter(config), "progress")
