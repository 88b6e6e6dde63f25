"""A Darwin Core Archive counted: rows, orphans, ragged rows, repeated and missing ids, licences, media, issues."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq

from manifests.tables import BROKEN_QUOTES, Dialect, count_fields, split_line
from pipeline.inspection.findings import Findings
from pipeline.inspection.media import count_licences, count_media
from pipeline.sources.darwin_core.dwca_encoding import choose_encoding
from pipeline.sources.darwin_core.dwca_layout import DwcaLayout, DwcaTable
from pipeline.sources.darwin_core.eml import EML_BYTES, release_name, rights
from pipeline.sources.release.base import Split
from pipeline.sources.text import delimited
from pipeline.sources.text.files import TextFile
from pipeline.storage.database import connect, quote
from pipeline.storage.statements import Statements

SPLIT_BYTES = 16 << 20
MEMORY_MB = 256
_IDS = pa.schema([("id", pa.string())])
_TERMS = (
    *("license", "rights", "UsageTerms", "WebStatement", "type", "format", "accessURI", "identifier"),
    "bestQualityAccessURI",
)
_SQL = Statements(__name__)
_STATED = "CASE WHEN trim(id) <> '' THEN id END"
"""A blank id is none; any other is compared as it stands, for that is how the tables refer to each other."""
_RAGGED = ("RAGGED_SHORT", "RAGGED_LONG")


def inspect_dwca(layout: DwcaLayout, kind: str) -> Findings:
    """Read every row of an archive once; ids are compared on disk, so memory does not grow with the archive."""
    findings = Findings(str(layout.archive.path), kind, core=layout.core.row_type)
    eml = layout.archive.head(layout.metadata, EML_BYTES) if layout.metadata else b""
    findings.release, findings.license = release_name(eml, layout.archive.path), rights(eml)
    for oddity in layout.oddities:
        findings.note(oddity.code, oddity.where, oddity.detail)
    with TemporaryDirectory(prefix="biomill-inspect-") as folder:
        spool = Path(folder)
        for number, table in enumerate(layout.tables):
            if table.files:
                rows = _count_table(layout, table, spool, spool / f"ids-{number}.parquet", findings)
                findings.tables[table.name] = rows
                if table.core:
                    findings.core_rows += rows
                elif rows:
                    findings.extension_rows[table.row_type] = findings.extension_rows.get(table.row_type, 0) + rows
        _compare_ids(layout, spool, findings)
    return findings


@dataclass(frozen=True, slots=True)
class _File:
    file: TextFile
    dialect: Dialect
    table: DwcaTable


def _count_table(layout: DwcaLayout, table: DwcaTable, spool: Path, ids: Path, findings: Findings) -> int:
    archive = layout.archive
    members = {member.name: member for member in archive.members}
    rows = 0
    with pq.ParquetWriter(ids, _IDS) as writer:
        for file in table.files:
            member = members[file.member]
            path = archive.readable(member, spool)
            dialect = choose_encoding(path, file.dialect)
            origin = archive.origin(member)
            if dialect.encoding != file.dialect.encoding:
                findings.note(
                    "ENCODING_MISMATCH", origin, f"declared {file.dialect.encoding}, read as {dialect.encoding}"
                )
            if blank_last_line(path, dialect):
                findings.note("BLANK_LAST_LINE", origin, "a blank line at the end")
            splits = delimited.cut(
                path,
                dialect,
                table=table.name,
                origin=origin,
                columns=file.columns,
                start=file.start,
                target_bytes=SPLIT_BYTES,
            )
            for split in splits:
                rows += _count_split(split, _File(file, dialect, table), writer, findings)
            if path.parent == spool:
                path.unlink()
    return rows


def _count_split(split: Split, own: _File, writer: pq.ParquetWriter, findings: Findings) -> int:
    names = [name for name in own.file.columns if name.split("#")[0] in _TERMS]
    wanted = [*dict.fromkeys([own.table.id_column, *names])] if own.table.id_column else names
    native = delimited.parse(split, own.dialect, source="", wanted=wanted)
    blank, found = 0, []
    for row in native.ended.to_pylist():
        code = str(json.loads(row["evidence"])["code"])
        findings.note(code, f"{row['locator_file']}, row {row['locator_row']}", row["raw"])
        if code == "BLANK_LINE":
            blank += 1
            continue
        findings.ragged += code in _RAGGED
        found.append(_id_of(row["raw"], own))
    ids = (
        native.table.column(own.table.id_column)
        if own.table.id_column
        else pa.nulls(native.table.num_rows, pa.string())
    )
    writer.write_table(pa.table({"id": ids}, schema=_IDS))
    writer.write_table(pa.table({"id": pa.array(found, pa.string())}, schema=_IDS))
    if own.table.core or own.table.holds_media:
        count_licences(native.table, findings)
    if own.table.holds_media:
        count_media(native.table, findings)
    return split.rows - blank


def _id_of(raw: str, own: _File) -> str | None:
    """Return the id of a row that could not be parsed, where its beginning can be split."""
    if not own.table.id_column:
        return None
    index = own.file.columns.index(own.table.id_column)
    encoded = raw.encode(own.dialect.encoding, errors="replace")
    broken = own.dialect.quoted and count_fields(encoded, own.dialect) == BROKEN_QUOTES
    cells = split_line(encoded, replace(own.dialect, quoted=False) if broken else own.dialect)
    return cells[index] or None if index < len(cells) else None


def blank_last_line(path: Path, dialect: Dialect) -> bool:
    """Return whether a blank line follows the last row (or the header of a table without rows)."""
    size = path.stat().st_size
    with path.open("rb") as handle:
        handle.seek(max(0, size - 64))
        tail = handle.read()
    return tail[len(tail.rstrip(b"\r\n")) :].count(dialect.newline.encode()) > 1


def _compare_ids(layout: DwcaLayout, spool: Path, findings: Findings) -> None:
    core = next(number for number, table in enumerate(layout.tables) if table.core)
    with connect(MEMORY_MB, spool) as con:
        con.execute(f"CREATE VIEW core AS SELECT {_STATED} AS id FROM {quote(str(spool / f'ids-{core}.parquet'))}")
        stated = con.execute("SELECT count(*) - count(id), count(id) - count(DISTINCT id) FROM core").fetchall()[0]
        findings.no_id, findings.dup_ids = int(stated[0]), int(stated[1])
        for number, table in enumerate(layout.tables):
            if not table.core and table.files:
                extension = quote(str(spool / f"ids-{number}.parquet"))
                query = _SQL("orphans", stated=_STATED, extension=extension)
                findings.orphans += int(con.execute(query).fetchall()[0][0])
