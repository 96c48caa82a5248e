"""All hostile and damaged submissions: handing them in, and what each must come to."""

import os
from pathlib import Path

from tests.grading.attacks import ATTACKS
from tests.grading.damage import DAMAGES
from tests.grading.forgeries import FORGERIES
from tests.grading.toy import HIDDEN, NAME, PICTURE, answered, known, points, shown, submit

ROWS = ATTACKS | FORGERIES | DAMAGES
HONEST = ["honest_1", "honest_2", "Ödön Ő. x-y@z.hu"]
REPO = Path(__file__).resolve().parents[2]
TOKEN = f"breach-{os.getpid()}"


def hand_in(course, names, port=0, root=None):
    """Hand in honest submissions and those of some rows.

    An attack aims at the folder of the course, or at another name that this folder has.
    """
    root = root or course.root
    for name in HONEST:
        submit(course, name, answered(course, {"plot": PICTURE} if name == HONEST[0] else {}))
    for name in names:
        row = ROWS[name]
        if name in DAMAGES:
            row.make(course, name)
            continue
        notebook = answered(course, row.changed)
        place = [cell["id"] for cell in notebook.cells].index("draw_answer")
        for turn, text in enumerate([row.code] if isinstance(row.code, str) else row.code):
            for old, new in (("ROOT", root), ("REPO", REPO), ("TOKEN", TOKEN), ("PORT", port)):
                text = text.replace(old, str(new))
            notebook.cells.insert(place + turn, answered(course, extra=text).cells[place])
        submit(course, name, notebook)


def judge(course, name, root=None):
    """Check that a row got its marks and its reasons, and reached nothing."""
    row, log = ROWS[name], course.root / "marks" / NAME / f"{name}.log"
    assert not log.exists(), log.read_text()[-3000:]
    found = known(course, name)
    marks = found["marks"].values()
    text = "\n".join([*found["notes"], *(one["reason"] for one in marks), shown(course, name)])
    got = dict(zip(("draw", "count"), points(course, name), strict=True))
    said = f"{name}: {got}\n{text[:2000]}\n...\n{text[-2000:]}"
    for task, points_ in got.items():
        allowed = getattr(row, task)
        assert points_ in (allowed if isinstance(allowed, tuple) else (allowed,)), said
    for words in row.words:
        either = [one.replace("ROOT", str(root or course.root)) for one in words.split(" OR ")]
        assert any(one in text for one in either), f"without {words!r}: {said}"
    assert not any(one["bugs"] for one in marks), said
    for secret in ("BREACH", HIDDEN, course.secret().decode(), f"environment-{TOKEN}"):
        assert secret not in text, said
