"""S3 servers on this machine: a whole one (moto), and one that answers as a store does that refuses or breaks."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipeline.storage.files.file_systems import file_system


@contextmanager
def s3_server() -> Iterator[str]:
    """Yield the address of a bucket; the test is skipped where the server or the client is not installed."""
    for name in ("moto", "flask", "flask_cors", "s3fs"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    with logged_s3_server(Path(os.devnull)) as address:
        yield address


@contextmanager
def logged_s3_server(log: Path) -> Iterator[str]:
    """Yield the address of a bucket of a server of this machine, which writes a line for every request into `log`."""
    with moto(log) as port, s3_settings(port):
        file_system("s3://bucket")[0].mkdir("s3://bucket")
        yield "s3://bucket"


@contextmanager
def moto(log: Path) -> Iterator[int]:
    """Yield the port of an S3 server that is empty, in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    with log.open("ab") as file:
        server = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stdout=file, stderr=file
        )
    try:
        end = time.monotonic() + 60
        while socket.socket().connect_ex(("127.0.0.1", port)) and time.monotonic() < end:
            time.sleep(0.1)
        yield port
    finally:
        server.terminate()
        server.wait(10)


class _Failing(BaseHTTPRequestHandler):
    """Answers by the name of the object: refused, busy or gone as S3 says it, or a body that breaks off."""

    protocol_version = "HTTP/1.1"
    answers: Mapping[str, tuple[int, str]] = {
        "refused": (403, "AccessDenied"),
        "expired": (400, "ExpiredToken"),
        "busy": (503, "SlowDown"),
        "gone": (404, "NoSuchKey"),
    }

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        status, code = self.answers.get(path.rpartition("/")[2], (200, ""))
        if "list-type" in query:
            status, code = self.answers["gone"]
        body = f"<Error><Code>{code}</Code><Message>{code} it is</Message></Error>".encode() if code else bytes(10)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if code else 1000))
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", "Sat, 28 Nov 2026 10:00:00 GMT")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
            self.close_connection = not code  # the body of the rest breaks off

    do_HEAD = do_PUT = do_DELETE = do_POST = do_GET

    def log_message(self, *_: object) -> None:
        """Keep quiet: nobody reads it."""


@contextmanager
def failing_s3_server() -> Iterator[int]:
    """Yield the port of a server that fails by the name of the object; clients of s3:// ask it."""
    s3fs = pytest.importorskip("s3fs")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Failing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    retries, s3fs.S3FileSystem.retries = s3fs.S3FileSystem.retries, 2  # it fails as well the fifth time
    try:
        with s3_settings(server.server_port):
            yield server.server_port
    finally:
        s3fs.S3FileSystem.retries = retries
        server.shutdown()
        server.server_close()


@contextmanager
def s3_settings(port: int) -> Iterator[None]:
    """Let clients of s3:// ask a port of this machine."""
    import s3fs

    settings = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_MAX_ATTEMPTS": "1",
    }
    before = {key: os.environ.get(key) for key in settings}
    os.environ.update(settings)
    s3fs.S3FileSystem.clear_instance_cache()  # fsspec would hand out one that asks an earlier server
    try:
        yield
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
        for key, value in before.items():
            os.environ.pop(key, None) if value is None else os.environ.update({key: value})
