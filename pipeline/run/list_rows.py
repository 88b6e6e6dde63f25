"""Rows of a list that people wrote: a table of cells, lines of text, or JSON objects, one fault costing one row."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from heapq import merge
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from manifests.tables import Dialect, Fault, FaultKind, read_parts
from pipeline.model.errors import SourceError
from pipeline.sources.text.delimited import as_source_error

MAX_LINE = 1 << 20
"""Characters of a line, beyond which the file is no list."""
MAX_KEYS = 1_000
_SHOWN = 160
_FOREIGN = "bytes that are no UTF-8"
_UTF16 = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of a row under the list's columns, or what is wrong with it."""

    cells: tuple[str | None, ...]
    fault: str = ""


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """Open a text file, gzipped or not, in UTF-8 (with or without a byte order mark) or UTF-16 with one.

    Bytes that are no UTF-8 come as lone surrogates, which `has_foreign_bytes` finds. Raises SourceError for an archive
    that is broken.
    """
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        binary = io.BufferedReader(gzip.GzipFile(fileobj=raw)) if packed else raw
        try:
            start = binary.peek(2)[:2]
            text = io.TextIOWrapper(
                binary,
                encoding=_UTF16.get(start, "utf-8-sig"),
                errors="surrogateescape" if start not in _UTF16 else "replace",
                newline="",
            )
            yield text
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise SourceError(
                f"the archive is broken: {error}", where=str(path), expected="a whole gzip file", remedy="pack it again"
            ) from error


def has_foreign_bytes(text: str) -> bool:
    r"""Return whether a text holds bytes that are no UTF-8.

    >>> has_foreign_bytes("caf\udce9"), has_foreign_bytes("café")
    (True, False)
    """
    return any("\udc80" <= letter <= "\udcff" for letter in text) if not text.isascii() else False


class Lines:
    """The lines of a text, numbered."""

    def __init__(self, text: TextIO, path: Path) -> None:
        self._text, self._path = text, path
        self.number = 0
        """Number of the line that was given last, from 1."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._text.readline(MAX_LINE + 1)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) > MAX_LINE:
            raise SourceError(
                f"the line is longer than {MAX_LINE:,} characters",
                where=f"{self._path}, line {self.number}",
                expected="a list with a row per line",
                remedy="check that this is the list",
            )
        return line


class _Encoded(io.RawIOBase):
    """The bytes of a text in UTF-8, whatever it was written in."""

    def __init__(self, text: TextIO) -> None:
        self._text = text

    def read(self, size: int = -1, /) -> bytes:
        """Return the bytes of as many characters."""
        return self._text.read(size).encode("utf-8", "surrogateescape")


def table_rows(text: TextIO, path: Path, dialect: Dialect, columns: Sequence[str], skip: int) -> Iterator[Row]:
    """Yield the rows of a table behind `skip` lines, the header the last of them; blank lines are none.

    A row with fewer cells than the header has null for the rest. One with more, or that no table can hold, has a fault,
    and so has a line that opens a quote which is never closed: reading goes on at the next line.
    """
    handle, nothing = cast(BinaryIO, _Encoded(text)), (None,) * len(columns)
    with as_source_error(str(path)):
        for part in read_parts(handle, dialect, columns, columns, skip=skip, fill=True):
            cells = map(Row, zip(*(column.to_pylist() for column in part.table.columns), strict=True))
            faults = (
                (fault.row, Row(nothing, f"{_wrong(fault, len(columns))}: {_shown(_text_of(part.raw(fault)))}"))
                for fault in part.faults
                if fault.kind is not FaultKind.BLANK_LINE
            )
            for _, row in merge(zip(part.rows.tolist(), cells, strict=True), faults, key=itemgetter(0)):
                yield row


def _wrong(fault: Fault, width: int) -> str:
    if fault.kind in (FaultKind.RAGGED_LONG, FaultKind.RAGGED_SHORT):
        return f"{fault.fields} cells where the header has {width}"
    if fault.kind is FaultKind.UNBALANCED_QUOTE:
        return "a quote that is not closed, or misplaced quotes"
    if fault.kind is FaultKind.ENCODING_MISMATCH:
        return _FOREIGN
    return "control characters, or a line end of another kind"


def _text_of(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def line_rows(lines: Lines) -> Iterator[Row]:
    """Yield each line as a row of one cell; blank lines, and lines that begin with '#', are none."""
    for line in lines:
        text = line.strip()
        if text and not text.startswith("#"):
            foreign = has_foreign_bytes(text)
            yield Row((None,), f"{_FOREIGN}: {_shown(text)}") if foreign else Row((text,))


def json_keys(lines: Lines) -> tuple[str, ...]:
    """Return the keys of all objects, in the order in which they come first. Raises SourceError for too many."""
    keys: dict[str, None] = {}
    for line in lines:
        found = _object(line)
        keys.update(dict.fromkeys(key for key in (found if isinstance(found, dict) else ()) if _cell(key) == key))
        if len(keys) > MAX_KEYS:
            raise SourceError(
                f"the objects have more than {MAX_KEYS:,} different keys", remedy="leave some of them out"
            )
    return tuple(keys)


def json_rows(lines: Lines, keys: Sequence[str]) -> Iterator[Row]:
    """Yield each line's object as a row: strings as they are, null as null, all else as its JSON.

    Blank lines are none.
    """
    for line in lines:
        if not line.strip():
            continue
        found = _object(line)
        if isinstance(found, dict):
            yield Row(tuple(_cell(found.get(key)) for key in keys))
        else:
            yield Row((None,) * len(keys), f"{found}: {_shown(line)}")


def _object(line: str) -> dict[str, object] | str:
    """Return the JSON object of a line, or what is wrong with it."""
    if has_foreign_bytes(line):
        return _FOREIGN
    try:
        found = json.loads(line) if line.strip() else {}
    except (ValueError, RecursionError) as error:
        return f"no JSON ({error})"
    if not isinstance(found, dict):
        return "no JSON object"
    return found


def _cell(value: object) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace").decode()  # JSON can hold half a character


def readable(text: str) -> str:
    r"""Return a text with bytes that are no UTF-8 as escapes.

    >>> readable("caf\udce9")
    'caf\\xe9'
    """
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _shown(line: str) -> str:
    text = readable(line.strip())
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
