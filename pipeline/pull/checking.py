"""Is a fetched GBIF download whole? Its bytes are hashed, its members unpacked to their end, its records counted."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.model.errors import SourceError
from pipeline.sources.release.archive import Archive, Member, open_archive

_BLOCK = 1 << 20
_TABLES = {"DWCA": ("occurrence.txt",), "SIMPLE_CSV": (".csv", ".txt")}


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def count_records(path: Path, form: str) -> int:
    """Count the records of a download of format DWCA, SIMPLE_CSV or SIMPLE_PARQUET.

    Text is read to its end, so that its checksum in the zip is verified on the way. Memory: one block of text, one
    Parquet footer. Raises SourceError when the zip is damaged or lacks its table.
    """
    archive = open_archive(path)
    if form == "SIMPLE_PARQUET":
        found = [m for m in archive.members if m.packed and ".parquet/" in m.name and m.base[:1] not in ("_", ".")]
        return sum(_parquet_rows(archive, member) for member in _some(found, path, form))
    suffixes = _TABLES[form]
    found = [m for m in archive.members if m.base.lower().endswith(suffixes) and "/" not in m.name.strip("/")]
    return sum(max(0, _lines(archive, member) - 1) for member in _some(found, path, form))


def _some(found: list[Member], path: Path, form: str) -> list[Member]:
    if not found:
        raise SourceError(f"the download holds no records of format {form}", where=str(path))
    return found


def _lines(archive: Archive, member: Member) -> int:
    lines, last = 0, b"\n"
    with archive.stream(member) as stream:
        while block := stream.read(_BLOCK):
            lines += block.count(b"\n")
            last = block[-1:]
    return lines + (last != b"\n")


def _parquet_rows(archive: Archive, member: Member) -> int:
    with archive.stream(member) as stream:
        try:
            return int(pq.read_metadata(stream).num_rows)
        except pa.ArrowInvalid as error:
            raise SourceError(f"a part is no Parquet file: {error}", where=archive.origin(member)) from error
