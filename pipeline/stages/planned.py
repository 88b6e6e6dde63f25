"""A release that is cut into work: written once, so that what travels to a worker is a name and a number.

    splits -> ranges of splits, each read as one unit -> partitions of buckets, each mapped as one unit

A release with its splits is some kilobytes and more; a run of many units would pickle it for every one of them.
"""

from __future__ import annotations

import hashlib
import math
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from pipeline.model.errors import RunError
from pipeline.sources.release.base import Plan, Release, Split
from pipeline.storage.files.atomic import atomic_path
from pipeline.storage.places import Place, address_of, place
from pipeline.storage.places.published import Piece

RANGE_SPLITS = 4
"""Splits that are read and sorted together: the fewer the files, the fewer places each bucket lies in."""
PARTITIONS = 256
"""Parts that a range is sorted into, at most. Beyond so many buckets a part holds several, and is sorted again by
itself: what a range costs never grows with the release."""


class SplitPiece(NamedTuple):
    """Where a worker that does not see the machine of the plan takes a split from."""

    piece: Piece
    whole: bool
    """Whether the piece is the whole table, rather than the bytes of the split."""


@dataclass(frozen=True, slots=True)
class PlannedRelease:
    """A release, its splits, and the units of work on them.

    >>> from manifests.recipe import SourceSpec
    >>> splits = tuple(Split("media", "a.txt", "a.txt", 9 * n, 9, n + 1, 1) for n in range(3))
    >>> release = Release(SourceSpec("s", "gbif-dwca", "a"), "r", ())
    >>> planned = PlannedRelease("out", release, Plan(splits, "id", 5), ((0, 2), (2, 3)), width=2)
    >>> [planned.range_name(number) for number in range(2)], planned.partitions
    (['s.media-00000', 's.media-00002'], 3)
    >>> list(planned.buckets_of(2)), planned.bucket_name(4)
    ([4], 's-00004')
    """

    folder: str
    """Where the work's files are: `spool/` and what is made of it."""
    release: Release
    plan: Plan
    ranges: tuple[tuple[int, int], ...]
    """First and behind the last split of every range."""
    width: int = 1
    """Buckets that lie together in one partition."""
    pieces: tuple[SplitPiece, ...] = ()
    """Of every split, where the release was published; else its files are on this disk."""
    side_tables: str = ""
    """The published folder of the tables that buckets look things up in (`Piece.text`)."""

    @property
    def joins(self) -> bool:
        """Whether rows of several tables or splits meet, so that they are spooled between reading and mapping."""
        return bool(self.plan.join_key)

    @property
    def rows(self) -> int:
        """Rows of the release, as they were counted while it was cut."""
        return sum(split.rows for split in self.plan.splits)

    @property
    def partitions(self) -> int:
        """Number of units that map spooled rows; 0 where there is nothing to read, or where reading maps."""
        return math.ceil(self.plan.buckets / self.width) if self.joins and self.ranges else 0

    def splits_of(self, number: int) -> Sequence[Split]:
        """Return the splits of a range: of one table, in the order of the input."""
        first, end = self.ranges[number]
        return self.plan.splits[first:end]

    def range_name(self, number: int) -> str:
        """Return what a range's files are called."""
        first = self.ranges[number][0]
        # A point is in no source's name: a table of one source never reads as the bucket of another.
        return f"{self.release.spec.name}.{self.plan.splits[first].table}-{first:05d}"

    def buckets_of(self, partition: int) -> range:
        """Return the buckets of a partition."""
        return range(partition * self.width, min((partition + 1) * self.width, self.plan.buckets))

    def bucket_name(self, bucket: int) -> str:
        """Return what a bucket's files are called."""
        return f"{self.release.spec.name}-{bucket:05d}"

    def spooled(self, number: int) -> Place:
        """Return where the rows of a range wait for the other tables of their buckets."""
        return place(self.folder) / "spool" / f"{self.range_name(number)}.arrow"

    def units(self) -> Iterator[str]:
        """Yield the name of every unit that maps rows: a bucket, or a range where nothing is joined."""
        if self.joins:
            yield from map(self.bucket_name, range(self.plan.buckets if self.ranges else 0))
        else:
            yield from map(self.range_name, range(len(self.ranges)))


def planned_release(
    folder: Place, release: Release, plan: Plan, range_splits: int = RANGE_SPLITS, partitions: int = PARTITIONS
) -> PlannedRelease:
    """Return the units of a plan: by the splits and buckets alone, never by who does them.

    Splits that are mapped as they are read are a range each.
    """
    longest = range_splits if plan.join_key else 1
    width = math.ceil(plan.buckets / partitions)
    return PlannedRelease(address_of(folder), release, plan, tuple(_ranges(plan.splits, longest)), width)


def _ranges(splits: Sequence[Split], longest: int) -> Iterator[tuple[int, int]]:
    first = 0
    for number in range(1, len(splits) + 1):
        if number == len(splits) or number - first == longest or splits[number].table != splits[first].table:
            yield first, number
            first = number


def write_planned(planned: PlannedRelease) -> str:
    """Write a planned release where workers find it; give its path, which holds the digest of the file."""
    data = pickle.dumps(planned)
    name = f"plan-{hashlib.sha256(data).hexdigest()}.pickle"
    path = place(planned.folder) / "spool" / planned.release.spec.name / name
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)
    return address_of(path)


@lru_cache(maxsize=32)
def read_planned(path: str) -> PlannedRelease:
    """Read what `write_planned` wrote, once a process. Raises RunError when the file is not the one that was named."""
    data = place(path).read_bytes()
    if f"plan-{hashlib.sha256(data).hexdigest()}.pickle" != place(path).name:
        raise RunError(
            "the plan of a release was changed while it was read",
            where=path,
            expected="the file as the run wrote it",
            remedy="let nothing else write into the folder; then run the same command again",
        )
    planned: PlannedRelease = pickle.loads(data)  # the run's own: its digest came with the unit of work
    return planned
