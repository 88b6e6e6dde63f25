"""The descriptor of a Darwin Core Archive (meta.xml): which files hold which tables, and how they are written.

Source: Darwin Core text guide (https://dwc.tdwg.org/text/), whose defaults hold for attributes that are absent.
"""

from __future__ import annotations

import codecs
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass

from pipeline.model.errors import SourceError

_ESCAPES = {"\\t": "\t", "\\n": "\n", "\\r": "\r", "\\r\\n": "\n", "\r\n": "\n", "\\\\": "\\"}
MAX_INDEX = 99_999
MAX_HEADER_LINES = 1_000
_INTEGER = re.compile(r"\+?0*([0-9]{1,5})")  # of the ASCII digits; int() takes every script's
_ENCODINGS = {"utf-8": "utf-8", "ascii": "utf-8", "iso8859-1": "iso8859-1", "cp1252": "cp1252"}


@dataclass(frozen=True, slots=True)
class TableMeta:
    """One table of the archive, as described."""

    row_type: str
    """Last part of the row type's URI, such as Occurrence or Multimedia."""
    locations: tuple[str, ...]
    delimiter: str
    quoted: bool
    newline: str
    encoding: str
    header_lines: int
    id_index: int
    """Column of the core's id, or of the core id in an extension; -1 when not stated."""
    fields: tuple[tuple[int, str], ...]
    """(column index, last part of the term's URI)."""
    core: bool = False
    quote: str = '"'
    """The character that encloses fields, where `quoted`."""
    defaults: tuple[tuple[str, str], ...] = ()
    """(last part of the term's URI, value) for terms without a column, or whose cell is empty."""

    def columns(self) -> tuple[str, ...]:
        """Return the columns by index, for tables without a header; unnamed ones are empty."""
        width = max([index for index, _ in self.fields] + [self.id_index]) + 1
        names = [""] * width
        for index, term in self.fields:
            names[index] = names[index] or term
        return tuple(names)


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What meta.xml says."""

    tables: tuple[TableMeta, ...]
    metadata: str = ""
    """Name of the document that describes the dataset; empty when none is named."""
    space_before: bool = False
    """White space stands before the XML declaration, which strict parsers refuse."""


def read_meta(data: bytes, where: str) -> Descriptor:
    """Read a descriptor; raises SourceError when it is no XML, or asks for what cannot be read.

    >>> xml = b'<archive><core rowType="x/Occurrence" fieldsTerminatedBy="\\\\t" ignoreHeaderLines="1" '
    >>> xml += b'fieldsEnclosedBy=""><files><location>o.txt</location></files><id index="0"/></core></archive>'
    >>> read_meta(xml, "meta.xml").tables[0].locations
    ('o.txt',)
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        # As UTF-8, so that the check for declarations below sees what the parser will see.
        data = re.sub(r"^\s*<\?xml[^>]*\?>", "", data.decode("utf-16", errors="replace")).encode()
    marked = data.removeprefix(codecs.BOM_UTF8)
    text = marked.lstrip()
    if re.search(rb"<!(?:DOCTYPE|ENTITY)", text, re.IGNORECASE):
        raise SourceError(
            "the descriptor declares a document type or entities",
            where=where,
            expected="plain XML, as the Darwin Core text guide shows",
            remedy="remove the declaration from meta.xml",
        )
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        raise SourceError(
            f"the descriptor is no XML: {error}", where=where, remedy="fetch the archive again from its provider"
        ) from error
    tables = [_table(node, where) for node in root if _local(node.tag) in ("core", "extension")]
    if sum(table.core for table in tables) > 1:
        raise SourceError(
            "the descriptor has more than one <core>",
            where=where,
            expected="one <core>, and any number of <extension>",
            remedy="remove all but one from meta.xml",
        )
    return Descriptor(tuple(tables), root.get("metadata", "").strip(), text != marked and text.startswith(b"<?xml"))


