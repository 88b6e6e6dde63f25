"""What every store promises, asked of a folder, of memory and of a real S3 server alike."""

from __future__ import annotations

import hashlib
import os
import pickle
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from pipeline.model.errors import StorageError
from pipeline.storage.stores import FailureKind, LocalStore, RemoteStore, Span, Store, StoreError, open_store

ODD = (
    "plain.txt",
    "deep/er/a.txt",
    "with space.txt",
    "#1.txt",
    "what?.txt",
    "a=b&c+d%20e.txt",
    "[x]*{y}.txt",
    "ünï/日本.txt",
    "..a/b..",
    "~home",
    "s3:",
)
LEADING_OUT = ("../secret", "a/../../secret", "..", "/secret", "/etc/hostname", "a\0b")


def failed(kind: FailureKind, store: Store, call: str, *args: object) -> StoreError:
    with pytest.raises(StoreError) as caught:
        result = getattr(store, call)(*args)
        if call == "stream":
            list(result)
    assert caught.value.kind is kind, caught.value
    return caught.value


def test_what_was_written_is_read_in_every_way(store: Store, tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    (tmp_path / "source").write_bytes(data)
    store.put("a/big.bin", tmp_path / "source")
    store.write("small.txt", b"0123456789")
    assert store.read("a/big.bin") == data
    assert b"".join(store.stream("a/big.bin")) == b"".join(store.stream("a/big.bin", 70_000)) == data
    assert max(map(len, store.stream("a/big.bin", 70_000))) == 70_000
    assert store.digest("a/big.bin") == hashlib.sha256(data).hexdigest()
    store.get("a/big.bin", tmp_path / "new" / "copy")
    assert (tmp_path / "new" / "copy").read_bytes() == data
    spans = [Span("a/big.bin", 2_999_990, 3_000_000), Span("small.txt", 0, 3), Span("small.txt", 5, 5)]
    assert store.spans([*spans, Span("small.txt", 9, 10)]) == [data[-10:], b"012", b"", b"9"]
    assert store.spans([]) == []
    assert store.read("small.txt", limit=10) == b"0123456789"
    assert {name: entry.size for name, entry in store.listing().items()} == {"a/big.bin": 3_000_000, "small.txt": 10}
    assert store.exists("small.txt") and not store.exists("a") and not store.exists("other")


def test_names_are_taken_as_they_are(store: Store, tmp_path: Path) -> None:
    for number, name in enumerate(ODD):
        store.write(name, str(number).encode())
    assert sorted(store.listing()) == sorted(ODD)
    for number, name in enumerate(ODD):
        assert store.read(name) == store.spans([Span(name, 0, len(str(number)))])[0] == str(number).encode(), name
        entry = store.entry(name)
        assert entry is not None and (entry.name, entry.size) == (name, len(str(number)))
        store.get(name, tmp_path / "copy")
        store.put(name, tmp_path / "copy")
        assert b"".join(store.stream(name)) == str(number).encode()
    for name in ODD[::2]:
        store.delete(name)
    assert sorted(store.listing()) == sorted(ODD[1::2])


@pytest.mark.parametrize("odd", ["with space", "#1", "what?x=1", "ünï", "a%20b"])
def test_addresses_are_taken_as_they_are(place: str, odd: str) -> None:
    address = f"{place}/{odd}"
    open_store(f"{address}/").write("a.txt", b"a")
    assert open_store(place).read(f"{odd}/a.txt") == b"a"
    assert open_store(address).where == address
    assert open_store(f"{address}/a.txt").read("") == b"a"


@pytest.mark.parametrize("name", LEADING_OUT)
def test_no_name_leads_out_of_the_place(store: Store, tmp_path: Path, name: str) -> None:
    (tmp_path / "source").write_bytes(b"changed")
    failed(FailureKind.MISSING, store, "read", name)
    failed(FailureKind.MISSING, store, "stream", name)
    failed(FailureKind.MISSING, store, "entry", name)
    failed(FailureKind.MISSING, store, "spans", [Span(name, 0, 3)])
    failed(FailureKind.MISSING, store, "get", name, tmp_path / "copy")
    failed(FailureKind.MISSING, store, "write", name, b"changed")
    failed(FailureKind.MISSING, store, "put", name, tmp_path / "source")
    failed(FailureKind.MISSING, store, "delete", name)
    assert open_store(store.where.rpartition("/")[0]).read("secret") == b"secret"
    assert not (tmp_path / "copy").exists()


def test_the_address_itself_is_read_where_it_is_a_file_and_never_written(store: Store, place: str) -> None:
    store.write("a b.zip", b"zip")
    one = open_store(f"{place}/a b.zip")
    entry = one.entry("")
    assert entry is not None and (entry.name, entry.size) == ("", 3)
    assert one.read("") == b"".join(one.stream("")) == b"zip"
    assert open_store(place).entry("") is None, "a folder is no file"
    for call, more in (("write", (b"x",)), ("put", (Path("x"),)), ("delete", ())):
        failed(FailureKind.MISSING, one, call, "", *more)
    assert store.read("a b.zip") == b"zip"


def test_what_is_not_there_is_missing(store: Store, tmp_path: Path) -> None:
    assert store.listing() == {}
    assert store.entry("a") is None and store.entry("") is None
    store.delete("a")
    for call in ("read", "stream", "digest"):
        assert failed(FailureKind.MISSING, store, call, "a").where == f"{store.where}/a"
    assert failed(FailureKind.MISSING, store, "spans", [Span("a", 0, 3)]).where == f"{store.where}/a"
    failed(FailureKind.MISSING, store, "get", "a", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    store.write("folder/b", b"b")
    failed(FailureKind.MISSING, store, "read", "folder")
    assert store.spans([Span("folder/b", 0, 1)]) == [b"b"]
    assert failed(FailureKind.MISSING, store, "spans", [Span("folder/b", 0, 1), Span("c", 0, 1)]).where.endswith("/c")


def test_a_file_that_ends_before_a_span_is_short(store: Store) -> None:
    store.write("a.tar", b"0123456789")
    store.write("empty", b"")
    for span, said in (
        (Span("a.tar", 8, 12, "k1"), "2 of 4 bytes"),
        (Span("a.tar", 10, 12, "k1"), "0 of 2 bytes"),
        (Span("a.tar", 50, 60, "k1"), "0 of 10 bytes"),
    ):
        error = failed(FailureKind.SHORT, store, "spans", [Span("a.tar", 0, 10), span])
        assert (error.reason, error.where) == (said, f"{store.where}/a.tar, byte {span.start}, key k1")
    failed(FailureKind.SHORT, store, "spans", [Span("empty", 0, 1)])


def test_a_limit_holds(store: Store) -> None:
    store.write("big", bytes(100))
    store.write("empty", b"")
    assert store.read("big", 100) == bytes(100)
    assert store.read("empty", 0) == store.read("empty", 5) == store.read("empty") == b""
    assert list(store.stream("empty")) == []
    failed(FailureKind.TOO_LARGE, store, "read", "big", 99)
    failed(FailureKind.TOO_LARGE, store, "read", "big", 0)


def test_a_stream_that_is_left_early_is_closed_and_read_no_further(store: Store) -> None:
    store.write("big", bytes(5_000_000))
    stream = store.stream("big", 1000)
    assert next(stream) == bytes(1000)
    stream.close()
    assert list(stream) == []


def test_what_is_written_replaces_what_was_there_and_changes_its_version(store: Store, tmp_path: Path) -> None:
    store.write("a", b"first")
    listed = store.listing()["a"]
    if not store.where.startswith("memory://"):  # which writes one time in two ways
        assert store.entry("a") == listed, "a listing and a look at one file say the same"
    assert store.spans([Span("a", 0, 5)]) == [b"first"]
    store.write("a", b"2nd")
    assert store.spans([Span("a", 0, 3)]) == [b"2nd"]
    time.sleep(0.02)
    open_store(store.where).write("a", b"other and longer")
    assert b"".join(store.stream("a")) == store.read("a") == b"other and longer"
    store.get("a", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"other and longer"
    now = store.entry("a")
    assert now is not None and now.size == 16
    assert store.listing()["a"] not in (listed, None)
    open_store(store.where).delete("a")
    assert store.entry("a") is None and store.listing() == {}
    failed(FailureKind.MISSING, store, "read", "a")
    store.write("a", b"again")
    store.spans([Span("a", 0, 5)])
    store.delete("a")
    failed(FailureKind.MISSING, store, "spans", [Span("a", 0, 5)])


def test_versions_differ_for_another_content_of_the_same_size(store: Store) -> None:
    store.write("a", b"one")
    before = store.entry("a")
    time.sleep(0.02)
    store.write("a", b"two")
    assert before is not None and store.entry("a") != before


def test_a_write_that_fails_leaves_what_was_there(store: Store, tmp_path: Path) -> None:
    store.write("a", b"first")
    failed(FailureKind.MISSING, store, "put", "a", tmp_path / "absent")
    assert store.read("a") == b"first"
    assert sorted(store.listing()) == ["a"]


def test_a_disk_that_cannot_be_written_is_told_from_a_store_that_cannot_be_read(store: Store, tmp_path: Path) -> None:
    store.write("a", b"first")
    (tmp_path / "no folder").write_bytes(b"")
    for target in (Path("/proc/no such folder/copy"), tmp_path / "no folder" / "copy"):
        with pytest.raises(StorageError, match="cannot write") as caught:
            store.get("a", target)
        assert not isinstance(caught.value, StoreError) and caught.value.where == str(target)


def in_child(store: Store, names: list[str]) -> list[bytes]:
    return [*store.spans([Span(name, 0, 3) for name in names]), *map(store.read, names), *store.stream(names[0])]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_store_survives_pickling_and_other_processes(store: Store, method: str) -> None:
    names = ["a", "b c"]
    for name in names:
        store.write(name, name.encode().ljust(3))
    here = in_child(store, names)  # files and connections are open before the fork
    again = pickle.loads(pickle.dumps(store))
    assert again.where == store.where and in_child(again, names) == here
    if method == "spawn" and store.where.startswith("memory://"):
        return  # another process has another memory
    with ProcessPoolExecutor(1, mp_context=get_context(method)) as workers:
        assert workers.submit(in_child, store, names).result(timeout=60) == here
    if method == "fork":
        child = get_context("fork").Process(target=_same_or_die, args=(store, names, here))  # nothing is pickled
        child.start()
        child.join(60)
        assert child.exitcode == 0
    assert in_child(store, names) == here


def _same_or_die(store: Store, names: list[str], expected: list[bytes]) -> None:
    assert in_child(store, names) == expected


def test_a_fork_while_another_thread_reads_does_not_hang(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.write("a", b"abc")
    store.spans([Span("a", 0, 3)])
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with store._lock:
            held.set()
            done.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert held.wait(60)
        child = get_context("fork").Process(target=_same_or_die, args=(store, ["a"], [b"abc"] * 3))
        child.start()
        child.join(20)
        hung = child.is_alive()
        child.kill()
    finally:
        done.set()
        thread.join()
    assert not hung and child.exitcode == 0


def test_many_threads_use_one_store(store: Store) -> None:
    count = 200 if isinstance(store, LocalStore) else 30  # a folder's are more than are held open
    names = [f"{number:03}" for number in range(count)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: store.write(name, name.encode()), names))
        assert list(pool.map(lambda name: store.spans([Span(name, 0, 3)])[0].decode(), names)) == names
        assert list(pool.map(lambda name: store.read(name).decode(), names)) == names
    assert sorted(store.listing()) == names


def test_a_folder_follows_links_but_no_circles_and_shows_no_half_file(tmp_path: Path) -> None:
    place = tmp_path / "place"
    (place / "real").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "b").write_bytes(b"b")
    (place / "real" / "a").write_bytes(b"a")
    (place / "circle").symlink_to(place)
    (place / "linked").symlink_to(tmp_path / "elsewhere")
    (place / "file").symlink_to(place / "real" / "a")
    (place / "nothing").symlink_to(place / "absent")
    (place / ".tmp-0123456789ab-half").write_bytes(b"ha")
    os.mkfifo(place / "pipe")
    assert sorted(LocalStore(place).listing()) == ["file", "linked/b", "real/a"]
    assert LocalStore(place).entry("pipe") is None


def test_a_writer_of_a_folder_is_never_seen_half_way(tmp_path: Path) -> None:
    store, stop = LocalStore(tmp_path), threading.Event()
    store.write("a", b"0" * 300_000)

    def write() -> None:
        while not stop.is_set():
            for digit in b"01":
                store.write("a", bytes([digit]) * 300_000)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(50):
            data = store.read("a")
            assert len(data) == 300_000 and len(set(data)) == 1
            assert set(store.listing()) <= {"a"}
    finally:
        stop.set()
        writer.join()


def test_objects_that_stand_for_folders_are_no_files(s3: str) -> None:
    store = RemoteStore(f"{s3}/marked")
    store.write("deep/a", b"a")
    fs = store._connect()
    for key in ("marked/", "marked/deep/", "marked/deeper/"):
        fs.call_s3("put_object", Bucket=s3.removeprefix("s3://"), Key=key, Body=b"")
    assert sorted(store.listing()) == ["deep/a"]


def test_a_bucket_that_is_not_there_holds_nothing_and_gives_nothing(s3: str) -> None:
    store = open_store("s3://no-such-bucket-here/shards")
    assert store.listing() == {} and store.entry("a") is None
    failed(FailureKind.MISSING, store, "read", "a")


def test_an_address_that_was_a_path_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for address in ("s3://bucket/shards", "memory://a"):
        with pytest.raises(StorageError, match="lost a slash"):
            open_store(Path(address))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "odd:").mkdir()
    open_store("odd:/place").write("a", b"a")
    assert (tmp_path / "odd:" / "place" / "a").read_bytes() == b"a"


def test_an_address_that_nobody_knows_is_refused() -> None:
    for address in ("nosuch://a/b", "s3://a::nosuch://b"):
        with pytest.raises(StorageError, match="cannot be opened"):
            open_store(address)


def test_the_error_of_a_store_survives_pickling(store: Store) -> None:
    error = failed(FailureKind.MISSING, store, "read", "a")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.kind, again.reason) == (str(error), error.kind, error.reason)


