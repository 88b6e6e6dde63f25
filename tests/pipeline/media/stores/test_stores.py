from __future__ import annotations

import os
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.media import open_store
from pipeline.model.errors import SourceError
from pipeline.model.outcomes import Outcome

CAP = 1000


def make_zip(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_a_folder_gives_its_files(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.jpg").write_bytes(b"picture")
    with open_store(tmp_path) as store:
        answer = store.read("a/b.jpg", CAP)
        assert (answer.outcome, answer.data, answer.final_url) == (None, b"picture", "a/b.jpg")
        assert store.read("./a/b.jpg", CAP).data == b"picture"
        assert store.read("b.jpg", CAP).outcome is Outcome.MISSING_FILE
        assert store.read("a", CAP).outcome is Outcome.MISSING_FILE


@pytest.mark.parametrize(
    "path",
    ["../secret", "a/../../secret", "/etc/passwd", "a\\..\\secret", "C:/secret", "..", "", "a\0b", "link", "x" * 5000],
)
def test_no_path_leaves_the_folder(tmp_path: Path, path: str) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    folder = tmp_path / "store"
    (folder / "a").mkdir(parents=True)
    (folder / "link").symlink_to(tmp_path / "secret")
    with open_store(folder) as store:
        answer = store.read(path, CAP)
    assert (answer.outcome, answer.data) == (Outcome.MISSING_FILE, b"")
    assert answer.detail


def test_links_inside_the_folder_are_followed_and_circles_are_not(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"picture")
    (tmp_path / "b.jpg").symlink_to("a.jpg")
    (tmp_path / "c").symlink_to("d")
    (tmp_path / "d").symlink_to("c")
    with open_store(tmp_path) as store:
        assert store.read("b.jpg", CAP).data == b"picture"
        assert store.read("c", CAP).outcome is Outcome.MISSING_FILE


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with open_store(tmp_path) as store:
        assert store.read("pipe", CAP).outcome is Outcome.MISSING_FILE


def test_files_and_members_have_their_sizes_judged(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(bytes(CAP + 1))
    (tmp_path / "empty").write_bytes(b"")
    make_zip(tmp_path / "part.zip", {"zip/big": bytes(CAP + 1), "zip/fits": bytes(CAP), "zip/empty": b""})
    with open_store(tmp_path) as store:
        assert store.read("big", CAP).outcome is Outcome.TOO_LARGE
        assert store.read("empty", CAP).outcome is Outcome.EMPTY
        assert store.read("zip/big", CAP).outcome is Outcome.TOO_LARGE
        assert store.read("zip/empty", CAP).outcome is Outcome.EMPTY
        assert store.read("zip/fits", CAP).data == bytes(CAP)


def test_a_member_that_lies_about_its_size_stops_at_the_cap(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "bomb.zip", {"a.jpg": bytes(10_000_000)})
    raw = bytearray(path.read_bytes())
    size = (10_000_000).to_bytes(4, "little")
    for _ in range(raw.count(size)):
        at = raw.index(size)
        raw[at : at + 4] = (500).to_bytes(4, "little")
    path.write_bytes(raw)
    with open_store(path) as store:
        answer = store.read("a.jpg", CAP)
    assert answer.outcome in (Outcome.TOO_LARGE, Outcome.CORRUPT)
    assert answer.data == b""


def test_members_are_found_by_name_and_by_a_unique_end(tmp_path: Path) -> None:
    members = {
        "bioscan5m/images/original/train/00/A.jpg": b"a",
        "bioscan5m/images/original/val/00/B.jpg": b"b1",
        "bioscan5m/images/original/test/00/B.jpg": b"b2",
        "bioscan5m/images/xA.jpg": b"x",
        "00/B.jpg": b"exact",
    }
    with open_store(make_zip(tmp_path / "BIOSCAN.zip", members)) as store:
        assert store.read("original/train/00/A.jpg", CAP).data == b"a"
        assert store.read("A.jpg", CAP).final_url == "BIOSCAN.zip!bioscan5m/images/original/train/00/A.jpg"
        assert store.read("00/B.jpg", CAP).data == b"exact"
        assert store.read("val/00/B.jpg", CAP).data == b"b1"
        ambiguous = store.read("B.jpg", CAP)
        assert ambiguous.outcome is Outcome.MISSING_FILE
        assert "3 members" in ambiguous.detail
        assert store.read("C.jpg", CAP).outcome is Outcome.MISSING_FILE
        assert store.read("../A.jpg", CAP).outcome is Outcome.MISSING_FILE


def test_zip_parts_in_a_folder_form_one_store_whatever_their_order(tmp_path: Path) -> None:
    make_zip(tmp_path / "part_b.zip", {"top/1.jpg": b"1", "top/same.jpg": b"s"})
    make_zip(tmp_path / "part_a.zip", {"top/2.jpg": b"2", "top/same.jpg": b"s"}, zipfile.ZIP_STORED)
    (tmp_path / "loose.jpg").write_bytes(b"loose")
    with open_store(tmp_path) as store:
        assert [store.read(name, CAP).data for name in ("top/1.jpg", "2.jpg", "loose.jpg")] == [b"1", b"2", b"loose"]
        assert store.read("top/same.jpg", CAP).outcome is Outcome.MISSING_FILE


def test_damaged_encrypted_and_exotic_members_cost_one_medium(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"good.jpg": b"good", "bad.jpg": b"some bytes" * 20}, zipfile.ZIP_STORED)
    raw = path.read_bytes().replace(b"some bytes", b"tome bytes", 1)
    path.write_bytes(raw)
    make_zip(tmp_path / "b.zip", {"packed.jpg": b"packed" * 50}, zipfile.ZIP_LZMA)
    locked = make_zip(tmp_path / "c.zip", {"locked.jpg": b"locked"})
    marked = bytearray(locked.read_bytes())
    marked[6] |= 1
    marked[marked.index(b"PK\x01\x02") + 8] |= 1
    locked.write_bytes(marked)
    with open_store(tmp_path) as store:
        assert store.read("good.jpg", CAP).data == b"good"
        assert store.read("bad.jpg", CAP).outcome is Outcome.CORRUPT
        assert store.read("packed.jpg", CAP).outcome is Outcome.UNSUPPORTED_FORMAT
        assert store.read("locked.jpg", CAP).outcome is Outcome.CORRUPT


def test_a_path_that_two_members_of_a_zip_have_costs_one_medium(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"top/a.jpg": b"first", "top/b.jpg": b"good", "c\\d.jpg": b"there"})
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("top/a.jpg", b"second")
        archive.writestr("./top//e.jpg", b"one")
        archive.writestr("top\\e.jpg", b"two")
    with open_store(path) as store:
        for name in ("top/a.jpg", "a.jpg", "top/e.jpg"):
            answer = store.read(name, CAP)
            assert (answer.outcome, answer.data) == (Outcome.MISSING_FILE, b"")
            assert answer.detail == "2 members of this name in one zip"
        assert (store.read("top/b.jpg", CAP).data, store.read("c/d.jpg", CAP).data) == (b"good", b"there")


def test_a_member_whose_own_header_or_place_differs_costs_one_medium(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {n: n.encode() * 40 for n in ("a.jpg", "b.jpg", "c.jpg")}, zipfile.ZIP_STORED)
    raw = bytearray(path.read_bytes())
    raw[30:35] = b"x.jpg"
    second = raw.index(b"PK\x01\x02", raw.index(b"PK\x01\x02") + 4)
    raw[second + 20 : second + 28] = (300).to_bytes(4, "little") * 2
    path.write_bytes(raw)
    with open_store(path) as store:
        assert [store.read(name, CAP).outcome for name in ("a.jpg", "b.jpg")] == [Outcome.CORRUPT] * 2
        assert "run into" in store.read("b.jpg", CAP).detail
        assert store.read("c.jpg", CAP).data == b"c.jpg" * 40


def test_a_store_that_cannot_be_opened_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="remedy"):
        open_store(tmp_path / "absent")
    whole = make_zip(tmp_path / "whole.zip", {"a.jpg": bytes(500)})
    (tmp_path / "half.zip").write_bytes(whole.read_bytes()[:80])
    with pytest.raises(SourceError, match=r"half\.zip"):
        open_store(tmp_path / "half.zip")


def test_many_threads_read_one_archive(tmp_path: Path) -> None:
    members = {f"{n}.jpg": str(n).encode() * 50 for n in range(100)}
    with open_store(make_zip(tmp_path / "a.zip", members)) as store, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda name: store.read(name, CAP).data, members))
    assert answers == list(members.values())


def test_the_listing_digest_tells_what_changed_and_nothing_else(tmp_path: Path) -> None:
    def packed(folder: Path, names: tuple[str, ...], data: bytes) -> str:
        folder.mkdir()
        with zipfile.ZipFile(folder / "part.zip", "w") as archive:
            for name in names:
                archive.writestr(name, data)
        (folder / "loose.jpg").write_bytes(b"123")
        with open_store(folder) as store:
            return store.listing_digest()

    first = packed(tmp_path / "a", ("x.jpg", "y.jpg"), b"one")
    assert packed(tmp_path / "b", ("y.jpg", "x.jpg"), b"one") == first
    assert packed(tmp_path / "c", ("x.jpg", "y.jpg"), b"two") != first
    assert packed(tmp_path / "d", ("x.jpg",), b"one") != first
