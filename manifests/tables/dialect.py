"""How a text table is written: what stands between its fields and its rows, its quotes and its encoding."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow.csv as csv

from manifests.errors import TableError

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a text table is written. Raises TableError for one that cannot be read.

    >>> Dialect("||")
    Traceback (most recent call last):
    ...
    manifests.errors.TableError: a table cannot be read with delimiter '||' and line end '\\n'
      expect: one ASCII character that is no quote, and a line feed or carriage return
      remedy: correct fieldsTerminatedBy and linesTerminatedBy in meta.xml
    """

    delimiter: str = "\t"
    quoted: bool = False
    """Fields may be enclosed in double quotes; False: a quote is a character like any other."""
    encoding: str = "utf-8"
    """An encoding in which the delimiter, quote and line end are single ASCII bytes."""
    newline: str = "\n"
    """'\\n' (also for CRLF), '\\r', or '\\r\\n' where a line feed alone stands inside fields."""
    quote: str = '"'
    """The character that encloses fields, where `quoted`."""

    def __post_init__(self) -> None:
        characters = len(self.delimiter.encode()) == len(self.quote.encode()) == 1
        if (
            not characters
            or self.delimiter in f"{self.quote}\r\n"
            or self.newline not in ("\n", "\r", "\r\n")
            or (self.quoted and self.newline == "\r\n")
        ):
            raise TableError(
                f"a table cannot be read with delimiter {self.delimiter!r} and line end {self.newline!r}",
                expected="one ASCII character that is no quote, and a line feed or carriage return",
                remedy="correct fieldsTerminatedBy and linesTerminatedBy in meta.xml",
            )

    def has_quotes(self, data: bytes) -> bool:
        """Return whether quotes enclose fields in these bytes; a table without a single one is read as unquoted."""
        return self.quoted and self.quote.encode() in data

    def arrow(self) -> csv.ParseOptions:
        """Return Arrow's options: no escapes, and quotes only where the dialect has them."""
        return csv.ParseOptions(
            delimiter=self.delimiter,
            quote_char=self.quote if self.quoted else False,
            double_quote=self.quoted,
            escape_char=False,
            newlines_in_values=self.quoted,
            ignore_empty_lines=True,
        )
