"""A journal remembers what was fetched, whatever a kill left of it."""

from __future__ import annotations

import contextlib
import hashlib
import resource
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.media.journal import Image, Journal, image_file, logged, parse_line
from pipeline.model.errors import StorageError

PDQ = bytes(range(32))


def image(name: str, data: bytes, box: str = "", outcome: str | None = None) -> Image:
    row: dict[str, Any] = {"image_id": f"{name}{box}", "media_id": name, "host": "h", "address": f"http://h/{name}"}
    return {**row, "outcome": outcome, "pdq": PDQ if outcome is None else None}, data


def finished(folder: Path, unit: str = "u") -> dict[str, tuple[str | None, bytes]]:
    """Return by image the outcome and the bytes that a finished unit holds."""
    blob = (folder / "blobs" / f"{unit}.bin").read_bytes()
    rows = pq.read_table(folder / "media" / f"{unit}.parquet").to_pylist()
    return {row["image_id"]: (row["outcome"], blob[row["offset"] : row["offset"] + row["length"]]) for row in rows}


def log(folder: Path) -> Path:
    return folder / "journal" / "u.log"


def blob(folder: Path) -> Path:
    return folder / "journal" / "u.bin"


def test_a_unit_comes_back_as_noted_sorted_by_image_whatever_the_order_of_its_answers(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "u")
    journal.note([image("c", b"ccc")])
    journal.note([image("a", b"first", "/2"), image("a", b"second!", "/1")])
    journal.note([image("b", b"", outcome="gone")])
    assert journal.media == {"a", "b", "c"}
    assert journal.finish() == 4
    assert finished(tmp_path) == {
        "a/1": (None, b"second!"),
        "a/2": (None, b"first"),
        "b": ("gone", b""),
        "c": (None, b"ccc"),
    }
    table = pq.read_table(tmp_path / "media" / "u.parquet")
    assert table["image_id"].to_pylist() == ["a/1", "a/2", "b", "c"]
    assert table["pdq"].to_pylist() == [PDQ, PDQ, None, PDQ]
    assert table["unit"].to_pylist() == ["u"] * 4
    assert table["offset"].to_pylist() == [0, 7, 12, 12]
    assert not log(tmp_path).exists() and not blob(tmp_path).exists()


def test_the_order_in_which_answers_came_does_not_show(tmp_path: Path) -> None:
    images = [image(name, name.encode() * 5) for name in "dbca"]
    for number, order in enumerate([images, images[::-1], sorted(images, key=lambda each: each[1])]):
        journal = Journal(tmp_path / str(number), "u")
        for each in order:
            journal.note([each])
        journal.finish()
    files = [
        {path.name: path.read_bytes() for path in sorted((tmp_path / str(number)).rglob("u.*"))} for number in range(3)
    ]
    assert files[0] == files[1] == files[2] and len(files[0]) == 2


@pytest.mark.parametrize("kept", range(3))
def test_whatever_byte_a_kill_stops_at_what_was_whole_is_kept_and_the_rest_is_asked_again(
    tmp_path: Path, kept: int
) -> None:
    noted = [image("a", b"aaaa"), image("b", b"bb"), image("c", b"cccccc")]
    journal = Journal(tmp_path, "u")
    for each in noted:
        journal.note([each])
    whole = log(tmp_path).read_bytes()
    ends = [0, *(index + 1 for index, byte in enumerate(whole) if byte == ord("\n"))]
    bytes_of = [0, 4, 6, 12]
    for cut in range(ends[kept], ends[kept + 1]):
        # The bytes come before their line, so those of the next image may be there in part.
        log(tmp_path).write_bytes(whole[:cut])
        blob(tmp_path).write_bytes(b"aaaabbcccccc"[: bytes_of[kept] + cut % 3])
        mended = Journal(tmp_path, "u")
        assert mended.media == set("abc"[:kept]), cut
        assert log(tmp_path).stat().st_size == ends[kept]
        assert blob(tmp_path).stat().st_size == bytes_of[kept]
    for each in noted[kept:]:
        mended.note([each])
    assert mended.finish() == 3
    assert finished(tmp_path) == {"a": (None, b"aaaa"), "b": (None, b"bb"), "c": (None, b"cccccc")}


