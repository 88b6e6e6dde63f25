"""One place of a source file, made wrong in one way."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """A replacement of one stretch of a source file.

    >>> Mutant("a.py", "f", 1, "compare", "a < b", "a <= b", 0, 0, 5).apply("a < b")
    'a <= b'
    """

    file: str
    """Path below the root of the checkout."""
    function: str
    """Dotted name of the function or class it stands in; empty at the top of the module."""
    line: int
    operator: str
    was: str
    becomes: str
    number: int
    """Which of the places of this function that read the same and are changed the same."""
    start: int
    """Offset of the first changed character."""
    end: int

    @property
    def key(self) -> str:
        """A name that holds while other functions of the file change."""
        told = "\0".join((self.file, self.function, self.operator, self.was, self.becomes, str(self.number)))
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    @property
    def package(self) -> str:
        """The measured package it belongs to."""
        return next((p for p in PACKAGES if self.file.startswith(f"{p}/")), self.file.rpartition("/")[0])

    def apply(self, source: str) -> str:
        """Return the source with the mutant in it."""
        return source[: self.start] + self.becomes + source[self.end :]

    def diff(self, source: str) -> tuple[str, str]:
        """Return the changed lines as they were and as they are, without their indentation."""
        first = source.rfind("\n", 0, self.start) + 1
        last = source.find("\n", self.end)
        last = len(source) if last < 0 else last
        old = source[first:last]
        new = source[first : self.start] + self.becomes + source[self.end : last]
        return " ".join(old.split()), " ".join(new.split())


PACKAGES = ("pipeline/likeness", "taxonomy/match", "pipeline/sources", "dedup")
"""What is measured where nothing else is asked for."""
