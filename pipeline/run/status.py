"""Where a run stands: what is done, what is half done, and what ended so far; readable while the run goes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow.parquet as pq

from pipeline.atomic import read_json
from pipeline.run.fetching import host_lines
from pipeline.run.folder import STAGES, RunFolder


@dataclass(frozen=True, slots=True)
class StageStatus:
    """One stage: its state, its work units, and its rows."""

    stage: str
    state: str
    """done, started or waiting."""
    units_done: int
    units: int
    rows_in: int
    rows_out: int
    ended: int


def stage_status(folder: RunFolder, name: str) -> StageStatus:
    """Say where one stage stands, from its files alone."""
    if folder.done(name).exists():
        done = read_json(folder.done(name))
        outputs = read_json(folder.plan(name))["outputs"]
        totals = [sum(b[key] for b in done["balance"]) for key in ("rows_in", "rows_out", "ended")]
        return StageStatus(name, "done", len(outputs), len(outputs), *totals)
    if folder.plan(name).exists():
        outputs = read_json(folder.plan(name))["outputs"]
        there = sum((folder.stage(name) / output).exists() for output in outputs)
        ended = sum(pq.read_metadata(path).num_rows for path in sorted(folder.stage(name).glob("ledger/*.parquet")))
        return StageStatus(name, "started", there, len(outputs), 0, 0, ended)
    return StageStatus(name, "waiting", 0, 0, 0, 0, 0)


def status_lines(folder: RunFolder) -> Iterator[str]:
    """Give the table that `biomill status` prints."""
    yield f"{'stage':<10} {'state':<8} {'units':>13} {'rows in':>13} {'rows out':>13} {'ended':>13}"
    for name in STAGES:
        s = stage_status(folder, name)
        units = f"{s.units_done:,}/{s.units:,}" if s.units else "-"
        yield f"{s.stage:<10} {s.state:<8} {units:>13} {s.rows_in:>13,} {s.rows_out:>13,} {s.ended:>13,}"
    hosts = list(host_lines(folder.stage("fetch")))
    if hosts:
        yield ""
        yield from hosts
