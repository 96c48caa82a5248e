"""How heavy the built site is, and how soon it is there: measured in a browser, over gzip."""

import gzip
import threading
from contextlib import contextmanager
from functools import lru_cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SITE = Path(__file__).resolve().parents[1] / "_build" / "html"
PACKED = {".html", ".css", ".js", ".svg", ".json", ".txt", ".xml"}
TYPES = {".html": "html", ".css": "css", ".js": "js", ".woff": "fonts", ".woff2": "fonts"}
SLOW = {  # a phone: 1.6 Mbit/s, 150 ms, a fourth of this processor
    "offline": False,
    "downloadThroughput": 1.6e6 / 8,
    "uploadThroughput": 0.75e6 / 8,
    "latency": 150,
}
SLOWER = 4
# Shifts of the layout that no key or click has caused, and when the text was first seen.
OBSERVE = """
  window.shifts = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
"""


@lru_cache(maxsize=500)
def _packed(path, changed):
    return gzip.compress(Path(path).read_bytes(), mtime=0)


class _Handler(SimpleHTTPRequestHandler):
    """Files as a static host sends them: text packed, all of it kept a while."""

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        if path.is_file() and path.suffix in PACKED:
            content = _packed(str(path), path.stat().st_mtime)
            self.send_response(200)
            self.send_header("Content-Type", self.guess_type(str(path)))
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        else:
            super().do_GET()

    def log_message(self, *arguments):
        pass


@contextmanager
def serve(root=SITE):
    """Serve a folder on this machine.

    Parameters
    ----------
    root : pathlib.Path

    Yields
    ------
    str
        The address.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def kind(address):
    """Return what an address holds: html, css, js, fonts, or images.

    Examples
    --------
    >>> kind("http://a.example/b.html?c#d"), kind("/e.png")
    ('html', 'images')
    """
    return TYPES.get(Path(address.split("?")[0].split("#")[0]).suffix, "images")


def load(browser, address, *, width=1280, slow=False, look_around=False):
    """Load a page with an empty cache, and measure.

    Parameters
    ----------
    browser : playwright.sync_api.Browser
    address : str
    width : int
        Of the window.
    slow : bool
        Whether line and processor are those of a phone.
    look_around : bool
        Whether to scroll through the page, so that everything comes.

    Returns
    -------
    dict
        `bytes` by kind, `text` and `complete` in seconds, and `shifts`, the sum of all shifts of
        the layout.
    """
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    page.add_init_script(OBSERVE)
    line = context.new_cdp_session(page)
    line.send("Network.enable")
    kinds, sizes = {}, {}
    line.on(
        "Network.requestWillBeSent", lambda e: kinds.update({e["requestId"]: e["request"]["url"]})
    )
    line.on(
        "Network.loadingFinished",
        lambda e: sizes.update({e["requestId"]: e["encodedDataLength"]}),
    )
    if slow:
        line.send("Network.emulateNetworkConditions", SLOW)
        line.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    try:
        page.goto(address, wait_until="load", timeout=120_000)
        page.evaluate("document.fonts.ready.then(() => true)")
        if look_around:
            height = page.evaluate("document.documentElement.scrollHeight")
            for place in range(0, height, 2000):
                page.evaluate(f"window.scrollTo(0, {place})")
                page.wait_for_timeout(20)
        page.wait_for_timeout(300)
        found = page.evaluate(
            """() => ({
              text: performance.getEntriesByName("first-contentful-paint")[0].startTime / 1000,
              complete: performance.getEntriesByType("navigation")[0].loadEventEnd / 1000,
              shifts: window.shifts,
            })"""
        )
    finally:
        context.close()
    total = {}
    for request, size in sizes.items():
        address = kinds.get(request, "")
        if not address.startswith("data:"):  # a part of the file that it stands in
            total[kind(address)] = total.get(kind(address), 0) + size
    return {"bytes": total, **found}
