"""How a release is read: cut into tasks, each task's rows sorted by bucket, each unit of rows mapped to records.

    plan_release -> spool_split -> (rows of one unit brought together by its name) -> map_unit

The ingest stage and the Beam transform `ReadRelease` both stand on these functions. Only descriptors travel between
them: the rows of a source that joins tables wait as Arrow files in `FOLDER/spool`; a source that joins none is read
and mapped in one step.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from pipeline.model.name_keys import name_ids
from pipeline.model.records import ENDED_SCHEMA, conform
from pipeline.sources import open_source
from pipeline.sources.release.base import Mapped, Release, Split
from pipeline.stages.spool import spool_table, spooled_bucket

SPLIT_BYTES = 16 << 20
"""Bytes of a table that one split holds, about."""


@dataclass(frozen=True, slots=True)
class ReadTask:
    """One split to read, and where its rows go."""

    folder: str
    release: Release
    split: Split
    index: int
    join_key: str
    buckets: int

    @property
    def stem(self) -> str:
        """Name of the split in file names."""
        return f"{self.release.spec.name}-{self.split.table}-{self.index:05d}"

    @property
    def spooled(self) -> Path:
        """Where the split's rows wait for the other tables of their bucket."""
        return Path(self.folder) / "spool" / f"{self.stem}.arrow"


Part = tuple[ReadTask, int]
"""The rows of one split that are in one bucket."""


def unit_of(task: ReadTask, bucket: int) -> str:
    """Return the name of the work unit that maps a bucket of the task's rows."""
    return f"{task.release.spec.name}-{bucket:05d}" if task.join_key else task.stem


def plan_release(release: Release, folder: Path, split_bytes: int = SPLIT_BYTES) -> list[ReadTask]:
    """Cut a release into read tasks, with `folder/spool` for what is unpacked and sorted.

    Raises SourceError when an archive of the release is damaged.
    """
    spool = folder / "spool" / release.spec.name
    spool.mkdir(parents=True, exist_ok=True)
    release = dataclasses.replace(release, facts={**release.facts, "spool": str(spool)})
    plan = open_source(release.spec.kind).plan(release, spool, split_bytes)
    return [
        ReadTask(str(folder), release, split, index, plan.join_key, plan.buckets)
        for index, split in enumerate(plan.splits)
    ]


def spool_split(task: ReadTask) -> tuple[list[int], pa.Table]:
    """Read a split of a source that joins tables, and write its rows to `task.spooled` by bucket of the join key.

    Return the buckets that it has rows in, and its rows that could not be read (ENDED_SCHEMA).
    """
    native = open_source(task.release.spec.kind).read(task.split, task.release)
    present = spool_table(task.spooled, native.table, task.join_key, task.buckets)
    return present, conform(native.ended, ENDED_SCHEMA)


def map_unit(parts: Iterable[Part]) -> Mapped:
    """Map all rows of one unit, which `spool_split` has written or which are read here: records have their `name_id`.

    The parts may come in any order. `ended` has what could not be read, where it is read here, and then what the
    mapping ended.
    """
    # A shuffle gives the parts in any order; rows must meet in the order of the input.
    tasks = sorted(parts, key=lambda part: (part[0].split.table, part[0].index))
    release = tasks[0][0].release
    source = open_source(release.spec.kind)
    tables: dict[str, list[pa.Table]] = {}
    ended: list[pa.Table] = []
    for task, bucket in tasks:
        if task.join_key:
            tables.setdefault(task.split.table, []).append(spooled_bucket(task.spooled, bucket))
        else:
            native = source.read(task.split, task.release)
            tables.setdefault(task.split.table, []).append(native.table)
            ended.append(conform(native.ended, ENDED_SCHEMA))
    mapped = source.map({name: pa.concat_tables(tables.pop(name)) for name in sorted(tables)}, release)
    records = conform(mapped.records)
    records = records.set_column(records.column_names.index("name_id"), "name_id", name_ids(records))
    ended.append(conform(mapped.ended, ENDED_SCHEMA))
    return Mapped(records, pa.concat_tables(ended), mapped.absorbed)