def test_a_line_whose_bytes_are_not_there_is_cut_off_with_all_that_follow(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "u")
    for each in (image("a", b"aaaa"), image("b", b"bb"), image("c", b"", outcome="gone")):
        journal.note([each])
    blob(tmp_path).write_bytes(b"aaaab")  # one byte short of what the second line speaks of
    assert Journal(tmp_path, "u").media == {"a"}
    assert blob(tmp_path).read_bytes() == b"aaaa"


def test_a_blob_that_is_missing_costs_the_images_and_not_the_failures_before_them(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "u")
    journal.note([image("a", b"", outcome="gone")])
    journal.note([image("b", b"bb")])
    blob(tmp_path).unlink()
    assert Journal(tmp_path, "u").media == {"a"}


def test_a_unit_without_any_image_is_finished_with_an_empty_blob(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "u")
    journal.note([image("a", b"", outcome="gone")])
    assert journal.finish() == 1
    assert finished(tmp_path) == {"a": ("gone", b"")}


def test_units_of_one_folder_do_not_meet(tmp_path: Path) -> None:
    one, two = Journal(tmp_path, "one"), Journal(tmp_path, "two")
    one.note([image("a", b"1")])
    two.note([image("b", b"22")])
    assert Journal(tmp_path, "one").media == {"a"}
    assert (one.finish(), two.finish()) == (1, 1)
    assert finished(tmp_path, "one") == {"a": (None, b"1")}
    assert finished(tmp_path, "two") == {"b": (None, b"22")}


def test_images_as_files_stand_by_their_id_and_need_no_blob(tmp_path: Path) -> None:
    images = tmp_path / "images"
    journal = Journal(tmp_path, "u", images)
    journal.note([image("abcd", b"jpeg")])
    journal.note([image("abff", b"", outcome="gone")])
    assert image_file(images, "abcd") == images / "ab" / "abcd.jpg"
    assert image_file(images, "abcd").read_bytes() == b"jpeg"
    assert Journal(tmp_path, "u", images).media == {"abcd", "abff"}
    assert journal.finish() == 2
    assert [path.name for path in images.rglob("*.*")] == ["abcd.jpg"]
    assert not (tmp_path / "blobs").exists()
    table = pq.read_table(tmp_path / "media" / "u.parquet")
    assert (table["offset"].to_pylist(), table["length"].to_pylist()) == ([0, 0], [4, 0])


@pytest.mark.parametrize("damage", ["gone", "short"])
def test_a_file_that_is_gone_or_of_another_size_is_asked_for_again(tmp_path: Path, damage: str) -> None:
    images = tmp_path / "images"
    journal = Journal(tmp_path, "u", images)
    for name in ("aa", "bb", "cc"):
        journal.note([image(name, name.encode() * 3)])
    if damage == "gone":
        image_file(images, "bb").unlink()
    else:
        image_file(images, "bb").write_bytes(b"b")
    again = Journal(tmp_path, "u", images)
    assert again.media == {"aa"}
    again.note([image("bb", b"bb" * 3)])
    assert Journal(tmp_path, "u", images).media == {"aa", "bb"}


def test_a_medium_that_fails_when_it_is_asked_for_again_leaves_no_old_file(tmp_path: Path) -> None:
    images = tmp_path / "images"
    Journal(tmp_path, "u", images).note([image("aa", b"old")])
    Journal(tmp_path, "v", images).note([image("aa", b"", outcome="gone")])
    assert not image_file(images, "aa").exists()


def test_a_dropped_journal_leaves_nothing_and_may_be_dropped_twice(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "u")
    journal.note([image("a", b"a")])
    journal.drop()
    journal.drop()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert Journal(tmp_path, "u").media == set()


def test_what_cannot_be_written_is_said_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "journal").write_bytes(b"a file where the folder should be")
    with pytest.raises(StorageError, match="journal"):
        Journal(tmp_path, "u").note([image("a", b"a")])


