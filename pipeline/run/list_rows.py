"""Rows of a list that people wrote: a table of cells, lines of text, or JSON objects, one fault costing one row."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from pipeline.model.errors import SourceError

MAX_LINE = 1 << 20
"""Characters of a line, beyond which the file is no list."""
MAX_QUOTED = 64 << 10
"""Characters of a row with line ends in quotes; a longer one is taken for an unbalanced quote."""
MAX_KEYS = 1_000
_SHOWN = 160
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
    """The lines of a text, which can be put back."""

    def __init__(self, text: TextIO, path: Path) -> None:
        self._text, self._path = text, path
        self._back: deque[str] = deque()
        self.number = 0
        """Number of the line that was given last, from 1."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else self._text.readline(MAX_LINE + 1)
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

    def put_back(self, lines: Sequence[str]) -> None:
        """Return these lines again, the first one first."""
        self._back.extendleft(reversed(lines))
        self.number -= len(lines)


def split(line: str, delimiter: str) -> list[str]:
    """Split a line into its cells.

    >>> split('a,"b,c"\\n', ",")
    ['a', 'b,c']
    """
    return next(csv.reader([line], delimiter=delimiter), [])


def table_rows(lines: Lines, delimiter: str, width: int) -> Iterator[Row]:
    """Yield the rows of a table behind its header, as RFC 4180 has them; blank lines are none.

    A row with fewer cells than the header has null for the rest. One with more, or with bytes that are no UTF-8, has a
    fault, and so has a line that opens a quote which is never closed: reading goes on at the next line.
    """
    csv.field_size_limit(MAX_LINE)
    for first in lines:
        if not first.strip("\r\n"):
            continue
        taken = [first]
        cells, fault = _record(lines, taken, delimiter)
        while len(cells) > width and not cells[-1]:  # a delimiter at the end of every line
            cells.pop()
        if not fault and (len(cells) > width or (len(taken) > 1 and len(cells) < width)):
            fault = f"{len(cells)} cells where the header has {width}"
        if not fault and any(map(has_foreign_bytes, taken)):
            fault = "bytes that are no UTF-8"
        if fault:
            lines.put_back(taken[1:])
            yield Row((None,) * width, f"{fault}: {_shown(first)}")
        else:
            yield Row((*(cell or None for cell in cells), *(None,) * (width - len(cells))))


def _record(lines: Lines, taken: list[str], delimiter: str) -> tuple[list[str], str]:
    """Return the cells of the record that begins with the line taken, and what is wrong with it; take what it needs."""

    def pull() -> Iterator[str]:
        yield taken[0]
        size = len(taken[0])
        for line in lines:
            taken.append(line)
            size += len(line)
            if size > MAX_QUOTED:
                return
            yield line

    try:
        return next(csv.reader(pull(), delimiter=delimiter, strict=True), []), ""
    except csv.Error as error:
        unclosed = "unexpected end" in str(error)
        return [], "a quote that is not closed" if unclosed else f"misplaced quotes ({error})"


def line_rows(lines: Lines) -> Iterator[Row]:
    """Yield each line as a row of one cell; blank lines, and lines that begin with '#', are none."""
    for line in lines:
        text = line.strip()
        if text and not text.startswith("#"):
            foreign = has_foreign_bytes(text)
            yield Row((None,), f"bytes that are no UTF-8: {_shown(text)}") if foreign else Row((text,))


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
        return "bytes that are no UTF-8"
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
