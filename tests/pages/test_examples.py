"""The scripts in examples/ run as their first lines say, and print what is true of the demo's run.

That of Beam is run by the tests of `biomill.beam`.
"""

from __future__ import annotations

import ast
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.catalog import open_catalog
from tests.conftest import Demo

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))


def example(name: str, *words: object, cwd: Path) -> str:
    """Run a script of the folder in a process of its own, and return what it prints."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py"), *map(str, words)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def count(demo: Demo, query: str) -> int:
    with open_catalog(demo.out) as con:
        return int(con.execute(query).fetchall()[0][0])


def test_there_are_seven_short_scripts_that_say_how_they_are_run() -> None:
    assert len(SCRIPTS) == 7
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    beam = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests" / "biomill").glob("test_*.py")))
    for script in SCRIPTS:
        text = script.read_text(encoding="utf-8")
        assert 20 <= len(text.splitlines()) <= 60, script.name
        assert f"python examples/{script.name} " in (ast.get_docstring(ast.parse(text)) or ""), script.name
        assert f"](../examples/{script.name})" in page, script.name
        run_here = f"def test_{script.stem}(" in Path(__file__).read_text(encoding="utf-8")
        assert run_here or f'"{script.name}"' in beam, f"no test runs {script.name}"


def test_end_to_end(demo: Demo, tmp_path: Path) -> None:
    """On a copy of the finished run, with which it goes on: no image is fetched again."""
    shutil.copytree(demo.out, tmp_path / "run")
    before = dict(demo.server.hits)
    said = example("end_to_end", demo.corpus.recipe, tmp_path / "run", cwd=tmp_path)
    assert dict(demo.server.hits) == before
    assert "catalog: done before" in said
    kept = count(demo, "SELECT count(*) FROM ledger WHERE outcome = 'kept'")
    assert re.search(rf"^ +{kept}  kept$", said, re.MULTILINE)
    assert re.search(r"^outcome    (?!kept)\w+ \(stage \w+\)", said, re.MULTILINE)
    assert "\nverified\n" in said
    birds = len(list((tmp_path / "birds").rglob("*.jpg")))
    asked = count(demo, "SELECT count(*) FROM samples WHERE \"class\" = 'Aves'")
    assert birds and said.splitlines()[-1] == f"{birds} of {asked} images of birds are in {tmp_path / 'birds'}"


def test_end_to_end_says_what_is_wrong_in_words(tmp_path: Path) -> None:
    script = str(EXAMPLES / "end_to_end.py")
    words = [sys.executable, script, "none.toml", "out"]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(words, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("no such recipe") and "Traceback" not in done.stderr


def test_ask_with_sql(demo: Demo, tmp_path: Path) -> None:
    said = example("ask_with_sql", demo.out, cwd=tmp_path)
    most = count(demo, "SELECT max(images) FROM taxa")
    assert f" {most}  " in said.splitlines()[1]
    images = count(demo, "SELECT count(*) FROM samples WHERE accepted_name = 'Puma concolor'")
    assert f"images of Puma concolor: {images}\n" in said
    for source in count_by_source(demo):
        assert re.search(rf"^ +\d+\.\d  {source}$", said, re.MULTILINE), source
    assert said.splitlines()[-1] == "near names: samples"


def count_by_source(demo: Demo) -> list[str]:
    with open_catalog(demo.out) as con:
        return [source for (source,) in con.execute("SELECT DISTINCT source FROM ledger").fetchall()]


def test_train_with_torch(demo: Demo, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs PyTorch, of the extra train")
    said = example("train_with_torch", demo.out, cwd=tmp_path)
    losses = [float(loss) for loss in re.findall(r"^step \d+: loss (\d+\.\d+)$", said, re.MULTILINE)]
    # Eight steps over as many taxa learn nothing yet: a guess of all taxa alike costs the logarithm of their number.
    taxa = count(demo, "SELECT count(DISTINCT accepted_id) FROM samples WHERE split = 'train'")
    assert len(losses) == 8 and all(0 < loss < 2 * math.log(taxa) for loss in losses)
    assert said == example("train_with_torch", demo.out, cwd=tmp_path), "the same steps are the same batches"


def test_duplicates_of_a_folder(demo: Demo, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    pictures = sorted((demo.corpus.www / "media.biota.test").rglob("*.jpg"))[:8]
    for number, picture in enumerate([*pictures, pictures[0]]):
        shutil.copy(picture, photos / f"{number}.jpg")
    said = example("duplicates_of_a_folder", photos, cwd=tmp_path)
    kept, *_ = re.findall(r"^ +(\d+)  kept$", said, re.MULTILINE)
    assert 1 <= int(kept) <= 8
    assert re.search(r"^(0|8)\.jpg is like (0|8)\.jpg: ", said, re.MULTILINE)
    assert "9 of 9 images are found by the leak check" in said
    assert "Felis concolor: CANONICAL, Puma concolor\nMorus: AMBIGUOUS, left open\nMorus: CANONICAL, Morus" in said


def test_evaluate_embeddings(demo: Demo, tmp_path: Path) -> None:
    said = example("evaluate_embeddings", demo.out, tmp_path / "evaluation", cwd=tmp_path)
    images, taxa = count(demo, "SELECT count(*) FROM samples"), count(demo, "SELECT count(*) FROM taxa")
    assert said.splitlines()[0] == f"{images} pictures of {taxa} taxa"
    accuracy, chance = re.findall(r"^nearest centroid, all: (\S+)%, by chance (\S+)%$", said, re.MULTILINE)[0]
    assert float(accuracy) > 5 * float(chance), "the colours of drawn species tell them apart"
    written = {path.name for path in (tmp_path / "evaluation").iterdir()}
    assert written >= {"evaluation.json", "confusion.parquet", "taxa.parquet", "scores.parquet"}
    assert said == example("evaluate_embeddings", demo.out, tmp_path / "again", cwd=tmp_path)
