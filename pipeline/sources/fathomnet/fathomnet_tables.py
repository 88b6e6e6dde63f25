"""FathomNet's table dumps: one table of images and one or more of bounding boxes, as CSV, TSV or Parquet.

A dump writes many columns twice, such as an empty `depth_meters` beside a filled `depthmeters`: names are compared
without case and underscores, and of columns that are the same by that rule the first that is filled counts, row by row.
Boxes name their image by its uuid or by its id in the table of images.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from manifests.tables import Dialect, read_header
from pipeline.model.errors import SourceError
from pipeline.sources.fathomnet.fathomnet_flat import BOX_FIELDS, FLAT_SCHEMA, IMAGE_FIELDS, fold
from pipeline.sources.mapping import columns as c
from pipeline.sources.release.archive import Archive, Member
from pipeline.sources.text import delimited

SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet")
_LINKS = ("imageuuid", "imageid", "image")
_BATCH_BYTES, _BATCH_ROWS = 16 << 20, 50_000
_HEAD = 1 << 20
_CODE = r'"code": "(?P<code>[A-Z_]+)"'


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of a dump."""

    images: Member
    boxes: tuple[Member, ...]


def find_tables(archive: Archive) -> Tables | None:
    """Distinguish images from boxes by their columns; None when there are no tables.

    Raises SourceError when there is not exactly one table of images and at least one of boxes; tables that are neither
    are passed over.
    """
    members = [m for m in archive.members if m.base.lower().endswith(SUFFIXES)]
    images, boxes = [], []
    for member in members:
        names = {fold(name) for name in _columns(archive, member)}
        if {"concept", "x", "y", "width", "height"} <= names:
            boxes.append(member)
        elif "url" in names and names & {"uuid", "id"}:
            images.append(member)
    if not members:
        return None
    if len(images) != 1 or not boxes:
        raise SourceError(
            f"the tables hold {len(images)} of images and {len(boxes)} of boxes",
            where=str(archive.path),
            expected="one table of images (uuid, url) and one or more of boxes (concept, x, y, width, height)",
            remedy="put the tables of one dump into a folder of their own, and name that as `path` of this source",
        )
    return Tables(images[0], tuple(boxes))


def flatten_tables(archive: Archive, tables: Tables, spool: Path) -> Iterator[tuple[Member, Iterator[pa.Table]]]:
    """Yield, for every table of boxes and then for that of images, its native rows in tables of FLAT_SCHEMA.

    Rows stand for boxes, and for images that no box names. Memory: the table of images, and a batch of boxes.
    """
    images, broken = _images(archive, tables.images, spool)
    position: dict[str, int] = {}
    for key in ("id", "image_uuid"):
        # A uuid wins over an id that is spelled like it.
        position |= {value: row for row, value in enumerate(images.column(key).to_pylist()) if value}
    boxed = np.zeros(images.num_rows, dtype=bool)
    for member in tables.boxes:
        yield member, _boxes(archive, member, spool, images, position, boxed)
    bare = [_flat(images.filter(pa.array(~boxed))), *broken]
    yield tables.images, iter(bare)


def _images(archive: Archive, member: Member, spool: Path) -> tuple[pa.Table, list[pa.Table]]:
    good, broken = [], []
    for batch in _batches(archive, member, spool):
        if "malformed" in batch.column_names:
            broken.append(_flat(batch))
            continue
        columns = {f"image_{name}": _folded(batch, fold(name)) for name in IMAGE_FIELDS}
        columns |= {"id": _folded(batch, "id"), "source_row": batch.column("source_row")}
        # An image that has no uuid is known by its id.
        columns["image_uuid"] = pc.coalesce(columns["image_uuid"], columns["id"])
        good.append(pa.table(columns))
    names = [*(f"image_{name}" for name in IMAGE_FIELDS), "id", "source_row"]
    empty = pa.schema([(name, pa.string()) for name in names]).empty_table()
    return pa.concat_tables([empty, *(table.select(names) for table in good)]).combine_chunks(), broken


