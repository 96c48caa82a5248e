"""Tests of the rules for published notebooks: none finds a fault in an honest one."""

import copy
from dataclasses import replace

import nbformat
import pytest
from nbformat import v4

from tests.notebooks import rules
from tests.notebooks.honest_notebook import ALT, CLAIMS, find, honest
from weightinit import claims


@pytest.fixture(scope="module")
def stored():
    return honest()


@pytest.fixture
def notebook(stored):
    return copy.deepcopy(stored)


# --- how to spoil a notebook -----------------------------------------------------------------


def first_output(notebook, name):
    return find(notebook, name).outputs[0]


def add_output(output):
    return lambda notebook: find(notebook, "tiny").outputs.append(output)


def add_form(form, data="x"):
    return lambda notebook: first_output(notebook, "another type").data.update({form: data})


def add_cell(cell):
    return lambda notebook: notebook.cells.append(cell)


def add_markdown(source):
    return add_cell(v4.new_markdown_cell(source))


def set_source(source):
    return lambda notebook: find(notebook, "never run").update(source=source)


def set_tags(*tags):
    return lambda notebook: find(notebook, "tiny").metadata.update(tags=list(tags))


def set_wide_and(tag):
    return lambda notebook: find(notebook, "tiny").update(
        source="b".ljust(74) + "= 1", metadata={"tags": [tag]}
    )


def set_metadata(**entries):
    return lambda notebook: find(notebook, "tiny").metadata.update(entries)


def set_text(text):
    return lambda notebook: first_output(notebook, "another type").data.update({"text/plain": text})


def set_alt(alt, name="curve"):
    return lambda notebook: find(notebook, name).metadata.mystnb.image.update(alt=alt)


def set_count(change):
    def spoil(notebook):
        find(notebook, "count").execution_count += change

    return spoil


def undescribed(text):
    return lambda notebook: first_output(notebook, "curve").data.update({"text/plain": text})


def two_figures(notebook):
    find(notebook, "curve").outputs *= 2


def repeat_claim(notebook):
    cell = copy.deepcopy(find(notebook, "claim text"))
    cell.id = "repeated"
    notebook.cells.append(cell)


def show_twice(notebook):
    find(notebook, "claim shown").outputs *= 2


def break_stored(notebook):
    second = first_output(notebook, "claim broken").metadata.weightinit.evidence[1]
    second.measured[0] = 2.0


DIRECTIVE = "```{figure} a.png\n:width: 3\nCaption\n```"
ALTERNATIVE = "pictures_have_alternative_text"
LOCAL = "/home /root /Users /tmp /work /usr /opt /var /mnt /private".split()

