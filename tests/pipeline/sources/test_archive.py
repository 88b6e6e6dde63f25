"""Releases as they come: listed, unpacked under our own names, and never trusted."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from pipeline.errors import SourceError
from pipeline.sources.archive import RATIO_FREE_BYTES, open_archive


def zipped(path: Path, *members: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("name", ["../out.txt", "/etc/passwd", "a/../../b", "C:/x.txt", "..\\x.txt"])
def test_names_that_climb_out_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="unsafe name"):
        open_archive(zipped(tmp_path / "a.zip", (name, b"x")))
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as tar:
        info = tarfile.TarInfo(name)
        info.size = 1
        tar.addfile(info, io.BytesIO(b"x"))
    with pytest.raises(SourceError, match="unsafe name"):
        open_archive(path)


def test_junk_and_links_are_left_out(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("d\\b.txt", b"b"), ("__MACOSX/._a", b""), (".DS_Store", b""), ("a.txt", b"a"))
    assert [m.name for m in open_archive(path).members] == ["a.txt", "d/b.txt"]
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.addfile(link)
    assert open_archive(tmp_path / "a.tar").members == ()


def test_members_are_spooled_once_and_whole(tmp_path: Path) -> None:
    archive = open_archive(zipped(tmp_path / "a.zip", ("d/a.txt", b"abc" * 1000)))
    spool = tmp_path / "spool"
    first = archive.readable(archive.members[0], spool)
    assert first.read_bytes() == b"abc" * 1000
    assert first.parent == spool
    state = first.stat()
    assert archive.readable(archive.members[0], spool).stat().st_mtime_ns == state.st_mtime_ns
    first.write_bytes(b"abc")
    assert archive.readable(archive.members[0], spool).read_bytes() == b"abc" * 1000
    assert archive.head(archive.members[0], 4) == b"abca"


def test_bombs_are_refused(tmp_path: Path) -> None:
    archive = open_archive(zipped(tmp_path / "a.zip", ("a.txt", bytes(RATIO_FREE_BYTES + (2 << 20)))))
    with pytest.raises(SourceError, match="grows more than text"):
        archive.readable(archive.members[0], tmp_path / "spool")
    assert list((tmp_path / "spool").iterdir()) == []


def test_damage_is_said(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("a.txt", bytes(range(256)) * 400))
    data = bytearray(path.read_bytes())
    data[120:140] = bytes(20)
    path.write_bytes(data)
    archive = open_archive(path)
    with pytest.raises(SourceError, match="damaged"):
        archive.readable(archive.members[0], tmp_path / "spool")
    (tmp_path / "cut.zip").write_bytes(data[:200])
    with pytest.raises(SourceError, match="damaged"):
        open_archive(tmp_path / "cut.zip")
    (tmp_path / "cut.gz").write_bytes(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03K")
    archive = open_archive(tmp_path / "cut.gz")
    with pytest.raises(SourceError, match="damaged"):
        archive.head(archive.members[0], 10)


def test_real_archives_of_broken_test_suites_are_listed_or_refused_in_words(data: Path) -> None:
    for path in sorted((data / "gbif/malformed").rglob("*.zip")):
        try:
            assert open_archive(path).members
        except SourceError as error:
            assert error.remedy
