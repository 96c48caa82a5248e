"""What a hostile student wrote, in a real browser: the feedback, formgrader's page, and MathJax."""

import contextlib
import html
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed")

from bs4 import BeautifulSoup  # noqa: E402

from grading.__main__ import main  # noqa: E402
from grading.rebuild import harmless  # noqa: E402
from tests.grading import toy  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
    pytest.mark.slow,
]

OWN = "document.title='owned';document.documentElement.id='owned'"
WORDS = f"""\
<script>{OWN}</script>
<img src=x onerror="{OWN}"> <svg onload="{OWN}"></svg> <iframe srcdoc="<script>{OWN}</script>">
[honest](javascript:{OWN}) ![x](x" onerror="{OWN}) <a href="javascript:{OWN}">x</a>
<details open ontoggle="{OWN}">x</details> <style onload="{OWN}"></style>
$\\href{{javascript:{OWN}}}{{formula}}$ &#60;script&#62;{OWN}&#60;/script&#62;
</div></div><script>{OWN}</script> <!--><script>{OWN}</script>-->

# "><img src=x onerror="{OWN}">

```mermaid
graph TD; A["<img src=x onerror={OWN}>"]-->B; click A href "javascript:{OWN}"
```
"""
CODE = f"""\
from IPython.display import HTML, SVG, Javascript, Latex, Markdown, display
own = "{OWN}"
live = f"<script>{{own}}</script><img src=x onerror=\\"{{own}}\\">"
display(HTML(live), Javascript(own), Markdown(live), Latex(live))
display({{"text/html": live, "image/svg+xml": live, "text/plain": live}}, raw=True)
display({{"image/png": live, "text/latex": live, "text/plain": live}}, raw=True)
print(live)
class Live:
    def __repr__(self): return live
display(Live())
raise ValueError(live)
"""
DRAW = f'def draw(n_in, n_out, seed):\n    raise ValueError("<script>{OWN}</script>")'


def browse(address, *options, folder):
    """Open a page until its scripts have run, and return what has become of it."""
    run = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}"]
    run += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--no-first-run"]
    run += ["--disable-dev-shm-usage", "--virtual-time-budget=5000", *(options or ["--dump-dom"])]
    done = subprocess.run([*run, address], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return BeautifulSoup(done.stdout, "html.parser")


def owned(page):
    return page.title.get_text() == "owned" or page.html.get("id") == "owned"


@pytest.fixture(scope="module")
def course(sandbox, toy_course, tmp_path_factory):
    found = toy_course(tmp_path_factory.mktemp("browser") / "course")
    answers = {"explain": WORDS, "draw_answer": DRAW}
    notebook = toy.answered(found, answers, CODE)
    notebook.cells.append(nbformat.v4.new_markdown_cell(WORDS))
    toy.submit(found, "eve", nbformat.writes(notebook))
    toy.grade_all(found)
    assert main(["--course", str(found.root), "feedback", "toy"]) == 0
    return found


@pytest.fixture(scope="module")
def formgrader(course, tmp_path_factory):
    """The address of formgrader's page of the submission, from a server on this machine."""
    with course.nbgrader().gradebook as book:
        name = book.find_submission_notebook("toy", "toy", "eve").id
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = tmp_path_factory.mktemp("home")
    extension = "nbgrader.server_extensions.formgrader"
    run = [sys.executable, "-m", "jupyter_server", "--allow-root", "--no-browser"]
    run += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    run += ["--IdentityProvider.token=", f"--ServerApp.root_dir={course.root}"]
    run += [f"--ServerApp.jpserver_extensions={extension}=True"]
    scripts = str(Path(sys.executable).parent)
    env = {**os.environ, "HOME": str(home), "PATH": f"{scripts}:{os.environ['PATH']}"}
    env |= {"JUPYTER_CONFIG_DIR": str(home), "JUPYTER_RUNTIME_DIR": str(home)}
    log = home / "log.txt"
    with open(log, "w") as file:
        server = subprocess.Popen(run, cwd=course.root, env=env, stdout=file, stderr=file)
    address = f"http://127.0.0.1:{port}/formgrader/submissions/{name}/"
    try:
        for _ in range(120):
            with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=10):
                break
            assert server.poll() is None, log.read_text()
            time.sleep(0.5)
        else:
            raise AssertionError(log.read_text())
        yield address
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def feedback_page(course):
    return (course.root / "feedback" / "eve" / "toy" / "toy.html").as_uri()


