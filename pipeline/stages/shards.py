"""Shards: what was selected becomes WebDataset tar files, globally shuffled by hash, with everything a reader needs.

A sample's split, shard and place follow from its id and the seed alone, so every shard is a work unit of its own, and
its bytes do not depend on the others. Image bytes are copied from fetch's blobs as they are: they are encoded once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from duckdb.func import ARROW

from manifests.recipe import ShardRules
from pipeline.model.chunks import whole
from pipeline.model.errors import StorageError
from pipeline.model.records import RANK_COLUMNS
from pipeline.privacy import place_columns
from pipeline.shards import (
    LEAN,
    README,
    SIZES,
    ShardWriter,
    bounded_count,
    captions,
    dali_index,
    file_digest,
    index_path,
    member_suffixes,
    order_texts,
    sample,
    sample_json,
    shard_count,
    shard_hashes,
    shard_names,
    shards_readme,
    sizes_json,
    text_members,
    write_checksums,
    write_samples,
)
from pipeline.shards.tar import BLOCK
from pipeline.stages.base import Balance, Context, Stage, missing, plan_outputs, ticker
from pipeline.stages.select import label_names
from pipeline.storage import database as sql
from pipeline.storage.blobs import Blobs
from pipeline.storage.files.atomic import atomic_path, write_table, write_text
from pipeline.storage.parquet_files import parquet_file, read_table, row_count
from pipeline.storage.places import Place, address_of, place
from pipeline.storage.row_groups import row_group_writer
from pipeline.storage.statements import Statements

if TYPE_CHECKING:
    import duckdb

    from pipeline.engine.engine import Engine

MANIFEST_SCHEMA = pa.schema(
    [
        pa.field("key", pa.string()),
        pa.field("record_id", pa.string()),
        pa.field("source", pa.string()),
        pa.field("image_id", pa.string()),
        pa.field("shard", pa.string()),
        pa.field("offset", pa.int64()),  # of the sample's first header
        pa.field("length", pa.int64()),  # headers and padding included
        pa.field("jpg_offset", pa.int64()),
        pa.field("jpg_length", pa.int64()),
        pa.field("sha256", pa.string()),  # of the stored JPEG
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        pa.field("accepted_id", pa.string()),
        pa.field("group_id", pa.string()),
        pa.field("name_id", pa.string()),  # of names: what the image is labelled with
        pa.field("split", pa.string()),
        pa.field("weight", pa.float64()),
        # So that a copy of the shards alone can be sampled, captioned and queried, without the run's catalog.
        pa.field("accepted_name", pa.string()),
        pa.field("accepted_rank", pa.string()),
        *(pa.field(rank, pa.string()) for rank in RANK_COLUMNS),
        pa.field("vernacular_name", pa.string()),
        pa.field("license_id", pa.string()),
    ]
)
MANIFEST_ROWS = 1 << 17
"""Rows of a row group of the manifest."""
_SAMPLE_SECONDS = 200e-6
"""CPU seconds that a sample takes, about."""
_SQL = Statements(__name__)


@dataclass(frozen=True, slots=True)
class WriteShard:
    """Write one shard, its index and its part of the manifest."""

    folder: str
    blobs: str
    layout: str

    def __call__(self, name: str) -> None:
        """Write `NAME.tar`, `NAME.idx`, for a lean layout `NAME.parquet`, and last `parts/NAME.parquet`.

        The last holds the shard's part of the manifest and, in its metadata, the digests of the others.
        """
        folder = place(self.folder)
        rows = read_table(folder / "plan.parquet", filters=[("shard", "=", name)]).sort_by("place").to_pylist()
        locations, manifest, samples = [], [], []
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_path(folder / name))
            handle = _Digested(stack.enter_context(temporary.open("wb")))
            blobs = stack.enter_context(Blobs(place(self.blobs)))
            images = blobs.each((row["unit"], row["blob_offset"], row["blob_length"]) for row in rows)
            writer = ShardWriter(handle)
            for row, jpeg in zip(rows, images, strict=True):
                digest = hashlib.sha256(jpeg).hexdigest()
                if digest != row["stored_sha256"]:
                    raise _damaged(self.blobs, row)
                lineage = tuple(row[rank] for rank in RANK_COLUMNS)
                default, named, extra = _texts(self.layout, lineage, row["vernacular_name"])
                told = sample(row, named)
                members = [("jpg", jpeg), ("txt", default), *extra]
                if self.layout == LEAN:
                    samples.append(told)
                else:
                    members.append(("json", sample_json(told).encode()))
                location = writer.add(row["record_id"], members)
                locations.append(location)
                manifest.append(
                    {
                        **row,
                        "key": location.key,
                        "offset": location.offset,
                        "length": location.length,
                        "jpg_offset": location.members[0].offset,
                        "jpg_length": location.members[0].size,
                        "sha256": digest,
                    }
                )
            writer.close()
        index = dali_index(locations)
        write_text(folder / index_path(name).name, index)
        digests = {name: handle.digest.hexdigest()}
        digests[index_path(name).name] = hashlib.sha256(index.encode()).hexdigest()
        if self.layout == LEAN:
            beside = write_samples(folder / name, samples)
            digests[beside.name] = file_digest(beside)
        part = pa.Table.from_pylist(manifest, MANIFEST_SCHEMA).replace_schema_metadata(digests)
        write_table(folder / part_path(name), part)


def _damaged(blobs: str, row: Mapping[str, Any]) -> StorageError:
    return StorageError(
        f"image {row['image_id']} is not what fetch encoded",
        where=f"{blobs}/{row['unit']}.bin, byte {row['blob_offset']:,}",
        expected=f"{row['blob_length']:,} bytes with SHA-256 {row['stored_sha256']}",
        remedy="run the recipe into another folder with --reuse and this run: it asks again for what is damaged alone",
    )


@lru_cache(maxsize=4096)
def _texts(
    layout: str, lineage: tuple[str | None, ...], vernacular: str | None
) -> tuple[bytes, dict[str, str], tuple[tuple[str, bytes], ...]]:
    """Return the default caption, the captions of the JSON, and the layout's members, once for each taxon."""
    ranks = dict(zip(RANK_COLUMNS, lineage, strict=True))
    found = captions(ranks, vernacular)
    named = {suffix.removesuffix(".txt"): text.decode() for suffix, text in found.members()}
    return found.default.encode(), named, text_members(layout, ranks, vernacular)


