"""Runs by the API: the same bytes as the command's, and answers that are those of the commands."""

from __future__ import annotations

import dataclasses
import logging
import shlex
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import biomill
from biomill.runs import Format, Stage
from pipeline.catalog import open_catalog
from pipeline.commands.cli import main
from pipeline.demo import connect_to
from pipeline.export import FORMATS
from pipeline.feed import Feed, Rules, View
from pipeline.storage.going_on import go_on
from pipeline.storage.run_folder import STAGES
from pipeline.verify import Check
from tests.conftest import Demo, assert_same_run

EMPTY = """
name = "cam"
[[sources]]
name = "cam"
kind = "lila"
path = "labels.csv"
license = "CDLA-Permissive-1.0"
[fetch]
contact = "me@example.org"
"""


@pytest.fixture
def run(demo: Demo) -> biomill.Run:
    return biomill.open_run(demo.out)


@pytest.fixture
def barred(tmp_path: Path) -> Path:
    """A recipe of which no row is kept, whatever the network says."""
    (tmp_path / "labels.csv").write_text(
        "url_gcp,image_id,original_label,scientific_name,kingdom,family\n"
        "https://lila.example.org/1.jpg,1,mouse,zzyzzus mysticus,animalia,felidae\n"
    )
    (tmp_path / "recipe.toml").write_text(EMPTY)
    return tmp_path / "recipe.toml"


def test_a_run_by_the_api_is_the_run_of_the_command(demo: Demo, tmp_path: Path) -> None:
    lines: list[str] = []
    hosts = {"fetch.connect_to": list(connect_to(demo.server.address))}
    stopped = biomill.run(demo.corpus.recipe, tmp_path / "run", overrides=hosts, until="resolve", progress=lines.append)
    assert stopped.status().stage is not None
    assert "resolve: started" in lines
    assert not [line for line in lines if line.startswith("screen")]
    words = shlex.split(go_on(tmp_path / "run"))
    assert words[:6] == ["biomill", "run", str(demo.corpus.recipe), "-o", str(tmp_path / "run"), "--set"]
    assert words[6].startswith("fetch.connect_to=[")
    whole = biomill.run(demo.corpus.recipe, tmp_path / "run", overrides=hosts, progress=lines.append)
    assert "resolve: done before" in lines
    assert whole == stopped == biomill.open_run(tmp_path / "run")
    assert_same_run(demo.out, tmp_path / "run")


def test_a_loaded_recipe_is_run_and_progress_is_logged(
    demo: Demo, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger("biomill")
    logger.propagate, before = True, logger.propagate
    try:
        with caplog.at_level(logging.INFO, "biomill"):
            biomill.run(demo.recipe, tmp_path / "run", until="ingest")
    finally:
        logger.propagate = before
    assert "ingest: started" in caplog.messages


def test_overrides_are_those_of_the_command_line(demo: Demo, tmp_path: Path) -> None:
    changed = {
        "licences.allow": ["CC0"],
        "image.side": 64,
        "shards.name": "small",
        "fetch.robots": False,
        "sources.gbif.path": demo.corpus.folder / "gbif",
    }
    with pytest.raises(biomill.RecipeErrors) as found:
        biomill.run(demo.corpus.recipe, tmp_path / "run", overrides={**changed, "image.rule": "any", "image.sid": 1})
    assert "--set image.rule=any" in str(found.value)
    assert "--set image.sid=1" in str(found.value)
    assert "licences.allow" not in str(found.value)
    assert not (tmp_path / "run").exists()


def test_bad_arguments_are_errors_of_ours(demo: Demo, tmp_path: Path) -> None:
    with pytest.raises(biomill.RecipeError, match="no such recipe"):
        biomill.run(tmp_path / "none.toml", tmp_path / "run")
    with pytest.raises(biomill.UsageError, match="overrides are given for a recipe that is loaded"):
        biomill.run(demo.recipe, tmp_path / "run", overrides={"image.side": 64})
    with pytest.raises(biomill.RunError, match="no such stage: 'nothing'"):
        biomill.run(demo.recipe, tmp_path / "run", until="nothing")  # type: ignore[arg-type]
    with pytest.raises(biomill.UsageError, match="-1 worker processes"):
        biomill.run(demo.recipe, tmp_path / "run", workers=-1)
    with pytest.raises(biomill.UsageError, match="no such outcome"):
        biomill.run(demo.recipe, tmp_path / "run", retry=["nonsense"])
    with pytest.raises(biomill.RunError, match="not the output folder of a run"):
        biomill.run(demo.recipe, tmp_path / "other", reuse=[tmp_path])


def test_a_run_that_keeps_nothing_is_no_success_unless_that_is_meant(barred: Path) -> None:
    out = barred.parent / "run"
    with pytest.raises(biomill.EmptyResultError, match="nothing was kept") as found:
        biomill.run(barred, out)
    assert found.value.remedy.startswith("source cam: 1 of 1 rows ended as rank_too_high")
    assert main(["run", str(barred), "-o", str(out)]) == 4
    meant = biomill.run(barred, out, allow_empty=True)
    assert meant.status().kept == 0
    assert meant.sql("SELECT outcome FROM ledger").num_rows == 1


def test_only_the_folder_of_a_run_is_opened(tmp_path: Path, demo: Demo) -> None:
    for folder in (tmp_path, tmp_path / "none", demo.corpus.recipe):
        with pytest.raises(biomill.RunError):
            biomill.open_run(folder)


def test_a_run_is_found_from_anywhere(demo: Demo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(demo.out.parent)
    found = biomill.open_run(demo.out.name)
    monkeypatch.chdir(tmp_path)
    assert found.folder == demo.out
    assert found.sql("SELECT 1 AS one").to_pylist() == [{"one": 1}]


def test_sql_gives_the_rows_of_the_catalog_with_their_types(run: biomill.Run, demo: Demo) -> None:
    with open_catalog(demo.out) as con:
        query = "SELECT accepted_name, images, sources FROM taxa ORDER BY ALL"
        assert [tuple(row.values()) for row in run.sql(query).to_pylist()] == con.execute(query).fetchall()
    answer = run.sql("SELECT count(*) AS n, max(width) AS width, any_value(key) AS key FROM samples")
    assert isinstance(answer, pa.Table)
    assert [str(field.type) for field in answer.schema] == ["int64", "int32", "string"]
    assert run.sql("SELECT key, key FROM samples LIMIT 1").column_names == ["key", "key_1"]
    assert run.sql("FROM samples WHERE false").num_rows == 0


def test_threads_may_ask_at_the_same_time(run: biomill.Run, demo: Demo, tmp_path: Path) -> None:
    """DuckDB shares one instance among the connections of a process, and what is shut in once cannot be again."""
    query = "SELECT count(*) AS n FROM samples s JOIN ledger l ON l.row_id = s.record_id"
    expected = run.sql(query)["n"].to_pylist()
    # Brackets in its name make DuckDB read the folder by a link.
    odd = tmp_path / "a [1]"
    odd.symlink_to(demo.out, target_is_directory=True)
    asked = [run, biomill.open_run(odd)] * 20
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda each: each.sql(query)["n"].to_pylist(), asked))
        lives = list(pool.map(lambda each: each.explain("4100005483").outcome, asked[:8]))
    assert found == [expected] * 40
    assert lives == ["gone"] * 8


