"""The process that runs pipelines, its services and its workers end with whoever asked for them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from pipeline.engine.sdk_worker import NAME

CODE = """
import sys, time
from pathlib import Path
from pipeline.engine.engine import Engine, EngineOptions
with Engine(EngineOptions(*sys.argv[1:2], workers=2)) as engine:
    engine.run_units("sleep", [300.0] * 2, time.sleep, Path(sys.argv[2]))
"""


@pytest.mark.parametrize(("runner", "workers"), [("local", 2), ("portable", 1)])
def test_nothing_is_left_of_a_run_whose_process_was_killed(runner: str, workers: int, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", CODE, runner, str(tmp_path)]) as process:
        family: list[psutil.Process] = []
        while process.poll() is None:
            family = psutil.Process(process.pid).children(recursive=True)
            with contextlib.suppress(psutil.Error):
                if sum(each.name() == NAME for each in family) == workers:
                    break
            time.sleep(0.05)
        process.kill()
    assert len(family) == 4  # with the one that runs the pipeline, the one that workers are forks of, the job service
    _, alive = psutil.wait_procs(family, timeout=60)
    assert not [each.cmdline() for each in alive]
