"""What the shards hold, by a walk over every byte of them, laid down as a table that all comparisons start from.

The tar's own table of contents is believed in nothing, and no file beside the shards is: members are found by walking
headers, images are hashed, texts and JSON are taken as they lie. The table `found` has a row per sample in the order of
the shards' names and of the bytes; it is a Parquet file in the scratch folder, so that memory does not grow with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.model.errors import StorageError, VerifyError
from pipeline.shards import LEAN, SAMPLE_SCHEMA, SampleLocation, dali_index, index_path, sample_json, samples_path
from pipeline.shards.index import read_text
from pipeline.storage.database import quote
from pipeline.verify.check import Findings, Run
from pipeline.verify.tar import Sample, TarPass

FOUND = "found.parquet"
FOUND_SCHEMA = pa.schema(
    [
        pa.field("seq", pa.int64()),  # number of the sample over all shards, from 0
        pa.field("shard", pa.string()),
        pa.field("key", pa.string()),
        pa.field("offset", pa.int64()),
        pa.field("length", pa.int64()),
        pa.field("shape", pa.string()),  # suffixes of the members, in order
        pa.field("jpg_offset", pa.int64()),
        pa.field("jpg_length", pa.int64()),
        pa.field("jpg_sha256", pa.string()),
        pa.field("txt", pa.binary()),
        pa.field("texts", pa.list_(pa.struct([("suffix", pa.string()), ("text", pa.binary())]))),
        pa.field("json", pa.binary()),
    ]
)
_ROWS, _BYTES = 4096, 16 << 20
"""Of a row group of `found`."""
_NAMED_APART = ("jpg", "txt", "json")


@dataclass(slots=True)
class Contents:
    """What the walk found wrong, by kind, and what it counted."""

    samples: int = 0
    digests: dict[str, tuple[str, int]] = field(default_factory=dict)
    """SHA-256 and bytes of every tar in the folder."""
    counts: dict[str, int] = field(default_factory=dict)
    """Samples of every tar in the folder."""
    archives: Findings = field(default_factory=lambda: Findings("shards are no plain tar archives"))
    headers: Findings = field(default_factory=lambda: Findings("tar headers are not as they are written"))
    indices: Findings = field(default_factory=lambda: Findings("indices differ from the shards"))


def read_contents(run: Run) -> Contents:
    """Walk all tars of the folder, listed or not, and lay down `found`."""
    root = run.folder.stage("shards")
    found = Contents()
    with _writer(run.scratch / FOUND) as rows:
        for path in sorted(root.glob("*.tar")):
            with run.folder.present(path) as shard:
                _read_shard(shard, found, rows, run.recipe.shards.layout == LEAN)
    run.con.execute(f"CREATE OR REPLACE TEMP VIEW found AS FROM read_parquet({quote(str(run.scratch / FOUND))})")
    return found


def _beside(shard: Path) -> Iterator[bytes]:
    """Yield the rows beside a lean shard as the JSON that they would be in another layout, in their order."""
    path = samples_path(shard)
    try:
        with pq.ParquetFile(path) as file:
            if not file.schema_arrow.equals(SAMPLE_SCHEMA):
                raise VerifyError(f"{path.name} has other columns or types than samples have")
            for batch in file.iter_batches(1000):
                for row in batch.to_pylist():
                    yield sample_json(row).encode()
    except (OSError, pa.ArrowException, TypeError, ValueError) as error:
        raise VerifyError(f"{path.name} cannot be read: {error}") from error


def _read_shard(path: Path, found: Contents, rows: _Rows, lean: bool) -> None:
    shard = TarPass(path)
    locations: list[SampleLocation] = []
    beside = _beside(path) if lean else iter(())
    try:
        for sample in shard:
            if lean and (row := next(beside, None)) is not None:
                sample.data["json"] = row
            location = sample.location()
            locations.append(location)
            for odd in sample.odd:
                found.headers.add(odd.partition(" '")[0].partition(" b'")[0], f"{path.name}, {sample.key}: {odd}")
            rows.add(path.name, sample, location)
    except VerifyError as error:
        found.archives.add(path.name, error.what)
        return
    found.digests[path.name] = (shard.digest, shard.size)
    found.counts[path.name] = len(locations)
    found.samples += len(locations)
    if shard.fault:
        found.archives.add(path.name, shard.fault)
        return  # what is behind the fault is not known, so nothing is said of its index
    if more := sum(1 for _ in beside):
        found.archives.add(samples_path(path).name, f"{more:,} rows more than {path.name} has samples")
    for odd in shard.end:
        found.headers.add("end of the archive", f"{path.name}: {odd}")
    _compare_index(path, locations, found.indices)


def _compare_index(path: Path, locations: list[SampleLocation], found: Findings) -> None:
    index = index_path(path)
    try:
        stated, expected = read_text(index), dali_index(locations)
    except VerifyError as error:
        found.add(index.name, error.what)
        return
    if stated != expected:
        lines = zip((*stated.split("\n"), "(nothing)"), (*expected.split("\n"), "(nothing)"), strict=False)
        for number, (said, wanted) in enumerate(lines, start=1):
            if said != wanted:
                found.add(index.name, f"line {number} says {said[:200]!r}, the shard {wanted[:200]!r}")
                break


class _Rows:
    """Collects rows of `found`, and writes them a group at a time."""

    def __init__(self, writer: pq.ParquetWriter) -> None:
        self._writer = writer
        self._rows: list[dict[str, object]] = []
        self._bytes = self._seq = 0

    def add(self, shard: str, sample: Sample, location: SampleLocation) -> None:
        """Add a sample."""
        data = sample.data
        jpg = next((member for member in sample.members if member.suffix == "jpg"), None)
        image = data.get("jpg")
        more = [(name, text) for name, text in data.items() if name not in _NAMED_APART]
        self._rows.append(
            {
                "seq": self._seq,
                "shard": shard,
                "key": sample.key,
                "offset": location.offset,
                "length": location.length,
                "shape": ", ".join(member.suffix for member in sample.members),
                "jpg_offset": jpg and jpg.offset,
                "jpg_length": jpg and jpg.size,
                "jpg_sha256": None if image is None else hashlib.sha256(image).hexdigest(),
                "txt": data.get("txt"),
                "texts": more,
                "json": data.get("json"),
            }
        )
        self._seq += 1
        self._bytes += location.length - (jpg.size if jpg else 0)
        if len(self._rows) >= _ROWS or self._bytes >= _BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what was collected."""
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, FOUND_SCHEMA))
        self._rows, self._bytes = [], 0


@contextmanager
def _writer(path: Path) -> Iterator[_Rows]:
    try:
        with pq.ParquetWriter(path, FOUND_SCHEMA, compression="zstd", compression_level=1) as writer:
            rows = _Rows(writer)
            yield rows
            rows.flush()
    except OSError as error:
        raise StorageError(
            f"cannot write: {error.strerror or error}",
            str(path),
            "some 700 bytes a sample",
            "name a folder with space: TMPDIR=FOLDER biomill verify RUN",
        ) from error
