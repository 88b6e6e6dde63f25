"""A command on a real pseudo-terminal: what is typed, and what a person would see."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from types import TracebackType


class Typed:
    """`biomill ARGUMENTS` on a terminal of so many columns; `shown` is all that came so far."""

    def __init__(self, arguments: list[str], home: Path, columns: int = 80) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        env = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
        env |= {"TERM": "dumb", "XDG_STATE_HOME": str(home), "INPUTRC": "/dev/null"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pipeline.commands.cli", *arguments],
            stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True, preexec_fn=_own_terminal,
        )  # fmt: skip
        os.close(slave)
        self.shown = ""
        self._at = 0

    def __enter__(self) -> Typed:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._master)

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def until(self, text: str, within: float = 60) -> str:
        """Read until the text comes, and return what came with it, since the text that was waited for last."""
        end = time.monotonic() + within
        while text not in self.shown[self._at :]:
            assert time.monotonic() < end, f"{text!r} did not come: {self.shown[self._at :]!r}"
            if not self._read(0.2):
                raise AssertionError(f"the command ended before {text!r}: {self.shown[self._at :]!r}")
        begun, self._at = self._at, self.shown.index(text, self._at) + len(text)
        return self.shown[begun : self._at]

    def rest(self, within: float = 60) -> int:
        """Read to the end; return the exit status."""
        end = time.monotonic() + within
        while self._read(0.2):
            assert time.monotonic() < end, f"it does not end: {self.shown!r}"
        return self.process.wait(10)

    def _read(self, wait: float) -> bool:
        if select.select([self._master], [], [], wait)[0]:
            try:
                got = os.read(self._master, 65536)
            except OSError:  # the other end was closed
                return False
            self.shown += got.decode(errors="replace").replace("\r\n", "\n")
            return bool(got)
        return self.process.poll() is None or bool(select.select([self._master], [], [], 0)[0])

    def interrupt(self, until: str, within: float = 30) -> str:
        """Type Ctrl-C, of which the terminal makes the signal, until the text comes; return what came.

        As a person does: one that comes between the prompt and the first look at the keys is noted with the next key.
        """
        end = time.monotonic() + within
        while until not in self.shown[self._at :]:
            assert time.monotonic() < end, f"{until!r} did not come: {self.shown[self._at :]!r}"
            self.type("\x03")
            again = time.monotonic() + 2
            while until not in self.shown[self._at :] and time.monotonic() < again:
                self._read(0.1)
        return self.until(until)


def _own_terminal() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
