"""A zip's directory: what the standard library lists and reads, and what it lets pass."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.storage.zip_directory import OpenZip, ZipDirectory

MOST = 1_000_000
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30)
MEMBERS = st.lists(st.tuples(NAMES, st.binary(max_size=300), st.sampled_from(METHODS), st.booleans()), max_size=8)


def packed(members: list[tuple[str, bytes, int, bool]], comment: bytes = b"", before: bytes = b"") -> bytes:
    buffer = io.BytesIO(before)
    buffer.seek(0, io.SEEK_END)
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as archive:
        warnings.simplefilter("ignore")
        for name, data, method, large in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            with archive.open(info, "w", force_zip64=large) as out:
                out.write(data)
        archive.comment = comment
    return buffer.getvalue()


def zip64_ended(data: bytes, **changed: int) -> bytes:
    """The same zip with the end records that large ones have; `changed`: what the large record says otherwise."""
    at = data.rindex(b"PK\x05\x06")
    count, length, start = struct.unpack_from("<HLL", data, at + 10)
    told = {"count": count, "length": length, "start": start} | changed
    record = struct.pack(
        "<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, told["count"], told["count"], told["length"], told["start"]
    )
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)
    return data[:at] + record + locator + data[at:]


def directory(path: Path, data: bytes) -> ZipDirectory:
    path.write_bytes(data)
    return ZipDirectory(path, MOST)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MEMBERS, st.binary(max_size=40), st.binary(max_size=40), st.booleans())
def test_members_are_listed_and_read_as_the_standard_library_does(
    tmp_path: Path, members: list[tuple[str, bytes, int, bool]], comment: bytes, before: bytes, large: bool
) -> None:
    data = packed(members, comment, before)
    data = zip64_ended(data) if large else data
    listed = directory(tmp_path / "a.zip", data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive, OpenZip(listed) as opened:
        assert [(e.name, e.size, e.packed, e.crc, e.offset, e.method) for e in listed.entries] == [
            (i.orig_filename, i.file_size, i.compress_size, i.CRC, i.header_offset, i.compress_type)
            for i in archive.infolist()
        ]
        assert [opened.open(entry).read() for entry in listed.entries] == [data for _, data, *_ in members]
    assert listed.overlapping() is None


def test_a_stream_can_be_read_twice(tmp_path: Path) -> None:
    listed = directory(tmp_path / "a.zip", packed([("a", b"0123456789", zipfile.ZIP_DEFLATED, False)]))
    with OpenZip(listed) as archive, archive.open(listed.entries[0]) as stream:
        assert (stream.seek(4), stream.read(3), stream.seek(0), stream.read()) == (4, b"456", 0, b"0123456789")


def test_names_are_read_as_their_writer_meant_them(tmp_path: Path) -> None:
    raw = "Ñandú.jpg".encode()
    plain = packed([("x" * len(raw), b"1", zipfile.ZIP_STORED, False)]).replace(b"x" * len(raw), raw)
    assert directory(tmp_path / "a.zip", plain).entries[0].name == raw.decode("cp437")
    field = struct.pack("<HHBL", 0x7075, 5 + len(raw), 1, zlib.crc32(raw)) + raw
    info = zipfile.ZipInfo("x" * len(raw))
    info.extra = field
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, b"1")
    listed = directory(tmp_path / "b.zip", buffer.getvalue().replace(b"x" * len(raw), raw))
    with OpenZip(listed) as opened:
        assert (listed.entries[0].name, opened.open(listed.entries[0]).read()) == ("Ñandú.jpg", b"1")


ABC = packed([(name, name.encode() * 50, zipfile.ZIP_STORED, False) for name in "abc"])


def patched(at: int, form: str, *values: int, mark: bytes = b"PK\x05\x06", data: bytes = ABC) -> bytes:
    out = bytearray(data)
    struct.pack_into(form, out, out.index(mark) + at, *values)
    return bytes(out)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no zip directory"),
        (ABC[:-30], "no zip directory"),
        (patched(8, "<HH", 2, 2), "lists 3 members, its end says 2"),
        (patched(8, "<HH", 4, 4), "lists 3 members, its end says 4"),
        (patched(4, "<HH", 1, 1), "one part of several"),
        (patched(12, "<L", 46), "damaged after 0"),
        (patched(16, "<L", 1 << 30), "not where its end says"),
        (patched(28, "<H", 60_000, mark=b"PK\x01\x02"), "breaks off"),
        (patched(0, "<L", 0, mark=b"PK\x01\x02"), "damaged after 0"),
        (patched(42, "<L", 1 << 30, mark=b"PK\x01\x02"), "behind the file's end"),
        (patched(20, "<L", 1 << 30, mark=b"PK\x01\x02"), "behind the file's end"),
        (patched(20, "<L", 0xFFFFFFFF, mark=b"PK\x01\x02"), "zip64 field is too short"),
        (zip64_ended(ABC, count=2), "contradict"),
        (zip64_ended(ABC, start=0), "contradict"),
    ],
)
def test_a_directory_that_is_damaged_or_lies_is_refused(data: bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(zipfile.BadZipFile, match=said):
        directory(tmp_path / "a.zip", data)


def test_more_members_than_allowed_are_refused_while_they_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(ABC)
    with pytest.raises(zipfile.BadZipFile, match="more than 2"):
        ZipDirectory(tmp_path / "a.zip", 2)


def test_a_count_that_overflowed_is_no_lie(tmp_path: Path) -> None:
    data = packed([(f"{n:05d}", b"", zipfile.ZIP_STORED, False) for n in range(65_537)])
    at = data.rindex(b"PK\x05\x06")
    # As writers without zip64 leave it: no large records, and the count's low 16 bits.
    small = bytearray(data[: data.rindex(b"PK\x06\x06")] + data[at:])
    struct.pack_into("<HH", small, small.rindex(b"PK\x05\x06") + 8, 1, 1)
    assert len(directory(tmp_path / "a.zip", bytes(small)).entries) == 65_537


def renamed_inside(data: bytes) -> bytes:
    return data.replace(b"a" + b"a" * 50, b"z" + b"a" * 50)


def overlapped(data: bytes) -> bytes:
    """The first member's packed bytes reach over the second one."""
    out = bytearray(data)
    struct.pack_into("<LL", out, out.index(b"PK\x01\x02") + 20, 100, 100)
    return bytes(out)


