"""`WriteShards`: batches with images become WebDataset shards, whose bytes depend on nothing but the rows.

    batches -> part rows by shard -> group by shard -> one tar each

A sample's shard and place follow from its key and the seed, as in a run: from no order, worker or clock.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.transforms.display import DisplayDataItem

from biomill.beam.counters import add
from pipeline.model.errors import UsageError
from pipeline.model.records import RANK_COLUMNS
from pipeline.shards import ShardWriter, captions, dali_index, index_path, order_key, shard_name, shard_of
from pipeline.storage.files.atomic import atomic_path, write_text
from pipeline.storage.places import address_of, place

SHARD_SCHEMA = pa.schema(
    [
        pa.field("key", pa.string()),
        pa.field("shard", pa.string()),
        pa.field("offset", pa.int64()),  # of the sample's first header
        pa.field("length", pa.int64()),  # headers and padding included
        pa.field("jpg_offset", pa.int64()),
        pa.field("jpg_length", pa.int64()),
        pa.field("sha256", pa.string()),  # of the image
    ]
)
"""One row per sample: where it lies."""


class _ByShard(beam.DoFn):
    """Parts a batch by the shard of its rows; rows without an image have none."""

    def __init__(self, key: str, image: str, shards: int, seed: int) -> None:
        self.key, self.image, self.shards, self.seed = key, image, shards, seed

    def process(self, batch: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
        absent = [name for name in (self.key, self.image) if name not in batch.schema.names]
        if absent:
            raise UsageError(
                f"the batches have no column {absent[0]!r}",
                where="columns: " + ", ".join(batch.schema.names),
                expected=f"a column of keys ({self.key!r}) and one of JPEG bytes ({self.image!r})",
                remedy="name them: WriteShards(..., key='my_key', image='my_image')",
            )
        rows: dict[int, list[int]] = {}
        images = batch.column(self.image).is_valid().to_pylist()
        for row, (key, there) in enumerate(zip(batch.column(self.key).to_pylist(), images, strict=True)):
            if there:
                rows.setdefault(shard_of(self.seed, key, self.shards), []).append(row)
        add("without_image", images.count(False))
        for shard, places in rows.items():
            yield shard, batch.take(pa.array(places, pa.int64()))


class _Write(beam.DoFn):
    """Writes the tar of a shard, its index beside it, and gives where its samples lie."""

    def __init__(self, folder: str, prefix: str, key: str, image: str, seed: int) -> None:
        self.folder, self.prefix, self.key, self.image, self.seed = folder, prefix, key, image, seed

    def process(self, shard: tuple[int, Iterable[pa.RecordBatch]]) -> Iterator[pa.RecordBatch]:
        rows = [row for batch in shard[1] for row in batch.to_pylist()]
        rows.sort(key=lambda row: order_key(self.seed, row[self.key]))
        name, folder = shard_name(self.prefix, shard[0]), place(self.folder)
        located, told = [], []
        with atomic_path(folder / name) as temporary, temporary.open("wb") as file:
            writer = ShardWriter(file)
            for row in rows:
                location = writer.add(row[self.key], self._members(row))
                located.append(location)
                jpg = location.members[0]
                digest = hashlib.sha256(row[self.image]).hexdigest()
                told.append((location.key, name, location.offset, location.length, jpg.offset, jpg.size, digest))
            writer.close()
        write_text(folder / index_path(name).name, dali_index(located))
        add("shards", 1)
        add("samples", len(rows))
        columns = zip(*told, strict=True)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, SHARD_SCHEMA, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=SHARD_SCHEMA)

    def _members(self, row: Mapping[str, Any]) -> list[tuple[str, bytes]]:
        told = {name: _plain(value) for name, value in row.items() if name != self.image}
        members = [("jpg", row[self.image])]
        if set(RANK_COLUMNS) <= row.keys():
            found = captions({rank: row[rank] for rank in RANK_COLUMNS}, row.get("vernacular_name"))
            members.append(("txt", found.default.encode()))
        return [*members, ("json", json.dumps(told, ensure_ascii=False, default=str).encode())]


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value


@beam.typehints.with_input_types(pa.RecordBatch)
@beam.typehints.with_output_types(pa.RecordBatch)
class WriteShards(beam.PTransform[beam.PCollection[pa.RecordBatch], beam.PCollection[pa.RecordBatch]]):
    """Write record batches with images as WebDataset shards: `batches | WriteShards("out/shards", shards=8)`.

    `folder`: where the tars go, a folder that all workers see or an address; `prefix` of their names. `shards`: how
    many there are; a shard is put together in memory, so some hundred megabytes of images each are enough. `key`: the
    column of sample keys (letters, digits, '_' and '-'), each of which comes once. `image`: the column of JPEG bytes;
    rows without an image are left out. `seed`: another one shuffles otherwise.

    A sample is KEY.jpg, KEY.txt (a caption, where the batches have the seven ranks from kingdom to species) and
    KEY.json with all other columns, bytes as hex. Beside NAME.tar stands NAME.idx for DALI. The same rows give the same
    bytes in any order, on any runner; a shard that is tried again is written again as it was. A shard that no row
    falls into has no file.

    Gives a batch of SHARD_SCHEMA for each shard: where each sample lies. What a run adds (captions of many kinds, a
    schema for all samples, checksums) is the stage `shards` of `biomill run`.

    Raises UsageError for batches without the columns, PipelineError for keys that cannot be written or come twice, and
    StorageError when a shard cannot be written. Counters: shards, samples, without_image.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        shards: int,
        *,
        prefix: str = "train",
        key: str = "record_id",
        image: str = "jpeg",
        seed: int = 0,
    ) -> None:
        super().__init__()
        if shards < 1:
            raise UsageError(f"{shards} shards hold nothing", expected="shards of 1 or more")
        where = place(os.fspath(folder))
        self.folder = str(where.absolute()) if isinstance(where, Path) else address_of(where)
        self.shards, self.prefix, self.key, self.image, self.seed = shards, prefix, key, image, seed

    def expand(self, batches: beam.PCollection[pa.RecordBatch]) -> beam.PCollection[pa.RecordBatch]:
        """Wire the batches to their shards."""
        parted = beam.ParDo(_ByShard(self.key, self.image, self.shards, self.seed))
        work = beam.ParDo(_Write(self.folder, self.prefix, self.key, self.image, self.seed))
        written: beam.PCollection[pa.RecordBatch] = (
            batches
            | "part by shard" >> parted.with_output_types(tuple[int, pa.RecordBatch])
            | "shards" >> beam.GroupByKey()
            | "write" >> work.with_output_types(pa.RecordBatch)
        )
        return written

    def display_data(self) -> dict[str, Any]:
        """Return what a runner's page shows of the transform."""
        shown = {
            "folder": (self.folder, "Shards"),
            "shards": (self.shards, "Number of shards"),
            "seed": (self.seed, "Seed"),
        }
        return {key: DisplayDataItem(value, label=label) for key, (value, label) in shown.items()}
