"""Media of a bucket are read many at a time, within a bound of bytes, and used by one thread alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.commands.cli import main
from pipeline.media.mirrors import Mirrors
from pipeline.media.reading import READERS, read_many
from pipeline.media.stores import Take
from pipeline.model.fetched import Fetched
from tests.pipeline.media.conftest import Site, picture


class Bucket(MemoryFileSystem):  # type: ignore[misc]
    """Objects whose every read takes a while, as an object store's does, and who reads them."""

    protocol = "slowbucket"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    lock: ClassVar[threading.Lock] = threading.Lock()
    reading: ClassVar[int] = 0
    most: ClassVar[int] = 0

    @classmethod
    def _strip_protocol(cls, path: str) -> Any:
        return super()._strip_protocol(path.replace("slowbucket://", "memory://"))

    def open(self, path: str, *args: Any, **options: Any) -> Any:
        with Bucket.lock:
            Bucket.reading += 1
            Bucket.most = max(Bucket.most, Bucket.reading)
        try:
            time.sleep(0.03)
            return super().open(path, *args, **options)
        finally:
            with Bucket.lock:
                Bucket.reading -= 1


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    fsspec.register_implementation("slowbucket", Bucket, clobber=True)
    Bucket.store.clear()
    Bucket.reading = Bucket.most = 0
    yield Bucket()


def test_what_a_remote_mirror_holds_is_read_many_at_a_time_and_the_rest_is_asked_of_its_host(
    site: Site, bucket: Bucket, tmp_path: Path
) -> None:
    held = {f"{number}.jpg": picture(size=(64 + number, 64)) for number in range(60)}
    for name, data in held.items():
        bucket.pipe(f"/photos/{name}", data)
    urls = [site.url(f"ok/{name}") for name in (*held, "absent.jpg")]
    (tmp_path / "urls.csv").write_text("\n".join(["url", *urls]))
    options = [f"--connect-to=media.example.org=127.0.0.1:{site.port}", "--no-robots", "--min-side=8"]
    options += [f"--mirror={site.url('ok/')}=slowbucket://photos"]
    assert main(["fetch", str(tmp_path / "urls.csv"), "-o", str(tmp_path / "out"), *options]) == 0
    rows = pq.read_table(tmp_path / "out" / "outcomes.parquet").to_pylist()
    assert [row["outcome"] for row in rows] == ["stored"] * 61
    assert [row["source_width"] for row in rows] == [*range(64, 124), 96]
    assert [path for _, path, _ in site.asked] == ["/ok/absent.jpg"]
    assert READERS / 2 < Bucket.most <= READERS


def test_a_mirror_says_whether_it_waits_for_a_network(bucket: Bucket, tmp_path: Path) -> None:
    for rules, remote in (([f"http://a.org/={tmp_path}"], False), (["http://a.org/=slowbucket://photos"], True)):
        with Mirrors(rules) as mirrors:
            assert mirrors.remote is remote


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 4000), max_size=60), st.integers(1, 8), st.integers(100, 5000))
def test_every_answer_comes_once_within_the_bounds(sizes: list[int], readers: int, limit: int) -> None:
    lock, caller = threading.Lock(), threading.get_ident()
    held = most = reading = busiest = 0

    def read(name: str, take: Take) -> Fetched | None:
        nonlocal held, most, reading, busiest
        size = sizes[int(name)]
        with lock:
            reading += 1
            busiest = max(busiest, reading)
        for start in range(0, size, 500):
            part = min(500, size - start)
            take(part)
            with lock:
                held += part
                most = max(most, held)
        with lock:
            reading -= 1
        return Fetched(None, data=bytes(size)) if size else None

    def wanted() -> Iterator[tuple[int, str]]:
        for number in range(len(sizes)):
            assert threading.get_ident() == caller
            yield number, str(number)

    seen = []
    for key, answer in read_many(wanted(), read, readers, limit):
        seen.append(key)
        assert len(answer.data if answer else b"") == sizes[key]
        with lock:
            held -= sizes[key]
    assert sorted(seen) == list(range(len(sizes)))
    assert busiest <= readers
    # A part is counted as held a moment before the last answer's bytes are given back, so one more may be seen.
    assert most <= limit + 2 * max([0, *sizes])


def test_what_a_read_raises_is_raised_at_once_and_nobody_is_left_waiting() -> None:
    def read(name: str, take: Take) -> Fetched:
        take(1000)
        if name == "bad":
            raise KeyError(name)
        return Fetched(None, data=bytes(1000))

    before = threading.active_count()
    with pytest.raises(KeyError, match="bad"):
        list(read_many(iter([*((n, str(n)) for n in range(20)), (20, "bad")]), read, 8, 1500))
    stopped = read_many(iter((n, str(n)) for n in range(1000)), read, 8, 1500)
    next(stopped)
    stopped.close()
    assert threading.active_count() <= before
