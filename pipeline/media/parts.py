"""Unit files gathered into parts when a round of fetching is done: a million files would cost every query minutes.

    media/part-D.parquet   rows of many units, in the order of their names; D is the digest of these names
    parts/part-D.parquet   one row per unit: how many rows it has, and what is counted of it

Which units stand together follows from the names in the round alone: each name falls into one of so many parts by its
own hash. So the parts of a round are the same in whatever order its units came, and a unit more or less changes the
part into which it falls. A unit that stands in a part is done. Its own file goes when all parts of its round are whole,
so a kill leaves it twice at worst, never nowhere; whoever reads while a fetch goes on takes the part.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.media.media_schema import MEDIA_SCHEMA
from pipeline.media.tally import answers_of
from pipeline.model.errors import StorageError
from pipeline.storage.files.atomic import write_table
from pipeline.storage.parquet_files import parquet_file, read_table
from pipeline.storage.places import Place, place
from pipeline.storage.row_groups import row_group_writer, row_reader
from pipeline.storage.unit_files import PART, gathered, index_path, listed, unit_path, units_of

PART_ROWS = 1 << 20
"""Rows that a part has about, until there are MOST_PARTS of a round."""
MOST_PARTS = 256
"""A power of two."""

INDEX_SCHEMA = pa.schema(
    [
        pa.field("unit", pa.string()),
        pa.field("rows", pa.int64()),
        pa.field("host", pa.string()),
        pa.field("media", pa.int64()),
        pa.field("untried", pa.int64()),
        pa.field("counts", pa.string()),  # images by outcome, as JSON
    ]
)
"""One row per unit of a part, in the order of the part; but for `rows` what `Answers` says of it."""


@dataclass(frozen=True, slots=True)
class PartTask:
    """One part of a round, by its number among so many."""

    round: str
    number: int
    of: int


@dataclass(frozen=True, slots=True)
class GatherPart:
    """Write a part of a round from the files of its units, and from parts in which they stood otherwise."""

    folder: str

    def __call__(self, task: PartTask) -> None:
        """Write the part, unless it is there; before it the table of its units. Raises StorageError for a lost unit."""
        folder = place(self.folder)
        units = part_units(units_of(folder, [task.round]), task.of)[task.number]
        name = part_name(units)
        if not units or (folder / unit_path(name)).exists():
            return
        index: list[dict[str, Any]] = []
        with row_group_writer(folder / unit_path(name), MEDIA_SCHEMA) as write:
            for unit, table in _tables(folder, units):
                index.append(_counted(unit, table))
                write(table)
            write_table(folder / index_path(name), pa.Table.from_pylist(index, INDEX_SCHEMA))


def part_tasks(folder: Place, round_: str, units: Sequence[str], rows: int) -> tuple[list[str], list[PartTask]]:
    """Return the names of a round's parts, and the tasks of those that are not there. `rows`: of the whole round."""
    of = 1
    while of < MOST_PARTS and of * PART_ROWS < rows:
        of *= 2
    there = listed(folder / "media")
    names, tasks = [], []
    for number, inside in enumerate(part_units(units, of)):
        if inside:
            names.append(part_name(inside))
            if f"{names[-1]}.parquet" not in there:
                tasks.append(PartTask(round_, number, of))
    return names, tasks


def part_units(units: Iterable[str], of: int) -> list[list[str]]:
    """Return the units of each of so many parts, in order.

    >>> part_units(["d", "b", "a", "c"], 4)
    [[], ['a', 'b', 'c'], [], ['d']]
    """
    parts: list[list[str]] = [[] for _ in range(of)]
    for unit in sorted(units):
        parts[int.from_bytes(hashlib.blake2b(unit.encode(), digest_size=4).digest()) % of].append(unit)
    return parts


def part_name(units: Sequence[str]) -> str:
    """Return the name of a part that holds these units, in order."""
    return PART + hashlib.blake2b("\n".join(units).encode(), digest_size=14).hexdigest()


def remove_gathered(folder: Place, units: Iterable[str]) -> None:
    """Remove the files of units that stand in parts, all of which are there."""
    there = listed(folder / "media")
    for unit in units:
        if f"{unit}.parquet" in there:
            (folder / unit_path(unit)).unlink(missing_ok=True)


def remove_part(folder: Place, name: str) -> None:
    """Remove a part with the table of its units."""
    (folder / unit_path(name)).unlink(missing_ok=True)
    (folder / index_path(name)).unlink(missing_ok=True)


def _counted(unit: str, table: pa.Table) -> dict[str, Any]:
    answers = answers_of(table)
    counts = json.dumps(answers.counts, sort_keys=True)
    return {"unit": unit, "rows": table.num_rows, "counts": counts} | {
        "host": answers.host,
        "media": answers.media,
        "untried": answers.untried,
    }


def _tables(folder: Place, units: Sequence[str]) -> Iterator[tuple[str, pa.Table]]:
    """Yield (unit, its rows) in order, from its own file or from a part in which it stands."""
    stands: dict[str, tuple[str, int, int]] | None = None
    for unit in units:
        try:
            yield unit, _read(folder / unit_path(unit))
            continue
        except FileNotFoundError:
            if stands is None:
                stands = _stands(folder)
        if unit not in stands:
            raise StorageError(
                f"the answers of work unit {unit} are gone while the round they are of goes on",
                where=str(folder / unit_path(unit)),
                expected="a file that stays until its rows stand in a part",
                remedy="leave the folder of the run alone, and run the same command again: it asks for them anew",
            )
        name, first, rows = stands[unit]
        groups = row_reader(folder / unit_path(name)).groups(first, rows)
        yield unit, pa.concat_tables([MEDIA_SCHEMA.empty_table(), *groups])


def _read(path: Place) -> pa.Table:
    """Return the rows of a unit's file; threads would cost more than they win with so few."""
    if not isinstance(path, Path):  # a small file, which is asked for as a whole
        return (
            pq.read_table(pa.BufferReader(path.read_bytes()), use_threads=False)
            .select(MEDIA_SCHEMA.names)
            .cast(MEDIA_SCHEMA)
        )
    return parquet_file(path).read(use_threads=False).select(MEDIA_SCHEMA.names).cast(MEDIA_SCHEMA)


def _stands(folder: Place) -> dict[str, tuple[str, int, int]]:
    """Return (part, first row, rows) of every unit that stands in a part."""
    found: dict[str, tuple[str, int, int]] = {}
    for name in gathered(folder):
        table = read_table(folder / index_path(name), ["unit", "rows"])
        rows = table["rows"].to_pylist()
        for unit, first, count in zip(table["unit"].to_pylist(), chain([0], accumulate(rows)), rows, strict=False):
            found[unit] = (name, first, count)
    return found
