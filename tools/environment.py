"""Make .venv hold what the course needs; do nothing when it already does.

The file .venv/ready is written last and says what was installed. Without it the environment is made
anew, so a set-up that was interrupted anywhere recovers by running the same command again.
With the argument "grading" it also holds what the grading of exercises needs.
Like check_python.py, this file must be readable by the Pythons that check_python.py turns away.
"""

import hashlib
import json
import os
import subprocess
import sys

from check_python import complaint

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
READY = os.path.join(VENV, "ready")
INPUTS = ("requirements.txt", "constraints.txt", "pyproject.toml")
GRADING = os.path.join("exercises", "requirements.txt")
PLACE = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
PYTHON = os.path.join(VENV, *PLACE)


def wanted():
    """Describe the environment that the files in the project ask for."""
    contents = hashlib.sha256()
    for name in INPUTS:
        with open(os.path.join(ROOT, name), "rb") as file:
            contents.update(file.read().replace(b"\r\n", b"\n"))
    # The package is installed in place, so an environment that was moved has lost it.
    return {
        "python": ".".join(str(number) for number in sys.version_info[:2]),
        "root": ROOT,
        "contents": contents.hexdigest(),
    }


def present(path=READY):
    """Describe the environment that is there; empty if it is not complete."""
    try:
        with open(path) as file:
            return json.load(file)
    except (IOError, ValueError):
        return {}


def plan(have, want):
    """Choose between "keep", "update" and "create".

    Examples
    --------
    >>> want = {"python": "3.12", "root": "/course", "contents": "abc"}
    >>> plan(want, want)
    'keep'
    >>> plan(dict(want, contents="old"), want)
    'update'
    >>> plan(dict(want, python="3.11"), want), plan({}, want)
    ('create', 'create')
    """
    if have == want:
        return "keep"
    if have and have.get("python") == want["python"] and have.get("root") == want["root"]:
        return "update"
    return "create"


def install(*arguments):
    """Install what is named, in the versions of the course."""
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--constraint", "constraints.txt"]
    subprocess.check_call(pip + list(arguments), cwd=ROOT)


def add_grading():
    """Install what the grading needs, if it is not there."""
    ready = READY + "-grading"
    with open(os.path.join(ROOT, GRADING)) as file:
        want = file.read()
    try:
        with open(ready) as file:
            if file.read() == want:
                return
    except IOError:
        pass
    install("--requirement", GRADING)
    with open(ready, "w") as file:
        file.write(want)


def main():
    """Carry out the plan."""
    want = wanted()
    todo = plan(present(), want)
    if todo == "keep":
        return
    if todo == "update":
        os.remove(READY)  # from here on the environment counts as incomplete
    else:
        print("Creating .venv and installing the course: several minutes, once.")
        # Not this interpreter itself where it lives in .venv, which is about to be emptied.
        python = getattr(sys, "_base_executable", None) or sys.executable
        subprocess.check_call([python, "-m", "venv", "--clear", VENV])
    install("--requirement", "requirements.txt", "--editable", ".")
    with open(READY, "w") as file:
        json.dump(want, file)


if __name__ == "__main__":
    problem = complaint(sys.version_info)
    if problem:
        sys.exit(problem)
    try:
        main()
        if "grading" in sys.argv[1:]:
            add_grading()
    except (subprocess.CalledProcessError, KeyboardInterrupt):
        sys.exit("The set-up did not finish. The same command starts it afresh.")
