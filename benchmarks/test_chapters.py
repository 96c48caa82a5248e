"""Seconds and memory that executing each chapter takes. Run with ``pytest benchmarks``.

The result is kept in ``chapters.json``, from which the page "How the numbers are made" takes it.
"""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

MEASURED = Path(__file__).with_name("chapters.json")
CHAPTERS = sorted((Path(__file__).parent.parent / "chapters").glob("*.ipynb"))
SECONDS, GIGABYTES = 90, 3.0
LONGER = {
    "05_role_of_initialization": (120, 4.0),  # most of its networks are trained live
    "06_batchnorm_and_he": (120, 4.0),  # TensorFlow takes its time to start
}

EXECUTE = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=600, kernel_name="python3",
               resources={"metadata": {"path": sys.argv[2]}}).execute()
"""


class PeakMemory(threading.Thread):
    """Watch the resident memory of a process with its children: the kernel is one of them."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.process, self.peak, self.done = psutil.Process(pid), 0, threading.Event()

    def run(self):
        while not self.done.wait(0.1):
            total = 0
            try:
                for process in (self.process, *self.process.children(recursive=True)):
                    total += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue  # one of them has just ended
            self.peak = max(self.peak, total)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_chapter_budget(benchmark, capsys, chapter):
    """Execute a copy in memory, as a reader would: nothing is stored."""
    measured = {}
    seconds, gigabytes = LONGER.get(chapter.stem, (SECONDS, GIGABYTES))

    def execute():
        command = [sys.executable, "-c", EXECUTE, str(chapter), str(chapter.parent)]
        start = time.perf_counter()
        with subprocess.Popen(command) as process:
            memory = PeakMemory(process.pid)
            memory.start()
            code = process.wait()
            measured["seconds"] = time.perf_counter() - start
            memory.done.set()
            memory.join()
        assert code == 0, f"{chapter.name} does not execute"
        measured["gigabytes"] = memory.peak / 1e9

    benchmark.pedantic(execute, rounds=1, iterations=1)
    benchmark.extra_info.update(measured)
    with capsys.disabled():
        print(
            f"\n{chapter.name}: {measured['seconds']:.0f} s of {seconds}, "
            f"{measured['gigabytes']:.2f} GB of {gigabytes:.0f}"
        )
    keep(chapter.stem, measured)
    assert measured["seconds"] <= seconds
    assert measured["gigabytes"] <= gigabytes


def keep(name, measured):
    """Write a chapter's numbers into the file, in place of its last ones."""
    kept = json.loads(MEASURED.read_text("utf-8")) | {
        name: {
            "seconds": round(measured["seconds"]),
            "gigabytes": round(measured["gigabytes"], 2),
        }
    }
    text = json.dumps(dict(sorted(kept.items())), indent=1) + "\n"
    MEASURED.write_text(text, encoding="utf-8", newline="\n")
