"""The biota as a Camtrap DP package: a zip with the descriptor, its three tables, and the pictures themselves.

Every picture is an observation of its own, of an individual with sex and life stage, at a deployment, at a time
(https://camtrap-dp.tdwg.org/data/).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from manifests.recipe import RANKS
from pipeline.demo.archives import Order, write_zip
from pipeline.demo.tree.life_tree import Tree
from pipeline.demo.tree.sightings import DEPLOYMENTS, Sighting
from pipeline.model import ids

SOURCE = "biota"
ARCHIVE = "camtrap-dp/biota.zip"
HOLDER = "Biota Demo Museum"
DEPLOYMENT_COLUMNS = (
    *("deploymentID", "locationID", "latitude", "longitude", "coordinateUncertainty", "deploymentStart"),
    *("deploymentEnd", "setupBy"),
)
MEDIA_COLUMNS = (
    *("mediaID", "deploymentID", "captureMethod", "timestamp", "filePath", "filePublic", "fileMediatype", "exifData"),
)
OBSERVATION_COLUMNS = (
    *("observationID", "deploymentID", "mediaID", "eventID", "eventStart", "eventEnd", "observationLevel"),
    *("observationType", "scientificName", "count", "lifeStage", "sex", "individualID", "classificationMethod"),
)
_LOCATIONS = 12
_SPAN = ("2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z")


def write_package(
    folder: Path, tree: Tree, seen: Sequence[Sighting], side: int, picture: Callable[[Sighting], bytes], order: Order
) -> None:
    """Write the package; pictures are drawn one by one, as they are written."""
    # By key, rows of a species are as scattered as those of a camera are.
    listed = order.of("camtrap-dp", sorted(seen, key=lambda each: each.key))

    def members() -> Iterator[tuple[str, bytes]]:
        yield "datapackage.json", _descriptor(tree)
        yield "deployments.csv", _table(DEPLOYMENT_COLUMNS, map(_deployment, range(DEPLOYMENTS)))
        yield "media.csv", _table(MEDIA_COLUMNS, (_medium(each, side) for each in listed))
        yield "observations.csv", _table(OBSERVATION_COLUMNS, (_observation(each, tree) for each in listed))
        for each in listed:
            yield media_path(each), picture(each)

    write_zip(folder / ARCHIVE, members())


def row_id(sighting: Sighting) -> str:
    """Return the id of a sighting's record."""
    return ids.record_id(SOURCE, _observation_id(sighting), sighting.key)


def media_path(sighting: Sighting) -> str:
    """Return the path of a picture in the package."""
    return f"media/{sighting.key[:2]}/{sighting.key}.jpg"


def _observation_id(sighting: Sighting) -> str:
    return f"o-{sighting.key}"


def _deployment(number: int) -> tuple[str, ...]:
    place = number % _LOCATIONS
    return (
        *(_deployment_id(number), f"site-{place + 1:02}", f"{-40 + 7.31 * place:.5f}", f"{-150 + 24.17 * place:.5f}"),
        *("30", *_SPAN, f"Team {number % 5 + 1}"),
    )


def _deployment_id(number: int) -> str:
    return f"camera-{number + 1:02}"


def _medium(sighting: Sighting, side: int) -> tuple[str, ...]:
    exif = json.dumps({"ImageWidth": side, "ImageHeight": side})
    return (
        *(sighting.key, _deployment_id(sighting.deployment), "activityDetection", _time(sighting)),
        *(media_path(sighting), "true", "image/jpeg", exif),
    )


def _observation(sighting: Sighting, tree: Tree) -> tuple[str, ...]:
    return (
        *(_observation_id(sighting), _deployment_id(sighting.deployment), sighting.key, f"e-{sighting.key}"),
        *(_time(sighting), _time(sighting), "media", "animal", tree.species[sighting.label].name, "1"),
        *(sighting.stage, sighting.sex, sighting.individual, "human"),
    )


def _time(sighting: Sighting) -> str:
    return sighting.time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _descriptor(tree: Tree) -> bytes:
    """Return datapackage.json, whose list of taxa has the classification of every name."""
    package = {
        "profile": "https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0/camtrap-dp-profile.json",
        "name": "drawn-biota",
        "id": "drawn-biota",
        "title": "A drawn biota with a generated tree of life",
        "version": "1.0",
        "resources": [
            {"name": name, "path": f"{name}.csv", "profile": "tabular-data-resource", "format": "csv"}
            for name in ("deployments", "media", "observations")
        ],
        "licenses": [{"name": "CC0-1.0", "scope": "data"}, {"name": "CC0-1.0", "scope": "media"}],
        "contributors": [
            {"title": HOLDER, "role": "rightsHolder"},
            {"title": HOLDER, "role": "publisher"},
        ],
        "taxonomic": [
            {
                "scientificName": taxon.name,
                "taxonRank": "species",
                **({"vernacularNames": {"eng": taxon.common}} if taxon.common else {}),
                **dict(zip(RANKS[:-1], tree.lineage(taxon.number), strict=False)),
            }
            for taxon in tree.species
        ],
    }
    return (json.dumps(package, indent=1) + "\n").encode()


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return buffer.getvalue().encode()
