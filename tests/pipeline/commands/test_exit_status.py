"""Every exit status, by a real process with a real cause; and the one table of them in the docs."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from pipeline.model.exit_status import ExitStatus

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-m", "pipeline.commands.cli"]
RECIPE = 'name = "a"\n[[sources]]\nname = "b"\nkind = "eol"\npath = "none"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "licences.txt").write_text("CC0\n")
    (tmp_path / "recipe.toml").write_text(RECIPE)
    (tmp_path / "held.txt").write_text("Puma concolor\n")
    (tmp_path / "train.txt").write_text("Puma concolor\n")
    (tmp_path / "refused.csv").write_text("url\nftp://example.org/a.jpg\n")
    (tmp_path / "urls.csv").write_text("url\nhttp://example.org/a.jpg\n")
    Image.linear_gradient("L").save(tmp_path / "a.jpg")
    return tmp_path


CAUSES = [
    (ExitStatus.DONE, "licences licences.txt", "CC0"),
    (ExitStatus.DONE, "run --help", "examples:"),
    (ExitStatus.FAILED, "licences none.txt", "does not exist"),
    (ExitStatus.FAILED, "leakage taxa --heldout held.txt --train train.txt", "1 of 1 held-out classes"),
    (ExitStatus.MISUSED, "", "usage: biomill"),
    (ExitStatus.MISUSED, "licences", "arguments are required"),
    (ExitStatus.MISUSED, "run recipe.toml -o out --unti screen", "did you mean '--until'?"),
    (ExitStatus.MISUSED, "run recipe.toml -o out", "no such file or folder"),
    (ExitStatus.MISUSED, "recipe none.toml", "no such recipe"),
    (ExitStatus.MISUSED, "demo -o out --species 24", "--biota tree beside it"),
    (ExitStatus.MISUSED, "demo -o out --biota tree --species 24 --unseen-genera 9", "0 to 3"),
    (ExitStatus.MISUSED, "demo -o out --biota tree --children tribe=2", "none of genus, family"),
    (ExitStatus.MISUSED, "demo -o out --biota tree --children genus=17", "1 to 16"),
    (ExitStatus.MISUSED, "demo -o out --children genus=3", "--children says nothing"),
    (ExitStatus.MISUSED, "run recipe.toml -o out --workers -1", "--workers"),
    (ExitStatus.MISUSED, "fetch refused.csv -o out --retry nonsense", "no such outcome"),
    (ExitStatus.MISUSED, "fetch refused.csv -o out --side 0 --quality 101", "2 errors in the command line"),
    (ExitStatus.MISUSED, "fetch urls.csv -o out --no-robots", "without saying who asks"),
    (ExitStatus.NOTHING_KEPT, "fetch refused.csv -o out", "0 of 1 rows have an image"),
    (ExitStatus.PARTLY, "images a.jpg none.jpg", "not read: none.jpg"),
]


@pytest.mark.parametrize(("status", "line", "told"), CAUSES, ids=[f"{int(s)} {line}" for s, line, _ in CAUSES])
def test_a_command_ends_with_its_status(status: ExitStatus, line: str, told: str, folder: Path) -> None:
    done = subprocess.run([*COMMAND, *line.split()], cwd=folder, capture_output=True, text=True, timeout=120)
    assert told in done.stdout + done.stderr
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_extra_is_misuse(folder: Path) -> None:
    """A process in which the extra's library cannot be found, as where it is not installed."""
    code = (
        "import sys; sys.modules['cykooz_resizer'] = None; from pipeline.commands.cli import main; "
        "sys.exit(main(['images', 'a.jpg', '--resampler', 'cykooz-resizer']))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == ExitStatus.MISUSED
    assert "pip install 'biomill[fast]'" in done.stderr


def test_a_lost_network_ends_with_three_and_the_command_that_goes_on(folder: Path) -> None:
    """The one way out is a proxy that is not there."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: every connection is refused
        typed = ["fetch", "urls.csv", "-o", "out", "--contact", "me@example.org", "--no-robots", "--patience", "1"]
        env = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        env["http_proxy"] = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        done = subprocess.run([*COMMAND, *typed], cwd=folder, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == ExitStatus.NETWORK_LOST, done.stderr
    assert f"go on:  biomill {' '.join(typed)}" in done.stderr


def test_an_interrupted_command_ends_with_130(folder: Path) -> None:
    """A host that takes a connection and never answers, and Ctrl-C meanwhile."""
    with socket.socket() as host:
        host.bind(("127.0.0.1", 0))
        host.listen()
        host.settimeout(100)
        (folder / "urls.csv").write_text(f"url\nhttp://127.0.0.1:{host.getsockname()[1]}/a.jpg\n")
        typed = ["fetch", "urls.csv", "-o", "out", "--contact", "me@example.org", "--allow-private", "127.0.0.1"]
        process = subprocess.Popen([*COMMAND, *typed], cwd=folder, stderr=subprocess.PIPE, text=True)
        taken, _ = host.accept()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=100)
        taken.close()
    assert process.returncode == ExitStatus.INTERRUPTED
    assert "run the same command again to go on" in told


def test_every_status_has_a_cause_here_and_a_row_in_the_one_table_of_the_docs() -> None:
    tested = {status for status, _, _ in CAUSES} | {ExitStatus.NETWORK_LOST, ExitStatus.INTERRUPTED}
    assert tested == set(ExitStatus)
    rows: dict[str, dict[int, str]] = {}
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for number, meaning in re.findall(r"^\| (\d+) \| (.+) \|$", page.read_text(encoding="utf-8"), re.MULTILINE):
            rows.setdefault(page.name, {})[int(number)] = meaning
    assert list(rows) == ["commands.md"]
    assert list(rows["commands.md"]) == [int(status) for status in ExitStatus]
    assert all(rows["commands.md"].values())
