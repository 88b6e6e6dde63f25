"""LILA's tables: names capitalised, one address chosen, and what is no animal out and counted."""

from __future__ import annotations

import csv
import gzip
import io
import random
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.model.errors import SourceError
from pipeline.model.ids import record_id
from tests.pipeline.sources.conftest import Reader

HEADER = (
    *("dataset_name", "url_gcp", "url_aws", "url_azure", "image_id", "sequence_id", "location_id", "frame_num"),
    *("original_label", "scientific_name", "common_name", "datetime", "annotation_level", "kingdom", "phylum"),
    *("subphylum", "class", "order", "family", "genus", "species", "subspecies"),
)
TAMIAS = {
    "original_label": "eastern chipmunk",
    "scientific_name": "tamias striatus",
    "common_name": "eastern chipmunk",
    "kingdom": "animalia",
    "phylum": "chordata",
    "class": "mammalia",
    "order": "rodentia",
    "family": "sciuridae",
    "genus": "tamias",
    "species": "tamias striatus",
}


def image(number: int, **cells: str) -> dict[str, str]:
    place = {"url_gcp": f"https://storage.googleapis.com/public-datasets-lila/x/a b/{number}.JPG"}
    keys = {"dataset_name": "ENA24", "image_id": f"ENA24 : {number}", "sequence_id": f"ENA24 : s{number // 3}"}
    return {**keys, **place, "annotation_level": "image", **TAMIAS, **cells}


def table(rows: list[dict[str, str]], header: tuple[str, ...] = HEADER) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([[row.get(name, "") for name in header] for row in rows])
    return out.getvalue().encode()


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_bytes(table(rows))
    return path


def test_images_become_records(tmp_path: Path, read_release: Reader) -> None:
    rows = [
        image(1),
        image(2, url_gcp="", url_aws=" ", url_azure="https://az/2.jpg", sequence_id="ENA24 : unknown"),
        image(3, scientific_name="", species="", genus="", annotation_level="sequence"),
        image(4, species="striatus", annotation_level="unknown"),
    ]
    read = read_release("lila", write(tmp_path / "lila.csv", rows), license="CC0-1.0")
    first, second, third, fourth = read.records
    assert first["media_url"] == "https://storage.googleapis.com/public-datasets-lila/x/a%20b/1.JPG"
    assert (first["source_record_id"], first["source_media_id"]) == ("ENA24 : 1 # eastern chipmunk", "ENA24 : 1")
    assert first["record_id"] == record_id("s", "ENA24 : 1 # eastern chipmunk", "ENA24 : 1")
    assert (first["media_key"], first["occurrence_key"], first["dataset_key"]) == (
        "lila:ENA24 : 1",
        "ENA24 : s0",
        "ENA24",
    )
    assert (first["scientific_name"], first["species"]) == ("Tamias striatus", "Tamias striatus")
    assert first["rank_verbatim"] == "species"
    assert (first["kingdom"], first["class"], first["genus"]) == ("Animalia", "Mammalia", "Tamias")
    assert (first["image_category"], first["license_id"], first["issues"]) == ("camera_trap", "CC0-1.0", [])
    assert (second["media_url"], second["occurrence_key"]) == ("https://az/2.jpg", "ENA24 : 2")
    assert second["issues"] == ["SEQUENCE_UNKNOWN"]
    assert (third["scientific_name"], third["rank_verbatim"]) == ("Sciuridae", "family")
    assert third["issues"] == ["LABEL_OF_SEQUENCE"]
    assert (fourth["species"], fourth["issues"]) == ("Tamias striatus", ["LABEL_LEVEL_UNKNOWN"])


def test_what_is_no_animal_is_out_and_counted(tmp_path: Path, read_release: Reader) -> None:
    none = dict.fromkeys(TAMIAS, "")
    rows = [
        *(image(1), image(2, **{**none, "original_label": "empty"}), image(3, **{**none, "original_label": "Blank"})),
        *(image(4, **{**none, "original_label": "person"}), image(5, **{**TAMIAS, "scientific_name": "homo sapiens"})),
        *(image(6, **{**none, "original_label": "car"}), image(7, image_id=""), image(8, url_gcp="")),
        image(9, **{**none, "original_label": "unknown"}),
    ]
    read = read_release("lila", write(tmp_path / "lila.csv", rows))
    assert read.outcomes() == {"blank": 2, "human": 2, "vehicle": 1, "id_missing": 1, "no_url": 1}
    assert [(r["source_media_id"], r["issues"]) for r in read.records] == [
        ("ENA24 : 1", []),
        ("ENA24 : 9", ["NAME_EMPTY"]),
    ]
    (human, _) = [r for r in read.ended if r["outcome"] == "human"]
    assert human["row_id"] == record_id("s", "ENA24 : 4 # person", "ENA24 : 4")