class _Digested:
    """Writes to a file and hashes what it writes, so that the checksums need no second reading."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.digest, self.name = file, hashlib.sha256(), file.name

    def write(self, data: bytes, /) -> int:
        """Write the data."""
        self.digest.update(data)
        return self._file.write(data)


def _headers(layout: str) -> tuple[int, int]:
    """Return the most bytes of a sample's headers, padding and fixed words, and how often its names can be written."""
    extra = len(text_members(layout, {}, None))
    members = len(member_suffixes(layout))
    return members * 2 * BLOCK + 2048, 8 + 2 * extra


def part_path(shard: str) -> str:
    """Return a shard's part of the manifest, relative to the stage."""
    return f"parts/{shard}.parquet"


class Shards(Stage):
    """The shards stage."""

    name = "shards"
    version = 6
    sections = ("shards", "seed")
    upstream = ("select", "fetch", "resolve")

    def run(self, context: Context, engine: Engine) -> dict[str, Any]:
        """Assign, write, and list."""
        folder, rules = context.folder.stage(self.name), context.recipe.shards
        shards = self._assign(context, folder)
        outputs = [part_path(name) for name in shards]
        plan_outputs(context, self.name, outputs)
        left = set(missing(folder, outputs))
        todo = [name for name in shards if part_path(name) in left]
        if todo:
            work = WriteShard(address_of(folder), address_of(context.folder.stage("fetch") / "blobs"), rules.layout)
            samples = row_count(folder / "plan.parquet") * len(todo) / len(shards)
            engine.expect(self.name, _SAMPLE_SECONDS * samples)
            engine.run_units(self.name, todo, work, folder, ticker(context, self.name, outputs))
        sizes, splits, known = self._list(folder, shards)
        write_text(folder / SIZES, sizes_json(sizes))
        write_text(folder / README, shards_readme(context.recipe.name, rules.prefix, splits, rules.layout))
        write_checksums(folder, [*known, SIZES, "manifest.parquet", README], known)
        return {"shards": len(shards), "samples": sum(sizes.values())}

    def _list(self, folder: Place, shards: Sequence[str]) -> tuple[dict[str, int], list[str], dict[str, str]]:
        """Write `manifest.parquet` from the shards' parts; give the samples of each, the splits, and known digests."""
        sizes: dict[str, int] = {}
        known: dict[str, str] = {}
        splits: dict[str, None] = {}
        with row_group_writer(folder / "manifest.parquet", MANIFEST_SCHEMA, MANIFEST_ROWS, True) as write:
            for name in shards:
                part = parquet_file(folder / part_path(name)).read()
                known |= {name.decode(): digest.decode() for name, digest in part.schema.metadata.items()}
                sizes[name] = part.num_rows
                splits.update(dict.fromkeys(pc.unique(part.column("split")).to_pylist()))
                write(part.cast(MANIFEST_SCHEMA))
        return sizes, list(splits), known

    def _assign(self, context: Context, folder: Place) -> list[str]:
        """Write `plan.parquet`: every sample with its shard and place, in that order; give the shards' names."""
        recipe, stage = context.recipe, context.folder.stage
        decisions = sql.parquet(stage("select") / "decisions")
        seed, rules = recipe.seed, recipe.shards
        with sql.connect(recipe.limits.memory_mb, context.folder.root) as con:

            def hashes(keys: pa.ChunkedArray) -> Any:
                return pa.array(shard_hashes(seed, whole(keys)))

            con.create_function("shard_hash", hashes, ["VARCHAR"], "UBIGINT", type=ARROW)
            headers, texts = _headers(rules.layout)
            joined = _SQL(
                "samples",
                decisions=decisions,
                candidates=sql.parquet(stage("screen") / "candidates"),
                records=sql.parquet(stage("ingest") / "records"),
                names=label_names(context),
                media=sql.parquet(stage("fetch") / "media"),
                places=sql.parquet(stage("select") / "places"),
                ranks=", ".join(f'n."{rank}"' for rank in RANK_COLUMNS),
                place=", ".join(place_columns(recipe.privacy)),
                headers=headers,
                texts=texts,
            )
            con.execute(joined)
            counts = self._counts(con, rules)

            def named(splits: pa.ChunkedArray, keys: pa.ChunkedArray) -> Any:
                return shard_names(seed, rules.prefix, counts, whole(splits), whole(keys))

            def places(keys: pa.ChunkedArray) -> Any:
                return order_texts(seed, whole(keys))

            con.create_function("shard_of", named, ["VARCHAR", "VARCHAR"], "VARCHAR", type=ARROW)
            con.create_function("place_of", places, ["VARCHAR"], "VARCHAR", type=ARROW)
            sql.copy(con, _SQL("plan"), folder / "plan.parquet")
        shards: set[str] = set()
        plan = parquet_file(folder / "plan.parquet", dictionaries=["shard"])
        for batch in plan.iter_batches(columns=["shard"]):
            shards.update(batch.column(0).dictionary.to_pylist())
        return sorted(shards)

    def _counts(self, con: duckdb.DuckDBPyConnection, rules: ShardRules) -> dict[str, int]:
        """Return the number of shards of each split, so that none is larger than the recipe allows.

        A sample's bytes are not known before it is written; they are bounded from above by the lengths of its parts.
        """
        con.execute(_SQL("bounds"))
        counts: dict[str, int] = {}
        limit = rules.max_mb * 1_000_000
        for split, samples, total in con.execute(
            "SELECT split, count(*), sum(bytes) FROM bounds GROUP BY 1 ORDER BY 1"
        ).fetchall():

            def largest(shards: int, split: str = split) -> int:
                query = f"SELECT sum(bytes) AS b FROM bounds WHERE split = {sql.quote(split)} GROUP BY hash % {shards}"
                return int(sql.scalar(con, f"SELECT max(b) FROM ({query})"))

            start = max(shard_count(samples, rules.samples_per_shard), -(-int(total) // limit))
            counts[split] = bounded_count(samples, start, limit, largest)
        con.execute("DROP TABLE bounds")
        return counts

    def balance(self, context: Context, facts: Mapping[str, Any]) -> list[Balance]:
        """Selected = in the shards."""
        with sql.connect(context.recipe.limits.memory_mb, context.folder.root) as con:
            manifest = context.folder.stage(self.name) / "manifest.parquet"
            decisions = sql.parquet(context.folder.stage("select") / "decisions")
            rows = con.execute(_SQL("balance", decisions=decisions, manifest=str(manifest))).fetchall()
        return [Balance(source, selected, written, 0) for source, selected, written in rows]
