"""How many requests a question to a store costs, counted by the server: what is known is not asked for."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.storage.blobs import Blobs
from pipeline.storage.files.atomic import read_json, write_json, write_table
from pipeline.storage.parquet_files import read_table
from pipeline.storage.places import RemotePath, freeze, local, near, remembering
from pipeline.storage.stores import StoreError
from tests.performance.bench_bucket import requests_in
from tests.s3_server import logged_s3_server


class Asked:
    """The requests that a server logged."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self.found: Counter[str] = Counter()

    @contextmanager
    def counted(self) -> Iterator[Counter[str]]:
        """Yield the requests of a block, which are there when it is over."""
        found: Counter[str] = Counter()
        at = self._log.stat().st_size
        yield found
        found.update(requests_in(self._log.read_bytes()[at:]))


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Asked]]:
    pytest.importorskip("moto")
    pytest.importorskip("s3fs")
    log = tmp_path_factory.mktemp("log") / "log"
    with logged_s3_server(log) as bucket:
        yield bucket, Asked(log)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BIOMILL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_question_is_one_request(asked: tuple[str, Asked]) -> None:
    bucket, server = asked
    run = RemotePath.of(f"{bucket}/questions/run")
    for number in range(30):
        (run / "media" / f"{number}.bin").write_bytes(b"bytes")
    for ask, expected in (
        (lambda: (run / "media" / "3.bin").read_bytes(), {"GET": 1}),
        (lambda: run.listing(), {"LIST": 1}),
        (lambda: (run / "none").listing(), {"LIST": 1}),
        (lambda: (run / "media").is_dir(), {"LIST": 1}),
        (lambda: (run / "media" / "3.bin").exists(), {"HEAD": 1}),
        (lambda: (run / "media" / "none.bin").exists(), {"HEAD": 1, "LIST": 1}),
    ):
        with server.counted() as found:
            ask()
        assert found == expected
    assert (run / "media").exists() and not (run / "med").exists() and not (run / "med").is_dir()


def test_what_the_holder_of_a_folder_wrote_is_not_asked_for(asked: tuple[str, Asked], cache: Path) -> None:
    bucket, server = asked
    run = RemotePath.of(f"{bucket}/held/run")
    with remembering(run):
        write_json(run / "ingest" / "_done.json", {"stage": "ingest"})
        write_table(run / "ingest" / "a.parquet", pa.table({"a": [1]}))
        with server.counted() as found:
            assert read_json(run / "ingest" / "_done.json") == {"stage": "ingest"}
            assert (run / "ingest" / "a.parquet").exists()
            assert read_table(run / "ingest" / "a.parquet")["a"].to_pylist() == [1]
        assert not found
        (run / "ingest" / "a.parquet").unlink()
        assert not (run / "ingest" / "a.parquet").exists()
        (RemotePath.of(str(run)) / "ingest" / "b.bin").write_bytes(b"of a worker")
        assert [path.name for path in (run / "ingest").glob("*.bin")] == ["b.bin"]
        freeze(run / "ingest")
        with server.counted() as found:
            for _ in range(3):
                assert list((run / "ingest").listing()) == ["_done.json", "b.bin"]
                assert (run / "ingest" / "b.bin").read_bytes() == b"of a worker"
        assert found == {"LIST": 1, "GET": 1}
        freeze(run / "ingest", False)
        (RemotePath.of(str(run)) / "ingest" / "c.bin").write_bytes(b"c")
        assert len((run / "ingest").listing()) == 3
    (RemotePath.of(str(run)) / "ingest" / "_done.json").write_bytes(b"{}")
    assert read_json(run / "ingest" / "_done.json") == {}, "who holds nothing asks"


def test_a_small_file_that_this_machine_wrote_is_not_downloaded(asked: tuple[str, Asked], cache: Path) -> None:
    bucket, server = asked
    run = RemotePath.of(f"{bucket}/written/run")
    write_table(run / "a" / "one.parquet", pa.table({"a": [1]}))
    with server.counted() as found:
        (copy,) = near(RemotePath.of(str(run / "a")), "*.parquet", 1 << 20)
        assert isinstance(copy, Path) and copy.is_relative_to(cache)
        assert local(run / "a" / "one.parquet") == copy
    assert found == {"LIST": 1, "HEAD": 1}
    write_table((RemotePath.of(str(run)) / "a" / "one.parquet"), pa.table({"a": [2]}))
    assert read_table(run / "a")["a"].to_pylist() == [2]


def test_stretches_of_a_blob_that_lie_together_are_one_request(
    asked: tuple[str, Asked], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, server = asked
    drawn = random.Random(3)
    blobs = RemotePath.of(f"{bucket}/blobs")
    data = {unit: drawn.randbytes(2_000_000) for unit in "uv"}
    for unit, each in data.items():
        (blobs / f"{unit}.bin").write_bytes(each)
    stretches = [(drawn.choice("uv"), 20_000 * drawn.randrange(20), drawn.randrange(20_000)) for _ in range(40)]
    stretches += [("u", 1_900_000, 100_000)]
    expected = [data[unit][at : at + size] for unit, at, size in stretches]
    with server.counted() as found, Blobs(blobs) as read:
        assert list(read.each(stretches)) == expected
    assert found == {"LIST": 1, "GET": 2}, "the blobs of a small fetch are copied"
    with pytest.raises(StoreError, match="No such file"), Blobs(blobs) as read:
        list(read.each([("gone", 0, 5), *stretches]))
    with pytest.raises(StoreError, match="ends early"), Blobs(blobs) as read:
        list(read.each([("u", 1_999_999, 5), *stretches]))
    monkeypatch.setenv("BIOMILL_CACHE_GB", "0.01")
    with server.counted() as found, Blobs(blobs) as read:
        assert list(read.each(stretches)) == expected
    assert found == {"LIST": 1, "GET": 3}
