"""What goes over a whole run at an address says what it says of a disk, and holds a file or two of it at a time."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.storage.places.near_folder import is_large
from pipeline.storage.stores import open_store
from tests.clusters.test_address import command, of_address, of_folder
from tests.s3_server import s3_server

SCRATCH = 3_000_000
"""Bytes that the checks write aside: the demo's catalog made anew, its samples, what was found in its shards."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A finished run on a disk, and its copy in a bucket."""
    folder = tmp_path_factory.mktemp("run")
    with s3_server() as bucket:
        command("demo", "-o", str(folder / "demo"), machine=folder / "machine")
        store = open_store(f"{bucket}/run")
        for path in sorted((folder / "demo" / "run").rglob("*")):
            if path.is_file():
                store.put(path.relative_to(folder / "demo" / "run").as_posix(), path)
        yield folder / "demo" / "run", f"{bucket}/run"


def held(*folders: Path) -> int:
    """Return the bytes that folders take on the disk, files of several names once."""
    found: dict[int, int] = {}
    for folder in folders:
        for path in folder.rglob("*"):
            try:
                state = path.lstat()
            except FileNotFoundError:
                continue
            if path.is_file():
                found[state.st_ino] = 512 * state.st_blocks
    return sum(found.values())


def watched(*words: str, machine: Path) -> tuple[str, int]:
    """Return what a command says, and the most bytes that it held in its cache and beside its temporary files."""
    places = machine / "cache", machine / "tmp"
    for place in places:
        place.mkdir(parents=True)
    most, over = [0], threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            most[0] = max(most[0], held(*places))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pipeline.commands.cli", *words],
            capture_output=True,
            text=True,
            cwd=machine,
            env={
                **os.environ,
                "BIOMILL_CACHE": str(places[0]),
                "TMPDIR": str(places[1]),
                "BIOMILL_CACHE_GB": "0.001",
                "PYTHONPATH": str(Path.cwd()),
            },
        )
    finally:
        over.set()
        watcher.join()
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, most[0]


@pytest.mark.parametrize(
    "words",
    [
        ("verify", "RUN"),
        ("leakage", "certify", "RUN"),
        ("export", "RUN", "-o", "OUT", "--format", "shards", "--where", "class = 'Aves'"),
        ("export", "RUN", "-o", "OUT", "--format", "folders"),
        ("export", "RUN", "-o", "OUT", "--format", "hugging-face"),
        ("publish", "RUN", "OUT", "--check"),
    ],
    ids=lambda words: "-".join(words[:1] + words[5:6]),
)
def test_a_command_over_all_of_a_run_streams_it(run: tuple[Path, str], tmp_path: Path, words: tuple[str, ...]) -> None:
    disk, address = run
    said, written = {}, {}
    for name, where in (("disk", str(disk)), ("address", address)):
        out = tmp_path / f"out-{name}"
        asked = [{"RUN": where, "OUT": str(out)}.get(word, word) for word in words]
        if name == "disk":
            text = command(*asked, machine=tmp_path / name).stdout
        else:
            text, most = watched(*asked, machine=tmp_path / name)
        said[name] = text.replace(where, "RUN").replace(str(out), "OUT")
        written[name] = of_folder(out) if out.exists() else {}
    assert said["address"] == said["disk"] and said["disk"]
    assert written["address"] == written["disk"] and bool(written["disk"]) == ("OUT" in words)
    sizes = {p.relative_to(disk).as_posix(): p.stat().st_size for p in disk.rglob("*") if p.is_file()}
    archives = [size for name, size in sizes.items() if is_large(name)]
    tables = sum(sizes.values()) - sum(archives) + 4096 * len(sizes)
    assert most < tables + 2 * max(archives) + SCRATCH, f"{most:,} bytes at once"
    assert sum(archives) > 3 * max(archives), "else one archive at a time says little"


def test_a_damaged_archive_at_an_address_is_found(run: tuple[Path, str], tmp_path: Path) -> None:
    _, address = run
    store = open_store(address)
    name = min(name for name in store.listing() if name.endswith(".tar"))
    whole = store.read(name)
    store.write(name, whole[:3000] + b"\1" + whole[3001:])
    try:
        done = command("verify", address, machine=tmp_path, check=False)
    finally:
        store.write(name, whole)
    assert done.returncode == 1 and f"{name.rpartition('/')[2]}" in done.stdout
    assert "FAIL  checksums" in done.stdout, done.stdout


def test_the_copy_in_the_bucket_is_the_run(run: tuple[Path, str]) -> None:
    disk, address = run
    assert of_address(address) == of_folder(disk)
