"""Run a command and say what it and all its processes cost."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_INTERVAL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU and wall seconds, and the peak of the summed resident memory in MB, of one command."""

    cpu: float
    wall: float
    rss_mb: float


def run_metered(command: Sequence[str], env: dict[str, str], log: Path) -> Spent:
    """Run to the end; raises RuntimeError with the log's tail when it fails.

    CPU is what the kernel charged to the process and to its reaped children; memory is sampled ten times a second.
    """
    with log.open("wb") as out:
        started = time.monotonic()
        process = subprocess.Popen(command, env={**os.environ, **env}, stdout=out, stderr=subprocess.STDOUT)
        stop, peak = threading.Event(), [0]
        watch = threading.Thread(target=_watch, args=(process.pid, stop, peak), daemon=True)
        watch.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        stop.set()
        watch.join()
    if process.returncode:
        raise RuntimeError(f"{command[:3]} failed:\n{log.read_text(errors='replace')[-3000:]}")
    return Spent(usage.ru_utime + usage.ru_stime, wall, peak[0] / 2**20)


def _watch(pid: int, stop: threading.Event, peak: list[int]) -> None:
    while not stop.wait(_INTERVAL_SECONDS):
        total = 0
        try:
            root = psutil.Process(pid)
            family = [root, *root.children(recursive=True)]
        except psutil.Error:  # ended between two looks
            continue
        for process in family:
            try:
                total += process.memory_info().rss
            except psutil.Error:
                continue
        peak[0] = max(peak[0], total)
