"""Which encoding a text table is really in, where its descriptor says UTF-8 and its bytes do not.

A file is decoded strictly. One that is not UTF-8 is read as windows-1252 when no line of it shows UTF-8 beyond ASCII; a
file that mixes both stays UTF-8, and the lines that are not end as malformed rows: nothing is replaced in silence.
"""

from __future__ import annotations

import codecs
import dataclasses
from pathlib import Path

from manifests.tables import Dialect

_CHUNK = 8 << 20


def choose_encoding(path: Path, dialect: Dialect) -> Dialect:
    """Return the dialect with the encoding that the whole file is in; reads the file once, in bounded memory."""
    if dialect.encoding != "utf-8" or _decodes(path, "utf-8"):
        return dialect
    if _has_utf8_line(path):
        return dialect
    return dataclasses.replace(dialect, encoding="cp1252" if _decodes(path, "cp1252") else "iso8859-1")


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    with path.open("rb") as handle:
        try:
            while block := handle.read(_CHUNK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _has_utf8_line(path: Path) -> bool:
    """Return whether any line holds UTF-8 beyond ASCII; windows-1252 prose hardly ever looks like it."""
    with path.open("rb") as handle:
        while line := handle.readline(_CHUNK):
            if not line.isascii():
                try:
                    line.decode()
                except UnicodeDecodeError:
                    continue
                return True
    return False
