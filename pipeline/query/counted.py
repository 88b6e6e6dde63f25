"""How many rows an answer has, counted as they go by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(slots=True)
class Counted:
    """Rows of one answer, as they went by."""

    rows: int = 0

    def each(self, rows: Iterator[tuple[object, ...]]) -> Iterator[tuple[object, ...]]:
        """Yield the rows."""
        for row in rows:
            self.rows += 1
            yield row

    def line(self) -> str:
        """Return the count in words."""
        return f"{self.rows:,} row" if self.rows == 1 else f"{self.rows:,} rows"