def local_name(term: str) -> str:
    """Return the last part of a term, without namespace or prefix.

    >>> local_name("http://rs.tdwg.org/dwc/terms/eventDate"), local_name("dwc:eventDate")
    ('eventDate', 'eventDate')
    """
    return re.split(r"[/#:]", term.strip())[-1]


def _local(tag: str) -> str:
    return tag.rsplit("}", 1)[-1]


def _table(node: ET.Element, where: str) -> TableMeta:
    locations, fields, defaults, ids = [], [], [], []
    for part in node.iter():
        name = _local(part.tag)
        if name == "location" and part.text:
            locations.append(part.text.strip())
        elif name in ("id", "coreid"):
            ids.append(_number(part, "index", MAX_INDEX, where))
        elif name == "field":
            term = local_name(part.get("term", ""))
            if (index := _number(part, "index", MAX_INDEX, where)) >= 0:
                fields.append((index, term))
            if part.get("default"):
                defaults.append((term, part.get("default", "")))
    if len(set(ids)) > 1:
        raise SourceError(
            f"a table has its id in several columns: {ids}",
            where=f"{where}, <{_local(node.tag)}>",
            expected="one <id> or <coreid>",
            remedy="remove all but one from meta.xml",
        )
    enclosed = node.get("fieldsEnclosedBy", '"').strip() or ""
    if len(enclosed.encode()) > 1:
        raise SourceError(
            f"fields enclosed by {enclosed!r} cannot be read",
            where=where,
            expected="no enclosing character, or one ASCII character",
            remedy="export the table with double quotes or without quoting",
        )
    newline = node.get("linesTerminatedBy", "\\n")
    return TableMeta(
        row_type=local_name(node.get("rowType", "")),
        locations=tuple(locations),
        delimiter=_delimiter(node.get("fieldsTerminatedBy", ","), enclosed, where),
        quoted=bool(enclosed),
        newline="\r" if newline in ("\\r", "\r") else "\n",
        encoding=_encoding(node.get("encoding", "UTF-8"), where),
        header_lines=max(0, _number(node, "ignoreHeaderLines", MAX_HEADER_LINES, where)),
        id_index=ids[0] if ids else -1,
        fields=tuple(fields),
        core=_local(node.tag) == "core",
        quote=enclosed or '"',
        defaults=tuple(defaults),
    )


def _number(node: ET.Element, name: str, most: int, where: str) -> int:
    """Return a number that counts columns or lines; -1 where the attribute is absent or blank.

    Raises SourceError for any other text: a negative column would be counted from the row's end.
    """
    text = node.get(name, "").strip()
    if not text:
        return -1
    stated = _INTEGER.fullmatch(text)
    if stated is None or int(stated[1]) > most:
        raise SourceError(
            f"{name}={text[:40]!r} is no number of a {'column' if name == 'index' else 'line'}",
            where=f"{where}, <{_local(node.tag)}> {node.get('term') or node.get('rowType', '')}".strip(),
            expected=f"a whole number from 0 to {most}",
            remedy="correct meta.xml, which counts columns from 0, or fetch the archive again from its provider",
        )
    return int(stated[1])


def _delimiter(text: str, enclosed: str, where: str) -> str:
    delimiter = _ESCAPES.get(text, text)
    if len(delimiter) != 1 or not delimiter.isascii() or delimiter in f"\r\n\0{enclosed}":
        raise SourceError(
            f"fields cannot be told apart by the delimiter {text[:40]!r}",
            where=where,
            expected="one ASCII character that ends no line and encloses no field",
            remedy="export the table with tabs or commas, and correct meta.xml",
        )
    return delimiter


def _encoding(name: str, where: str) -> str:
    try:
        known = _ENCODINGS.get(codecs.lookup(name.strip() or "utf-8").name)
    except LookupError:
        known = None
    if known is None:
        raise SourceError(
            f"tables in the encoding {name!r} cannot be read",
            where=where,
            expected="UTF-8, ISO-8859-1 or windows-1252",
            remedy="convert the table to UTF-8 and correct meta.xml",
        )
    return known
