"""A manifest is taken in once on a machine; whatever becomes of the cache, the batches stay those of the manifest."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.feed import Feed, Rules, View
from pipeline.feed.by_taxon import by_taxon, read_by_taxon, write_by_taxon
from pipeline.feed.permutation import Permutation
from pipeline.model.errors import FeedError, RunError
from pipeline.storage.stores import RemoteStore
from tests.conftest import Demo
from tests.s3_server import s3_server

ROOT = Path(__file__).parents[3]
SMALL = View(size=16)
KINDS: list[dict[str, Any]] = [
    {},
    {"sampler": "cap", "cap": 3},
    {"sampler": "sqrt"},
    {"mode": "stream", "chunk": 5, "open_shards": 2, "sampler": "cap", "cap": 9},
]
OPENER = """
import json, os, sys
from pathlib import Path
from pipeline.feed import Feed, Rules, View
feed = Feed(sys.argv[1], Rules(16, sampler="cap", cap=3), View(size=16))
cache = Path(os.environ["BIOMILL_CACHE"]) / "feed"
places = {path.name: path.stat().st_ino for path in sorted(cache.iterdir()) if path.is_dir()}
print(json.dumps([feed.digest, feed.batch(3).digest(), places]))
"""


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BIOMILL_CACHE", str(tmp_path / "own"))
    return tmp_path / "own" / "feed"


@pytest.fixture
def copy(dataset: Path, tmp_path: Path) -> Path:
    """A copy of the dataset that a test may change."""
    return Path(shutil.copytree(dataset, tmp_path / "shards"))


def feed(folder: Path | str, **rules: Any) -> Feed:
    return Feed(folder, Rules(**{"batch": 16, **rules}), SMALL)


def said(source: Feed) -> list[str]:
    return [source.digest, *(batch.digest() for batch in source.steps(0, 3)), source.batch(40, 1, 2).digest()]


def folders(cache: Path) -> dict[str, int]:
    return {path.name: path.stat().st_ino for path in cache.iterdir() if path.is_dir()}


def changed(folder: Path, change: Callable[[list[dict[str, Any]]], object]) -> None:
    """Write another manifest over the one of a folder."""
    table = pq.read_table(folder / "manifest.parquet")
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, table.schema), folder / "manifest.parquet", compression="none")


def test_ranks_that_start_together_take_the_manifest_in_once(copy: Path, own_cache: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    ranks = [
        subprocess.Popen([sys.executable, "-c", OPENER, str(copy)], stdout=subprocess.PIPE, text=True, env=env)
        for _ in range(6)
    ]
    found = [rank.communicate()[0] for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0] * 6 and len(set(found)) == 1
    digest, batch, places = json.loads(found[0])
    assert places == folders(own_cache) and len(places) == 2  # the arrays, and the rows by taxon
    here = feed(copy, sampler="cap", cap=3)
    assert (here.digest, here.batch(3).digest()) == (digest, batch) and folders(own_cache) == places


@pytest.mark.parametrize("rules", KINDS, ids=["uniform", "cap", "sqrt", "stream capped"])
def test_batches_are_the_same_with_and_without_a_cache(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_cache: Path, rules: dict[str, Any]
) -> None:
    made, mapped = said(feed(dataset, **rules)), said(feed(dataset, **rules))
    (tmp_path / "file").touch()
    monkeypatch.setenv("BIOMILL_CACHE", str(tmp_path / "file"))
    alone = feed(dataset, **rules)
    assert made == mapped == said(alone)
    assert said(pickle.loads(pickle.dumps(alone))) == made


def test_a_cache_that_was_cut_or_changed_is_noticed(copy: Path, own_cache: Path) -> None:
    rules = KINDS[1]
    whole = said(feed(copy, **rules))
    files = sorted(path for path in own_cache.glob("*/*") if path.is_file())
    assert len(files) > 10
    for path in files:
        cut = path.read_bytes()
        path.write_bytes(cut[: len(cut) // 2])
        assert said(feed(copy, **rules)) == whole, path
    for path in files:
        before = path.read_bytes()
        time.sleep(0.01)
        path.write_bytes(bytes(len(before)))
        assert said(feed(copy, **rules)) == whole, path


def test_what_is_mapped_stays_when_the_cache_is_removed(copy: Path, own_cache: Path) -> None:
    source = feed(copy)
    whole, pickled = said(source), pickle.dumps(source)
    shutil.rmtree(own_cache.parent)
    assert said(source) == whole
    assert said(pickle.loads(pickled)) == whole


@pytest.mark.parametrize("waited", [0.0, 2.2], ids=["at once", "later"])
def test_a_manifest_that_changes_in_its_place_is_taken_in_again(copy: Path, own_cache: Path, waited: float) -> None:
    def rename(old: str, new: str) -> None:
        changed(copy, lambda rows: [row.update(accepted_id=new) for row in rows if row["accepted_id"] == old])

    rename("t0", "t7")
    time.sleep(waited)
    first, again = feed(copy), feed(copy)
    before = (copy / "manifest.parquet").stat()
    rename("t7", "t9")
    os.utime(copy / "manifest.parquet", ns=(before.st_atime_ns, before.st_mtime_ns))  # as tools do that copy
    assert (copy / "manifest.parquet").stat().st_size == before.st_size
    second = feed(copy)
    assert first.digest == again.digest != second.digest
    assert "t9" in list(second.manifest.taxa) and "t9" not in list(first.manifest.taxa)


def test_a_pickle_holds_names_alone(copy: Path, own_cache: Path) -> None:
    few = pickle.dumps(feed(copy))
    changed(copy, lambda rows: rows.extend({**row, "jpg_offset": row["jpg_offset"] + 10**9} for row in rows * 9))
    many = pickle.dumps(feed(copy))
    assert len(few) == len(many) < 1000


def test_a_pickle_of_other_shards_is_refused(copy: Path, own_cache: Path) -> None:
    pickled = pickle.dumps(feed(copy))
    changed(copy, lambda rows: rows.pop())
    assert pickle.loads(pickled).batch(0).keys  # what was selected is still in the cache
    shutil.rmtree(own_cache)
    with pytest.raises(FeedError, match="changed since this feed was opened"):
        pickle.loads(pickled)


def test_a_far_manifest_is_taken_in_as_a_near_one(copy: Path, own_cache: Path, tmp_path: Path) -> None:
    address = f"memory://opening-{tmp_path.name}"
    for path in copy.iterdir():
        RemoteStore(address).put(path.name, path)
    for rules in KINDS:
        near, far = feed(copy, **rules), feed(address, **rules)
        assert said(near) == said(far) == said(pickle.loads(pickle.dumps(far)))
    where = "genus = 'Lynx'"
    assert said(feed(copy, where=where)) == said(feed(address, where=where))
    changed(copy, lambda rows: rows[0].update(accepted_id="t9"))
    RemoteStore(address).put("manifest.parquet", copy / "manifest.parquet")
    assert feed(address).digest == feed(copy).digest != far.digest


def test_a_far_manifest_of_a_known_state_is_not_read_again(
    copy: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with s3_server() as bucket:
        for path in copy.iterdir():
            RemoteStore(f"{bucket}/shards").put(path.name, path)
        copied: list[str] = []
        get = RemoteStore.get

        def noted(self: RemoteStore, name: str, target: Path) -> None:
            copied.append(name)
            get(self, name, target)

        monkeypatch.setattr(RemoteStore, "get", noted)
        found = [said(feed(f"{bucket}/shards")) for _ in range(3)]
        assert found == [said(feed(copy))] * 3 and copied == ["manifest.parquet"]
        changed(copy, lambda rows: rows[0].update(accepted_id="t9"))
        RemoteStore(f"{bucket}/shards").put("manifest.parquet", copy / "manifest.parquet")
        assert feed(f"{bucket}/shards").digest == feed(copy).digest != found[0][0]
        assert copied == ["manifest.parquet"] * 2


def test_an_unfinished_run_answers_no_condition_from_the_cache(demo: Demo, tmp_path: Path, own_cache: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(demo.out, out)
    source = feed(out, batch=8, where="class = 'Insecta'", split="")
    assert feed(out, batch=8, where="class = 'Insecta'", split="").digest == source.digest
    (out / "resolve" / "_done.json").unlink()
    with pytest.raises(RunError):
        feed(out, batch=8, where="class = 'Insecta'", split="")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_rows_come_in_the_order_of_their_places_however_they_were_written(
    dataset: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    table = pq.read_table(dataset / "manifest.parquet")
    order = np.array(data.draw(st.permutations(range(table.num_rows))))
    kept = order[: data.draw(st.integers(1, table.num_rows))]
    copy = tmp_path_factory.mktemp("orders")
    group = data.draw(st.integers(1, 200))
    pq.write_table(table.take(pa.array(kept)), copy / "manifest.parquet", row_group_size=group)
    rows = sorted(table.take(pa.array(kept)).to_pylist(), key=lambda row: (row["shard"], row["jpg_offset"]))
    split = data.draw(st.sampled_from(["", "train"]))
    rows = [row for row in rows if split in ("", row["split"])]
    if not rows:
        return
    found = feed(copy, batch=1, split=split).manifest
    assert found.keys.to_pylist() == [row["key"] for row in rows]
    assert [found.span(row).start for row in range(len(rows))] == [row["jpg_offset"] for row in rows]
    assert [found.span(row).name for row in range(len(rows))] == [row["shard"] for row in rows]
    assert [found.taxa[taxon] for taxon in found.taxon] == [row["accepted_id"] for row in rows]
    assert list(found.taxa) == sorted({row["accepted_id"] for row in rows})
    names = found.names.to_pylist()
    assert [names[name]["genus"] for name in found.name.tolist()] == [row["genus"] for row in rows]
    assert found.edges.tolist() == [sum(row["shard"] < name for row in rows) for name in found.shards] + [len(rows)]


def test_a_manifest_of_more_rows_than_are_read_at_a_time(tmp_path: Path, own_cache: Path) -> None:
    rows = (1 << 20) + 70_001
    row, taxon = np.arange(rows), np.arange(rows) * 7919 % 40
    words = {name: pa.array(["a"]).take(pa.array(np.zeros(rows, np.int64))) for name in ("split", "genus", "species")}
    others = dict.fromkeys(("kingdom", "phylum", "class", "order", "family", "vernacular_name"), words["genus"])
    shard = pa.array([f"many-{number:06d}.tar" for number in range(12)]).take(pa.array(row // 100_000))
    table = {"shard": shard, "jpg_offset": row % 100_000 * 900 + 512, "jpg_length": row % 300 + 1}
    keys = pa.array(row).cast(pa.string())
    taxa = pa.array([f"t{number:02d}" for number in range(40)]).take(pa.array(taxon))
    columns = {"key": keys, **table, "accepted_id": taxa, **words, **others}
    pq.write_table(pa.table(columns), tmp_path / "manifest.parquet")
    source = feed(tmp_path, split="a", sampler="cap", cap=1)
    found = source.manifest
    assert found.keys.equals(keys.cast(pa.large_string()))
    assert np.array_equal(found.taxon, taxon) and np.array_equal(found.length, row % 300 + 1)
    assert np.array_equal(found.shard, row // 100_000) and not found.name.any()
    for key in (None, 5):
        order = row if key is None else Permutation(rows, key)(row)
        wanted = order[np.argsort(taxon[order], kind="stable")]
        (tmp_path / str(key)).mkdir()
        facts = write_by_taxon(found.taxon, 40, key, tmp_path / str(key))
        assert np.array_equal(read_by_taxon(tmp_path / str(key), facts).rows, wanted)
        assert np.array_equal(by_taxon(taxon, key).rows, wanted)


def test_images_are_filled_into_the_array_that_is_given(dataset: Path) -> None:
    source = feed(dataset)
    images = np.zeros((8, 16, 16, 3), np.uint8)
    batch = source.batch(5, 1, 2, images)
    assert batch.images is images and batch.digest() == source.batch(5, 1, 2).digest()
    wrong: Any
    for wrong in (images[1:], images.astype(np.int16)):
        with pytest.raises(FeedError, match=r"expect: uint8 of shape \(8, 16, 16, 3\)"):
            source.batch(5, 1, 2, wrong)


def test_no_lineage_is_kept_twice_whatever_stands_for_none(copy: Path, own_cache: Path) -> None:
    def unname(rows: list[dict[str, Any]]) -> None:
        for at, row in enumerate(rows):
            row.update(family="" if at % 2 else None, accepted_id=None)

    changed(copy, unname)
    found = feed(copy, split="").manifest
    assert list(found.taxa) == [""] and found.names.num_rows == 5
    assert found.names.column("family").null_count == 5
