"""What quotas, splits and asking in their order cost as records grow: CPU a record and peak memory of each recipe.

    python -m tests.performance.bench_select [ROWS ...] [--kind KIND ...]

Kept records are drawn with a long tail of taxa, groups of up to three, cameras, places and dates; every recipe is
decided in a process of its own, with memory_mb of 2,048. Where a recipe says how many images are fetched, the records
are candidates: they are ordered, and asked for in steps of which a tenth is lost, with no fetch in between. Peak memory
is that of the process; the ratio is of CPU a record to the size before.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import duckdb

from manifests import FetchRules, Recipe, SelectRules, SourceSpec, SplitSpec, SplittingRules
from pipeline.engine.meter import Cost, metered
from pipeline.quotas.asked import Asking, wants
from pipeline.splits.select_decisions import decide
from pipeline.storage import database as sql
from pipeline.storage.statements import Statements

_SQL = Statements("tests.performance.bench_select")
SIZES = (100_000, 1_000_000)
THREE = (SplitSpec("train", 80.0), SplitSpec("val", 10.0), SplitSpec("test", 10.0))
SOURCES = (SourceSpec("s", "gbif-dwca", "x"), SourceSpec("t", "gbif-dwca", "x", priority=2))
KINDS: dict[str, Recipe] = {
    "plain": Recipe("r", SOURCES, select=SelectRules(cap_per_taxon=1000)),
    "quotas": Recipe(
        "r", SOURCES, select=SelectRules(cap_per_taxon=1000, min_per_taxon=5, prefer=("licence",), balance=("sex",))
    ),
    "tempered, thinned": Recipe(
        "r", SOURCES, select=SelectRules(target=50_000, power=0.5, thin_to=2, thin_kilometres=50.0, thin_by=("month",))
    ),
    "stratified": Recipe("r", SOURCES, splits=THREE),
    "quotas, stratified": Recipe("r", SOURCES, select=SelectRules(cap_per_taxon=1000, min_per_taxon=5), splits=THREE),
    "by camera": Recipe("r", SOURCES, splits=THREE, splitting=SplittingRules(together=("location_key",))),
    "cells, buffer": Recipe(
        "r", SOURCES, splits=THREE, splitting=SplittingRules(cell_kilometres=100.0, buffer_kilometres=20.0)
    ),
    "asked, a number": Recipe("r", SOURCES, fetch=FetchRules(images_per_taxon=50)),
    "asked, until quota": Recipe(
        "r",
        SOURCES,
        select=SelectRules(cap_per_taxon=50, min_available=5, prefer=("licence", "source"), balance=("sex",)),
        fetch=FetchRules(until_quota=True),
    ),
    "in time": Recipe("r", SOURCES, splits=THREE, splitting=SplittingRules(chronological=True)),
}


def draw(rows: int, folder: Path) -> None:
    """Write kept records, their names and records, as stages leave them."""
    with sql.connect(2048, folder) as con:
        taxa = max(rows // 20, 10)
        drawn = {"names": _SQL("names", taxa=taxa), "kept": _SQL("kept", rows=rows, taxa=taxa)}
        for name, query in (drawn | {"records": _SQL("records", rows=rows)}).items():
            sql.copy(con, query, folder / f"{name}.parquet")


def one(folder: Path, kind: str) -> None:
    """Decide one recipe, and print what it cost and gave as JSON."""
    kept, names, records = (f"read_parquet('{folder}/{name}.parquet')" for name in ("kept", "names", "records"))
    stay = ended = 0
    with metered() as cost, tempfile.TemporaryDirectory(dir=folder) as scratch, sql.connect(2048, Path(scratch)) as con:
        if wants(KINDS[kind]):
            stay, ended = asked_for(con, KINDS[kind], kept, names, records)
        else:
            for left, gone in decide(con, kept, names, KINDS[kind], records, records):
                stay, ended = stay + len(left), ended + len(gone)
    print(json.dumps({**asdict(cost), "kept": stay, "ended": ended}))


def asked_for(con: duckdb.DuckDBPyConnection, recipe: Recipe, kept: str, names: str, records: str) -> tuple[int, int]:
    """Ask for candidates until nobody is lacking; return how many were asked for, and how many were not."""
    asking = Asking(con, recipe)
    asking.begin(kept, names, records)
    while asking.more():
        asking.lose("SELECT record_id FROM asked WHERE hash(record_id) % 10 = 0", judged=False)
    asking.note_unasked()
    counts = "SELECT (SELECT count(*) FROM asked), (SELECT count(*) FROM unasked)"
    stay, left = con.execute(counts).fetchall()[0]
    return stay, left


def measured(rows: int, kinds: list[str]) -> Iterator[tuple[str, Cost, int, int]]:
    """Yield each recipe with its cost and rows kept and ended."""
    with tempfile.TemporaryDirectory() as folder:
        draw(rows, Path(folder))
        for kind in kinds:
            command = [sys.executable, "-m", "tests.performance.bench_select", "--child", folder, kind]
            said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            yield kind, Cost(**{key: said[key] for key in asdict(Cost())}), said["kept"], said["ended"]


def main() -> None:
    """Measure every kind of recipe at every size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", type=int, nargs="*", default=SIZES, help="records")
    parser.add_argument("--kind", nargs="*", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        one(Path(asked.child[0]), asked.child[1])
        return
    before: dict[str, float] = {}
    for rows in asked.sizes:
        for kind, cost, kept, ended in measured(rows, asked.kind):
            each = 1e6 * cost.cpu_s / rows
            ratio = f"x {each / before[kind]:.2f}" if kind in before else ""
            before[kind] = each
            print(
                f"{rows:>11,} {kind:20} {cost.cpu_s:8.1f} CPU s {each:6.1f} us a record {ratio:7}"
                f" {cost.peak_rss_mb:6,.0f} MB peak  {kept:,} kept, {ended:,} ended",
                flush=True,
            )


if __name__ == "__main__":
    main()
