"""Stop at once, with one sentence, on a Python that the course does not support.

This file must run on the Pythons it turns away: it is written in what 2.7 and 3 have in common.
"""

import sys

OLDEST = (3, 11)
NEWEST = (3, 13)


def complaint(version):
    """Say what is wrong with a Python of this version; None if nothing is.

    Parameters
    ----------
    version : tuple of int
        Major and minor version, and as many further numbers as you like.

    Returns
    -------
    str or None

    Examples
    --------
    >>> complaint((3, 12, 1)) is None
    True
    >>> print(complaint((3, 10, 13)))
    This course needs Python 3.11, 3.12 or 3.13, and found 3.10.13: see "Which Python" in README.md.
    """
    if OLDEST <= tuple(version[:2]) <= NEWEST:
        return None
    found = ".".join(str(number) for number in version[:3])
    return (
        "This course needs Python 3.11, 3.12 or 3.13, and found "
        + found
        + ': see "Which Python" in README.md.'
    )


if __name__ == "__main__":
    sys.exit(complaint(sys.version_info))
