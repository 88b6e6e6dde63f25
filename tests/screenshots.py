"""Make the picture of the README: the report of the demo in a real browser. `python -m tests.screenshots RUN FILE`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

WIDE, HIGH = 1200, 1700
SHOWN = ("top", "tree", "places")
"""Sections of the picture."""


def main() -> None:
    """Write the picture. Raises SystemExit where no browser is."""
    run, out = Path(sys.argv[1]), Path(sys.argv[2])
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("no Chromium on this machine: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder) / "shot.png"
        page = Path(folder) / "page.html"
        others = ", ".join(f"#{each}" for each in SHOWN)
        style = f"<style>section:not({others}), nav, details, #places figure ~ figure {{ display: none }}</style>"
        page.write_text((run / "report.html").read_text().replace("</head>", f"{style}</head>"))
        quiet = (
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            f"--user-data-dir={folder}/profile",
        )
        subprocess.run(
            [browser, *quiet, f"--window-size={WIDE},{HIGH}", f"--screenshot={shot}", page.as_uri()],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        with Image.open(shot) as picture:
            picture.convert("RGB").crop((0, 0, WIDE, HIGH)).save(out, "WEBP", quality=80, method=6)
    print(f"{out}: {out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
