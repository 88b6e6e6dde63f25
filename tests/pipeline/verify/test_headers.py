"""Every field of a tar header is looked at, and every byte between members; what is odd is named."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.shards import ShardWriter
from pipeline.shards.tar import header
from pipeline.verify.headers import FIXED, parse_header
from pipeline.verify.tar import TarPass


def sealed(block: bytes) -> bytes:
    """Make a header's checksum fit."""
    blank = block[:148] + b" " * 8 + block[156:]
    return block[:148] + b"%06o\0 " % sum(blank) + block[156:]


def shard(path: Path, samples: int = 2) -> Path:
    with path.open("wb") as file:
        writer = ShardWriter(file)
        for number in range(samples):
            writer.add(f"a{number}", [("jpg", b"x" * (700 + number)), ("txt", b"a photo of a cat.")])
        writer.close()
    return path


@given(st.sampled_from(sorted(FIXED)), st.data())
def test_any_change_of_any_fixed_field_is_named_or_refused(name: str, data: st.DataObject) -> None:
    start, fixed = FIXED[name]
    other = data.draw(st.binary(min_size=len(fixed), max_size=len(fixed)).filter(lambda value: value != fixed))
    block = header("a1.jpg", 9)
    changed = sealed(block[:start] + other + block[start + len(fixed) :])
    try:
        assert any(odd.startswith(name) for odd in parse_header(changed).odd)
    except ValueError as error:
        assert name == "typeflag" and "typeflag" in str(error)


@given(st.integers(0, 511), st.integers(1, 255))
def test_no_byte_of_a_header_changes_unseen(at: int, by: int) -> None:
    block = bytearray(header("a1.jpg", 9))
    block[at] ^= by
    try:
        found = parse_header(bytes(block))
    except ValueError:
        return
    assert found.odd or (found.key, found.suffix, found.size) != ("a1", "jpg", 9)


def test_a_header_of_pythons_own_tar_is_one_of_ours() -> None:
    info = tarfile.TarInfo("a1.sci.txt")
    info.size = 12
    assert parse_header(info.tobuf(tarfile.USTAR_FORMAT)) == ("a1", "sci.txt", 12, ())


def test_a_pass_gives_what_python_reads_and_the_files_digest(tmp_path: Path) -> None:
    path = shard(tmp_path / "a.tar")
    found = TarPass(path)
    read = {f"{sample.key}.{name}": data for sample in found for name, data in sample.data.items()}
    with tarfile.open(path) as tar:
        assert read == {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    assert (found.digest, found.size) == (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size)
    assert not found.fault and not found.end


@given(st.data())
def test_no_byte_of_a_shard_is_cut_off_unseen(data: st.DataObject) -> None:
    buffer = io.BytesIO()
    writer = ShardWriter(buffer)
    writer.add("a1", [("jpg", b"x" * 700)])
    writer.close()
    whole = buffer.getvalue()
    length = data.draw(st.integers(0, len(whole) - 1))

    class Cut(TarPass):
        """A pass over bytes in memory."""

        def read(self) -> None:
            list(self._samples(io.BytesIO(whole[:length])))

    cut = Cut(Path("memory"))
    cut.read()
    assert cut.fault or cut.end


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data + bytes(10_240), "end marker"),
        (lambda data: data[:-512] + b"x" + bytes(511), "data after the end"),
        (lambda data: data[:1212] + b"x" + data[1213:], "padding"),
    ],
    ids=["more zeros", "data behind", "padding"],
)
def test_what_lies_between_and_behind_is_seen(tmp_path: Path, change: object, said: str) -> None:
    path = shard(tmp_path / "a.tar")
    path.write_bytes(change(path.read_bytes()))  # type: ignore[operator]
    found = TarPass(path)
    odd = [word for sample in found for word in sample.odd]
    assert any(said in word for word in (*odd, *found.end))
