"""Hash lists: what is written comes back, the same rows give the same bytes, and bad lists are refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from dedup import HASH_LIST_SCHEMA, HASH_SPEC, HeldOut, LikenessError, dihedral, hash_image
from dedup import hashlist as module
from dedup.hashlist import read_hash_list, write_hash_list

FORMATS = pytest.mark.parametrize("suffix", [".parquet", ".csv"])
hex64 = st.text("0123456789abcdef", min_size=64, max_size=64).filter(lambda text: text != "0" * 64)
names = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=12)


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Any]:
    row: dict[str, Any] = {"benchmark": draw(names), "item": draw(names), "sha256": draw(st.none() | hex64)}
    if draw(st.booleans()):
        row |= {
            "pdq": " ".join(draw(st.sampled_from([1, 8]).flatmap(lambda k: st.lists(hex64, min_size=k, max_size=k))))
        }
        row |= {"quality": draw(st.none() | st.integers(0, 100)), "spec": HASH_SPEC, "pixel_sha256": draw(hex64)}
        row |= {"phash": draw(st.none() | hex64.map(lambda text: text[:16]))}
    else:
        row |= {"outcome": draw(names)}
    row |= {"media_key": draw(st.none() | names), "record_key": draw(st.none() | names)}
    return row


def table_of(*some: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(some), schema=HASH_LIST_SCHEMA)


@FORMATS
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some=st.lists(rows(), min_size=1, max_size=6), random=st.randoms(use_true_random=False))
def test_a_list_comes_back_as_written_whatever_the_order_of_its_rows(
    tmp_path: Path, suffix: str, some: list[dict[str, Any]], random: Any
) -> None:
    path = tmp_path / f"list{suffix}"
    write_hash_list(path, table_of(*some))
    written, back = path.read_bytes(), read_hash_list(path)
    assert back.schema.equals(HASH_LIST_SCHEMA)
    key = repr
    assert sorted(map(key, back.to_pylist())) == sorted(map(key, table_of(*some).to_pylist()))
    random.shuffle(some)
    write_hash_list(path, table_of(*some))
    assert path.read_bytes() == written
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@FORMATS
def test_images_go_through_a_list_into_the_search(tmp_path: Path, suffix: str) -> None:
    image = Image.radial_gradient("L").crop((0, 0, 200, 140))
    hashes = hash_image(image)
    row = {
        "benchmark": "demo",
        "item": "a/1.jpg",
        "pixel_sha256": hashes.pixel_sha256,
        "pdq": " ".join(variant.tobytes().hex() for variant in dihedral(image)),
        "quality": hashes.quality,
        "phash": f"{hashes.phash:016x}",
        "spec": HASH_SPEC,
    }
    broken = {"benchmark": "demo", "item": "a/2.jpg", "sha256": "ab" * 32, "outcome": "truncated"}
    path = tmp_path / f"demo{suffix}"
    write_hash_list(path, table_of(broken, row))
    held_out = HeldOut.from_table(read_hash_list(path))
    assert held_out.item == ("a/1.jpg", "a/2.jpg")
    assert (held_out.pdq == dihedral(image)).all()
    assert held_out.variant.tolist() == list(range(8))
    assert held_out.not_covered().tolist() == [1]
    assert held_out.outcome == (None, "truncated")
    assert held_out.sha256 == (None, "ab" * 32)
    assert held_out.quality.tolist() == [hashes.quality, -1]


def test_a_list_with_few_columns_is_read_and_its_hex_lowered(tmp_path: Path) -> None:
    path = tmp_path / "birds.csv"
    path.write_text(f"sha256,note\n {'AB' * 32} ,x\n{'cd' * 32},y\n", encoding="utf-8")
    back = read_hash_list(path).to_pylist()
    assert [(row["benchmark"], row["item"], row["sha256"]) for row in back] == [
        ("birds", "row 1", "ab" * 32),
        ("birds", "row 2", "cd" * 32),
    ]


PDQ = "1f" * 32
BAD_ROWS: dict[str, tuple[dict[str, Any], str]] = {
    "another spec": ({"pdq": PDQ, "spec": "pdq-meta"}, "another spec"),
    "no spec": ({"pdq": PDQ}, "another spec"),
    "pixels of no spec": ({"pixel_sha256": PDQ}, "another spec"),
    "short hash": ({"pdq": PDQ[:-1], "spec": HASH_SPEC}, "'pdq' is malformed"),
    "seven variants": ({"pdq": " ".join([PDQ] * 7), "spec": HASH_SPEC}, "'pdq' is malformed"),
    "not hex": ({"sha256": "g" * 64}, "'sha256' is malformed"),
    "long phash": ({"phash": PDQ}, "'phash' is malformed"),
    "zero hash": ({"pdq": "0" * 64, "spec": HASH_SPEC}, "all zero"),
    "zero hash of quality": ({"pdq": "0" * 64, "quality": 60, "spec": HASH_SPEC}, "all zero"),
    "quality": ({"pdq": PDQ, "quality": 101, "spec": HASH_SPEC}, "quality is impossible"),
    "hash and outcome": ({"pdq": PDQ, "spec": HASH_SPEC, "outcome": "corrupt"}, "has hashes"),
    "nothing": ({"item": "a"}, "guards nothing"),
}


@FORMATS
@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_is_refused_with_file_row_and_remedy(tmp_path: Path, suffix: str, name: str) -> None:
    row, message = BAD_ROWS[name]
    good = {"item": "good", "sha256": "ab" * 32}
    path = tmp_path / f"list{suffix}"
    if suffix == ".csv":
        pa.csv.write_csv(table_of(good, row), path)
    else:
        pq.write_table(table_of(good, row), path)
    with pytest.raises(LikenessError, match=message) as caught:
        read_hash_list(path)
    assert f"{path}, row 2" in caught.value.where
    assert caught.value.remedy
    with pytest.raises(LikenessError, match=message):
        write_hash_list(tmp_path / f"other{suffix}", table_of(good, row))
    assert not (tmp_path / f"other{suffix}").exists()


def test_a_flat_image_may_have_the_zero_hash_if_its_quality_says_so(tmp_path: Path) -> None:
    flat = Image.new("L", (20, 20), 90)
    hashes = hash_image(flat)
    path = tmp_path / "flat.csv"
    write_hash_list(path, table_of({"pdq": hashes.pdq.hex(), "quality": hashes.quality, "spec": HASH_SPEC}))
    assert read_hash_list(path).num_rows == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("missing.csv", None),
        ("missing.parquet", None),
        ("list.txt", b"sha256\n"),
        ("list", b"sha256\n"),
        ("empty.csv", b""),
        ("header.csv", b"sha256,item\n"),
        ("foreign.csv", b"a,b\n1,2\n"),
        ("twice.csv", b"sha256,sha256\n1,2\n"),
        ("ragged.csv", b"sha256,item\n1\n1,2,3\n"),
        ("latin.csv", b"item,sha256\n\xff\xfe,\n"),
        ("quality.csv", b"media_key,quality\na,good\n"),
        ("wide.csv", b"media_key,quality\na,99999\n"),
        ("broken.parquet", b"PAR1 and no more"),
        ("empty.parquet", b""),
    ],
)
def test_what_is_no_hash_list_is_refused_and_named(tmp_path: Path, name: str, content: bytes | None) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LikenessError) as caught:
        read_hash_list(path)
    assert name in caught.value.where
    assert caught.value.remedy


def test_binary_hash_columns_are_refused_with_their_name(tmp_path: Path) -> None:
    path = tmp_path / "list.parquet"
    pq.write_table(pa.table({"sha256": pa.array([b"\xff" * 32])}), path)
    with pytest.raises(LikenessError, match="sha256"):
        read_hash_list(path)


@FORMATS
def test_lists_beyond_the_caps_are_refused_before_they_are_unpacked(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"list{suffix}"
    write_hash_list(path, table_of(*({"media_key": "k"} for _ in range(50))))
    monkeypatch.setattr(module, "MAX_ROWS", 49)
    with pytest.raises(LikenessError, match="50 rows"):
        read_hash_list(path)
    monkeypatch.setattr(module, "MAX_BYTES", 20)
    with pytest.raises(LikenessError, match="bytes"):
        read_hash_list(path)


def test_a_list_of_just_the_largest_size_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "list.csv"
    write_hash_list(path, table_of(*({"media_key": "k"} for _ in range(5))))
    size = path.stat().st_size
    monkeypatch.setattr(module, "MAX_BYTES", size)
    assert read_hash_list(path).num_rows == 5
    monkeypatch.setattr(module, "MAX_BYTES", size - 1)
    with pytest.raises(LikenessError, match=f"{size} bytes"):
        read_hash_list(path)


def test_columns_that_are_foreign_or_stand_twice_are_named(tmp_path: Path) -> None:
    foreign, twice = tmp_path / "foreign.parquet", tmp_path / "twice.parquet"
    pq.write_table(pa.table({"a": ["1"], "b": ["2"]}), foreign)
    pq.write_table(pa.Table.from_arrays([pa.array(["ab" * 32])] * 2, ["sha256", "sha256"]), twice)
    for path, columns in ((foreign, "none"), (twice, "sha256, sha256")):
        with pytest.raises(LikenessError, match=f"the columns are {columns}") as caught:
            read_hash_list(path)
        assert caught.value.remedy == "rename the columns"
