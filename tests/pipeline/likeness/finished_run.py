"""What of a finished run a statement about it reads, laid down without running anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from dedup import ImageHashes, hash_image
from manifests import BenchmarkSpec, LikenessRules, Recipe, SourceSpec
from manifests.digest import canonical_json
from pipeline.likeness import HASHED_SCHEMA
from pipeline.likeness.certificate import Statement, certify
from pipeline.likeness.held_out_ids import KEYS_SCHEMA
from pipeline.media.media_schema import MEDIA_SCHEMA
from pipeline.storage.files.atomic import write_json, write_table
from tests.pipeline.likeness.pictures import grain

RULES = LikenessRules(leak_pair_phash=-1)
"""PDQ alone, unless a test asks for more."""
KEPT_SCHEMA = pa.schema([("image_id", pa.string()), ("name_id", pa.string())])
KEPT = (100, 101, 102, 103)
HELD = (0, 1, 2)


@cache
def hashes_of(seed: int) -> ImageHashes:
    return hash_image(grain(seed))


def flipped(digest: bytes, bits: int) -> bytes:
    mask = np.zeros(len(digest) * 8, np.uint8)
    mask[:bits] = 1
    return bytes(a ^ b for a, b in zip(digest, np.packbits(mask).tobytes(), strict=True))


def image(seed: int, name: str = "", flips: int = 0, phash_flips: int = 0, **other: Any) -> dict[str, Any]:
    """A row of fetch's media: the picture of a seed, with so many bits of its hashes turned over."""
    hashes = hashes_of(seed)
    phash = flipped(hashes.phash.to_bytes(8, "big"), phash_flips).hex()
    row = {"image_id": name or f"image {seed}", "sha256": f"bytes {seed}", "pixel_sha256": f"pixels {seed}"}
    return {**row, "pdq": flipped(hashes.pdq, flips), "phash": phash, "quality": 90, **other}


def item(seed: int, **other: Any) -> dict[str, Any]:
    """A held-out item: the picture of a seed."""
    hashes = hashes_of(seed)
    row = {"benchmark": "b", "item": f"{seed}.jpg", "sha256": f"held bytes {seed}", "quality": 90}
    row |= {"pixel_sha256": f"held pixels {seed}", "phash": f"{hashes.phash:016x}", "thumbnail": hashes.thumbnail}
    return {**row, "pdq": hashes.pdq.hex(), **other}


@dataclass
class Run:
    """What of a finished run a statement reads, clean unless a test says otherwise."""

    root: Path
    rules: LikenessRules = RULES
    benchmarks: Sequence[str] = ("b",)
    media: list[dict[str, Any]] = field(default_factory=lambda: [image(seed) for seed in KEPT])
    held: list[dict[str, Any]] = field(default_factory=lambda: [item(seed) for seed in HELD])
    ids: list[dict[str, Any]] = field(default_factory=list)
    samples: list[tuple[str, str, str, str]] = field(default_factory=lambda: [("s", "1", "k:1", "o:1")])
    """source, source_record_id, media_key and occurrence_key of each kept record."""
    taxa: list[tuple[str, str | None]] = field(default_factory=list)
    lost: Sequence[str] = ()
    """Images that were fetched and are in no shard."""

    def said(self) -> list[Statement]:
        self.lay()
        with duckdb.connect() as con:
            self.fill(con)
            con.execute(f"SET file_search_path = '{self.root}'")
            return list(certify(self.root, con))

    def lay(self) -> None:
        benchmarks = tuple(BenchmarkSpec(name, f"{name}.csv") for name in self.benchmarks)
        recipe = Recipe("r", (SourceSpec("s", "dwca", "s.zip"),), benchmarks=benchmarks, likeness=self.rules)
        marks = {"catalog": {"digest": "d"}}
        write_json(self.root / "manifest.json", {"resolved": canonical_json(recipe), "stages": marks})
        write_json(self.root / "catalog" / "_done.json", {"digest": "d"})
        shown = [row["image_id"] for row in self.media if row["image_id"] not in self.lost]
        names = [f"name of {each}" for each in shown]
        write_table(self.root / "shards" / "manifest.parquet", pa.table([shown, names], KEPT_SCHEMA))
        for place, rows, schema in (
            ("fetch/media", self.media, MEDIA_SCHEMA),
            ("holdout/items", self.held, HASHED_SCHEMA),
            ("holdout/ids", self.ids, KEYS_SCHEMA),
        ):
            write_table(self.root / place / "part.parquet", pa.Table.from_pylist(rows, schema))

    def fill(self, con: duckdb.DuckDBPyConnection) -> None:
        """Make what a statement asks the catalog for."""
        con.execute(
            "CREATE TABLE samples (source TEXT, source_record_id TEXT, media_key TEXT, occurrence_key TEXT);"
            "CREATE TABLE held_taxa (benchmark TEXT, species_id TEXT);"
            "CREATE TABLE names (name_id TEXT, species_id TEXT)"
        )
        names = [(f"name of {row['image_id']}", f"species of {row['image_id']}") for row in self.media]
        for table, rows in (("samples", self.samples), ("held_taxa", self.taxa), ("names", names)):
            for row in rows:
                con.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)


def unhashed() -> list[dict[str, Any]]:
    """Held-out items that bytes and keys alone guard, so that no search is made."""
    return [item(seed, pdq=None) for seed in HELD]
