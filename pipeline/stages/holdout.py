"""Hold-out: the images, hashes, keys and taxa that must not reach the shards, hashed exactly as training images are.

A benchmark is a set of images, hashed here, a hash list that somebody who has the images made, or keys. An image that
cannot be hashed is a row with an outcome: it is reported as not covered, never compared as if it were.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from dedup import read_hash_list
from manifests import SHIPPED, BenchmarkSpec, FetchRules, ImageRules, Recipe, RecipeError, load_benchmark
from pipeline.likeness.hashing import HASHED_SCHEMA, hash_row
from pipeline.likeness.held_out_ids import KEYS_SCHEMA, HeldOutSources, held_out_sources
from pipeline.likeness.sets import Picture, image_names, pictures
from pipeline.model.outcomes import Outcome
from pipeline.model.records import conform
from pipeline.stages.base import Balance, Context, Stage, missing, plan_outputs, ticker
from pipeline.storage.files.atomic import write_table
from pipeline.storage.parquet_files import row_count
from pipeline.storage.places import address_of, place
from pipeline.storage.places.published import Piece, is_published, taken
from pipeline.storage.places.published_folder import PublishedFolder, published_folder

if TYPE_CHECKING:
    from pipeline.engine.engine import Engine
    from pipeline.storage.places.publisher import Publisher

UNIT_IMAGES = 200
_ARCHIVES = (".tar", ".zip")


@dataclass(frozen=True, slots=True)
class HoldoutUnit:
    """Some images of one benchmark: files of a folder, or a whole archive."""

    benchmark: str
    folder: str
    """A path, or what was published (`Piece.text`)."""
    images: tuple[str, ...]
    """Names relative to the folder; of an archive, its own name alone."""
    output: str


@dataclass(frozen=True, slots=True)
class HashHeldOut:
    """Hash the images of one unit."""

    folder: str
    image: ImageRules
    fetch: FetchRules

    def __call__(self, unit: HoldoutUnit) -> None:
        """Write one HASHED_SCHEMA row per image."""
        pictured = self._published(unit) if is_published(unit.folder) else self._pictures(unit)
        rows = [hash_row(unit.benchmark, picture, self.image, self.fetch.max_pixels) for picture in pictured]
        write_table(place(self.folder) / unit.output, pa.Table.from_pylist(rows, HASHED_SCHEMA))

    def _pictures(self, unit: HoldoutUnit) -> Iterator[Picture]:
        for name in unit.images:
            path = Path(unit.folder) / name
            if path.suffix.lower() in _ARCHIVES:
                yield from pictures([path], self.fetch.max_bytes)
            elif path.stat().st_size > self.fetch.max_bytes:
                yield Picture(name, outcome=Outcome.TOO_LARGE)
            else:
                yield Picture(name, path.read_bytes())

    def _published(self, unit: HoldoutUnit) -> Iterator[Picture]:
        """Yield the same of images that were published."""
        piece = Piece.of(unit.folder)
        files = published_folder(unit.folder).files if piece.folder else {piece.name: piece}
        if unit.images[0].lower().endswith(_ARCHIVES):  # alone in its unit
            yield from pictures([files[unit.images[0]].copy()], self.fetch.max_bytes)
            return
        within = [name for name in unit.images if files[name].size <= self.fetch.max_bytes]
        data = PublishedFolder(piece.name, files).each(within)
        for name in unit.images:
            if files[name].size > self.fetch.max_bytes:
                yield Picture(name, outcome=Outcome.TOO_LARGE)
            else:
                yield Picture(*next(data))


class Holdout(Stage):
    """The hold-out stage."""

    name = "holdout"
    version = 4
    sections = ("benchmarks", "image", "fetch.max_bytes", "fetch.max_pixels")

    def inputs(self, context: Context) -> dict[str, str]:
        """Digest every benchmark's images, lists and tables."""
        return context.digests(
            {b.name: [Path(path) for path in held_out_sources(b).files] for b in context.recipe.benchmarks}
        )

    def paths(self, recipe: Recipe) -> list[str]:
        """Return every benchmark's files, those that its manifest names as well, where there is one."""
        found: list[str] = []
        for benchmark in recipe.benchmarks:
            if not benchmark.path.startswith(SHIPPED):
                found.append(benchmark.path)
                if benchmark.path.endswith(".toml") and Path(benchmark.path).exists():
                    manifest = load_benchmark(benchmark.path)
                    found += [manifest.images, manifest.hashes, manifest.table]
            found += [benchmark.ids, benchmark.table]
        return [path for path in found if path]

    def keep(self, context: Context, publisher: Publisher) -> dict[str, Any]:
        """Publish images and lists of hashes; keys are kept as they were read."""
        kept: dict[str, Any] = {}
        for benchmark in context.recipe.benchmarks:
            sources = held_out_sources(benchmark)
            images = Path(sources.images)
            if sources.images:
                folder = images.is_dir()
                piece = publisher.folder(images, image_names(images)) if folder else publisher.file(images)
                sources = dataclasses.replace(sources, images=piece.text())
            if sources.hashes:
                sources = dataclasses.replace(sources, hashes=publisher.file(Path(sources.hashes)).text())
            kept[benchmark.name] = dataclasses.asdict(sources)
        return kept

    def _sources(self, benchmark: BenchmarkSpec) -> HeldOutSources:
        """Return what a benchmark holds out, as it was published where that was done."""
        if benchmark.name not in self.kept:
            return held_out_sources(benchmark)
        kept = self.kept[benchmark.name]
        return HeldOutSources(**{**kept, "keys": tuple(kept["keys"]), "files": tuple(kept["files"])})

    def run(self, context: Context, engine: Engine) -> dict[str, Any]:
        """Hash images on Beam, read lists and keys as they are."""
        folder, recipe = context.folder.stage(self.name), context.recipe
        units: list[HoldoutUnit] = []
        keys: list[dict[str, str]] = []
        taxa: list[dict[str, str]] = []
        for benchmark in recipe.benchmarks:
            sources = self._sources(benchmark)
            units += _units(sources)
            if sources.hashes:
                table = read_hash_list(taken(sources.hashes))
                name = pa.array([benchmark.name] * table.num_rows, pa.string())
                table = table.set_column(table.column_names.index("benchmark"), "benchmark", name)
                write_table(folder / "items" / f"{benchmark.name}.parquet", conform(table, HASHED_SCHEMA))
                if sources.unseen_species:
                    taxa += [{"benchmark": benchmark.name, "taxon": t} for t in table["taxon"].to_pylist() if t]
            keys += sources.keys
            if sources.unseen_species:
                taxa += [row for row in sources.keys if row.get("taxon")]
        outputs = [unit.output for unit in units]
        plan_outputs(context, self.name, outputs)
        write_table(folder / "items" / "-schema.parquet", HASHED_SCHEMA.empty_table())
        write_table(folder / "ids" / "part.parquet", pa.Table.from_pylist(keys, KEYS_SCHEMA))
        write_table(folder / "taxa" / "part.parquet", pa.Table.from_pylist(taxa, KEYS_SCHEMA))
        left = set(missing(folder, outputs))
        todo = [unit for unit in units if unit.output in left]
        if todo:
            work = HashHeldOut(address_of(folder), recipe.image, recipe.fetch)
            engine.run_units(self.name, todo, work, folder, ticker(context, self.name, outputs))
        archives = [unit for unit in units if unit.images[0].lower().endswith(_ARCHIVES)]
        images = sum(len(unit.images) for unit in units) - len(archives)
        return {"images": images + sum(row_count(folder / unit.output) for unit in archives), "ids": len(keys)}

    def balance(self, context: Context, facts: Mapping[str, Any]) -> list[Balance]:
        """Every image of a benchmark's images has one row."""
        folder = context.folder.stage(self.name)
        rows = sum(row_count(path) for path in (folder / "items").glob("*-[0-9]*.parquet"))
        return [Balance("(images)", facts["images"], rows, 0)] if facts["images"] else []


def _units(sources: HeldOutSources) -> Iterator[HoldoutUnit]:
    """Cut a benchmark's images into units; every file counts but tables, texts and hidden files."""
    if not sources.images:
        return
    root, whole = Path(sources.images), sources.images
    if is_published(sources.images):
        piece = Piece.of(sources.images)
        names = sorted(published_folder(sources.images).files) if piece.folder else [piece.name]
    else:
        names = image_names(root) if root.is_dir() else [root.name]
        whole = str(root if root.is_dir() else root.parent)
    if not names:
        raise RecipeError(
            f"benchmark {sources.name!r} has no images",
            where=str(root),
            expected="image files, in any depth of folders",
            remedy="give the folder that holds the held-out images, or a hash list",
        )
    archives = [name for name in names if name.lower().endswith(_ARCHIVES)]
    files = [name for name in names if not name.lower().endswith(_ARCHIVES)]
    parts = [tuple(files[start : start + UNIT_IMAGES]) for start in range(0, len(files), UNIT_IMAGES)]
    for number, images in enumerate([*parts, *((name,) for name in archives)]):
        yield HoldoutUnit(sources.name, whole, images, f"items/{sources.name}-{number:05d}.parquet")
