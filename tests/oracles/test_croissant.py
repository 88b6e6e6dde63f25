"""mlcroissant, in an environment of its own, finds no error in a run's description, and reads the run by it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.cards.croissant import croissant
from pipeline.cards.facts import gather
from pipeline.catalog import open_catalog
from pipeline.shards import file_digest
from tests.conftest import Demo
from tests.oracles.environment import run

HOSTILE = 'a</script><script>alert(1)</script> [x](javascript:alert(1)) "\u202e\x1b[2J\x00\u2028\ud800 ' + "x" * 10_000


def read(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(run("read_croissant.py", str(folder), needs=("mlcroissant", "pyarrow")))
    return told


def test_the_description_of_a_run_has_no_error_and_its_records_are_read(demo: Demo) -> None:
    told = read(demo.out)
    assert told["errors"] == []
    with open_catalog(demo.out) as con:
        keys = {key for (key,) in con.execute("SELECT key FROM samples").fetchall()}
    assert {name: each["rows"] for name, each in told["records"].items()} == {
        "samples": len(keys),
        "attribution": len(keys),
    }
    assert all(each["first"][f"{name}/key"] in keys for name, each in told["records"].items())


def test_a_file_that_is_not_what_the_description_says_is_noticed(demo: Demo, tmp_path: Path) -> None:
    """The reader does look: another digest is an error, so that none above says something."""
    folder = tmp_path / "run"
    shutil.copytree(demo.out, folder)
    text = (folder / "croissant.json").read_text()
    digest = file_digest(folder / "ATTRIBUTION.parquet")
    (folder / "croissant.json").write_text(text.replace(digest, digest[::-1]))
    with pytest.raises(AssertionError):
        read(folder)


def test_hostile_text_makes_no_error_either(demo: Demo, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(demo.out, folder)
    with open_catalog(demo.out) as con:
        facts = gather(con, demo.out, demo.recipe)
    hostile = replace(
        facts,
        description=HOSTILE,
        releases=[(HOSTILE, HOSTILE, 4, 3, HOSTILE)],
        licences=[(HOSTILE, 3, True)],
        scope=[HOSTILE],
        gaps=[HOSTILE],
    )
    stated = json.loads((folder / "croissant.json").read_text())["distribution"]
    files = {each["contentUrl"]: (each["sha256"], int(each["contentSize"].split()[0])) for each in stated}
    (folder / "croissant.json").write_text(croissant(hostile, files, "1.0.0"))
    told = read(folder)
    assert told["errors"] == []
    assert told["records"]["samples"]["rows"] == facts.images
