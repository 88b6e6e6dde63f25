"""BIOSCAN-1M: 28 columns, images in numbered parts, and no specimen counted twice beside BIOSCAN-5M."""

from __future__ import annotations

import gzip
import random
import re
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from manifests.recipe import Recipe, SourceSpec
from pipeline.media import open_store
from pipeline.model.errors import SourceError
from pipeline.model.name_keys import name_ids
from pipeline.model.records import RECORD_SCHEMA
from pipeline.sources.bioscan.bioscan1m import METADATA_COLUMNS, SPLIT_COLUMNS
from pipeline.stages.screen import collapse, judge_of
from pipeline.storage import database as sql
from taxonomy import RESOLVED_SCHEMA
from tests.pipeline.sources.bioscan.test_bioscan5m import specimen
from tests.pipeline.sources.bioscan.test_bioscan5m import table as table_of_5m
from tests.pipeline.sources.conftest import Reader

STATED = "CreativeCommons - Attribution Non-Commercial Share-Alike"


def insect(processid: str, **cells: str) -> dict[str, str]:
    given = dict.fromkeys(METADATA_COLUMNS, "not_classified")
    named = {"phylum": "Arthropoda", "class": "Insecta", "order": "Diptera", "name": "Diptera"}
    file = {"processid": processid, "image_file": f"{processid}.jpg", "chunk_number": "7"}
    return {**given, **named, **file, "copyright_license": STATED, **cells}


def table(rows: list[dict[str, str]]) -> bytes:
    lines = ["\t".join(METADATA_COLUMNS), *("\t".join(row[name] for name in METADATA_COLUMNS) for row in rows)]
    return ("\n".join(lines) + "\n").encode()


def test_specimens_become_records(tmp_path: Path, read_release: Reader) -> None:
    assert len(METADATA_COLUMNS) == 28
    rows = [
        insect(
            "A-1",
            family="Phoridae",
            genus="Megaselia",
            species="Megaselia sp. 1",
            uri="BOLD:AAA0001",
            nucraw="ACGT",
            photographer="A. Person",
            copyright_institution="Centre for Biodiversity Genomics",
            copyright_contact="a.person@example.org",
            **{SPLIT_COLUMNS[0]: "train", SPLIT_COLUMNS[3]: "test", SPLIT_COLUMNS[4]: "no_split"},
        ),
        insect("B-1", chunk_number="113.0", tribe="Phorini", copyright_license="not_classified"),
        insect("C-1", chunk_number="", order="not_classified", phylum="", **{"class": "not_classified"}),
        insect("", image_file="x.jpg"),
        insect("../x"),
        insect("D-1", image_file="not_classified/../../x"),
        insect("E-1", image_file=""),
    ]
    path = tmp_path / "BIOSCAN_Insect_Dataset_metadata.tsv"
    path.write_bytes(table(rows) + b"F-1\tshort\n")
    read = read_release("bioscan1m", path)
    assert read.outcomes() == {"id_missing": 2, "no_media": 2, "malformed_row": 1}
    first, second, third = (read.one(key) for key in ("A-1", "B-1", "C-1"))
    assert (first["media_path"], first["media_key"], first["media_url"]) == ("part7/A-1.jpg", "bioscan:A-1", "")
    assert (first["scientific_name"], first["rank_verbatim"]) == ("Megaselia sp. 1", "species")
    assert (first["taxon_id"], first["dna_bin"], first["dna_barcode"]) == ("bold:AAA0001", "BOLD:AAA0001", "ACGT")
    assert first["split_hint"] == "large_diptera_family=train;large_insect_order=test"
    assert (first["license_family"], first["license_source"], first["creator"]) == ("CC-BY-NC-SA", "media", "A. Person")
    assert (first["may_share"], first["may_change"], first["may_sell"]) == (True, True, False)
    assert (second["media_path"], second["rank_verbatim"]) == ("part113/B-1.jpg", "tribe")
    assert (second["license_id"], second["license_source"]) == ("CC-BY-NC-SA-4.0", "default")
    assert (third["media_path"], third["scientific_name"]) == ("C-1.jpg", None)
    assert third["issues"] == ["CHUNK_MISSING", "NAME_EMPTY"]
    assert "example" not in str(read.records)


