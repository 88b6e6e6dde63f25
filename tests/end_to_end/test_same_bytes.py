"""Same input, same bytes: whatever the runner, the workers, the order of rows, and however often the run was killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from manifests import load_recipe
from pipeline.demo import build_corpus, connect_to, serve
from pipeline.demo.run import connected
from pipeline.run.driver import run
from pipeline.run.engine import EngineOptions
from tests.conftest import Demo, assert_same_run, checksums

KILLS = 10


def command(demo: Demo, out: Path, *more: str) -> list[str]:
    hosts = ", ".join(f'"{entry}"' for entry in connect_to(demo.server.address))
    set_hosts = ["--set", f"fetch.connect_to=[{hosts}]"]
    return [sys.executable, "-m", "pipeline.cli", "run", str(demo.corpus.recipe), "-o", str(out), *set_hosts, *more]


def test_a_second_run_gives_the_same_bytes(demo: Demo, tmp_path: Path) -> None:
    run(demo.recipe, tmp_path / "out")
    assert_same_run(demo.out, tmp_path / "out")


def test_shuffled_source_rows_give_the_same_bytes(demo: Demo, tmp_path: Path) -> None:
    corpus = build_corpus(tmp_path / "shuffled", shuffle=5)
    with serve(corpus.folder) as server:
        run(connected(load_recipe(corpus.recipe), server.address), tmp_path / "out")
    assert_same_run(demo.out, tmp_path / "out")


@pytest.mark.parametrize(
    "options",
    [EngineOptions(workers=2), EngineOptions(runner="portable")],
    ids=["two worker processes", "job service and SDK workers apart"],
)
def test_another_runner_gives_the_same_bytes(demo: Demo, tmp_path: Path, options: EngineOptions) -> None:
    run(demo.recipe, tmp_path / "out", options=options)
    assert_same_run(demo.out, tmp_path / "out")


def no_half_files(out: Path) -> Iterator[str]:
    """Name what has a final name and is not whole."""
    import pyarrow.parquet as pq

    from pipeline.shards import walk

    for path in sorted(out.rglob("*.parquet")):
        if not path.name.startswith(".tmp-"):
            try:
                pq.read_metadata(path)
            except Exception as error:  # noqa: BLE001 - any failure to read is the finding
                yield f"{path}: {error}"
    for path in sorted(out.rglob("*.tar")):
        if not path.name.startswith(".tmp-"):
            list(walk(path))


def test_a_run_killed_ten_times_gives_the_same_bytes(demo: Demo, tmp_path: Path) -> None:
    order, killed, ended = random.Random(7), 0, 0
    longest, out, messages = 9.0, tmp_path / "out-0", tmp_path / "messages.txt"
    while killed < KILLS:
        begun = time.monotonic()
        with messages.open("w") as stderr:
            process = subprocess.Popen(command(demo, out), stderr=stderr, stdout=subprocess.DEVNULL)
        # From before the first file to the last stage: a later kill meets a run that is further on.
        try:
            process.wait(timeout=order.uniform(min(1.0, longest / 2), longest))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            killed += 1
        process.wait()
        assert process.returncode in (0, -signal.SIGKILL), messages.read_text()
        assert list(no_half_files(out)) == []
        if process.returncode == 0:
            # It came to its end before the kill: begin again in a new folder, and on a quick machine kill sooner.
            assert checksums(out) == checksums(demo.out)
            ended += 1
            longest = min(longest, max(time.monotonic() - begun, 0.5))
            out = tmp_path / f"out-{ended}"
    subprocess.run(command(demo, out), check=True, stdout=subprocess.DEVNULL)
    assert_same_run(demo.out, out)


def sdk_workers(pid: int, since: float = 0.0) -> list[psutil.Process]:
    """Give the SDK worker processes below `pid` that were started after `since`."""
    found = []
    for child in psutil.Process(pid).children(recursive=True):
        try:
            line, started = " ".join(child.cmdline()), child.create_time()
        except psutil.Error:
            continue
        if "sdk_worker" in line and "worker_pool" not in line and started >= since:
            found.append(child)
    return found


@pytest.mark.parametrize("more", [("--workers", "2"), ("--runner", "portable")], ids=["local", "portable"])
def test_a_killed_worker_is_a_message_within_a_minute_and_the_next_run_ends_the_same(
    demo: Demo, tmp_path: Path, more: tuple[str, ...]
) -> None:
    out = tmp_path / "out"
    process = subprocess.Popen(command(demo, out, *more), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    while not (out / "fetch" / "_plan.json").exists() and process.poll() is None:
        time.sleep(0.02)
    # Workers of the stage before may still be on their way out; one of this stage holds its work.
    begun = (out / "fetch" / "_plan.json").stat().st_mtime
    while process.poll() is None and not (workers := sdk_workers(process.pid, begun)):
        time.sleep(0.02)
    workers[0].send_signal(signal.SIGKILL)
    started = time.monotonic()
    _, messages = process.communicate(timeout=60)
    assert time.monotonic() - started < 60
    assert process.returncode == 1, messages
    assert "worker process" in messages
    assert "run the same command again" in messages
    assert "Traceback" not in messages
    subprocess.run(command(demo, out, *more), check=True, stdout=subprocess.DEVNULL)
    assert_same_run(demo.out, out)


def test_an_interrupted_run_says_so_and_goes_on(demo: Demo, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = subprocess.Popen(
        command(demo, out), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True
    )
    while not (out / "screen" / "_plan.json").exists() and process.poll() is None:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, messages = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in messages
    assert "Traceback" not in messages
    assert list(no_half_files(out)) == []
    subprocess.run(command(demo, out), check=True, stdout=subprocess.DEVNULL)
    assert_same_run(demo.out, out)
