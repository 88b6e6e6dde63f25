"""Small releases in the layouts of real ones, their pictures in local stores, and a taxonomy that has their names.

Every picture is drawn from its own key, so that no two look alike unless they are given one key on purpose.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import simplejpeg

from manifests import load_recipe, starter_recipe
from manifests.recipe import RANKS
from pipeline.engine.engine import EngineOptions
from pipeline.run.driver import run
from pipeline.verify import verify
from tests.pipeline.sources.darwin_core.test_gbif import MULTIMEDIA, medium
from tests.pipeline.sources.inat.test_inat import HEADERS
from tests.pipeline.sources.inat.test_inat import write as write_inat

Lineage = tuple[str, ...]
"""Names at the seven ranks, the species as a binomial."""
_HEADER = ("taxonID", "parentNameUsageID", "acceptedNameUsageID", "scientificName", "taxonRank", "taxonomicStatus")
_LEVELS = ("70.0", "60.0", "50.0", "40.0", "30.0", "20.0", "10.0", "5.0")
ANIMALS = {
    "Aves": ("Animalia", "Chordata", "Aves"),
    "Mammalia": ("Animalia", "Chordata", "Mammalia"),
    "Reptilia": ("Animalia", "Chordata", "Reptilia"),
    "Insecta": ("Animalia", "Arthropoda", "Insecta"),
    "Arachnida": ("Animalia", "Arthropoda", "Arachnida"),
    "Gastropoda": ("Animalia", "Mollusca", "Gastropoda"),
    "Cephalopoda": ("Animalia", "Mollusca", "Cephalopoda"),
    "Magnoliopsida": ("Plantae", "Tracheophyta", "Magnoliopsida"),
    "Agaricomycetes": ("Fungi", "Basidiomycota", "Agaricomycetes"),
}
_EPITHETS = ("alba", "nigra", "rubra", "viridis", "minor", "major", "montana", "maritima")


def drawn(key: str, width: int = 64, height: int = 64, square: int = 8) -> bytes:
    """Return a JPEG of squares whose colours follow from the key."""
    across, down = -(-width // square), -(-height // square)
    shades = np.frombuffer(hashlib.shake_256(key.encode()).digest(across * down * 3), np.uint8)
    pixels = shades.reshape(down, across, 3).repeat(square, 0).repeat(square, 1)[:height, :width]
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), 85))


def store(folder: Path, pictures: Iterable[tuple[str, str]], **size: int) -> Path:
    """Write pictures, each a path and its key, and return the folder."""
    for path, key in pictures:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(drawn(key, **size))
    return folder


def species_of(group: str, count: int) -> list[Lineage]:
    """Return so many species of a class, eight of a genus; the names are invented and unlike each other."""
    stem = group[:-1] if group.endswith("a") else group
    found: list[Lineage] = []
    for number in range(count):
        genus = f"{stem}{'abcdefgh'[number // 8]}rius".capitalize()
        family = f"{stem}idae".capitalize()
        found.append((*ANIMALS[group], f"{stem}iformes", family, genus, f"{genus} {_EPITHETS[number % 8]}"))
    return found


def named(name: str, group: str) -> Lineage:
    """Return the lineage of a species by its name."""
    genus = name.split()[0]
    return (*ANIMALS[group], f"{genus}iformes", f"{genus}idae", genus, name)


@dataclass
class Taxa:
    """A taxonomy as a Darwin Core table."""

    rows: list[tuple[str, ...]] = field(default_factory=list)
    ids: dict[Lineage, str] = field(default_factory=dict)

    def add(self, lineages: Iterable[Lineage]) -> Taxa:
        """Add taxa with all above them; an eighth name is a subspecies."""
        for lineage in lineages:
            for depth, name in enumerate(lineage):
                path = lineage[: depth + 1]
                if path not in self.ids:
                    self.ids[path] = f"t{len(self.rows)}"
                    parent = self.ids.get(path[:-1], "")
                    rank = (*RANKS, "subspecies")[depth]
                    self.rows.append((self.ids[path], parent, "", name, rank, "accepted"))
        return self

    def synonym(self, name: str, of: Lineage) -> Taxa:
        """Add another name of a species."""
        self.rows.append((f"t{len(self.rows)}", "", self.ids[of], name, "species", "synonym"))
        return self

    def write(self, path: Path) -> Path:
        """Write the table."""
        path.write_text("\n".join("\t".join(row) for row in (_HEADER, *self.rows)) + "\n")
        return path


@dataclass(frozen=True)
class Photo:
    """One photo of one observation at iNaturalist."""

    number: int
    taxon: Lineage
    licence: str = "CC-BY"
    grade: str = "research"


def inat_release(folder: Path, photos: Sequence[Photo], shuffle: int | None = None) -> tuple[Path, Path]:
    """Write the four tables and the bucket, and return both folders; a photo that comes again is stated again."""
    ids: dict[Lineage, str] = {}
    taxa: list[tuple[str, ...]] = []
    for photo in photos:
        for depth, name in enumerate(photo.taxon):
            path = photo.taxon[: depth + 1]
            if path not in ids:
                above = "/".join(["48460", *(ids[path[:end]] for end in range(1, len(path)))])
                ids[path] = str(len(ids) + 1)
                taxa.append((ids[path], above, _LEVELS[depth], (*RANKS, "subspecies")[depth], name, "true"))
    uuids = {p.number: f"00000000-0000-4000-8000-{p.number:012}" for p in photos}
    observations: list[tuple[str, ...]] = [
        (uuids[p.number], "5", "45.5", "-120.25", "10", ids[p.taxon], p.grade, "2020-05-01", "0.1")
        for p in dict.fromkeys(photos)
    ]
    media: list[tuple[str, ...]] = [
        (f"p{p.number}", str(p.number), uuids[p.number], "5", "jpg", p.licence, "64", "64", "0") for p in photos
    ]
    assert len(media[0]) == len(HEADERS["photos"].split())
    tables = write_inat(
        folder / "tables", {"observations": observations, "photos": media, "taxa": taxa}, shuffle=shuffle
    )
    bucket = store(folder / "bucket", ((f"photos/{p.number}/original.jpg", str(p.number)) for p in photos))
    return tables, bucket


HOST = "https://pictures.test/"
"""Where media lie that a mirror is to have: a name that no network knows."""


def gbif_release(path: Path, rows: Sequence[dict[str, str]]) -> Path:
    """Write a download: one occurrence with one picture, `n`.jpg, for each row; `media_license` is the picture's."""
    import zipfile

    defaults = {"license": "CC_BY_4_0", "basisOfRecord": "HUMAN_OBSERVATION", "occurrenceStatus": "PRESENT"}
    cells = [{"gbifID": row["n"], **defaults, **row} for row in rows]
    columns = tuple(dict.fromkeys(name for row in cells for name in row if name not in ("n", "media_license")))
    media = [medium(row["n"], f"{HOST}{row['n']}.jpg", license=row.get("media_license", "")) for row in rows]
    with zipfile.ZipFile(path, "w") as out:
        for name, header, lines in (("occurrence", columns, cells), ("multimedia", MULTIMEDIA, media)):
            text = ["\t".join(header), *("\t".join(line.get(key, "") for key in header) for line in lines), ""]
            out.writestr(f"{name}.txt", "\n".join(text))
    return path


def ranks_of(lineage: Lineage) -> dict[str, str]:
    """Return the cells of a name as Darwin Core has them."""
    return {**dict(zip(RANKS, lineage, strict=False)), "scientificName": lineage[-1], "taxonRank": "SPECIES"}


def table_of(path: Path, rows: Sequence[dict[str, str]]) -> Path:
    """Write a CSV with a header."""
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def run_starter(name: str, folder: Path, overrides: Sequence[str], out: str = "out", until: str = "catalog") -> Path:
    """Run a shipped recipe over small releases, without a network, and have a whole run verified."""
    folder.mkdir(exist_ok=True)
    path = folder / "recipe.toml"
    path.write_text(starter_recipe(name))
    offline = ["fetch.hosts=['pictures.test']", "image.min_side=32"]
    recipe = load_recipe(path, [*offline, *overrides], files=True)
    run(recipe, folder / out, until, options=EngineOptions())
    if until == "catalog":
        assert [f"{check.name}: {check.detail}" for check in verify(folder / out) if not check.ok] == []
    return folder / out


def as_value(values: Sequence[object]) -> str:
    """Return a list as TOML writes it."""
    return json.dumps([str(value) for value in values])
