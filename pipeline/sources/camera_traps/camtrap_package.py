"""The descriptor of a Camtrap DP package: which files hold the tables, and what holds for all media.

Source: Camtrap DP (https://camtrap-dp.tdwg.org/metadata/), a profile of the Data Package specification.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from manifests.tables import Dialect, read_header
from pipeline.model.errors import SourceError
from pipeline.sources.mapping.json_cells import cell
from pipeline.sources.release.archive import Archive, Member
from pipeline.sources.text.delimited import as_source_error
from pipeline.sources.text.files import TextFile

DESCRIPTOR = "datapackage.json"
REQUIRED = {
    "deployments": ("deploymentID",),
    "media": ("mediaID", "deploymentID", "filePath"),
    "observations": ("observationID", "deploymentID", "observationType"),
}
"""The three tables, and the columns without which they cannot be joined."""
TAXON_COLUMNS = ("name", "taxon_id", "rank", "vernacular", "kingdom", "phylum", "class", "order", "family", "genus")
MAX_BYTES = 64 << 20
MAX_WORDS = 500
"""Characters of a licence, title or identifier: they travel with every unit of work."""
_HEAD = 1 << 20
_ENCODINGS = {"utf-8": "utf-8", "utf8": "utf-8", "us-ascii": "utf-8", "iso-8859-1": "iso-8859-1"}
_TAXON_SPACES = (
    (r"checklistbank\.org/dataset/COL\d*(?:LR)?/taxon/(\w+)$", "col"),
    (r"gbif\.org/species/(\d+)$", "gbif"),
)


def descriptor_of(archive: Archive) -> tuple[Member, dict[str, Any]]:
    """Return the package's descriptor; raises SourceError when there is none, or it is no JSON object."""
    found = [member for member in archive.members if member.base == DESCRIPTOR]
    if not found:
        raise SourceError(
            f"there is no {DESCRIPTOR}",
            where=str(archive.path),
            expected="a Camtrap DP package: a folder or zip with datapackage.json and its tables",
            remedy="name the package's own folder or zip as `path` of this source",
        )
    member = min(found, key=lambda item: (item.name.count("/"), item.name))
    data = archive.head(member, MAX_BYTES + 1)
    try:
        package = json.loads(data) if len(data) <= MAX_BYTES else None
    except (ValueError, RecursionError) as error:
        raise _bad(archive, member, f"{DESCRIPTOR} is no JSON: {str(error)[:100]}") from error
    if not isinstance(package, dict):
        raise _bad(archive, member, f"{DESCRIPTOR} is no JSON object of at most {MAX_BYTES} bytes")
    return member, package


def tables_of(archive: Archive, member: Member, package: dict[str, Any]) -> list[TextFile]:
    """Return the package's three tables; raises SourceError when one is missing, remote, or lacks a column."""
    folder = PurePosixPath(member.name).parent
    resources = {cell(item.get("name")): item for item in _objects(package.get("resources"))}
    files = []
    for name, required in REQUIRED.items():
        resource = resources.get(name)
        if resource is None:
            raise _bad(archive, member, f"{DESCRIPTOR} names no resource {name!r}")
        path = cell(resource.get("path")) or ""
        wanted = str(folder / path)
        table = next((item for item in archive.members if item.name == wanted), None)
        if table is None:
            raise SourceError(
                f"the table {name} is not in the package: {path[:200]!r}",
                where=archive.origin(member),
                expected=f"a file below the folder of {DESCRIPTOR}",
                remedy="fetch the whole package; put tables that it names by URL beside the descriptor",
            )
        files.append(_text_file(archive, table, name, resource, required))
    return files


def _text_file(
    archive: Archive, table: Member, name: str, resource: dict[str, Any], required: tuple[str, ...]
) -> TextFile:
    stated = resource.get("dialect")
    delimiter = cell(stated.get("delimiter")) if isinstance(stated, dict) else None
    encoding = (cell(resource.get("encoding")) or "utf-8").lower()
    if encoding not in _ENCODINGS:
        raise SourceError(
            f"the table {name} is in the encoding {encoding[:40]!r}",
            where=archive.origin(table),
            expected=", ".join(_ENCODINGS),
            remedy="write the table in UTF-8",
        )
    with as_source_error():
        dialect = Dialect(delimiter or ",", quoted=True, encoding=_ENCODINGS[encoding])
    header = read_header(archive.head(table, _HEAD), dialect)
    missing = [column for column in required if column not in header.columns]
    if missing:
        raise SourceError(
            f"the table {name} has no column {missing[0]}",
            where=archive.origin(table),
            expected=", ".join(required),
            remedy="use a package in the format Camtrap DP",
        )
    return TextFile(name, table.name, header.start, header.columns, dialect)


def media_licence(package: dict[str, Any]) -> str:
    """Return the licence of the media; the licence of the data says nothing about them.

    >>> media_licence({"licenses": [{"name": "CC0-1.0", "scope": "data"}, {"name": "CC-BY-4.0", "scope": "media"}]})
    'CC-BY-4.0'
    """
    for item in _objects(package.get("licenses")):
        if cell(item.get("scope")) == "media":
            stated = cell(item.get("name")) or cell(item.get("path")) or cell(item.get("title")) or ""
            return stated[:MAX_WORDS]
    return ""


def contributor(package: dict[str, Any], role: str) -> str:
    """Return the title of the first contributor with a role; mail addresses are not carried over."""
    found = (item for item in _objects(package.get("contributors")) if cell(item.get("role")) == role)
    return next((cell(item.get("title")) or "" for item in found), "")[:MAX_WORDS]


def taxa_of(package: dict[str, Any]) -> list[dict[str, str | None]]:
    """Return the package's list of taxa, one row per name (TAXON_COLUMNS), sorted by name."""
    rows: dict[str, dict[str, str | None]] = {}
    for item in _objects(package.get("taxonomic")):
        name = cell(item.get("scientificName"))
        vernacular = item.get("vernacularNames")
        words = vernacular if isinstance(vernacular, dict) else {}
        if name and name not in rows:
            rows[name] = {
                "name": name,
                "taxon_id": _taxon_id(cell(item.get("taxonID"))),
                "rank": cell(item.get("taxonRank")),
                "vernacular": cell(words.get("eng")) or cell(words.get("en")),
                **{rank: cell(item.get(rank)) for rank in TAXON_COLUMNS[4:]},
            }
    return [rows[name] for name in sorted(rows)]


def _taxon_id(stated: str | None) -> str | None:
    """Return a taxon's key with its space where its URL shows one; a bare key has no known space.

    >>> _taxon_id("https://www.checklistbank.org/dataset/COL2023/taxon/DGP6"), _taxon_id("DGP6")
    ('col:DGP6', None)
    """
    for pattern, space in _TAXON_SPACES:
        if stated and (match := re.search(pattern, stated)):
            return f"{space}:{match[1]}"
    return None


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())


def _bad(archive: Archive, member: Member, what: str) -> SourceError:
    return SourceError(
        what,
        where=archive.origin(member),
        expected="a descriptor with the resources deployments, media and observations",
        remedy="use a package in the format Camtrap DP (https://camtrap-dp.tdwg.org), and check that it is whole",
    )
