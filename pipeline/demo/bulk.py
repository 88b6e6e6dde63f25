"""Records in bulk: a GBIF archive of any size, without pictures, to see how the pipeline grows.

The archive is streamed: memory does not grow with the number of rows, and the same arguments give the same bytes.
"""

from __future__ import annotations

import random
import zipfile
from collections.abc import Iterator
from pathlib import Path

from manifests.recipe import RANKS
from pipeline.demo.gbif import LICENCES, MULTIMEDIA_COLUMNS, OCCURRENCE_COLUMNS, descriptor
from pipeline.demo.species import default_taxa

ARCHIVE = "0098765-260101000000000.zip"
MISNAMED_PERCENT = 2
"""Share of records whose name no taxonomy holds."""
_CHUNK = 8_192  # occurrences formatted at once
_PAIR_EVERY = 8  # every so many-th occurrence has two media, the others one
_FIRST_ID = 5_000_000_000
_FAMILIES = ("CC-BY-NC",) * 6 + ("CC-BY",) * 3 + ("CC0", "CC-BY-SA", "CC-BY-NC-SA", "ARR")


def generate_records(folder: Path, n: int, seed: int = 17) -> Path:
    """Write a GBIF archive with `n` media rows and a recipe for it into `folder`; give the recipe's path.

    Names come from the default taxonomy: accepted species, synonyms and genera, and 2 % that it does not hold. Licences
    are mixed and include refused and missing ones; addresses lie on hosts of the demo and have no picture behind them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / ARCHIVE, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, parts in (
            ("occurrence.txt", _occurrences(n, seed)),
            ("multimedia.txt", _media(n, seed)),
            ("meta.xml", iter([descriptor().decode()])),
        ):
            # Opened by name, a member carries the zip format's first date rather than today's.
            with archive.open(name, "w", force_zip64=True) as member:
                for part in parts:
                    member.write(part.encode())
    recipe = folder / "recipe.toml"
    recipe.write_text(_RECIPE.format(seed=seed, archive=ARCHIVE), encoding="utf-8")
    return recipe


def occurrences_for(media: int) -> int:
    """Return the number of occurrences that carry so many media rows.

    >>> [occurrences_for(n) for n in (1, 8, 9, 10)]
    [1, 8, 8, 9]
    """
    groups, rest = divmod(media, _PAIR_EVERY + 1)
    return groups * _PAIR_EVERY + min(rest, _PAIR_EVERY)


def _occurrences(n: int, seed: int) -> Iterator[str]:
    yield "\t".join(name for _, name in OCCURRENCE_COLUMNS) + "\n"
    templates = _templates()
    total = occurrences_for(n)
    for start in range(0, total, _CHUNK):
        stop = min(start + _CHUNK, total)
        chance = random.Random(f"{seed}|occurrence|{start}")
        chosen = chance.choices(templates, k=stop - start)
        licences = chance.choices(("CC_BY_NC_4_0", "CC_BY_4_0", "CC0_1_0", ""), (5, 3, 1, 1), k=stop - start)
        yield "".join(
            [
                template % (number, licence, number, 1 + number % 28, number % 1700 / 10 - 85, number % 3590 / 10 - 179)
                for number, template, licence in zip(
                    range(_FIRST_ID + start, _FIRST_ID + stop), chosen, licences, strict=True
                )
            ]
        )


def _media(n: int, seed: int) -> Iterator[str]:
    columns = [name for _, name in MULTIMEDIA_COLUMNS]
    yield "\t".join(columns) + "\n"
    cells = {
        "gbifID": "%d",
        "type": "StillImage",
        "format": "image/jpeg",
        "identifier": "http://media.biota.test/bulk/%d-%d.jpg",
        "references": "https://occurrences.biota.test/%d",
        "creator": "B. Bulk",
        "publisher": "Biota Demo Museum",
        "license": "%s",
        "rightsHolder": "B. Bulk",
    }
    template = "\t".join(cells.get(name, "") for name in columns) + "\n"
    licences = [LICENCES[family] for family in _FAMILIES] + [""]
    total = occurrences_for(n)
    for start in range(0, total, _CHUNK):
        stop = min(start + _CHUNK, total)
        numbers = [
            (_FIRST_ID + place, medium)
            for place in range(start, stop)
            for medium in range(2 if place % _PAIR_EVERY == _PAIR_EVERY - 1 else 1)
        ]
        if stop == total and n % (_PAIR_EVERY + 1) == _PAIR_EVERY:
            numbers.pop()  # the last occurrence keeps one medium, so that the rows are n exactly
        chosen = random.Random(f"{seed}|media|{start}").choices(licences, k=len(numbers))
        yield "".join(
            [
                template % (number, number, medium, number, licence)
                for (number, medium), licence in zip(numbers, chosen, strict=True)
            ]
        )


def _templates() -> list[str]:
    """Return one row template per name; what varies between records of a name is left open."""
    taxa = [row for row in default_taxa() if row["taxonRank"] in ("species", "genus")]
    misnamed = len(taxa) * MISNAMED_PERCENT // (100 - MISNAMED_PERCENT)
    names = [
        {
            "scientificName": f"{row['scientificName']} {row['scientificNameAuthorship']}".strip(),
            "taxonRank": row["taxonRank"].upper(),
            "taxonomicStatus": "SYNONYM" if row["acceptedNameUsageID"] else "ACCEPTED",
            **{rank: row[rank] for rank in RANKS[:-1]},
        }
        for row in taxa
    ]
    names += [
        {"scientificName": f"Imaginaria nusquam{chr(97 + i % 26)}{chr(97 + i // 26 % 26)}", "taxonRank": "SPECIES"}
        for i in range(misnamed)
    ]
    opened = {
        "gbifID": "%d",
        "license": "%s",
        "occurrenceID": "BULK:%d",
        "eventDate": "2024-05-%02d",
        "decimalLatitude": "%.1f",
        "decimalLongitude": "%.1f",
    }
    fixed = {
        "publisher": "Biota Demo Museum",
        "institutionCode": "BDM",
        "datasetName": "Procedural biota in bulk",
        "basisOfRecord": "HUMAN_OBSERVATION",
        "occurrenceStatus": "PRESENT",
        "countryCode": "DE",
        "datasetKey": "50c9509d-22c7-4a22-a47d-8c48425ef4a7",
        "mediaType": "StillImage",
    }
    return [
        "\t".join(
            opened.get(column) or (fixed | name).get(column, "").replace("%", "%%") for _, column in OCCURRENCE_COLUMNS
        )
        + "\n"
        for name in names
    ]


_RECIPE = """name = "biota-bulk"
description = "Records in bulk, without pictures."
seed = {seed}

[[sources]]
name = "gbif"
kind = "gbif-dwca"
path = "{archive}"

[fetch]
contact = "demo@biota.test"
hosts = ["*.biota.test"]
"""
