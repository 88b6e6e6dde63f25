"""A run at an address of an object store is the run of a disk: its bytes, its end after a kill, and all who ask it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import biomill
from pipeline.storage.places import RemotePath
from pipeline.storage.stores import open_store
from tests.s3_server import s3_server


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with s3_server() as address:
        yield address


def command(*words: str, machine: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command as on a machine of its own: with its own cache, and in its own folder."""
    machine.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.commands.cli", *words],
        capture_output=True,
        text=True,
        env=environment(machine),
        cwd=machine,
    )
    assert not check or done.returncode == 0, done.stderr
    return done


def environment(machine: Path) -> dict[str, str]:
    return {**os.environ, "BIOMILL_CACHE": str(machine / "cache"), "PYTHONPATH": str(Path.cwd())}


def tables_and_checksums(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in files.items() if name.endswith((".parquet", "checksums.sha256", ".tar"))}


def of_folder(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def of_address(address: str) -> dict[str, bytes]:
    store = open_store(address)
    return {name: store.read(name) for name in store.listing()}


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("disk")
    command("demo", "-o", str(folder / "demo"), machine=folder / "machine")
    return tables_and_checksums(of_folder(folder / "demo" / "run"))


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_run_at_an_address_has_the_bytes_of_one_on_a_disk(
    bucket: str, disk: dict[str, bytes], tmp_path: Path, workers: str
) -> None:
    address = f"{bucket}/same-{workers}/demo"
    command("demo", "-o", address, "--workers", workers, machine=tmp_path)
    there = of_address(f"{address}/run")
    assert tables_and_checksums(there) == disk
    assert not [
        name for name in there if "/.tmp-" in name or name.startswith((".tmp", "ingest/spool", "fetch/journal"))
    ]
    again = command("demo", "-o", address, machine=tmp_path)
    assert again.stderr.count("done before") == 9


def test_a_run_whose_machine_is_gone_goes_on_from_another_one(
    bucket: str, disk: dict[str, bytes], tmp_path: Path
) -> None:
    address, done = f"{bucket}/gone/demo", 0
    corpus = tmp_path / "corpus"
    for number, stage in enumerate(("ingest", "fetch", "fetch", "likeness", "shards")):
        machine = tmp_path / f"machine-{number}"
        machine.mkdir()
        if corpus.exists():  # what is served is drawn once; nothing else of the dead machine is there
            place = next((machine / "cache" / "inputs").glob("*"), None)
            assert place is None
        running = subprocess.Popen(
            [sys.executable, "-m", "pipeline.commands.cli", "demo", "-o", address],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(machine),
            start_new_session=True,
        )
        assert running.stderr is not None
        for line in running.stderr:
            if line.startswith(f"{stage}: started") or running.poll() is not None:
                break
        time.sleep(0.5 + 0.7 * number)
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        leases = RemotePath.of(f"{address}/run/.lease")
        refused = command("demo", "-o", address, machine=tmp_path / "impatient", check=False)
        if leases.listing() and refused.returncode:
            assert "another run is writing this folder" in refused.stderr, refused.stderr
            assert f"process {running.pid}" in refused.stderr
            done += 1
            for name in leases.listing():  # sooner than the minute after which it is over
                (leases / name).unlink()
        else:
            break
    command("demo", "-o", address, machine=tmp_path / "last")
    assert done >= 2
    assert tables_and_checksums(of_address(f"{address}/run")) == disk


def test_all_who_ask_a_run_take_its_address(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"{bucket}/asked/demo"
    command("demo", "-o", address, machine=tmp_path)
    run = f"{address}/run"
    asked = tmp_path / "asking"  # another machine, with nothing but the address
    assert "317" in command("status", run, machine=asked).stdout
    assert (
        command("sql", run, "SELECT count(*) AS n FROM samples", "--format", "csv", machine=asked).stdout == "n\n317\n"
    )
    assert "gone (stage fetch)" in command("explain", run, "4100005483", machine=asked).stdout
    assert "verified" in command("verify", run, machine=asked).stdout.splitlines()[-1]
    assert "read back" in command("publish", run, f"{bucket}/published", "--check", machine=asked).stdout
    command("export", run, "-o", str(tmp_path / "birds"), "--where", "class = 'Aves'", machine=asked)
    assert len(list((tmp_path / "birds").rglob("*.tar"))) == 1
    assert "step" in command("feed", run, "--batch", "8", "--steps", "2", machine=asked).stdout
    assert "certified" in command("leakage", "certify", run, machine=asked).stdout
    denied = command("sql", run, "FROM read_text('/etc/hostname')", machine=asked, check=False)
    assert denied.returncode == 1 and "disabled by configuration" in denied.stderr
    monkeypatch.setenv("BIOMILL_CACHE", str(asked / "cache"))
    opened = biomill.open_run(run)
    assert opened.sql("SELECT count(*) AS n FROM samples").to_pylist() == [{"n": 317}]
    assert opened.status().kept == 317 and len(opened.feed(batch=4).batch(0).keys) == 4


def test_an_address_that_cannot_be_written_is_told_at_once(bucket: str, tmp_path: Path) -> None:
    began = time.monotonic()
    for address, words in (
        ("s3://no-such-bucket/run", "cannot be written"),
        ("s3:/lost/slash", "the address has lost a slash"),
        ("nosuchscheme://a/b", "the address cannot be opened"),
        ("memory://run", "what lies in memory is gone"),
    ):
        done = command("demo", "-o", address, machine=tmp_path, check=False)
        assert done.returncode in (1, 2) and words in done.stderr and "Traceback" not in done.stderr, done.stderr
        assert "remedy" in done.stderr
    assert time.monotonic() - began < 100