def _boxes(
    archive: Archive,
    member: Member,
    spool: Path,
    images: pa.Table,
    position: Mapping[str, int],
    boxed: np.ndarray[Any, np.dtype[np.bool_]],
) -> Iterator[pa.Table]:
    for batch in _batches(archive, member, spool):
        if "malformed" in batch.column_names:
            yield _flat(batch)
            continue
        link = c.first_of(*(_folded(batch, name) for name in _LINKS))
        rows = [position.get(value or "") for value in link.to_pylist()]
        boxed[[row for row in rows if row is not None]] = True
        joined = images.drop_columns(["id", "source_row"]).take(pa.array(rows, pa.int64()))
        for name in BOX_FIELDS:
            joined = joined.append_column(f"box_{name}", _folded(batch, fold(name)))
        yield _flat(joined.append_column("source_row", batch.column("source_row")))


def _flat(table: pa.Table) -> pa.Table:
    columns = [
        c.verbatim(table, field.name) if field.name in table.column_names else pa.nulls(table.num_rows, pa.string())
        for field in FLAT_SCHEMA
    ]
    return pa.Table.from_arrays(columns, schema=FLAT_SCHEMA)


def _folded(batch: pa.Table, name: str) -> pa.Array:
    """Return the column of a folded name: of several the first that is filled, row by row; all null without any."""
    same = [c.text(batch, own) for own in batch.column_names if fold(re.sub(r"#\d+$", "", own)) == name]
    return c.first_of(*same) if same else pa.nulls(batch.num_rows, pa.string())


def _dialect(member: Member) -> Dialect:
    return Dialect("\t" if ".tsv" in member.base.lower() else ",", quoted=True)


def _columns(archive: Archive, member: Member) -> tuple[str, ...]:
    if member.base.lower().endswith(".parquet"):
        with _guarded(archive, member):
            if archive.kind == "folder":
                return tuple(pq.read_schema(archive.path / member.stored_as).names)
            # The schema stands at the file's end, and a packed member can only be read from its beginning.
            with archive.stream(member) as stream:
                return tuple(pq.read_schema(pa.BufferReader(stream.read())).names)
    return read_header(archive.head(member, _HEAD), _dialect(member)).columns


def _batches(archive: Archive, member: Member, spool: Path) -> Iterator[pa.Table]:
    """Yield a table in batches of strings with `source_row`, and its broken rows with `malformed` and `code`."""
    path = archive.readable(member, spool)
    if member.base.lower().endswith(".parquet"):
        with _guarded(archive, member), pq.ParquetFile(path) as file:
            first = 1
            for batch in file.iter_batches(_BATCH_ROWS):
                table = _strings(pa.Table.from_batches([batch]))
                numbers = pa.array([str(first + row) for row in range(table.num_rows)], pa.string())
                first += table.num_rows
                yield table.append_column("source_row", numbers)
        return
    dialect, origin = _dialect(member), archive.origin(member)
    header = read_header(archive.head(member, _HEAD), dialect)
    for split in delimited.cut(
        path,
        dialect,
        table="table",
        origin=origin,
        columns=header.columns,
        start=header.start,
        target_bytes=_BATCH_BYTES,
    ):
        native = delimited.parse(split, dialect, source="", wanted=header.columns)
        numbers = native.table.column("locator_row").cast(pa.string())
        yield native.table.select(list(header.columns)).append_column("source_row", numbers)
        if native.ended.num_rows:
            yield pa.table(
                {
                    "malformed": native.ended.column("raw"),
                    "code": pc.struct_field(pc.extract_regex(native.ended.column("evidence"), _CODE), "code"),
                    "source_row": native.ended.column("locator_row").cast(pa.string()),
                }
            )


def _strings(table: pa.Table) -> pa.Table:
    """Return the columns that have a text form; lists and other nested columns hold nothing that is read here."""
    arrays = {}
    for field in table.schema:
        values = table.column(field.name)
        if pa.types.is_dictionary(field.type):
            values = values.cast(field.type.value_type)
        if not pa.types.is_nested(values.type) and not pa.types.is_binary(values.type):
            text = values.cast(pa.string())
            # Characters that the rest of the pipeline does not accept in a cell.
            arrays[field.name] = pc.replace_substring_regex(text, "[\\x00\\x1f]", " ")
    return pa.table(arrays) if arrays else table.select([])


@contextmanager
def _guarded(archive: Archive, member: Member) -> Iterator[None]:
    """Turn what pyarrow says of a broken Parquet file into a SourceError."""
    try:
        yield
    except pa.ArrowException as error:
        raise SourceError(
            f"the table is no Parquet that can be read: {error}",
            where=archive.origin(member),
            remedy="fetch it again and compare its size with the provider's",
        ) from error
