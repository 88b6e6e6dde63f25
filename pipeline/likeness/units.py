"""The work units of likeness, a file each: ranges of hashes against the held-out ones, thumbnails, pieces of a join.

Every unit reads what the stage wrote before and writes its own file, so units run in any order, on any worker, and
again after a kill. They are cut from the hashes and the recipe, never from the number of workers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dedup import BothHashes, HeldOut, KeyRange, find_leaks, plan_bands
from manifests import LikenessRules
from pipeline.likeness.dense import OutsideDense, alike_rule, piece_pairs
from pipeline.likeness.edges import Edges
from pipeline.likeness.leak_rules import DOUBTFUL
from pipeline.likeness.records.arrays import mapped
from pipeline.likeness.records.candidates import Rows
from pipeline.likeness.search import doubtful, informative, pair_leaks
from pipeline.likeness.stored import SHOWN, Stored, read_places, write_shown
from pipeline.storage.files.atomic import write_table
from pipeline.storage.parquet_files import read_table
from pipeline.storage.places import place

LEAK_UNIT_HASHES = 200_000
PAIR_UNIT_HASHES = 1_000_000
"""More, since looking up the held-out pHashes costs 4 s of a unit of 20,000 held-out images, whatever its hashes."""
PAIR_SCHEMA = pa.schema(
    [
        ("left", pa.int64()),  # places in hashes.npy
        ("right", pa.int64()),
        ("distance", pa.int32()),
        ("residual", pa.float64()),  # of the thumbnails of the two preferred images
    ]
)
FOUND_SCHEMA = pa.schema(
    [
        ("hash", pa.int64()),  # place in hashes.npy and phashes.npy
        ("rule", pa.string()),  # hamming, phash, leak_pair or doubtful
        ("benchmark", pa.string()),
        ("item", pa.string()),
        ("variant", pa.int32()),  # which of the 8 dihedral variants
        ("distance", pa.int32()),
        ("phash_distance", pa.int32()),  # where both hashes were compared; else -1
    ]
)


@dataclass(frozen=True, slots=True)
class Range:
    """One range of hashes of one name ('pdq', 'phash', or 'pair': both) to compare with all held-out images."""

    name: str
    start: int
    stop: int

    @property
    def output(self) -> str:
        """Output, relative to the stage."""
        return f"found/{self.name}-{self.start:012d}.parquet"


@dataclass(frozen=True, slots=True)
class Show:
    """The thumbnails of some dense nodes, by their places in `dense.npy`."""

    start: int

    @property
    def output(self) -> str:
        """Output, relative to the stage."""
        return f"shown/{self.start:012d}.npy"


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of the join of `joined.npy` with itself."""

    range: KeyRange

    @property
    def output(self) -> str:
        """Output, relative to the stage."""
        key = self.range
        return f"pairs/{key.band:03d}-{key.low:04d}-{key.part:05d}-{key.other:05d}.parquet"


@dataclass(frozen=True, slots=True)
class Work:
    """Work on one unit of any kind, in the stage's folder."""

    folder: str
    held_out: str
    blobs: str
    rules: LikenessRules

    def __call__(self, unit: Range | Show | Piece) -> None:
        """Write the unit's file."""
        path = place(self.folder) / unit.output
        if isinstance(unit, Range):
            write_table(path, self._found(unit))
        elif isinstance(unit, Show):
            write_shown(path, self._stored().take(self._load("dense")[unit.start : unit.start + SHOWN]))
        else:
            write_table(path, pair_table(self._pairs(unit)))

    def _load(self, name: str) -> Rows:
        return mapped(place(self.folder) / f"{name}.npy")

    def _stored(self) -> Stored:
        return Stored(place(self.blobs), read_places(place(self.folder) / "places.arrow"), self._load("nodes"))

    def _pairs(self, unit: Piece) -> Edges:
        hashes = mapped(place(self.folder) / "joined.npy")
        label = self._load("labels")
        dense = np.zeros(len(label), np.bool_)
        dense[self._load("dense")] = True
        rule = OutsideDense(alike_rule(self.rules, self._stored(), label), dense)
        return piece_pairs(
            hashes, self._load("stays"), plan_bands(256, self.rules.duplicate_distance), unit.range, rule
        )

    def _hashes(self, unit: Range, name: str) -> npt.NDArray[np.uint8]:
        stored = mapped(place(self.folder) / f"{name}.npy")
        return np.ascontiguousarray(stored[unit.start : unit.stop])

    def _found(self, unit: Range) -> pa.Table:
        items = read_table(place(self.held_out))
        if unit.name == "pair":
            both = BothHashes(self._hashes(unit, "phashes"), self._hashes(unit, "hashes"))
            rows = [
                {"hash": row + unit.start, "rule": leak.rule, "benchmark": leak.benchmark, "item": leak.item}
                | {"variant": leak.variant, "distance": leak.distance, "phash_distance": leak.phash_distance}
                for row, leak in pair_leaks(both, items, self.rules)
            ]
            return pa.Table.from_pylist(rows, FOUND_SCHEMA)
        part = self._hashes(unit, "hashes" if unit.name == "pdq" else "phashes")
        distance = self.rules.leak_distance if unit.name == "pdq" else self.rules.leak_phash_distance
        rule = "hamming" if unit.name == "pdq" else "phash"
        minimum = self.rules.minimum_quality
        tables = [self._leaks(part, unit.start, informative(items, minimum, unit.name), distance, rule)]
        if unit.name == "pdq":
            tables.append(self._leaks(part, unit.start, doubtful(items, minimum), distance, DOUBTFUL))
        return pa.concat_tables(tables)

    def _leaks(self, part: npt.NDArray[np.uint8], start: int, held: HeldOut, distance: int, rule: str) -> pa.Table:
        if not len(held):
            return FOUND_SCHEMA.empty_table()
        # Only hashes that carry information are in the array, so every one of them is compared.
        leaks = find_leaks(part, np.full(len(part), self.rules.minimum_quality), held, distance)
        columns = [
            pa.array(leaks.train + start),
            pa.array([rule] * len(leaks), pa.string()),
            pa.array([held.benchmark[i] for i in leaks.held_out.tolist()], pa.string()),
            pa.array([held.item[i] for i in leaks.held_out.tolist()], pa.string()),
            pa.array(leaks.variant, pa.int32()),
            pa.array(leaks.distance, pa.int32()),
            pa.array(np.full(len(leaks), -1), pa.int32()),
        ]
        return pa.Table.from_arrays(columns, schema=FOUND_SCHEMA)


def pair_table(edges: Edges) -> pa.Table:
    """Return edges as a table of PAIR_SCHEMA.

    >>> pair_table(Edges(np.array([1]), np.array([2]), np.array([3]))).to_pylist()
    [{'left': 1, 'right': 2, 'distance': 3, 'residual': -1.0}]
    """
    columns = [pa.array(edges.left), pa.array(edges.right), pa.array(edges.distance, pa.int32())]
    return pa.Table.from_arrays([*columns, pa.array(edges.residuals())], schema=PAIR_SCHEMA)


def edges_of(pairs: pa.Table) -> Edges:
    """Return the edges of a table of PAIR_SCHEMA."""
    left, right, distance = (pairs.column(name).to_numpy().astype(np.int64) for name in PAIR_SCHEMA.names[:3])
    return Edges(left, right, distance, pairs.column("residual").to_numpy().astype(np.float64))