SPOILERS = {
    "never run": ("executed_in_order", lambda n: find(n, "count").update(execution_count=None)),
    "run too early": ("executed_in_order", set_count(-1)),
    "run too late": ("executed_in_order", set_count(+1)),
    "empty cell": ("executed_in_order", set_source(" \n")),
    "result of another run": (
        "executed_in_order",
        lambda n: first_output(n, "another type").update(execution_count=1),
    ),
    "stderr": (
        "nothing_but_results",
        add_output(v4.new_output("stream", name="stderr", text="Warning")),
    ),
    "exception": (
        "nothing_but_results",
        add_output(v4.new_output("error", ename="ValueError", evalue="x")),
    ),
    "raw cell": ("nothing_but_results", add_cell(v4.new_raw_cell("a = 1"))),
    "widget": ("nothing_but_results", add_form("application/vnd.jupyter.widget-view+json", {})),
    "another picture": ("nothing_but_results", add_form("image/jpeg")),
    "drawing": ("nothing_but_results", add_form("image/svg+xml", "<svg/>")),
    "script": ("nothing_but_results", add_form("application/javascript")),
    "comment": ("nothing_excused", set_source("# NBVAL_SKIP\na = 1")),
    "old comment": ("nothing_excused", set_source("# PYTEST_VALIDATE_IGNORE_OUTPUT\na = 1")),
    "indented comment": (
        "nothing_excused",
        set_source("if 1:\n    #NBVAL_IGNORE_OUTPUT\n    a = 1"),
    ),
    "capture": ("nothing_excused", set_source("%%capture\nprint(1)")),
    "inline again": ("nothing_excused", set_source("a = 1\n  %matplotlib inline")),
    "configured": (
        "nothing_excused",
        set_source("% config InlineBackend.figure_formats = ['svg']"),
    ),
    "nbval tag": ("nothing_excused", set_tags("nbval-ignore-output")),
    "old tag": ("nothing_excused", set_tags("pytest-validate-ignore-output")),
    "skipped": ("nothing_excused", set_tags("skip-execution")),
    "may raise": ("nothing_excused", set_tags("raises-exception")),
    "removed from the page": ("nothing_excused", set_tags("hide-input", "remove-output")),
    "collapsed": ("nothing_excused", set_metadata(collapsed=True)),
    "times": ("nothing_excused", set_metadata(execution={})),
    "of the page": ("nothing_excused", set_metadata(mystnb={"remove_stderr": True})),
    "of Jupyter": ("nothing_excused", set_metadata(jupyter={"source_hidden": True, "x": 1})),
    "own tolerance": ("nothing_excused", set_metadata(weightinit={"rtol": 1e-4})),
    "own excuse": ("nothing_excused", set_metadata(weightinit={"raises": "why"})),
    "no alt": (ALTERNATIVE, lambda n: find(n, "curve").metadata.clear()),
    "no alt in image": (ALTERNATIVE, lambda n: find(n, "curve").metadata.mystnb.image.clear()),
    "empty alt": (ALTERNATIVE, set_alt(" " * 50)),
    "short alt": (ALTERNATIVE, set_alt(f" {'x' * 39} ")),
    "same alt": (ALTERNATIVE, set_alt(ALT + "label ")),
    "Markdown image": (ALTERNATIVE, add_markdown("![](a.png)")),
    "Markdown image, short alt": (ALTERNATIVE, add_markdown("![A plot](a.png)")),
    "HTML image": (ALTERNATIVE, add_markdown('<img src="a.png" width="3">')),
    "HTML image, short alt": (ALTERNATIVE, add_markdown("<img src='a.png' alt='A plot'>")),
    "figure": (ALTERNATIVE, add_markdown(DIRECTIVE)),
    "image": (ALTERNATIVE, add_markdown(DIRECTIVE.replace("figure", "image"))),
    "figure in colons": (ALTERNATIVE, add_markdown(DIRECTIVE.replace("`", ":"))),
    "figure, short alt": (ALTERNATIVE, add_markdown(DIRECTIVE.replace("width", "alt"))),
    "undescribed": ("figures_are_described", undescribed("<Some figure>")),
    "no text": ("figures_are_described", lambda n: first_output(n, "curve").data.pop("text/plain")),
    "two figures": ("figures_are_described", two_figures),
    "ends in axes": ("figures_are_described", set_text("<Axes: title='x'>")),
    "ends in axes of an array": ("figures_are_described", set_text("[<Axes: >, <Axes: >]")),
    "ends in lines": ("figures_are_described", set_text("[<matplotlib.lines.Line2D at 0x7f>]")),
    "ends in a figure": ("figures_are_described", set_text("<Figure size 640x480 with 1 Axes>")),
    **{f"in {p}": ("no_local_paths", set_source(f"open('{p}/me/a.csv')")) for p in LOCAL},
    **{f"only {p}": ("no_local_paths", set_source(f"cd('{p}')")) for p in LOCAL[:5]},
    "path in output": ("no_local_paths", add_output(v4.new_output("stream", text="/tmp/x.py:3"))),
    "path in result": ("no_local_paths", add_form("text/html", "<b>/usr/lib/x.py</b>")),
    "path in Markdown": ("no_local_paths", add_markdown("see /Users/someone/notes")),
    "path in metadata": (
        "no_local_paths",
        lambda n: first_output(n, "curve").metadata.update(x="/home/me"),
    ),
    "Windows path": ("no_local_paths", set_source(r"open(r'C:\data\x.csv')")),
    "Windows home": ("no_local_paths", set_source(r"open('D:\\Users\\me\\x.csv')")),
    "long cell": ("short_cells", set_source("\n".join(["a = 1"] * 26))),
    "wide line": ("narrow_code", set_source("a = 1\n" + "b".ljust(74) + "= 1")),
    "minutes": ("honest_about_time", add_markdown("**Time**: 999 minutes to read.")),
    "kernel": ("clean_metadata", lambda n: n.metadata.kernelspec.update(name="my-env")),
    "version": ("clean_metadata", lambda n: n.metadata.language_info.update(version="3.12")),
    "widgets": ("clean_metadata", lambda n: n.metadata.update(widgets={})),
    "errors allowed": ("clean_metadata", lambda n: n.metadata.update(execution={"allow": True})),
}

FINE = {
    "words of a path": add_markdown("https://example.org/home/me/ ../chapters/x.ipynb $n/var$"),
    "letters and colons": add_markdown("$f:\\mathbb R$ and (a)C:x, ./tmp/x, work/x"),
    "25 lines": set_source("\n".join(["a = 1"] * 25)),
    "76 characters": set_source("b".ljust(73) + "= 1"),
    "wide line, folded": set_wide_and("hide-input"),
    "alt of 40 characters": set_alt("x" * 40),
    "Markdown image": add_markdown(f"![{ALT}in Markdown](a.png)"),
    "HTML image": add_markdown(f'<img src="a.png" alt="{ALT}in HTML">'),
    "HTML image, other quotes": add_markdown(f"<img src='a.png' alt='{ALT}in quotes'>"),
    "figure": add_markdown(DIRECTIVE.replace(":width: 3", f":alt: {ALT[:30]}\n  {ALT[30:]}")),
    "other magic": set_source("%time a = 1"),
    "allowed tags": set_tags("hide-cell", "hide-input", "remove-input", "landing"),
    "allowed metadata": set_metadata(
        jupyter={"source_hidden": True, "outputs_hidden": True},
        mystnb={"code_prompt_show": "a", "code_prompt_hide": "b", "markdown_format": "myst"},
        weightinit={"rtol": 1e-3, "reason": "trained"},
    ),
}


