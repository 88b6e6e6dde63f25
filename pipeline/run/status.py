"""Where a run stands: what is done, half done and waiting, whether somebody runs it, and how far a fetch is.

Everything is read from the run's files, nothing is changed, and a run that goes on is not held up.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manifests import BiomillError, FetchRules
from pipeline.engine.remote_job import RemoteJob, noted_job
from pipeline.media.pace import HostProgress, holding_up, host_progress, noted_rates, time_left
from pipeline.media.progress import host_table, left_phrase
from pipeline.media.tally import Tally
from pipeline.model.duration import duration
from pipeline.model.errors import RunError
from pipeline.run.sitting import DONE, FAILED, INTERRUPTED, KILLED, NETWORK_LOST, RUNNING, UNTIL, Sitting, last_sitting
from pipeline.run.stage_rows import Rows, decided_rows, rows_so_far
from pipeline.storage.files.atomic import read_json
from pipeline.storage.going_on import go_on
from pipeline.storage.places import Place, place
from pipeline.storage.run_folder import STAGES, RunFolder
from pipeline.storage.unit_files import finished, planned_count

_LOOKS = 5  # a run that clears a stage while it is looked at is looked at again


@dataclass(frozen=True, slots=True)
class StageStatus:
    """One stage: its state, its work units, and its rows so far; None where nobody knows yet."""

    stage: str
    state: str
    """done; earlier: done by an earlier run, and not come to by the last one; running; stopped: begun, and nobody
    works on it; waiting."""
    units_done: int
    units: int
    rows: Rows
    left: float | None = None
    """Seconds that it still takes, while it runs and as far as that can be told."""


@dataclass(frozen=True, slots=True)
class RunStatus:
    """Where a run stands."""

    folder: str
    recipe: str
    sitting: Sitting
    stages: tuple[StageStatus, ...]
    hosts: tuple[HostProgress, ...]
    """Of a fetch that is done or under way, the largest first."""
    paused: str
    job: RemoteJob | None = None
    """At somebody else's service: of the run that goes on, or of one that was killed while it ran."""

    def __str__(self) -> str:
        return "\n".join(status_lines(self))

    @property
    def stage(self) -> StageStatus | None:
        """The first stage that is not done; None when all are."""
        return next((each for each in self.stages if each.state != "done"), None)

    @property
    def kept(self) -> int | None:
        """Images in the shards; None while they are not written."""
        shards = next(each for each in self.stages if each.stage == "shards")
        return shards.rows.rows_out if shards.state == "done" else None


def run_status(folder: RunFolder) -> RunStatus:
    """Look at a run; raises RunError when the folder is not that of a run."""
    for look in range(_LOOKS):
        folder.require_run()
        try:
            return _look(folder)
        except FileNotFoundError:
            if look == _LOOKS - 1:
                raise
            time.sleep(0.1)
    raise AssertionError


def _look(folder: RunFolder) -> RunStatus:
    sitting = last_sitting(folder)
    manifest = _manifest(folder)
    tally = Tally(folder.stage("fetch"))
    tally.refresh()
    rates = noted_rates(folder.stage("fetch")) if sitting.state == RUNNING else {}
    hosts = tuple(host_progress(tally, _fetch_rules(manifest, folder), rates))
    paused = tally.paused() if sitting.state == RUNNING else ""
    stages: list[StageStatus] = []
    for name in STAGES:
        at_work = sitting.state == RUNNING and all(each.state == "done" for each in stages)
        stages.append(_stage(folder, name, manifest["stages"], at_work, tally, hosts, paused))
    return RunStatus(
        str(folder.root), manifest["recipe"], sitting, tuple(stages), hosts, paused, noted_job(folder.root)
    )


def _manifest(folder: RunFolder) -> dict[str, Any]:
    """Read the run's manifest; raises RunError for another program's file of that name."""
    try:
        manifest: dict[str, Any] = read_json(folder.manifest)
        _ = manifest["recipe"], manifest["resolved"], manifest["stages"].items()
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise RunError(
            "this is not the output folder of a run: its manifest.json is not that of one",
            where=str(folder.manifest),
            remedy="give the folder that was passed to `biomill run RECIPE -o FOLDER`",
        ) from error
    return manifest


def _fetch_rules(manifest: dict[str, Any], folder: RunFolder) -> FetchRules | None:
    try:
        return folder.recipe().fetch
    except BiomillError:  # of another version of Biomill: its rates are not known
        return None


