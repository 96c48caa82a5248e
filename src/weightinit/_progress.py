"""When a progress bar is shown."""

import os
import sys

from weightinit._checks import check_choice


def show(progress: bool | None) -> bool:
    """Bars belong in a live session: they would be stored in a notebook and change every time."""
    check_choice("progress", progress, [None, True, False])
    if progress is not None:
        return progress
    # Jupyter names the session of a kernel it serves; a kernel started by a tool has no name.
    return sys.stderr.isatty() or "JPY_SESSION_NAME" in os.environ
