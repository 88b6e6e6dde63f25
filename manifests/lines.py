"""The line of every key of a TOML document, which the standard parser does not tell.

The scanner runs only over text that tomllib has already accepted, so it may trust the syntax: it knows just enough of
TOML 1.0 (https://toml.io/en/v1.0.0) to tell keys from values. Keys of inline tables and items of arrays have the line
in which they stand themselves.
"""

from __future__ import annotations

import bisect
import re
import tomllib

from manifests.places import KeyPath

_STRING = (
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})'  # up to two quotes may precede the closing three
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
)
_SCALAR = re.compile(rf"{_STRING}|[^\"'#\n\[\]{{}},]+", re.DOTALL)
_BLANK = re.compile(r"(?:[ \t\n]+|#[^\n]*)*")
_KEY_PART = re.compile(r"""[ \t]*(?:([A-Za-z0-9_-]+)|("(?:\\.|[^"\\\n])*")|'([^'\n]*)')[ \t]*""")


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return the line, from 1, of every key and table of a valid TOML document.

    >>> key_lines('seed = 1\\n[[sources]]\\nname = "a"\\n[[sources]]\\n')[("sources", 1)]
    4
    """
    return _Scanner(text.replace("\r\n", "\n")).scan()


class _Scanner:
    """One pass over a document."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._newlines = [found.start() for found in re.finditer("\n", text)]
        self._lengths: dict[KeyPath, int] = {}  # arrays of tables, and how many tables each has so far
        self._lines: dict[KeyPath, int] = {}

    def scan(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        while self._skip_blank():
            line = self._line()
            if self._text.startswith("[[", self._at):
                self._at += 2
                *parents, last = self._key()
                array = (*self._resolve(parents), last)
                position = self._lengths.get(array, 0)
                self._lengths[array] = position + 1
                table = (*array, position)
                self._at += 2
            elif self._text.startswith("[", self._at):
                self._at += 1
                table = self._resolve(self._key())
                self._at += 1
            else:
                self._statement(table)
                continue
            self._note(table, line)
        return self._lines

    def _note(self, path: KeyPath, line: int) -> None:
        for end in range(1, len(path) + 1):
            self._lines.setdefault(path[:end], line)

    def _resolve(self, parts: list[str]) -> KeyPath:
        """Follow arrays of tables to their newest table, as a header does."""
        path: KeyPath = ()
        for part in parts:
            path = (*path, part)
            if path in self._lengths:
                path = (*path, self._lengths[path] - 1)
        return path

    def _skip_blank(self) -> bool:
        found = _BLANK.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return self._at < len(self._text)

    def _key(self) -> list[str]:
        parts: list[str] = []
        while found := _KEY_PART.match(self._text, self._at):
            bare, quoted, literal = found.groups()
            # Escapes in a quoted key are left to the real parser.
            parts.append(bare or (tomllib.loads(f"key = {quoted}")["key"] if quoted is not None else literal))
            self._at = found.end()
            if not self._text.startswith(".", self._at):
                break
            self._at += 1
        return parts

    def _statement(self, table: KeyPath) -> None:
        """Read `key = value`, and note the lines of the key and of what the value holds."""
        line = self._line()
        path = (*table, *self._key())
        self._note(path, line)
        self._at += 1  # the equals sign
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        self._skip_blank()
        opening = self._text[self._at : self._at + 1]
        if opening not in ("[", "{"):
            found = _SCALAR.match(self._text, self._at)
            self._at = found.end() if found else len(self._text)
            return
        self._at += 1
        position = 0
        while self._skip_blank() and self._text[self._at] not in "]}":
            if self._text[self._at] == ",":
                self._at += 1
            elif opening == "{":
                self._statement(path)
            else:
                self._note((*path, position), self._line())
                self._value((*path, position))
                position += 1
        self._at += 1

    def _line(self) -> int:
        return bisect.bisect_left(self._newlines, self._at) + 1
