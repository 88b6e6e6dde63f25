"""Benchmark manifests: what a benchmark holds out, in a TOML file that can be shared without its images.

A manifest names any of a folder or tar of images, a hash list, a published table whose columns become keys, and keys
written out in the file itself. Manifests that come with the package describe published benchmarks, and how the columns
of their own tables become keys; the tables themselves stay with their publishers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from manifests.binding import bind
from manifests.document import read_document
from manifests.nearness import closest
from manifests.paths import anchored
from manifests.places import KeyPath, Places
from manifests.problems import Problems

SHIPPED = "shipped://"
"""Prefix of a benchmark's `path` that names a manifest of the package."""
_FOLDER = Path(__file__).parent / "benchmarks"
_FIELD = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class ColumnTemplates:
    """How a row of the published table becomes keys: text with {column} in it, or '' where the table says nothing."""

    item: str = ""
    media_key: str = ""
    record_key: str = ""
    occurrence_key: str = ""
    taxon: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class BenchmarkManifest:
    """One benchmark: what is known of it, and where its images, hashes and keys are."""

    name: str
    title: str = ""
    homepage: str = ""
    licence: str = ""
    notes: str = ""
    unseen_species: bool = False
    """Hold out by accepted species every taxon that is listed."""
    images: str = ""
    """A folder of images, or a .tar."""
    hashes: str = ""
    """A hash list, .parquet or .csv."""
    table: str = ""
    """A published table (.csv, .csv.gz or .tsv with a header) that `columns` reads."""
    columns: ColumnTemplates = field(default_factory=ColumnTemplates)
    media_keys: tuple[str, ...] = ()
    record_keys: tuple[str, ...] = ()
    occurrence_keys: tuple[str, ...] = ()
    taxa: tuple[str, ...] = ()

    @property
    def guards(self) -> bool:
        """Whether there is anything that it holds out."""
        return any(
            (self.images, self.hashes, self.table, self.media_keys, self.record_keys, self.occurrence_keys, self.taxa)
        )


def load_benchmark(path: str) -> BenchmarkManifest:
    """Load a manifest by its path, or by 'shipped://NAME'; paths in it count from its folder and come back absolute.

    Raises RecipeError for a file that cannot be read, an unknown key, a value of the wrong type, or a shipped name
    that does not exist.

    >>> manifest = load_benchmark("shipped://biotrove-unseen")
    >>> manifest.unseen_species, manifest.columns.media_key
    (True, 'inat:{filenumber}')
    """
    file = _FOLDER / f"{path.removeprefix(SHIPPED)}.toml" if path.startswith(SHIPPED) else Path(path)
    if path.startswith(SHIPPED):
        problems = Problems(Places(""))
        unknown_shipped(path, (), problems)
        problems.refuse()
    tree, places = read_document(file)
    manifest = bind(BenchmarkManifest, tree, (), places)
    folder = file.parent
    return replace(
        manifest,
        images=anchored(folder, manifest.images),
        hashes=anchored(folder, manifest.hashes),
        table=anchored(folder, manifest.table),
    )


def unknown_shipped(path: str, key: KeyPath, problems: Problems) -> None:
    """Note a 'shipped://NAME' that does not come with the package, as the value of a recipe's key."""
    name = path.removeprefix(SHIPPED)
    if name not in shipped_benchmarks():
        near = closest(name, shipped_benchmarks())
        problems.add(
            key,
            f"no benchmark of this name comes with the package: {path!r}",
            "one of " + ", ".join(f"{SHIPPED}{each}" for each in shipped_benchmarks()),
            f"write '{SHIPPED}{near}'" if near else "write a manifest of your own and give its path",
        )


def shipped_benchmarks() -> tuple[str, ...]:
    """Return the names of the manifests that come with the package.

    >>> "rare-species" in shipped_benchmarks()
    True
    """
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def fill(template: str, row: dict[str, str]) -> str:
    """Put a row's cells into a template; '' when the template is empty or a cell it needs is.

    >>> fill("inat:{photo}", {"photo": "12"}), fill("inat:{photo}", {"photo": ""})
    ('inat:12', '')
    """
    needed = _FIELD.findall(template)
    if not template or any(not (row.get(name) or "").strip() for name in needed):
        return ""
    return _FIELD.sub(lambda found: row[found[1]].strip(), template)


def template_columns(templates: ColumnTemplates) -> tuple[str, ...]:
    """Return the columns that the templates read, sorted.

    >>> template_columns(ColumnTemplates(media_key="inat:{photo}", taxon="{genus} {species}"))
    ('genus', 'photo', 'species')
    """
    texts = (templates.item, templates.media_key, templates.record_key, templates.occurrence_key, templates.taxon)
    return tuple(sorted({name for text in (*texts, templates.sha256) for name in _FIELD.findall(text)}))
