"""Which unit files a stage has planned, and which of them are there: one listing a folder, however many they are.

STAGE/_plan.json            `outputs`: their names; a stage that plans in rounds has `rounds` instead, units by round
STAGE/units-ROUND.parquet   the units of a round, in column `unit`
STAGE/media/UNIT.parquet    the output of such a unit, until its round is done
STAGE/media/part-D.parquet  the outputs of many, once it is
STAGE/parts/part-D.parquet  whose they are, in column `unit`
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.storage.files.atomic import TEMPORARY_PREFIX
from pipeline.storage.places import Place

_FEW = 16
"""Outputs that are looked at one by one: listing a folder of a hundred thousand files for one of them is dearer."""

PART = "part-"
"""With which the names of parts begin; no unit's does."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What is there of a plan."""

    files: tuple[str, ...]
    """Files with the outputs of finished units, relative to the stage; a part may hold others beside them."""
    units: int
    """How many units are finished."""


def listed(folder: Place) -> set[str]:
    """Return the names in a folder, without temporary ones; none where there is no folder."""
    if not isinstance(folder, Path):
        return {name for name in folder.listing() if "/" not in name and not name.startswith(TEMPORARY_PREFIX)}
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if not entry.name.startswith(TEMPORARY_PREFIX)}
    except (FileNotFoundError, NotADirectoryError):
        return set()


def present(stage: Place, outputs: Iterable[str]) -> set[str]:
    """Return those of the outputs, relative to the stage, that exist.

    >>> present(Path("/"), ["no/such/file"])
    set()
    """
    names = list(outputs)
    if len(names) <= _FEW and isinstance(stage, Path):
        return {name for name in names if (stage / name).exists()}
    wanted: dict[str, list[str]] = {}
    for output in names:
        folder, _, name = output.rpartition("/")
        wanted.setdefault(folder, []).append(name)
    found: set[str] = set()
    for folder, asked in wanted.items():
        there = listed(stage / folder)
        found.update(f"{folder}/{name}" if folder else name for name in asked if name in there)
    return found


def unit_path(unit: str) -> str:
    """Return the output of a unit of a round, relative to the stage."""
    return f"media/{unit}.parquet"


def units_name(round_: str) -> str:
    """Return the name of the table of a round's units.

    >>> units_name("0-1")
    'units-0-1.parquet'
    """
    return f"units-{round_}.parquet"


def units_of(stage: Place, rounds: Iterable[str]) -> list[str]:
    """Return the names of the units of some rounds, in order; of a round whose table is gone there are none."""
    from pipeline.storage.parquet_files import read_table  # with Arrow, which few who ask need

    found: list[str] = []
    for each in rounds:
        path = stage / units_name(each)
        if path.exists():
            found += read_table(path, ["unit"]).column(0).to_pylist()
    return found


def index_path(part: str) -> str:
    """Return the table of the units of a part, relative to the stage."""
    return f"parts/{part}.parquet"


def gathered(stage: Place) -> dict[str, list[str]]:
    """Return the parts that are there, each with the units that stand in it, in order."""
    from pipeline.storage.parquet_files import read_table  # with Arrow, which few who ask need

    there = listed(stage / "media")
    found: dict[str, list[str]] = {}
    for name in sorted(listed(stage / "parts")):
        if name in there:  # the table of the units comes first, and goes last
            index = read_table(stage / "parts" / name, ["unit"])
            found[name.removesuffix(".parquet")] = index.column(0).to_pylist()
    return found


def finished(stage: Place, plan: Mapping[str, Any]) -> Finished:
    """Return what is there of a plan; a unit that stands in a part and has a file, too, is taken from the part."""
    planned = units_of(stage, plan.get("rounds", {}))
    files, inside = present(stage, [*plan.get("outputs", []), *map(unit_path, planned)]), set[str]()
    if planned:
        wanted = set(planned)
        for part, units in gathered(stage).items():
            if not wanted.isdisjoint(units):
                files.add(unit_path(part))
                inside.update(wanted.intersection(units))
        files.difference_update(map(unit_path, inside))
        loose = sum(unit_path(unit) in files for unit in planned)
        others = sum(output in files for output in plan.get("outputs", []))
        return Finished(tuple(sorted(files)), loose + others + len(inside))
    return Finished(tuple(sorted(files)), len(files))


def planned_count(plan: Mapping[str, Any]) -> int:
    """Return how many work units a plan has.

    >>> planned_count({"outputs": ["a"], "rounds": {"0-0": 3}})
    4
    """
    return len(plan.get("outputs", [])) + sum(map(int, plan.get("rounds", {}).values()))
