"""A loopback web server over a demo corpus, with hosts told apart by the Host header and scripted misbehaviour.

The addresses of a corpus answer a fetcher that is told to connect there (FetchRules.connect_to); by hand it is started
with `python -m pipeline.demo.server`.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pipeline.demo.web import BEHAVIOURS_FILE, HOSTS, Behaviour
from pipeline.model.errors import PipelineError

_TYPES = {
    ".gif": "image/gif",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}


class DemoServer(ThreadingHTTPServer):
    """The server: files and behaviours are read once, requests are counted per address.

    `hits` maps 'host/path' to the number of GET requests so far, which tests read to see what was asked for.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, folder: Path, port: int) -> None:
        www = folder / "www" if (folder / "www").is_dir() else folder
        behaviours = www / BEHAVIOURS_FILE
        if not behaviours.is_file():
            raise PipelineError(
                f"no {BEHAVIOURS_FILE}", where=str(www), remedy="give the folder that build_corpus wrote, or its www"
            )
        self.behaviours = {
            address: Behaviour(**fields) for address, fields in json.loads(behaviours.read_text("utf-8")).items()
        }
        # The files are listed up front: what a request names is looked up, never opened as a path.
        self.files = {path.relative_to(www).as_posix(): path for path in sorted(www.rglob("*")) if path.is_file()}
        self.hits: Counter[str] = Counter()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)

    def count(self, address: str) -> int:
        """Note one request and give the number of requests for the address so far, this one included."""
        with self._lock:
            self.hits[address] += 1
            return self.hits[address]

    @property
    def address(self) -> str:
        """The address that answers, as 'host:port'."""
        return f"127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Pass over clients that hang up early, which a fetcher with caps does on purpose; report anything else."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Header and body leave in one packet: without it every keep-alive answer waits for a delayed acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = 30
    server: DemoServer

    def do_HEAD(self) -> None:
        """Answer as to GET, without a body; only GET requests are counted."""
        self._asked(0)

    def do_GET(self) -> None:
        host = self.headers.get("Host", "").split(":")[0].lower()
        self._asked(self.server.count(host + unquote(urlsplit(self.path).path)))

    def _asked(self, number: int) -> None:
        host = self.headers.get("Host", "").split(":")[0].lower()
        address = host + unquote(urlsplit(self.path).path)
        behaviour = self.server.behaviours.get(address, Behaviour())
        if behaviour.times and number > behaviour.times:
            behaviour = Behaviour()
        path = self.server.files.get(address) if behaviour.status == 200 else None
        if path is None:
            status = 404 if behaviour.status == 200 else behaviour.status
            self._answer(behaviour, status, "text/plain; charset=utf-8", f"{status}\n".encode())
        else:
            kind = behaviour.content_type or _TYPES.get(path.suffix, "application/octet-stream")
            self._answer(behaviour, 200, kind, path.read_bytes())

    def _answer(self, behaviour: Behaviour, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) + behaviour.announce_more))
        for name, value in (("Location", behaviour.location), ("Retry-After", behaviour.retry_after)):
            if value:
                self.send_header(name, value)
        if behaviour.announce_more:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent: requests are counted, not printed."""


@contextmanager
def serve(folder: Path, port: int = 0) -> Iterator[DemoServer]:
    """Serve a corpus on loopback until the block ends, and give the server: `address` answers, `hits` counts.

    `folder` is the corpus, or the www folder in it; port 0 takes any free one. The address is to be used with
    `connect_to`. Raises PipelineError when the folder is no demo corpus.
    """
    server = DemoServer(folder, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def connect_to(address: str) -> tuple[str, ...]:
    """Return the FetchRules.connect_to entries that lead every demo host to one address.

    >>> connect_to("127.0.0.1:8765")[0]
    'content.biota.test=127.0.0.1:8765'
    """
    return tuple(f"{host}={address}" for host in HOSTS)
