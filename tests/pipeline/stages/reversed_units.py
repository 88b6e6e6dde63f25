"""Work units one after another in this process, in their order or against it: no promise may depend on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pipeline.stages.ingest import Unit


def here(units: Sequence[Unit], work: Callable[[Unit], None]) -> None:
    for unit in units:
        work(unit)


def in_reverse(units: Sequence[Unit], work: Callable[[Unit], None]) -> None:
    for unit in reversed(units):
        work(unit)
