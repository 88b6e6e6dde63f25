"""Whatever a client raises, at whatever call, comes out of a store as one error; real clients, a failing server."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.feed import open_store as open_shards
from pipeline.media import open_store as open_media
from pipeline.model.errors import FeedError, StorageError
from pipeline.model.outcomes import Outcome
from pipeline.storage.stores import FailureKind, Span, Store, StoreError, open_store
from tests.failing_file_system import FailingFileSystem, failing_with
from tests.pipeline.storage.files.test_failures import azure_error, client_error
from tests.s3_server import failing_s3_server

CALLS: dict[str, Callable[[Store, Path], object]] = {
    "read": lambda store, _: store.read("a"),
    "read within a limit": lambda store, _: store.read("a", 5),
    "spans": lambda store, _: store.spans([Span("a", 0, 5)]),
    "stream": lambda store, _: list(store.stream("a")),
    "digest": lambda store, _: store.digest("a"),
    "get": lambda store, path: store.get("a", path / "copy"),
    "entry": lambda store, _: store.entry("a"),
    "exists": lambda store, _: store.exists("a"),
    "listing": lambda store, _: store.listing(),
    "write": lambda store, _: store.write("a", b"a"),
    "put": lambda store, path: store.put("a", path / "source"),
    "delete": lambda store, _: store.delete("a"),
}


@pytest.mark.parametrize("call", list(CALLS))
@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: client_error("AccessDenied", 403), FailureKind.REFUSED),
        (lambda: client_error("SlowDown", 503), FailureKind.FAILED),
        (lambda: pytest.importorskip("botocore.exceptions").NoCredentialsError(), FailureKind.REFUSED),
        (lambda: pytest.importorskip("aiohttp").ServerDisconnectedError(), FailureKind.FAILED),
        (lambda: azure_error("HttpResponseError", 403), FailureKind.REFUSED),
        (lambda: OSError("the connection is gone"), FailureKind.FAILED),
        (lambda: NotImplementedError(), FailureKind.FAILED),
    ],
)
def test_every_call_turns_every_clients_error_into_one(
    tmp_path: Path, call: str, make: Callable[[], BaseException], kind: FailureKind
) -> None:
    (tmp_path / "source").write_bytes(b"a")
    error = make()
    with failing_with(error) as address, pytest.raises(StoreError) as caught:
        CALLS[call](open_store(address), tmp_path)
    assert (caught.value.kind, caught.value.__cause__) == (kind, error)
    assert caught.value.where.startswith(address)
    assert not (tmp_path / "copy").exists()


def test_what_is_missing_by_any_clients_word_is_no_failure_to_look_for() -> None:
    for error in (client_error("NoSuchKey"), azure_error("ResourceNotFoundError", 404), FileNotFoundError()):
        with failing_with(error) as address:
            store = open_store(address)
            assert store.entry("a") is None and not store.exists("a") and store.listing() == {}
            store.delete("a")


@pytest.mark.parametrize("call", list(CALLS))
def test_a_fault_of_the_program_is_not_hidden(tmp_path: Path, call: str) -> None:
    with failing_with(KeyError("a fault")) as address, pytest.raises(KeyError, match="a fault"):
        CALLS[call](open_store(address), tmp_path)


def test_exceptions_that_come_in_the_place_of_bytes_are_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[object] = [b"01234", client_error("AccessDenied", 403)]
    wanted = [Span("a", 0, 5), Span("b", 0, 5)]
    with failing_with(OSError()) as address:
        store = open_store(address)
        monkeypatch.setattr(FailingFileSystem, "cat_ranges", lambda *_, **__: answers)
        with pytest.raises(StoreError) as caught:
            store.spans(wanted)
        assert (caught.value.kind, caught.value.where) == (FailureKind.REFUSED, f"{address}/b")
        answers[1] = KeyError("a fault")
        with pytest.raises(KeyError):
            store.spans(wanted)


@pytest.fixture(scope="module")
def broken_s3() -> Iterator[str]:
    with failing_s3_server():
        yield "s3://bucket/place"


@pytest.mark.parametrize(
    ("name", "kind", "outcome"),
    [
        ("refused", FailureKind.REFUSED, Outcome.BLOCKED),
        ("expired", FailureKind.REFUSED, None),  # a HEAD has no body that says why the request was bad
        ("busy", FailureKind.FAILED, Outcome.CONNECT_FAILED),
        ("gone", FailureKind.MISSING, Outcome.MISSING_FILE),
        ("torn", FailureKind.FAILED, Outcome.CONNECT_FAILED),
    ],
)
def test_a_real_client_before_a_store_that_fails(
    broken_s3: str, tmp_path: Path, name: str, kind: FailureKind, outcome: Outcome | None
) -> None:
    store = open_store(broken_s3)
    reads: list[Callable[[], object]] = [lambda: store.spans([Span(name, 0, 1000)])]
    if outcome is not None:
        reads += [lambda: store.read(name), lambda: store.get(name, tmp_path / "copy")]
    for read in reads:
        with pytest.raises(StoreError) as caught:
            read()
        assert caught.value.kind is kind
    assert not (tmp_path / "copy").exists()
    with pytest.raises(FeedError, match="cannot be read"):
        open_shards(broken_s3).read(name)
    if outcome is not None:
        with open_media(broken_s3) as media:
            answer = media.read(name, 10_000)
        assert (answer.outcome, answer.data) == (outcome, b""), answer.detail
        assert answer.detail


def test_a_body_that_breaks_off_is_a_failure_of_the_client(tmp_path: Path) -> None:
    """Its error is aiohttp's own, which is no OSError."""
    aiohttp = pytest.importorskip("aiohttp")
    with failing_s3_server() as port:
        store = open_store(f"http://127.0.0.1:{port}/place")
        for read in (lambda: store.read("torn"), lambda: store.get("torn", tmp_path / "copy")):
            with pytest.raises(StoreError) as caught:
                read()
            assert isinstance(caught.value.__cause__, aiohttp.ClientError)
        assert not (tmp_path / "copy").exists()


def test_no_server_at_all_is_a_failure_and_no_traceback() -> None:
    with failing_s3_server() as port:
        pass
    store = open_store(f"http://127.0.0.1:{port}/place")
    for call in (lambda: store.read("a"), lambda: store.spans([Span("a", 0, 1)]), lambda: list(store.stream("a"))):
        with pytest.raises(StoreError) as caught:
            call()
        assert caught.value.kind in (FailureKind.FAILED, FailureKind.MISSING)


def test_a_full_disk_is_not_the_stores_fault(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with failing_with(full) as address, pytest.raises(StorageError, match="free some space") as caught:
        open_store(address).get("a", tmp_path / "copy")
    assert not isinstance(caught.value, StoreError) and caught.value.where == str(tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


def test_a_stream_whose_bytes_are_fewer_than_its_size_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that hands out fewer bytes than it announced, without any error, as a proxy may."""
    from fsspec.implementations.memory import MemoryFile

    store = open_store("memory://short-stream")
    store.write("a.jpg", b"0123456789")
    monkeypatch.setattr(MemoryFile, "size", property(lambda _: 1000), raising=False)
    with pytest.raises(StoreError) as caught:
        list(store.stream("a.jpg"))
    assert (caught.value.kind, caught.value.reason) == (FailureKind.SHORT, "10 of 1000 bytes")
    with open_media("memory://short-stream") as media:
        assert media.read("a.jpg", 100).outcome is Outcome.SHORT_BODY
