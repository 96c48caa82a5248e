"""Tests of lab_script.py: what becomes of modules in one file, and which ones are refused."""

import pytest

from tools import lab_script


def written(folder, **modules):
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text, encoding="utf-8")
    return folder


def test_modules_come_after_those_that_they_import(tmp_path):
    folder = written(
        tmp_path,
        a='import { b } from "./b.js";\nimport {\n  c,\n} from "./c.js";\nconst a = b + c;\n',
        b='import { c } from "./c.js";\nexport const b = c;\n',
        c="// why\nexport const c = 1;\n",
    )
    joined = lab_script.join("a.js", folder)
    assert [line for line in joined.splitlines() if line and not line.startswith("// --")] == [
        *("// why", "const c = 1;", "const b = c;", "const a = b + c;")
    ]


@pytest.mark.parametrize(
    "module, complaint",
    [
        ('import { x } from "./b.js";\n', "imports x, which b.js does not have"),
        ('import * as b from "./b.js";\n', "a.js: only import"),
        ("export default 3;\n", "a.js: only import"),
        ('import { b } from "./b.js";\nexport { b };\n', "a.js: only import"),
        ("const here = import.meta.url;\n", "a.js: only import"),
        ('import { b } from "./b.js";\nfunction own() {}\n', "both have own"),
    ],
)
def test_what_would_mean_something_else_in_one_file_is_refused(tmp_path, module, complaint):
    written(tmp_path, a=module, b="const own = 1;\nexport const b = own;\n")
    with pytest.raises(lab_script.Unjoinable, match=complaint):
        lab_script.join("a.js", tmp_path)


def test_the_lab_itself_is_one_script_with_its_worker_inside():
    script = lab_script.script()
    assert script.count("const WORKER_SOURCE = ") == 1
    assert 'customElements.define("weight-lab"' in script
    assert "onmessage" in script
