import json

import environment
import pytest


def test_environment_without_a_readable_stamp_is_made_anew(tmp_path):
    (tmp_path / "ready").write_text("{")
    for path in (tmp_path / "ready", tmp_path / "absent"):
        assert environment.plan(environment.present(path), environment.wanted()) == "create"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "keep"),
        ({"contents": "other"}, "update"),
        ({"python": "3.0"}, "create"),
        ({"root": "elsewhere"}, "create"),
        ({"root": "elsewhere", "contents": "other"}, "create"),
    ],
)
def test_environment_is_renewed_as_far_as_needed(tmp_path, change, expected):
    stamp = tmp_path / "ready"
    stamp.write_text(json.dumps(environment.wanted() | change))
    assert environment.plan(environment.present(stamp), environment.wanted()) == expected