def _stage(
    folder: RunFolder,
    name: str,
    reached: dict[str, Any],
    at_work: bool,
    tally: Tally,
    hosts: tuple[HostProgress, ...],
    paused: str,
) -> StageStatus:
    if not folder.plan(name).exists():
        return StageStatus(name, "waiting", 0, 0, Rows(None, None, None))
    plan = read_json(folder.plan(name))
    units = planned_count(plan)
    if folder.done(name).exists():
        done = read_json(folder.done(name))
        state = "done" if reached.get(name, {}).get("digest") == done["digest"] else "earlier"
        return StageStatus(name, state, units, units, decided_rows(done))
    there = finished(folder.stage(name), plan)
    rows = rows_so_far(folder, name, tally)
    if not at_work:
        return StageStatus(name, "stopped", there.units, units, rows)
    left = None
    if name != "fetch":
        left = _units_left(folder.plan(name), [folder.stage(name) / output for output in there.files], units)
    elif not paused:
        left = time_left(hosts)
    return StageStatus(name, "running", there.units, units, rows, left)


def _units_left(plan: Place, there: list[Place], units: int) -> float | None:
    """Return the seconds that the missing units take at the speed of those written since the stage was planned.

    None where nobody can tell, as of a run at an address, whose store has a clock of its own.
    """
    if not isinstance(plan, Path):
        return None
    begun = plan.stat().st_mtime
    new = sum(path.stat().st_mtime > begun for path in there if isinstance(path, Path))
    return (units - len(there)) * (time.time() - begun) / new if new else None


def status_lines(status: RunStatus) -> Iterator[str]:
    """Yield what `biomill status` prints: a line a stage, how the run is, and the fetch's hosts."""
    yield f"{'stage':<10} {'state':<8} {'units':>13} {'rows in':>13} {'rows out':>13} {'ended':>13}"
    for each in status.stages:
        units = f"{each.units_done:,}/{each.units:,}" if each.units else "-"
        rows = each.rows.rows_in, each.rows.rows_out, each.rows.ended
        counts = " ".join(f"{'-' if number is None else f'{number:,}':>13}" for number in rows)
        yield f"{each.stage:<10} {each.state:<8} {units:>13} {counts}"
    yield ""
    yield from _run_lines(status)
    if status.hosts:
        yield from _fetch_lines(status)
        yield ""
        yield from host_table(status.hosts, status.paused)


def _run_lines(status: RunStatus) -> Iterator[str]:
    sitting, stage = status.sitting, status.stage
    at = f"in {stage.stage}" if stage and stage.state in ("running", "stopped") else ""
    at = at or (f"before {stage.stage}" if stage else "with all done")
    who = f" (process {sitting.pid} on {sitting.machine}, since {sitting.started})" if sitting.pid else ""
    told = {
        RUNNING: f"going on, {at}{who}",
        DONE: f"done, at {sitting.ended}",
        UNTIL: f"stopped after {sitting.until}, as was asked, at {sitting.ended}",
        KILLED: f"killed {at}: its process {sitting.pid} on {sitting.machine}, since {sitting.started}, is gone",
        INTERRUPTED: f"interrupted {at}, at {sitting.ended}",
        NETWORK_LOST: f"ended for want of a network {at}, at {sitting.ended}",
        FAILED: f"failed {at}, at {sitting.ended}",
    }.get(sitting.state, "nobody runs it; how the last run ended was not noted")
    yield f"run        {told}"
    for line in sitting.message.splitlines():
        yield f"           {line}"
    if status.job:
        yield from _job_lines(status.job, sitting.state == RUNNING)
    if stage and sitting.state != RUNNING:
        yield f"go on      {go_on(place(status.folder))}  (what is done is kept)"
    if any(each.state == "earlier" for each in status.stages):
        yield "earlier    done by an earlier run; the last one did not come to it, and may do it again"
    if stage and stage.state == "running" and stage.stage != "fetch" and stage.left:
        yield f"left       about {duration(stage.left)} of {stage.stage}"
    if status.kept is not None:
        yield f"kept       {status.kept:,} images" if status.kept else "kept       nothing"


def _job_lines(job: RemoteJob, going_on: bool) -> Iterator[str]:
    state = f"{job.state} since {job.since}" if going_on else f"may still run: it was {job.state} at {job.since}"
    yield f"job        {job.name} ({job.runner}, stage {job.stage}): {state}"
    if job.url:
        yield f"           {job.url}"
    for line in job.said[-3:]:
        yield f"           warns: {line}"
    if job.by_hand and not going_on:
        yield f"           to end it: {job.by_hand}"


def _fetch_lines(status: RunStatus) -> Iterator[str]:
    hosts = status.hosts
    stored, failed = sum(each.stored for each in hosts), sum(each.lost for each in hosts)
    waiting = sum(each.waiting for each in hosts)
    line = f"fetch      {stored:,} images stored, {failed:,} not had, {waiting:,} waiting"
    if status.paused:
        yield f"{line}; {status.paused}"
    elif status.sitting.state == RUNNING:
        yield line + left_phrase(hosts)
    elif waiting and (least := time_left(hosts)):
        yield f"{line}; at least {duration(least)} once it goes on, for {holding_up(hosts)[0].host}"
    else:
        yield line
