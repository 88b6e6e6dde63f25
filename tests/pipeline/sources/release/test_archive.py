"""Releases as they come: listed, unpacked under our own names, and never trusted."""

from __future__ import annotations

import io
import tarfile
import warnings
import zipfile
from pathlib import Path

import pytest

from pipeline.inspection import inspect_release
from pipeline.model.errors import SourceError
from pipeline.sources.darwin_core.dwca_layout import find_member
from pipeline.sources.release.archive import RATIO_FREE_BYTES, open_archive
from pipeline.storage.zip_directory import ZipDirectory


def zipped(path: Path, *members: tuple[str, bytes]) -> Path:
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")
        for name, data in members:
            archive.writestr(name, data)
    return path


def tarred(path: Path, *members: tuple[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
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


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("occurrence.txt", "occurrence.txt"),
        ("occurrence.txt", "./occurrence.txt"),
        ("d/occurrence.txt", "d\\occurrence.txt"),
        ("d/occurrence.txt", "d//./occurrence.txt"),
        ("\u00d1and\u00fa.txt", "N\u0303andu\u0301.txt"),
    ],
)
def test_two_members_of_one_name_are_refused_by_name(one: str, other: str, tmp_path: Path) -> None:
    for second in (b"longer", b"shorter", b"longer"):
        given = ((one, b"longer"), ("between.txt", b""), (other, second))
        for path in (zipped(tmp_path / "a.zip", *given), tarred(tmp_path / "a.tar", *given)):
            with pytest.raises(SourceError, match=r"two members of the name") as error:
                open_archive(path)
            assert error.value.where.startswith(f"{path}!")
            assert "unpack it" in error.value.remedy


def test_folders_listed_twice_and_names_in_two_folders_are_no_repetition(tmp_path: Path) -> None:
    given = (("d/", b""), ("d/", b""), ("d/a.txt", b"1"), ("a.txt", b"2"), ("A.txt", b"3"), (".x", b""), (".x", b""))
    assert [m.name for m in open_archive(zipped(tmp_path / "a.zip", *given)).members] == ["A.txt", "a.txt", "d/a.txt"]


def test_of_two_members_that_differ_in_case_the_one_that_is_named_is_taken_or_none(tmp_path: Path) -> None:
    archive = open_archive(zipped(tmp_path / "a.zip", ("A.txt", b"1"), ("a.txt", b"2"), ("d/a.txt", b"3")))
    found = find_member(archive, "a.txt")
    assert found is not None and archive.head(found, 9) == b"2"
    with pytest.raises(SourceError, match=r"'A.txt' and 'a.txt'"):
        find_member(archive, "a.TXT")


def test_names_that_are_no_utf8_are_listed_in_letters_that_can_be_written(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("xÿÿ.txt", b"a"))
    path.write_bytes(path.read_bytes().replace("ÿÿ".encode(), b"\xff\xff\xff\xff"))
    archive = open_archive(path)
    assert [member.name.encode() for member in archive.members] == [rb"x\xff\xff\xff\xff.txt"]
    assert archive.head(archive.members[0], 9) == b"a"


def test_members_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("a.txt", b"1" * 99), ("b.txt", b"2" * 99))
    data = bytearray(path.read_bytes())
    second = data.rindex(b"PK\x01\x02")
    data[second + 42 : second + 46] = bytes(4)
    path.write_bytes(data)
    with pytest.raises(SourceError, match="share their bytes"):
        open_archive(path)


def test_a_tar_whose_last_member_is_a_zip_is_a_tar(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", ("hidden.txt", b"x"))
    path = tarred(tmp_path / "a.tar", ("a.txt", b"a"), ("inner.zip", inner.read_bytes()))
    assert zipfile.is_zipfile(path)
    archive = open_archive(path)
    assert (archive.kind, [m.name for m in archive.members]) == ("tar", ["a.txt", "inner.zip"])


def test_a_zip_is_listed_once_however_many_members_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed, whole = [], ZipDirectory.__init__

    def counted(self: ZipDirectory, path: Path, most: int) -> None:
        listed.append(path)
        whole(self, path, most)

    monkeypatch.setattr(ZipDirectory, "__init__", counted)
    members = [(f"{n:03d}.json", b"{}") for n in range(50)] + [("t.csv", b"taxonID,genus\n1,Puma\n")]
    path = zipped(tmp_path / "a.zip", *members)
    assert inspect_release(path).tables == {"t": 1}
    assert listed == [path]


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
    bad = zipfile.ZipInfo("b.txt")
    bad.compress_type = zipfile.ZIP_BZIP2
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as packed:
        packed.writestr(bad, bytes(range(256)) * 9)
    spoilt = (tmp_path / "b.zip").read_bytes()
    (tmp_path / "b.zip").write_bytes(spoilt[:60] + bytes(20) + spoilt[80:])
    archive = open_archive(tmp_path / "b.zip")
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