@pytest.mark.parametrize("text", [WORDS, f'<svg onload="{OWN}">'], ids=["words", "picture"])
def test_the_browser_would_run_it(tmp_path, text):
    """Else the tests below would prove nothing."""
    (tmp_path / "live.html").write_text(f"<title>toy</title><body>{text}")
    assert owned(browse((tmp_path / "live.html").as_uri(), folder=tmp_path / "user"))


def looked_at(page):
    assert not owned(page)
    links = [one["href"] for one in page.find_all(href=True)]
    assert not [link for link in links if link.lower().strip().startswith(("javascript", "data"))]
    handlers = [name for one in page.find_all(True) for name in one.attrs if name[:2] == "on"]
    mermaid = page.select("pre.mermaid, div.jp-Mermaid")
    scripts = [one for one in page.find_all("script") if "owned" in one.get_text()]
    assert not scripts and not mermaid and not page.find_all("iframe")
    return handlers


def test_the_feedback_of_a_hostile_student(course, tmp_path):
    page = browse(feedback_page(course), folder=tmp_path / "user")
    assert page.title.get_text() == "toy"
    assert looked_at(page) == []
    text = page.get_text()
    assert text.count("owned") > 10, "what was tried is shown as text"
    assert "ValueError" in text and "The weight has its shape" in text


def test_formgraders_page_of_a_hostile_student(formgrader, tmp_path):
    page = browse(formgrader, folder=tmp_path / "user")
    assert "toy" in page.title.get_text()
    looked_at(page)
    text = page.get_text()
    assert text.count("owned") > 10 and "Rubric, 3 points" in text and "ValueError" in text


@pytest.mark.skipif("SCREENSHOTS" not in os.environ, reason="SCREENSHOTS names no folder")
def test_pictures_of_both_pages(course, formgrader, tmp_path):
    folder = Path(os.environ["SCREENSHOTS"])
    for name, address in (("feedback", feedback_page(course)), ("formgrader", formgrader)):
        options = [f"--screenshot={folder / name}.png", "--window-size=1200,3000"]
        browse(address, *options, folder=tmp_path / "user")


MATHJAX = """\
<!DOCTYPE html><title>toy</title>
<script>MathJax = {{tex: {{inlineMath: [['$', '$']]}}}}</script>
<script src="{script}"></script><body>{text}</body>
"""
FORMULAS = (
    "\\href{javascript:alert(1)}{x}",
    "\\\\href{javascript:alert(1)}{x}",
    "\\def\\go#1{\\href{javascript:alert(1)}{#1}}\\go{x}",
    "\\mmlToken{mi}[href='javascript:alert(1)']{x}",
    "\\style{position:fixed}{x}",
    "\\class{evil}{x}",
    "\\cssId{evil}{x}",
)


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_formula_links_or_sets_attributes(formula, tmp_path):
    """Said without the option of nbconvert that makes MathJax itself refuse such links."""
    place = Path(sysconfig.get_path("purelib"), "sphinx-mathjax-offline/static/mathjax")
    if not place.is_dir():
        pytest.skip("sphinx-mathjax-offline is not installed")

    def shown(text):
        text = MATHJAX.format(
            script=(place / "tex-chtml.js").as_uri(), text=f"<p>$a^2$ ${html.escape(text)}$"
        )
        (tmp_path / "page.html").write_text(text)
        page = browse((tmp_path / "page.html").as_uri(), folder=tmp_path / "user")
        assert page.find_all("mjx-container"), "MathJax has run"
        links = [one["href"] for one in page.select("mjx-container [href]")]
        odd = page.select("mjx-container .evil, mjx-container #evil, [style*=fixed]")
        return [link for link in links if link.startswith("javascript")] + odd

    assert shown(harmless(formula)) == []
    if not formula.startswith("\\\\"):
        assert shown(formula), "left as it is it would act"
