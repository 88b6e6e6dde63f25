"""Reading a socket under one deadline for a whole answer, and seeing what a host sends beyond it.

A timeout per read would let a host that drips one byte a second hold a worker for ever; here every read of the status
line, of headers and of the body gets what is left of one deadline.
"""

from __future__ import annotations

import contextlib
import io
import socket
import ssl
import time
from contextvars import ContextVar
from typing import IO, Any

from urllib3.util.wait import wait_for_read

DEADLINE: ContextVar[float] = ContextVar("biomill_fetch_deadline", default=float("inf"))
"""`time.monotonic()` at which the answer being read in this thread must be complete."""
_BUFFER = 65536
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)  # of Linux


class TimedReader(io.RawIOBase):
    """Reads a socket so that no single read outlasts the deadline, which may be another for head and body.

    `torn` tells a TLS connection that ended without close_notify: whoever cuts a connection can make such an end.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._patience = sock.gettimeout()
        self._raw: Any = sock.makefile("rb", buffering=0)
        self._ended = False
        self.torn = False
        if isinstance(sock, ssl.SSLSocket):
            sock.suppress_ragged_eofs = False  # type: ignore[attr-defined]

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read what is there into a buffer, waiting for the first byte; return the number of bytes, 0 at the end."""
        if self._ended:
            return 0
        left = DEADLINE.get() - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer was not complete in time")
        patience = left if self._patience is None else min(self._patience, left)
        if patience != self._sock.gettimeout():  # setting it is a system call, and most reads change nothing
            self._sock.settimeout(patience)
        try:
            count: int | None = self._raw.readinto(buffer)
        except ssl.SSLEOFError:
            self.torn = True
            return 0
        return count

    def surplus(self, buffered: io.BufferedReader, wait: float) -> tuple[bool, bool]:
        """Return (whether bytes lie behind a complete answer, whether the connection is open and silent).

        `buffered` is the reader over this one; `wait`: seconds of silence that are listened to. Nothing can be read
        afterwards.
        """
        self._ended = True
        if buffered.peek(1):
            return True, False
        sock = self._sock
        if _QUICKACK is not None:  # else what Nagle's algorithm holds back over there comes upon the next request
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
        pending = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
        if not pending and not wait_for_read(sock, wait):
            return False, True
        # News may be a farewell or, under TLS, a session ticket: neither is a part of an answer.
        patience = sock.gettimeout()
        try:
            sock.settimeout(0)
            more = sock.recv(1)
            sock.settimeout(patience)
        except (BlockingIOError, ssl.SSLWantReadError):
            sock.settimeout(patience)
            return False, True
        except OSError:
            return False, False
        return bool(more), False

    def close(self) -> None:
        """Let go of the socket, which its connection may keep open."""
        self._raw.close()
        super().close()


class TimedSocket:
    """The one method of a socket that `http.client.HTTPResponse` uses; `reader` is what its file reads from."""

    def __init__(self, sock: socket.socket) -> None:
        self.reader = TimedReader(sock)

    def makefile(self, _mode: str) -> IO[bytes]:
        """Return a buffered file over the socket."""
        return io.BufferedReader(self.reader, _BUFFER)
