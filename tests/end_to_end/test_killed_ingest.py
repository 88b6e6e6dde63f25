"""Ingest killed while it reads and while it maps: units that are done stay as they are, and the end is the same."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.demo import generate_records
from tests.pipeline.stages.small_ingest import ROWS, ingest, mapped, spooled, tables


@pytest.fixture(scope="module")
def bulk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate_records(tmp_path_factory.mktemp("bulk"), ROWS)


@pytest.fixture(scope="module")
def undisturbed(bulk: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    ingest(bulk, out)
    found = tables(out)
    assert sum(name.startswith("records/gbif-") for name in found) > 40
    assert sum(".occurrence-" in name or ".multimedia-" in name for name in found) > 50
    return found


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_killed_in_both_halves_goes_on_from_its_units_and_ends_the_same(
    bulk: Path, undisturbed: dict[str, bytes], tmp_path: Path, workers: int
) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "tests.pipeline.stages.small_ingest", str(bulk), str(out), str(workers)]
    ranges = sum(".occurrence-" in name or ".multimedia-" in name for name in undisturbed)
    kept: dict[Path, int] = {}
    for units, enough in ((spooled, 5), (spooled, ranges // 2), (mapped, 5), (mapped, 20)):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
        while len(units(out)) < enough and process.poll() is None:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "killed before its end"
        wait_for_workers(out)
        assert {path: path.stat().st_mtime_ns for path in kept} == kept, "units that were done stay as they are"
        kept = {path: path.stat().st_mtime_ns for path in finished(out)}
        assert enough <= len(units(out)) < (ranges if units is spooled else len(undisturbed) - ranges)
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    assert {path: path.stat().st_mtime_ns for path in kept if path.exists()} == {
        path: changed for path, changed in kept.items() if path.suffix == ".parquet"
    }
    assert tables(out) == undisturbed


def finished(out: Path) -> Iterator[Path]:
    """Yield the files of units that are done: what each becomes, and its ledger, which is written behind it."""
    for path in (*spooled(out), *mapped(out)):
        ledger = out / "ingest" / "ledger" / f"{path.stem}.parquet"
        if ledger.exists():
            yield from (path, ledger)


def wait_for_workers(out: Path) -> None:
    """Wait until workers that lost their driver have written what they held: nothing has come for half a second."""
    before: set[Path] = set()
    while (now := set((out / "ingest").rglob("*"))) != before:
        before = now
        time.sleep(0.5)
