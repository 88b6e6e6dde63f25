"""What can be made again is made once by whoever needs it first, and never read as anything but what was made."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.model.errors import FeedError, StorageError
from pipeline.storage.files.cache import ENTRY, FOLDER, GIGABYTES, Cache, Facts, cache_folder, cache_limit

ROOT = Path(__file__).parents[3]
BUILDER = """
import os, sys, time
from pathlib import Path
from pipeline.storage.files.cache import Cache

root, log, text, wait = Path(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4])

def write(folder):
    with open(log, "a") as file:
        file.write(f"{os.getpid()}\\n")
    (folder / "text").write_text(text)
    time.sleep(wait)
    return {"length": len(text)}

def read(folder, facts):
    found = (folder / "text").read_text()
    assert len(found) == facts["length"]
    return found

print(Cache(root, 1).get("words", write, read), flush=True)
"""


def start(root: Path, log: Path, text: str, wait: float = 0) -> subprocess.Popen[str]:
    """Ask for the entry `words` in a process of its own, which notes in `log` when it makes it."""
    command = [sys.executable, "-c", BUILDER, str(root), str(log), text, str(wait)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


def writes(text: str) -> Callable[[Path], Facts]:
    def write(folder: Path) -> Facts:
        (folder / "text").write_text(text)
        return {"length": len(text)}

    return write


def read(folder: Path, facts: Facts) -> str:
    found = (folder / "text").read_text()
    if len(found) != facts["length"]:
        raise ValueError(found)
    return found


def never(folder: Path) -> Facts:
    raise AssertionError("made again")


def begun(log: Path, makers: int) -> None:
    """Wait until so many processes have begun to make the entry."""
    while not log.exists() or len(log.read_text().splitlines()) < makers:
        time.sleep(0.01)


def test_many_processes_make_an_entry_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    asking = [start(tmp_path / "cache", log, f"text {number}", 0.5) for number in range(6)]
    said = {process.communicate()[0] for process in asking}
    assert len(said) == 1 and len(log.read_text().splitlines()) == 1


def test_who_waits_for_a_killed_maker_makes_it(tmp_path: Path) -> None:
    root, log = tmp_path / "cache", tmp_path / "log"
    killed = start(root, log, "killed", 600)
    begun(log, 1)
    waiting = start(root, log, "whole")
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert waiting.communicate()[0] == "whole\n"
    assert Cache(root, 1).get("words", never, read) == "whole"
    assert [path.name for path in root.iterdir() if path.is_dir()] == ["words"]  # and what the first left is away


def truncate(folder: Path) -> None:
    os.truncate(folder / "text", 3)


def overwrite(folder: Path) -> None:
    with (folder / "text").open("r+") as file:
        file.write("LYNX")  # as long as it was


def lose(folder: Path) -> None:
    (folder / "text").unlink()


def add(folder: Path) -> None:
    (folder / "more").touch()


def empty_list(folder: Path) -> None:
    (folder / ENTRY).write_text("")


def strange_list(folder: Path) -> None:
    (folder / ENTRY).write_text("[1, 2]")


def other_version(folder: Path) -> None:
    stated = json.loads((folder / ENTRY).read_text())
    (folder / ENTRY).write_text(json.dumps({**stated, "version": 2}))


def other_facts(folder: Path) -> None:
    stated = json.loads((folder / ENTRY).read_text())
    (folder / ENTRY).write_text(json.dumps({**stated, "facts": {}}))


@pytest.mark.parametrize(
    "damage", [truncate, overwrite, lose, add, empty_list, strange_list, other_version, other_facts]
)
def test_a_damaged_entry_is_made_anew(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    cache = Cache(tmp_path, 1)
    assert cache.get("words", writes("Lynx lynx"), read) == cache.get("words", never, read) == "Lynx lynx"
    time.sleep(0.01)  # file systems tell times apart that are this far from each other
    damage(tmp_path / "words")
    assert cache.find("words", read) is None
    assert cache.get("words", writes("Puma concolor"), read) == "Puma concolor"
    assert cache.get("words", never, read) == "Puma concolor"


def test_an_entry_of_another_version_is_made_anew(tmp_path: Path) -> None:
    Cache(tmp_path, 1).get("words", writes("old"), read)
    assert Cache(tmp_path, 2).get("words", writes("new"), read) == "new"
    assert Cache(tmp_path, 1).find("words", read) is None


def test_a_failure_of_the_source_leaves_nothing_and_is_told(tmp_path: Path) -> None:
    def fail(folder: Path) -> Facts:
        (folder / "text").write_text("half")
        raise FeedError("the source is none")

    with pytest.raises(FeedError, match="is none"):
        Cache(tmp_path, 1).get("words", fail, read)
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]
    assert Cache(tmp_path, 1).get("words", writes("whole"), read) == "whole"


def test_without_a_folder_that_can_be_written_what_is_read_is_private(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    cache = Cache(tmp_path / "file" / "cache", 1)
    assert cache.get("words", writes("for me"), read) == "for me"
    assert "is not used" in caplog.text and FOLDER in caplog.text
    assert cache.find("words", read) is None


def test_a_full_disk_is_told_and_what_is_read_is_private(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    places = []

    def write(folder: Path) -> Facts:
        places.append(folder)
        if folder.is_relative_to(tmp_path):
            raise OSError(28, "No space left on device")
        return writes("elsewhere")(folder)

    assert Cache(tmp_path, 1).get("words", write, read) == "elsewhere"
    assert "No space left" in caplog.text
    assert len(places) == 2 and not any(place.exists() for place in places)


def test_entries_that_were_not_used_for_longest_go_first(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 1, limit=2500)
    for name in ("first", "second"):
        cache.get(name, writes("x" * 1000), read)
        time.sleep(0.02)
    cache.get("first", never, read)
    time.sleep(0.02)
    cache.get("third", writes("y" * 1000), read)
    assert cache.find("second", read) is None
    assert cache.find("first", read) and cache.find("third", read)
    cache.get("large", writes("z" * 9000), read)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["large"]
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] in (["large.lock"], [])


def test_what_others_are_making_is_not_removed(tmp_path: Path) -> None:
    root, log = tmp_path / "cache", tmp_path / "log"
    making = start(root, log, "slow", 1.0)
    begun(log, 1)
    Cache(root, 1, limit=0).get("other", writes("quick"), read)
    assert making.communicate()[0] == "slow\n"
    assert len(log.read_text().splitlines()) == 1


def test_the_folder_is_the_one_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path / "named"))
    assert cache_folder() == tmp_path / "named"
    monkeypatch.delenv(FOLDER)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "biomill"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "biomill"
    monkeypatch.setenv(GIGABYTES, "0.5")
    assert cache_limit() == 500_000_000
    for wrong in ("-1", "nan", "inf", "much"):
        monkeypatch.setenv(GIGABYTES, wrong)
        with pytest.raises(StorageError, match="size of a cache"):
            cache_limit()
