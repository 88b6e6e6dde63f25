"""The job that a run's folder notes from a driver that is gone: it is cancelled before another one is begun.

Two jobs that write one folder would be no harm while both follow the same recipe, as a unit has the same bytes
whoever writes it. After a change of the recipe they would not: so nothing is begun before the first one is dealt with.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from pipeline.engine.described import state_at
from pipeline.engine.reach import reachable
from pipeline.engine.remote_job import TERMINAL, RemoteJob, forget_job, noted_job
from pipeline.storage.places import Place

_PATIENCE = 20.0
"""Seconds that the service gets to end the job."""


def end_earlier(home: Place, say: Callable[[str], None]) -> None:
    """Cancel the job that a run's folder notes, where its service allows that; say what became of it, and forget it.

    Nothing is said of a job that has ended. The folder's lock must be held.

    >>> import tempfile
    >>> from pathlib import Path
    >>> end_earlier(Path(tempfile.mkdtemp()), print)
    """
    job = noted_job(home)
    if job is None:
        return
    if line := _ended(job):
        say(line)
    forget_job(home)


def _ended(job: RemoteJob) -> str:
    hand = f"; to end it: {job.by_hand}" if job.by_hand else ""
    may = f"{job.stage}: {job.name}, of an earlier run, may still run"
    if not job.id or "://" in job.service or ":" not in job.service:
        return f"{may}{hand}" if job.id or job.by_hand else ""
    if not reachable(job.service, attempts=1):
        return f"{may}, and nobody answers at {job.service}{hand}"
    try:
        state = _cancelled(job)
    except Exception as error:  # noqa: BLE001 - of gRPC, which is not loaded for this clause alone
        said = (str(getattr(error, "details", lambda: "")() or "") or str(error)).splitlines()
        if "does not exist" in "".join(said) or "NOT_FOUND" in str(error) or job.id in "".join(said):
            return ""  # its service was begun anew, and knows nothing of it
        return f"{may}: its service says {(said or [type(error).__name__])[0][:200]!r}{hand}"
    if state == "":
        return ""
    if state in TERMINAL:
        return f"{job.stage}: {job.name}, of an earlier run, still ran: it is {state}"
    return f"{may}: it is {state} {_PATIENCE:.0f} s after it was asked to end{hand}"


def _cancelled(job: RemoteJob) -> str:
    """Return the state of a job that was cancelled; '' of one that had ended before. Raises grpc.RpcError."""
    from apache_beam.portability.api import beam_job_api_pb2
    from apache_beam.runners.portability.job_server import ExternalJobServer

    service = ExternalJobServer(job.service, timeout=_PATIENCE).start()
    if state_at(service, job.id) in TERMINAL:
        return ""
    service.Cancel(beam_job_api_pb2.CancelJobRequest(job_id=job.id))
    end = time.monotonic() + _PATIENCE
    while (state := state_at(service, job.id)) not in TERMINAL and time.monotonic() < end:
        time.sleep(0.2)
    return state
