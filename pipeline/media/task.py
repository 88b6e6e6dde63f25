"""What a process is given to fetch: units of a plan, each with the file that it ends in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FetchTask:
    """Units of one plan that are worked off together: some of each of many hosts, or one unit of a local store."""

    plan: str
    """The plan, relative to the folder."""
    hosts: tuple[tuple[str, tuple[tuple[int, str], ...]], ...]
    """(host, its units in order: (row group of the plan, unit name))."""
    part: int = 0
    parts: int = 1
    """This is task `part` of so many that keep the limits of every host together."""
    store: str = ""
    """Path of the store that holds the media; empty: the network."""
    reuse: str = ""
    """Table of earlier answers, relative to the folder; empty: there are none."""


def unit_path(name: str) -> str:
    """Return the output of a unit, relative to the folder."""
    return f"media/{name}.parquet"
