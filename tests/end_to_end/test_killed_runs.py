"""Same input, same bytes: however often the run was killed or interrupted, and in whatever state."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

from tests.conftest import Demo, assert_same_run, checksums
from tests.end_to_end.commands import command, no_half_files

KILLS = 10


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
