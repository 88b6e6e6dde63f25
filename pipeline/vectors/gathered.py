"""Neighbours as they come, table by table: counted, written into a file, the first of them held for people to read."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.storage.files.atomic import table_writer
from pipeline.vectors.search import COLUMNS


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a search found."""

    pictures: int
    """Pictures that have a neighbour."""
    neighbours: int
    """Rows: pairs of a picture and a neighbour."""
    first: list[dict[str, Any]]
    """The first rows, with the columns of `COLUMNS`."""

    def lines(self, pictures: int) -> list[str]:
        """Return lines for people, of so many pictures."""
        found: list[str] = []
        for row in self.first:
            if row["rank"] == 1:
                if pictures == 0:
                    break
                pictures -= 1
                found.append(" ".join(filter(None, (row["key"], row["accepted_name"], row["split"]))))
            told = (row["neighbour"], row["neighbour_accepted_name"] or "", row["neighbour_split"] or "")
            group = "  same group" if row["same_group"] else ""
            found.append(f"  {row['rank']:3}  {row['distance']:.6f}  {' '.join(filter(None, told))}{group}")
        return found


def gather(tables: Iterable[pa.Table], out: Path | None, most: int) -> Gathered:
    """Return what was found, with the first `most` rows; write all of it into a Parquet file where one is named."""
    pictures = rows = 0
    first: list[dict[str, Any]] = []
    with table_writer(out, COLUMNS) if out is not None else nullcontext() as writer:
        for table in tables:
            if writer is not None:
                writer.write_table(table)
            first += table.slice(0, most - len(first)).to_pylist()
            pictures += int((np.asarray(table["rank"]) == 1).sum())
            rows += table.num_rows
    return Gathered(pictures, rows, first)
