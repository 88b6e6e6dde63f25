"""Withdrawals and places on the whole pipeline: the demo's run again with both, and what is withdrawn after it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import shutil
import tarfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from manifests import ExportRules, PrivacyRules, Recipe
from pipeline.catalog import create_views, open_catalog
from pipeline.engine.engine import EngineOptions
from pipeline.export import FORMATS, export
from pipeline.export.publish import publish
from pipeline.model.errors import RunError
from pipeline.privacy import generalised
from pipeline.run.driver import all_stages, run
from pipeline.shards import verify_checksums
from pipeline.stages.base import Context, stage_digest
from pipeline.storage.files.atomic import read_json
from pipeline.storage.run_folder import RunFolder
from pipeline.verify import verify
from pipeline.withdrawal import look
from tests.conftest import Demo

Again = tuple[Path, Recipe, Path]


@pytest.fixture(scope="module")
def again(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Again:
    """The demo's run with a list of withdrawals and of threatened taxa: the folder, the recipe and the list."""
    folder = tmp_path_factory.mktemp("again")
    shutil.copytree(demo.out, folder / "out")
    with open_catalog(demo.out) as con:
        creator = con.execute("SELECT creator FROM samples WHERE creator <> '' ORDER BY key LIMIT 1").fetchall()[0][0]
        medium = con.execute(
            "SELECT media_key FROM media_records WHERE outcome = 'kept' ORDER BY record_id LIMIT 1"
        ).fetchall()[0][0]
    withdrawn, threatened = folder / "withdrawn.csv", folder / "threatened.txt"
    withdrawn.write_text(f'media_key,creator,reason\n"{medium}",,owner asked\n,"{creator.upper()}",\ninat:0,,\n')
    threatened.write_text("Felis concolor\nFucus\nSulidae\nMetridium\n")
    recipe = dataclasses.replace(
        demo.recipe,
        withdraw=(str(withdrawn),),
        privacy=PrivacyRules("0.1", str(threatened)),
        export=ExportRules(allow=("CC-BY-NC-ND",)),
    )
    before = Counter(demo.server.hits)
    run(recipe, folder / "out", options=EngineOptions())
    gave = Counter(demo.server.hits) - before
    media = {address for address in gave if not address.endswith("robots.txt")}
    with open_catalog(demo.out) as con:
        had = {
            row[0].partition("://")[2].partition("?")[0]
            for row in con.execute("SELECT address FROM media WHERE outcome IS NULL").fetchall()
        }
    assert not media & had, "nothing that had arrived is asked for again"
    return folder / "out", recipe, withdrawn


def test_what_is_withdrawn_ends_before_it_is_fetched_and_the_run_verifies(again: Again) -> None:
    out, _, withdrawn = again
    with open_catalog(out) as con:
        rows = con.execute(
            "SELECT row_id, stage, evidence FROM ledger WHERE outcome = 'withdrawn' ORDER BY 1"
        ).fetchall()
        asked = con.execute(
            """SELECT count(*) FROM read_parquet('screen/candidates/*.parquet') c
               JOIN ledger l ON l.row_id = c.record_id WHERE l.outcome = 'withdrawn'"""
        ).fetchall()
        counted = dict(con.execute("SELECT value, records FROM withdrawals").fetchall())
    assert rows and {stage for _, stage, _ in rows} == {"screen"} and asked == [(0,)]
    assert {json.loads(evidence)["file"] for _, _, evidence in rows} == {str(withdrawn)}
    assert counted["inat:0"] == 0 and all(n > 0 for value, n in counted.items() if value != "inat:0")
    assert [check for check in verify(out) if not check.ok] == []


def test_no_output_tells_a_protected_place_closer_than_asked(again: Again, tmp_path: Path) -> None:
    """Everything that leaves the run is searched for the exact coordinates as the source publishes them."""
    out = again[0]
    with open_catalog(out) as con:
        protected = {row[0] for row in con.execute("SELECT record_id FROM places").fetchall()}
        views = {
            view: con.execute(f"SELECT record_id, lat, lon FROM {view} WHERE lat IS NOT NULL").fetchall()
            for view in ("records", "samples")
        }
        texts = [
            str(row)
            for (view,) in con.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
            for row in con.execute(f"FROM {view}").fetchall()
        ]
    own = duckdb.execute(f"SELECT record_id, lat, lon FROM '{out}/ingest/records/*.parquet' WHERE lat IS NOT NULL")
    exact = {record: (lat, lon) for record, lat, lon in own.fetchall()}
    hidden = {record: exact[record] for record in sorted(protected & exact.keys())}
    assert len(hidden) > 3 and len(hidden) < len(exact)
    for rows in views.values():
        for record, lat, lon in rows:
            place = exact[record]
            assert (lat, lon) == (tuple(map(generalised, place)) if record in hidden else place), record
    for form in FORMATS:
        export(out, tmp_path / form, form)
    list(publish(out, f"file://{tmp_path}/published"))
    told = 0
    for folder in (out / "shards", tmp_path):
        for path in sorted(folder.rglob("*.tar")):
            with tarfile.open(path) as tar:
                for member in tar:
                    file = tar.extractfile(member)
                    assert file is not None
                    data = file.read()
                    if member.name.endswith(".json"):
                        sample = json.loads(data)
                        key = sample["key"]
                        shown = tuple(float(sample[name]) if sample[name] else None for name in ("lat", "lon"))
                        if key in hidden:
                            lat, lon = hidden[key]
                            assert shown == (generalised(lat), generalised(lon))
                            assert sample["data_generalizations"] == "coordinates rounded to 0.1 degree"
                            told += 1
                        elif key in exact:
                            assert shown == exact[key]
                    elif member.name.endswith(".jpg"):
                        assert b"Exif" not in data[:4096]
    assert told > 3
    # A number may come by chance as part of another; a pair of both does not.
    finer = [place for place in hidden.values() if place != tuple(map(generalised, place))]
    pairs = [tuple(repr(value) for value in place) for place in finer]
    assert len(pairs) > 3
    tables = [*out.glob("shards/**/*.parquet"), *out.glob("*.parquet"), *tmp_path.rglob("*.parquet")]
    for table in tables:
        rows = pq.read_table(table, columns=[n for n in pq.read_schema(table).names if n != "image"]).to_pylist()
        texts += [str(row) for row in rows]
    for path in (*out.glob("*.*"), *tmp_path.rglob("*")):
        if path.suffix in {".html", ".md", ".json", ".csv", ".txt", ".yaml"}:
            texts.append(path.read_text(encoding="utf-8"))
    leaks = [(pair, text[:80]) for text in texts for pair in pairs if pair[0] in text and pair[1] in text]
    assert leaks == []
    assert any(math.copysign(1, lat) < 0 for lat, _ in hidden.values()), "southern places are among them"


