"""What a path is: which published layout it has, seen from names and first bytes, and then inspected whole."""

from __future__ import annotations

import re
from pathlib import Path

from manifests.tables import Dialect, read_header
from pipeline.inspection.findings import Findings
from pipeline.inspection.mapped import inspect_mapped
from pipeline.inspection.tables import inspect_dwca
from pipeline.model.errors import SourceError
from pipeline.sources.darwin_core.dwca_layout import DwcaLayout, find_member, read_layout
from pipeline.sources.release.archive import Archive, open_archive

_HEAD = 64 << 10
_CSV = Dialect(",", quoted=True)
_EOL_COLUMNS = frozenset({"eolcontentid", "eolpageid"})
_DARWIN_CORE = frozenset(
    (
        *("scientificname", "occurrenceid", "taxonid", "gbifid", "eventid", "basisofrecord", "decimallatitude"),
        *("catalognumber", "taxonrank", "kingdom", "genus", "coreid", "accessuri", "vernacularname", "recordedby"),
    )
)
_IMAGES = re.compile(rb'"(?:boundingBoxes|bounding_boxes|annotations|images|imagingType|coco_url)"')


def inspect_release(path: Path) -> Findings:
    """Name a release's kind and inspect it; raises SourceError when it is damaged or of no known kind."""
    archive = open_archive(path)
    if find_member(archive, "meta.xml") is None:
        kind = _provider(archive)
        if kind:
            return inspect_mapped(path, kind)
        if not _is_darwin_core(archive):
            raise _unknown(archive)
    layout = read_layout(archive)
    return inspect_dwca(layout, _dwca_kind(layout))


def _dwca_kind(layout: DwcaLayout) -> str:
    columns = {column.lower() for file in layout.core.files for column in file.columns}
    rows = {table.row_type for table in layout.tables}
    return "gbif-dwca" if "gbifid" in columns and "Multimedia" in rows else "dwca"


def _provider(archive: Archive) -> str:
    """Return the kind of a release without a descriptor, by its first bytes; empty when no provider's layout fits."""
    for member in archive.members:
        name = member.base.lower().removesuffix(".gz")
        if name.endswith(".json"):
            if _IMAGES.search(archive.head(member, _HEAD)):
                return "fathomnet"
        elif name.endswith(".csv"):
            header = read_header(archive.head(member, _HEAD), _CSV)
            names = {re.sub(r"\W", "", column.lower()) for column in header.columns}
            if names >= _EOL_COLUMNS or re.fullmatch(r"(?:\w+_)?media_manifest_\d+\.csv", name):
                return "eol"
            if {"processid", "split"} <= set(header.columns):
                return "bioscan5m"
    return ""


def _is_darwin_core(archive: Archive) -> bool:
    try:
        layout = read_layout(archive)
    except SourceError:
        return False
    return any(column.lower() in _DARWIN_CORE for column in layout.core.files[0].columns)


def _unknown(archive: Archive) -> SourceError:
    names = ", ".join(member.name for member in archive.members[:5]) or "nothing"
    return SourceError(
        f"this is no release that can be recognised; it holds {names}",
        where=str(archive.path),
        expected="a Darwin Core Archive or table, an EOL media manifest, BIOSCAN-5M metadata, or FathomNet JSON",
        remedy="name the archive, file or folder as its provider publishes it",
    )
