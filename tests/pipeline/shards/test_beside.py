"""What lies beside the shards agrees with them, and says so when it does not."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.errors import StorageError, VerifyError
from pipeline.shards import (
    CHECKSUMS,
    ShardWriter,
    checksum_text,
    dali_index,
    index_path,
    order_key,
    read_checksums,
    read_sizes,
    shard_count,
    shard_of,
    sizes_json,
    verify_checksums,
    verify_index,
    write_checksums,
)


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    path = tmp_path / "demo-000000.tar"
    with path.open("wb") as file:
        writer = ShardWriter(file)
        places = [
            writer.add(f"k{number}", [("jpg", b"x" * number * 300), ("sci.txt", b"a photo of Procyon.")])
            for number in range(5)
        ]
        writer.close()
    index_path(path).write_text(dali_index(places), encoding="utf-8")
    return path


def test_the_index_states_what_tarfile_finds(shard: Path) -> None:
    first, *rows = index_path(shard).read_text().splitlines()
    assert first == "v1.2 5"
    with tarfile.open(shard) as archive:
        found = [
            f"{item.name.split('.', 1)[1]} {item.offset_data} {item.size} {item.name}" for item in archive.getmembers()
        ]
    assert rows == [f"{jpg} {txt}" for jpg, txt in zip(found[::2], found[1::2], strict=True)]
    assert verify_index(shard) == 5


@pytest.mark.parametrize(
    ("old", "new", "line"), [("v1.2 5", "v1.2 6", 1), ("jpg 512", "jpg 513", 2), ("k4.sci.txt\n", "k4.sci.txt\nx\n", 7)]
)
def test_an_index_that_differs_is_refused_with_its_line(shard: Path, old: str, new: str, line: int) -> None:
    path = index_path(shard)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(VerifyError) as caught:
        verify_index(shard)
    assert caught.value.where == f"{path}, line {line}"


def test_a_missing_index_is_refused(shard: Path) -> None:
    index_path(shard).unlink()
    with pytest.raises(VerifyError, match=r"cannot be read"):
        verify_index(shard)


def test_sizes_are_sorted_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "sizes.json"
    path.write_text(sizes_json({"b.tar": 2, "a.tar": 3}))
    assert list(json.loads(path.read_text())) == ["a.tar", "b.tar"]
    assert read_sizes(path) == {"a.tar": 3, "b.tar": 2}


@pytest.mark.parametrize("text", ["", "[", "[1]", '{"a.tar": -1}', '{"a.tar": true}', '{"a.tar": "3"}', "[" * 100_000])
def test_sizes_that_are_no_counts_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "sizes.json"
    path.write_text(text)
    with pytest.raises(VerifyError):
        read_sizes(path)


def test_checksums_are_those_of_sha256sum(shard: Path) -> None:
    path = write_checksums(shard.parent, [shard.name, "demo-000000.idx"])
    assert [line.split("  ")[1] for line in path.read_text().splitlines()] == ["demo-000000.idx", "demo-000000.tar"]
    assert verify_checksums(shard.parent, [shard.name]) == 2
    assert sorted(entry.name for entry in shard.parent.iterdir()) == [CHECKSUMS, "demo-000000.idx", "demo-000000.tar"]
    if shutil.which("sha256sum"):
        subprocess.run(
            ["sha256sum", "--strict", "--check", CHECKSUMS], cwd=shard.parent, check=True, capture_output=True
        )


def test_a_changed_a_missing_and_an_unlisted_file_are_told_apart(shard: Path) -> None:
    folder = shard.parent
    write_checksums(folder, [shard.name])
    with pytest.raises(VerifyError, match=r"'demo-000000.idx' has no checksum"):
        verify_checksums(folder, ["demo-000000.idx"])
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1
    shard.write_bytes(data)
    with pytest.raises(VerifyError, match=r"'demo-000000.tar' has changed"):
        verify_checksums(folder)
    shard.unlink()
    with pytest.raises(VerifyError, match=r"cannot be read"):
        verify_checksums(folder)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("zz  a.tar", "no checksum"),
        ("0" * 64 + "  /etc/passwd", "may lead out"),
        ("0" * 64 + "  a/../../b", "may lead out"),
        ("0" * 64 + "  ../b", "may lead out"),
        ("0" * 64 + "  a.tar\n" + "1" * 64 + "  a.tar", "comes twice"),
    ],
)
def test_a_checksum_file_that_cannot_be_trusted_is_refused(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / CHECKSUMS
    path.write_text(line + "\n")
    with pytest.raises(VerifyError, match=message):
        read_checksums(path)


def test_names_that_sha256sum_would_escape_are_not_written() -> None:
    for name in ("a\nb", "a\\b", "/a", "../a", ""):
        with pytest.raises(ValueError, match="cannot be a name"):
            checksum_text({name: "0" * 64})


def test_checksums_that_cannot_be_written_are_a_storage_error(shard: Path) -> None:
    (shard.parent / (CHECKSUMS + ".partial")).mkdir()
    with pytest.raises(StorageError, match="cannot be written"):
        write_checksums(shard.parent, [shard.name])


def test_shards_are_balanced_for_uuid_and_for_counting_keys() -> None:
    for keys in ([str(number) for number in range(20_000)], [f"gbif-{number:012d}" for number in range(20_000)]):
        sizes = Counter(shard_of(7, key, 20) for key in keys)
        assert sorted(sizes) == list(range(20))
        # Six standard deviations of a fair throw of 20,000 balls into 20 boxes: 1,000 +- 185.
        assert max(abs(size - 1_000) for size in sizes.values()) < 185


def test_order_within_a_shard_says_nothing_about_the_shard() -> None:
    first = [order_key(0, str(number))[0] for number in range(4_000) if shard_of(0, str(number), 2) == 0]
    odd = sum(value % 2 for value in first)
    assert abs(odd - len(first) / 2) < 6 * (len(first) / 4) ** 0.5


@given(st.integers(-(2**63), 2**63 - 1), st.text(st.characters(exclude_categories=["Cs"])), st.integers(1, 10_000))
def test_place_depends_on_seed_and_key_alone(seed: int, key: str, shards: int) -> None:
    assert 0 <= shard_of(seed, key, shards) < shards
    assert shard_of(seed, key, shards) == shard_of(seed, key, shards)
    assert order_key(seed, key) == order_key(seed, key)


def test_other_seeds_give_other_orders() -> None:
    keys = [str(number) for number in range(100)]
    assert sorted(keys, key=lambda key: order_key(0, key)) != sorted(keys, key=lambda key: order_key(1, key))


def test_a_dataset_has_at_least_one_shard() -> None:
    assert [shard_count(samples, 10_000) for samples in (0, 1, 10_000, 10_001)] == [1, 1, 1, 2]
    with pytest.raises(ValueError, match="at least one shard"):
        shard_of(0, "a", 0)