def test_an_answer_is_spilled_and_read_while_others_come_and_go(run: biomill.Run, demo: Demo) -> None:
    with open_catalog(demo.out) as first, open_catalog(demo.out) as second:
        (spill,) = second.execute("SELECT current_setting('temp_directory')").fetchall()[0]
        assert Path(spill).parent.is_dir()
        first.close()
        assert run.sql("SELECT 1 AS one").num_rows == 1
        assert Path(spill).parent.is_dir(), "one that goes leaves the others their room"
        assert second.execute("SELECT count(*) FROM samples").fetchall()[0][0] > 0
    assert not Path(spill).parent.exists()


def test_sql_takes_values_apart_from_the_question(run: biomill.Run) -> None:
    count = "SELECT count(*) AS n FROM ledger WHERE outcome ="
    kept = run.sql(f"{count} 'kept'")["n"][0].as_py()
    assert kept > 0
    assert run.sql(f"{count} ?", ["kept"])["n"].to_pylist() == [kept]
    assert run.sql(f"{count} $outcome", {"outcome": "kept"})["n"].to_pylist() == [kept]
    assert run.sql(f"{count} ?", ["' OR true --"])["n"].to_pylist() == [0]


@pytest.mark.parametrize(
    ("query", "parameters", "told"),
    [
        ("SELECT 1; SELECT 2", (), "one question is answered at a time"),
        ("CREATE TABLE mine AS SELECT 1", (), "one question is answered at a time"),
        ("", (), "nothing is asked"),
        ("SELECT nothing FROM samples", (), "the catalog cannot answer"),
        ("FROM sampels", (), "near names: samples"),
        ("FROM read_csv('/etc/hostname')", (), "file system operations are disabled"),
        ("SELECT ?", (), "the catalog cannot answer"),
        ("SELECT 1", (1,), "the catalog cannot answer"),
        ("SELECT ?", (object(),), "the catalog cannot answer"),
    ],
)
def test_what_sql_cannot_answer_is_an_error_of_ours(
    run: biomill.Run, query: str, parameters: tuple[object, ...], told: str
) -> None:
    with pytest.raises(biomill.RunError) as found:
        run.sql(query, parameters)
    assert told in str(found.value)


def test_a_run_that_is_not_finished_answers_with_what_there_is(demo: Demo, tmp_path: Path) -> None:
    half = biomill.run(demo.recipe, tmp_path / "run", until="resolve")
    assert half.sql("SELECT count(*) AS n FROM names")["n"][0].as_py() > 0
    with pytest.raises(biomill.RunError, match="samples is not there yet: stage shards makes it"):
        half.sql("FROM samples")
    row = half.sql("SELECT record_id FROM records ORDER BY ALL LIMIT 1")["record_id"][0].as_py()
    life = half.explain(row)
    assert (life.row_id, life.outcome) == (row, None)
    assert "not decided yet" in str(life)
    for refused in (half.verify, lambda: half.feed(4), lambda: half.export(tmp_path / "out")):
        with pytest.raises(biomill.RunError, match="is not done"):
            refused()
    assert half.status().kept is None


