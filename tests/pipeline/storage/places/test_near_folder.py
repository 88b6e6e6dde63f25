"""A run at an address as a folder: tables are there, archives only while they are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.model.errors import StorageError
from pipeline.storage.places import RemotePath, near_folder
from pipeline.storage.run_folder import on_disk
from pipeline.storage.stores import RemoteStore, StoreError


@pytest.fixture
def run(address: RemotePath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RemotePath:
    monkeypatch.setenv("BIOMILL_CACHE", str(tmp_path / "cache"))
    (address / "manifest.json").write_bytes(b"{}")
    (address / "fetch" / "media" / "u.parquet").write_bytes(b"rows")
    (address / "fetch" / "journal" / "u.1.log").write_bytes(b"of a lost worker")
    for number in range(4):
        (address / "shards" / f"a-{number}.tar").write_bytes(bytes([number + 1]) * 300_000)
        (address / "shards" / "parts" / f"a-{number}.tar.parquet").write_bytes(b"rows of a shard")
    return address


def room(folder: Path) -> int:
    return sum(512 * path.stat().st_blocks for path in folder.rglob("*") if path.is_file())


def test_archives_take_room_only_while_they_are_read(run: RemotePath) -> None:
    folder = on_disk(run)
    assert (folder.stage("fetch") / "media" / "u.parquet").read_bytes() == b"rows"
    assert not (folder.stage("fetch") / "journal").exists()
    tars = sorted(folder.stage("shards").glob("*.tar"))
    assert [path.stat().st_size for path in tars] == [300_000] * 4
    assert room(folder.root) < 100_000
    for number, path in enumerate(tars):
        with folder.present(path) as there:
            assert there == path and path.read_bytes() == bytes([number + 1]) * 300_000
            assert room(folder.root) < 500_000
        assert path.stat().st_size == 300_000 and room(folder.root) < 100_000
    with folder.present(folder.manifest) as there:  # type: ignore[arg-type]
        assert there.read_bytes() == b"{}"
    assert on_disk(run).root == folder.root, "of one state of a run there is one folder"
    assert str(folder.images) == str(run)


def test_an_archive_that_cannot_be_read_leaves_its_name(run: RemotePath) -> None:
    folder = on_disk(run)
    path = folder.stage("shards") / "a-2.tar"
    (run / "shards" / "a-2.tar").unlink()
    with pytest.raises(StoreError, match="cannot be read"), folder.present(path):
        pass
    assert path.stat().st_size == 300_000
    assert on_disk(run).root != folder.root


def test_what_is_no_run_and_what_leads_out_is_refused(address: RemotePath) -> None:
    with pytest.raises(FileNotFoundError):
        near_folder(address / "none")
    odd = RemotePath(address.store, address.key)
    assert isinstance(odd.store, RemoteStore)
    odd.store.file_system.pipe_file(f"{str(address).partition('://')[2]}/a/../b", b"x")
    with pytest.raises(StorageError, match="leads out of its folder"):
        near_folder(address)


def test_a_run_on_a_disk_is_itself(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    (tmp_path / "a.tar").write_bytes(b"tar")
    folder = on_disk(tmp_path)
    with folder.present(tmp_path / "a.tar") as there:
        assert there == tmp_path / "a.tar" and there.read_bytes() == b"tar"
    assert folder.root == folder.images == tmp_path
