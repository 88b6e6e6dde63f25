"""DuckDB 1.x, in environments of its own, reads every view and macro of the catalog as the one that wrote it does."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline.commands.cli import main
from tests.conftest import Demo
from tests.oracles.duckdb_clients import clients

SCRIPT = Path(__file__).with_name("read_catalog.py")
OLD = list(clients())


def read(python: str | Path, out: Path, row: str) -> dict[str, Any]:
    done = subprocess.run([str(python), "-I", str(SCRIPT), str(out), row], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def own(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, dict[str, Any]]:
    """A run whose catalog was written to once more, a row of it, and what this DuckDB reads."""
    out = Path(shutil.copytree(demo.out, tmp_path_factory.mktemp("old") / "out"))
    assert main(["sql", str(out), "--write", "CREATE VIEW mine AS FROM samples; CREATE TABLE t AS FROM rare(3)"]) == 0
    con = duckdb.connect(str(out / "catalog.duckdb"), read_only=True)
    con.execute(f"SET file_search_path = '{out}'")
    row = con.execute("SELECT min(record_id) FROM samples").fetchall()[0][0]
    con.close()
    return out, row, read(sys.executable, out, row)


def test_the_file_is_in_the_format_that_all_since_1_0_read(own: tuple[Path, str, dict[str, Any]]) -> None:
    with duckdb.connect(str(own[0] / "catalog.duckdb"), read_only=True) as con:
        tags = con.execute("SELECT tags FROM duckdb_databases() WHERE NOT internal").fetchall()[0][0]
    assert tags["storage_version"].startswith("v1.0.0")


@pytest.mark.skipif(not OLD, reason="no older DuckDB: python -m tests.oracles.duckdb_clients makes environments")
@pytest.mark.parametrize("python", OLD, ids=str)
def test_an_older_client_reads_the_same(python: Path, own: tuple[Path, str, dict[str, Any]]) -> None:
    out, row, expected = own
    found = read(python, out, row)
    assert found["version"].startswith("1.")
    assert found["comments"] == expected["comments"]
    assert list(found["told"]) == list(expected["told"])
    assert len(found["told"]) >= 33
    for name, told in expected["told"].items():
        assert found["told"][name] == told, (found["version"], name)
