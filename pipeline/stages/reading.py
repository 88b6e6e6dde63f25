"""How a release is read: cut into ranges of splits, the rows of each sorted by bucket, each bucket mapped to records.

    plan_release -> spool_range, for every range -> map_partition, for every partition of buckets
    plan_release -> map_range, for every range, where the source joins no tables

The ingest stage and the Beam transform `ReadRelease` both stand on these functions. The rows of a source that joins
tables wait as Arrow files in `FOLDER/spool`.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from pipeline.model.name_keys import name_ids
from pipeline.model.records import ENDED_SCHEMA, conform, empty_records
from pipeline.sources import open_source
from pipeline.sources.release.base import Mapped, Release
from pipeline.stages.planned import PlannedRelease, planned_release
from pipeline.stages.published_plan import release_here, splits_here
from pipeline.stages.spool import spool_table, spooled_bucket
from pipeline.storage.files.atomic import TEMPORARY_PREFIX
from pipeline.storage.places import Place, place
from pipeline.storage.places.scratch import scratch_folder

SPLIT_BYTES = 16 << 20
"""Bytes of a table that one split holds, about."""
_SORTED_BYTES = 64 << 20
"""Bytes of a partition that are sorted at once where it holds several buckets."""


def plan_release(
    release: Release, folder: Place, split_bytes: int = SPLIT_BYTES, unpacked: Path | None = None
) -> PlannedRelease:
    """Cut a release into units of work, with `folder/spool` for what is unpacked and sorted.

    `unpacked`: a folder of this machine for the first alone, where `folder` is at an address.
    Raises SourceError when an archive of the release is damaged.
    """
    home = unpacked or folder
    assert isinstance(home, Path)
    spool = home / "spool" / release.spec.name
    spool.mkdir(parents=True, exist_ok=True)
    release = dataclasses.replace(release, facts={**release.facts, "spool": str(spool)})
    return planned_release(folder, release, open_source(release.spec.kind).plan(release, spool, split_bytes))


def spool_range(planned: PlannedRelease, number: int) -> pa.Table:
    """Read a range of a source that joins tables, and write its rows to `planned.spooled` by partition of buckets.

    Return its rows that could not be read (ENDED_SCHEMA).
    """
    source, plan, release = open_source(planned.release.spec.kind), planned.plan, release_here(planned)
    with splits_here(planned, number) as splits:
        read = [source.read(split, release) for split in splits]
    ended = pa.concat_tables([conform(native.ended, ENDED_SCHEMA) for native in read])
    table = pa.concat_tables([native.table for native in read])
    del read
    spool_table(planned.spooled(number), table, plan.join_key, plan.buckets, planned.width)
    return ended


def map_range(planned: PlannedRelease, number: int) -> Mapped:
    """Read and map a range of a source that joins no tables.

    `ended` has what could not be read, and then what the mapping ended.
    """
    release = release_here(planned)
    with splits_here(planned, number) as (split,):
        native = open_source(release.spec.kind).read(split, release)
    mapped = _map({split.table: native.table}, release)
    ended = pa.concat_tables([conform(native.ended, ENDED_SCHEMA), mapped.ended])
    return Mapped(mapped.records, ended, mapped.absorbed)


def map_partition(
    planned: PlannedRelease, partition: int, without: Collection[int] = ()
) -> Iterator[tuple[int, Mapped]]:
    """Yield each bucket of a partition, but for those `without`, with what its spooled rows become.

    One bucket is held at a time: where a partition has several, its rows are sorted once more on disk.
    """
    release = release_here(planned)
    buckets = [bucket for bucket in planned.buckets_of(partition) if bucket not in without]
    spooled: dict[str, list[Place]] = defaultdict(list)
    for number in range(len(planned.ranges)):
        spooled[planned.splits_of(number)[0].table].append(planned.spooled(number))
    if planned.width == 1:
        for bucket in buckets:
            yield bucket, _map_bucket(spooled, bucket, release)
        return
    with _sorting(planned) as folder:
        again = {table: list(_sort_again(paths, planned, partition, folder)) for table, paths in spooled.items()}
        for bucket in buckets:
            yield bucket, _map_bucket(again, bucket, release)


@contextmanager
def _sorting(planned: PlannedRelease) -> Iterator[Path]:
    """Yield a folder of this machine in which a partition is sorted again."""
    where = place(planned.folder)
    if not isinstance(where, Path):
        with scratch_folder() as scratch:
            yield scratch
        return
    with tempfile.TemporaryDirectory(prefix=f"{TEMPORARY_PREFIX}partition-", dir=where / "spool") as folder:
        yield Path(folder)


def _sort_again(paths: list[Place], planned: PlannedRelease, partition: int, folder: Path) -> Iterator[Place]:
    """Write the rows of a partition of one table by bucket, some at a time; yield the files in the order of rows."""
    waiting: list[pa.Table] = []
    held = row_bytes = 0.0
    for path in paths:
        rows = spooled_bucket(path, partition)
        if rows is not None:
            # Asked once: adding up the buffers of all columns takes as long as reading them.
            row_bytes = row_bytes or rows.nbytes / rows.num_rows
            waiting.append(rows)
            held += row_bytes * rows.num_rows
        if waiting and (held >= _SORTED_BYTES or path is paths[-1]):
            spool_table(folder / path.name, pa.concat_tables(waiting), planned.plan.join_key, planned.plan.buckets)
            yield folder / path.name
            waiting, held = [], 0.0


def _map_bucket(spooled: Mapping[str, list[Place]], bucket: int, release: Release) -> Mapped:
    tables: dict[str, pa.Table] = {}
    for table in sorted(spooled):
        # Files are in the order of the input, and so are the rows of a bucket in each.
        parts = [rows for path in spooled[table] if (rows := spooled_bucket(path, bucket)) is not None]
        if parts:
            tables[table] = pa.concat_tables(parts)
    return _map(tables, release) if tables else Mapped(empty_records(), ENDED_SCHEMA.empty_table(), 0)


def _map(tables: Mapping[str, pa.Table], release: Release) -> Mapped:
    mapped = open_source(release.spec.kind).map(tables, release)
    records = conform(mapped.records)
    records = records.set_column(records.column_names.index("name_id"), "name_id", name_ids(records))
    return Mapped(records, conform(mapped.ended, ENDED_SCHEMA), mapped.absorbed)
