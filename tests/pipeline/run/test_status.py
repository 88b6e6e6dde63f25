"""Status of a run at any time: while it fetches, killed, interrupted, stopped, done again; and of what is no run."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.model.errors import RunError
from pipeline.run.driver import run
from pipeline.run.sitting import NOTE
from pipeline.run.status import RunStatus, run_status, status_lines
from pipeline.run.status_facts import status_facts
from pipeline.storage.files.atomic import read_json, write_json
from pipeline.storage.run_folder import STAGES, RunFolder
from tests.conftest import Demo
from tests.end_to_end.commands import command

SLOW = ("--set", "fetch.per_host_rate=20", "--set", 'fetch.host={"media.biota.test"={rate=4}}', "--until", "fetch")


def look(out: Path) -> RunStatus:
    return run_status(RunFolder(out))


def stages(status: RunStatus) -> dict[str, str]:
    return {each.stage: each.state for each in status.stages}


@pytest.fixture(scope="module")
def screened(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped after screen."""
    out = tmp_path_factory.mktemp("status") / "out"
    shutil.copytree(demo.out, out, ignore=shutil.ignore_patterns(*STAGES[4:], "catalog.duckdb", NOTE))
    run(demo.recipe, out, until="screen")
    return out


@pytest.fixture(scope="module")
def fetching(demo: Demo, screened: Path) -> Iterator[tuple[Path, subprocess.Popen[bytes], list[RunStatus]]]:
    """A run that was killed while it fetched, and what status said of it before."""
    out = screened.parent / "fetching"
    shutil.copytree(screened, out)
    process = subprocess.Popen(command(demo, out, *SLOW), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    seen: list[RunStatus] = []
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        status = look(out)
        if status.sitting.pid == process.pid:
            seen.append(status)
        hosts = {each.host: each for each in status.hosts}
        if hosts and hosts["media.biota.test"].rate and hosts["media.biota.test"].stored > 12:
            break
        time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    yield out, process, seen


def test_a_run_that_was_stopped_says_after_which_stage(screened: Path) -> None:
    status = look(screened)
    assert (status.sitting.state, status.sitting.until) == ("until", "screen")
    assert stages(status) == {name: "done" if place < 4 else "waiting" for place, name in enumerate(STAGES)}
    assert status.hosts == ()
    assert "stopped after screen, as was asked" in "\n".join(status_lines(status))


def test_numbers_are_true_while_a_run_fetches(fetching: tuple[Path, Any, list[RunStatus]], demo: Demo) -> None:
    _, process, seen = fetching
    rows_in = next(each for each in look(demo.out).stages if each.stage == "fetch").rows.rows_in
    last = seen[-1]
    assert rows_in is not None
    for status in seen:
        assert status.sitting.state == "running"
        if status.stage is None or status.stage.stage != "fetch" or not status.hosts:
            continue
        rows = status.stage.rows
        assert rows.rows_in == rows_in
        assert rows.rows_out is not None
        assert rows.ended is not None
        assert rows.rows_out == sum(each.stored for each in status.hosts)
        assert rows.rows_out + rows.ended + sum(each.waiting for each in status.hosts) == sum(
            each.planned for each in status.hosts
        )
        assert rows.rows_out + rows.ended <= rows_in
    assert last.sitting.pid == process.pid
    assert stages(last)["fetch"] == "running"
    stored = [sum(each.stored for each in status.hosts) for status in seen]
    assert stored == sorted(stored)
    facts = status_facts(last)["fetch"]
    slow = next(each for each in facts["hosts"] if each["host"] == "media.biota.test")
    assert facts["held_up_by"][0] == "media.biota.test"
    assert 0 < slow["rate"] <= 2 * slow["allowed_rate"] == 8.0
    assert facts["left_s"] == slow["left_s"] == pytest.approx(slow["waiting"] / min(slow["rate"], 4.0))
    assert "for media.biota.test" in "\n".join(status_lines(last))


def test_a_killed_run_is_told_with_what_it_had(fetching: tuple[Path, Any, list[RunStatus]]) -> None:
    out, process, seen = fetching
    status = look(out)
    assert (status.sitting.state, status.sitting.pid) == ("killed", process.pid)
    assert stages(status)["fetch"] == "stopped"
    noted = sum(len(json.loads(line)) for log in (out / "fetch").glob("journal/*.log") for line in log.open())
    whole = sum(pq.read_metadata(path).num_rows for path in (out / "fetch").glob("media/[!.-]*.parquet"))
    assert sum(each.stored + sum(each.failed.values()) for each in status.hosts) == noted + whole > 0
    assert sum(each.stored for each in status.hosts) >= sum(each.stored for each in seen[-1].hosts)
    text = "\n".join(status_lines(status))
    assert f"killed in fetch: its process {process.pid}" in text
    assert "at least" in text
    assert status_facts(status)["fetch"]["rate"] is None


def test_looking_changes_nothing(fetching: tuple[Path, Any, list[RunStatus]]) -> None:
    out = fetching[0]
    before = [(path, path.stat().st_mtime_ns) for path in sorted(out.rglob("*"))]
    list(status_lines(look(out)))
    assert [(path, path.stat().st_mtime_ns) for path in sorted(out.rglob("*"))] == before


def test_a_run_killed_among_its_shards_tells_how_many_it_wrote(demo: Demo, tmp_path: Path) -> None:
    """What a kill in shards leaves: a plan, some parts, no mark; the note of a process that is gone."""
    out = tmp_path / "out"
    shutil.copytree(demo.out, out)
    parts = sorted((out / "shards" / "parts").glob("*.parquet"))
    gone = pq.read_metadata(parts[0]).num_rows
    for path in (parts[0], out / "shards" / "_done.json", out / "catalog.duckdb"):
        path.unlink()
    shutil.rmtree(out / "catalog")
    manifest = read_json(out / "manifest.json")
    write_json(out / "manifest.json", {**manifest, "stages": {name: manifest["stages"][name] for name in STAGES[:7]}})
    write_json(out / NOTE, {**read_json(out / NOTE), "state": "running", "ended": ""})
    status = look(out)
    stage = status.stages[7]
    kept = pq.read_metadata(out / "shards" / "manifest.parquet").num_rows
    assert (stage.state, stage.units_done, stage.units) == ("stopped", len(parts) - 1, len(parts))
    assert (stage.rows.rows_in, stage.rows.rows_out, stage.rows.ended) == (kept, kept - gone, 0)
    assert (status.sitting.state, status.kept) == ("killed", None)


def test_stages_of_an_earlier_run_are_not_told_as_done(demo: Demo, tmp_path: Path) -> None:
    """A recipe was changed and run up to screen: what lies behind it is of the recipe before."""
    out = tmp_path / "out"
    shutil.copytree(demo.out, out)
    manifest = read_json(out / "manifest.json")
    write_json(out / "manifest.json", {**manifest, "stages": {name: manifest["stages"][name] for name in STAGES[:3]}})
    shutil.rmtree(out / "screen" / "candidates")
    (out / "screen" / "_done.json").unlink()
    status = look(out)
    assert list(stages(status).values()) == ["done"] * 3 + ["stopped"] + ["earlier"] * 5
    assert status.kept is None
    assert status.stages[3].rows.rows_in == look(demo.out).stages[3].rows.rows_in
    assert "earlier    done by an earlier run" in "\n".join(status_lines(status))


def test_every_stage_counts_so_far_what_it_counts_at_its_end(demo: Demo, tmp_path: Path) -> None:
    """With its mark taken away a whole stage says the same, but for fetch, which decides rows at its end."""
    out = tmp_path / "out"
    shutil.copytree(demo.out, out, ignore=shutil.ignore_patterns("blobs", "*.tar", "taxonomy"))
    for place, name in enumerate(STAGES[:-1]):
        mark = read_json(out / name / "_done.json")
        (out / name / "_done.json").unlink()
        found, whole = look(out).stages[place].rows, look(demo.out).stages[place].rows
        if name == "fetch":
            assert found.rows_in == whole.rows_in
        elif name == "holdout":
            assert (found.rows_in, found.rows_out) == (None, whole.rows_out)
        else:
            assert found == whole, name
        write_json(out / name / "_done.json", mark)


def test_what_is_no_run_is_said(demo: Demo, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "list" / ".fetch").mkdir(parents=True)
    (tmp_path / "other" / "things").mkdir(parents=True)
    for name, words in (
        ("empty", "it is empty"),
        ("file", "this is a file"),
        ("none", "no such folder"),
        ("list", "biomill fetch"),
        ("other", "not the output folder of a run"),
    ):
        with pytest.raises(RunError, match=words):
            look(tmp_path / name)
    for text in ("{", "[]", '{"name": "an app", "icons": []}', '{"recipe": 1, "resolved": 2, "stages": []}'):
        (tmp_path / "other" / "manifest.json").write_text(text)
        with pytest.raises(RunError, match="not that of one"):
            look(tmp_path / "other")
    with pytest.raises(RunError, match=f"did you mean {demo.out}"):
        look(demo.out.parent)
