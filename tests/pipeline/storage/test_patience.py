"""A store that is busy is asked again until patience ends; what cannot pass is told at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipeline.storage.stores import FailureKind, RemoteStore, Span, StoreError, open_store
from tests.s3_server import failing_s3_server, s3_settings


class _Busy(BaseHTTPRequestHandler):
    """Says SlowDown as often as is left to be said, and then answers."""

    protocol_version = "HTTP/1.1"
    left = 0
    asked = 0

    def do_GET(self) -> None:
        kind = type(self)
        kind.asked += 1
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        if kind.left:
            kind.left -= 1
            body, status = b"<Error><Code>SlowDown</Code><Message>slow down</Message></Error>", 503
        else:
            body, status = b"" if self.command == "PUT" else b"0123456789", 200
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", "Sat, 28 Nov 2026 10:00:00 GMT")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_PUT = do_DELETE = do_POST = do_GET

    def log_message(self, *_: object) -> None:
        """Keep quiet: nobody reads it."""


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Busy]]:
    s3fs = pytest.importorskip("s3fs")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Busy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)  # so that it is our patience that is tried
    _Busy.left = _Busy.asked = 0
    with s3_settings(server.server_port):
        yield _Busy
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("call", ["read", "entry", "put", "write"])
def test_a_busy_store_is_asked_again(busy: type[_Busy], call: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"data")
    store = open_store("s3://bucket/run", patience=30)
    arguments = {"write": ("a", b"data"), "put": ("a", tmp_path / "a")}.get(call, ("a",))
    busy.left = 3
    getattr(store, call)(*arguments)
    assert busy.left == 0 and busy.asked >= 4


def test_spans_of_a_busy_store_are_asked_again(busy: type[_Busy]) -> None:
    store = open_store("s3://bucket/run", patience=30)
    busy.left = 2
    assert store.spans([Span("a", 0, 10)] * 3) == [b"0123456789"] * 3


def test_patience_ends(busy: type[_Busy]) -> None:
    busy.left, began = 1_000, time.monotonic()
    with pytest.raises(StoreError) as caught:
        open_store("s3://bucket/run", patience=2).read("a")
    assert caught.value.kind is FailureKind.FAILED and caught.value.reason == "slow down"
    assert time.monotonic() - began < 20
    busy.asked = 0
    with pytest.raises(StoreError):
        open_store("s3://bucket/run").read("a")
    assert busy.asked <= 2, "without patience a store is asked as often as its client asks"


def test_what_asking_again_cannot_change_is_told_at_once() -> None:
    with failing_s3_server():
        store, began = open_store("s3://bucket/run", patience=300), time.monotonic()
        for name, kind in (("refused", FailureKind.REFUSED), ("gone", FailureKind.MISSING)):
            with pytest.raises(StoreError) as caught:
                store.read(name)
            assert caught.value.kind is kind
        with pytest.raises(StoreError):
            RemoteStore("s3://", patience=300).listing()
        assert time.monotonic() - began < 30