def test_a_log_can_be_followed_from_where_it_was_left(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "u")
    journal.note([image("a", b"a")])
    journal.note([image("b", b"b", "/1"), image("b", b"b", "/2")])
    read = list(logged(log(tmp_path)))
    assert [[row["image_id"] for row in rows] for _, rows in read] == [["a"], ["b/1", "b/2"]]
    assert read[-1][0] == log(tmp_path).stat().st_size
    with log(tmp_path).open("ab") as end:
        end.write(b'[[{"image_id": "c"')
    assert list(logged(log(tmp_path), read[0][0])) == read[1:]
    assert list(logged(log(tmp_path), read[-1][0])) == []


@pytest.mark.parametrize("line", [b"", b"\n", b"[]", b"{]\n", b"7\n", b"[[1]]\n", b'[[{}, "x", 1]]\n', b"\xff\n"])
def test_what_is_no_whole_line_is_none(line: bytes) -> None:
    assert parse_line(line) is None


def test_a_whole_line_gives_rows_with_their_places() -> None:
    assert parse_line(b'[[{"media_id": "m"}, 3, 4]]\n') == [({"media_id": "m"}, 3, 4)]
    assert parse_line(b"[]\n") == []


@pytest.mark.parametrize("left", [b"a", b"aaaa", b"aaaa-and-more"], ids=["a part", "all", "more"])
def test_images_that_a_kill_left_before_their_first_line_are_no_part_of_what_follows(
    tmp_path: Path, left: bytes
) -> None:
    blob(tmp_path).parent.mkdir()
    blob(tmp_path).write_bytes(left)
    journal = Journal(tmp_path, "u")
    journal.note([image("b", b"bb")])
    journal.note([image("a", b"aaaa")])
    journal.finish()
    assert finished(tmp_path) == {"a": (None, b"aaaa"), "b": (None, b"bb")}


@given(st.data())
def test_whatever_part_of_a_note_could_be_written_the_next_ones_are_whole(data: st.DataObject) -> None:
    """A full disk takes a part of the bytes, or all of them and no line, or a part of the line; then there is room."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        journal, want = Journal(folder, "u"), {}
        for number in range(data.draw(st.integers(1, 6))):
            content = bytes([65 + number]) * data.draw(st.integers(0, 9))
            noted = [image(f"m{number}", content)]
            for room in data.draw(st.lists(st.integers(0, 900), max_size=2)):
                if f"m{number}" not in journal.media:
                    torn(journal, noted, room)
            if data.draw(st.booleans()):
                journal = Journal(folder, "u")  # a process that goes on
            if f"m{number}" not in journal.media:
                journal.note(noted)
            want[f"m{number}"] = (None, content)
        if data.draw(st.booleans()):
            journal = Journal(folder, "u")
        assert journal.media == set(want)
        journal.finish()
        assert finished(folder) == want


def torn(journal: Journal, images: list[Image], room: int) -> None:
    """Note images where no file may grow beyond `room` bytes: as on a full disk, what there is room for is written."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        with contextlib.suppress(StorageError):
            journal.note(images)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_an_image_that_is_not_what_was_noted_ends_the_unit_and_says_which(tmp_path: Path) -> None:
    row, data = image("a", b"aaaa")
    journal = Journal(tmp_path, "u")
    journal.note([({**row, "stored_sha256": hashlib.sha256(data).hexdigest()}, data)])
    blob(tmp_path).write_bytes(b"aaba")
    with pytest.raises(StorageError, match=r"(?s)image a is not what was noted.*u\.bin, byte 0") as caught:
        journal.finish()
    assert "u.log" in caught.value.remedy
    assert not (tmp_path / "blobs" / "u.bin").exists() and not (tmp_path / "media" / "u.parquet").exists()
    log(tmp_path).unlink()
    again = Journal(tmp_path, "u")
    again.note([image("a", data)])
    again.finish()
    assert finished(tmp_path) == {"a": (None, b"aaaa")}
