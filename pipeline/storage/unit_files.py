"""Which unit files a stage has planned, and which of them are there: one listing a folder, however many they are.

STAGE/_plan.json            `outputs`: their names; a stage that plans in rounds has `rounds` instead, units by round
STAGE/units-ROUND.parquet   the units of a round, in column `unit`
STAGE/media/UNIT.parquet    the output of such a unit
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.storage.atomic import TEMPORARY_PREFIX
from pipeline.storage.places import Place

_FEW = 16
"""Outputs that are looked at one by one: listing a folder of a hundred thousand files for one of them is dearer."""


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
    from pipeline.storage.tables import read_table  # with Arrow, which few who ask need

    found: list[str] = []
    for each in rounds:
        path = stage / units_name(each)
        if path.exists():
            found += read_table(path, ["unit"]).column(0).to_pylist()
    return found


def planned_outputs(stage: Place, plan: Mapping[str, Any]) -> Sequence[str]:
    """Return the outputs that the plan of a stage names, relative to it."""
    outputs: list[str] = plan.get("outputs", [])
    return [*outputs, *map(unit_path, units_of(stage, plan.get("rounds", {})))]


def planned_count(plan: Mapping[str, Any]) -> int:
    """Return how many work units a plan has.

    >>> planned_count({"outputs": ["a"], "rounds": {"0-0": 3}})
    4
    """
    return len(plan.get("outputs", [])) + sum(map(int, plan.get("rounds", {}).values()))