def test_explain_tells_what_the_command_tells(run: biomill.Run, demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    for outcome in ("kept", "near_duplicate", "gone"):
        row = run.sql("SELECT row_id FROM ledger WHERE outcome = ? ORDER BY 1 LIMIT 1", [outcome])["row_id"][0].as_py()
        life = run.explain(row)
        assert (life.row_id, life.outcome, life.facts["row_id"]) == (row, outcome, row)
        capsys.readouterr()
        main(["explain", str(demo.out), row])
        assert f"{life}\n" == capsys.readouterr().out
    assert run.explain("4100005483").row_id != "4100005483"
    with pytest.raises(biomill.RunError, match="no row has the id"):
        run.explain("nothing")


def test_status_tells_what_the_command_tells(run: biomill.Run, demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    status = run.status()
    assert [each.stage for each in status.stages] == list(STAGES)
    assert status.kept == run.sql("SELECT count(*) AS n FROM samples")["n"][0].as_py()
    capsys.readouterr()
    main(["status", str(demo.out)])
    assert f"{status}\n" == capsys.readouterr().out


def test_verify_gives_every_promise_and_finds_a_broken_one(run: biomill.Run, demo: Demo, tmp_path: Path) -> None:
    checks = run.verify()
    assert len(checks) > 20 and all(isinstance(check, Check) and check.ok for check in checks)
    broken = tmp_path / "run"
    shutil.copytree(demo.out, broken)
    tar = sorted((broken / "shards").glob("*.tar"))[0]
    data = bytearray(tar.read_bytes())
    data[2000] ^= 1
    tar.write_bytes(data)
    assert "checksums" in {check.name for check in biomill.open_run(broken).verify() if not check.ok}


def test_verify_and_export_take_lists_of_what_is_withdrawn(run: biomill.Run, tmp_path: Path) -> None:
    key = run.sql("SELECT key FROM samples ORDER BY key LIMIT 1")["key"][0].as_py()
    (tmp_path / "gone.csv").write_text(f"key\n{key}\n")
    (broken,) = [check for check in run.verify(withdraw=[tmp_path / "gone.csv"]) if not check.ok]
    assert broken.name == "withdrawals" and key in broken.detail
    done = run.export(tmp_path / "out", withdraw=[str(tmp_path / "gone.csv")])
    assert done.refused["withdrawn"] == 1
    assert done.exported == done.asked - sum(done.refused.values())


def test_export_writes_what_was_chosen(run: biomill.Run, tmp_path: Path) -> None:
    birds = run.sql("""SELECT count(*) AS n FROM samples WHERE "class" = 'Aves'""")["n"][0].as_py()
    done = run.export(tmp_path / "birds", where="\"class\" = 'Aves'")
    assert (done.asked, done.exported) == (birds, birds)
    few = "SELECT key FROM samples ORDER BY key LIMIT 5"
    by_key = run.export(tmp_path / "few", "folders", sql=few, classes="accepted")
    assert by_key.asked == 5 == by_key.exported + sum(by_key.refused.values())
    assert by_key.exported == len(list((tmp_path / "few").rglob("*.jpg")))
    with pytest.raises(biomill.RunError, match="the output folder exists"):
        run.export(tmp_path / "birds")
    with pytest.raises(biomill.UsageError, match="no such format"):
        run.export(tmp_path / "other", "pascal")  # type: ignore[arg-type]
    with pytest.raises(biomill.RunError, match="no sample is chosen"):
        run.export(tmp_path / "other", where="false")


def test_a_feed_is_that_of_the_same_rules(run: biomill.Run, demo: Demo) -> None:
    feed = run.feed(8, seed=3, sampler="sqrt", size=64, crop="center", where="width > 1", threads=2)
    rules = Rules(8, 3, sampler="sqrt", where="width > 1")
    assert feed.rules == dataclasses.replace(rules, threads=2)
    same = Feed(demo.out, rules, View(64, "center"))
    assert feed.digest == same.digest
    assert feed.batch(5).digest() == same.batch(5).digest()
    assert feed.batch(0).images.shape == (8, 64, 64, 3) and feed.batch(0).images.dtype == np.uint8
    for wrong in ({"batch": 0}, {"batch": 8, "sampler": "some"}, {"batch": 8, "cap": 3}, {"batch": 8, "size": 0}):
        with pytest.raises(biomill.FeedError):
            run.feed(**wrong)
    with pytest.raises(biomill.FeedError):
        run.feed(8, where="no_such_column > 1")


def test_the_words_of_the_signatures_are_those_that_are_known() -> None:
    assert Stage.__args__ == STAGES  # type: ignore[attr-defined]
    assert Format.__args__ == FORMATS  # type: ignore[attr-defined]
