"""What the number of fetch units costs: CPU per unit of a fetch that goes on, and of a query over all media.

    python -m tests.performance.bench_units [UNITS ...]

Drawn units of two media each, all of them finished, lie in a fetch's folder as a round leaves them, first as a file
per unit and then gathered into parts. Measured are planning the round and asking what is left (a rerun that finds all
done), the tasks and the graph that a runner is sent, gathering, a look at how far the fetch is, and one query over all
media by each layout: bytes of SQL and seconds. Growth is the ratio of CPU per unit between the last number of units and
the first. Each number runs in a process of its own.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq

from manifests import FetchRules
from pipeline.engine.failures import Report
from pipeline.engine.local_executor import LocalExecutor
from pipeline.engine.unit_file import write_units
from pipeline.engine.units import RunUnits
from pipeline.media.media_schema import MEDIA_SCHEMA
from pipeline.media.tally import Tally
from pipeline.media.task import Planned
from pipeline.stages import fetch_dealing, fetch_plan
from pipeline.stages.fetch_work import gather, missing_units
from pipeline.storage import database as sql
from pipeline.storage.files.atomic import write_json
from pipeline.storage.unit_files import unit_path

SIZES = (1_000, 100_000)
MEDIA = 2  # of a unit
RULES = FetchRules(unit_size=MEDIA)
Result = TypeVar("Result")


def measured(work: Callable[[], Result]) -> tuple[Result, float]:
    """Return what the work gives, and the CPU seconds that it took."""
    begun = time.process_time()
    found = work()
    return found, time.process_time() - begun


def plan(folder: Path, units: int) -> list[Planned]:
    """Plan a round of so many units, as the stage does at its every start."""
    with sql.connect(1024, folder) as con:
        numbers = f"(SELECT range AS n, sha1(range::VARCHAR)[:36] AS id FROM range({units * MEDIA}))"
        boxes = ", ".join(f"NULL::DOUBLE AS box_{side}" for side in "xywh")
        named = "'host' || n % 50 || '.example.org' AS host, 'https://images.example.org/' || id AS address"
        ids = "id AS media_id, id AS image_id, '' AS store"
        con.execute(f"CREATE TABLE wanted AS SELECT {named}, {ids}, {boxes} FROM {numbers}")
        planned = fetch_plan.write_plan(
            con, fetch_plan.with_retries("wanted", folder), folder, "0-0", RULES, "0123abcd"
        )
    write_json(folder / "_plan.json", {"digest": "", "outputs": [], "rounds": {"0-0": len(planned)}})
    return planned


def finish(folder: Path, units: list[Planned]) -> None:
    """Write what a worker leaves of every unit, but for the images; without waiting for the disk."""
    (folder / "media").mkdir()
    rows = {"outcome": "gone", "attempts": 1, "status": 404, "offset": 0, "length": 0}
    for each in units:
        named = [
            {**rows, "unit": each.unit, "host": each.host, "image_id": f"{each.unit}{n}"} for n in range(each.rows)
        ]
        table = pa.Table.from_pylist([{**row, "media_id": row["image_id"]} for row in named], MEDIA_SCHEMA)
        pq.write_table(table, folder / unit_path(each.unit), compression="zstd")


def query(folder: Path) -> tuple[int, float]:
    """Return the bytes of SQL and the CPU seconds of a query over all media."""
    text = f"SELECT outcome, count(*) FROM {sql.parquet(folder / 'media')} GROUP BY 1"
    with sql.connect(1024, folder) as con:
        found, seconds = measured(lambda: con.execute(text).fetchall())
    assert found[0][1] > 0
    return len(text), seconds


def graph(folder: Path, units: list[Planned]) -> int:
    """Return the bytes of the graph of as many units as there are."""
    path = write_units(folder, units)
    pipeline = beam.Pipeline()
    RunUnits("fetch", str(path), print)(pipeline, Report("fetch", str(folder)))
    path.unlink()
    return len(pipeline.to_runner_api().SerializeToString())


def looked(folder: Path) -> float:
    """Return the CPU seconds of a first look at how far the fetch is."""
    tally = Tally(folder)
    seconds = measured(tally.refresh)[1]
    assert sum(tally.counts().values()) > 0
    return seconds


def one(size: int) -> None:
    """Measure one number of units and print it as JSON."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        units, planning = measured(lambda: plan(folder, size))
        tasks, dealing = measured(lambda: fetch_dealing.tasks(folder, "0-0", units, "", {}, RULES, 2))
        finish(folder, units)
        left, asking = measured(lambda: missing_units(folder, units))
        text, seconds = query(folder)
        look = looked(folder)
        parts, gathering = measured(lambda: gather(LocalExecutor(), folder, "0-0", units))
        left_again, asking_again = measured(lambda: missing_units(folder, plan(folder, size)))
        assert left == left_again == []
        text_again, seconds_again = query(folder)
        told: dict[str, float] = {
            "plan": planning,
            "deal": dealing,
            "what is left": asking,
            "gather": gathering,
            "rerun, all done": asking_again,
            "look, files": look,
            "look, parts": looked(folder),
            "query, files": seconds,
            "query, parts": seconds_again,
        }
        facts = {
            "bytes of a task": max(len(pickle.dumps(task)) for task in tasks),
            "bytes of the graph": graph(folder, units),
            "bytes of SQL, files": text,
            "bytes of SQL, parts": text_again,
            "parts": len(parts),
        }
    print(json.dumps({"units": len(units), "cpu": told, "facts": facts}))


def main() -> None:
    """Run all numbers, each in its own process, and print growth."""
    if len(sys.argv) > 2 and sys.argv[1] == "--one":
        one(int(sys.argv[2]))
        return
    found = []
    for size in [int(text) for text in sys.argv[1:]] or SIZES:
        command = [sys.executable, "-m", "tests.performance.bench_units", "--one", str(size)]
        found.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))
        units = found[-1]["units"]
        for name, seconds in found[-1]["cpu"].items():
            print(
                f"{units:>9,} units {name:<20} {seconds:>8.2f} CPU s {1e6 * seconds / units:>8.1f} us a unit",
                flush=True,
            )
        for name, number in found[-1]["facts"].items():
            print(f"{units:>9,} units {name:<20} {number:>12,}", flush=True)
    first, last = found[0], found[-1]
    for name, seconds in last["cpu"].items():
        ratio = seconds / last["units"] / max(1e-9, first["cpu"][name] / first["units"])
        print(f"growth of CPU a unit, {name:<20} {ratio:>6.2f}x")
    for what in ("query", "look"):
        files, parts = (last["cpu"][f"{what}, {layout}"] for layout in ("files", "parts"))
        print(f"{what} over {last['units']:,} units by parts: {files / max(1e-9, parts):.0f}x less CPU than by files")
    ratio = last["facts"]["bytes of SQL, files"] / last["facts"]["bytes of SQL, parts"]
    print(f"SQL over {last['units']:,} units by parts: {ratio:.0f}x less text than by files")


if __name__ == "__main__":
    main()
