"""What is published is what is taken, whatever its name; what changed, broke or was cut is never taken for it."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import pytest

from pipeline.model.errors import StorageError
from pipeline.storage.places import RemotePath
from pipeline.storage.places.copies import copies_folder
from pipeline.storage.places.machine_copies import kept_folder
from pipeline.storage.places.published import HELD_BYTES, Piece, taken
from pipeline.storage.places.published_folder import published_folder, taken_folder
from pipeline.storage.places.publisher import FOLDER, Publisher, Stretch
from pipeline.storage.stores import LocalStore, StoreError

ODD = [
    "a b.txt",
    "ü–名.txt",
    "100%25.txt",
    "x/same.txt",
    "y/same.txt",
    "#?.txt",
    "line\nend.txt",
    "empty.txt",
    "\udcff",
]


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the test on a machine with an empty cache."""
    monkeypatch.setenv("BIOMILL_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def run() -> RemotePath:
    return RemotePath.of(f"memory://{uuid.uuid4().hex}/run")


def drawn(folder: Path) -> dict[str, bytes]:
    """Write files of odd names, one of them large."""
    files = {name: b"" if name == "empty.txt" else f"of {name!r}".encode() for name in ODD}
    files["large.bin"] = os.urandom(1 << 10) * (HELD_BYTES // 1024 + 1)
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return files


def test_files_of_any_name_come_back_by_their_names(tmp_path: Path, run: RemotePath) -> None:
    files = drawn(tmp_path / "in")
    publisher = Publisher(run)
    text = publisher.folder(tmp_path / "in", list(files)).text()
    assert publisher.uploads == 3  # the small ones together, the large one, the list
    assert dict(published_folder(text).each(sorted(files))) == files
    here = taken_folder(text)
    assert here.name == "in" and {p.relative_to(here).as_posix() for p in here.rglob("*") if p.is_file()} == set(files)
    assert all((here / name).read_bytes() == data for name, data in files.items())
    single = publisher.file(tmp_path / "in" / "y" / "same.txt")
    assert taken(single.text()).name == "same.txt" and taken(single.text()).read_bytes() == files["y/same.txt"]


def test_a_second_run_uploads_nothing_and_a_changed_file_is_published_anew(tmp_path: Path, run: RemotePath) -> None:
    files = drawn(tmp_path / "in")
    table = tmp_path / "table.txt"
    table.write_text("one")
    before = Publisher(run)
    folder, file = before.folder(tmp_path / "in", list(files)), before.file(table)
    again = Publisher(run)
    assert (again.folder(tmp_path / "in", list(files)), again.file(table), again.uploads) == (folder, file, 0)
    (tmp_path / "in" / "a b.txt").write_bytes(b"another")
    state = table.stat()
    table.write_text("two")
    os.utime(table, ns=(state.st_atime_ns, state.st_mtime_ns))  # of the same size and time
    changed = Publisher(run)
    anew = changed.folder(tmp_path / "in", list(files))
    assert dict(published_folder(anew.text()).each(["a b.txt"])) == {"a b.txt": b"another"}
    assert changed.file(table).read() == b"two" and file.read() == b"one"


def test_what_is_gone_from_the_folder_is_published_again(tmp_path: Path, run: RemotePath) -> None:
    (tmp_path / "a.txt").write_text("abc")
    piece = Publisher(run).file(tmp_path / "a.txt")
    (run / FOLDER / piece.sha256).unlink()
    with pytest.raises(StorageError, match=r"not there: a\.txt") as caught:
        piece.read()
    assert caught.value.where == piece.address and "has the inputs" in caught.value.remedy
    again = Publisher(run)
    assert not again.whole([piece])
    assert again.file(tmp_path / "a.txt") == piece and again.uploads == 1 and piece.read() == b"abc"


@pytest.mark.parametrize("damage", [b"abX", b"ab", b"abcd", b""])
@pytest.mark.parametrize("large", [False, True])
def test_damage_in_the_bucket_is_an_error_that_names_it(
    tmp_path: Path, run: RemotePath, damage: bytes, large: bool
) -> None:
    before = bytes(HELD_BYTES) if large else b""
    (tmp_path / "a.txt").write_bytes(before + b"abc")
    piece = Publisher(run).file(tmp_path / "a.txt")
    (run / FOLDER / piece.sha256).write_bytes(before + damage)
    if damage == b"abcd" and not large:
        assert piece.read() == b"abc"  # what follows is not asked for
        return
    with pytest.raises(StorageError, match=r"other bytes than it was published with: a\.txt") as caught:
        piece.copy()
    assert piece.address in caught.value.where and "remove that file" in caught.value.remedy
    assert not [path for path in copies_folder().rglob("*") if path.name == "a.txt"]


def test_a_damaged_list_or_picture_of_a_folder_is_an_error(tmp_path: Path, run: RemotePath) -> None:
    files = drawn(tmp_path / "in")
    piece = Publisher(run).folder(tmp_path / "in", list(files))
    small = published_folder(piece.text()).files["x/same.txt"]
    pack = small.address.rpartition("/")[2]
    data = bytearray((run / FOLDER / pack).read_bytes())
    data[small.start] ^= 1
    (run / FOLDER / pack).write_bytes(bytes(data))
    with pytest.raises(StorageError, match=r"published with: same\.txt"):
        taken_folder(piece.text())
    assert dict(published_folder(piece.text()).each(["y/same.txt"])) == {"y/same.txt": files["y/same.txt"]}
    other = Piece(piece.name, piece.address, 0, piece.size, "00" * 32, folder=True)
    with pytest.raises(StorageError, match="published with: in"):
        published_folder(other.text())


def test_a_copy_that_was_cut_is_made_again(tmp_path: Path, run: RemotePath) -> None:
    files = drawn(tmp_path / "in")
    publisher = Publisher(run)
    piece, folder = publisher.file(tmp_path / "in" / "large.bin"), publisher.folder(tmp_path / "in", list(files))
    copy = piece.copy()
    with copy.open("r+b") as file:
        file.truncate(100)
    assert piece.copy().read_bytes() == files["large.bin"]
    here = taken_folder(folder.text())
    (here.parent / ".whole").unlink()  # as a killed process leaves it
    (here / "a b.txt").write_text("half")
    (here / "stranger.txt").write_text("")
    again = taken_folder(folder.text())
    assert (again / "a b.txt").read_bytes() == files["a b.txt"] and not (again / "stranger.txt").exists()


def test_a_cache_that_is_smaller_than_the_inputs_holds_what_is_in_use(
    tmp_path: Path, run: RemotePath, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIOMILL_CACHE_GB", "0")
    files = drawn(tmp_path / "in")
    publisher = Publisher(run)
    folder = publisher.folder(tmp_path / "in", list(files)).text()
    here = taken_folder(folder)
    old = here.parent
    os.utime(old, (0, 0))  # used long ago
    piece = publisher.file(tmp_path / "in" / "a b.txt")
    assert piece.copy().read_bytes() == files["a b.txt"] and not old.exists()
    assert (taken_folder(folder) / "large.bin").read_bytes() == files["large.bin"]


def test_a_folder_that_could_not_be_filled_is_not_taken_for_whole(tmp_path: Path) -> None:
    def half(folder: Path) -> None:
        (folder / "a").write_text("a")
        raise StorageError("the store went away")

    with pytest.raises(StorageError, match="went away"):
        kept_folder("key", "name", 1, half)
    here = kept_folder("key", "name", 1, lambda folder: (folder / "b").touch())
    assert [path.name for path in here.iterdir()] == ["b"]


def test_a_store_that_may_not_be_written_is_told_with_its_address(tmp_path: Path) -> None:
    (tmp_path / "bucket").mkdir()
    (tmp_path / "bucket" / FOLDER).touch()  # a file, where the folder should be: nothing can be put below it
    (tmp_path / "a.txt").write_text("abc")
    with pytest.raises(StoreError) as caught:
        Publisher(RemotePath(LocalStore(tmp_path / "bucket"))).file(tmp_path / "a.txt")
    assert f"/{FOLDER}/" in caught.value.where


def test_an_input_that_goes_away_is_named(tmp_path: Path, run: RemotePath) -> None:
    with pytest.raises(StorageError, match="an input cannot be read: No such file") as caught:
        Publisher(run).folder(tmp_path, ["gone.jpg"])
    assert caught.value.where.endswith("gone.jpg")


def test_what_lies_at_an_address_already_is_taken_from_there(tmp_path: Path, run: RemotePath) -> None:
    original = RemotePath.of(f"memory://{uuid.uuid4().hex}/photos")
    (original / "sub" / "1.jpg").write_bytes(b"0123456789")
    copy = tmp_path / "copy"
    (copy / "sub").mkdir(parents=True)
    (copy / "sub" / "1.jpg").write_bytes(b"0123456789")
    publisher = Publisher(run, {copy: str(original)})
    folder = publisher.folder(copy, ["sub/1.jpg"])
    [cut] = publisher.stretches([Stretch(copy / "sub" / "1.jpg", 2, 3)])
    assert publisher.uploads == 1  # the list
    assert cut.address == f"{original}/sub/1.jpg" and cut.read() == b"234"
    assert dict(published_folder(folder.text()).each(["sub/1.jpg"])) == {"sub/1.jpg": b"0123456789"}
    (original / "sub" / "1.jpg").write_bytes(b"9876543210")
    with pytest.raises(StorageError, match=r"published with: 1\.jpg"):
        cut.read()
