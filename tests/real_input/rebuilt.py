"""Tables in a provider's layout, rebuilt from real records of the same provider that were published in another one.

Nobody publishes rows of EOL's media manifest or of the BIOSCAN-5M metadata in the open. What is real here: page
ids, names, URLs, licences and owners (EOL's pages API), specimens, names, barcodes and places (BOLD). What is made up:
EOL's content ids (from the md5 of the URL), the hierarchy's higher taxa (the genus of a binomial and the kingdom of its
group), and BIOSCAN's splits and image measurements.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from pipeline.demo.archives import zip_entry
from pipeline.demo.bioscan import HEADER as BIOSCAN_HEADER
from pipeline.demo.bioscan import chunk_of, image_path
from pipeline.demo.eol import HEADER as EOL_HEADER
from tests.real_input.photographs import Photographs

EOL_RECORDS = "sources/eol/eol_api_media_records.jsonl.gz"
BOLD_RECORDS = "sources/bioscan/bold_combined_Coelioxys.tsv.gz"
HIERARCHY_HEADER = (
    *("taxonID", "acceptedNameUsageID", "parentNameUsageID", "scientificName", "canonicalName"),
    *("scientificNameAuthorship", "taxonRank", "taxonomicStatus", "datasetID", "source", "furtherInformationURL"),
    *("eolID", "Landmark"),
)
_ANIMALS = ("amphibians", "birds", "insects", "mammals", "reptiles")
_FUNGI = ("lichen", "mushrooms", "mushrooms2")
MISSING_PERCENT = 5
"""Specimens whose image the store lacks."""

Record = dict[str, str]


def eol_records(data: Path, rows: int = 0) -> list[Record]:
    """Read EOL's media records; with `rows`, about that many, spread evenly over the file."""
    with gzip.open(data / EOL_RECORDS, "rt", encoding="utf-8") as file:
        found = [{key: "" if v is None else str(v) for key, v in json.loads(line).items()} for line in file]
    return found[:: max(1, len(found) // rows)] if rows else found


def rebuild_eol(records: Sequence[Record], manifest: Path, hierarchy: Path) -> None:
    """Write the manifest (a folder of two parts, the header in the first alone) and the hierarchy (taxon.tsv)."""
    rows = [
        (
            str(int(hashlib.md5(record["full_size_url"].encode()).hexdigest()[:8], 16)),
            record["eol_page_id"],
            record["source_url"],
            record["full_size_url"],
            _licence_name(record["license"]),
            record["rights_holder"],
        )
        for record in records
    ]
    cut = len(rows) * 3 // 5
    manifest.mkdir(parents=True)
    _write(manifest / "media_manifest_1.csv", [EOL_HEADER, *rows[:cut]])
    _write(manifest / "media_manifest_2.csv", rows[cut:])
    hierarchy.parent.mkdir(parents=True, exist_ok=True)
    _write(hierarchy, [HIERARCHY_HEADER, *_taxa(records)], delimiter="\t")


def _taxa(records: Sequence[Record]) -> Iterable[tuple[str, ...]]:
    """Yield kingdoms, genera, and one species (or genus) per page."""
    pages = {record["eol_page_id"]: (record["scientific_name"], record["group"]) for record in records}
    kingdoms = ("Animalia", "Fungi", "Plantae")
    for kingdom in kingdoms:
        yield _taxon(f"K-{kingdom}", "", kingdom, "kingdom", "")
    genera = {(name.split()[0], _kingdom(group)) for name, group in pages.values()}
    for genus, kingdom in sorted(genera):
        yield _taxon(f"G-{kingdom}-{genus}", f"K-{kingdom}" if kingdom else "", genus, "genus", "")
    for page, (name, group) in sorted(pages.items()):
        binomial = len(name.split()) == 2 and name.split()[1].islower()
        parent = f"G-{_kingdom(group)}-{name.split()[0]}"
        yield _taxon(f"P-{page}", parent, name, "species" if binomial else "genus", page)


def _taxon(key: str, parent: str, name: str, rank: str, page: str) -> tuple[str, ...]:
    return (key, "", parent, name, name, "", rank, "accepted", "rebuilt", "", "", page, "")


def _kingdom(group: str) -> str:
    if group in _ANIMALS:
        return "Animalia"
    if group in _FUNGI:
        return "Fungi"
    return "" if group == "local" else "Plantae"


def _licence_name(url: str) -> str:
    """Return a licence as the manifest writes it.

    >>> _licence_name("http://creativecommons.org/licenses/by-nc-sa/3.0/")
    'cc-by-nc-sa 3.0'
    """
    family, _, version = url.partition("/licenses/")[2].strip("/").partition("/")
    return "public domain" if family == "publicdomain" else f"cc-{family} {version}"


def rebuild_bioscan(data: Path, photographs: Photographs, metadata: Path, images: Path) -> int:
    """Write the metadata and the image store, whose pictures are windows of photographs; give the missing images."""
    with gzip.open(data / BOLD_RECORDS, "rt", encoding="utf-8", newline="") as file:
        specimens = list(csv.DictReader(file, delimiter="\t"))
    rows: list[Sequence[str]] = []
    missing = 0
    metadata.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(images, "w") as store:
        for number, specimen in enumerate(specimens):
            process = specimen["processid"]
            digest = hashlib.md5(f"bioscan {process}".encode()).digest()
            split = "train" if digest[10] % 3 == 0 else "pretrain"
            rows.append(_specimen_row(specimen, split, number))
            if digest[11] % 100 < MISSING_PERCENT:
                missing += 1
                continue
            store.writestr(zip_entry(image_path(process, split)), photographs.window(digest, (256, 256)))
    _write(metadata, [BIOSCAN_HEADER, *rows])
    return missing


def _specimen_row(specimen: Record, split: str, number: int) -> tuple[str, ...]:
    ranks = ("species", "subfamily", "genus", "family", "order", "class", "phylum")
    names = {rank: specimen[f"{rank}_name"] for rank in ranks}
    taxon = next((names[rank] for rank in ranks if names[rank]), "")
    process = specimen["processid"]
    return (
        *(process, specimen["sampleid"], taxon, names["phylum"], names["class"], names["order"], names["family"]),
        *(
            names["subfamily"],
            names["genus"],
            names["species"],
            specimen["bin_uri"],
            specimen["nucleotides"].strip("-"),
        ),
        *(specimen["country"], specimen["province_state"], specimen["lat"], specimen["lon"]),
        *(str(20_000 + number), "0.5", "1.0", "0", split, "", chunk_of(process, split)),
    )


def _write(path: Path, rows: Iterable[Sequence[str]], delimiter: str = ",") -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows(rows)
