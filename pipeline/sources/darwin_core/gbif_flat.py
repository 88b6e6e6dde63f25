"""Records of GBIF's search API, with their nested media, as the two tables that a download has.

Cells are written as GBIF's downloads write them: lists joined by ';', and tabs, line ends and their relatives as
spaces, so that one mapping serves both. Source: GBIF's occurrence API; `CleanDelimiters` of its download writer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.model.errors import SourceError
from pipeline.sources.darwin_core.gbif_map import BACKBONE, MULTIMEDIA_COLUMNS, OCCURRENCE_COLUMNS
from pipeline.sources.mapping.json_cells import cell, raw
from pipeline.sources.mapping.json_stream import MAX_ELEMENT_CHARACTERS, iterate_elements
from pipeline.sources.release.archive import Archive, Member

PLACE_COLUMNS = ("file", "element", "malformed")
"""File and number of the record a row comes from, and the raw text of what is no record or medium (else null)."""
TABLES = {
    "occurrence": (*OCCURRENCE_COLUMNS, *PLACE_COLUMNS),
    "multimedia": (*MULTIMEDIA_COLUMNS, *PLACE_COLUMNS),
}
_BATCH = 20_000
_DELIMITERS = re.compile("[\t\n\r\v\f\x00\x1f\x85\u2028\u2029]")

Row = dict[str, str | None]


def flatten(archive: Archive, members: Sequence[Member], targets: dict[str, Path], checklist: str = "") -> None:
    """Write the records of all files as Parquet, one file per table of `TABLES`, rows in the order of the input.

    `checklist`: UUID of the checklist whose taxon keys are wanted. Memory: one batch of rows. Raises SourceError when
    a file is no JSON, or holds other things than records.
    """
    with ExitStack() as stack:
        schemas = {name: pa.schema([pa.field(c, pa.string()) for c in columns]) for name, columns in TABLES.items()}
        writers = {name: stack.enter_context(pq.ParquetWriter(targets[name], schemas[name])) for name in TABLES}
        batches: dict[str, list[Row]] = {name: [] for name in TABLES}
        for member in members:
            for table, row in _rows(archive, member, checklist):
                batch = batches[table]
                batch.append(row)
                if len(batch) == _BATCH:
                    writers[table].write_table(pa.Table.from_pylist(batch, schema=schemas[table]))
                    batch.clear()
        for name, batch in batches.items():
            if batch:
                writers[name].write_table(pa.Table.from_pylist(batch, schema=schemas[name]))


def _rows(archive: Archive, member: Member, checklist: str) -> Iterator[tuple[str, Row]]:
    origin = archive.origin(member)
    for number, element in enumerate(_elements(archive, member), 1):
        place: Row = {"file": origin, "element": str(number)}
        if not isinstance(element, dict):
            yield "occurrence", {**place, "malformed": raw(element)}
            continue
        yield "occurrence", {**place, **occurrence_row(element, checklist)}
        media = element.get("media")
        for medium in media if isinstance(media, list) else [media] if media else []:
            if isinstance(medium, dict):
                yield "multimedia", {**place, **medium_row(element, medium)}
            else:
                yield "multimedia", {**place, "malformed": raw(medium)}


def occurrence_row(record: dict[str, Any], checklist: str = "") -> Row:
    """Return a record as a row of occurrence.txt, with its taxon key in a checklist where it was classified by that.

    The key at the top of a record belongs to the Backbone, whatever checklist was searched by; those of others stand
    in `classifications`. A row says which checklist its key belongs to.

    >>> row = occurrence_row({"key": 7, "taxonKey": 212, "issues": ["A", "B"], "class": "Aves"})
    >>> [row[name] for name in ("gbifID", "taxonKey", "issue", "class", "sex")]
    ['7', '212', 'A;B', 'Aves', None]
    """
    row = {name: _text(record.get(name)) for name in OCCURRENCE_COLUMNS}
    row["gbifID"] = _gbif_id(record)
    key = _usage_key(record.get("classifications"), checklist)
    row["taxonKey"] = key or row["taxonKey"]
    row["checklistKey"] = checklist if key else row["checklistKey"] or BACKBONE
    row["issue"] = _text(record.get("issues")) or row["issue"]
    return row


def medium_row(record: dict[str, Any], medium: dict[str, Any]) -> Row:
    """Return a medium of a record as a row of multimedia.txt."""
    return {**{name: _text(medium.get(name)) for name in MULTIMEDIA_COLUMNS}, "gbifID": _gbif_id(record)}


def _usage_key(classifications: Any, checklist: str) -> str | None:
    found = classifications.get(checklist) if checklist and isinstance(classifications, dict) else None
    usage = found.get("usage") if isinstance(found, dict) else None
    return cell(usage.get("key")) if isinstance(usage, dict) else None


def _gbif_id(record: dict[str, Any]) -> str | None:
    return cell(record.get("gbifID")) or cell(record.get("key"))


def _text(value: Any) -> str | None:
    if isinstance(value, list):
        return ";".join(text for item in value if (text := _text(item))) or None
    text = cell(value)
    return None if text is None else _DELIMITERS.sub(" ", text).strip() or None


def _elements(archive: Archive, member: Member) -> Iterator[Any]:
    where = archive.origin(member)
    with archive.stream(member) as stream:
        if member.base.lower().removesuffix(".gz").endswith((".jsonl", ".ndjson")):
            while line := stream.readline(MAX_ELEMENT_CHARACTERS + 1):
                if len(line) > MAX_ELEMENT_CHARACTERS:
                    raise SourceError("a line is too long", where=where, expected=f"{MAX_ELEMENT_CHARACTERS} bytes")
                if line.strip():
                    yield _line(line)
            return
        records, others = 0, set()
        for key, element in iterate_elements(stream, where):
            if key in ("", "results"):
                records += 1
                yield element
            else:
                others.add(key)
        if others and not records:
            raise SourceError(
                f"the file holds no records but {', '.join(sorted(others))[:200]}",
                where=where,
                expected="an answer of the occurrence search, with its list `results`",
                remedy="name the folder that biomill pull gbif-pages wrote",
            )


def _line(line: bytes) -> Any:
    """Return the value of a line; what is no JSON is given as its text, which is no record."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return line.decode("utf-8", "replace").strip()
