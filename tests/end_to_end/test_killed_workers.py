"""A killed worker process ends the run with a message; the next run, with other workers or runner, ends the same."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from pipeline.engine.sdk_worker import NAME
from tests.conftest import Demo, assert_same_run
from tests.end_to_end.commands import command


def sdk_workers(pid: int, since: float = 0.0) -> list[psutil.Process]:
    """Return the SDK worker processes below `pid` that were started after `since`."""
    found = []
    for child in psutil.Process(pid).children(recursive=True):
        try:
            name, started = child.name(), child.create_time()
        except psutil.Error:
            continue
        if name == NAME and started >= since:
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
