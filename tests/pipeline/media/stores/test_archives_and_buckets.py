"""Tars, zips whose members would escape, and object stores, as places that hold media."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import fsspec
import pytest

from pipeline.media import open_store
from pipeline.model.errors import SourceError
from pipeline.model.outcomes import Outcome

CAP = 1000
ESCAPING = ("../../escape.jpg", "/abs.jpg", "a/../../up.jpg", "C:/drive.jpg", "back\\slash.jpg")


def make_tar(path: Path, members: list[tuple[str, bytes | str]], mode: str = "w") -> Path:
    """Members with bytes are files, with a string symbolic links to it."""
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return path


def test_a_tar_gives_its_files_by_name_and_by_unique_end(tmp_path: Path) -> None:
    members: list[tuple[str, bytes | str]] = [("./deep/a.jpg", b"one"), ("deep/b.jpg", b"two"), ("deep/b.jpg", b"last")]
    with open_store(make_tar(tmp_path / "part.tar", [*members, ("big", bytes(CAP + 1)), ("empty", b"")])) as store:
        assert store.read("deep/a.jpg", CAP).data == store.read("a.jpg", CAP).data == b"one"
        assert store.read("deep/b.jpg", CAP).data == b"last"  # as tar itself has it
        assert store.read("big", CAP).outcome is Outcome.TOO_LARGE
        assert store.read("empty", CAP).outcome is Outcome.EMPTY
        assert store.read("deep", CAP).outcome is Outcome.MISSING_FILE


def test_links_and_escaping_members_of_a_tar_are_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    members: list[tuple[str, bytes | str]] = [("link.jpg", str(secret)), ("up.jpg", "../secret")]
    members += [(name, b"escape") for name in ESCAPING]
    with open_store(make_tar(tmp_path / "part.tar", members)) as store:
        for path in ("link.jpg", "secret", *ESCAPING):
            answer = store.read(path, CAP)
            assert (answer.outcome, answer.data) == (Outcome.MISSING_FILE, b""), path
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["part.tar", "secret"]


def test_escaping_members_of_a_zip_find_nothing_and_write_nothing(tmp_path: Path) -> None:
    path = tmp_path / "part.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in (*ESCAPING, "inside.jpg"):
            archive.writestr(name, b"picture")
    with open_store(path) as store:
        for name in ESCAPING:
            assert store.read(name, CAP).outcome is Outcome.MISSING_FILE, name
        assert store.read("inside.jpg", CAP).data == b"picture"
    assert [entry.name for entry in tmp_path.rglob("*")] == ["part.zip"]


@pytest.mark.parametrize("damage", ["compressed", "cut", "no tar"])
def test_a_tar_that_cannot_be_indexed_says_what_to_do(tmp_path: Path, damage: str) -> None:
    path = make_tar(tmp_path / "a.tar", [("a.jpg", bytes(5000))], "w:gz" if damage == "compressed" else "w")
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:3000])
    if damage == "no tar":
        path.write_bytes(b"no tar" * 200)
    with pytest.raises(SourceError, match="media store"):
        open_store(path)


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_an_object_store_gives_objects_below_its_address(tmp_path: Path, kind: str) -> None:
    root = f"memory://bucket-{tmp_path.name}/photos" if kind == "memory" else f"file://{tmp_path}/photos"
    files, base = fsspec.core.url_to_fs(root)
    files.makedirs(f"{base}/1")
    for name, data in (("1/a.jpg", b"picture"), ("big", bytes(CAP + 1)), ("empty", b""), ("../outside", b"secret")):
        files.pipe(f"{base}/{name}" if not name.startswith("..") else f"{base.rpartition('/')[0]}/outside", data)
    with open_store(root) as store:
        assert store.remote
        assert store.read("1/a.jpg", CAP).data == b"picture"
        assert store.read("big", CAP).outcome is Outcome.TOO_LARGE
        assert store.read("empty", CAP).outcome is Outcome.EMPTY
        for absent in ("2/b.jpg", "../outside", "/outside", "1/../../outside"):
            assert store.read(absent, CAP).outcome is Outcome.MISSING_FILE, absent


def test_a_web_address_and_an_unknown_scheme_are_no_media_stores() -> None:
    for address in ("https://example.org/photos", "nonsense://bucket/photos"):
        with pytest.raises(SourceError):
            open_store(address)