def twice_listed(data: bytes) -> bytes:
    """The second entry of the directory points at the first member."""
    out = bytearray(data)
    second = out.index(b"PK\x01\x02", out.index(b"PK\x01\x02") + 4)
    struct.pack_into("<L", out, second + 42, 0)
    out[second + 46 : second + 47] = b"a"
    return bytes(out)


@pytest.mark.parametrize(
    ("spoil", "said", "overlap"),
    [
        (renamed_inside, "called b'z' in its own header", False),
        (overlapped, "run into", True),
        (lambda data: data.replace(b"PK\x03\x04", b"PK\x00\x00", 1), "no member where", False),
        (lambda data: data.replace(b"aaa", b"aba", 1), "CRC", False),
    ],
)
def test_a_member_that_is_not_what_the_directory_says_is_refused_alone(
    spoil: Callable[[bytes], bytes], said: str, overlap: bool, tmp_path: Path
) -> None:
    listed = directory(tmp_path / "a.zip", spoil(ABC))
    assert (listed.overlapping() is not None) == overlap
    with OpenZip(listed) as archive:
        with pytest.raises(zipfile.BadZipFile, match=said):
            archive.open(listed.entries[0]).read()
        assert archive.open(listed.entries[2]).read() == b"c" * 50


def test_two_entries_of_one_place_overlap(tmp_path: Path) -> None:
    assert directory(tmp_path / "a.zip", twice_listed(ABC)).overlapping() is not None


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_bytes_raise_anything_else(tmp_path: Path, data: st.DataObject) -> None:
    spoilt = bytearray(zip64_ended(ABC) if data.draw(st.booleans()) else ABC)
    directory_at = spoilt.index(b"PK\x01\x02")
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.one_of(st.integers(0, len(spoilt) - 1), st.integers(directory_at, len(spoilt) - 1)))
        spoilt[at] = data.draw(st.one_of(st.sampled_from((0, 1, 255)), st.integers(0, 255)))
    try:
        listed = directory(tmp_path / "a.zip", bytes(spoilt[: data.draw(st.integers(0, len(spoilt))) or None]))
        listed.overlapping()
    except zipfile.BadZipFile:
        return
    with OpenZip(listed) as archive:
        for entry in listed.entries:
            try:
                assert len(archive.open(entry).read()) == entry.size
            except (zipfile.BadZipFile, RuntimeError, EOFError, zlib.error, OSError, ValueError):
                continue
