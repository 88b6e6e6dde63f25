"""The report in a real browser, wide and narrow: every picture decodes, and nothing runs off the page."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Demo

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
MEASURE = """<script>addEventListener("load", () => {
  const images = [...document.images].map(image => image.naturalWidth);
  const page = document.documentElement;
  document.body.innerHTML = "<pre>" + JSON.stringify({
    shown: images.filter(width => width > 0).length, all: images.length,
    over: page.scrollWidth - page.clientWidth, asked: performance.getEntriesByType("resource")
      .filter(each => !each.name.startsWith("data:")).length}) + "</pre>";
})</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("width", [1280, 500])
def test_every_picture_decodes_and_the_page_fits(demo: Demo, tmp_path: Path, width: int) -> None:
    page = tmp_path / "report.html"
    text = (demo.out / "report.html").read_text()
    page.write_text(text.replace("</body>", MEASURE + "</body>"))
    command = [str(CHROMIUM), *QUIET, f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},2000"]
    told = subprocess.run(
        [*command, "--virtual-time-budget=10000", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip
    found = re.search(r"<pre>(.*?)</pre>", told)
    assert found is not None
    assert json.loads(found[1]) == {"shown": text.count("<img "), "all": text.count("<img "), "over": 0, "asked": 0}
