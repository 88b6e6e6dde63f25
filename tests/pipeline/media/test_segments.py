"""A fetch at an address: what a lost worker had noted is found by the next, but for the last segment."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.media import segments
from pipeline.media.fetch_folder import RemoteFetchFolder, fetch_folder
from pipeline.media.journal import Journal
from pipeline.storage.places import RemotePath


def row(number: int) -> dict[str, Any]:
    name = f"{number:03d}"
    return {
        "image_id": f"i{name}",
        "media_id": f"m{name}",
        "host": "h",
        "address": "a",
        "outcome": None,
        "pdq": b"p" * 32,
    }


def image(number: int) -> bytes:
    return bytes([number % 251]) * (100 + number)


def files(remote: RemotePath) -> dict[str, bytes]:
    return {name: (remote / name).read_bytes() for name in remote.listing()}


def of_a_disk(tmp_path: Path, numbers: range) -> dict[str, bytes]:
    journal = Journal(tmp_path / "disk", "u")
    for number in numbers:
        journal.note([(row(number), image(number))])
    journal.finish()
    return {p.relative_to(tmp_path / "disk").as_posix(): p.read_bytes() for p in (tmp_path / "disk").rglob("u.*")}


@given(st.lists(st.sampled_from(["note", "flush", "lost", "stopped"]), max_size=30))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_unit_has_the_bytes_of_one_on_a_disk_whatever_was_lost_on_the_way(
    tmp_path_factory: pytest.TempPathFactory, events: list[str]
) -> None:
    tmp_path, remote = tmp_path_factory.mktemp("unit"), RemotePath.of(f"memory://{uuid.uuid4().hex}/fetch")
    numbers, machine = range(12), 0

    def opened() -> tuple[RemoteFetchFolder, Journal]:
        folder = RemoteFetchFolder(remote, tmp_path / f"machine-{machine}")
        return folder, folder.journal("u", None)

    folder, journal = opened()
    safe: set[str] = set()
    for event in events:
        if event == "note":
            left = [number for number in numbers if f"m{number:03d}" not in journal.media]
            if left:
                journal.note([(row(left[0]), image(left[0]))])
        elif event == "flush":
            folder.flush()
            safe = set(journal.media)
        else:
            if event == "stopped":
                folder.flush()
                safe = set(journal.media)
            machine += 1
            folder, journal = opened()
            assert journal.media == safe
    for number in numbers:
        if f"m{number:03d}" not in journal.media:
            journal.note([(row(number), image(number))])
    journal.finish()
    assert files(remote) == of_a_disk(tmp_path, numbers)
    assert not [path for path in (tmp_path / f"machine-{machine}").rglob("*") if path.is_file()]
    assert RemoteFetchFolder(remote, tmp_path / "next").done("u")


def test_segments_go_up_by_size_and_by_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remote = RemotePath.of(f"memory://{uuid.uuid4().hex}/fetch")
    folder = RemoteFetchFolder(remote, tmp_path)
    journal = folder.journal("u", None)
    journal.note([(row(0), image(0))])
    assert files(remote) == {}
    monkeypatch.setattr(segments, "SEGMENT_BYTES", 200)
    journal.note([(row(1), image(1))])
    assert list(files(remote)) == ["journal/u.000001.segment"]
    monkeypatch.setattr(segments, "SEGMENT_BYTES", 1 << 20)
    monkeypatch.setattr(segments, "SEGMENT_SECONDS", 0.0)
    journal.note([(row(2), image(2))])
    assert list(files(remote)) == ["journal/u.000001.segment", "journal/u.000002.segment"]
    assert RemoteFetchFolder(remote, tmp_path / "other").journal("u", None).media == {"m000", "m001", "m002"}


def test_what_is_noted_is_kept_when_the_work_is_broken_off(tmp_path: Path) -> None:
    address = f"memory://{uuid.uuid4().hex}/fetch"
    with pytest.raises(KeyboardInterrupt), fetch_folder(address) as folder:
        journal = folder.journal("u", None)
        journal.note([(row(0), image(0))])
        raise KeyboardInterrupt
    assert not folder.here.exists(), "nothing is left on this machine"
    with fetch_folder(address) as folder:
        again = folder.journal("u", None)
        assert again.media == {"m000"}
        again.finish()
    assert sorted(files(RemotePath.of(address))) == ["blobs/u.bin", "media/u.parquet"]


def test_a_folder_of_a_disk_is_worked_in_itself(tmp_path: Path) -> None:
    with fetch_folder(str(tmp_path)) as folder:
        assert folder.here == folder.where == tmp_path
        folder.journal("u", None).finish()
        assert folder.done("u") and not folder.done("v")
    assert pq.read_table(tmp_path / "media" / "u.parquet").num_rows == 0
