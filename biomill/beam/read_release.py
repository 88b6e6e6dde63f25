"""`ReadRelease`: a release as its provider publishes it becomes batches of canonical records and of ended rows.

    release -> plan (splits) -> spread -> read (rows sorted by bucket of the join key) -> group -> map

The functions that plan, read and map are those of the ingest stage. Descriptors travel through the shuffle; rows wait
in files, because a bucket of a joined release is more than most runners like to shuffle.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator
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
from pipeline.sources.release.base import Release
from pipeline.stages.reading import SPLIT_BYTES, Part, ReadTask, map_unit, plan_release, spool_split, unit_of

_ENDED: Final = "ended"
"""Tag of the output of rows that become no record."""
Ended = beam.pvalue.TaggedOutput[Literal["ended"], pa.RecordBatch]
"""Rows that become no record, on their way to that output."""


class ReleaseRows(NamedTuple):
    """The outputs of `ReadRelease`: every row of the release is in one of them, or part of a record."""

    records: beam.PCollection[pa.RecordBatch]
    """Batches of RECORD_SCHEMA: one row per record, medium and box."""
    ended: beam.PCollection[pa.RecordBatch]
    """Dead letters, batches of ENDED_SCHEMA: the outcome, the evidence, and the file and row where each stood."""


class _PlanSplits(beam.DoFn):
    """Cuts the release into splits, on a worker: unpacking an archive must not hold up the building of a pipeline."""

    def __init__(self, folder: str, split_bytes: int) -> None:
        self.folder, self.split_bytes = folder, split_bytes

    def process(self, release: Release) -> Iterator[ReadTask]:
        tasks = plan_release(release, Path(self.folder), self.split_bytes)
        add("splits", len(tasks))
        add("rows", sum(task.split.rows for task in tasks))
        yield from tasks


class _ReadSplit(beam.DoFn):
    """Sorts the rows of a split into buckets; a split of a source that joins no tables is read where it is mapped."""

    def process(self, task: ReadTask) -> Iterator[tuple[str, Part] | Ended]:
        if not task.join_key:
            yield unit_of(task, 0), (task, 0)
            return
        present, ended = spool_split(task)
        yield from _dead_letters(ended)
        for bucket in present:
            yield unit_of(task, bucket), (task, bucket)


class _MapUnit(beam.DoFn):
    """Maps the rows of one unit to records."""

    def process(self, element: tuple[str, Iterable[Part]]) -> Iterator[pa.RecordBatch | Ended]:
        mapped = map_unit(element[1])
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
            | "plan" >> beam.ParDo(_PlanSplits(self._work_folder(), self.split_bytes)).with_output_types(ReadTask)
            | "spread" >> beam.Reshuffle()
            | "read"
            >> beam.ParDo(_ReadSplit())  # type: ignore[no-untyped-call]  # DoFn's own constructor
            .with_output_types(tuple[str, Part], ended=pa.RecordBatch)
            .with_outputs(_ENDED, main="parts")
        )
        mapped = (
            read.parts
            | "bucket" >> beam.GroupByKey()
            | "map"
            >> beam.ParDo(_MapUnit())  # type: ignore[no-untyped-call]  # DoFn's own constructor
            .with_output_types(pa.RecordBatch, ended=pa.RecordBatch)
            .with_outputs(_ENDED, main="records")
        )
        return ReleaseRows(mapped.records, (read.ended, mapped.ended) | "ended" >> beam.Flatten())

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
