"""The snippets of docs/python.md run as they are written, and its tables name what there is."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import biomill
from pipeline.commands.cli import status_of
from tests.conftest import Demo

PAGE = (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf-8")


def snippets() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_snippets_run_one_after_the_other(demo: Demo, tmp_path: Path) -> None:
    (tmp_path / "out" / "demo").mkdir(parents=True)
    shutil.copytree(demo.out, tmp_path / "out" / "demo" / "run")
    shutil.copytree(demo.corpus.folder, tmp_path / "out" / "demo" / "corpus")
    assert len(snippets()) >= 5
    code = "\n".join(snippets()) + '\nprint("kept", run.status().kept, lines[-1], fetched.counts, batch.images.shape)'
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1]
    kept = biomill.open_run(demo.out).status().kept
    assert last.startswith(f"kept {kept} screen: done")
    assert last.endswith("{'bad_url': 1} (32, 64, 64, 3)")
    assert "there is no such folder" in done.stdout


def test_every_function_and_method_stands_in_the_table() -> None:
    listed = set(re.findall(r"^\| `([\w.]+)\(", PAGE, re.MULTILINE))
    functions = {name for name in biomill.__all__ if name.islower() and not name.startswith("_")}
    named = ("sql", "explain", "status", "verify", "export", "feed", "neighbours", "evaluate")
    methods = {f"Run.{name}" for name in named}
    assert listed == functions | methods


def test_every_error_stands_in_the_table_with_the_status_of_the_command() -> None:
    told: dict[str, int] = {}
    for names, status in re.findall(r"^\| ((?:`\w+`,? ?)+) \|.*\| (\d) \|$", PAGE, re.MULTILINE):
        told |= dict.fromkeys(re.findall(r"`(\w+)`", names), int(status))
    kinds = {
        name: getattr(biomill, name)
        for name in biomill.__all__
        if name.endswith(("Error", "Errors")) and name not in ("ShadowedError", "BiomillError", "PipelineError")
    }
    assert set(told) == set(kinds)
    for name, kind in kinds.items():
        error = kind("a.toml", []) if name == "RecipeErrors" else kind("wrong")
        assert status_of(error) == told[name], name
