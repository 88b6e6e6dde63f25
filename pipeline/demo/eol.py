"""EOL's layout: a media manifest in numbered CSV parts, and the Dynamic Hierarchy that names its pages.

The manifest has a header in its first part only, quotes as RFC 4180 does, and lets owners hold line breaks; the
hierarchy is the tab separated taxon.tab of the 2022 release.
"""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass, field
from pathlib import Path

from manifests.recipe import RANKS
from pipeline.demo.archives import Order, write_tgz, write_zip
from pipeline.demo.species import Naming
from pipeline.demo.truth import Claim
from pipeline.model import ids

SOURCE = "eol"
MANIFEST = "eol/media_manifest.tgz"
HIERARCHY = "eol/dynamic_hierarchy.zip"
HEADER = (
    "EOL content ID",
    "EOL page ID",
    "Medium Source URL",
    "EOL Full-Size Copy URL",
    "License Name",
    "Copyright Owner",
)
TAXON_HEADER = (
    *("taxonID", "source", "furtherInformationURL", "acceptedNameUsageID", "parentNameUsageID", "scientificName"),
    *("taxonRank", "taxonomicStatus", "datasetID", "canonicalName", "eolID", "Landmark"),
)
LICENCES = {
    "PD": "public domain",
    "CC-BY": "cc-by 3.0",
    "CC-BY-SA": "cc-by-sa 3.0",
    "CC-BY-NC": "cc-by-nc 3.0",
    "CC-BY-NC-SA": "cc-by-nc-sa 2.0",
    "ARR": "all rights reserved",
}
_OWNERS = ("Wikimedia Commons, various", 'The "Moth" Society', "Ó Súilleabháin", "Field Group\nNorth Station", "G. Ito")


@dataclass(slots=True)
class EolSheet:
    """The rows of the manifest and of the hierarchy as they are collected."""

    rows: list[tuple[str, ...]] = field(default_factory=list)
    taxa: dict[tuple[str, ...], str] = field(default_factory=dict)
    """taxonID by path of names from the kingdom down."""
    taxon_rows: list[tuple[str, ...]] = field(default_factory=list)

    def page(self, naming: Naming) -> str:
        """Return the page id of a name, adding it and its ancestors to the hierarchy where they are new."""
        path = [name for name in naming.lineage[: RANKS.index(naming.rank)] if name]
        ranks = [rank for rank, name in zip(RANKS, naming.lineage, strict=True) if name][: len(path)]
        if naming.rank == "species" and path:
            # EOL files a name under the genus it is written with, synonym or not.
            path[-1] = naming.canonical.split()[0]
        parent = ""
        for depth, rank in enumerate(ranks):
            parent = self._taxon(tuple(path[: depth + 1]), rank, "", parent)
        return self._page_of(self._taxon((*path, naming.canonical), naming.rank, naming.authorship, parent))

    def medium(self, page: str, url: str, licence: str, *, source_page: str = "") -> str:
        """Add a manifest row and give its row id; `licence` is verbatim."""
        number = len(self.rows)
        content = str(7_500_011 + 13 * number)
        origin = source_page or (
            f"https://commons.wikimedia.org/wiki/File:Biota_{content}.jpg"
            if number % 3
            else f"https://www.flickr.com/photos/biota/{content}"
        )
        self.rows.append((content, page, origin, url, licence, _OWNERS[number % len(_OWNERS)]))
        return ids.record_id(SOURCE, page, content)

    def photo(self, naming: Naming, url: str, licence: str, pixels: int, *, source_page: str = "") -> Claim:
        """Add a photograph to a name's page; `licence` is a family."""
        row_id = self.medium(self.page(naming), url, LICENCES[licence], source_page=source_page)
        return Claim(row_id, SOURCE, naming.specific, licence, pixels)

    def write(self, folder: Path, order: Order) -> None:
        """Write manifest and hierarchy."""
        rows = order.of("eol/manifest", self.rows)
        cut = len(rows) * 3 // 5
        parts = [
            ("media_manifest_1.csv", _csv([HEADER, *rows[:cut]])),
            ("media_manifest_2.csv", _csv(rows[cut:])),
        ]
        write_tgz(folder / MANIFEST, order.of("eol/parts", parts))
        lines = ["\t".join(TAXON_HEADER), *("\t".join(row) for row in order.of("eol/taxa", self.taxon_rows)), ""]
        write_zip(folder / HIERARCHY, [("taxon.tab", "\n".join(lines).encode())])

    def _taxon(self, path: tuple[str, ...], rank: str, authorship: str, parent: str) -> str:
        if path in self.taxa:
            return self.taxa[path]
        number = len(self.taxon_rows) + 1
        taxon_id = f"EOL-{number:012}"
        self.taxa[path] = taxon_id
        name = f"{path[-1]} {authorship}".strip()
        page = self._page_of(taxon_id)
        self.taxon_rows.append((taxon_id, "trunk", "", "", parent, name, rank, "accepted", "trunk", path[-1], page, ""))
        if number % 9 == 0:
            # The hierarchy also lists unaccepted names: without page, and without parent.
            other = f"EOL-{number + 900_000:012}"
            self.taxon_rows.append(
                (other, "trunk", "", taxon_id, "", f"{path[-1]}ella", rank, "not accepted", "trunk", "", "", "")
            )
        return taxon_id

    @staticmethod
    def _page_of(taxon_id: str) -> str:
        return str(1_000_000 + 17 * int(taxon_id.removeprefix("EOL-")))


def content_path(number: int) -> str:
    """Return the path of a full-size copy, spread over folders as EOL does.

    >>> content_path(1)
    'data/media/c4/ca/42/38a0b923820dcc.1.jpg'
    """
    digest = hashlib.md5(str(number).encode()).hexdigest()
    return f"data/media/{digest[:2]}/{digest[2:4]}/{digest[4:6]}/{digest[6:20]}.{number}.jpg"


def _csv(rows: list[tuple[str, ...]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue().encode()
