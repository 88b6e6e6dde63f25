"""What goes wrong says what it was, loses nothing, and the next run goes on."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.demo import connect_to
from pipeline.model.errors import RunError, SourceError
from pipeline.model.exit_status import ExitStatus
from pipeline.run.driver import run
from pipeline.storage.run_folder import STAGES
from tests.conftest import Demo, assert_same_run
from tests.end_to_end.commands import command, no_half_files


def biomill(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipeline.commands.cli", *arguments], capture_output=True, text=True, timeout=300
    )


def assert_clear(done: subprocess.CompletedProcess[str], *parts: str, status: int = ExitStatus.FAILED) -> None:
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    for part in (*parts, "remedy"):
        assert part in done.stderr, (part, done.stderr)


def test_a_misspelt_key_is_named_with_what_was_meant(demo: Demo, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(demo.corpus.folder, tmp_path / "biota"))
    recipe = folder / "recipe.toml"
    recipe.write_text(demo.corpus.recipe.read_text().replace("duplicate_distance", "duplicate_distence"))
    done = biomill("run", str(recipe), "-o", str(tmp_path / "out"))
    assert_clear(done, "recipe.toml", "likeness.duplicate_distence", "duplicate_distance", status=ExitStatus.MISUSED)
    assert not (tmp_path / "out").exists()


def test_a_missing_file_is_named_with_its_key(demo: Demo, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(demo.corpus.recipe.read_text())
    done = biomill("run", str(tmp_path / "recipe.toml"), "-o", str(tmp_path / "out"))
    assert_clear(done, "gbif/0012345-260101000000000.zip", "sources", status=ExitStatus.MISUSED)
    assert not (tmp_path / "out").exists()


def test_a_damaged_archive_is_named(demo: Demo, tmp_path: Path) -> None:
    shutil.copytree(demo.corpus.folder, tmp_path / "biota")
    archive = next((tmp_path / "biota" / "gbif").glob("*.zip"))
    archive.write_bytes(archive.read_bytes()[:5000])
    done = biomill("run", str(tmp_path / "biota" / "recipe.toml"), "-o", str(tmp_path / "out"))
    assert_clear(done, archive.name)


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("more", [(), ("--workers", "2")], ids=["1 worker", "2 workers"])
def test_a_full_disk_is_said_and_the_next_run_goes_on(demo: Demo, mount: Path, more: tuple[str, ...]) -> None:
    out = mount / "out"
    done = subprocess.run(command(demo, out, *more), capture_output=True, text=True, timeout=300)
    assert_clear(done, "No space left on device", str(mount), "free some space")
    assert list(no_half_files(out)) == []
    assert (out / "ingest" / "_done.json").exists(), "the disk was too small even for the first stage"
    subprocess.run(["mount", "-o", "remount,size=200m", mount], check=True)
    again = subprocess.run(command(demo, out), capture_output=True, text=True, timeout=300)
    assert again.returncode == 0, again.stderr
    assert "ingest: done before" in again.stderr
    assert_same_run(demo.out, out)


def test_an_image_that_the_disk_changed_is_in_no_shard_and_another_folder_asks_for_it_alone(
    demo: Demo, tmp_path: Path
) -> None:
    copy, other = Path(shutil.copytree(demo.out, tmp_path / "copy")), tmp_path / "other"
    rows = pq.read_table(copy / "shards" / "manifest.parquet").to_pylist()
    kept = {row["image_id"]: row["shard"] for row in rows}
    stored = [row for row in pq.read_table(copy / "fetch" / "media").to_pylist() if row["image_id"] in kept]
    damaged, blob = stored[0], copy / "fetch" / "blobs" / f"{stored[0]['unit']}.bin"
    data = bytearray(blob.read_bytes())
    data[damaged["offset"] + damaged["length"] // 2] ^= 1
    blob.write_bytes(bytes(data))
    for stage in ("shards", "catalog"):
        shutil.rmtree(copy / stage)
    done = subprocess.run(command(demo, copy), capture_output=True, text=True, timeout=300)
    assert_clear(
        done, damaged["image_id"], "is not what fetch encoded", f"{blob}, byte {damaged['offset']:,}", "--reuse"
    )
    assert not (copy / "shards" / kept[damaged["image_id"]]).exists()
    asked = demo.server.hits.copy()
    again = subprocess.run(command(demo, other, "--reuse", str(copy)), capture_output=True, text=True, timeout=300)
    assert again.returncode == 0, again.stderr
    assert_same_run(demo.out, other)
    paths = {row["address"].partition("://")[2] for row in stored}
    assert {path for path in paths if demo.server.hits[path] > asked[path]} == {damaged["address"].partition("://")[2]}


def test_a_read_only_place_is_said(demo: Demo, mount: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", mount], check=True)
    done = subprocess.run(command(demo, mount / "out"), capture_output=True, text=True, timeout=300)
    assert_clear(done, "Read-only file system", str(mount))


def test_a_file_in_the_place_of_the_folder_is_said(demo: Demo, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    done = subprocess.run(command(demo, tmp_path / "out"), capture_output=True, text=True, timeout=300)
    assert_clear(done, "out", status=ExitStatus.MISUSED)
    assert (tmp_path / "out").read_text() == "mine"


def test_a_folder_with_other_things_is_left_alone(demo: Demo, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(RunError, match=r"holds other things") as caught:
        run(demo.recipe, tmp_path)
    assert "thesis.tex" in str(caught.value)
    assert (tmp_path / "thesis.tex").read_text() == "mine"


def test_two_runs_do_not_write_one_folder(demo: Demo, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with (tmp_path / "out" / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(RunError, match="another run"):
            run(demo.recipe, tmp_path / "out")


def test_a_release_with_too_many_bad_rows_stops_the_run_and_shows_them(demo: Demo, tmp_path: Path) -> None:
    strict = replace(demo.recipe, limits=replace(demo.recipe.limits, reject_percent=0.1))
    with pytest.raises(SourceError, match="malformed") as caught:
        run(strict, tmp_path / "out")
    assert "RAGGED_SHORT" in str(caught.value)
    assert "row" in caught.value.where


def test_a_changed_recipe_redoes_only_what_depends_on_it(demo: Demo, tmp_path: Path) -> None:
    out = Path(shutil.copytree(demo.out, tmp_path / "out"))
    lines: list[str] = []
    other = replace(demo.recipe, select=replace(demo.recipe.select, validation_percent=50.0))
    run(other, out, progress=lines.append)
    before = {line.split(":")[0] for line in lines if line.endswith("done before")}
    assert before == {"ingest", "resolve", "holdout", "screen", "fetch", "likeness"}
    asked = dict(demo.server.hits)
    run(demo.recipe, out)
    assert dict(demo.server.hits) == asked
    assert_same_run(demo.out, out)


def test_status_tells_a_half_done_run(demo: Demo, tmp_path: Path) -> None:
    later = shutil.ignore_patterns(*STAGES[5:], "catalog.duckdb")
    run(demo.recipe, Path(shutil.copytree(demo.out, tmp_path / "out", ignore=later)), until="fetch")
    done = biomill("status", str(tmp_path / "out"))
    stages, _, hosts = done.stdout.partition("\n\n")
    states = {line.split()[0]: line.split()[1] for line in stages.splitlines()[1:]}
    assert "media.biota.test" in hosts
    assert states["fetch"] == "done"
    assert states["likeness"] == states["catalog"] == "waiting"
    asked = biomill("sql", str(tmp_path / "out"), "FROM samples")
    assert_clear(asked, "samples is not there yet", "stage shards", "biomill run")


def test_a_folder_that_is_no_run_is_said(tmp_path: Path) -> None:
    for verb in (("status",), ("verify",), ("explain", "x"), ("sql", "SELECT 1")):
        assert_clear(biomill(verb[0], str(tmp_path), *verb[1:]), "not the output folder of a run")


def test_a_wrong_question_is_answered_with_help(demo: Demo) -> None:
    assert_clear(biomill("sql", str(demo.out), "SELECT nope FROM samples"), "nope", "DESCRIBE")
    assert_clear(biomill("explain", str(demo.out), "no-such-id"), "no-such-id")


def test_connect_to_changes_no_digest(demo: Demo, tmp_path: Path) -> None:
    out = Path(shutil.copytree(demo.out, tmp_path / "out"))
    lines: list[str] = []
    moved = replace(demo.recipe, fetch=replace(demo.recipe.fetch, connect_to=connect_to("127.0.0.1:9")))
    run(moved, out, until="screen", progress=lines.append)
    assert all(line.endswith("done before") for line in lines)