def test_views_tell_no_more_than_the_recipe_lets_them(again: Again) -> None:
    out = again[0]
    with duckdb.connect() as con:
        create_views(con, RunFolder(out).root)
        listed = {row[0] for row in con.execute("SELECT record_id FROM places").fetchall()}
        told = "SELECT record_id FROM records WHERE lat IS NOT NULL OR lon IS NOT NULL"
        noted = "SELECT record_id FROM records WHERE data_generalizations = 'coordinates withheld'"
        con.execute("UPDATE privacy SET coordinates = 'none'")
        shown = {row[0] for row in con.execute(told).fetchall()}
        assert shown and not shown & listed and {row[0] for row in con.execute(noted).fetchall()} <= listed
        con.execute("UPDATE privacy SET threatened = ''")
        assert con.execute(told).fetchall() == []
        assert con.execute("SELECT count(*) FROM ledger WHERE raw IS NOT NULL").fetchall() == [(0,)]
        con.execute("UPDATE privacy SET coordinates = 'exact'")
        assert {row[0] for row in con.execute(told).fetchall()} > shown
        assert con.execute("SELECT count(*) > 0 FROM ledger WHERE raw IS NOT NULL").fetchall() == [(True,)]


def digests(out: Path, recipe: Recipe) -> dict[str, str]:
    context = Context(recipe, RunFolder(out), lambda line: None)
    return {stage.name: stage_digest(stage, context) for stage in all_stages()}


@pytest.mark.parametrize(
    ("change", "first"),
    [
        (lambda recipe: dataclasses.replace(recipe, privacy=PrivacyRules("none")), "select"),
        (lambda recipe: dataclasses.replace(recipe, withdraw=()), "screen"),
    ],
)
def test_a_change_redoes_only_the_stages_behind_it(
    again: Again, change: Callable[[Recipe], Recipe], first: str
) -> None:
    out, recipe, _ = again
    one, two = digests(out, recipe), digests(out, change(recipe))
    assert [name for name in one if one[name] != two[name]] == [first]


def test_a_list_that_grew_is_refused_and_the_set_without_it_keeps_all_other_bytes(again: Again, tmp_path: Path) -> None:
    out, _, withdrawn = again
    with open_catalog(out) as con:
        key, shard = con.execute("SELECT key, shard FROM samples ORDER BY key LIMIT 1").fetchall()[0]
    text = withdrawn.read_text()
    assert look(out).samples == ()
    try:
        withdrawn.write_text(f"key,reason\n{key},late\n")
        failed = [check for check in verify(out) if not check.ok]
        assert [check.name for check in failed] == ["withdrawals"]
        assert key in failed[0].detail and "changed since the run" in failed[0].detail
        for refused in (
            lambda: list(publish(out, f"file://{tmp_path}/published")),
            lambda: export(out, tmp_path / "whole", "shards"),
        ):
            with pytest.raises(RunError, match=f"1 withdrawn sample, such as {key}.*") as error:
                refused()
            assert "biomill export" in error.value.remedy
        assert not (tmp_path / "published").exists() and not (tmp_path / "whole").exists()
        done = export(out, tmp_path / "without", "shards", withdraw=[withdrawn])
    finally:
        withdrawn.write_text(text)
    assert done.refused == {"withdrawn": 1} and done.exported == done.asked - 1
    assert verify_checksums(tmp_path / "without") > 0
    one, two = (read_json(folder / "sizes.json") for folder in (out / "shards", tmp_path / "without"))
    assert {name: one[name] - two[name] for name in one if one[name] != two[name]} == {shard: 1}
    for name in one:
        same = [
            hashlib.sha256((folder / name).read_bytes()).digest() for folder in (out / "shards", tmp_path / "without")
        ]
        assert (same[0] == same[1]) == (name != shard)
    with tarfile.open(out / "shards" / shard) as left, tarfile.open(tmp_path / "without" / shard) as right:
        kept = [member for member in left if not member.name.startswith(key)]
        for ours, theirs in zip(kept, right, strict=True):
            assert ours.name == theirs.name
            assert left.extractfile(ours).read() == right.extractfile(theirs).read()  # type: ignore[union-attr]
