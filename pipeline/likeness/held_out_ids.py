"""What a recipe's benchmark holds out: its spec, manifest and tables, as images, hashes and keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from manifests import SHIPPED, BenchmarkManifest, BenchmarkSpec, RecipeError, fill, load_benchmark, template_columns
from pipeline.likeness.sets import is_image_set
from pipeline.lists.key_tables import keys_of_rows, read_rows

KEYS_SCHEMA = pa.schema(
    [pa.field(name, pa.string()) for name in ("benchmark", "media_key", "record_key", "occurrence_key", "taxon")]
)
"""One row per key that a benchmark lists beside its images and hashes."""
_KEYS = KEYS_SCHEMA.names[1:]


@dataclass(frozen=True, slots=True)
class HeldOutSources:
    """Where one benchmark's items come from, every path absolute and '' where there is none."""

    name: str
    images: str
    hashes: str
    keys: tuple[dict[str, str], ...]
    """Rows of KEYS_SCHEMA."""
    unseen_species: bool
    files: tuple[str, ...]
    """Every file and folder that was or will be read, for digests."""


def held_out_sources(spec: BenchmarkSpec) -> HeldOutSources:
    """Bring together what one benchmark of a recipe names.

    Raises RecipeError: a path that is none of the kinds that a benchmark may be, a table without the columns that its
    manifest reads, or a benchmark that would hold nothing out.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "mine.toml")
    ...     _ = path.write_text('name = "mine"\\nmedia_keys = ["inat:5"]\\n')
    ...     held_out_sources(BenchmarkSpec("mine", str(path))).keys
    ({'benchmark': 'mine', 'media_key': 'inat:5'},)
    """
    path = Path(spec.path)
    manifest = BenchmarkManifest(spec.name)
    files = []
    if spec.path.startswith(SHIPPED):
        manifest = load_benchmark(spec.path)
    elif path.suffix.lower() == ".toml":
        manifest = load_benchmark(spec.path)
        files.append(spec.path)
    elif is_image_set(path):
        manifest = BenchmarkManifest(spec.name, images=spec.path)
    else:
        manifest = BenchmarkManifest(spec.name, hashes=spec.path)
    table = spec.table or manifest.table
    keys = [*_written(spec.name, manifest)]
    if table:
        keys += _of_table(spec.name, Path(table), manifest)
    if spec.ids:
        keys += read_ids(spec)
    if not (manifest.images or manifest.hashes or keys):
        raise RecipeError(
            f"benchmark {spec.name!r} would hold nothing out",
            where=spec.path,
            expected="images, hashes, a table or keys",
            remedy="give its published table as `table`, its keys as `ids`, or the path of its images or hash list",
        )
    files += [str(each) for each in (manifest.images, manifest.hashes, table, spec.ids) if each]
    unseen = spec.unseen_species or manifest.unseen_species
    return HeldOutSources(spec.name, manifest.images, manifest.hashes, tuple(keys), unseen, tuple(files))


def read_ids(benchmark: BenchmarkSpec) -> list[dict[str, str]]:
    """Read a benchmark's ids: a CSV with a header and any of KEYS_SCHEMA's columns; others are ignored."""
    known, rows = read_rows(Path(benchmark.ids))
    named = keys_of_rows(known, rows, _KEYS, f"the ids of benchmark {benchmark.name!r}", "hold out by", benchmark.ids)
    return [{"benchmark": benchmark.name} | row for row in named if any(row.values())]


def _written(benchmark: str, manifest: BenchmarkManifest) -> Iterator[dict[str, str]]:
    for column, values in (
        ("media_key", manifest.media_keys),
        ("record_key", manifest.record_keys),
        ("occurrence_key", manifest.occurrence_keys),
        ("taxon", manifest.taxa),
    ):
        yield from ({"benchmark": benchmark, column: value} for value in values)


def _of_table(benchmark: str, path: Path, manifest: BenchmarkManifest) -> list[dict[str, str]]:
    """Read the keys of a published table by the manifest's templates."""
    known, rows = read_rows(path)
    needed = template_columns(manifest.columns)
    missing = [name for name in needed if name not in known]
    if missing or not needed:
        raise RecipeError(
            f"the table of benchmark {benchmark!r} has no column {', '.join(missing)}"
            if missing
            else f"the manifest of benchmark {benchmark!r} has no [columns] to read its table by",
            where=f"{path}: {', '.join(known)}",
            expected=", ".join(needed) or 'such as media_key = "inat:{photo_id}"',
            remedy="correct [columns] in a copy of the manifest",
        )
    found: list[dict[str, str]] = []
    for row in rows:
        filled = {name: fill(getattr(manifest.columns, name), row) for name in _KEYS}
        keys = {name: value for name, value in filled.items() if value}
        if keys:
            found.append({"benchmark": benchmark} | keys)
    return found
