"""CPU and peak memory of ingest as its units grow in number, and as its rows do.

The same generated GBIF rows in 4 splits and 3 buckets, and in 300 of each: what the units themselves cost. Then more
and more rows in units of the sizes that runs have: what a record costs. Each run is a process of its own; the ratios
are of one call, absolute times are the machine's.

    python -m tests.performance.bench_ingest_units [ROWS ...]
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

from manifests import load_recipe
from pipeline.demo import generate_records
from pipeline.run.driver import run
from pipeline.sources.darwin_core import gbif
from pipeline.sources.release.base import Plan, Release

UNIT_COUNTS = ((4, 3), (300, 300))
UNIT_ROWS = 1_000_000
"""Of 100,000 rows a unit in 300 would have 330, and cost what it costs to open and close files."""
ROWS = (100_000, 1_000_000)


def cut_into(splits: int, buckets: int) -> None:
    """Have this process cut every GBIF archive into about so many splits and buckets."""
    plan = gbif.GbifDwca.plan

    def cut(self: gbif.GbifDwca, release: Release, spool: Path, target_bytes: int = 0) -> Plan:
        total = sum(split.length for split in plan(self, release, spool).splits)
        gbif.BUCKET_BYTES = math.ceil(total / buckets)
        # Two tables, each with a last split that is not full.
        return plan(self, release, spool, math.ceil(total / max(1, splits - 1)))

    gbif.GbifDwca.plan = cut  # type: ignore[method-assign]


def child(recipe: Path, splits: int, buckets: int) -> None:
    """Run the stage and print what it cost."""
    if splits:
        cut_into(splits, buckets)
    with tempfile.TemporaryDirectory(dir=recipe.parent) as name:
        run(load_recipe(recipe), Path(name), until="ingest", progress=lambda line: None)
        stage = Path(name) / "ingest"
        cost = json.loads((stage / "_cost.json").read_text())
        (source,) = json.loads((stage / "_done.json").read_text())["facts"]["sources"].values()
        cost["splits"] = source["splits"]
        cost["buckets"] = sum(path.name.startswith("gbif-") for path in (stage / "records").iterdir())
        print(json.dumps(cost))


def measured(recipe: Path, splits: int = 0, buckets: int = 0) -> dict[str, float]:
    """Run the stage in a process of its own; without numbers its units have the sizes that runs have."""
    command = [sys.executable, "-m", "tests.performance.bench_ingest_units", "--child", str(recipe)]
    done = subprocess.run([*command, str(splits), str(buckets)], check=True, stdout=subprocess.PIPE, text=True)
    cost: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return cost


def line(rows: int, cost: dict[str, float], first: dict[str, float], share: float) -> str:
    """Return what is printed of one run; `share`: its CPU as a multiple of the first run's."""
    return (
        f"{rows:>10,} rows in {cost['splits']:>3} splits, {cost['buckets']:>3} buckets: {cost['cpu_s']:>7.2f} CPU s, "
        f"{1e6 * cost['cpu_s'] / rows:>5.1f} us a record ({share:.2f} x), {cost['peak_rss_mb']:>5.0f} MB peak "
        f"({cost['peak_rss_mb'] / first['peak_rss_mb']:.2f} x)"
    )


def main() -> None:
    """Run all sizes, each in its own process."""
    if sys.argv[1:2] == ["--child"]:
        child(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
        return
    with tempfile.TemporaryDirectory() as name:
        recipe = generate_records(Path(name) / "units", UNIT_ROWS)
        costs = [measured(recipe, *counts) for counts in UNIT_COUNTS]
        print("units:")
        for cost in costs:
            print(line(UNIT_ROWS, cost, costs[0], cost["cpu_s"] / costs[0]["cpu_s"]), flush=True)
        print("rows:")
        first: tuple[int, dict[str, float]] | None = None
        for rows in [int(text) for text in sys.argv[1:]] or ROWS:
            cost = measured(generate_records(Path(name) / str(rows), rows))
            first = first or (rows, cost)
            share = (cost["cpu_s"] / rows) / (first[1]["cpu_s"] / first[0])
            print(line(rows, cost, first[1], share), flush=True)


if __name__ == "__main__":
    main()
