"""BioTrove: photos with names and nothing else, read from Parquet that may be hostile."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from manifests.recipe import SourceSpec
from pipeline.model.errors import SourceError
from pipeline.sources import open_source
from pipeline.sources.inat.biotrove import COLUMNS
from tests.pipeline.sources.conftest import Reader

LYNX = {
    "scientificName": "Lynx rufus fasciatus",
    "kingdom": "Animalia",
    "phylum": "Chordata",
    "class": "Mammalia",
    "order": "Carnivora",
    "family": "Felidae",
    "genus": "Lynx",
    "species": "rufus",
    "common_name": "Bobcat",
}


def photo(number: Any, **more: Any) -> dict[str, Any]:
    url = f"http://inaturalist-open-data.s3.amazonaws.com/photos/{number}/medium.JPG"
    return {"photo_id": number, **LYNX, "photo_url": url, **more}


def write(path: Path, rows: list[dict[str, Any]], photo_id: pa.DataType | None = None, **options: Any) -> Path:
    schema = pa.schema([(n, photo_id or pa.int64()) if n == "photo_id" else (n, pa.string()) for n in COLUMNS])
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, **options)
    return path


def test_photos_become_records(tmp_path: Path, read_release: Reader) -> None:
    rows = [photo(7), photo(8, species="Lynx rufus", genus=None), photo(9, scientificName=None, species=None)]
    read = read_release("biotrove", write(tmp_path / "chunk_0.parquet", rows))
    first, second, third = (read.one(key) for key in "789")
    assert (first["scientific_name"], first["species"], first["genus"]) == (
        "Lynx rufus fasciatus",
        "Lynx rufus",
        "Lynx",
    )
    assert first["media_url"] == "http://inaturalist-open-data.s3.amazonaws.com/photos/7/medium.JPG"
    assert (first["media_key"], first["media_format"], first["media_type"]) == ("inat:7", "image/jpeg", "StillImage")
    assert (first["license_id"], first["license_verbatim"], first["vernacular_name"]) == (None, None, "Bobcat")
    assert (first["locator_row"], first["locator_offset"]) == (1, -1)
    assert (second["species"], third["species"], third["issues"]) == ("Lynx rufus", None, ["NAME_EMPTY"])


def test_the_recipe_may_state_the_licence(tmp_path: Path, read_release: Reader) -> None:
    path = write(tmp_path / "a.parquet", [photo(7)])
    (row,) = read_release("biotrove", path, license="CC-BY-NC").records
    assert (row["license_id"], row["license_source"]) == ("CC-BY-NC-4.0", "default")


def test_real_rows_are_all_there(data: Path, read_release: Reader) -> None:
    path = data / "inat/biotrove_chunk_0_1000_1.parquet"
    rows = pq.read_table(path).to_pylist()
    read = read_release("biotrove", path, target_bytes=40_000)
    assert len(read.plan.splits) > 3
    assert (len(read.records), read.ended) == (len(rows), []) and len(rows) == 874
    assert Counter((r["source_media_id"], r["scientific_name"], r["media_url"]) for r in read.records) == Counter(
        (str(r["photo_id"]), r["scientificName"], r["photo_url"]) for r in rows
    )
    for record, row in zip(read.records, rows, strict=True):
        assert record["species"] == f"{row['genus']} {row['species']}"
        assert record["media_key"] == f"inat:{row['photo_id']}"


def test_every_row_has_one_end(tmp_path: Path, read_release: Reader) -> None:
    rows = [photo("7"), photo("07"), photo(None), photo("x"), photo("8", photo_url=" "), photo("9\x1f")]
    rows += [photo("10", common_name="a" * 70_000), photo("11", genus="\x00")]
    read = read_release("biotrove", write(tmp_path / "a.parquet", rows, pa.string()))
    assert read.outcomes() == {"id_missing": 3, "no_url": 1, "malformed_row": 3}
    assert all(len(r["raw"]) <= 2048 for r in read.ended if r["raw"])


def test_keys_stored_as_floats_and_text_that_is_none(tmp_path: Path, read_release: Reader) -> None:
    read = read_release("biotrove", write(tmp_path / "a.parquet", [photo(7.0), photo(None)], pa.float64()))
    assert [r["source_media_id"] for r in read.records] == ["7"]
    table = pq.read_table(write(tmp_path / "b.parquet", [photo(7), photo(8)]))
    broken = pa.Array.from_buffers(pa.string(), 2, pa.array([b"Lynx", b"L\xff"], pa.binary()).buffers())
    pq.write_table(table.set_column(table.column_names.index("genus"), "genus", broken), tmp_path / "b.parquet")
    read = read_release("biotrove", tmp_path / "b.parquet")
    assert [r["genus"] for r in read.records] == ["Lynx"] and read.outcomes() == {"malformed_row": 1}


def test_order_row_groups_and_files_make_no_difference(tmp_path: Path, read_release: Reader) -> None:
    rows = [photo(n) for n in range(1, 90)]
    one = read_release("biotrove", write(tmp_path / "one.parquet", rows), release="r")
    random.Random(4).shuffle(rows)
    (tmp_path / "many").mkdir()
    write(tmp_path / "many/a.parquet", rows[:50], row_group_size=7)
    write(tmp_path / "many/b.parquet", rows[50:], pa.float64(), row_group_size=20)
    two = read_release("biotrove", tmp_path / "many", release="r", target_bytes=1024)
    assert len(two.plan.splits) > 20
    assert one.content() == two.content()


def test_what_is_no_release_is_refused(tmp_path: Path, read_release: Reader) -> None:
    with pytest.raises(SourceError, match="no Parquet file"):
        read_release("biotrove", tmp_path)
    pq.write_table(pa.table({"photo_id": [1]}), tmp_path / "a.parquet")
    with pytest.raises(SourceError, match="no column scientificName"):
        read_release("biotrove", tmp_path)
    pq.write_table(pa.table({name: [[1]] for name in COLUMNS}), tmp_path / "a.parquet")
    with pytest.raises(SourceError, match="neither text nor numbers"):
        read_release("biotrove", tmp_path)


@pytest.mark.parametrize("path", ["folder", "folder/a.parquet"])
def test_a_table_of_other_columns_is_refused_before_it_is_cut(tmp_path: Path, path: str) -> None:
    (tmp_path / "folder").mkdir()
    pq.write_table(pa.table({"photo_id": [1]}), tmp_path / "folder/a.parquet")
    with pytest.raises(SourceError, match="no column scientificName"):
        open_source("biotrove").inspect(SourceSpec(name="s", kind="biotrove", path=str(tmp_path / path)))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    damage=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6),
    kept=st.floats(0.5, 1),
)
def test_damaged_files_balance_or_are_refused(
    damage: list[tuple[float, int]], kept: float, tmp_path_factory: pytest.TempPathFactory, read_release: Reader
) -> None:
    path = write(tmp_path_factory.mktemp("damaged") / "a.parquet", [photo(n) for n in range(1, 20)])
    content = bytearray(path.read_bytes())
    for place, byte in damage:
        content[int(place * len(content))] = byte
    path.write_bytes(bytes(content)[: int(kept * len(content))])
    try:
        read_release("biotrove", path)  # checks every balance
    except SourceError as error:
        assert "a.parquet" in error.where
