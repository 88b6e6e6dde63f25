"""Whether a run goes on, and how the last one ended: what it says of itself beside the lock that it holds.

The lock is the kernel's, so it tells a live run from a dead one whatever happened; `.run.json` tells who holds it, and
how a run that could still speak ended. A run that says it goes on and holds no lock was killed.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from manifests import BiomillError
from pipeline.model.errors import NetworkLostError
from pipeline.storage.files.atomic import read_json, write_json
from pipeline.storage.run_folder import STAGES, RunFolder

NOTE = ".run.json"
RUNNING, DONE, UNTIL, KILLED, INTERRUPTED, NETWORK_LOST, FAILED, UNKNOWN = (
    *("running", "done", "until", "killed", "interrupted", "network_lost", "failed", "unknown"),
)


@dataclass(frozen=True, slots=True)
class Sitting:
    """The last time that somebody ran into a folder."""

    state: str
    """running, done, until (stopped after a stage, as asked), killed, interrupted, network_lost, failed, unknown."""
    until: str = STAGES[-1]
    """The last stage that was asked for."""
    pid: int = 0
    machine: str = ""
    started: str = ""
    """ISO 8601, in UTC; empty where nobody noted it, as for `ended`."""
    ended: str = ""
    message: str = ""
    """What it failed for."""


@contextmanager
def sitting(folder: RunFolder, until: str) -> Iterator[Callable[[], None]]:
    """Note who runs into a folder from when on, and how it ended; give the function that begins the note.

    The folder's lock must be held. Nothing is written before the run knows that the folder is its own.
    """
    note: dict[str, Any] = {}

    def begin() -> None:
        note.update(
            until=until,
            pid=os.getpid(),
            machine=socket.gethostname(),
            started=_now(),
            ended="",
            state=RUNNING,
            message="",
        )
        write_json(folder.root / NOTE, note)

    def end(state: str, message: str = "") -> None:
        if note:
            write_json(folder.root / NOTE, {**note, "state": state, "message": message, "ended": _now()})

    def failed(state: str, message: str = "") -> None:
        with suppress(BiomillError):  # what ended the run is what is told, and may keep the note from being written
            end(state, message)

    try:
        yield begin
    except KeyboardInterrupt:
        failed(INTERRUPTED)
        raise
    except NetworkLostError as error:
        failed(NETWORK_LOST, str(error))
        raise
    except BiomillError as error:
        failed(FAILED, str(error))
        raise
    except Exception as error:
        failed(FAILED, f"{type(error).__name__}: {error}")
        raise
    end(DONE if until == STAGES[-1] else UNTIL)


def last_sitting(folder: RunFolder) -> Sitting:
    """Return whether somebody runs into the folder now, or how the last run ended; changes nothing."""
    # Asked first: a run that ends in between has noted its end by the time that the note is read.
    held = folder.held()
    try:
        note = read_json(folder.root / NOTE)
    except FileNotFoundError:
        return Sitting(RUNNING if held else UNKNOWN)
    note = {field.name: note[field.name] for field in fields(Sitting) if field.name in note}
    if held:
        if note["state"] == RUNNING:
            return Sitting(**note)
        return Sitting(RUNNING)  # it took the lock a moment ago
    if note["state"] == RUNNING:
        return Sitting(**{**note, "state": KILLED})
    return Sitting(**note)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
