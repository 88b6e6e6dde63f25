"""A loopback server that plays recorded answers of GBIF's API, and nothing else.

An answer's key is method, path and sorted query. Several recordings of one key are a script that is played in order,
its last line again and again. A request that was never recorded is answered with 599 and remembered. Faults are
pushed in front: each is used up by one request.
"""

from __future__ import annotations

import json
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NoReturn
from urllib.parse import parse_qsl, urlsplit

Key = tuple[str, str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""
    content_type: str | None = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    """Close the connection after so many bytes of the body, although all were announced."""
    act: bool = False
    """Whether the request is acted on before it is answered like this (a POST may be accepted and its answer lost)."""


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes


def key_of(method: str, path: str, query: list[tuple[str, str]]) -> Key:
    return method, path, tuple(sorted(query))


class Replay(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[Key, list[Answer]] = {}
        self.faults: list[Answer | None] = []
        self.asked: list[Asked] = []
        self.unknown: list[Asked] = []
        self.files: dict[str, bytes] = {}
        self.etag = '"v1"'
        self.on_request: Callable[[Asked], None] = lambda asked: None
        self.on_bytes: Callable[[int], None] = lambda sent: None
        self.lock = threading.Lock()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed, or whose connection was cut on purpose, is no news."""

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def api(self) -> str:
        return f"{self.origin}/v1"

    def record(self, method: str, path: str, *answers: Answer, query: list[tuple[str, str]] | None = None) -> None:
        self.answers.setdefault(key_of(method, path, query or []), []).extend(answers)

    def load(self, folder: Path) -> list[tuple[Key, Answer]]:
        """Record everything in a folder of recordings; gives the pairs in their order."""
        with tarfile.open(folder / "bodies.tar.gz") as tar:
            bodies = {m.name: (tar.extractfile(m) or _fail()).read() for m in tar if m.isfile()}
        pairs = []
        for line in (folder / "index.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            key = key_of(row["method"], row["path"], [(k, v) for k, v in row["query"]])
            headers = {"Retry-After": str(row["retry_after"])} if row["retry_after"] is not None else {}
            answer = Answer(row["status"], bodies[row["body"]], row["content_type"], headers)
            self.answers.setdefault(key, []).append(answer)
            pairs.append((key, answer))
        return pairs

    def next_answer(self, asked: Asked) -> Answer:
        with self.lock:
            self.asked.append(asked)
            fault = self.faults.pop(0) if self.faults else None
            if fault is not None and not fault.act:
                return fault
            script = self.answers.get(key_of(asked.method, asked.path, list(asked.query)))
            if not script:
                self.unknown.append(asked)
                return Answer(599, b"never recorded", "text/plain")
            answer = script.pop(0) if len(script) > 1 else script[0]
            return fault or answer


def _fail() -> NoReturn:
    raise AssertionError("not a file")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Replay

    def log_message(self, *args: object) -> None:
        pass

    def _play(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        parts = urlsplit(self.path)
        query = tuple(parse_qsl(parts.query, keep_blank_values=True))
        headers = {k.lower(): v for k, v in self.headers.items()}
        asked = Asked(self.command, parts.path, query, headers, self.rfile.read(length))
        self.server.on_request(asked)
        file = self.server.files.get(parts.path)
        if file is not None and not self.server.faults:
            self.server.asked.append(asked)
            self._file(file, headers)
        else:
            self._send(self.server.next_answer(asked))

    do_GET = do_POST = do_DELETE = _play

    def _send(self, answer: Answer) -> None:
        if answer.status == 0:
            self.close_connection = True
            self.connection.close()
            return
        self.send_response_only(answer.status)
        if answer.content_type is not None:
            self.send_header("Content-Type", answer.content_type)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        body = answer.body if answer.cut is None else answer.body[: answer.cut]
        if answer.status != 204:
            self.wfile.write(body)
        if answer.cut is not None:
            self.close_connection = True

    def _file(self, data: bytes, headers: Mapping[str, str]) -> None:
        start, status = 0, 200
        wanted = headers.get("range", "")
        if wanted.startswith("bytes=") and headers.get("if-range", self.server.etag) == self.server.etag:
            start, status = int(wanted[6:].split("-")[0]), 206
        if start >= len(data):
            self._send(Answer(416))
            return
        self.send_response(status)
        self.send_header("ETag", self.server.etag)
        self.send_header("Date", formatdate(usegmt=True))
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        for at in range(start, len(data), 1 << 14):
            self.wfile.write(data[at : at + (1 << 14)])
            self.wfile.flush()
            self.server.on_bytes(min(len(data), at + (1 << 14)))


@contextmanager
def replaying() -> Iterator[Replay]:
    server = Replay()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
