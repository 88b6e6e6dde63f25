"""What a Darwin Core Archive holds: its tables, how each is written, and everything odd about how it was packed.

Archives in the wild disagree with their descriptor, or have none. What can be understood is read, and what was odd
about it becomes an issue code; rules look at bytes and names' structure, never at which archive it is.

Sources: Darwin Core text guide (https://dwc.tdwg.org/text/); for archives without a descriptor, the practice of GBIF's
readers: one text table with a header is the core.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from manifests.tables import (
    BOM,
    BROKEN_QUOTES,
    Dialect,
    count_fields,
    read_header,
    sniff_dialect,
    table_rows,
    true_newline,
    unique_names,
)
from pipeline.model.errors import SourceError
from pipeline.sources.darwin_core.dwca_meta import Descriptor, TableMeta, local_name, read_meta
from pipeline.sources.release.archive import Archive, Member, open_archive
from pipeline.sources.text.delimited import as_source_error
from pipeline.sources.text.files import TextFile

HEAD_BYTES = 1 << 20
"""What is looked at of a file to see how it is written."""
CORE_ID = "@id"
"""Name of a column that holds the core's id and has no term of its own."""
_META_BYTES = 16 << 20
_TABLES = (".txt", ".csv", ".tsv", ".tab")
_MEDIA = frozenset({"multimedia", "image", "document", "media", "audiovisual"})
_CORES = ("occurrence", "occurrences", "taxon", "taxa", "event", "darwincore")
_IDS = ("id", "gbifid", "occurrenceid", "taxonid", "eventid")


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something odd about the archive, its descriptor or a file."""

    code: str
    where: str
    detail: str


@dataclass(frozen=True, slots=True)
class DwcaTable:
    """One table of the archive: all files of one core or extension."""

    name: str
    """Unique name of the table in this archive: its row type in lower case, numbered where it is repeated."""
    row_type: str
    core: bool
    files: tuple[TextFile, ...]
    id_column: str
    """Column that holds the core's id; empty when no column does."""
    defaults: tuple[tuple[str, str], ...] = ()

    @property
    def holds_media(self) -> bool:
        """Whether its rows are media: Simple Multimedia, Audubon Core, GBIF Image, EOL Document, or any accessURI."""
        return self.row_type.lower() in _MEDIA or any("accessURI" in file.columns for file in self.files)


@dataclass(frozen=True, slots=True)
class DwcaLayout:
    """An archive, understood."""

    archive: Archive
    tables: tuple[DwcaTable, ...]
    oddities: tuple[Oddity, ...]
    described_by: tuple[Member, ...]
    """meta.xml and the metadata document, as far as they are there."""
    metadata: Member | None = None

    @property
    def core(self) -> DwcaTable:
        """The core table."""
        return next(table for table in self.tables if table.core)


def read_layout(release: Path | Archive) -> DwcaLayout:
    """Find the tables of an archive, with or without a descriptor.

    Issue codes: JUNK_MEMBER, BACKSLASH_NAME, SUBDIRECTORY, NO_META, METADATA_MISSING, XML_SPACE_BEFORE, FILE_CASE,
    FILE_MISSING, TABLE_WITHOUT_LOCATION, and per file BOM, CRLF, CR_ONLY, HEADER_UNEXPECTED, UNBALANCED_QUOTE (in the
    header), FIELD_INDEX_BEYOND_ROW. Raises SourceError when there is no core table to read.
    """
    archive = release if isinstance(release, Archive) else open_archive(release)
    odd = [Oddity("JUNK_MEMBER", archive.path.name, name) for name in archive.junk]
    odd += [Oddity("BACKSLASH_NAME", archive.path.name, m.stored_as) for m in archive.members if "\\" in m.stored_as]
    meta = find_member(archive, "meta.xml")
    if meta is None:
        tables = _undescribed(archive, odd)
        metadata = None
        odd.append(Oddity("NO_META", archive.path.name, "no meta.xml"))
    else:
        described = read_meta(archive.head(meta, _META_BYTES), archive.origin(meta))
        tables = _described(archive, meta, described, odd)
        metadata = find_member(archive, described.metadata, _folder(meta)) if described.metadata else None
        if described.metadata and metadata is None and "://" not in described.metadata:
            odd.append(Oddity("METADATA_MISSING", archive.origin(meta), described.metadata))
        if described.space_before:
            odd.append(Oddity("XML_SPACE_BEFORE", archive.origin(meta), "white space before the XML declaration"))
    core = next((table for table in tables if table.core), None)
    if core is None or not core.files:
        raise SourceError(
            "the archive has no core table",
            where=str(archive.path),
            expected="a meta.xml with a <core> whose file is there, or one text table with a header",
            remedy="check that this is a Darwin Core Archive and whole; fetch it again from its provider",
        )
    anchor = meta.name if meta else core.files[0].member
    if "/" in anchor:
        odd.append(Oddity("SUBDIRECTORY", archive.path.name, anchor.rsplit("/", 1)[0]))
    metadata = metadata or find_member(archive, "eml.xml") or find_member(archive, "metadata.xml")
    return DwcaLayout(archive, tuple(tables), tuple(odd), tuple(m for m in (meta, metadata) if m), metadata)


