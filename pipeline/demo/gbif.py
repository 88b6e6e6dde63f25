"""GBIF's layout: a Darwin Core Archive of one download, with occurrence.txt and multimedia.txt.

Columns and descriptor follow the archives that GBIF has built since 2020: tab separated, no quoting at all, empty cells
for nulls, column order of the multimedia table as in those downloads (gbif.org, "Download formats").
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import quoteattr

from pipeline.demo.archives import Order, write_zip
from pipeline.demo.species import Naming
from pipeline.demo.truth import Claim
from pipeline.model import ids

SOURCE = "gbif"
ARCHIVE = "gbif/0012345-260101000000000.zip"
DWC = "http://rs.tdwg.org/dwc/terms/"
DC = "http://purl.org/dc/terms/"
GBIF = "http://rs.gbif.org/terms/1.0/"
OCCURRENCE_COLUMNS: tuple[tuple[str, str], ...] = (
    *((GBIF, name) for name in ("gbifID",)),
    *((DC, name) for name in ("accessRights", "license", "modified", "publisher", "references", "rightsHolder")),
    *(
        (DWC, name)
        for name in (
            *("institutionCode", "collectionCode", "datasetName", "basisOfRecord", "occurrenceID", "catalogNumber"),
            *("recordedBy", "individualCount", "sex", "lifeStage", "occurrenceStatus", "organismID"),
            *("eventID", "parentEventID", "eventDate", "eventTime", "year", "month", "day", "eventRemarks"),
            *("locationID", "countryCode", "stateProvince", "locality", "decimalLatitude"),
            *("decimalLongitude", "coordinateUncertaintyInMeters", "identifiedBy", "identificationVerificationStatus"),
            *("scientificName", "kingdom", "phylum", "class", "order", "family", "genus", "specificEpithet"),
            *("infraspecificEpithet", "taxonRank", "vernacularName", "taxonomicStatus"),
        )
    ),
    *(
        (GBIF, name)
        for name in (
            *("datasetKey", "publishingCountry", "lastInterpreted", "issue", "mediaType", "hasCoordinate"),
            *("taxonKey", "acceptedTaxonKey", "speciesKey", "species", "acceptedScientificName"),
            "verbatimScientificName",
        )
    ),
)
MULTIMEDIA_COLUMNS: tuple[tuple[str, str], ...] = (
    (GBIF, "gbifID"),
    *(
        (DC, name)
        for name in (
            *("type", "format", "identifier", "references", "title", "description", "source", "audience", "created"),
            *("creator", "contributor", "publisher", "license", "rightsHolder"),
        )
    ),
)
LICENCES = {
    "CC0": "http://creativecommons.org/publicdomain/zero/1.0/",
    "CC-BY": "http://creativecommons.org/licenses/by/4.0/",
    "CC-BY-SA": "https://creativecommons.org/licenses/by-sa/4.0/",
    "CC-BY-NC": "http://creativecommons.org/licenses/by-nc/4.0/",
    "CC-BY-NC-SA": "https://creativecommons.org/licenses/by-nc-sa/4.0/",
    "CC-BY-ND": "https://creativecommons.org/licenses/by-nd/4.0/",
    "ARR": "© all rights reserved",
}
RECORD_LICENCES = {"CC0": "CC0_1_0", "CC-BY": "CC_BY_4_0", "CC-BY-NC": "CC_BY_NC_4_0"}
_DATASET = "50c9509d-22c7-4a22-a47d-8c48425ef4a7"
# Real downloads hold such cells: GBIF text has no quoting, and only a newline byte ends a row.
_LOCALITIES = ("Edge of the old quarry", '"Black Creek, north bank', "Jardín Botánico", "N/A", "Mill pond\u0085weir")
_PEOPLE = ("Ana Müller", '"Bo" Larsen', "C. Osei", "Đặng Thu Hà", "E. O'Neil")


@dataclass(slots=True)
class GbifSheet:
    """The rows of the download as they are collected."""

    occurrences: list[str] = field(default_factory=list)
    media: list[str] = field(default_factory=list)

    def occurrence(self, naming: Naming, *, licence: str = "CC_BY_NC_4_0", status: str = "PRESENT") -> str:
        """Add an occurrence and give its gbifID; `licence` is the record's, verbatim."""
        number = len(self.occurrences)
        gbif_id = str(4_100_000_007 + 37 * number)
        person = _PEOPLE[number % len(_PEOPLE)]
        specimen = _is_specimen(number)
        day = f"2024-{1 + number % 12:02}-{1 + number % 28:02}"
        key = str(2_000_000 + ids.hash64(0, naming.verbatim) % 7_000_000)
        placed = bool(naming.lineage[0])
        trap = number % 11 == 5
        cells = {
            "gbifID": gbif_id,
            "license": licence,
            "modified": f"{day}T09:00:00Z",
            "publisher": "Biota Demo Museum",
            "references": f"https://occurrences.biota.test/{gbif_id}",
            "rightsHolder": person,
            "institutionCode": "BDM",
            "collectionCode": "Specimens" if specimen else "Observations",
            "datasetName": "Procedural biota",
            "basisOfRecord": "PRESERVED_SPECIMEN" if specimen else "HUMAN_OBSERVATION",
            "occurrenceID": f"BDM:{gbif_id}",
            "catalogNumber": str(90_000 + number),
            "recordedBy": f"{person};F. Assistant" if number % 5 == 0 else person,
            "individualCount": "0" if status == "ABSENT" else "1",
            "sex": ("", "FEMALE", "MALE")[number % 3],
            "lifeStage": ("", "Adult", "Juvenile")[number % 3],
            "occurrenceStatus": status,
            "organismID": f"BDM:organism:{number // 26}" if number % 13 == 6 else "",
            "eventID": f"BDM:burst:{number // 22}" if trap else "",
            "parentEventID": f"BDM:deployment:{number % 3}" if trap else "",
            "eventDate": day,
            "eventTime": "" if specimen else f"{number % 24:02}:{7 * number % 60:02}:00Z",
            "year": "2024",
            "month": str(1 + number % 12),
            "day": str(1 + number % 28),
            "eventRemarks": "camera trap" if trap else "",
            "locationID": f"BDM:site:{number % 5}" if specimen else "",
            "countryCode": ("DE", "CR", "GH", "NZ")[number % 4],
            "locality": _LOCALITIES[number % len(_LOCALITIES)],
            "decimalLatitude": "" if number % 9 == 4 else f"{-60 + number * 7.31 % 120:.5f}",
            "decimalLongitude": "" if number % 9 == 4 else f"{-170 + number * 11.17 % 340:.5f}",
            "coordinateUncertaintyInMeters": "" if number % 9 == 4 or number % 4 == 3 else str(5 + number % 60),
            "identifiedBy": person,
            "scientificName": naming.verbatim,
            "taxonRank": naming.rank.upper(),
            "taxonomicStatus": "ACCEPTED" if naming.canonical in naming.lineage else "SYNONYM",
            "datasetKey": _DATASET,
            "publishingCountry": "DE",
            "lastInterpreted": "2026-01-01T00:00:00Z",
            "issue": "" if placed else "TAXON_MATCH_NONE",
            "mediaType": "StillImage",
            "hasCoordinate": "false" if number % 9 == 4 else "true",
            "taxonKey": key if placed else "0",
            "acceptedTaxonKey": key if placed else "0",
            "species": naming.lineage[-1],
            "verbatimScientificName": naming.canonical,
        }
        ranks = ("kingdom", "phylum", "class", "order", "family", "genus")
        cells |= dict(zip(ranks, naming.lineage, strict=False))
        cells["kingdom"] = cells["kingdom"] or "incertae sedis"
        self.occurrences.append("\t".join(cells.get(name, "") for _, name in OCCURRENCE_COLUMNS))
        return gbif_id

    def medium(
        self,
        gbif_id: str,
        url: str,
        *,
        licence: str = "",
        kind: str = "StillImage",
        mime: str = "image/jpeg",
        references: str = "",
    ) -> str:
        """Add a media row and give its row id; `licence` is verbatim, empty where the record's applies."""
        person = _PEOPLE[len(self.media) % len(_PEOPLE)]
        cells = {
            "gbifID": gbif_id,
            "type": kind,
            "format": mime,
            "identifier": url,
            "references": references or f"https://occurrences.biota.test/{gbif_id}#media",
            "title": "" if len(self.media) % 4 else '"untitled',
            "created": "2024-06-01T10:00:00Z",
            "creator": person,
            "publisher": "Biota Demo Museum",
            "license": licence,
            "rightsHolder": person,
        }
        self.media.append("\t".join(cells.get(name, "") for _, name in MULTIMEDIA_COLUMNS))
        return ids.record_id(SOURCE, gbif_id, hashlib.md5((url or cells["references"]).encode()).hexdigest())

    def photo(self, naming: Naming, url: str, licence: str, pixels: int, *, mime: str = "image/jpeg") -> Claim:
        """Add an occurrence with one photograph; `licence` is a family."""
        row_id = self.medium(self.occurrence(naming), url, licence=LICENCES[licence], mime=mime)
        return Claim(row_id, SOURCE, naming.specific, licence, pixels, _is_specimen(len(self.occurrences) - 1))

    def write(self, folder: Path, order: Order) -> None:
        """Write the archive."""
        members = [
            ("occurrence.txt", _table(OCCURRENCE_COLUMNS, order.of("gbif/occurrence", self.occurrences))),
            ("multimedia.txt", _table(MULTIMEDIA_COLUMNS, order.of("gbif/multimedia", self.media))),
            ("meta.xml", descriptor()),
            ("metadata.xml", _METADATA.encode()),
        ]
        write_zip(folder / ARCHIVE, order.of("gbif/members", members))


