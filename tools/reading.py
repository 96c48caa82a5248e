"""How long a chapter takes to read, computed from the notebook: `python tools/reading.py chapters`.

A reader is taken to need a minute for 200 words, 25 lines of code, or one figure; 15 seconds for a
claim, 20 for a table or a displayed formula, 30 for a prediction. What is folded and the exercises
are not counted.
"""

import json
import re
import sys
from pathlib import Path

SECONDS = {
    "words": 60 / 200,
    "figures": 60,
    "code lines": 60 / 25,
    "claims": 15,
    "tables": 20,
    "formulas": 20,
    "predictions": 30,
}
FOLDED_TEXT = re.compile(
    r"^(?P<fence>`{3,}|:{3,})\{(?:exercise|solution|dropdown|"
    r"admonition\}[^\n]*\n:class: [^\n]*(?:dropdown|exercise))"
    r".*?^(?P=fence)[ \t]*$",
    re.M | re.S,
)
EXERCISES = re.compile(r"^#+ exercises\b", re.M | re.I)
FORMULA = re.compile(r"\$\$.*?\$\$|^(`{3,})\{math\}.*?^\1", re.M | re.S)
# What is not read: labels, options of a directive, its fence, the address of a link.
MARKUP = re.compile(
    r"^\([\w-]+\)=$|^:[\w-]+:.*$|^(?:`{3,}|:{3,}).*$|(?<=\])\([^)]*\)|\{[\w:]+\}", re.M
)


def counts(notebook):
    """Count what a reader meets before the exercises.

    Parameters
    ----------
    notebook : dict
        The parsed JSON of a notebook.

    Returns
    -------
    dict
        The number of each kind named in `SECONDS`.
    """
    found = dict.fromkeys(SECONDS, 0)
    for cell in notebook["cells"]:
        tags = set(cell["metadata"].get("tags", ()))
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            end = EXERCISES.search(source)
            _count_text(source[: end.start()] if end else source, found)
            if end:
                break
        elif "hide-cell" not in tags:
            if not tags & {"hide-input", "remove-input"}:
                found["code lines"] += sum(bool(line.strip()) for line in source.splitlines())
            if "hide-output" not in tags:
                for output in cell.get("outputs", ()):
                    _count_output(output, found)
    return found


def _count_text(source, found):
    text = FOLDED_TEXT.sub("", source)
    found["predictions"] += len(re.findall(r"^(?:`{3,}|:{3,})\{admonition\} Predict", text, re.M))
    found["formulas"] += len(FORMULA.findall(text))
    text = FORMULA.sub("", text)
    found["tables"] += len(re.findall(r"^\|[ :|-]+\|$", text, re.M))
    # Signs that stand alone, such as those of a heading, a list or a table, are no words.
    found["words"] += len(re.findall(r"\S*\w\S*", MARKUP.sub("", text)))


def _count_output(output, found):
    data = output.get("data", {})
    found["figures"] += "image/png" in data
    if "weightinit" in output.get("metadata", {}):
        found["claims"] += 1
    else:
        found["tables"] += "<table" in "".join(data.get("text/html", ""))


def minutes(notebook):
    """Return the minutes to read a notebook, not rounded.

    Examples
    --------
    >>> words = {"cell_type": "markdown", "metadata": {}, "source": "word " * 300}
    >>> minutes({"cells": [words]})
    1.5
    """
    return sum(SECONDS[kind] * number for kind, number in counts(notebook).items()) / 60


def main(paths):
    """Print a line for each notebook under paths."""
    from execute_notebooks import find

    for path in find(paths):
        notebook = json.loads(Path(path).read_text("utf-8"))
        parts = ", ".join(f"{number} {kind}" for kind, number in counts(notebook).items())
        print(f"{path}: {minutes(notebook):.0f} minutes ({parts})")


if __name__ == "__main__":
    main(sys.argv[1:])
