"""One run holds a folder at an address; the next is told who, and goes on where a dead one stopped."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import pytest

from pipeline.model.errors import RunError
from pipeline.storage.places import Lease, RemotePath
from pipeline.storage.places.lease import FOLDER
from pipeline.storage.run_folder import RunFolder

QUICK = {"renew": 0.3, "stale": 2.5}  # S3 states times in whole seconds


def test_a_second_run_is_told_who_holds_the_folder(address: RemotePath) -> None:
    with Lease(address, **QUICK).held():
        time.sleep(2 * QUICK["stale"])
        with (
            pytest.raises(RunError, match="another run is writing this folder") as caught,
            Lease(address, **QUICK).held(),
        ):
            pass
        assert f"process {os.getpid()} on {socket.gethostname()}" in str(caught.value)
        holder = Lease(address, **QUICK).holder()
        assert holder is not None and holder.pid == os.getpid()
    assert Lease(address, **QUICK).holder() is None
    with Lease(address, **QUICK).held():
        pass


def test_of_many_that_come_at_once_one_alone_gets_the_folder(address: RemotePath) -> None:
    gate, results = threading.Barrier(8), []

    def come() -> None:
        gate.wait()
        try:
            with Lease(address, **QUICK).held():
                results.append("held")
                gate.wait()
        except RunError as error:
            results.append(error.what)
            gate.wait()

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count("held") == 1 and len(results) == 8


_HOLD = """
import sys, time
from pipeline.storage.places import Lease, RemotePath
with Lease(RemotePath.of(sys.argv[1]), 0.3, 2.5).held():
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_lease_of_a_killed_run_is_taken_over_when_it_is_stale(address: RemotePath) -> None:
    holder = subprocess.Popen([sys.executable, "-c", _HOLD, str(address)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with pytest.raises(RunError, match=f"process {holder.pid}"), Lease(address, **QUICK).held():
        pass
    time.sleep(QUICK["stale"] + 1.5)
    lease = Lease(address, **QUICK)
    with lease.held():
        lease.check()
        assert len([name for name in (address / FOLDER).listing() if name.endswith(".json")]) == 1


def test_a_holder_whose_lease_was_taken_is_told_and_releases_nothing(address: RemotePath) -> None:
    lease = Lease(address, **QUICK)
    with lease.held():
        lease.check()
        # As a run does that found this one asleep for longer than a minute.
        taken = {"owner": "other", "machine": "elsewhere", "pid": 7, "began": "2026-01-01T00:00:00", "released": False}
        (address / FOLDER / "000002.json").write_text(json.dumps(taken))
        time.sleep(4 * QUICK["renew"])
        with pytest.raises(RunError, match="process 7 on elsewhere holds it"):
            lease.check()
    holder = Lease(address, **QUICK).holder()
    assert holder is not None and holder.owner == "other"


def test_the_clock_of_this_machine_decides_nothing(address: RemotePath, monkeypatch: pytest.MonkeyPatch) -> None:
    with Lease(address, **QUICK).held():
        for skew in (-86_400.0, 86_400.0):
            monkeypatch.setattr(time, "time", lambda skew=skew: time.monotonic() + skew)
            with pytest.raises(RunError, match="another run"), Lease(address, **QUICK).held():
                pass


def test_a_damaged_lease_holds_nobody_off(address: RemotePath) -> None:
    (address / FOLDER / "000009.json").write_bytes(b"\x00no json")
    with Lease(address, **QUICK).held():
        assert sorted(name for name in (address / FOLDER).listing() if name.endswith(".json")) == ["000010.json"]


def test_stores_without_times_are_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    def unknown(*_: object) -> None:
        raise NotImplementedError

    monkeypatch.setattr(MemoryFileSystem, "modified", unknown)
    root = RemotePath.of(f"memory://{uuid.uuid4().hex}")
    (root / FOLDER / "000001.json").write_bytes(
        json.dumps({"owner": "x", "machine": "m", "pid": 1, "began": "", "released": False}).encode()
    )
    began = time.monotonic()
    with Lease(root, renew=0.1, stale=0.5).held():
        assert time.monotonic() - began > 0.5


def test_a_run_folder_is_locked_by_a_lease_at_an_address(address: RemotePath, tmp_path: Path) -> None:
    for root in (tmp_path / "run", address):
        folder = RunFolder(root)
        assert not folder.held()
        with folder.lock() as still_held:
            still_held()
            assert folder.held()
            with pytest.raises(RunError, match="another run is writing this folder"), RunFolder(root).lock():
                pass
        assert not folder.held()
