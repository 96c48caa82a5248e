"""What lies in the folder that a student handed in."""

import os

from nbgrader.utils import parse_utc

from grading.outputs import line
from grading.rebuild import REVIEW, Damaged


def found(folder, assignment, notes):
    """Return the path of the notebook in a folder that was handed in."""
    if folder.is_symlink() or folder.parent.is_symlink():
        raise Damaged("a link to another folder was handed in")
    path = folder / f"{assignment}.ipynb"
    names = sorted(one.name for one in folder.iterdir()) if folder.is_dir() else []
    others = [name for name in names if name.endswith(".ipynb") and name != path.name]
    if not os.path.lexists(path):
        if not others:
            raise Damaged("there is no notebook in the folder")
        alike = [name for name in others if name.startswith(assignment)] or others
        path = folder / max(alike, key=lambda name: (folder / name).lstat().st_mtime)
        notes.append(f"{REVIEW if len(others) > 1 else 'renamed'}: taken from {path.name!r}")
    elif others:
        notes.append(
            f"{REVIEW}: more notebooks were handed in, not used: {line(', '.join(others))[:200]}"
        )
    if rest := [name for name in names if name not in (*others, path.name, "timestamp.txt")]:
        notes.append(f"other files, not used: {line(', '.join(rest))[:200]}")
    return path


def moment(folder, notes):
    """Return the text that says when something was handed in, if nbgrader can read it."""
    stamp = folder / "timestamp.txt"
    try:
        linked = any(one.is_symlink() for one in (stamp, folder, folder.parent))
        if not linked and stamp.is_file() and stamp.stat().st_size < 100:
            text = stamp.read_text(errors="replace").strip()
            parse_utc(text)
            return text
    except Exception:  # of whatever kind a parser of dates raises
        notes.append("timestamp.txt says no date, not used")
    return None
