"""Copies of remote files: one a machine and version, whole, and no more than the machine may hold."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.model.errors import StorageError
from pipeline.storage.places import RemotePath, local, local_folder
from pipeline.storage.places import machine_copies as copies


def files(cache: Path) -> list[Path]:
    return sorted(path for path in cache.rglob("*") if path.is_file() and ".locks" not in path.parts)


def test_a_file_of_a_disk_is_itself(tmp_path: Path, cache: Path) -> None:
    assert local(tmp_path) == local_folder(tmp_path) == tmp_path
    assert not cache.exists()


def test_a_file_is_copied_once_and_anew_when_it_was_written_anew(address: RemotePath, cache: Path) -> None:
    (address / "a.npy").write_bytes(b"one")
    first = local(address / "a.npy")
    assert first.read_bytes() == b"one" and first.name == "a.npy"
    state = first.stat()
    assert local(address / "a.npy") == first and first.stat().st_mtime_ns == state.st_mtime_ns
    (address / "a.npy").write_bytes(b"three")
    assert local(address / "a.npy").read_bytes() == b"three"
    assert len(files(cache)) == 2
    with pytest.raises(FileNotFoundError):
        local(address / "absent")


def test_a_folder_is_copied_whole(address: RemotePath, cache: Path) -> None:
    for name in ("MANIFEST.json", "names/a.npy"):
        (address / "taxonomy" / name).write_bytes(name.encode())
    there = local_folder(address / "taxonomy")
    assert {path.relative_to(there).as_posix(): path.read_text() for path in files(there) if path.name != ".whole"} == {
        name: name for name in ("MANIFEST.json", "names/a.npy")
    }
    assert local_folder(address / "taxonomy") == there
    (address / "taxonomy" / "names" / "b.npy").write_bytes(b"more")
    assert local_folder(address / "taxonomy") != there
    with pytest.raises(FileNotFoundError):
        local_folder(address / "none")


_COPY = """
import sys
from pipeline.storage.places import RemotePath, local
print(local(RemotePath.of(sys.argv[1])).read_bytes() == bytes(3_000_000))
"""


def test_processes_of_a_machine_share_one_copy(address: RemotePath, cache: Path) -> None:
    (address / "big.npy").write_bytes(bytes(3_000_000))
    started = [
        subprocess.Popen([sys.executable, "-c", _COPY, str(address / "big.npy")], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [process.communicate()[0] for process in started] == ["True\n"] * 3
    assert [path.name for path in files(cache)] == ["big.npy"]


def test_the_copies_used_longest_ago_go_first(
    address: RemotePath, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        (address / name).write_bytes(name.encode() * 400_000)
    held = [local(address / name) for name in "ab"]
    for age, copy in zip((3_000, 2_000), held, strict=True):
        os.utime(copy.parent, (copy.stat().st_mtime - age,) * 2)
    open_still = held[0].open("rb")
    monkeypatch.setenv("BIOMILL_CACHE_GB", str(1_000_000 / 1e9))
    local(address / "c")
    assert sorted(path.name for path in files(cache)) == ["b", "c"]
    assert open_still.read() == b"a" * 400_000, "who has a removed copy open can still read it"
    assert local(address / "a").read_bytes() == b"a" * 400_000


def test_a_copy_that_was_used_just_now_stays(address: RemotePath, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIOMILL_CACHE_GB", "0.0000001")
    for name in "ab":
        (address / name).write_bytes(bytes(400_000))
        local(address / name)
    assert sorted(path.name for path in files(cache)) == ["a", "b"]


def test_a_cache_that_cannot_be_written_is_told_with_a_remedy(
    address: RemotePath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BIOMILL_CACHE", str(tmp_path / "file"))
    (address / "a").write_bytes(b"a")
    with pytest.raises(StorageError, match="copies cannot be written") as caught:
        local(address / "a")
    assert "BIOMILL_CACHE" in caught.value.remedy


def test_inputs_of_a_run_lie_in_its_folder_or_in_the_machines(address: RemotePath, tmp_path: Path, cache: Path) -> None:
    assert copies.inputs_folder(tmp_path) == tmp_path / "inputs"
    assert copies.inputs_folder(address).parent == cache / "inputs"
