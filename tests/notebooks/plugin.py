"""A pytest plugin: nbval runs the cells of the notebooks, and `comparison` judges their outputs.

- A cell that was not run, or not in its turn, fails, and no comment or tag can excuse a cell.
- A cell that multiplies or convolves in a 16-bit format fails (`sixteen_bit`).
- `--differ all` runs the notebooks as on another machine (`elsewhere`).
- What `prelude` returns runs in each notebook's kernel before its first cell.

It is on for every notebook that pytest collects, whatever is on the command line.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

# jsonschema, which nbval needs, builds this package's 38 grammars when it finds it: two seconds of
# each process, for addresses that no notebook's schema has. Without it, it builds nothing.
sys.modules.setdefault("rfc3987_syntax", None)

import nbval.plugin  # noqa: E402
import pytest  # noqa: E402

from tests.notebooks.comparison import CellMetadataError, compare, tolerance  # noqa: E402
from tests.notebooks.elsewhere import (  # noqa: E402
    DIFFERENCES,
    THREADS,
    chosen,
    set_environment,
)

ROOT = Path(__file__).parents[2]
CELL_TIMEOUT = 600  # seconds

SET_THREADS = re.compile(r"\btorch\.set_num_threads\(\d+\)")


def prelude(differences: tuple[str, ...]) -> str:
    """Return the Python code that each kernel runs before the first cell; it leaves no name."""
    call = (
        f"elsewhere.start({differences!r})"
        if differences
        else "sixteen_bit.watch_cells(everywhere=False)"
    )
    return (
        "def prelude():\n"
        "    import sys\n"
        f"    sys.path.insert(0, {str(ROOT)!r})\n"
        "    from tests.notebooks import elsewhere, sixteen_bit\n"
        f"    sys.path.remove({str(ROOT)!r})\n"
        f"    {call}\n"
        "prelude()\n"
        "del prelude\n"
    )


def with_threads(source: str, threads: int) -> str:
    """Let a cell that sets PyTorch's number of threads set another."""
    return SET_THREADS.sub(f"torch.set_num_threads({threads})", source)


def run_silently(kernel, code: str) -> None:
    """Run code in a kernel as if it had not been: nothing shown, nothing counted.

    Raises
    ------
    RuntimeError
        If the code raises an exception.
    """
    reply = kernel.kc.execute_interactive(
        code, silent=True, store_history=False, allow_stdin=False, timeout=60
    )
    if reply["content"]["status"] != "ok":
        trace = "\n".join(reply["content"].get("traceback", ()))
        raise RuntimeError(f"the prelude failed in the notebook's kernel:\n{trace}")


class NotebookCell(nbval.plugin.IPyNbCell):
    """A code cell: run by nbval, compared by `compare`."""

    def runtest(self):
        """Run the cell; its outputs, its settings and its place in the order must be right."""
        try:
            self.rtol = tolerance(self.cell)
        except CellMetadataError as error:
            self.raise_cell_error(str(error))
        if "threads" in self.config.option.differ:
            self.cell.source = with_threads(self.cell.source, THREADS)
        self.options = {"check": True, "check_exception": False, "skip": False}
        super().runtest()
        count, turn = self.cell.execution_count, self.cell_num + 1
        if count != turn:  # nbval does not mind a cell without outputs that was never run
            was = "never run" if count is None else f"run as number {count}"
            self.raise_cell_error(f"Stored notebook not run in order: cell {turn} was {was}")

    def compare_outputs(self, test, ref, skip_compare=None):
        """Compare the computed outputs `test` with the stored `ref`."""
        problems = compare(ref, test, self.rtol)
        self.comparison_traceback = problems
        return not problems


class NotebookFile(nbval.plugin.IPyNbFile):
    """A notebook whose cells are `NotebookCell`."""

    def setup(self):
        """Start the kernel, and let it run the prelude: no output, no execution count."""
        super().setup()
        run_silently(self.kernel, prelude(self.config.option.differ))

    def collect(self):
        """Yield the code cells, without the excuses that nbval read from comments and tags."""
        for item in super().collect():
            yield NotebookCell.from_parent(
                self, name=item.name, cell_num=item.cell_num, cell=item.cell, options={}
            )


def pytest_addoption(parser, pluginmanager):
    """Load nbval, which pyproject.toml keeps from loading first; add our own option."""
    pluginmanager.register(nbval.plugin, "nbval.plugin")
    text = "run notebooks as on another machine: all, or some of " + ",".join(DIFFERENCES)
    parser.addoption("--differ", type=chosen, default=(), metavar="DIFFERENCES", help=text)


def pytest_configure(config):
    """Turn nbval on, and refuse the options that would make it look away."""
    for option, value in {
        "--nbval-lax": config.option.nbval_lax,
        "--nbval-sanitize-with": config.option.nbval_sanitize_with,
        "--sanitize-with": config.option.sanitize_with,
    }.items():
        if value:
            raise pytest.UsageError(f"{option} would let a notebook's outputs go uncompared")
    set_environment(config.option.differ)
    config.option.nbval = True
    config.option.nbval_cell_timeout = CELL_TIMEOUT
    # the kernel of this environment, whatever kernels the user has installed elsewhere
    if not config.option.nbval_kernel_name:
        config.option.nbval_current_env = True


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    """Put a `NotebookFile` in the place of each file that nbval collects."""
    collected = yield
    return [
        NotebookFile.from_parent(parent, path=file_path)
        if isinstance(item, nbval.plugin.IPyNbFile)
        else item
        for item in collected
    ]
