"""Whether somebody runs the chapters again with other seeds or other images."""

import os

SEED_SHIFT = "WEIGHTINIT_SEED_SHIFT"
DATA = "WEIGHTINIT_DATA"


def is_rerun() -> bool:
    """Say whether the environment asks for other seeds or images than the book shows.

    Examples
    --------
    >>> is_rerun()
    False
    """
    return any(os.environ.get(name) for name in (SEED_SHIFT, DATA))