def find_member(archive: Archive, name: str, folder: str = "") -> Member | None:
    """Find a member by its path beside the descriptor, else by its last part in any folder and case, packed or not.

    Raises SourceError when two members of one folder are meant alike, being told apart by their case alone.
    """
    wanted = str(PurePosixPath(folder) / name.replace("\\", "/").removeprefix("./"))
    for member in archive.members:
        if member.name in (wanted, f"{wanted}.gz"):
            return member
    base = PurePosixPath(wanted).name.lower()
    found = [m for m in archive.members if m.base.lower() in (base, f"{base}.gz")]
    first = min(found, key=lambda m: (m.name.count("/"), m.name), default=None)
    for other in found:
        if first is not None and other is not first and other.name.lower() == first.name.lower():
            raise SourceError(
                f"the archive holds {first.name!r} and {other.name!r}, either of which may be meant by {name!r}",
                where=archive.origin(first),
                expected="one member of this name",
                remedy="unpack it, keep the right one, and name the folder",
            )
    return first


def _folder(member: Member) -> str:
    parent = str(PurePosixPath(member.name).parent)
    return "" if parent == "." else parent


def _described(archive: Archive, meta: Member, described: Descriptor, odd: list[Oddity]) -> list[DwcaTable]:
    tables: list[DwcaTable] = []
    for table in described.tables:
        name = _own_name(table.row_type, [t.name for t in tables])
        if not table.locations:
            odd.append(Oddity("TABLE_WITHOUT_LOCATION", archive.origin(meta), table.row_type))
        files: list[TextFile] = []
        for location in table.locations:
            member = find_member(archive, location, _folder(meta))
            if member is None:
                odd.append(Oddity("FILE_MISSING", archive.origin(meta), location))
                continue
            base = PurePosixPath(location.replace("\\", "/")).name
            if member.base.removesuffix(".gz") != base and member.base != base:
                odd.append(Oddity("FILE_CASE", archive.origin(meta), f"{location} is {member.name}"))
            files.append(_file(archive, member, name, table, odd))
        id_column = ""
        if files and 0 <= table.id_index < len(files[0].columns):
            id_column = files[0].columns[table.id_index]
        tables.append(DwcaTable(name, table.row_type, table.core, tuple(files), id_column, table.defaults))
    return tables


def _file(archive: Archive, member: Member, name: str, meta: TableMeta, odd: list[Oddity]) -> TextFile:
    where = archive.origin(member)
    head = archive.head(member, HEAD_BYTES)
    with as_source_error():
        dialect = Dialect(meta.delimiter, meta.quoted, meta.encoding, "\n", meta.quote)
    lines = meta.header_lines
    dialect = true_newline(head, dialect, lines)
    _note_writing(head, dialect, where, odd)
    terms = dict(reversed(meta.fields))
    if lines == 0 and _is_header(head, dialect, terms):
        odd.append(Oddity("HEADER_UNEXPECTED", where, "a header where meta.xml announces none"))
        lines = 1
    header = read_header(head, dialect, lines)
    first = head[: header.start] if lines else b""
    if dialect.quoted and first.count(dialect.quote.encode()) % 2:
        odd.append(Oddity("UNBALANCED_QUOTE", where, "an odd number of quotes in the header"))
    width = len(header.columns) if lines == 1 else _usual_width(head[header.start :], dialect) or len(meta.columns())
    beyond = sorted({index for index in (*terms, meta.id_index) if index >= width})
    if beyond:
        odd.append(Oddity("FIELD_INDEX_BEYOND_ROW", where, f"field {beyond[0]} of a row of {width} fields"))
    names = [local_name(column) for column in header.columns] if lines == 1 else [""] * width
    moved = _moved(names, terms)
    if moved:
        odd.append(Oddity("HEADER_UNEXPECTED", where, moved))
    columns = [terms.get(index, names[index]) for index in range(width)]
    if 0 <= meta.id_index < width and meta.id_index not in terms:
        columns[meta.id_index] = CORE_ID  # the same name in every file of the table, whatever its header says
    return TextFile(name, member.name, header.start, unique_names(columns), dialect)


