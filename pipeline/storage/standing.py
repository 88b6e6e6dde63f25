"""Where a run stands for those who ask of its tables: which stages are whole, and which has some units so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.storage.going_on import go_on
from pipeline.storage.run_folder import STAGES, RunFolder, made_over, marks
from pipeline.storage.unit_files import finished, planned_count


@dataclass(frozen=True, slots=True)
class Begun:
    """A stage that is planned and not done."""

    there: tuple[str, ...]
    """Files of finished units, relative to the stage."""
    units: int
    """How many units are finished, of those planned."""
    planned: int


@dataclass(frozen=True, slots=True)
class Standing:
    """The stages of one run, as its files say it at one moment."""

    folder: RunFolder
    done: tuple[str, ...]
    """Stages that are done and fit together, in order."""
    begun: Mapping[str, Begun]
    """Stages that were begun over stages that are done."""
    earlier: tuple[str, ...]
    """Stages that are done, to which the last command has not come."""
    running: bool
    """Whether a run holds the folder."""

    @property
    def complete(self) -> bool:
        """Whether the run is done, and its catalog there."""
        return STAGES[-1] in self.done and self.folder.catalog.is_file()

    def sentence(self) -> str:
        """Return where the run stands, as the end of a sentence.

        >>> from pathlib import Path
        >>> Standing(RunFolder(Path("a")), ("ingest",), {"resolve": Begun(("a",), 1, 4)}, (), False).sentence()
        'the run stands in resolve, with 1 of 4 work units done'
        >>> Standing(RunFolder(Path("a")), ("ingest",), {}, (), True).sentence()
        'the run goes on after ingest'
        """
        now = "goes on" if self.running else "stands"
        first = next((name for name in STAGES if name not in self.done), None)
        if first is None:
            return "the run is done" if self.complete else "the run is done, but its catalog.duckdb is gone"
        if first in self.begun:
            begun = self.begun[first]
            units = f", with {begun.units:,} of {begun.planned:,} work units done" if begun.planned else ""
            return f"the run {now} in {first}{units}"
        last = next((name for name in reversed(STAGES[: STAGES.index(first)]) if name in self.done), None)
        return f"the run {now} after {last}" if last else f"the run {now} before its first stage is done"

    def remedy(self) -> str:
        """Return what to do for the stages that are missing: wait for the run, or go on with it."""
        if self.running:
            return "ask again when it has come so far; `biomill status` says where it is"
        if STAGES[-1] in self.done and not self.complete:
            return f"remove {self.folder.stage(STAGES[-1])}, then make it again with: {go_on(self.folder.root)}"
        return f"go on with: {go_on(self.folder.root)}"


def stand(folder: RunFolder) -> Standing:
    """Return where a run stands; raises RunError when the folder is not one of a run."""
    folder.require_run()
    current = folder.current()
    begun = {}
    for name in STAGES:
        plan = {} if name in current else marks(folder.plan(name))
        if made_over(plan, current):
            there = finished(folder.stage(name), plan)
            begun[name] = Begun(there.files, there.units, planned_count(plan))
    listed = marks(folder.manifest).get("stages", {})
    earlier = tuple(name for name in current if name not in listed)
    return Standing(folder, tuple(current), begun, earlier, folder.held())
