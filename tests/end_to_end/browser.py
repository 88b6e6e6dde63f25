"""A real browser without a screen: what it measures in a page, what a page asks the network for, what it prints."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
DARK = "--blink-settings=preferredColorScheme=0"
FORCED = "--force-high-contrast"
"""Few colours, all of the reader's choice: `forced-colors: active`."""
_QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
)  # fmt: skip
_MEASURE = Path(__file__).with_name("measure.js").read_text(encoding="utf-8")
POLICY = r'<meta http-equiv="Content-Security-Policy"[^>]*>'


def chromium(*words: str, profile: Path) -> str:
    """Run the browser, and return what it prints."""
    done = subprocess.run(
        [str(CHROMIUM), *_QUIET, f"--user-data-dir={profile}", *words],
        capture_output=True, text=True, timeout=180, check=True,
    )  # fmt: skip
    return done.stdout


def axe() -> str:
    """Return the script that looks for what keeps people out of a page."""
    return files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")


def measured(page: str, folder: Path, width: int, *options: str, script: str = "") -> dict[str, Any]:
    """Open a page with a script in it, which its own policy would not run, and return what that finds."""
    path = folder / "page.html"
    open_page = re.sub(POLICY, "", page)
    open_page = open_page.replace(' loading="lazy"', "")  # all are looked at, and a browser may wait for ever else
    path.write_text(open_page.replace("</body>", f"<script>{script}</script><script>{_MEASURE}</script></body>"))
    # A window of a browser without a screen is at least 500 pixels wide: a frame of the page is as narrow as it likes.
    frame = folder / "frame.html"
    frame.write_text(
        f'<iframe src="page.html" style="border:0;width:{width}px;height:3000px"></iframe><pre></pre><script>'
        "setInterval(() => { const inner = document.querySelector('iframe').contentDocument.querySelector('#told');"
        "if (inner) document.querySelector('pre').textContent = inner.textContent; }, 50)</script>"
    )
    found = None
    for _ in range(3):  # a browser's own time may run out before a busy machine has measured
        told = chromium(*options, f"--window-size={max(width + 40, 600)},3000", "--virtual-time-budget=60000",
                    "--allow-file-access-from-files", "--dump-dom", frame.as_uri(),
                    profile=folder / "profile")  # fmt: skip
        found = re.search(r"<pre[^>]*>(\{.*?)</pre>", told)
        if found is not None:
            break
    assert found is not None, told[-500:]
    answer: dict[str, Any] = json.loads(found[1].replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&"))
    assert answer["width"] == width
    return answer


def requests(page: str, folder: Path) -> set[str]:
    """Return the addresses that a page asks for, by the browser's own log of its network."""
    path, log = folder / "asking.html", folder / "net.json"
    path.write_text(page)
    chromium(f"--log-net-log={log}", "--dump-dom", path.as_uri(), profile=folder / "profile")
    asked = set(re.findall(r'"url":"((?:https?|wss?|ftp)://[^"]*)', log.read_text()))
    return {url for url in asked if not re.match(r"https?://[^/]*(google|gstatic|chromium)[^/]*/", url)}


def printed(path: Path, folder: Path) -> Path:
    """Print a page as it is, and return the PDF."""
    out = folder / "printed.pdf"
    chromium(f"--print-to-pdf={out}", path.as_uri(), profile=folder / "profile")
    return out
