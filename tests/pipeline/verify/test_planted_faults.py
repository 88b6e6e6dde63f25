"""Each kind of damage to a finished run has a finding of its own."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.catalog import open_catalog
from pipeline.commands.cli import main
from pipeline.engine.engine import EngineOptions
from pipeline.run.driver import run
from pipeline.stages.catalog import Catalog
from pipeline.storage.files.atomic import read_json, write_json, write_table
from pipeline.storage.run_folder import STAGES
from pipeline.verify import verify
from tests.conftest import Demo

pytestmark = pytest.mark.whole

Member = tuple[str, bytes]


@pytest.fixture
def copy(demo: Demo, tmp_path: Path) -> Path:
    return Path(shutil.copytree(demo.out, tmp_path / "copy"))


def findings(out: Path) -> dict[str, str]:
    """Return what is found; leaks and duplicates are searched for by other tests."""
    return {check.name: check.detail for check in verify(out, {"leakage", "duplicates"}) if not check.ok}


def first_shard(out: Path) -> Path:
    return sorted((out / "shards").glob("*.tar"))[0]


def rewrite(shard: Path, change: Callable[[list[Member]], list[Member]]) -> None:
    with tarfile.open(shard) as tar:
        members = [(member.name, tar.extractfile(member).read()) for member in tar]  # type: ignore[union-attr]
    with tarfile.open(shard, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in change(members):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def edit_rows(path: Path, change: Callable[[list[dict[str, object]]], None]) -> None:
    schema = pq.read_schema(path)
    rows = pq.read_table(path).to_pylist()
    change(rows)
    write_table(path, pa.Table.from_pylist(rows, schema))


def flip_a_byte(out: Path) -> None:
    shard = first_shard(out)
    data = bytearray(shard.read_bytes())
    data[700] ^= 1
    shard.write_bytes(bytes(data))


def remove_a_member(out: Path) -> None:
    def change(members: list[Member]) -> list[Member]:
        return [member for member in members if member != next(m for m in members if m[0].endswith(".txt"))]

    rewrite(first_shard(out), change)


def repeat_a_key(out: Path) -> None:
    rewrite(first_shard(out), lambda members: [*members, *members[:3]])


def swap_a_licence(out: Path) -> None:
    def change(members: list[Member]) -> list[Member]:
        at = next(i for i, (name, _) in enumerate(members) if name.endswith(".json"))
        sample = json.loads(members[at][1])
        sample["license_id"] = "CC0-1.0" if sample["license_id"] != "CC0-1.0" else "CC-BY-4.0"
        members[at] = (members[at][0], json.dumps(sample).encode())
        return members

    rewrite(first_shard(out), change)


def move_across_splits(out: Path) -> None:
    def change(rows: list[dict[str, object]]) -> None:
        groups = Counter(row["group_id"] for row in rows)
        moved = next(row for row in rows if groups[row["group_id"]] > 1)
        moved["split"] = "val" if moved["split"] == "train" else "train"

    edit_rows(out / "shards" / "manifest.parquet", change)


def delete_a_ledger_row(out: Path) -> None:
    edit_rows(out / "fetch" / "ledger" / "part.parquet", lambda rows: rows.__delitem__(0))


FAULTS = {
    "images": flip_a_byte,
    "members": remove_a_member,
    "keys": repeat_a_key,
    "licences": swap_a_licence,
    "splits": move_across_splits,
    "conservation": delete_a_ledger_row,
}
"""The finding that names each fault; none of the five others appears with it."""


@pytest.mark.parametrize("finding", FAULTS)
def test_a_planted_fault_is_found_and_named(finding: str, copy: Path) -> None:
    FAULTS[finding](copy)
    found = findings(copy)
    assert set(found) & set(FAULTS) == {finding}, found


def test_an_image_that_was_damaged_before_it_came_into_the_shards_is_found(copy: Path) -> None:
    manifest = pq.read_table(copy / "shards" / "manifest.parquet").to_pylist()[0]
    media = pq.read_table(copy / "fetch" / "media").to_pylist()
    [stored] = (row for row in media if row["image_id"] == manifest["image_id"])
    places = [
        (copy / "fetch" / "blobs" / f"{stored['unit']}.bin", stored["offset"]),
        (copy / "shards" / manifest["shard"], manifest["jpg_offset"]),
    ]
    for path, start in places:
        data = bytearray(path.read_bytes())
        data[start : start + 100] = bytes(100)
        path.write_bytes(bytes(data))
    found = findings(copy)["images"]
    assert "not what was encoded" in found and manifest["key"] in found and "what fetch stored" not in found


def test_the_command_names_what_it_finds_and_ends_with_1(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flip_a_byte(copy)
    assert main(["verify", str(copy)]) == 1
    assert "FAIL  images: " in capsys.readouterr().out


def test_an_undisturbed_run_has_no_finding(demo: Demo) -> None:
    assert findings(demo.out) == {}


def test_what_a_user_adds_to_the_catalog_is_named_and_no_finding(copy: Path) -> None:
    assert main(["sql", str(copy), "--write", "CREATE VIEW mine AS SELECT key FROM samples"]) == 0
    said = {check.name: check for check in verify(copy, {"leakage", "duplicates"})}
    assert said["catalog"].ok and "view main.mine" in said["catalog"].detail
    assert main(["sql", str(copy), "--write", "CREATE MACRO concat_ws(a, b, c, d, e) AS 'nobody'"]) == 0
    assert "concat_ws" in findings(copy)["catalog"]


def test_without_fetchs_blobs_images_are_compared_with_the_manifest(copy: Path) -> None:
    shutil.rmtree(copy / "fetch" / "blobs")
    found = {check.name: check for check in verify(copy, {"leakage", "duplicates"})}
    assert [name for name, check in found.items() if not check.ok] == []
    assert "blobs are gone" in found["images"].detail
    flip_a_byte(copy)
    assert "SHA-256" in findings(copy)["images"]


def test_a_run_of_an_earlier_version_is_noted_by_the_same_command(copy: Path, demo: Demo) -> None:
    for stage in STAGES:
        (copy / stage / "_files.sha256").unlink()
        done = read_json(copy / stage / "_done.json")
        del done["files"]
        write_json(copy / stage / "_done.json", done)
    assert "ingest/_done.json notes no digest" in findings(copy)["stages"]
    run(demo.recipe, copy, options=EngineOptions())
    assert findings(copy) == {}


def test_a_run_whose_catalog_an_older_version_built_is_told_how_to_renew_it(
    copy: Path, demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Catalog, "version", Catalog.version + 1)
    found = findings(copy)
    assert sorted(found) == ["catalog", "stages"]
    assert "run the same `biomill run` command again" in found["catalog"]
    with open_catalog(copy) as con:
        assert con.execute("SELECT count(*) FROM ledger").fetchone() == (489,)
    run(demo.recipe, copy, options=EngineOptions())
    assert findings(copy) == {}


def test_a_licence_that_its_source_does_not_state_is_found(copy: Path) -> None:
    def change(rows: list[dict[str, object]]) -> None:
        for row in rows:
            if row["license_id"] == "CC-BY-NC-4.0":
                row["license_id"], row["license_family"] = "CC0-1.0", "CC0"

    for path in sorted((copy / "ingest" / "records").glob("*.parquet")):
        edit_rows(path, change)
    assert "licences" in findings(copy)


def test_a_changed_caption_is_found(copy: Path) -> None:
    def change(members: list[Member]) -> list[Member]:
        return [(name, b"a photo of Homo sapiens." if name.endswith(".txt") else data) for name, data in members]

    rewrite(first_shard(copy), change)
    assert "captions are not those of the labels" in findings(copy)["captions"]


def test_a_shard_cut_short_and_a_changed_card_are_found(copy: Path) -> None:
    shard = first_shard(copy)
    shard.write_bytes(shard.read_bytes()[:5000])
    (copy / "README.md").write_text("We kept everything.")
    found = findings(copy)
    assert "truncated" in found["archives"]
    assert "README.md" in found["cards"]


def test_a_record_file_of_another_shape_is_found(copy: Path) -> None:
    path = sorted((copy / "ingest" / "records").glob("*.parquet"))[0]
    write_table(path, pq.read_table(path).drop_columns(["sex"]))
    assert "schema" in findings(copy)
