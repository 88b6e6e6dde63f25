"""`ReadRelease`: a release as its provider publishes it becomes batches of canonical records and of ended rows.

    release -> plan -> spread ranges -> read (rows sorted by bucket of the join key) -> count
            -> spread partitions of buckets -> map

The functions that plan, read and map are those of the ingest stage. Elements are the name of a file with the plan,
and a number; rows wait in files, because a bucket of a joined release is more than most runners like to shuffle. The
count is there to be waited for: it is known when all ranges are read, and then every bucket has all of its rows.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import apache_beam as beam
import pyarrow as pa
from apache_beam.transforms.display import DisplayDataItem

from biomill.beam.batches import batches_of
from biomill.beam.counters import add, add_by_value
from manifests.checks import check_values
from manifests.paths import anchored
from manifests.places import Places
from manifests.recipe import SourceSpec
from pipeline.model.errors import UsageError
from pipeline.sources import open_source
from pipeline.sources.release.base import Mapped, Release
from pipeline.stages.planned import read_planned, write_planned
from pipeline.stages.reading import SPLIT_BYTES, map_partition, map_range, plan_release, spool_range

_ENDED: Final = "ended"
"""Tag of the output of rows that become no record."""
_READ: Final = "read"
"""Tag of the output of ranges whose rows wait for those of other ranges."""
Ended = beam.pvalue.TaggedOutput[Literal["ended"], pa.RecordBatch]
"""Rows that become no record, on their way to that output."""
Unit = tuple[str, int]
"""A range of splits, or a partition of buckets: the path of the planned release, and a number."""
Read = beam.pvalue.TaggedOutput[Literal["read"], Unit]
"""A range on its way to that output."""


class ReleaseRows(NamedTuple):
    """The outputs of `ReadRelease`: every row of the release is in one of them, or part of a record."""

    records: beam.PCollection[pa.RecordBatch]
    """Batches of RECORD_SCHEMA: one row per record, medium and box."""
    ended: beam.PCollection[pa.RecordBatch]
    """Dead letters, batches of ENDED_SCHEMA: the outcome, the evidence, and the file and row where each stood."""


class _Plan(beam.DoFn):
    """Cuts the release into ranges, on a worker: unpacking an archive must not hold up the building of a pipeline."""

    def __init__(self, folder: str, split_bytes: int) -> None:
        self.folder, self.split_bytes = folder, split_bytes

    def process(self, release: Release) -> Iterator[Unit]:
        planned = plan_release(release, Path(self.folder), self.split_bytes)
        add("splits", len(planned.plan.splits))
        add("rows", planned.rows)
        path = write_planned(planned)
        for number in range(len(planned.ranges)):
            yield path, number


class _ReadRange(beam.DoFn):
    """Sorts the rows of a range into buckets, and says that it is read; where nothing is joined, maps them at once."""

    def process(self, unit: Unit) -> Iterator[pa.RecordBatch | Read | Ended]:
        planned = read_planned(unit[0])
        if not planned.joins:
            yield from _rows(map_range(planned, unit[1]))
            return
        yield from _dead_letters(spool_range(planned, unit[1]))
        yield beam.pvalue.TaggedOutput(_READ, unit)


def _partitions(read: tuple[str, int]) -> Iterator[Unit]:
    """Yield the partitions of a release whose ranges are all read; `read`: its plan, and their number."""
    path, _ = read
    for number in range(read_planned(path).partitions):
        yield path, number


class _MapPartition(beam.DoFn):
    """Maps the rows of a partition to records."""

    def process(self, unit: Unit) -> Iterator[pa.RecordBatch | Ended]:
        for _, mapped in map_partition(read_planned(unit[0]), unit[1]):
            yield from _rows(mapped)


def _rows(mapped: Mapped) -> Iterator[pa.RecordBatch | Ended]:
    add("records", mapped.records.num_rows)
    add("absorbed", mapped.absorbed)
    yield from batches_of(mapped.records)
    yield from _dead_letters(mapped.ended)


def _dead_letters(ended: pa.Table) -> Iterator[Ended]:
    add("ended", ended.num_rows)
    add_by_value(ended.column("outcome"))
    for batch in batches_of(ended):
        yield beam.pvalue.TaggedOutput(_ENDED, batch)


@beam.typehints.with_output_types(pa.RecordBatch)
class ReadRelease(beam.PTransform[beam.pvalue.PBegin, ReleaseRows]):
    """Read a release into record batches: `pipeline | ReadRelease(kind, path)` gives `.records` and `.ended`.

    `kind`: how its provider publishes it, one of `manifests.SOURCE_KINDS`. `path`: the archive, file or folder.

    Options, as of a source in a recipe: `name` of the source, part of every record id (empty: the kind); `release`,
    its name (empty: from the files); `media`, a local media store; `hierarchy`, EOL's Dynamic Hierarchy; `license` of
    rows that state none. Beside these, `spool`: a folder for unpacked and sorted tables that all workers see, in which
    every run gets a folder of its own that is yours to remove (empty: a temporary folder of this machine, removed when
    this process ends, which does where the workers run on it); `split_bytes`: bytes of a table in one split, about.

    The paths must be visible here and to every worker. Raises RecipeError for a kind or name that there is not, and
    SourceError for a release that cannot be read, both when the transform is made.

    Counters: splits, rows (counted while cutting the files), records, ended, absorbed (rows that became part of other
    rows, as an occurrence does of its media), and one per outcome of ended rows: rows = records + ended + absorbed.

    >>> from biomill.beam import ReadRelease
    >>> ReadRelease("gbif-dwca", "absent.zip")
    Traceback (most recent call last):
        ...
    pipeline.model.errors.SourceError: the release does not exist
    ...
    """

    def __init__(
        self,
        kind: str,
        path: str | os.PathLike[str],
        *,
        name: str = "",
        release: str = "",
        media: str | os.PathLike[str] = "",
        hierarchy: str | os.PathLike[str] = "",
        license: str = "",
        spool: str | os.PathLike[str] = "",
        split_bytes: int = SPLIT_BYTES,
    ) -> None:
        super().__init__()
        if split_bytes < 1:
            raise UsageError(f"splits of {split_bytes} bytes hold nothing", expected="split_bytes of 1 or more")
        self.spec = SourceSpec(
            name or kind,
            kind,
            _absolute(path),
            release=release,
            hierarchy=_absolute(hierarchy),
            media=_absolute(media),
            license=license,
        )
        check_values(self.spec, ("source",), Places("ReadRelease"))
        self.release: Release = open_source(kind).inspect(self.spec)
        self.spool, self.split_bytes = os.fspath(spool), split_bytes

    def default_label(self) -> str:
        """Return the label where none is given; two sources of one pipeline differ by name."""
        return f"ReadRelease({self.spec.name})"

    def expand(self, begin: beam.pvalue.PBegin) -> ReleaseRows:
        """Wire the release to its rows."""
        if not isinstance(begin, beam.pvalue.PBegin):
            raise UsageError(
                "ReadRelease reads a release, and takes no PCollection",
                where=f"the input of {self.label!r}",
                remedy="apply it to the pipeline: pipeline | ReadRelease(...)",
            )
        read = (
            begin
            | "release" >> beam.Create([self.release], reshuffle=False)
            | "plan" >> beam.ParDo(_Plan(self._work_folder(), self.split_bytes)).with_output_types(Unit)
            | "spread" >> beam.Reshuffle()
            | "read"
            >> beam.ParDo(_ReadRange())  # type: ignore[no-untyped-call]  # DoFn's own constructor
            .with_output_types(pa.RecordBatch, ended=pa.RecordBatch, read=Unit)
            .with_outputs(_ENDED, _READ, main="records")
        )
        mapped = (
            read.read
            | "count" >> beam.combiners.Count.PerKey()
            | "partitions" >> beam.FlatMap(_partitions).with_output_types(Unit)
            | "spread partitions" >> beam.Reshuffle()
            | "map"
            >> beam.ParDo(_MapPartition())  # type: ignore[no-untyped-call]  # DoFn's own constructor
            .with_output_types(pa.RecordBatch, ended=pa.RecordBatch)
            .with_outputs(_ENDED, main="records")
        )
        return ReleaseRows(
            (read.records, mapped.records) | "records" >> beam.Flatten(),
            (read.ended, mapped.ended) | "ended" >> beam.Flatten(),
        )

    def _work_folder(self) -> str:
        """Return the folder of one run: two pipelines never share their files."""
        if self.spool:
            return str(Path(self.spool).absolute() / f"read-release-{uuid.uuid4().hex}")
        folder = tempfile.mkdtemp(prefix="biomill-release-")
        # Not earlier: a pipeline may run on while nothing of this process refers to it any more.
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def display_data(self) -> dict[str, Any]:
        """Return what a runner's page shows of the transform."""
        shown = {
            "kind": (self.spec.kind, "Kind of source"),
            "path": (str(self.spec.path), "Release"),
            "source": (self.spec.name, "Name of the source"),
            "release": (self.release.release, "Name of the release"),
        }
        return {key: DisplayDataItem(value, label=label) for key, (value, label) in shown.items()}


def _absolute(path: str | os.PathLike[str]) -> str:
    # Workers may run in another folder.
    return str(anchored(Path.cwd(), os.fspath(path)))
