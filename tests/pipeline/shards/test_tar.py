"""Shards are plain archives to every reader, the same bytes every time, and refused when they hold anything else."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import pickle
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model.errors import PipelineError, StorageError, VerifyError
from pipeline.shards import SampleLocation, ShardWriter, sample_locations, walk
from pipeline.shards.tar import header

Sample = tuple[str, list[tuple[str, bytes]]]
SAMPLES: list[Sample] = [
    ("a1", [("jpg", b"\xff\xd8" * 700), ("txt", b"a photo of Procyon lotor."), ("json", b"{}")]),
    ("8d4e74d0-a501-5a18-bb5f-1f1a85257984", [("jpg", b""), ("taxon_com.txt", b"x" * 512)]),
]


def build(samples: list[Sample]) -> tuple[bytes, list[SampleLocation]]:
    file = io.BytesIO()
    shard = ShardWriter(file)
    places = [shard.add(key, members) for key, members in samples]
    shard.close()
    return file.getvalue(), places


def save(folder: Path, data: bytes) -> Path:
    path = folder / "demo-000000.tar"
    path.write_bytes(data)
    return path


members = st.lists(
    st.tuples(st.sampled_from(["jpg", "txt", "json", "sci.txt"]), st.binary(max_size=1100)),
    min_size=1,
    max_size=3,
    unique_by=lambda member: member[0],
)
shards = st.lists(
    st.tuples(st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True), members),
    max_size=6,
    unique_by=lambda sample: sample[0],
)


@settings(max_examples=60, deadline=None)
@given(shards)
def test_what_is_written_is_read_by_tarfile_by_offset_and_by_walk(
    tmp_path_factory: pytest.TempPathFactory, samples: list[Sample]
) -> None:
    data, places = build(samples)
    path = save(tmp_path_factory.mktemp("shard"), data)
    expected = [(f"{key}.{suffix}", content) for key, each in samples for suffix, content in each]
    with tarfile.open(path) as archive:
        assert [(item.name, archive.extractfile(item).read()) for item in archive] == expected  # type: ignore[union-attr]
    by_offset = [
        (f"{place.key}.{member.suffix}", data[member.offset : member.offset + member.size])
        for place in places
        for member in place.members
    ]
    assert by_offset == expected
    assert [(each.name, data[each.data_offset :][: each.size]) for each in walk(path)] == expected
    assert list(sample_locations(path)) == places
    assert sum(place.length for place in places) == sum(512 + -(-len(content) // 512) * 512 for _, content in expected)
    assert len(data) % 10_240 == 0


def test_a_sample_cut_out_by_its_location_is_itself_an_archive() -> None:
    data, places = build(SAMPLES)
    part = data[places[1].offset :][: places[1].length] + bytes(1024)
    with tarfile.open(fileobj=io.BytesIO(part)) as archive:
        assert archive.getnames() == [f"{SAMPLES[1][0]}.jpg", f"{SAMPLES[1][0]}.taxon_com.txt"]


def test_the_bytes_are_frozen() -> None:
    """Shards of finished datasets are known by these bytes: a change here changes every published checksum."""
    data, _ = build(SAMPLES)
    assert build(SAMPLES)[0] == data
    assert hashlib.sha256(data).hexdigest() == "0e6066d601c0eb4ac6099d4050437d7c93c28e2009937247204c309635e42b5f"


def test_headers_are_those_of_python_tarfile() -> None:
    info = tarfile.TarInfo("a1.jpg")
    info.size = 1234
    assert header("a1.jpg", 1234) == info.tobuf(tarfile.USTAR_FORMAT)


@pytest.mark.skipif(shutil.which("tar") is None, reason="no tar command on this machine")
def test_the_tar_command_lists_and_unpacks_a_shard(tmp_path: Path) -> None:
    path = save(tmp_path, build(SAMPLES)[0])
    listed = subprocess.run(["tar", "-tf", path], capture_output=True, text=True, check=True)
    assert listed.stdout.split() == [f"{key}.{suffix}" for key, each in SAMPLES for suffix, _ in each]
    assert listed.stderr == ""
    subprocess.run(["tar", "-xf", path, "-C", tmp_path], check=True)
    for key, each in SAMPLES:
        for suffix, content in each:
            assert (tmp_path / f"{key}.{suffix}").read_bytes() == content


def test_an_empty_shard_is_an_archive(tmp_path: Path) -> None:
    data, _ = build([])
    assert data == bytes(10_240)
    assert list(walk(save(tmp_path, data))) == []


@pytest.mark.parametrize(
    ("key", "added", "message"),
    [
        ("a.b", [("jpg", b"")], "cannot be a sample's key"),
        ("a/b", [("jpg", b"")], "cannot be a sample's key"),
        ("", [("jpg", b"")], "cannot be a sample's key"),
        ("é", [("jpg", b"")], "cannot be a sample's key"),
        ("a\n", [("jpg", b"")], "cannot be a sample's key"),
        ("a1", [("jpg", b"")], "comes twice"),
        ("b", [], "no members"),
        ("b", [("jpg", b""), ("jpg", b"")], "the suffix 'jpg' comes twice"),
        ("b", [(".jpg", b"")], "cannot be a suffix"),
        ("b", [("j pg", b"")], "cannot be a suffix"),
        ("b" * 97, [("jpg", b"")], "has 101 bytes"),
    ],
)
def test_a_sample_that_cannot_be_written_leaves_the_shard_as_it_was(
    key: str, added: list[tuple[str, bytes]], message: str
) -> None:
    file = io.BytesIO()
    shard = ShardWriter(file)
    shard.add(*SAMPLES[0])
    before = file.getvalue()
    with pytest.raises(PipelineError, match=message):
        shard.add(key, added)
    assert file.getvalue() == before
    assert shard.samples == 1


def test_a_name_may_have_100_bytes() -> None:
    data, _ = build([("b" * 96, [("jpg", b"")])])
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert archive.getnames() == ["b" * 96 + ".jpg"]


def test_nothing_is_added_to_a_closed_shard_and_closing_twice_is_once() -> None:
    file = io.BytesIO()
    shard = ShardWriter(file)
    shard.close()
    shard.close()
    assert len(file.getvalue()) == 10_240
    with pytest.raises(PipelineError, match="the shard is closed"):
        shard.add("a", [("jpg", b"")])


def test_a_full_disk_is_a_storage_error() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no device that is always full on this machine")
    with full.open("wb") as file, pytest.raises(StorageError, match=os.strerror(errno.ENOSPC)):
        ShardWriter(file).add("a", [("jpg", bytes(1 << 20))])


def resealed(block: bytes, at: int, new: bytes) -> bytes:
    """Change a header and correct its checksum, as a forger would."""
    block = block[:at] + new + block[at + len(new) :]
    total = sum(block) - sum(block[148:156]) + 8 * 32
    return block[:148] + b"%06o\0 " % total + block[156:]


def forged(at: int, new: bytes) -> Callable[[bytes], bytes]:
    return lambda data: resealed(data[:512], at, new) + data[512:]


def renamed(name: bytes) -> Callable[[bytes], bytes]:
    return forged(0, name.ljust(100, b"\0"))


def end_of(data: bytes) -> int:
    return -(-len(data.rstrip(b"\0")) // 512) * 512


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (forged(156, b"1"), "'a1.jpg' is a hard link"),
        (forged(156, b"2"), "'a1.jpg' is a symbolic link"),
        (forged(156, b"3"), "a character device"),
        (forged(156, b"5"), "a folder"),
        (forged(156, b"x"), "a pax header"),
        (forged(156, b"L"), "a GNU long name"),
        (forged(156, b"7"), "of type b'7'"),
        (renamed(b"/etc/passwd.jpg"), "leads out of the folder"),
        (renamed(b"../a.jpg"), "leads out of the folder"),
        (renamed(b"a/../../a.jpg"), "leads out of the folder"),
        (renamed(b"a\\b.jpg"), "not of letters, digits"),
        (renamed(b"a\nb.jpg"), "not of letters, digits"),
        (renamed(b"./a1.txt"), "not of letters, digits"),
        (renamed(b""), "not of letters, digits"),
        (renamed(b"\xc3\xa9.jpg"), "not ASCII text"),
        (renamed(b"a.jpg\0b"), "not ASCII text"),
        (renamed(b"a1.txt"), "the name 'a1.txt' comes twice"),
        (forged(345, b".."), "leads out of the folder"),
        (forged(257, b"USTAR"), "not a ustar header"),
        (forged(124, b"0000000000-\0"), "size is not an octal number"),
        (forged(124, b"0o000000001\0"), "size is not an octal number"),
        (forged(124, b"\x80" + bytes(11)), "size is not an octal number"),
        (forged(124, b"77777777777\0"), "truncated inside 'a1.jpg'"),
        (lambda data: b"b" + data[1:], "the header's checksum is"),
        (lambda data: data[:148] + b"zzzzzz\0 " + data[156:], "checksum is not an octal number"),
        (lambda data: data[:512], "truncated inside 'a1.jpg'"),
        (lambda data: data[:1000], "truncated inside 'a1.jpg'"),
        (lambda data: data[:100], "truncated: its end marker is missing"),
        (lambda data: b"", "truncated: its end marker is missing"),
        (lambda data: data[: end_of(data)], "truncated: its end marker is missing"),
        (lambda data: data[: end_of(data) + 512], "end marker is not two zero blocks"),
        (lambda data: data[: end_of(data) + 1024 + 7], "end marker is not two zero blocks"),
        (lambda data: data + data, "data follows the end"),
        (lambda data: data[:-1] + b"x", "data follows the end"),
        (lambda data: data[: 512 + 1400] + b"x" + data[512 + 1401 :], "the padding of 'a1.jpg' is not zero"),
    ],
)
def test_walk_refuses_what_a_shard_may_not_hold(tmp_path: Path, fault: Callable[[bytes], bytes], message: str) -> None:
    good, _ = build(SAMPLES)
    path = save(tmp_path, fault(good))
    with pytest.raises(VerifyError) as caught:
        list(walk(path))
    assert message in caught.value.what
    assert str(path) in caught.value.where and "byte" in caught.value.where
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_walk_reads_what_other_programs_write(tmp_path: Path) -> None:
    path = tmp_path / "other.tar"
    longest = f"{'d' * 80}/{'e' * 60}.jpg"  # more than 100 bytes: ustar splits it, GNU would need a long-name header
    for form, third in ((tarfile.USTAR_FORMAT, longest), (tarfile.GNU_FORMAT, longest[:99])):
        with tarfile.open(path, "w", format=form) as archive:
            for name in ("a/1.jpg", "a/1.txt", third):
                info = tarfile.TarInfo(name)
                info.size = 3
                archive.addfile(info, io.BytesIO(b"abc"))
        with tarfile.open(path) as archive:
            expected = [(item.name, item.offset, item.offset_data, item.size) for item in archive]
        assert [(each.name, each.header_offset, each.data_offset, each.size) for each in walk(path)] == expected


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a.jpg", "b.jpg", "a.txt"], "do not lie together"),
        (["a"], "no member of a sample"),
        (["d/.x"], "no member"),
    ],
)
def test_members_of_a_sample_must_lie_together_and_have_suffixes(
    tmp_path: Path, names: list[str], message: str
) -> None:
    path = tmp_path / "other.tar"
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name))
    with pytest.raises(VerifyError, match=message):
        list(sample_locations(path))


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    with pytest.raises(VerifyError, match=r"cannot be read[\s\S]*none\.tar"):
        list(walk(tmp_path / "none.tar"))
