"""Where a run stands, as plain data: what `biomill status --json` gives; docs/json.md lists the keys."""

from __future__ import annotations

from typing import Any

from pipeline.media.pace import HostProgress, holding_up, time_left
from pipeline.run.sitting import RUNNING
from pipeline.run.status import RunStatus


def status_facts(status: RunStatus) -> dict[str, Any]:
    """Return every fact of a status."""
    sitting, stage = status.sitting, status.stage
    hosts, job = status.hosts, status.job
    going_on = sitting.state == RUNNING
    return {
        "folder": status.folder,
        "recipe": status.recipe,
        "run": {
            "state": sitting.state,
            "stage": stage.stage if stage else None,
            "until": sitting.until,
            "pid": sitting.pid or None,
            "machine": sitting.machine or None,
            "started": sitting.started or None,
            "ended": sitting.ended or None,
            "message": sitting.message or None,
            "job": {
                "stage": job.stage,
                "runner": job.runner,
                "service": job.service or None,
                "id": job.id or None,
                "url": job.url or None,
                "state": job.state,
                "since": job.since or None,
                "by_hand": job.by_hand or None,
                "said": list(job.said),
            }
            if job
            else None,
        },
        "stages": [
            {
                "stage": each.stage,
                "state": each.state,
                "units_done": each.units_done,
                "units": each.units,
                "rows_in": each.rows.rows_in,
                "rows_out": each.rows.rows_out,
                "ended": each.rows.ended,
                "left_s": each.left,
            }
            for each in status.stages
        ],
        "kept": status.kept,
        "fetch": {
            "planned": sum(each.planned for each in hosts),
            "stored": sum(each.stored for each in hosts),
            "failed": sum(each.lost for each in hosts),
            "waiting": sum(each.waiting for each in hosts),
            "rate": sum(each.rate or 0.0 for each in hosts) if going_on else None,
            "left_s": time_left(hosts) if not status.paused else None,
            "held_up_by": [each.host for each in holding_up(hosts)],
            "paused": status.paused or None,
            "hosts": list(map(_host, hosts)),
        }
        if hosts
        else None,
    }


def _host(each: HostProgress) -> dict[str, Any]:
    return {
        "host": each.host,
        "planned": each.planned,
        "stored": each.stored,
        "failed": each.lost,
        "outcomes": dict(each.failed),
        "waiting": each.waiting,
        "rate": each.rate,
        "allowed_rate": each.allowed,
        "left_s": each.left,
    }
