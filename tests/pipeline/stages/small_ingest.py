"""Ingest of a generated archive cut into many small units: `python -m tests.pipeline.stages.small_ingest RECIPE OUT N`.

Units are cut by the driver alone, so that workers need not know. N: worker processes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from manifests import load_recipe
from pipeline.engine.engine import EngineOptions
from pipeline.run.driver import run
from pipeline.sources.darwin_core import gbif
from pipeline.sources.release.base import Plan, Release
from pipeline.storage.files.atomic import TEMPORARY_PREFIX

ROWS = 2_000
"""Media rows that make some fifty ranges and as many buckets."""


@contextmanager
def small_units(split_bytes: int, bucket_bytes: int) -> Iterator[None]:
    """Have GBIF archives cut into splits and buckets of so many bytes while the block runs."""
    plan, kept = gbif.GbifDwca.plan, gbif.BUCKET_BYTES

    def small(self: gbif.GbifDwca, release: Release, spool: Path, target_bytes: int = 0) -> Plan:
        return plan(self, release, spool, split_bytes)

    gbif.GbifDwca.plan, gbif.BUCKET_BYTES = small, bucket_bytes  # type: ignore[method-assign]
    try:
        yield
    finally:
        gbif.GbifDwca.plan, gbif.BUCKET_BYTES = plan, kept  # type: ignore[method-assign]


def ingest(recipe: Path, out: Path, workers: int = 1) -> None:
    """Run the stage with splits of 4 kB and buckets of 20 kB."""
    with small_units(4_000, 20_000):
        run(
            load_recipe(recipe), out, until="ingest", options=EngineOptions(workers=workers), progress=lambda line: None
        )


def tables(out: Path) -> dict[str, bytes]:
    """Return the bytes of all tables of the stage by name; nothing else but marks may be left in it."""
    stage = out / "ingest"
    assert {path.name for path in stage.iterdir() if path.is_dir()} == {"records", "ledger", "ended"}
    assert list(stage.rglob(f"{TEMPORARY_PREFIX}*")) == []
    return {str(path.relative_to(stage)): path.read_bytes() for path in sorted(stage.rglob("*.parquet"))}


def spooled(out: Path) -> list[Path]:
    return sorted((out / "ingest" / "spool").glob("gbif[-.]*.arrow"))


def mapped(out: Path) -> list[Path]:
    return sorted((out / "ingest" / "records").glob("gbif-*.parquet"))


if __name__ == "__main__":
    ingest(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
