"""A job at somebody else's service: which it is, where a person sees it, and what the run's folder notes of it.

FOLDER/.job.json is there while a job runs that this machine only asked for; a driver that is killed leaves it, so that
the next one, and `biomill status`, know that a job may run on.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.model.errors import StorageError
from pipeline.storage.files.atomic import read_json, write_json
from pipeline.storage.places import Place

NOTE = ".job.json"
SUBMITTING = "SUBMITTING"
TERMINAL = frozenset({"DONE", "FAILED", "CANCELLED", "UPDATED", "DRAINED"})
"""States of Beam in which a job works no more."""


@dataclass(frozen=True, slots=True)
class RemoteJob:
    """A job, as far as its service told of it."""

    stage: str
    runner: str
    service: str = ""
    """Where it was submitted: 'host:port' of a job service, the address of a scheduler; empty where nobody said."""
    id: str = ""
    """Empty until the service took it, and of runners whose jobs have none."""
    url: str = ""
    """A page that shows it."""
    state: str = SUBMITTING
    """One of Beam's states."""
    since: str = ""
    """When this state was seen first, ISO 8601 in UTC."""
    by_hand: str = ""
    """How a person ends it."""
    said: tuple[str, ...] = ()
    """What the service and Beam warned of, each once, the newest last."""

    @property
    def name(self) -> str:
        """Return what it is called in a sentence.

        >>> RemoteJob("ingest", "portable", "localhost:8099", "job-1").name
        'job job-1 on localhost:8099'
        """
        return f"job {self.id}{f' on {self.service}' if self.service else ''}" if self.id else f"the {self.runner} job"

    @property
    def ended(self) -> bool:
        """Return whether it works no more."""
        return self.state in TERMINAL

    def now(self, state: str) -> RemoteJob:
        """Return the job in a state, which it has since now where it is another one."""
        if state == self.state and self.since:
            return self
        return replace(self, state=state, since=datetime.now(UTC).isoformat(timespec="seconds"))


def job_from_json(value: dict[str, Any]) -> RemoteJob:
    """Return the job that a note speaks of; what the note lacks is empty.

    >>> job_from_json({"stage": "fetch", "runner": "portable", "said": ["slow"]}).said
    ('slow',)
    """
    known = {field.name: value[field.name] for field in fields(RemoteJob) if field.name in value}
    return RemoteJob(**{**known, "said": tuple(known.get("said", ()))})


def write_job(path: Path, job: RemoteJob) -> None:
    """Write what is known of a job for another process of this machine, which sees it whole or not at all."""
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(asdict(job)), "utf-8")
    temporary.replace(path)


def read_job(path: Path) -> RemoteJob | None:
    """Return what another process wrote of a job; None where it did not yet."""
    try:
        return job_from_json(json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return None


def note_job(home: Place, job: RemoteJob) -> None:
    """Note in a run's folder that a job runs. Raises StorageError when that cannot be written."""
    write_json(home / NOTE, asdict(job))


def noted_job(home: Place) -> RemoteJob | None:
    """Return the job that a run's folder notes; None without any, or of a note that is not one."""
    try:
        return job_from_json(read_json(home / NOTE))
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return None


def forget_job(home: Place) -> None:
    """Remove the note of a job that has ended."""
    with suppress(OSError, StorageError):
        (home / NOTE).unlink(missing_ok=True)
