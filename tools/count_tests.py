"""Add up the tests in a folder of JUnit reports: `python tools/count_tests.py reports`."""

import sys
from pathlib import Path
from xml.etree import ElementTree


def count(reports):
    """Count the tests of all reports.

    Parameters
    ----------
    reports : iterable of str
        The text of each report, as pytest writes it.

    Returns
    -------
    tuple of int
        Passed, failed (errors included) and skipped.

    Examples
    --------
    >>> count(['<testsuite tests="5" failures="1" errors="1" skipped="1"/>'])
    (2, 2, 1)
    """
    total = failed = skipped = 0
    for report in reports:
        for suite in ElementTree.fromstring(report).iter("testsuite"):
            total += int(suite.get("tests"))
            failed += int(suite.get("failures")) + int(suite.get("errors"))
            skipped += int(suite.get("skipped"))
    return total - failed - skipped, failed, skipped


def main(folder):
    """Print the count as the last line; fail when a test failed or none ran."""
    passed, failed, skipped = count(
        path.read_text(encoding="utf-8") for path in sorted(Path(folder).glob("*.xml"))
    )
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
