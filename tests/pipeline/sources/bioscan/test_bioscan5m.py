"""BIOSCAN-5M: paths by the chunk rule, names at the lowest rank that has one."""

from __future__ import annotations

import csv
import gzip
import io
import random
import zipfile
from pathlib import Path

import pytest

from pipeline.model.errors import SourceError
from pipeline.model.ids import record_id
from pipeline.sources.bioscan.bioscan5m import chunk_of, image_path
from tests.pipeline.sources.conftest import Reader

HEADER = (
    *("processid", "sampleid", "taxon", "phylum", "class", "order", "family", "subfamily", "genus", "species"),
    *("dna_bin", "dna_barcode", "country", "province_state", "coord-lat", "coord-lon", "image_measurement_value"),
    *("area_fraction", "scale_factor", "inferred_ranks", "split", "index_bioscan_1M_insect", "chunk"),
)
LINEAGE = {"phylum": "Arthropoda", "class": "Insecta", "order": "Diptera"}


def specimen(processid: str, split: str = "train", **cells: str) -> dict[str, str]:
    chunk = chunk_of(processid, split)
    return {"processid": processid, "split": split, "chunk": chunk, **LINEAGE, **cells}


def table(rows: list[dict[str, str]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows([[row.get(name, "") for name in HEADER] for row in rows])
    return out.getvalue().encode()


def test_all_published_paths_follow_from_processid_and_split(data: Path) -> None:
    with (data / "bioscan/known_image_checksums.csv").open() as handle:
        paths = [row["image_path"] for row in csv.DictReader(handle)]
    assert len(paths) == 17
    for path in paths:
        parts = path.removesuffix(".jpg").split("/")
        assert image_path(parts[-1], parts[0]) == path


def test_specimens_become_records(tmp_path: Path, read_release: Reader) -> None:
    rows = [
        specimen(
            "AACTA1040-20", "pretrain", genus="Megaselia", species="Megaselia sp. BOLD:ACX1234", family="Phoridae"
        ),
        specimen("B-1", "val", subfamily="Phorinae", dna_bin="BOLD:AAA0001", dna_barcode="ACGT", country="Costa Rica"),
        specimen(
            "C-1", "train", species="not_classified", genus="not_classified", **{"coord-lat": "9.5", "coord-lon": "-84"}
        ),
    ]
    path = tmp_path / "BIOSCAN_5M_Insect_Dataset_metadata.csv"
    path.write_bytes(table(rows))
    read = read_release("bioscan5m", path)
    first, second, third = (read.one(key) for key in ("AACTA1040-20", "B-1", "C-1"))
    assert first["media_path"] == "pretrain/00/AACTA1040-20.jpg"
    assert (first["scientific_name"], first["rank_verbatim"]) == ("Megaselia sp. BOLD:ACX1234", "species")
    assert (first["kingdom"], first["phylum"], first["genus"]) == ("Animalia", "Arthropoda", "Megaselia")
    assert (first["media_url"], first["media_key"]) == ("", "bioscan:AACTA1040-20")
    assert first["record_id"] == record_id("s", "AACTA1040-20", "AACTA1040-20")
    assert (first["license_id"], first["license_source"]) == ("CC-BY-3.0", "default")
    assert (second["media_path"], second["split_hint"]) == ("val/B-1.jpg", "val")
    assert (second["scientific_name"], second["rank_verbatim"]) == ("Phorinae", "subfamily")
    assert (second["taxon_id"], second["dna_bin"], second["dna_barcode"]) == ("bold:AAA0001", "BOLD:AAA0001", "ACGT")
    assert (second["country_code"], second["country_verbatim"]) == ("CR", "Costa Rica")
    assert (third["scientific_name"], third["rank_verbatim"]) == ("Diptera", "order")
    assert (third["lat"], third["lon"], third["taxon_id"]) == (9.5, -84.0, None)
    assert [r["issues"] for r in (first, second, third)] == [[], [], []]


def test_odd_rows_are_named(tmp_path: Path, read_release: Reader) -> None:
    rows = [
        specimen("A-1", "pretrain") | {"chunk": "0"},
        specimen("A-2", ""),
        specimen("../../etc/passwd", "train"),
        specimen("", "train"),
        specimen("A-3", "../x"),
        specimen("A-4", "test", phylum="", **{"class": "", "order": ""}),
    ]
    (tmp_path / "m.csv").write_bytes(table(rows))
    read = read_release("bioscan5m", tmp_path / "m.csv", license="CC0-1.0")
    assert read.outcomes() == {"id_missing": 2}
    assert read.one("A-1")["issues"] == ["CHUNK_MISMATCH"]
    assert (read.one("A-2")["issues"], read.one("A-2")["media_path"]) == (["SPLIT_MISSING"], "A-2.jpg")
    assert (read.one("A-3")["issues"], read.one("A-3")["media_path"]) == (["SPLIT_MISSING"], "A-3.jpg")
    assert (read.one("A-4")["issues"], read.one("A-4")["scientific_name"]) == (["NAME_EMPTY"], None)
    assert {r["license_family"] for r in read.records} == {"CC0"}


def test_plain_gzipped_zipped_and_shuffled_tables_are_the_same(tmp_path: Path, read_release: Reader) -> None:
    rows = [specimen(f"P{n}-24", "pretrain", species=f"Species {n % 7}", dna_barcode="ACGT" * 30) for n in range(200)]
    plain = table(rows)
    random.Random(1).shuffle(rows)
    (tmp_path / "metadata.csv").write_bytes(plain)
    (tmp_path / "metadata.csv.gz").write_bytes(gzip.compress(table(rows)))
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bioscan5m/metadata/csv/metadata.csv", plain)
        archive.writestr("__MACOSX/._metadata.csv", b"junk")
        archive.writestr("readme.csv", b"not this one")
    reads = [
        read_release("bioscan5m", tmp_path / name, target_bytes=target, release="r")
        for name, target in (("metadata.csv", 1 << 20), ("metadata.csv.gz", 2000), ("x.zip", 3000))
    ]
    assert len(reads[1].plan.splits) > 10
    assert reads[0].content() == reads[1].content() == reads[2].content()
    assert reads[2].records[0]["locator_file"] == "x.zip!bioscan5m/metadata/csv/metadata.csv"


def test_a_release_without_metadata_is_refused(tmp_path: Path, read_release: Reader) -> None:
    with pytest.raises(SourceError, match="does not exist"):
        read_release("bioscan5m", tmp_path / "absent.csv")
    with pytest.raises(SourceError, match="no metadata"):
        read_release("bioscan5m", tmp_path)
    (tmp_path / "a.csv").write_text("id,split\n1,train\n")
    with pytest.raises(SourceError, match="no column processid"):
        read_release("bioscan5m", tmp_path)
    (tmp_path / "b.csv").write_text("processid,split\n1,train\n")
    with pytest.raises(SourceError, match="2 tables"):
        read_release("bioscan5m", tmp_path)