def test_a_file_is_created_by_one_alone(store: Store) -> None:
    assert store.create("marks/done.json", b"first") and not store.create("marks/done.json", b"second")
    assert store.read("marks/done.json") == b"first"
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: store.create("race", str(number).encode()), range(16)))
    if store.where.startswith("memory://"):  # which has no such request, and is asked first
        assert any(made)
    else:
        assert made.count(True) == 1
        assert store.read("race") == str(made.index(True)).encode()
    assert sorted(store.listing()) == ["marks/done.json", "race"], "nothing is left of those who came too late"
    store.delete("race")
    assert store.create("race", b"again")


def test_only_what_lies_below_a_folder_is_listed(store: Store) -> None:
    for name in ("a", "in/a", "in/deep/b", "inner/c", "in.txt"):
        store.write(name, name.encode())
    assert sorted(store.listing("in")) == ["in/a", "in/deep/b"]
    assert sorted(store.listing("in/deep")) == ["in/deep/b"] and store.listing("none") == store.listing("a") == {}
    assert len(store.listing()) == 5
    failed(FailureKind.MISSING, store, "listing", "../above")


def test_a_store_says_when_a_file_was_written(store: Store) -> None:
    before = time.time()
    store.write("a", b"a")
    assert before - 2 <= store.modified("a") <= time.time() + 2
    failed(FailureKind.MISSING, store, "modified", "none")
