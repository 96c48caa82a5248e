"""Pack the site into one file, which works from disk once unpacked: `python tools/site_zip.py`."""

import sys
import zipfile
from pathlib import Path

from book_pages import load_toc

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "_build" / "html"
TARGET = ROOT / "_build" / "weight-initialization.zip"
WHEN = (2000, 1, 1, 0, 0, 0)  # the same site makes the same file


def pack(site, target):
    """Pack a folder.

    Parameters
    ----------
    site : Path
    target : Path
        The zip; within it, everything is in a folder of its name.
    """
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(site.rglob("*")):
            if path.is_file() and path.name != ".buildinfo":
                name = f"{target.stem}/{path.relative_to(site).as_posix()}"
                info = zipfile.ZipInfo(name, WHEN)
                info.external_attr = 0o644 << 16
                packed.writestr(info, path.read_bytes(), zipfile.ZIP_DEFLATED)


def main():
    """Write the file."""
    root = load_toc(ROOT)["root"]
    if not (SITE / f"{root}.html").is_file():
        return "There is no site yet: run make book first"
    pack(SITE, TARGET)
    print(
        f"{TARGET.relative_to(ROOT)}: {TARGET.stat().st_size / 1e6:.0f} MB; open index.html in it"
    )


if __name__ == "__main__":
    sys.exit(main())
