"""Hold-out: the images and ids that must not reach the shards, hashed exactly as training images are.

A benchmark is a folder of images, hashed here, or a hash list that somebody who has the images made. An image that
cannot be hashed is a row with an outcome: it is reported as not covered, never compared as if it were.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from dedup import HASH_LIST_SCHEMA, HASH_SPEC, dihedral, hash_image, read_hash_list
from manifests import BenchmarkSpec, FetchRules, ImageRules, RecipeError
from pipeline.atomic import write_table
from pipeline.media import Processed, stored_raster
from pipeline.outcomes import Outcome
from pipeline.records import conform
from pipeline.stages.base import Balance, Context, Stage, missing, plan_outputs, ticker

if TYPE_CHECKING:
    from pipeline.run.engine import Engine

UNIT_IMAGES = 200
IDS_SCHEMA = pa.schema([(name, pa.string()) for name in ("benchmark", "media_key", "record_key")])


@dataclass(frozen=True, slots=True)
class HoldoutUnit:
    """Some images of one benchmark folder."""

    benchmark: str
    folder: str
    images: tuple[str, ...]
    output: str


@dataclass(frozen=True, slots=True)
class HashHeldOut:
    """Hash the images of one unit."""

    folder: str
    image: ImageRules
    fetch: FetchRules

    def __call__(self, unit: HoldoutUnit) -> None:
        """Write one HASH_LIST_SCHEMA row per image."""
        rows = [self._row(unit, name) for name in unit.images]
        write_table(Path(self.folder) / unit.output, pa.Table.from_pylist(rows, HASH_LIST_SCHEMA))

    def _row(self, unit: HoldoutUnit, name: str) -> dict[str, Any]:
        path = Path(unit.folder) / name
        row: dict[str, Any] = {"benchmark": unit.benchmark, "item": name, "spec": HASH_SPEC}
        if path.stat().st_size > self.fetch.max_bytes:
            return row | {"outcome": Outcome.TOO_LARGE.code}
        data = path.read_bytes()
        row["sha256"] = hashlib.sha256(data).hexdigest()
        # Held-out images are hashed whatever their size: a small one can be leaked too.
        raster = stored_raster(data, dataclasses.replace(self.image, min_side=1), self.fetch.max_pixels)
        if isinstance(raster, Processed):
            return row | {"outcome": (raster.outcome or Outcome.CORRUPT).code}
        hashes = hash_image(raster)
        return row | {
            "pixel_sha256": hashes.pixel_sha256,
            "pdq": " ".join(variant.tobytes().hex() for variant in dihedral(raster)),
            "quality": hashes.quality,
            "phash": f"{hashes.phash:016x}",
        }


class Holdout(Stage):
    """The hold-out stage."""

    name = "holdout"
    version = 2
    sections = ("benchmarks", "image", "fetch.max_bytes", "fetch.max_pixels")

    def inputs(self, context: Context) -> dict[str, str]:
        """Digest every benchmark's images or lists."""
        return context.digests(
            {b.name: [Path(path) for path in (b.path, b.ids) if path] for b in context.recipe.benchmarks}
        )

    def run(self, context: Context, engine: Engine) -> dict[str, Any]:
        """Hash folders on Beam, read lists and ids as they are."""
        from pipeline.stages.units import RunUnits

        folder, recipe = context.folder.stage(self.name), context.recipe
        units: list[HoldoutUnit] = []
        ids: list[dict[str, str]] = []
        for benchmark in recipe.benchmarks:
            path = Path(benchmark.path)
            if path.is_dir():
                units += _units(benchmark)
            else:
                table = read_hash_list(path)
                name = pa.array([benchmark.name] * table.num_rows, pa.string())
                table = table.set_column(table.column_names.index("benchmark"), "benchmark", name)
                write_table(folder / "items" / f"{benchmark.name}.parquet", conform(table, HASH_LIST_SCHEMA))
            if benchmark.ids:
                ids += read_ids(benchmark)
        outputs = [unit.output for unit in units]
        plan_outputs(context, self.name, outputs)
        write_table(folder / "items" / "-schema.parquet", HASH_LIST_SCHEMA.empty_table())
        write_table(folder / "ids" / "part.parquet", pa.Table.from_pylist(ids, IDS_SCHEMA))
        todo = [unit for unit in units if missing(folder, [unit.output])]
        if todo:
            work = HashHeldOut(str(folder), recipe.image, recipe.fetch)
            engine.run(self.name, lambda p: p | self.name >> RunUnits(todo, work), ticker(context, self.name, outputs))
        return {"images": sum(len(unit.images) for unit in units), "ids": len(ids)}

    def balance(self, context: Context, facts: Mapping[str, Any]) -> list[Balance]:
        """Every image of a benchmark folder has one row."""
        import pyarrow.parquet as pq

        folder = context.folder.stage(self.name)
        rows = sum(pq.read_metadata(path).num_rows for path in sorted((folder / "items").glob("*-[0-9]*.parquet")))
        return [Balance("(images)", facts["images"], rows, 0)] if facts["images"] else []


_NOT_IMAGES = {".csv", ".json", ".md", ".txt", ".tsv", ".xml", ".yaml", ".yml", ".toml", ".parquet", ".html"}


def _units(benchmark: BenchmarkSpec) -> Iterator[HoldoutUnit]:
    """Cut a folder's files into units; every file counts but tables, texts and hidden files."""
    root = Path(benchmark.path)
    names = sorted(
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and not path.name.startswith(".") and path.suffix.lower() not in _NOT_IMAGES
    )
    if not names:
        raise RecipeError(
            f"benchmark {benchmark.name!r} has no images",
            where=benchmark.path,
            expected="a folder with images, in any depth",
            remedy="give the folder that holds the held-out images, or a hash list",
        )
    for number, start in enumerate(range(0, len(names), UNIT_IMAGES)):
        images = tuple(names[start : start + UNIT_IMAGES])
        yield HoldoutUnit(benchmark.name, str(root), images, f"items/{benchmark.name}-{number:05d}.parquet")


def read_ids(benchmark: BenchmarkSpec) -> list[dict[str, str]]:
    """Read a benchmark's ids: a CSV with a header and the columns media_key and/or record_key; others are ignored."""
    with Path(benchmark.ids).open(encoding="utf-8-sig", newline="") as handle:
        reader = csv.DictReader(handle)
        known = {"media_key", "record_key"} & set(reader.fieldnames or ())
        if not known:
            raise RecipeError(
                f"the ids of benchmark {benchmark.name!r} have no column to hold out by",
                where=f"{benchmark.ids}, line 1: {', '.join(reader.fieldnames or ()) or 'empty'}",
                expected="a column media_key or record_key (source:id), or both",
                remedy="add the header line",
            )
        rows = [{"benchmark": benchmark.name} | {k: (row[k] or "").strip() for k in known} for row in reader]
    return [row for row in rows if any(row[k] for k in known)]
