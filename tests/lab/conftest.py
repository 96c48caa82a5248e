"""A real browser with the lab's modules in it, served from this machine."""

import functools
import http.server
import shutil
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HOW = "needs a browser: install Debian's or Ubuntu's package 'chromium'"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="session")
def served():
    """Return a function that serves a folder and returns its address."""
    servers = []

    def serve(folder):
        handler = functools.partial(Quiet, directory=str(folder))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def chromium():
    if CHROMIUM is None:
        pytest.skip(HOW)
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs Python's playwright")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def modules(chromium, served):
    """Return a function that opens a page in which `lab` holds all that the modules export.

    ``planted`` maps a module's name to (old, new): a fault to be found.
    """
    address = served(ROOT)

    def answer(body):
        return lambda route: route.fulfill(body=body, content_type="text/javascript")

    def load(planted=None):
        page = chromium.new_page()
        page.set_default_timeout(30_000)
        page.route("**/blank", lambda route: route.fulfill(body="<title>Lab</title>"))
        for name, (old, new) in (planted or {}).items():
            source = (ROOT / "lab" / name).read_text(encoding="utf-8")
            assert source.count(old) == 1, f"{old!r} is not once in {name}"
            page.route(f"**/lab/{name}", answer(source.replace(old, new)))
        page.goto(f"{address}/blank")
        page.evaluate(
            """async (names) => {
                const found = await Promise.all(names.map((name) => import(`/lab/${name}.js`)));
                globalThis.lab = Object.assign({}, ...found);
            }""",
            [
                *("activations", "images", "initializers", "memory", "network", "normal_cdf"),
                *("normalization", "products", "random", "settings", "simd_kernel", "theory"),
                *("training", "words"),
            ],
        )
        return page

    return load


@pytest.fixture(scope="session")
def lab(modules):
    page = modules()
    yield page
    page.close()
