"""Join the lab's modules (`lab/*.js`) into the one script that the site loads.

A page that is opened from disk may load plain scripts only, neither modules nor a worker's file. So
the modules are put one after the other, without their imports and exports, and the worker's text
goes into the script as a string. Nothing else is changed.

`python tools/lab_script.py` writes a page with nothing but the lab, to try a change quickly.
"""

import json
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODULES = ROOT / "lab"
TRIAL = ROOT / "_generated" / "lab"
IMPORT = re.compile(r'^import \{([^}]*)\} from "\./(\w+\.js)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class)\b)", re.MULTILINE)
TOP = re.compile(r"^(?:export )?(?:async )?(?:function\*?|const|let|class) (\w+)", re.MULTILINE)

PAGE = """<!doctype html>
<html lang="en" data-theme="light"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>The lab</title>
<link rel="stylesheet" href="lab.css">
<style>:root { --pst-color-border: #ccc; --pst-color-primary: #1f5f99; --pst-color-text-base: #222;
--pst-color-text-muted: #555; --pst-color-background: #fff; --pst-color-link-hover: #8a4500 }
a { color: inherit }
html[data-theme=dark] { --pst-color-text-base: #eee; --pst-color-background: #121212;
--pst-color-text-muted: #bbb; background: #121212; color: #eee }
body { max-width: 60rem; margin: auto; font-family: sans-serif }</style>
<main><h1>The lab</h1><weight-lab own-address featured="sigma_w2"></weight-lab></main>
<script src="lab.js"></script></html>
"""


class Unjoinable(ValueError):
    """Modules that would mean something else in one file."""


def join(entry, folder=MODULES):
    """Return a module's text with the modules that it imports before it.

    Parameters
    ----------
    entry : str
        The file, such as `"view.js"`.
    folder : pathlib.Path
        Where the modules are.

    Returns
    -------
    str

    Raises
    ------
    Unjoinable
        If an import or export is not of the one form that the lab uses, a name is imported that
        the module does not export, or two modules use one name at their top level.
    """
    parts, owners = {}, {}

    def add(name):
        if name in parts:
            return
        parts[name] = None
        text = (folder / name).read_text(encoding="utf-8")
        for names, other in IMPORT.findall(text):
            add(other)
            for wanted in filter(None, (part.strip() for part in names.split(","))):
                if owners.get(wanted) != other:
                    raise Unjoinable(f"{name} imports {wanted}, which {other} does not have")
        body = EXPORT.sub("", IMPORT.sub("", text))
        if re.search(r"^(import|export)\b|import\.meta", body, re.MULTILINE):
            raise Unjoinable(f'{name}: only import {{ a }} from "./b.js" and exported declarations')
        for top in TOP.findall(text):
            if top in owners:
                raise Unjoinable(f"{owners[top]} and {name} both have {top} at their top level")
            owners[top] = name
        parts.pop(name)  # behind what it imports
        parts[name] = f"// ---- {name} ----\n{body}"

    add(entry)
    return "\n".join(parts.values())


def script(folder=MODULES):
    """Return the whole script: the page's side, and the worker's text as a string in it."""
    worker = json.dumps(f'"use strict";\n{join("worker.js", folder)}')
    page = join("view.js", folder)
    return f'(() => {{\n"use strict";\nconst WORKER_SOURCE = {worker};\n{page}}})();\n'


def write_trial(target=TRIAL):
    """Write a page with nothing but the lab."""
    target.mkdir(parents=True, exist_ok=True)
    (target / "lab.js").write_text(script(), encoding="utf-8")
    (target / "index.html").write_text(PAGE, encoding="utf-8")
    shutil.copy(MODULES / "lab.css", target)
    return target / "index.html"


if __name__ == "__main__":
    sys.stdout.write(f"Open {write_trial()}\n")
