"""Inputs at addresses become local copies: whole, the newest, and used again while the original has not changed."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import pytest

from manifests import BenchmarkSpec, Recipe, SourceSpec
from pipeline.model.errors import SourceError, StorageError
from pipeline.storage.stores import RemoteStore, open_store
from pipeline.storage.stores.inputs import localised
from tests.failing_file_system import failing_with
from tests.pipeline.storage.files.test_failures import client_error


def copied(address: str, folder: Path, told: list[str] | None = None) -> Path:
    recipe = Recipe("r", (SourceSpec("a", "eol", address),))
    return Path(localised(recipe, folder, (told if told is not None else []).append).sources[0].path)


@pytest.mark.parametrize("place", ["file", "memory", "s3"], indirect=True)
@pytest.mark.parametrize("name", ["a.zip", "with space.zip", "#1 what?.zip", "日本.zip"])
def test_one_file_is_copied_under_its_name_and_again_only_when_it_changes(
    place: str, tmp_path: Path, name: str
) -> None:
    store, told = open_store(place), list[str]()
    store.write(name, b"first")
    found = copied(f"{place}/{name}", tmp_path / "inputs", told)
    assert (found.name, found.read_bytes()) == (name, b"first")
    assert copied(f"{place}/{name}", tmp_path / "inputs", told) == found and len(told) == 1
    time.sleep(0.02)
    store.write(name, b"other")  # of the same size
    assert copied(f"{place}/{name}", tmp_path / "inputs", told).read_bytes() == b"other"
    assert told == [f"copying {place}/{name}"] * 2


@pytest.mark.parametrize("place", ["file", "memory", "s3"], indirect=True)
def test_a_folder_is_copied_whole_with_its_odd_names(place: str, tmp_path: Path) -> None:
    names = ["a.txt", "deep/er/b c.txt", "#1?.txt"]
    for name in names:
        open_store(place).write(name, name.encode())
    found = copied(place, tmp_path / "inputs")
    assert {p.relative_to(found).as_posix(): p.read_text() for p in found.rglob("*") if p.is_file()} == {
        name: name for name in names
    }


def test_what_comes_with_the_package_is_no_address(tmp_path: Path) -> None:
    benchmark = BenchmarkSpec("b", "shipped://biotrove-unseen", table=str(tmp_path / "table.csv"))
    recipe = Recipe("r", (SourceSpec("a", "eol", str(tmp_path)),), benchmarks=(benchmark,))
    told: list[str] = []
    assert localised(recipe, tmp_path / "inputs", told.append) == recipe and not told


def test_a_file_that_changes_after_it_was_listed_is_copied_again(tmp_path: Path) -> None:
    """The note holds the version that was listed, so a copy of a later one is never taken for current."""
    place = f"memory://{tmp_path.name}-changing"
    store = open_store(place)
    store.write("a.txt", b"first")
    store.write("b.txt", b"b")
    told: list[str] = []

    def change(line: str) -> None:
        if line.endswith("/a.txt") and not told:
            store.write("a.txt", b"changed meanwhile")
        told.append(line)

    recipe = Recipe("r", (SourceSpec("a", "eol", place),))
    found = Path(localised(recipe, tmp_path / "inputs", change).sources[0].path)
    assert (found / "a.txt").read_bytes() == b"changed meanwhile"
    assert copied(place, tmp_path / "inputs", told) == found
    assert told == [f"copying {place}/{name}.txt" for name in "abab"]
    assert copied(place, tmp_path / "inputs", told) == found and len(told) == 4


def test_a_bucket_with_marks_of_folders_is_copied_and_a_key_that_leads_out_is_refused(s3: str, tmp_path: Path) -> None:
    store = RemoteStore(f"{s3}/release")
    store.write("a.txt", b"a")
    fs, bucket = store._connect(), s3.removeprefix("s3://")
    fs.call_s3("put_object", Bucket=bucket, Key="release/", Body=b"")
    assert [path.name for path in copied(f"{s3}/release", tmp_path / "inputs").iterdir()] == ["a.txt"]
    fs.call_s3("put_object", Bucket=bucket, Key="release/../../up.txt", Body=b"up")
    with pytest.raises(SourceError, match="leads out of its folder"):
        copied(f"{s3}/release", tmp_path / "inputs")
    assert not list(tmp_path.rglob("up.txt"))


def test_what_cannot_be_read_is_told_in_the_words_of_an_input(tmp_path: Path) -> None:
    for address in (f"memory://{tmp_path.name}-none", f"file://{tmp_path}/none"):
        with pytest.raises(SourceError, match="the input cannot be read") as caught:
            copied(address, tmp_path / "inputs")
        assert caught.value.where == address
    for code in ("AccessDenied", "SlowDown"):
        with failing_with(client_error(code)) as address, pytest.raises(SourceError, match=f"cannot be read: .*{code}"):
            copied(address, tmp_path / "inputs")
    with pytest.raises(StorageError, match="cannot be opened"):
        copied("nosuch://a/b", tmp_path / "inputs")


def test_a_full_or_forbidden_disk_is_not_taken_for_a_bad_address(tmp_path: Path) -> None:
    place = f"memory://{tmp_path.name}-full"
    open_store(place).write("a.txt", b"a")
    (tmp_path / "inputs").write_bytes(b"in the way")
    with pytest.raises(StorageError, match="cannot write"):
        copied(place, tmp_path / "inputs")


def test_paths_of_this_machine_stay_as_they_are(tmp_path: Path) -> None:
    recipe = Recipe("r", (SourceSpec("a", "eol", str(tmp_path / "a.zip")),))
    assert localised(recipe, tmp_path / "inputs", lambda _: None) == recipe
    assert dataclasses.asdict(recipe)["sources"][0]["path"] == str(tmp_path / "a.zip")
    assert not (tmp_path / "inputs").exists()