def _is_specimen(number: int) -> bool:
    """Return whether the occurrence of that number is one of the museum's specimens."""
    return number % 7 == 3


def descriptor() -> bytes:
    """Return the archive's meta.xml (Darwin Core text guide, TDWG 2023)."""
    attributes = (
        'encoding="UTF-8" fieldsTerminatedBy="\\t" linesTerminatedBy="\\n" fieldsEnclosedBy="" ignoreHeaderLines="1"'
    )
    parts = ['<archive xmlns="http://rs.tdwg.org/dwc/text/" metadata="metadata.xml">']
    for tag, key, row_type, file, columns in (
        ("core", "id", f"{DWC}Occurrence", "occurrence.txt", OCCURRENCE_COLUMNS),
        ("extension", "coreid", f"{GBIF}Multimedia", "multimedia.txt", MULTIMEDIA_COLUMNS),
    ):
        parts.append(f"  <{tag} {attributes} rowType={quoteattr(row_type)}>")
        parts.append(f'    <files>\n      <location>{file}</location>\n    </files>\n    <{key} index="0" />')
        parts += [f'    <field index="{i}" term={quoteattr(s + name)}/>' for i, (s, name) in enumerate(columns)]
        parts.append(f"  </{tag}>")
    return "\n".join([*parts, "</archive>", ""]).encode()


def _table(columns: Sequence[tuple[str, str]], lines: Sequence[str]) -> bytes:
    return "\n".join(["\t".join(name for _, name in columns), *lines, ""]).encode()


_METADATA = """<?xml version="1.0" encoding="utf-8"?>
<eml:eml xmlns:eml="eml://ecoinformatics.org/eml-2.1.1" packageId="10.0000/dl.biota" system="http://gbif.org"
  scope="system" xml:lang="en">
<dataset>
  <alternateIdentifier>0012345-260101000000000</alternateIdentifier>
  <title>GBIF Occurrence Download 10.0000/dl.biota</title>
  <pubDate>2026-01-01</pubDate>
  <language>ENGLISH</language>
</dataset>
</eml:eml>
"""