def test_images_are_found_in_the_published_packages(data: Path, tmp_path: Path, read_release: Reader) -> None:
    listed = (data / "bioscan/bioscan_1M_file_ID_mapping.txt").read_text()
    part = re.search(r"bioscan_images_original_full_part7\.zip", listed)
    assert part
    assert len(set(re.findall(r"bioscan_images_original_full_part(\d+)\.zip", listed))) == 113
    parts = tmp_path / "parts"
    parts.mkdir()
    for number in (6, 7):
        with zipfile.ZipFile(parts / part[0].replace("7", str(number)), "w") as archive:
            archive.writestr(f"bioscan/images/original_full/part{number}/A-1.jpg", f"picture {number}")
    (tmp_path / "metadata.tsv").write_bytes(table([insect("A-1")]))
    (row,) = read_release("bioscan1m", tmp_path / "metadata.tsv").records
    with open_store(parts) as store:
        assert store.read(row["media_path"], 100).data == b"picture 7"


def test_packed_cut_and_shuffled_tables_are_the_same(tmp_path: Path, read_release: Reader) -> None:
    rows = [insect(f"P{n}-24", species=f"Species {n % 7}") for n in range(200)]
    (tmp_path / "metadata.tsv").write_bytes(table(rows))
    random.Random(1).shuffle(rows)
    (tmp_path / "metadata.tsv.gz").write_bytes(gzip.compress(table(rows)))
    one = read_release("bioscan1m", tmp_path / "metadata.tsv", release="r")
    two = read_release("bioscan1m", tmp_path / "metadata.tsv.gz", release="r", target_bytes=3000)
    assert len(two.plan.splits) > 10
    assert one.content() == two.content()


def test_a_specimen_of_both_releases_counts_once(tmp_path: Path, read_release: Reader) -> None:
    """The 5M release is the more open one, so its record speaks; the 1M store is where else the image may be had."""
    species = {"genus": "Musca", "species": "Musca domestica"}
    (tmp_path / "metadata.tsv").write_bytes(table([insect("A-1", **species), insect("B-1", **species)]))
    five = [specimen("A-1", index_bioscan_1M_insect="17", **species), specimen("C-1", **species)]
    (tmp_path / "metadata.csv").write_bytes(table_of_5m(five))
    rows = []
    for source, kind, file in (("one", "bioscan1m", "metadata.tsv"), ("five", "bioscan5m", "metadata.csv")):
        for row in read_release(kind, tmp_path / file).records:
            made = {"source": source, "record_id": f"{source}/{row['source_record_id']}"}
            rows.append({**row, **made, "nth": 1, "outcome": None, "evidence": None, "held_by": None, "pixels": None})
    assert [row["record_id"] for row in rows if "IN_BIOSCAN_1M" in row["issues"]] == ["five/A-1"]
    specs = tuple(SourceSpec(name=name, kind="bioscan1m", path="x", media="store") for name in ("one", "five"))
    recipe = Recipe("r", sources=specs)
    records = pa.Table.from_pylist(rows, RECORD_SCHEMA)
    keys = name_ids(records).to_pylist()
    passed, ended = judge_of(recipe)(
        pa.Table.from_pylist([{**r, "name_id": k} for r, k in zip(rows, keys, strict=True)])
    )
    assert ended.num_rows == 0
    names = [
        {"name_id": key, "accepted_id": "m", "species_id": "m", "genus_id": "g", "match_type": "EXACT"}
        for key in sorted(set(keys))
    ]
    for name, found in (
        ("passed", passed),
        ("records", records.set_column(records.column_names.index("name_id"), "name_id", pa.array(keys))),
        ("names", pa.Table.from_pylist(names, RESOLVED_SCHEMA)),
    ):
        (tmp_path / name).mkdir()
        pq.write_table(found, tmp_path / name / "part.parquet")
    with sql.connect(256, tmp_path) as con:
        collapse(con, recipe, sql.parquet(tmp_path / "records"), sql.parquet(tmp_path / "names"), tmp_path)
    kept = {row["record_id"]: row for row in pq.read_table(tmp_path / "candidates").to_pylist()}
    assert set(kept) == {"five/A-1", "five/C-1", "one/B-1"}
    assert [(at["store"], at["address"]) for at in kept["five/A-1"]["alternates"]] == [("one", "part7/A-1.jpg")]
    (gone,) = pq.read_table(tmp_path / "ledger").to_pylist()
    assert (gone["row_id"], gone["outcome"], gone["other_id"]) == ("one/A-1", "same_medium", "five/A-1")


def test_a_table_of_another_kind_is_refused(tmp_path: Path, read_release: Reader) -> None:
    with pytest.raises(SourceError, match="no metadata"):
        read_release("bioscan1m", tmp_path)
    (tmp_path / "a.tsv").write_text("processid\tsplit\n1\ttrain\n")
    with pytest.raises(SourceError, match="no column image_file"):
        read_release("bioscan1m", tmp_path)
    (tmp_path / "b.tsv").write_text("x\n")
    with pytest.raises(SourceError, match="2 tables"):
        read_release("bioscan1m", tmp_path)
