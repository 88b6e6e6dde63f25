"""What the shards and the catalog hold, and that `verify` finds what is wrong with them."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image

from pipeline.catalog import open_catalog
from pipeline.catalog.row_life import explain
from pipeline.model.records import RANK_COLUMNS
from pipeline.run.driver import run
from pipeline.storage.files.atomic import write_table
from pipeline.verify import verify
from tests.conftest import Demo


@pytest.fixture
def copy(demo: Demo, tmp_path: Path) -> Path:
    return Path(shutil.copytree(demo.out, tmp_path / "copy"))


def samples(out: Path) -> dict[str, dict[str, bytes]]:
    found: dict[str, dict[str, bytes]] = {}
    for shard in sorted((out / "shards").glob("*.tar")):
        with tarfile.open(shard) as tar:
            for member in tar:
                key, _, suffix = member.name.partition(".")
                handle = tar.extractfile(member)
                assert handle is not None
                found.setdefault(key, {})[suffix] = handle.read()
    return found


def test_every_sample_holds_image_caption_labels_and_rights(demo: Demo) -> None:
    found = samples(demo.out)
    assert len(found) > 250
    for key, members in found.items():
        assert list(members) == ["jpg", "txt", "json"]
        told = json.loads(members["json"])
        with Image.open(io.BytesIO(members["jpg"])) as image:
            assert (image.format, image.mode) == ("JPEG", "RGB")
            assert image.size == (told["image"]["width"], told["image"]["height"])
            assert not image.getexif()
            assert min(image.size) <= demo.recipe.image.side
        assert told["key"] == told["record_id"] == key
        assert told["captions"]["taxon_com"] == members["txt"].decode()
        assert set(told["captions"]) == {"sci", "com", "taxon", "sci_com", "taxon_com"}
        assert all("None" not in text and "  " not in text for text in told["captions"].values())
        assert told["license_family"] in demo.recipe.licences.allow
        assert told["taxon"]["genus"]
        assert told["taxon"]["match_type"] and told["taxon"]["taxonomy_build"]
        if told["taxon"]["species"]:
            assert told["taxon"]["species"].startswith(told["taxon"]["genus"])


def test_a_synonym_is_kept_under_its_accepted_name(demo: Demo) -> None:
    with open_catalog(demo.out) as con:
        rows = con.execute(
            "SELECT scientific_name, accepted_name FROM samples JOIN names USING (scientific_name, accepted_name) "
            "WHERE taxonomic_status = 'synonym'"
        ).fetchall()
    assert rows
    assert all(not verbatim.startswith(accepted) for verbatim, accepted in rows)


def test_shards_are_shuffled_across_sources(demo: Demo) -> None:
    with open_catalog(demo.out) as con:
        rows = con.execute("SELECT shard, source, count(*) FROM samples WHERE split = 'train' GROUP BY 1, 2").fetchall()
    shards = {shard for shard, *_ in rows}
    assert len(shards) > 1
    assert Counter(shard for shard, *_ in rows) == dict.fromkeys(shards, 4)


def test_boxes_are_crops_of_the_native_frame(demo: Demo) -> None:
    with open_catalog(demo.out) as con:
        rows = con.execute(
            "SELECT box_w, box_h, source_width, source_height FROM samples JOIN records USING (record_id) "
            "WHERE box_w IS NOT NULL"
        ).fetchall()
    assert len(rows) > 50
    for width, height, crop_width, crop_height in rows:
        assert abs(crop_width - width) <= 2
        assert abs(crop_height - height) <= 2


def test_every_view_and_every_outcome_is_documented(demo: Demo) -> None:
    with open_catalog(demo.out) as con:
        views = con.execute("SELECT view_name, comment FROM duckdb_views() WHERE NOT internal").fetchall()
        bare = con.execute("SELECT outcome FROM outcomes WHERE meaning IS NULL OR meaning = ''").fetchall()
    assert {"samples", "ledger", "funnel", "taxa", "clusters", "leaks"} <= {view for view, _ in views}
    assert [view for view, comment in views if not comment] == []
    assert bare == []


def test_the_catalog_moves_with_its_folder(copy: Path) -> None:
    moved = copy.rename(copy.with_name("elsewhere"))
    with open_catalog(moved) as con:
        assert con.execute("SELECT count(*) FROM samples").fetchall()[0][0] > 250


def test_a_quota_caps_every_taxon_and_the_rest_is_over_quota(demo: Demo, copy: Path) -> None:
    capped = replace(demo.recipe, select=replace(demo.recipe.select, cap_per_taxon=3))
    run(capped, copy)
    with open_catalog(copy) as con:
        assert con.execute("SELECT max(images) FROM taxa").fetchall() == [(3,)]
        over = con.execute("SELECT count(*) FROM ledger WHERE outcome = 'over_quota'").fetchall()[0][0]
        kept = con.execute("SELECT count(*) FROM samples").fetchall()[0][0]
    with open_catalog(demo.out) as con:
        assert con.execute("SELECT count(*) FROM samples").fetchall()[0][0] == over + kept
    assert all(check.ok for check in verify(copy))


def test_the_bioclip_layout_adds_the_members_that_its_loader_reads(demo: Demo, copy: Path) -> None:
    run(replace(demo.recipe, shards=replace(demo.recipe.shards, layout="bioclip")), copy)
    for members in samples(copy).values():
        assert list(members) == [
            "jpg", "txt", "sci.txt", "com.txt", "taxon.txt", "sci_com.txt", "taxon_com.txt", "json"
        ]  # fmt: skip


def test_explain_tells_the_life_of_every_kind_of_row(demo: Demo) -> None:
    with open_catalog(demo.out) as con:
        rows = con.execute("SELECT outcome, min(row_id) FROM ledger GROUP BY 1 ORDER BY 1").fetchall()
    assert len(rows) > 35
    for outcome, row_id in rows:
        lines = list(explain(demo.out, row_id))
        assert any(line.startswith("outcome") and outcome in line for line in lines), outcome
        if outcome != "duplicate_record":
            assert any(line.startswith("file") for line in lines), outcome
        if outcome == "kept":
            assert any(line.startswith("sample") and ".tar" in line for line in lines)


def failing(out: Path) -> dict[str, str]:
    return {check.name: check.detail for check in verify(out) if not check.ok}


def test_verify_finds_a_flipped_byte(copy: Path) -> None:
    shard = sorted((copy / "shards").glob("*.tar"))[0]
    data = bytearray(shard.read_bytes())
    data[600] ^= 1
    shard.write_bytes(bytes(data))
    found = failing(copy)
    assert shard.name in found["checksums"]


def test_verify_finds_a_missing_shard(copy: Path) -> None:
    shard = sorted((copy / "shards").glob("*.tar"))[0]
    shard.unlink()
    found = failing(copy)
    assert set(found) >= {"checksums", "files", "shards = index = sizes", "manifest"}


def test_verify_finds_a_deleted_ledger_row(copy: Path) -> None:
    path = copy / "screen" / "ledger" / "alone.parquet"
    table = pq.read_table(path)
    write_table(path, table.slice(1))
    assert "conservation" in failing(copy)


def test_verify_finds_a_row_with_two_outcomes(copy: Path) -> None:
    path = copy / "fetch" / "ledger" / "part.parquet"
    rows = pq.read_table(path).to_pylist()
    rows[0]["row_id"] = rows[1]["row_id"]
    write_table(path, type(pq.read_table(path)).from_pylist(rows, pq.read_schema(path)))
    assert "one outcome per row" in failing(copy)


def test_verify_finds_a_leaked_image(demo: Demo, copy: Path) -> None:
    path = sorted((copy / "holdout" / "items").glob("*-0*.parquet"))[0]
    rows = pq.read_table(path).to_pylist()
    with open_catalog(demo.out) as con:
        pdq, key = con.execute("SELECT pdq, key FROM samples WHERE quality > 90 ORDER BY key LIMIT 1").fetchall()[0]
    assert key
    rows[0]["pdq"] = pdq.lower()
    write_table(path, type(pq.read_table(path)).from_pylist(rows, pq.read_schema(path)))
    assert "1 kept image of" in failing(copy)["leakage"]


def test_verify_finds_a_sample_moved_across_splits(copy: Path) -> None:
    path = copy / "shards" / "manifest.parquet"
    rows = pq.read_table(path).to_pylist()
    groups = Counter(row["group_id"] for row in rows)
    moved = next(row for row in rows if groups[row["group_id"]] > 1)
    moved["split"] = "val" if moved["split"] == "train" else "train"
    write_table(path, type(pq.read_table(path)).from_pylist(rows, pq.read_schema(path)))
    assert set(failing(copy)) >= {"splits", "checksums", "manifest"}


def test_lineages_reach_from_kingdom_to_genus(demo: Demo) -> None:
    with open_catalog(demo.out) as con:
        for rank in RANK_COLUMNS[:-1]:
            missing = con.execute(f'SELECT count(*) FROM taxa WHERE "{rank}" IS NULL').fetchall()[0][0]
            assert missing == 0, rank