def test_two_labels_of_one_image_are_two_records_of_one_medium(tmp_path: Path, read_release: Reader) -> None:
    rows = [image(1), image(1, original_label="gray fox", scientific_name="urocyon cinereoargenteus")]
    one, two = read_release("lila", write(tmp_path / "lila.csv", rows)).records
    assert one["record_id"] != two["record_id"] and one["media_key"] == two["media_key"]


@pytest.mark.parametrize("name", ["ENA24", "desert-lion", "island", "ohio-small-animals", "orinoquia"])
def test_real_tables_are_read_whole(name: str, data: Path, read_release: Reader) -> None:
    path = data / f"cameratraps/lila/{name}-balanced.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    read = read_release("lila", path, target_bytes=50_000)
    assert (len(read.records), read.ended) == (len(rows), [])
    assert Counter(r["source_media_id"] for r in read.records) == Counter(r["image_id"] for r in rows)
    for record, row in zip(read.records, rows, strict=True):
        assert record["media_url"] == row["url_gcp"].replace(" ", "%20")
        assert record["class"] == row["cls"].capitalize()
        assert (record["species"] or "") == f"{row['genus']} {row['species']}".capitalize() if row["species"] else True
        lowest = [row[rank] for rank in ("cls", "order", "family", "genus") if row[rank]][-1]
        assert record["scientific_name"] == (row["scientific_name"] or lowest).capitalize()
        assert ("SEQUENCE_UNKNOWN" in record["issues"]) == row["sequence_id"].endswith(" : unknown")
        assert record["dataset_key"] == row["image_id"].split(" : ")[0]


def test_a_folder_of_real_tables_is_one_release(data: Path, read_release: Reader) -> None:
    read = read_release("lila", data / "cameratraps/lila")
    assert len(read.records) == 1120 + 352 + 310 + 468 + 336
    assert not any("mapping" in path for path in read.release.files)
    bursts = Counter(r["occurrence_key"] for r in read.records if r["dataset_key"] == "Orinoquia Camera Traps")
    assert max(bursts.values()) > 1


def test_order_packing_and_ranges_make_no_difference(tmp_path: Path, read_release: Reader) -> None:
    rows = [image(n, original_label="empty" if n % 7 == 0 else "eastern chipmunk") for n in range(60)]
    one = read_release("lila", write(tmp_path / "lila.csv", rows), release="r")
    random.Random(2).shuffle(rows)
    with zipfile.ZipFile(tmp_path / "lila.csv.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("lila.csv", table(rows, tuple(reversed(HEADER))))
    two = read_release("lila", tmp_path / "lila.csv.zip", release="r", target_bytes=1000)
    assert len(two.plan.splits) > 10
    assert one.content() == two.content()


def test_what_is_no_release_is_refused(tmp_path: Path, read_release: Reader) -> None:
    with pytest.raises(SourceError, match="no CSV"):
        read_release("lila", tmp_path)
    (tmp_path / "a.csv").write_text("image_id,original_label\n")
    with pytest.raises(SourceError, match="no table has the columns"):
        read_release("lila", tmp_path)


CELL = st.one_of(st.text(max_size=12), st.sampled_from(["empty", "ENA24 : 1", "human", "sequence", "https://a/b c"]))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(CELL, min_size=8, max_size=22), max_size=8), tail=st.binary(max_size=80))
def test_hostile_tables_balance(
    rows: list[list[str]], tail: bytes, tmp_path_factory: pytest.TempPathFactory, read_release: Reader
) -> None:
    path = tmp_path_factory.mktemp("hostile") / "lila.csv"
    text = "".join(",".join(cells) + "\n" for cells in rows).encode("utf-8", "surrogatepass")
    path.write_bytes(table([image(1)]) + text + tail)
    read = read_release("lila", path)  # checks every balance
    assert read.records[0]["media_key"] == "lila:ENA24 : 1"
    assert all(" " not in row["media_url"] and row["source_media_id"] for row in read.records)
