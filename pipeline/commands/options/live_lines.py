"""Messages on a terminal: what a stage says while it works is one line that changes; what it came to stays.

In a file or a pipe every message is a line of its own, as ever.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import sys
import time
from typing import TextIO

_ENDS = re.compile(r"done\b")
_CLEAR = "\r\x1b[2K"


class LiveLines(logging.StreamHandler[TextIO]):
    """Writes messages to a terminal; one of a stage takes the place of the one before it until the stage is done.

    >>> import io
    >>> handler = LiveLines(io.StringIO())
    >>> for text in ("ingest: started", "ingest: gbif: 9 rows", "warning: a stray", "ingest: done in 2 s"):
    ...     handler.emit(logging.makeLogRecord({"msg": text, "levelno": logging.INFO}))
    >>> [line.split("\\x1b[2K")[-1] for line in handler.stream.getvalue().split("\\n")]
    ['warning: a stray', 'ingest: done in 2 s', '']
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        from pipeline.storage.run_folder import STAGES  # what a command without a terminal starts without

        super().__init__(stream or sys.stderr)
        self._of_stage = re.compile(rf"(?P<stage>{'|'.join(STAGES)}): (?P<text>.*)", re.DOTALL)
        self._stage, self._since, self._open = "", 0.0, ""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a message."""
        try:
            text = self.format(record)
            found = self._of_stage.fullmatch(text) if record.levelno <= logging.INFO else None
            if found is None or _ENDS.match(found["text"]):
                self._write(f"{_CLEAR if self._open else ''}{text}\n")
                left, self._open = self._open, ""
                if found is None and left:
                    self._show(left)
                return
            if found["stage"] != self._stage:
                self._stage, self._since = found["stage"], time.monotonic()
            self._show(text)
        except Exception:  # noqa: BLE001 - as every handler: what cannot be written ends nothing
            self.handleError(record)

    def end_line(self) -> None:
        """Let the line stand, so that something else can be written below it."""
        if self._open:
            self._write("\n")
            self._open = ""

    def _show(self, text: str) -> None:
        """Write a line that the next one takes the place of: as wide as the terminal, with the stage's seconds."""
        wide = shutil.get_terminal_size().columns - 1
        seconds = f"  {time.monotonic() - self._since:.0f} s"
        line = " ".join(text.split())
        room = max(wide - len(seconds), 10)
        self._open = text
        self._write(f"{_CLEAR}{line if len(line) <= room else line[: room - 1] + '…'}{seconds}")

    def _write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()


def log_handler() -> logging.StreamHandler[TextIO]:
    """Return what writes messages to standard error: live lines where it is a terminal that can move its cursor."""
    if sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb" and not os.environ.get("CI"):
        return LiveLines()
    return logging.StreamHandler(sys.stderr)


def end_live_line() -> None:
    """Let the live line of the program's messages stand, if there is one."""
    for handler in logging.getLogger("biomill").handlers:
        if isinstance(handler, LiveLines):
            handler.end_line()
