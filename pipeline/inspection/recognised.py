"""Which published layout a path has, seen from names, headers and first bytes alone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from manifests.recipe import SourceSpec
from manifests.tables import Dialect, read_header
from pipeline.model.errors import SourceError
from pipeline.sources import open_source
from pipeline.sources.camera_traps.lila import is_image_table
from pipeline.sources.darwin_core.dwca_layout import DwcaLayout, find_member, read_layout
from pipeline.sources.eol.eol_hierarchy import REQUIRED, find_taxa
from pipeline.sources.release.archive import Archive, open_archive
from pipeline.sources.release.release_note import RELEASE_NOTE

_HEAD = 64 << 10
_CSV = Dialect(",", quoted=True)
_EXACT = {
    "camtrap-dp": re.compile(r"datapackage\.json"),
    "inat-open-data": re.compile(r"photos\.csv(?:\.gz)?"),
    "biotrove": re.compile(r".*\.parquet"),
    "bioscan1m": re.compile(r".*\.tsv(?:\.gz)?"),
}
"""Kinds whose readers take nothing that lacks their columns, and are asked where a member has such a name."""
_EOL_COLUMNS = frozenset({"eolcontentid", "eolpageid"})
_DARWIN_CORE = frozenset(
    (
        *("scientificname", "occurrenceid", "taxonid", "gbifid", "eventid", "basisofrecord", "decimallatitude"),
        *("catalognumber", "taxonrank", "kingdom", "genus", "coreid", "accessuri", "vernacularname", "recordedby"),
    )
)
_IMAGES = re.compile(rb'"(?:boundingBoxes|bounding_boxes|annotations|images|imagingType|coco_url)"')
_CAMERA_TRAPS = re.compile(rb'"(?:seq_id|seq_num_frames|frame_num|sequence_level_annotation)"')
_GBIF_PAGE, _GBIF_RECORD = re.compile(rb'"endOfRecords"'), re.compile(rb'"gbifID"')


def kind_of(path: Path) -> str:
    """Return the kind of source that reads a path; raises SourceError when it is damaged or of no known kind.

    Whatever its size, a file is read no further than its first 64 KB, but for the directory of an archive.
    """
    return kind_in(open_archive(path))[0]


def kind_in(archive: Archive) -> tuple[str, DwcaLayout | None]:
    """Return the kind of an archive, with its layout where that is one of Darwin Core."""
    if find_member(archive, "meta.xml") is not None:
        return _described(read_layout(archive))
    names = [member.base.lower() for member in archive.members]
    asked = [kind for kind, pattern in _EXACT.items() if any(map(pattern.fullmatch, names))]
    found = _by_its_reader(archive.path, asked) or _by_its_first_bytes(archive)
    if found:
        return found, None
    layout = _darwin_core(archive)
    if layout is None:
        raise _unknown(archive)
    return _described(layout)


def is_hierarchy(path: Path) -> bool:
    """Return whether a path holds a table of taxa and no media, as EOL's Dynamic Hierarchy does."""
    try:
        archive, member = find_taxa(path)
        header = read_header(archive.head(member, _HEAD), Dialect())
    except SourceError:
        return False
    return set(REQUIRED) <= set(header.columns)


def _by_its_reader(path: Path, kinds: Iterable[str]) -> str:
    for kind in kinds:
        try:
            open_source(kind).inspect(SourceSpec(kind, kind, str(path)))
        except SourceError:
            continue
        return kind
    return ""


def _by_its_first_bytes(archive: Archive) -> str:
    """Return the kind of a release without a descriptor; empty when no provider's layout fits."""
    for member in archive.members:
        name = member.base.lower().removesuffix(".gz")
        if name == RELEASE_NOTE and len(archive.members) > 1:
            continue
        if name.endswith((".json", ".jsonl")):
            head = archive.head(member, _HEAD)
            if (_GBIF_RECORD if name.endswith(".jsonl") else _GBIF_PAGE).search(head):
                return "gbif-pages"
            if _IMAGES.search(head):
                return "coco-camera-traps" if _CAMERA_TRAPS.search(head) else "fathomnet"
        elif name.endswith(".csv"):
            header = read_header(archive.head(member, _HEAD), _CSV)
            names = {re.sub(r"\W", "", column.lower()) for column in header.columns}
            if names >= _EOL_COLUMNS or re.fullmatch(r"(?:\w+_)?media_manifest_\d+\.csv", name):
                return "eol"
            if {"processid", "split"} <= set(header.columns):
                return "bioscan5m"
            if is_image_table(header.columns):
                return "lila"
    return ""


def _described(layout: DwcaLayout) -> tuple[str, DwcaLayout]:
    columns = {column.lower() for file in layout.core.files for column in file.columns}
    rows = {table.row_type for table in layout.tables}
    return "gbif-dwca" if "gbifid" in columns and "Multimedia" in rows else "dwca", layout


def _darwin_core(archive: Archive) -> DwcaLayout | None:
    try:
        layout = read_layout(archive)
    except SourceError:
        return None
    known = any(column.lower() in _DARWIN_CORE for column in layout.core.files[0].columns)
    return layout if known else None


def _unknown(archive: Archive) -> SourceError:
    names = ", ".join(member.name for member in archive.members[:5]) or "nothing"
    return SourceError(
        f"this is no release that can be recognised; it holds {names}",
        where=str(archive.path),
        expected="a Darwin Core Archive or table, GBIF's search answers, an EOL media manifest, BIOSCAN metadata, "
        "FathomNet or camera-trap JSON, a Camtrap DP, LILA's, iNaturalist's or BioTrove's tables",
        remedy="name the archive, file or folder as its provider publishes it",
    )
