"""The project itself: its requirements, its set-up, its floors, its house style."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import check_python  # noqa: E402

PINNED = re.compile(r"([A-Za-z0-9._-]+)==([0-9][A-Za-z0-9.]*)")


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


# Requirements ---------------------------------------------------------------------------------


def pins(content):
    """Package names and versions; a line that is neither a pin nor a comment fails."""
    lines = [line.strip() for line in content.splitlines()]
    matches = [PINNED.fullmatch(line) for line in lines if line and not line.startswith("#")]
    assert all(matches), "a line is not of the form package==version"
    found = {re.sub(r"[-_.]+", "-", m[1]).lower(): m[2] for m in matches}
    assert len(found) == len(matches), "a package is listed twice"
    return found


def test_every_requirement_is_pinned_and_in_the_full_set():
    assert pins(text("requirements.txt")).items() <= pins(text("constraints.txt")).items()


@pytest.mark.parametrize("line", ["numpy", "numpy>=2", "torch==2.13.0+cpu", "numpy==2.*"])
def test_requirement_that_is_not_one_portable_version_is_found(line):
    with pytest.raises(AssertionError, match="not of the form"):
        pins(line)


def test_this_environment_is_the_one_described():
    for name, version in pins(text("requirements.txt")).items():
        assert importlib.metadata.version(name).split("+")[0] == version


def test_every_dependency_of_the_package_is_a_requirement():
    project = tomllib.loads(text("pyproject.toml"))["project"]
    names = {re.match(r"[\w.-]+", dependency).group() for dependency in project["dependencies"]}
    assert names <= pins(text("requirements.txt")).keys()


# Set-up ---------------------------------------------------------------------------------------


def test_supported_pythons_are_the_same_everywhere():
    project = tomllib.loads(text("pyproject.toml"))["project"]
    after = (check_python.NEWEST[0], check_python.NEWEST[1] + 1)
    oldest, after = (".".join(map(str, version)) for version in (check_python.OLDEST, after))
    assert project["requires-python"] == f">={oldest},<{after}"
    matrix = yaml.safe_load(text(".github/workflows/course.yml"))["jobs"]["check"]["strategy"]
    assert matrix["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert "3.11, 3.12 or 3.13" in text("README.md")


def test_makefile_targets_are_explained_in_help_and_readme():
    makefile = text("Makefile")
    phony = " ".join(re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE))
    assert set(phony.split()) == set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    for target in set(phony.split()) - {"help"}:
        assert f'"make {target} ' in makefile
        assert f"`make {target}`" in text("README.md")


def test_every_line_of_the_makefile_is_in_the_readme():
    readme = text("README.md").replace("\\", "/")
    recipes = re.findall(r"^\t(?:[A-Z_]+=\S+ )*\.venv/bin/(.*)$", text("Makefile"), re.MULTILINE)
    assert len(recipes) > 8
    # Student code runs on Linux only, where there is make.
    recipes = [line for line in recipes if not line.startswith("python -m grading")]
    values = dict(re.findall(r"^([A-Z]+) = (.*)$", text("Makefile"), re.MULTILINE))
    lines = [line.removesuffix(" $(TESTS)") for line in recipes]
    lines = [re.sub(r"\$\(([A-Z]+)\)", lambda name: values[name[1]], line) for line in lines]
    assert [line for line in lines if f".venv/Scripts/{line}\n" not in readme] == []


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make")
def test_nothing_is_served_before_there_is_a_site(tmp_path):
    command = ["make", "-f", ROOT / "Makefile", "--old-file=environment", "serve"]
    # As a reader types it: inside `make test`, make would also say which folder it enters.
    outside = {k: v for k, v in os.environ.items() if k not in ("MAKELEVEL", "MAKEFLAGS")}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=outside)
    assert done.returncode != 0
    assert done.stdout == "There is no site yet: run make book first\n"


def test_version_is_the_same_everywhere():
    version = tomllib.loads(text("pyproject.toml"))["project"]["version"]
    assert version == importlib.metadata.version("weightinit")
    assert version == yaml.safe_load(text("CITATION.cff"))["version"]
    assert f'__version__ = "{version}"' in text("src/weightinit/__init__.py")


# The house ------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["check"], ["format", "--check"]], ids=["lint", "format"])
def test_ruff_has_nothing_to_say(arguments):
    command = [sys.executable, "-m", "ruff", *arguments, "--quiet", "."]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_citation_file_has_what_its_format_requires():
    citation = yaml.safe_load(text("CITATION.cff"))
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["cff-version"] == "1.2.0"
    assert all(
        "name" in a or {"family-names", "given-names"} <= a.keys() for a in citation["authors"]
    )


def test_both_licenses_are_there():
    assert "BSD 3-Clause License" in text("LICENSE")
    assert "SPDX-License-Identifier: CC-BY-4.0" in text("LICENSE-text")
