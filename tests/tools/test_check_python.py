import ast

import check_python
import pytest

from tests.tools import TOOLS


@pytest.mark.parametrize("version", [(3, 11), (3, 11, 0), (3, 12, 1), (3, 13, 9, "final", 0)])
def test_supported_python_is_accepted(version):
    assert check_python.complaint(version) is None


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 8, 18), (3, 10, 13), (3, 14, 0), (4, 0, 0)])
def test_other_python_is_turned_away_in_one_sentence(version):
    sentence = check_python.complaint(version)
    assert "3.11, 3.12 or 3.13" in sentence
    assert "found " + ".".join(map(str, version)) in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize("name", ["check_python.py", "environment.py"])
def test_what_meets_an_old_python_avoids_new_syntax(name):
    tree = ast.parse((TOOLS / name).read_text("utf-8"), feature_version=(3, 4))
    new = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.Match, ast.AsyncFunctionDef)
    assert not [node for node in ast.walk(tree) if isinstance(node, new)]
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert not [f.name for f in functions if f.returns or f.args.kwonlyargs]
