"""Before work goes to other machines one unit says whether they see the folder, write it, and have one version."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from pipeline.engine.engine import Engine
from pipeline.engine.failures import Report
from pipeline.engine.options import PORTABLE, EngineOptions
from pipeline.engine.pipelines import Job, run_pipeline
from pipeline.engine.probe import Probe, differences, versions
from pipeline.model.errors import RunError, StorageError
from pipeline.storage.places import Place, place


def looked(probe: Probe) -> None:
    """Run the probe's graph on Beam, in this process."""
    run_pipeline(Job(probe, Report("probe", probe.folder), EngineOptions(), 1))


@pytest.mark.parametrize("kind", ["disk", "memory"])
def test_a_worker_that_sees_the_folder_answers_and_nothing_is_left(tmp_path: Path, kind: str) -> None:
    folder: Place = tmp_path if kind == "disk" else place(f"memory://{uuid.uuid4().hex}/run")
    probe = Probe(str(folder))
    probe.ask()
    looked(probe)
    probe.check()
    assert list(folder.iterdir()) == []


def test_a_worker_that_does_not_see_the_folder_says_on_which_machine(tmp_path: Path) -> None:
    probe = Probe(str(tmp_path))
    with pytest.raises(StorageError, match=r"a worker on .* does not see the output folder") as caught:
        probe.answer(b"")
    assert "s3://" in caught.value.remedy and str(tmp_path) in caught.value.where


def test_what_is_written_into_another_folder_of_the_same_name_is_found_out(tmp_path: Path) -> None:
    probe = Probe(str(tmp_path))
    probe.ask()
    with pytest.raises(StorageError, match="does not come to this machine"):
        probe.check()
    assert list(tmp_path.iterdir()) == []


def test_other_versions_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    probe = Probe(str(tmp_path))
    probe.ask()
    here = versions()
    monkeypatch.setattr("pipeline.engine.probe.versions", lambda: {**here, "duckdb": "1.4.1", "python": "3.99"})
    with pytest.raises(RunError, match=r"duckdb 1\.4\.1 there, .* here; python 3\.99 there") as caught:
        probe.answer(b"")
    assert "same versions" in caught.value.remedy
    assert differences(here, here) == "" and set(here) >= {"python", "biomill", "apache-beam", "duckdb", "pyarrow"}


_SERVICE = """
import sys, time
from apache_beam.runners.portability.local_job_service import LocalJobServicer
from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer
pool, _ = BeamFnExternalWorkerPoolServicer.start(use_process=True)
print(LocalJobServicer().start_grpc_server(), pool, flush=True)
time.sleep(600)
"""


@contextmanager
def elsewhere(*before: str) -> Iterator[EngineOptions]:
    """Yield the options of a job service whose workers are other processes, started behind some words."""
    command = [*before, sys.executable, "-c", _SERVICE]
    # The pool starts what is called `python`.
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    service = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment, start_new_session=True
    )
    try:
        assert service.stdout is not None
        port, pool = service.stdout.readline().split()
        options = ("--environment_type=EXTERNAL", f"--environment_config={pool}")
        yield EngineOptions(PORTABLE, 1, f"localhost:{port}", options)
    finally:
        os.killpg(service.pid, signal.SIGKILL)
        service.wait()


def test_units_go_to_a_job_service_after_one_look(tmp_path: Path) -> None:
    with elsewhere() as options, Engine(options) as engine:
        engine.run_units("touch", [tmp_path / name for name in "abc"], Path.touch, tmp_path)
        engine.run_units("touch", [tmp_path / "d"], Path.touch, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c", "d"]


def test_workers_that_see_another_disk_are_told_in_one_sentence(tmp_path: Path) -> None:
    """The workers' machine has a disk of its own at the folder's path."""
    hidden = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", str(tmp_path)], capture_output=True)
    if hidden.returncode:
        pytest.skip("mount namespaces need rights that this user lacks")
    words = ("unshare", "-m", "sh", "-c", f'mount -t tmpfs none {tmp_path} && exec "$@"', "sh")
    began = time.monotonic()
    with (
        elsewhere(*words) as options,
        Engine(options) as engine,
        pytest.raises(StorageError, match=r"a worker on .* does not see the output folder") as caught,
    ):
        engine.run_units("touch", [tmp_path / "a"], Path.touch, tmp_path)
    assert time.monotonic() - began < 120
    assert "Traceback" not in str(caught.value) and list(tmp_path.iterdir()) == []


def test_the_look_ends_with_the_one_who_waits_for_it(tmp_path: Path) -> None:
    with elsewhere() as options, Engine(options) as engine:
        with closing(engine.follow("touch", [tmp_path / "a"], Path.touch, tmp_path)) as steps:
            next(steps)
        assert not list(tmp_path.glob(".tmp-probe-*"))
