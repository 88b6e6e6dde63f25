"""What a start loads: no command and no function imports what it does not use, seen in real processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from pipeline.commands import COMMANDS, command_module
from tests.conftest import Demo

HEAVY = {"apache_beam", "torch", "ete3", "pandas", "scipy", "datasets", "requests", "jinja2", "pygbif", "taxonomy.tree"}
ARROW = {"pyarrow", "numpy", "duckdb", "PIL"}
_SAY = "import sys; sys.stderr.write('loaded ' + ' '.join(sys.modules))"


def loaded(code: str, cwd: Path | None = None) -> set[str]:
    """Run Python code in a process of its own, and return the modules that it has loaded in the end."""
    words = [sys.executable, "-c", f"{code}\n{_SAY}"]
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=300)
    line = done.stderr.splitlines()[-1] if done.stderr else ""
    assert line.startswith("loaded "), done.stderr
    return set(line.split()[1:])


def command(*words: object) -> str:
    """Return the code that runs a command as the console script does."""
    return f"""
import sys
sys.argv = {["biomill", *map(str, words)]!r}
from biomill.__main__ import main
try:
    main()
except SystemExit:
    pass
"""


@pytest.mark.parametrize("words", ["--version", "--help", "fetch --help", "run --help", "help taxonomy resolve"])
def test_asking_for_help_loads_no_library_at_all(words: str) -> None:
    assert loaded(command(*words.split())) & (HEAVY | ARROW) == set()


def test_the_package_and_its_errors_load_no_library() -> None:
    assert loaded("import biomill") & (HEAVY | ARROW | {"manifests", "pipeline", "taxonomy", "dedup"}) == set()
    used = loaded("import biomill; biomill.RunError, biomill.RecipeError, biomill.__version__")
    assert used & (HEAVY | ARROW) == set()


def test_a_list_is_fetched_without_beam(tmp_path: Path) -> None:
    (tmp_path / "urls.csv").write_text("url\nftp://example.org/a.jpg\n")
    found = loaded(command("fetch", "urls.csv", "-o", "out"), tmp_path)
    assert (tmp_path / "out" / "outcomes.parquet").exists()
    assert found & HEAVY == set()


def test_images_are_compared_without_beam(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    Image.effect_mandelbrot((200, 150), (-2, -1.5, 1, 1.5), 100).save(tmp_path / "photos" / "a.png")
    found = loaded(command("dedup", "photos", "-o", "out"), tmp_path)
    assert (tmp_path / "out" / "decisions.parquet").exists()
    # imagehash takes the cosine transform of the pHash from scipy, at the first image.
    assert found & HEAVY == {"scipy"}
    assert found & {"urllib3", "pipeline.media.fetcher", "taxonomy"} == set(), "nobody is asked, and nothing is named"


def test_a_run_is_asked_and_read_without_beam(demo: Demo) -> None:
    asked = loaded(command("sql", demo.out, "SELECT count(*) FROM samples"))
    assert asked & (HEAVY | ARROW) == {"duckdb"}
    loaded(command("feed", demo.out, "--steps", 1, "--batch", 4))  # reads the manifest, for whoever comes after
    read = loaded(command("feed", demo.out, "--steps", 1, "--batch", 4))
    assert read & HEAVY == set()
    assert {"numpy", "pyarrow"} <= read and "duckdb" not in read
    # A command loads the modules of no other, but for what answers a shell that asks for completions.
    others = {command_module(name).__name__ for name in COMMANDS if name not in ("sql", "completion")}
    assert asked & others == set()
    for also in (("status", demo.out), ("explain", demo.out, "4100005483")):
        assert "apache_beam" not in loaded(command(*also)), also


def test_the_functions_load_no_beam(demo: Demo, tmp_path: Path) -> None:
    """All but `run`; a caller who has pandas keeps a pyarrow that makes DataFrames."""
    Image.effect_mandelbrot((200, 150), (-2, -1.5, 1, 1.5), 100).save(tmp_path / "a.png")
    found = loaded(
        f"""
import biomill
run = biomill.open_run({str(demo.out)!r})
assert run.sql("SELECT 1 AS one").to_pandas()["one"].tolist() == [1]
run.status(), run.explain("4100005483"), run.verify(), run.feed(4).batch(0)
run.export("birds", where="\\"class\\" = 'Aves'")
biomill.resolve_names(["Puma concolor"])
biomill.deduplicate("a.png"), biomill.check_leakage("a.png", "a.png")
biomill.fetch(["ftp://example.org/a.jpg"], "fetched", allow_empty=True)
""",
        tmp_path,
    )
    assert "pipeline.verify" in found and (tmp_path / "birds").is_dir()
    assert found & {"apache_beam", "torch", "ete3"} == set()