def _note_writing(head: bytes, dialect: Dialect, where: str, odd: list[Oddity]) -> None:
    if head.startswith(BOM):
        odd.append(Oddity("BOM", where, "a byte order mark"))
    if dialect.newline == "\r":
        odd.append(Oddity("CR_ONLY", where, "rows end in a carriage return alone"))
    elif b"\r\n" in head:
        odd.append(Oddity("CRLF", where, "rows end in carriage return and line feed"))


def _is_header(head: bytes, dialect: Dialect, terms: dict[int, str]) -> bool:
    """Return whether the first line repeats the names that the descriptor gives to the columns."""
    cells = [local_name(cell).lower() for cell in read_header(head, dialect, 1).columns]
    same = sum(index < len(cells) and cells[index] == term.lower() for index, term in terms.items())
    return 2 * same > len(terms) and same >= 2


def _moved(names: list[str], terms: dict[int, str]) -> str:
    """Return where header cells name terms that the descriptor gives to other columns; empty unless two or more do.

    One alone is a provider's own name for a column that happens to be a term; two are columns in another order.
    """
    found = []
    places: dict[str, list[int]] = {}
    for index, term in sorted(terms.items()):
        places.setdefault(term.lower(), []).append(index)
    for index, name in enumerate(names):
        own = terms.get(index, "").lower()
        others = places.get(name.lower(), [])
        if own and others and index not in others:
            found.append(f"column {index} is {name} in the file, {terms[index]} in meta.xml")
    return "; ".join(found[:3]) if len(found) > 1 else ""


def _usual_width(body: bytes, dialect: Dialect) -> int:
    rows = table_rows(body, dialect)
    counts = Counter(width for width in (count_fields(row, dialect) for row in rows) if width != BROKEN_QUOTES)
    return max(counts, key=lambda width: (counts[width], width), default=0)


def _undescribed(archive: Archive, odd: list[Oddity]) -> list[DwcaTable]:
    """Return the tables of an archive without a descriptor: the core, and tables whose header names the core's id."""
    single = archive.kind in ("file", "gzip")
    members = [m for m in archive.members if m.size != 0 and (single or _stem(m)[1] in _TABLES)]
    if len(members) > 1:
        members = [m for m in members if not _stem(m)[0].startswith(("readme", "rights", "citation", "eml", "licen"))]
    files: dict[str, TextFile] = {}
    for member in members:
        head = archive.head(member, HEAD_BYTES)
        dialect = sniff_dialect(head)
        if dialect is None:
            continue
        header = read_header(head, dialect, 1)
        name = _own_name(_stem(member)[0], list(files))
        _note_writing(head, dialect, archive.origin(member), odd)
        columns = unique_names([local_name(column) for column in header.columns])
        files[name] = TextFile(name, member.name, header.start, columns, dialect)
    if not files:
        return []
    sizes = {member.name: member.packed for member in members}
    core = min(files, key=lambda n: (_core_place(n), -sizes[files[n].member], n))
    id_column = _id_column(files[core].columns)
    tables = [DwcaTable(core, _row_type(core, files[core].columns), True, (files[core],), id_column)]
    for name, file in sorted(files.items()):
        key = next((c for c in file.columns if c.lower() in ("coreid", id_column.lower())), "")
        if name != core and key:
            tables.append(DwcaTable(name, name, False, (file,), key))
    return tables


def _core_place(name: str) -> int:
    return _CORES.index(name) if name in _CORES else len(_CORES)


def _stem(member: Member) -> tuple[str, str]:
    path = PurePosixPath(member.base.lower().removesuffix(".gz"))
    return path.stem, path.suffix


def _id_column(columns: tuple[str, ...]) -> str:
    names = {column.lower(): column for column in columns}
    if columns[0].lower() in _IDS:
        return columns[0]
    return next((names[name] for name in _IDS if name in names), columns[0])


def _row_type(name: str, columns: tuple[str, ...]) -> str:
    if name in ("taxon", "taxa", "event"):
        return "Event" if name == "event" else "Taxon"
    lower = {column.lower() for column in columns}
    return "Occurrence" if lower & {"gbifid", "occurrenceid", "basisofrecord"} or name in _CORES[:2] else "Taxon"


def _own_name(row_type: str, taken: list[str]) -> str:
    name = row_type.lower() or "table"
    number = sum(other == name or other.startswith(f"{name}#") for other in taken)
    return f"{name}#{number + 1}" if number else name
