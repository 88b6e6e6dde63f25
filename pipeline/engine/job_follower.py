"""The driver's side of a job at a service: its states told once each, its note in the run's folder, and its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

from manifests.errors import BiomillError
from pipeline.engine.job_watch import CANCEL, TOLD
from pipeline.engine.remote_job import SUBMITTING, RemoteJob, forget_job, note_job, read_job
from pipeline.model.duration import duration
from pipeline.storage.places import Place

_QUIET_SECONDS = 30.0
"""Without a finished work unit, after which the job's state is told again; doubled each time."""
_CANCEL_SECONDS = 20.0
"""That a service gets to end a job."""
_SUBMIT_SECONDS = 8.0
"""That a job gets to be submitted, which cannot be cancelled before."""


class JobFollower:
    """The teller of one job, from what the process that submitted it wrote.

    `home`: the run's folder, which notes the job; None: nobody is to find it later.
    """

    def __init__(self, marks: Path, home: Place | None, say: Callable[[str], None]) -> None:
        self._told, self._marks, self._home, self._say = marks / TOLD, marks, home, say
        self.job: RemoteJob | None = None
        self._written: int | None = None
        self._since, self._quiet = time.monotonic(), _QUIET_SECONDS

    def look(self) -> None:
        """Report what is new of the job, and note it."""
        try:
            written = self._told.stat().st_mtime_ns
        except FileNotFoundError:
            return
        if written != self._written:
            self._written, before = written, self.job
            self.job = read_job(self._told)
            if self.job is not None and self.job != before:
                self._new(self.job, before)
        elif self.job and time.monotonic() - self._since > self._quiet:
            self._quiet *= 2
            last = f"; the last warning: {self.job.said[-1]}" if self.job.said else "; its service gave no warning"
            for_ = duration(time.monotonic() - self._since)
            self._say(f"{self.job.stage}: {self.job.name} is {self.job.state}, no work unit done for {for_}{last}")

    def worked(self) -> None:
        """Note that a work unit was done: the job need not be asked after."""
        self._since, self._quiet = time.monotonic(), _QUIET_SECONDS

    def _new(self, job: RemoteJob, before: RemoteJob | None) -> None:
        if self._home is not None:
            note_job(self._home, job)
        if job.id and (before is None or not before.id):
            self._say(f"{job.stage}: {job.name}{f', {job.url}' if job.url else ''}")
        if job.state != SUBMITTING and (before is None or job.state != before.state):
            self._say(f"{job.stage}: {job.name} is {job.state}")
            self.worked()
        for line in job.said:
            if before is None or line not in before.said:
                self._say(f"{job.stage}: {job.runner} warns: {line}")

    def ended(self) -> None:
        """Forget a job whose end was waited for."""
        self.look()
        if self._home is not None:
            forget_job(self._home)

    def cancel(self, future: Future[Any]) -> None:
        """Have the job cancelled, wait for it some seconds, and say what became of it.

        `future`: of the process that waits for the job. A job that may run on keeps its note.
        """
        self.look()
        job = self.job
        if job is None or job.ended:
            return
        self._tell(f"{job.stage}: cancelling {job.name} (Ctrl-C again does not wait for it)")
        (self._marks / CANCEL).touch()
        began = time.monotonic()
        while not future.done() and time.monotonic() - began < _CANCEL_SECONDS:
            job = read_job(self._told) or job
            if job.ended or (not job.id and time.monotonic() - began > _SUBMIT_SECONDS):
                break
            time.sleep(0.1)
        job = read_job(self._told) or job
        if job.ended or (future.done() and not job.id):
            self._tell(f"{job.stage}: {job.name} {'is ' + job.state if job.ended else 'was not begun'}")
            if self._home is not None:
                forget_job(self._home)
            return
        hand = f"; to end it: {job.by_hand}" if job.by_hand else ""
        self._tell(f"{job.stage}: {job.name} may run on: it is {job.state} after {_CANCEL_SECONDS:.0f} s{hand}")

    def _tell(self, line: str) -> None:
        # A run whose lease was taken says so at every word; its job ends all the same.
        with suppress(BiomillError):
            self._say(line)
