"""A run can be asked at any time: stopped after a stage, in the middle of one, killed, and done over again."""

from __future__ import annotations

import dataclasses
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from pipeline.catalog import ask, open_catalog
from pipeline.catalog.asked import names
from pipeline.catalog.row_life import explain
from pipeline.catalog.there import LATER, definitions, empty
from pipeline.commands.cli import main
from pipeline.model.errors import RunError
from pipeline.run.driver import run
from pipeline.storage.files.atomic import read_json
from pipeline.storage.going_on import going_on
from pipeline.storage.run_folder import STAGES
from tests.conftest import Demo
from tests.end_to_end.commands import command

SMALL = ("--set", "shards.samples_per_shard=4")


def files_of(root: Path) -> dict[str, tuple[int, int]]:
    """What lies in a folder: no question may change it."""
    return {str(p): (p.stat().st_size, p.stat().st_mtime_ns) for p in sorted(root.rglob("*"))}


def stopped(demo: Demo, out: Path, enough: Callable[[], bool], *more: str) -> subprocess.Popen[bytes]:
    """Start a run and halt it when there is enough; it keeps its lock."""
    process = subprocess.Popen(
        command(demo, out, *more), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while not enough():
        assert process.poll() is None, "the run came to its end before it could be stopped"
        time.sleep(0.002)
    process.send_signal(signal.SIGSTOP)
    return process


def whole(out: Path, pattern: str) -> int:
    return sum(not path.name.startswith((".", "-")) for path in out.glob(pattern))


@pytest.fixture(scope="module")
def ledgers(demo: Demo) -> dict[str, tuple[str, str, str]]:
    """How every row of the finished run ended."""
    with open_catalog(demo.out) as con:
        rows = con.execute("SELECT row_id, stage, outcome, evidence FROM ledger").fetchall()
    return {row_id: (stage, outcome, evidence) for row_id, stage, outcome, evidence in rows}


@dataclasses.dataclass
class Moment:
    """A copy of a run's folder at one moment."""

    root: Path
    last: str
    """The stage that is not done."""


def moments(demo: Demo, folder: Path) -> Iterator[tuple[str, Moment]]:
    """One run over the demo, halted in fetch and in shards, and looked at after every stage in between."""
    out = folder / "out"

    def copied(name: str, last: str) -> tuple[str, Moment]:
        return name, Moment(Path(shutil.copytree(out, folder / name)), last)

    for stage in ("ingest", "screen"):
        run(demo.recipe, out, until=stage)
        yield copied(f"after {stage}", STAGES[STAGES.index(stage) + 1])
    process = stopped(demo, out, lambda: whole(out, "fetch/media/*.parquet") > 6, *SMALL)
    held = copied("in fetch", "fetch")
    with ask(out) as asked:
        assert asked.standing.running
        assert "goes on in fetch" in " ".join(asked.notes())
        assert "ask again" in str(asked.why_absent("samples"))
    process.kill()
    process.wait()
    with ask(out) as asked:
        assert not asked.standing.running
        assert "stands in fetch" in " ".join(asked.notes())
    yield held
    small = dataclasses.replace(demo.recipe, shards=dataclasses.replace(demo.recipe.shards, samples_per_shard=4))
    for stage in ("fetch", "select"):
        run(small, out, until=stage)
        yield copied(f"after {stage}", STAGES[STAGES.index(stage) + 1])
    process = stopped(demo, out, lambda: whole(out, "shards/parts/*.parquet") > 3, *SMALL)
    process.kill()
    process.wait()
    yield copied("in shards", "shards")
    # A run that was done, and is being done over again with other rules.
    again = Path(shutil.copytree(demo.out, folder / "again"))
    process = stopped(demo, again, lambda: small_shards(again) and whole(again, "shards/parts/*.parquet") > 3, *SMALL)
    process.kill()
    process.wait()
    yield "again in shards", Moment(again, "shards")


def small_shards(out: Path) -> bool:
    try:
        return len(read_json(out / "shards" / "_plan.json")["outputs"]) > 10
    except FileNotFoundError:
        return False


@pytest.fixture(scope="module")
def seen(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Moment]:
    return dict(moments(demo, tmp_path_factory.mktemp("moments")))


def test_at_every_moment_what_is_there_can_be_asked_and_the_rest_says_why_not(
    seen: dict[str, Moment], capsys: pytest.CaptureFixture[str]
) -> None:
    for name, moment in seen.items():
        before = files_of(moment.root)
        with ask(moment.root) as asked:
            shown = {view for (view,) in asked.con.execute("SHOW TABLES").fetchall()}
            assert shown | {key for key in asked.absent if not key.endswith("()")} == {
                each for each in names() if not each.endswith("()")
            }, name
            for view in sorted(shown):
                asked.con.execute(f"FROM {view}").fetchall()
            for view, stage in asked.absent.items():
                assert stage not in asked.standing.done, (name, view)
                error = asked.why_absent(view.removesuffix("()"))
                assert error is not None and f"stage {stage} makes it" in str(error)
                assert "go on with: biomill run" in error.remedy or "pipeline.commands.cli" in error.remedy, (
                    error.remedy
                )
            assert moment.last not in asked.standing.done
            # Stages in the middle of which the run was stopped show what they have.
            assert (name in ("in fetch", "in shards", "again in shards")) == bool(asked.standing.begun), name
            bare = asked.con.execute(
                "SELECT table_name, column_name FROM duckdb_columns() "
                "WHERE NOT internal AND schema_name = 'main' AND comment IS NULL"
            ).fetchall()
            assert bare == []
        view = next((key for key in asked.absent if not key.endswith("()")), None)
        if view is not None:
            assert main(["sql", str(moment.root), f"FROM {view}"]) == 1
            told = capsys.readouterr().err
            assert f"{view} is not there yet: stage {asked.absent[view]} makes it" in told, name
            assert "IO Error" not in told and "Traceback" not in told
        assert files_of(moment.root) == before, name


def test_what_has_ended_so_far_has_ended_so_for_good(
    seen: dict[str, Moment], ledgers: dict[str, tuple[str, str, str]]
) -> None:
    counted = {}
    for name, moment in seen.items():
        with ask(moment.root) as asked:
            rows = asked.con.execute("SELECT row_id, stage, outcome, evidence FROM ledger").fetchall()
        found = {row_id: (stage, outcome, evidence) for row_id, stage, outcome, evidence in rows}
        assert len(found) == len(rows), name
        assert {row_id: told for row_id, told in found.items() if ledgers.get(row_id) != told} == {}, name
        counted[name] = Counter(stage for stage, *_ in found.values())
    assert list(counted["after ingest"]) == ["ingest"]
    assert set(counted["after screen"]) == {"ingest", "screen"}
    total = Counter(stage for stage, *_ in ledgers.values())
    assert 0 < counted["in fetch"]["fetch"] < total["fetch"]
    assert counted["after fetch"]["fetch"] == total["fetch"]
    for name in ("in shards", "again in shards"):
        assert 0 < counted[name]["shards"] < total["shards"], name


def test_answers_of_units_in_progress_are_media(seen: dict[str, Moment], demo: Demo) -> None:
    root = seen["in fetch"].root
    with ask(root) as asked:
        rows = asked.con.execute("SELECT image_id, outcome IS NULL FROM media ORDER BY 1").fetchall()
        finished = asked.con.execute(
            "SELECT count(DISTINCT image_id) FROM "
            + f"read_parquet([{', '.join(repr(str(root / 'fetch' / u)) for u in asked.standing.begun['fetch'].there)}])"
        ).fetchall()[0][0]
        assert asked.con.execute("SELECT count(*) FROM hosts").fetchall()[0][0] > 0
    assert len({image for image, _ in rows}) == len(rows) >= finished > 0
    with open_catalog(demo.out) as con:
        final = dict(con.execute("SELECT image_id, outcome IS NULL FROM media").fetchall())
        waiting = {row for (row,) in con.execute("SELECT image_id FROM media WHERE outcome = 'placeholder'").fetchall()}
    assert {image for image, had in rows if image not in waiting and final[image] != had} == set()


def test_a_torn_line_of_a_journal_is_no_answer(seen: dict[str, Moment], tmp_path: Path) -> None:
    root = Path(shutil.copytree(seen["in fetch"].root, tmp_path / "torn"))
    with ask(root) as asked:
        before = asked.con.execute("SELECT count(*) FROM media").fetchall()
        unit = Path(asked.standing.begun["fetch"].there[0])
    for path in root.glob("fetch/journal/*.log"):
        with path.open("ab") as log:
            log.write(b'[[{"image_id": "half of a li')
    # What killed runs leave under temporary names, and units of an earlier plan, are not read either.
    (root / "fetch" / "media" / ".tmp-123456789abc-x.parquet").write_bytes(b"PAR1")
    shutil.copy(root / "fetch" / unit, root / "fetch" / "media" / "0000stale.parquet")
    with ask(root) as asked:
        assert asked.con.execute("SELECT count(*) FROM media").fetchall() == before


def test_explain_tells_what_a_row_has_met_and_that_the_rest_is_open(
    seen: dict[str, Moment], ledgers: dict[str, tuple[str, str, str]], demo: Demo
) -> None:
    with open_catalog(demo.out) as con:
        sample = con.execute("SELECT record_id FROM samples ORDER BY shard DESC, key DESC LIMIT 1").fetchall()[0][0]
    met = {"after ingest": "rights", "after screen": "screen", "after fetch": "hashes", "after select": "select"}
    for name, moment in seen.items():
        lines = list(explain(moment.root, sample))
        told = {line.split()[0] for line in lines}
        assert "file" in told
        with ask(moment.root) as asked:
            decided = asked.con.execute("SELECT count(*) FROM ledger WHERE row_id = $1", [sample]).fetchall()[0][0]
        assert any("not decided yet" in line for line in lines) != bool(decided), name
        assert met.get(name, "file") in told, name
    gone = next(row for row, (stage, *_) in sorted(ledgers.items()) if stage == "ingest")
    ended = list(explain(seen["after ingest"].root, gone))
    assert any(line.startswith("outcome") and ledgers[gone][1] in line for line in ended)
    with pytest.raises(RunError, match="no row has the id"):
        list(explain(seen["after screen"].root, "nothing of the kind"))


def test_finished_units_of_reading_and_resolving_can_be_asked(seen: dict[str, Moment], tmp_path: Path) -> None:
    root = Path(shutil.copytree(seen["after screen"].root, tmp_path / "resolving"))
    (root / "resolve" / "_done.json").unlink()
    with ask(root) as asked:
        assert asked.standing.done == ("ingest", "holdout")
        assert asked.absent["media_records"] == asked.absent["held_taxa"] == "screen"
        assert asked.con.execute("SELECT count(*) > 0 FROM names").fetchall() == [(True,)]
        # What was screened was screened over other names.
        assert asked.con.execute("SELECT DISTINCT stage FROM ledger").fetchall() == [("ingest",)]
        assert {"names", "benchmarks"} & set(asked.growing) == {"names"}
    root = Path(shutil.copytree(seen["after ingest"].root, tmp_path / "reading"))
    with ask(root) as asked:
        whole_run = asked.con.execute("SELECT count(*) FROM records").fetchall()[0][0]
    (root / "ingest" / "_done.json").unlink()
    shutil.rmtree(root / "ingest" / "ended")
    for unit in sorted(root.glob("ingest/ledger/gbif-*.parquet")):
        unit.unlink()
        (root / "ingest" / "records" / unit.name).unlink(missing_ok=True)
    with ask(root) as asked:
        assert set(asked.growing) >= {"records", "origins", "ledger", "funnel"}
        found = asked.con.execute("SELECT count(*) FROM records").fetchall()[0][0]
        assert 0 < found < whole_run
        assert asked.con.execute("SELECT count(*) > 0 FROM ledger").fetchall() == [(True,)]
    for path in root.glob("ingest/*/*.parquet"):
        path.unlink()
    with ask(root) as asked:
        assert set(asked.absent) == set(names()) - {"outcomes", "privacy"}


def test_a_run_that_is_done_over_again_is_not_a_finished_one(
    seen: dict[str, Moment], capsys: pytest.CaptureFixture[str]
) -> None:
    again = seen["again in shards"].root
    assert (again / "catalog" / "_done.json").exists()
    for words in (["verify", str(again)], ["sql", str(again), "--write", "CREATE VIEW x AS SELECT 1"]):
        assert main(words) == 1
        told = capsys.readouterr().err
        assert "go on with" in told and "Traceback" not in told
    assert main(["sql", str(again), "SELECT count(*) AS n FROM samples"]) == 0
    said = capsys.readouterr()
    assert "stands in shards" in said.err and "samples" in said.err
    assert 0 < int(said.out.split()[-1]) < 317


def test_a_finished_run_that_is_asked_for_less_stays_finished(demo: Demo, tmp_path: Path) -> None:
    out = Path(shutil.copytree(demo.out, tmp_path / "out"))
    run(demo.recipe, out, until="screen")
    with ask(out) as asked:
        assert asked.standing.complete
        assert "as an earlier command left it: fetch" in " ".join(asked.notes())
        assert asked.con.execute("SELECT count(*) FROM samples").fetchall() == [(317,)]
    (out / "catalog.duckdb").unlink()
    with ask(out) as asked:
        assert asked.absent == {}
        assert "catalog.duckdb is gone" in " ".join(asked.notes())
        assert asked.con.execute("SELECT count(*) FROM samples").fetchall() == [(317,)]
    (out / "shards" / "manifest.parquet").unlink()
    assert main(["sql", str(out), "FROM samples"]) == 1


def test_the_folder_one_stands_in_is_not_read(demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "other"
    for stage in STAGES:
        for path in (demo.out / stage).rglob("*.parquet"):
            copy = elsewhere / path.relative_to(demo.out)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(b"not Parquet")
    monkeypatch.chdir(elsewhere)
    with open_catalog(demo.out) as con:
        for (view,) in con.execute("SHOW TABLES").fetchall():
            con.execute(f"FROM {view}").fetchall()
        con.execute("FROM why('x')").fetchall()


def test_columns_of_what_is_not_there_are_those_of_what_will_be(demo: Demo) -> None:
    for table in LATER:
        pattern = "shards/manifest.parquet" if table == "shards" else f"{table}/*.parquet"
        con = duckdb.connect()
        real = dict(con.execute(f"DESCRIBE FROM read_parquet('{demo.out}/{pattern}')").fetchall()[i][:2] for i in range(
            len(con.execute(f"DESCRIBE FROM read_parquet('{demo.out}/{pattern}')").fetchall())))  # fmt: skip
        stated = [row[:2] for row in con.execute(f"DESCRIBE FROM {empty(table)}").fetchall()]
        assert [(name, real[name]) for name, _ in stated] == stated, table


def test_every_view_names_a_stage_and_the_earliest_begin_first() -> None:
    stages = {name: each.stage for name, each in definitions().items()}
    assert stages["records"] == stages["ledger"] == stages["funnel()"] == "ingest"
    assert stages["media"] == stages["hosts"] == "fetch"
    assert stages["samples"] == stages["attribution"] == stages["capped()"] == "shards"


def test_the_command_that_goes_on_is_the_one_that_was_typed() -> None:
    assert going_on("biomill run 'a b.toml' -o out --until=screen --retry x --set k=1") == (
        "biomill run 'a b.toml' -o out --set k=1"
    )
