"""On a terminal a stage has one line, which changes; nothing that was said otherwise is lost."""

from __future__ import annotations

import io
import logging
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.commands.options.live_lines import LiveLines
from tests.conftest import Demo


def seen(written: str, wide: int = 200) -> list[str]:
    """Return the lines that a terminal shows in the end."""
    shown = [""]
    for part in re.split(r"(\r\x1b\[2K|\r?\n)", written):
        if part in ("\n", "\r\n"):
            shown.append("")
        elif part == "\r\x1b[2K":
            shown[-1] = ""
        else:
            shown[-1] += part
    assert all(len(line) <= wide for line in shown)
    return [line for line in shown if line]


def written(*messages: str, level: int = logging.INFO) -> str:
    stream = io.StringIO()
    handler = LiveLines(stream)
    for message in messages:
        handler.emit(logging.makeLogRecord({"msg": message, "levelno": level}))
    handler.end_line()
    return stream.getvalue()


def test_a_stage_has_one_line_and_other_messages_stay_above_it() -> None:
    lines = seen(written("ingest: started", "ingest: gbif: 9 rows", "warning: look", "ingest: eol: 1 row"))
    assert lines[0] == "warning: look"
    assert re.fullmatch(r"ingest: eol: 1 row  \d+ s", lines[1]) and len(lines) == 2


def test_what_a_stage_came_to_stays() -> None:
    told = written("screen: started", "screen: done in 1.0 s", "fetch: started", "fetch: done before")
    assert seen(told) == ["screen: done in 1.0 s", "fetch: done before"]


def test_a_warning_of_a_stage_stays() -> None:
    assert seen(written("fetch: a host is dead", "fetch: another", level=logging.WARNING)) == [
        "fetch: a host is dead",
        "fetch: another",
    ]


def test_a_line_is_never_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    (line,) = seen(written("fetch: " + "word " * 50), wide=39)
    assert re.search(r"…  \d+ s$", line)


def run_command(demo: Demo, folder: Path) -> list[str]:
    return [sys.executable, "-m", "pipeline.commands.cli", "run", str(demo.corpus.recipe), "-o", str(folder / "out")]


def test_a_run_on_a_real_terminal_shows_a_line_a_stage(demo: Demo, tmp_path: Path) -> None:
    command = run_command(demo, tmp_path)
    ours, theirs = pty.openpty()
    env = {name: value for name, value in os.environ.items() if name != "CI"} | {"TERM": "xterm", "COLUMNS": "100"}
    running = subprocess.Popen([*command, "--until", "screen"], stderr=theirs, stdout=theirs, env=env)
    os.close(theirs)
    data = bytearray()
    while True:
        try:
            more = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not more:
            break
        data += more
    os.close(ours)
    assert running.wait() == 0
    lines = seen(data.decode())
    stages = [line.split(":")[0] for line in lines if re.match(r"(ingest|resolve|holdout|screen): done in", line)]
    assert stages == ["ingest", "resolve", "holdout", "screen"]
    assert not [line for line in lines if ": started" in line]


def test_in_a_pipe_every_message_is_a_line(demo: Demo, tmp_path: Path) -> None:
    command = run_command(demo, tmp_path)
    done = subprocess.run([*command, "--until", "ingest"], capture_output=True, text=True, check=True)
    assert "\x1b" not in done.stderr and "ingest: started\n" in done.stderr


def test_status_is_said_again_until_the_run_is_done(demo: Demo, tmp_path: Path) -> None:
    out = tmp_path / "out"
    subprocess.run([*run_command(demo, tmp_path), "--until", "ingest"], check=True, capture_output=True)
    command = [sys.executable, "-m", "pipeline.commands.cli", "status", "--watch", "1"]
    with subprocess.Popen([*command, str(out)], stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        told = [next(line for line in watching.stdout if line.startswith("ingest")) for _ in range(2)]
        assert told[0] == told[1] and watching.poll() is None
        watching.kill()
    done = subprocess.run([*command, str(demo.out)], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.count("ingest") == subprocess.run(
        [*command[:-2], str(demo.out)], capture_output=True, text=True, check=True
    ).stdout.count("ingest")
