"""Every command of the pages in docs/ runs as it is written, in a folder where `make demo` has been."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Demo

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
BIN = Path(sys.executable).parent


def commands(page: Path) -> list[str]:
    """Return the commands of the page's `sh` fences; a line that ends in a back-slash goes on."""
    fences = re.findall(r"^```sh\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    text = "".join(fences).replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def test_no_documented_command_writes_into_a_source_folder() -> None:
    """A checkout is where people try them: what is written there belongs under out/, or has a name of its own."""
    source = {path.name for path in ROOT.iterdir() if path.is_dir() and (path / "__init__.py").exists()} | {"docs"}
    written = []
    for page in [ROOT / "README.md", *PAGES]:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        for line in re.findall(r"^(?:\.venv/bin/)?biomill .*$|`biomill [^`]*`", text, re.MULTILINE):
            written += [(page.name, Path(name)) for name in re.findall(r"(?:-o|--out|>) +([^\s`]+)", line)]
    assert len(written) > 25
    assert [(page, str(path)) for page, path in written if path.parts[0] in source] == []


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_the_commands_of_a_page_run(page: Path, demo: Demo, tmp_path: Path) -> None:
    (tmp_path / "out" / "demo").mkdir(parents=True)
    shutil.copytree(demo.out, tmp_path / "out" / "demo" / "run")
    shutil.copytree(demo.corpus.folder, tmp_path / "out" / "demo" / "corpus")
    env = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    for line in commands(page):
        done = subprocess.run(line, shell=True, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"{page.name}: {line}\n{done.stdout}\n{done.stderr}"