@pytest.fixture
def claims_of_the_notebook(monkeypatch):
    """Let claims.toml hold the claims of the honest notebook only, to be measured in 'notebook'."""
    known = claims.load()
    entries = {id: replace(known[id], chapter="01_notebook") for id in CLAIMS}
    for module in (claims, claims.statements, claims.all_claims):
        monkeypatch.setattr(module, "load", lambda: entries)


@pytest.mark.usefixtures("claims_of_the_notebook")
class TestRules:
    @pytest.fixture
    def faults(self, tmp_path):
        """Return a function that lists the faults of a notebook by rule, without empty lists."""

        def find_faults(notebook):
            path = tmp_path / "01_notebook.ipynb"
            nbformat.write(notebook, path)
            found = {rule.__name__: list(rule(path, notebook)) for rule in rules.RULES}
            return {name: faults for name, faults in found.items() if faults}

        return find_faults

    def test_honest_notebook_has_no_fault(self, notebook, faults):
        assert faults(notebook) == {}

    @pytest.mark.parametrize("name", SPOILERS)
    def test_spoilt_notebook_is_found(self, notebook, faults, name):
        rule, spoil = SPOILERS[name]
        spoil(notebook)
        assert list(faults(notebook)) == [rule]

    @pytest.mark.parametrize("name", FINE)
    def test_what_is_allowed_is_let_through(self, notebook, faults, name):
        FINE[name](notebook)
        assert faults(notebook) == {}

    @pytest.mark.parametrize(
        ("stated", "wrong"), [(59, True), (61, False), (134, False), (136, True)]
    )
    def test_seconds_are_those_measured(
        self, notebook, faults, tmp_path, monkeypatch, stated, wrong
    ):
        file = tmp_path / "measured.json"
        file.write_text('{"01_notebook": {"seconds": 90}}')
        monkeypatch.setattr(rules, "RUN_TIMES", file)
        add_markdown(f"**Time**: a while, about {stated} seconds to run.")(notebook)
        assert ("honest_about_time" in faults(notebook)) == wrong

    @pytest.mark.parametrize(("size", "expected"), [(2_000_000, []), (2_000_001, ["small_enough"])])
    def test_size(self, notebook, tmp_path, size, expected):
        path = tmp_path / "notebook.ipynb"
        path.write_bytes(b" " * size)
        assert bool(list(rules.small_enough(path, notebook))) == bool(expected)

    @pytest.mark.parametrize(
        ("spoil", "says"),
        [
            (lambda n: n.cells.__setitem__(slice(None), n.cells[:5]), "1.0 is in claims.toml but"),
            (lambda n: n.cells[0].update(source="# A test"), "no label (claim-1-1)="),
            (set_source("claims.claim('9.9', 1)"), "claim 9.9 is measured but"),
            (set_source("%time x = 1\n!ls\nclaim('9.9', 1)"), "claim 9.9 is measured but"),
            (set_source("claim(name, 1)"), "must be the id"),
            (set_source("claim(9.9, 1)"), "must be the id"),
            (set_source("claim()"), "must be the id"),
            (set_source("claim('1.1', x)"), "claim 1.1 has 2 boxes; hand all its evidence"),
            (repeat_claim, "2.2 has 2 boxes"),
            (show_twice, "claim 2.3 has 2 boxes"),
            (break_stored, "claim 1.0 is stored broken: largest slope: measured 2, required"),
        ],
    )
    def test_claims_and_notebook_must_agree(self, notebook, faults, spoil, says):
        spoil(notebook)
        assert any(says in fault for fault in faults(notebook)["claims_match"])

    def test_claims_of_another_chapter_are_not_expected(self, notebook, tmp_path):
        found = list(rules.claims_match(tmp_path / "other.ipynb", notebook))
        assert found == [
            f"claim {id} is measured but claims.toml does not list it for other" for id in CLAIMS
        ]

    def test_claim_must_be_shown(self, notebook, faults):
        for cell in notebook.cells:
            if "claim(" in cell.source and cell.cell_type == "code":
                cell.outputs = []
        assert "not shown" in faults(notebook)["claims_match"][0]

    def test_page_is_made_from_stored_outputs(self, notebook, tmp_path):
        path = tmp_path / "notebook.ipynb"
        nbformat.write(notebook, path)
        first, *_ = claims.table([path]).itertuples()
        assert "(#claim-1-0)" in first.link
        assert "(../chapters/01_notebook.ipynb)" in first.link
        assert first.result.evidence[0].measured[1] == 2.38418579e-07
        assert first.finding in claims.page([path])._repr_markdown_()


def test_page_needs_every_claim_measured(notebook, tmp_path):
    path = tmp_path / "notebook.ipynb"
    nbformat.write(notebook, path)
    with pytest.raises(ValueError, match="no stored result for claim 2.4, 2.5"):
        claims.table([path])
