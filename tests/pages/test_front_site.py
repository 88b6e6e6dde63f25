"""The site of the pages: it is built from what is here, reads nothing from elsewhere, and tells every public name."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from tests.pages.markdown_pages import ROOT

pytest.importorskip("mkdocs", reason="the extra `docs` is not installed")
PUBLIC = ("biomill", "biomill.beam", "taxonomy", "dedup", "manifests")
ASSET = re.compile(
    r"<(?:script|img|iframe|source|audio|video)\b[^>]*\bsrc=[\"']?(https?:)?//|<link\b[^>]*href=[\"']?(https?:)?//"
)


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    # A proxy that nobody listens at: whoever asks the network fails.
    env = {
        **os.environ,
        "NO_MKDOCS_2_WARNING": "1",
        **dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9"),
    }
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_in_the_site(site: Path) -> None:
    pages = {page.stem for page in (ROOT / "docs").glob("*.md")}
    assert {page.stem for page in site.glob("*.html")} == {*pages, "404"}
    assert not list(site.glob("*.py"))


def test_no_page_takes_anything_from_another_host(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert ASSET.search(page.read_text(encoding="utf-8")) is None, page.name
    for style in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(?:https?:)?//|@import", style.read_text(encoding="utf-8")), style.name


def test_every_public_name_is_told_of_once(site: Path) -> None:
    """By its own package, or, where that takes it from a library, by the library that lists it too."""
    page = (site / "api.html").read_text(encoding="utf-8")
    packages = {name: importlib.import_module(name) for name in PUBLIC if importlib.util.find_spec(name)}
    told = Counter(re.findall(r'id="([\w.]+)"', page))
    for package, module in packages.items():
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            same = [each for each, other in packages.items() if each == package or _lists(other, name, value)]
            assert sum(told[f"{home}.{name}"] for home in same) == 1, (package, name, same)


def _lists(module: ModuleType, name: str, value: object) -> bool:
    return name in getattr(module, "__all__", ()) and getattr(module, name) is value


def test_examples_are_code_and_no_quotations(site: Path) -> None:
    page = (site / "api.html").read_text(encoding="utf-8")
    assert "<blockquote>" not in page
    assert page.count('<span class="gp">&gt;&gt;&gt; </span>') > 20


def test_lists_and_tables_of_a_page_are_those_of_its_text(site: Path) -> None:
    """The site's Markdown asks more of lists than code hosts do: a page must look alike on both."""
    from tests.pages.markdown_pages import tokens

    for path in (ROOT / "docs").glob("*.md"):
        if path.name == "api.md":
            continue
        text = (site / f"{path.stem}.html").read_text(encoding="utf-8")
        article = text[text.index("<article") : text.index("</article>")]
        kinds = [token.type for token in tokens(path.read_text(encoding="utf-8"))]
        for tag, kind in (("li", "list_item_open"), ("table", "table_open"), ("pre", "fence"), ("tr", "tr_open")):
            assert len(re.findall(rf"<{tag}\b", article)) == kinds.count(kind), (path.name, tag)
