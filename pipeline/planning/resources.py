"""What a run needs of its machine: disk, memory and CPU, from what its stages were measured to take of a row.

`python -m tests.performance.bench_growth` measures them (docs/distributed.md has the table). They hold for what goes
on: a run that loses half of its candidates to dead hosts takes half of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from manifests import Recipe
from pipeline.likeness.records.room import BYTES_A_CANDIDATE
from pipeline.planning.plan_facts import Fetching, Needs, SourceRows, StageNeeds, Volume

_MB = 1 << 20
_WORKER_MB = 600
"""Of a process that fetches: decoded pictures, connections, libraries."""


@dataclass(frozen=True, slots=True)
class _Measured:
    stage: str
    disk: int
    """Bytes of a row that the stage leaves, beside encoded images."""
    cpu: float
    """Seconds of a row."""
    shared: bool
    """Whether its work is cut into units that workers share."""


_STAGES = (
    _Measured("ingest", 120, 16.0e-6, True),
    _Measured("resolve", 2, 0.1e-6, True),
    _Measured("screen", 105, 15.1e-6, False),
    _Measured("fetch", 280, 14.5e-6, False),
    _Measured("likeness", 240, 17.9e-6, True),
    _Measured("select", 90, 3.4e-6, False),
    _Measured("shards", 5_400, 249e-6, True),
    _Measured("catalog", 90, 27.5e-6, False),
)
"""In the order in which data flows. A sample of the shards has three members of a tar, with their heads and padding."""
_IMAGES = {"fetch", "shards"}
"""Stages that leave the encoded images: as blobs, and as shards."""
_OF_ALL_ROWS = ("ingest", "resolve", "screen")


def needs(
    recipe: Recipe, sources: Sequence[SourceRows], candidates: int, volumes: Sequence[Volume], fetching: Fetching
) -> Needs:
    """Return what a run of so many candidates needs, whatever of it is there already."""
    workers = fetching.workers
    images = sum(each.stored.value for each in volumes)
    originals = sum(each.fetched.value for each in volumes) if recipe.image.originals else 0
    stages, serial, shared = [], 0.0, 0.0
    for each in _STAGES:
        rows = sum(source.rows for source in sources) if each.stage in _OF_ALL_ROWS else candidates
        disk = rows * each.disk + (images if each.stage in _IMAGES else 0)
        cpu = rows * each.cpu
        serial, shared = (serial, shared + cpu) if each.shared else (serial + cpu, shared)
        if each.stage == "fetch":
            disk, cpu = disk + originals, cpu + fetching.decode_seconds
        stages.append(StageNeeds(each.stage, rows, disk, round(cpu, 3)))
    return Needs(
        disk_bytes=sum(each.disk_bytes for each in stages),
        memory_bytes=max(recipe.limits.memory_mb * _MB, candidates * BYTES_A_CANDIDATE) + workers * _WORKER_MB * _MB,
        stages=tuple(stages),
        workers=workers,
        seconds=round(serial + shared / workers + fetching.seconds, 3),
    )
