"""A recipe over real release files: two GBIF archives and two FathomNet exports in place, EOL and BIOSCAN-5M rebuilt.

Nothing is copied into the repository: `build` writes into a folder of the caller, and the recipe points to the data.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

from pipeline.media import to_uri
from tests.real_input.photo_server import address_of
from tests.real_input.photographs import Photographs
from tests.real_input.rebuilt import Record, eol_records, rebuild_bioscan, rebuild_eol
from tests.real_input.released import ARCHIVE, LABELLED, OPEN_ARCHIVE, UNLABELLED, archive_rows, coco_export

FATHOMNET_LICENCE = "http://creativecommons.org/licenses/by-nc-nd/4.0/"
HELD_OUT_IMAGES, HELD_OUT_KEYS = 20, 12
_INAT_PHOTO = re.compile(r"https?://www\.inaturalist\.org/photos/(\d+)")
_RANKS = ("kingdom", "phylum", "class", "order", "family", "genus", "species")
_ALLOW = ["CC0", "PD", "PDM", *(f"CC-BY{more}" for more in ("", "-SA", "-ND", "-NC", "-NC-SA", "-NC-ND"))]
_FETCH = {
    "contact": "real-input@example.org",
    "per_host_rate": 2000.0,
    "per_host_connections": 8,
    "connect_timeout": 5.0,
    "read_timeout": 10.0,
    "total_timeout": 20.0,
    "attempts": 2,
}


def build(folder: Path, data: Path, eol_rows: int = 0) -> Path:
    """Write recipe.toml, the rebuilt releases and the benchmark into a new folder, and give the recipe's path.

    `eol_rows`: about how many of EOL's 4,496 media to take; 0: all. Beside the recipe lies served.json: the hosts of
    all sources, and the addresses whose pictures have a declared size.
    """
    folder.mkdir(parents=True)
    data = data.resolve()
    photographs = Photographs.of(data)
    eol = eol_records(data, eol_rows)
    rebuild_eol(eol, folder / "eol" / "rebuilt-manifest", folder / "eol" / "rebuilt-hierarchy" / "taxon.tsv")
    metadata, images = folder / "bioscan" / "rebuilt-metadata.csv", folder / "bioscan" / "rebuilt-images.zip"
    rebuild_bioscan(data, photographs, metadata, images)
    _write_taxonomies(folder / "taxonomy", data)
    _write_benchmark(folder / "held-out", data, eol)
    frames = [image for path in (LABELLED, UNLABELLED) for image in coco_export(data / path)["images"]]
    urls = [record["full_size_url"] for record in eol] + [frame["coco_url"] for frame in frames]
    for archive in (ARCHIVE, OPEN_ARCHIVE):
        urls += [row["identifier"] for row in archive_rows(data / archive, "multimedia.txt") if row["identifier"]]
    uris = [to_uri(url) for url in urls]
    sizes = {_address(frame["coco_url"]): (int(frame["width"]), int(frame["height"])) for frame in frames}
    served = {"hosts": sorted({str(uri.host) for uri in uris}), "frames": dict(sorted(sizes.items()))}
    (folder / "served.json").write_text(json.dumps(served, indent=1) + "\n", encoding="utf-8")
    recipe = folder / "recipe.toml"
    recipe.write_text(_recipe(data), encoding="utf-8")
    return recipe


def hosts_of(folder: Path) -> tuple[str, ...]:
    """Return the hosts of all sources of a corpus."""
    return tuple(json.loads((folder / "served.json").read_text("utf-8"))["hosts"])


def _address(url: str) -> str:
    uri = to_uri(url)
    return address_of(str(uri.host), uri.request_uri)


def _write_taxonomies(folder: Path, data: Path) -> None:
    """Write two published label tables as species tables with a rank column: the concepts, and the insect labels."""
    folder.mkdir(parents=True)
    with (data / "sources/fathomnet/fgvc2025_taxonomy.csv").open(newline="", encoding="utf-8") as file:
        concepts = list(csv.DictReader(file))
    with (folder / "fathomnet-concepts.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("taxonID", "scientificName", "taxonRank", *_RANKS[:-1]))
        for row in concepts:
            above = _RANKS[: _RANKS.index(row["lowest"])]
            cells = (row[rank] if rank in above else "" for rank in _RANKS[:-1])
            writer.writerow((row["species"], row["species"], row["lowest"], *cells))
    labels = json.loads((data / "sources/bioscan/species_to_other_labels.json").read_text("utf-8"))
    with (folder / "insect-labels.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("scientificName", "kingdom", "phylum", "class", "order", "family", "genus"))
        for name, above in sorted(labels.items()):
            cells = (above.get(rank, "") for rank in ("order", "family", "genus"))
            writer.writerow((name, "Animalia", "Arthropoda", "", *cells))


def _write_benchmark(folder: Path, data: Path, eol: list[Record]) -> None:
    """Hold out some of the photographs that the web serves, and the keys of some of EOL's photographs."""
    (folder / "images").mkdir(parents=True)
    photographs = sorted((data / "sources/images/commons").glob("*.jpg"))
    for path in photographs[:: max(1, len(photographs) // HELD_OUT_IMAGES)][:HELD_OUT_IMAGES]:
        shutil.copyfile(path, folder / "images" / path.name)
    keys = sorted({f"inat:{match[1]}" for record in eol if (match := _INAT_PHOTO.fullmatch(record["source_url"]))})
    (folder / "ids.csv").write_text("media_key\n" + "".join(f"{key}\n" for key in keys[:HELD_OUT_KEYS]), "ascii")


def _recipe(data: Path) -> str:
    sources: tuple[dict[str, object], ...] = (
        {"name": "gbif", "kind": "gbif-dwca", "path": str(data / ARCHIVE), "priority": 1},
        {"name": "gbif-open", "kind": "gbif-dwca", "path": str(data / OPEN_ARCHIVE), "priority": 2},
        {
            "name": "eol",
            "kind": "eol",
            "path": "eol/rebuilt-manifest",
            "hierarchy": "eol/rebuilt-hierarchy/taxon.tsv",
            "priority": 3,
        },
        {
            "name": "bioscan",
            "kind": "bioscan5m",
            "path": "bioscan/rebuilt-metadata.csv",
            "media": "bioscan/rebuilt-images.zip",
            "priority": 4,
        },
        {"name": "fathomnet", "kind": "fathomnet", "path": str(data / LABELLED), "license": FATHOMNET_LICENCE},
        {"name": "fathomnet-test", "kind": "fathomnet", "path": str(data / UNLABELLED), "license": FATHOMNET_LICENCE},
    )
    taxonomies = [
        "default",
        str(data / "taxonomy/gbif-matching-ws/nub_usages.tsv"),
        str(data / "taxonomy/inat21/inat2021-categories.csv"),
        str(data / "taxonomy/mdd/MDD_v1.13.zip"),
        "taxonomy/fathomnet-concepts.csv",
        "taxonomy/insect-labels.csv",
    ]
    sections = [
        _table("", {"name": "real-input", "description": "Real release files of four providers.", "seed": 3}),
        *(_table("[[sources]]", source) for source in sources),
        _table("[[benchmarks]]", {"name": "photographs", "path": "held-out/images", "ids": "held-out/ids.csv"}),
        _table("[taxonomy]", {"sources": taxonomies, "minimum_rank": "genus"}),
        _table("[licences]", {"allow": _ALLOW}),
        _table("[fetch]", _FETCH),
        _table("[image]", {"side": 128}),
        _table("[shards]", {"prefix": "real", "samples_per_shard": 500}),
    ]
    return "\n".join(sections)


def _table(header: str, fields: dict[str, object]) -> str:
    # A JSON string, number or flat list of these is written the same way in TOML.
    lines = [f"{name} = {json.dumps(value)}" for name, value in fields.items()]
    return "\n".join([*([header] if header else []), *lines, ""])
