"""An S3 server that has bad days: a whole one behind a proxy that refuses, cuts, resets or waits as it is told."""

from __future__ import annotations

import http.client
import random
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from pipeline.storage.files.file_systems import file_system
from tests.s3_server import moto, s3_settings

RESET, SHORT, CUT, NO_TOKEN = "reset", "short", "cut", "no token"
"""Closing the connection instead of answering; half the body that was stated; half a body of unstated length; a page of
a listing that says that more follows, and not where."""
_SKEW_SECONDS = 900.0
"""How far the clock of a client of S3 may be off."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as a day may judge it."""

    method: str
    path: str
    number: int
    """Which request it is since the day began."""
    drawn: float
    """Between 0 and 1, at random, from a fixed seed."""

    @property
    def listing(self) -> bool:
        """Whether it asks for a page of a listing."""
        return self.method == "GET" and "list-type=" in self.path


Answer = str | tuple[int, str] | float | None
"""RESET, SHORT, CUT, NO_TOKEN; a status with its code; seconds to wait before the true answer; None: that answer."""
Day = Callable[[Asked], Answer]


@dataclass(slots=True)
class BadServer:
    """What stands between clients and the whole server."""

    port: int
    """Of the whole server."""
    day: Day = lambda asked: None
    number: int = 0
    spoilt: int = 0
    """How many answers were not the true ones."""
    drawn: random.Random = field(default_factory=lambda: random.Random(7))
    lock: threading.Lock = field(default_factory=threading.Lock)
    clock: bool = False
    """Whether clients whose clock is off by a quarter of an hour are refused, as S3 refuses them."""

    def begin(self, day: Day) -> None:
        """Let a day begin."""
        with self.lock:
            self.day, self.number, self.spoilt = day, 0, 0
            self.drawn.seed(7)

    def judge(self, method: str, path: str) -> Answer:
        """Return how a request is answered."""
        with self.lock:
            self.number += 1
            answer = self.day(Asked(method, path, self.number, self.drawn.random()))
            self.spoilt += answer is not None
            return answer


@contextmanager
def bad_s3_server() -> Iterator[tuple[str, BadServer]]:
    """Yield the address of a bucket, which is asked through a proxy, and the proxy's rules; a good day at first."""
    with moto(Path("/dev/null")) as port:
        bad = BadServer(port)
        kind = type("Handler", (_Proxy,), {"bad": bad})
        server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            with s3_settings(server.server_port):
                file_system("s3://bucket")[0].mkdir("s3://bucket")
                yield "s3://bucket", bad
        finally:
            server.shutdown()
            server.server_close()


class _Proxy(BaseHTTPRequestHandler):
    """Passes requests on, and answers as the day has it."""

    protocol_version = "HTTP/1.1"
    bad: BadServer

    def do_GET(self) -> None:
        body = self._body()
        answer = self.bad.judge(self.command, self.path)
        if self.bad.clock and abs(self._clock() - time.time()) > _SKEW_SECONDS:
            answer = 403, "RequestTimeTooSkewed"
        if answer == RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return
        if isinstance(answer, tuple):
            said = f"<Error><Code>{answer[1]}</Code><Message>{answer[1]} it is</Message></Error>".encode()
            self._answer(answer[0], [("Content-Type", "application/xml")], said)
            return
        if isinstance(answer, float):
            time.sleep(answer)
        status, headers, data = self._asked(body)
        if answer == NO_TOKEN:
            data = re.sub(rb"<NextContinuationToken>.*?</NextContinuationToken>", b"", data)
            data = re.sub(rb"<IsTruncated>\w+</IsTruncated>", b"<IsTruncated>true</IsTruncated>", data)
        self._answer(status, headers, data, answer if isinstance(answer, str) else "")

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            found = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                found += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return found
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _clock(self) -> float:
        stated = self.headers.get("X-Amz-Date", "")
        if not stated:
            return time.time()
        return datetime.strptime(stated, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()

    def _asked(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        there = http.client.HTTPConnection("127.0.0.1", self.bad.port, timeout=60)
        try:
            headers = {k: v for k, v in self.headers.items() if k.lower() not in ("transfer-encoding", "expect")}
            headers["Content-Length"] = str(len(body))
            there.request(self.command, self.path, body, headers)
            answer = there.getresponse()
            dropped = ("transfer-encoding", "connection", "server", "date")
            kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in dropped]
            return answer.status, kept, answer.read()
        finally:
            there.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], data: bytes, how: str = "") -> None:
        self.send_response(status)
        stated = [(name, value) for name, value in headers if name.lower() == "content-length"]
        for name, value in headers:
            if name.lower() != "content-length":
                self.send_header(name, value)
        if how == CUT:
            self.send_header("Connection", "close")
        elif self.command == "HEAD" and stated:
            self.send_header(*stated[0])
        else:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[: len(data) // 2] if how in (SHORT, CUT) else data)
        self.close_connection = self.close_connection or how in (SHORT, CUT)

    def log_message(self, *_: object) -> None:
        """Keep quiet: nobody reads it."""
