"""A worker's marks tell one that was killed from one that ended, and one that failed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from pipeline.engine.deaths import deaths
from pipeline.engine.sdk_worker import MODULE, command_of


def marked(marks: Path, code: str) -> subprocess.Popen[bytes]:
    """Start a process as a worker is started, with other work."""
    command = command_of(str(marks), False).replace(f"-m {MODULE}", f"-c {code!r}")
    assert code in command
    return subprocess.Popen(command, shell=True)


def test_only_a_process_that_is_gone_without_its_mark_is_dead(tmp_path: Path) -> None:
    killed = marked(tmp_path, "import time; time.sleep(60)")
    while not (tmp_path / f"{killed.pid}.log").exists():
        pass
    assert deaths(tmp_path) == []
    killed.kill()
    while not deaths(tmp_path):  # a zombie is dead, too
        pass
    (found,) = deaths(tmp_path)
    killed.wait()
    assert deaths(tmp_path) == [found]
    assert (found.pid, found.killed) == (killed.pid, True)
    (tmp_path / f"{killed.pid}.ended").touch()
    assert deaths(tmp_path) == []


def test_a_worker_that_fails_by_itself_tells_why(tmp_path: Path) -> None:
    command = command_of(str(tmp_path), False, "localhost:1", "id").replace(MODULE, f"{MODULE} ")
    where = f"{str(tmp_path)!r}, str({os.getpid()}), 'a:1'"
    code = f"import sys; sys.modules['apache_beam'] = None; from {MODULE} import main; main({where})"
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-c", code], stderr=log)
        process.wait()
    assert command.endswith(f"2>{tmp_path}/$$.log")
    (tmp_path / "log").rename(tmp_path / f"{process.pid}.log")
    (found,) = deaths(tmp_path)
    assert not found.killed
    assert found.last_words.startswith("ModuleNotFoundError: ")
