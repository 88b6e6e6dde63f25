"""Beside a pipeline at a service: a thread that asks for its state, cancels it when asked, and keeps what is warned of.

It lives in the process that submitted the job, which may block in Beam for as long as the job runs. It tells the
driver through a file in the folder of the job's marks, and the driver tells it to cancel by a file there.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pipeline.engine.described import described, state_of, submitted
from pipeline.engine.options import EngineOptions
from pipeline.engine.remote_job import RemoteJob, write_job

TOLD = "job.json"
"""What the driver reads: the job as it is now."""
CANCEL = "cancel"
"""What the driver makes when the job is to end."""
_LOOK_SECONDS = 0.25
_STATE_SECONDS = 1.0
_STATE_SECONDS_FAR = 5.0
"""Between two questions to a service that counts them, as Google's does."""
_MOST_SAID = 20
_CHARACTERS = 300
_DIGITS = re.compile(r"[0-9a-f]*\d[0-9a-f]*")
_TRACEBACK = "Traceback (most recent call last)"


class JobWatch:
    """Watches one job, from before it is submitted to its end; a context manager around both."""

    def __init__(self, stage: str, options: EngineOptions, marks: str) -> None:
        self._options, self._marks = options, Path(marks)
        self._lock = threading.Lock()
        self._job = submitted(stage, options)
        self._result: Any = None
        self._ended = threading.Event()
        self._warnings = _Warnings(self._say)
        self._thread = threading.Thread(target=self._watch, name="biomill-job", daemon=True)

    def __enter__(self) -> Self:
        self._tell(self._job.now(self._job.state))
        logging.getLogger().addHandler(self._warnings)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(timeout=2 * _STATE_SECONDS)
        logging.getLogger().removeHandler(self._warnings)
        if self._result is not None and kind is None:
            self._look()

    def follow(self, result: Any) -> None:
        """Watch what Beam gave for the pipeline that it submitted."""
        with self._lock:
            self._job = described(self._job, result, self._options)
        self._result = result
        self._look()

    def _watch(self) -> None:
        asked = cancelled = False
        last = 0.0
        pause = _STATE_SECONDS_FAR if "dataflow" in self._options.runner.lower() else _STATE_SECONDS
        while not self._ended.wait(_LOOK_SECONDS):
            if self._result is None:
                continue
            asked = asked or (self._marks / CANCEL).exists()
            if asked and not cancelled:
                cancelled, last = True, 0.0
                self._cancel()
            if time.monotonic() - last > (_LOOK_SECONDS if asked else pause):
                last = time.monotonic()
                self._look()

    def _cancel(self) -> None:
        try:
            self._result.cancel()
        except Exception as error:  # noqa: BLE001 - each runner has its own; the driver says that the job may run on
            self._say(f"the job could not be cancelled: {_line(str(error)) or type(error).__name__}")

    def _look(self) -> None:
        try:
            state = state_of(self._result)
        except Exception as error:  # noqa: BLE001 - each runner has its own; who waits for the job is told of it
            self._say(f"the state of the job is not told: {_line(str(error)) or type(error).__name__}")
            return
        self._tell(self._job.now(state))

    def _say(self, line: str) -> None:
        self._tell(replace(self._job, said=(*self._job.said, line)[-_MOST_SAID:]))

    def _tell(self, job: RemoteJob) -> None:
        with self._lock:
            self._job = job
            write_job(self._marks / TOLD, job)


class _Warnings(logging.Handler):
    """Passes on what Beam and the job service warn of, a line each, and nothing twice.

    What a work unit failed of is not among it: the unit tells that by itself.
    """

    def __init__(self, say: Any) -> None:
        super().__init__(logging.WARNING)
        self._say, self._known = say, set[str]()

    def emit(self, record: logging.LogRecord) -> None:
        """Pass on one message."""
        try:
            text = record.getMessage()
        except (TypeError, ValueError):  # its words and values do not go together
            text = str(record.msg)
        line = _line(text)
        about = _DIGITS.sub("0", line)
        if not line or "BIOMILLFAILURE" in text or about in self._known or len(self._known) >= _MOST_SAID:
            return
        self._known.add(about)
        self._say(line)


def _line(text: str) -> str:
    r"""Return the line of a message that says most: of a traceback the last, else the first.

    >>> _line("Traceback (most recent call last):\n  File ...\nKeyError: 'a'\n"), _line("no quota\nask for more")
    ("KeyError: 'a'", 'no quota')
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return ""
    return lines[-1 if _TRACEBACK in text else 0][:_CHARACTERS]
