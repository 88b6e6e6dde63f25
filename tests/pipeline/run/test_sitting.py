"""Whether a run goes on, and how the last one ended, told by its lock and its note."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pipeline.model.errors import NetworkLostError, RunError
from pipeline.run.sitting import Sitting, last_sitting, sitting
from pipeline.storage.run_folder import RunFolder

HOLDS = """
import sys, time
from pathlib import Path
from pipeline.storage.run_folder import RunFolder
from pipeline.run.sitting import sitting
folder = RunFolder(Path(sys.argv[1]))
with folder.lock(), sitting(folder, "fetch") as begin:
    begin()
    print("held", flush=True)
    time.sleep(60)
"""


def ended(folder: RunFolder, until: str, error: BaseException | None) -> Sitting:
    try:
        with folder.lock(), sitting(folder, until) as begin:
            begin()
            assert last_sitting(folder).state == "running"
            assert last_sitting(folder).pid == os.getpid()
            if error:
                raise error
    except BaseException as raised:  # noqa: BLE001 - whatever ends a run
        assert raised is error
    return last_sitting(folder)


def test_every_end_is_told_from_every_other(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert last_sitting(folder) == Sitting("unknown")
    lost = NetworkLostError("the network is lost", remedy="mend it")
    ends: list[tuple[str, str, BaseException | None, str]] = [
        ("done", "catalog", None, ""),
        ("until", "screen", None, ""),
        ("network_lost", "catalog", lost, "the network is lost\n  remedy: mend it"),
        ("failed", "catalog", RunError("no such file"), "no such file"),
        ("failed", "catalog", ZeroDivisionError("by 0"), "ZeroDivisionError: by 0"),
        ("interrupted", "catalog", KeyboardInterrupt(), ""),
    ]
    for state, until, error, message in ends:
        found = ended(folder, until, error)
        assert (found.state, found.until, found.message) == (state, until, message)
        assert found.ended >= found.started > ""


def test_a_run_that_was_killed_is_told_from_one_that_goes_on(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    process = subprocess.Popen([sys.executable, "-c", HOLDS, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    found = last_sitting(folder)
    assert (found.state, found.pid, found.until, found.ended) == ("running", process.pid, "fetch", "")
    with pytest.raises(RunError, match="another run"), folder.lock():
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate()
    found = last_sitting(folder)
    assert (found.state, found.pid, found.ended) == ("killed", process.pid, "")


def test_whoever_asks_stops_no_run_that_begins(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with folder.lock():
        pass
    handle = os.open(tmp_path / ".lock", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_SH)

    def leave() -> None:
        time.sleep(0.06)
        os.close(handle)

    thread = threading.Thread(target=leave)
    thread.start()
    with folder.lock():
        assert folder.held()
    thread.join()
    assert not folder.held()


def test_a_folder_that_is_not_our_own_gets_no_note(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with pytest.raises(RunError), folder.lock(), sitting(folder, "catalog"):
        raise RunError("the output folder holds other things")
    assert not (tmp_path / ".run.json").exists()
