"""A loopback web that answers any address of any host with a real photograph, over http and https on one port.

The first byte that a client sends tells the two apart (22 opens a TLS handshake, RFC 8446 section 5.1), because one
connect_to entry leads every port of its host to one port.
"""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.real_input.certificates import Certificate
from tests.real_input.photographs import Photographs

FILES, GONE, REFUSED, PAGES = range(10), range(10, 12), range(12, 13), range(13, 14)
"""Of 100 addresses: files as they are, 404, 403, and web pages; all others are windows of photographs."""
_HANDSHAKE = b"\x16"
_TYPES = {".jpg": "image/jpeg", ".png": "image/png", ".gif": "image/gif", ".webp": "image/webp", ".tif": "image/tiff"}
_PAGE = b"<!DOCTYPE html>\n<html><body>Sign in to go on</body></html>\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the web says to one address."""

    what: str
    """frame, window, file, gone, refused or page."""
    status: int
    content_type: str
    body: bytes


_GONE = Answer("gone", 404, "text/plain", b"gone\n")
_NO_RULES = Answer("robots", 404, "text/plain", b"no rules\n")


class PhotoServer(ThreadingHTTPServer):
    """The server: `hits` counts answers by 'scheme status', `sent` tells what went to each address, and its SHA-256.

    `frames` are addresses whose picture has a declared size (width, height); `frames_percent` of them are served, the
    others are gone, because drawing a frame of two million pixels costs more than all the rest.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        photographs: Photographs,
        certificate: Certificate | None,
        frames: Mapping[str, tuple[int, int]],
        frames_percent: int = 100,
    ) -> None:
        self.photographs, self.frames, self.frames_percent = photographs, frames, frames_percent
        self.hits: Counter[str] = Counter()
        self.sent: dict[str, tuple[str, str]] = {}
        self._lock = threading.Lock()
        self._tls: ssl.SSLContext | None = None
        if certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(certificate.chain, certificate.key)
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def address(self) -> str:
        """The address that answers, as 'host:port'."""
        return f"127.0.0.1:{self.server_address[1]}"

    def note(self, scheme: str, address: str, answer: Answer) -> None:
        """Note one answer."""
        with self._lock:
            if answer is _NO_RULES:
                self.hits["robots.txt"] += 1
                return
            self.hits[f"{scheme} {answer.status}"] += 1
            self.sent[address] = answer.what, hashlib.sha256(answer.body).hexdigest()

    def finish_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        """Serve one connection, in its own thread; the handshake too, so that a slow client holds up nobody."""
        request.settimeout(30)
        if self._tls is not None and request.recv(1, socket.MSG_PEEK) == _HANDSHAKE:
            with self._tls.wrap_socket(request, server_side=True) as secure:
                _Handler(secure, client_address, self)
        else:
            _Handler(request, client_address, self)

    def handle_error(self, request: object, client_address: object) -> None:
        """Pass over clients that hang up early, which a fetcher with caps does on purpose; report anything else."""
        if not isinstance(sys.exc_info()[1], ConnectionError | ssl.SSLEOFError | TimeoutError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    def answer(self, address: str) -> Answer:
        """Return the answer for 'host/path?query'; the same for both schemes."""
        if address.endswith("/robots.txt"):
            return _NO_RULES
        digest = hashlib.md5(address.encode()).digest()
        part = int.from_bytes(digest[12:16], "big") % 100
        size = self.frames.get(address)
        if size is not None:
            if part >= self.frames_percent:
                return _GONE
            return Answer("frame", 200, "image/jpeg", self.photographs.window(digest, size))
        if part in FILES:
            path = self.photographs.file(digest)
            return Answer("file", 200, _TYPES.get(path.suffix, "application/octet-stream"), path.read_bytes())
        if part in GONE:
            return _GONE
        if part in REFUSED:
            return Answer("refused", 403, "text/plain", b"refused\n")
        if part in PAGES:
            return Answer("page", 200, "text/html; charset=utf-8", _PAGE)
        return Answer("window", 200, "image/jpeg", self.photographs.window(digest))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Header and body leave in one packet: without it every keep-alive answer waits for a delayed acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: PhotoServer

    def do_GET(self) -> None:
        address = address_of(self.headers.get("Host", ""), self.path)
        answer = self.server.answer(address)
        scheme = "https" if isinstance(self.connection, ssl.SSLSocket) else "http"
        self.server.note(scheme, address, answer)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent: answers are counted, not printed."""


def address_of(host: str, path: str) -> str:
    """Return the key of an address: its host in lower case without port, and its path and query as they are sent."""
    return host.split(":")[0].lower() + path


@contextmanager
def serve(
    data: Path, corpus: Path, certificate: Certificate | None = None, frames_percent: int = 100
) -> Iterator[PhotoServer]:
    """Serve a corpus that `corpus.build` wrote, until the block ends; without a certificate over http alone."""
    stated = json.loads((corpus / "served.json").read_text("utf-8"))
    frames = {address: (int(size[0]), int(size[1])) for address, size in stated["frames"].items()}
    server = PhotoServer(Photographs.of(data), certificate, frames, frames_percent)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
