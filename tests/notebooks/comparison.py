"""What a cell put out, compared with what is stored, in a way that suits measurements.

- Numbers are compared by relative tolerance, the rest exactly (`numbers_in_text`). The tolerance
  is 1e-6; a cell may set its own, and must say why, in its metadata:
  ``{"weightinit": {"rtol": 1e-4, "reason": "trained for 200 steps"}}``.
- Outputs are compared in their order, with every form (MIME type) they have. A picture's numbers
  are in the figure's description, its text form; its pixels are compared too, so that the
  published picture is the one that the cell draws.
- Nothing is excused: an output's own metadata (the width of a picture, say) is compared as well.
"""

from __future__ import annotations

import base64
import io
import json

import numpy as np
from matplotlib.image import imread

from tests.notebooks.numbers_in_text import differences

DEFAULT_RTOL = 1e-6
MAX_RTOL = 1e-2
# A legend's marker covers more of a figure than this; the last digit of a number moves no pixel.
PIXELS = 1e-4
SHADE = 0.1  # of the range from black to white; smoothed edges differ by less
CLAIM = "weightinit"  # where an output's metadata hold a claim's numbers
PICTURE = "image/png"


class CellMetadataError(ValueError):
    """The ``weightinit`` entry in a cell's metadata is not of an allowed form."""


def tolerance(cell) -> float:
    """Return the relative tolerance of a cell's numbers.

    Raises
    ------
    CellMetadataError
        If it is set in another way than the one above.
    """
    given = cell.metadata.get("weightinit", {})
    if not isinstance(given, dict) or set(given) - {"rtol", "reason"}:
        raise CellMetadataError(f"a cell's own metadata may hold rtol with reason, got {given!r}")
    rtol, reason = given.get("rtol", DEFAULT_RTOL), given.get("reason")
    if isinstance(rtol, bool) or not isinstance(rtol, int | float) or not 0 < rtol <= MAX_RTOL:
        raise CellMetadataError(f"rtol must be above 0 and at most {MAX_RTOL:g}, got {rtol!r}")
    if "rtol" in given and not (isinstance(reason, str) and reason.strip()):
        raise CellMetadataError("a cell that sets rtol must also give a reason, in words")
    return float(rtol)


def compare(stored: list, computed: list, rtol: float) -> list[str]:
    """Compare the outputs of one cell; return a message for each difference."""
    kinds = [[_kind(output) for output in outputs] for outputs in (stored, computed)]
    if kinds[0] != kinds[1]:
        return [f"stored outputs: {_list(kinds[0])}\ncomputed outputs: {_list(kinds[1])}"]
    problems = []
    for number, (old, new) in enumerate(zip(stored, computed, strict=True), start=1):
        new_parts = _parts(new)
        for form, part in _parts(old).items():
            found = differences(part, new_parts[form], rtol)
            problems += [f"output {number}, {form}: {problem}" for problem in found]
        found = _misquoted_claim(old) + _other_picture(old, new)
        problems += [f"output {number}: {problem}" for problem in found]
    return problems


def _kind(output) -> str:
    """Describe the type of an output and the forms it has, in an order that does not vary."""
    detail = output.get("name") or ", ".join(sorted(output.get("data", {})))
    has_claim = " and a claim" if CLAIM in output.get("metadata", {}) else ""
    return f"{output['output_type']} ({detail}){has_claim}"


def _list(kinds: list[str]) -> str:
    return "; ".join(kinds) or "none"


def _parts(output) -> dict[str, str]:
    """Return the texts to compare, by name."""
    if output["output_type"] == "stream":
        return {output["name"]: output["text"]}
    parts = {"metadata": _json(output["metadata"])}
    # A claim's text rounds its numbers for the reader, and rounding may fall either way. So the
    # numbers themselves are compared, in the metadata; `_misquoted_claim` ties the text to them.
    if CLAIM not in output["metadata"]:
        forms = {form: data for form, data in output["data"].items() if form != PICTURE}
        parts |= {form: d if isinstance(d, str) else _json(d) for form, d in forms.items()}
    return parts


def _json(data) -> str:
    return json.dumps(data, sort_keys=True, indent=1)


def _misquoted_claim(output) -> list[str]:
    """Check that the text of a stored claim is what its stored numbers and claims.toml give."""
    data = output.get("metadata", {}).get(CLAIM)
    if data is None:
        return []
    from weightinit.claims import Result

    try:
        result = Result.from_dict(data)
    except (TypeError, ValueError) as error:
        return [f"the stored claim cannot be read: {error}"]
    expected = {"text/plain": repr(result), "text/html": result._repr_html_()}
    return [
        f"the stored {form} of the claim is not what its numbers and claims.toml say"
        for form, text in expected.items()
        if output["data"].get(form) != text
    ]


def _other_picture(stored, computed) -> list[str]:
    """Check that the stored picture shows what the computed one shows."""
    if PICTURE not in stored.get("data", {}):
        return []
    pngs = (output["data"][PICTURE] for output in (stored, computed))
    try:
        old, new = (imread(io.BytesIO(base64.b64decode(png))) for png in pngs)
    except (OSError, SyntaxError, ValueError) as error:  # no picture, half of one, no base64
        return [f"the stored picture cannot be read: {error}"]
    if old.shape != new.shape:
        return [f"the stored picture has shape {old.shape}, the computed one {new.shape}"]
    share = (np.abs(old - new).max(axis=-1) > SHADE).mean()
    return [f"{share:.2%} of the picture's pixels differ"] if share > PIXELS else []
