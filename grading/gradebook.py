"""Whether a gradebook fits the nbgrader that is installed; here it is only read."""

import contextlib
import sqlite3
from pathlib import Path
from urllib.parse import quote


class Unfit(Exception):
    """The gradebook cannot be used; its text says what to do."""


def check_gradebook(path):
    """Look at the version and the columns of a gradebook, if there is one.

    Raises
    ------
    Unfit
        If nbgrader would fail on it, or write to what it does not understand.
    """
    import nbgrader.api
    from alembic.script import ScriptDirectory

    if not path.is_file() or not path.stat().st_size:
        return
    wanted = nbgrader.api.Base.metadata.tables
    try:
        address = f"file:{quote(str(path))}?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True, timeout=60)) as base:
            columns = {
                name: {row[1] for row in base.execute(f"PRAGMA table_info({name})")}
                for name in (*wanted, "alembic_version")
            }
            version = None
            if columns["alembic_version"]:
                version = base.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise Unfit(f"{path} cannot be read: {error}. Put a copy of before in its place") from None
    # Tables that are not there nbgrader makes: a gradebook may have been begun only.
    lacking = [
        f"{name}.{column}"
        for name, table in wanted.items()
        for column in table.columns.keys()
        if columns[name] and column not in columns[name]
    ]
    head = ScriptDirectory(str(Path(nbgrader.api.__file__).parent / "alembic")).get_current_head()
    if lacking or version not in (None, (head,)):
        raise Unfit(
            f"{path} was made by another version of nbgrader than this, {nbgrader.__version__}. "
            "Keep a copy of it, then run `nbgrader db upgrade` in the folder of the course. If it "
            "was made by a newer one, install that one"
        )
