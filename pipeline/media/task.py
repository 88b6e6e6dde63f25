"""What a process is given to fetch: a stretch of the units of a plan, which it reads from tables beside the plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from pipeline.storage.places import Place
from pipeline.storage.row_groups import row_reader


class Planned(NamedTuple):
    """A unit of a plan: rows of one host, that lie together."""

    host: str
    store: str
    """Source whose local store holds the media; empty: the network."""
    unit: str
    first: int
    """Its first row in the plan."""
    rows: int


@dataclass(frozen=True, slots=True)
class FetchTask:
    """Units that are worked off together: some of each of many hosts, or one of a local store. Of one size for any."""

    plan: str
    """The plan, relative to the folder."""
    units: str
    """Table of the units that are left (`UNITS_SCHEMA`), relative to the folder: each host's together, in order."""
    first: int
    """Row of that table with the task's first unit."""
    count: int
    """How many units it has."""
    part: int = 0
    parts: int = 1
    """This is task `part` of so many that keep the limits of every host together."""
    store: str = ""
    """Path of the store that holds the media; empty: the network."""
    reuse: str = ""
    """Table of earlier answers, relative to the folder; empty: there are none."""

    def planned(self, folder: Place) -> Iterator[Planned]:
        """Yield the task's units, in order."""
        for group in row_reader(folder / self.units).groups(self.first, self.count):
            columns = [group[name].to_pylist() for name in Planned._fields]
            yield from map(Planned._make, zip(*columns, strict=True))

    def queues(self, folder: Place) -> list[tuple[str, list[Planned]]]:
        """Return (host, its units in order) of every host, as they lie in the table."""
        return [(host, list(units)) for host, units in groupby(self.planned(folder), lambda unit: unit.host)]
