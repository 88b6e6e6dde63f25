"""A store that refuses, slows down, cuts or resets: a clear message, nothing lost, and the next run goes on."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.storage.places import Lease, RemotePath
from tests.bad_s3 import CUT, NO_TOKEN, RESET, SHORT, Asked, BadServer, Day, bad_s3_server
from tests.clusters.test_address import command, environment, of_address, of_folder, tables_and_checksums

Bad = tuple[str, BadServer]


def good(asked: Asked) -> None:
    """Answer as the whole server does."""


@pytest.fixture(scope="module")
def server() -> Iterator[Bad]:
    for name in ("moto", "s3fs"):
        pytest.importorskip(name)
    with bad_s3_server() as (bucket, bad):
        yield bucket, bad


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("disk")
    command("demo", "-o", str(folder / "demo"), machine=folder / "machine")
    return tables_and_checksums(of_folder(folder / "demo" / "run"))


def bytes_of(bad: BadServer, address: str, stage: str = "") -> dict[str, bytes]:
    bad.begin(good)
    found = tables_and_checksums(of_address(f"{address}/run"))
    return {name: data for name, data in found.items() if name.startswith(stage)}


def as_if_a_minute_had_passed(bad: BadServer, address: str) -> None:
    """Remove the lease of a run that could not give it back."""
    bad.begin(good)
    lease = RemotePath.of(f"{address}/run/.lease")
    for name in lease.listing():
        (lease / name).unlink()


def throttling(asked: Asked) -> tuple[int, str] | None:
    return (503, "SlowDown") if asked.drawn < 0.05 else None


def breaking(asked: Asked) -> str | float | None:
    """Reset 2 % of connections, break off 3 % of bodies, and answer late for a while."""
    if asked.drawn < 0.02:
        return RESET
    if asked.method == "GET" and asked.drawn < 0.05:
        return CUT if asked.listing else SHORT
    return 2.0 if 300 < asked.number < 312 else None


@pytest.mark.parametrize("day", [throttling, breaking], ids=lambda day: str(day.__name__))
def test_a_store_that_stumbles_costs_time_alone(server: Bad, disk: dict[str, bytes], tmp_path: Path, day: Day) -> None:
    bucket, bad = server
    address = f"{bucket}/{day.__name__}/demo"
    bad.begin(day)
    command("demo", "-o", address, machine=tmp_path)
    assert bad.spoilt > 20
    assert bytes_of(bad, address) == disk


def test_credentials_that_expire_end_a_run_that_the_next_one_goes_on_with(
    server: Bad, disk: dict[str, bytes], tmp_path: Path
) -> None:
    bucket, bad = server
    address = f"{bucket}/expired/demo"
    bad.begin(lambda asked: (400, "ExpiredToken") if asked.number > 400 else None)
    failed = command("demo", "-o", address, machine=tmp_path, check=False)
    assert failed.returncode == 1 and "ExpiredToken" in failed.stderr and "Traceback" not in failed.stderr
    assert f"where:  {address}/run/" in failed.stderr and "get new ones, then run the same command" in failed.stderr
    assert ".run.json" not in failed.stderr.partition("where:")[2].splitlines()[0], "not the note of how it ended"
    as_if_a_minute_had_passed(bad, address)
    again = command("demo", "-o", address, machine=tmp_path)
    assert "ingest: done before" in again.stderr
    assert bytes_of(bad, address) == disk


def test_a_bucket_that_cannot_be_written_is_told_before_anything_is_done(server: Bad, tmp_path: Path) -> None:
    bucket, bad = server
    bad.begin(lambda asked: (403, "AccessDenied") if asked.method == "PUT" else None)
    failed = command("demo", "-o", f"{bucket}/denied/demo", machine=tmp_path, check=False)
    assert failed.returncode == 1 and "cannot be written: AccessDenied" in failed.stderr, failed.stderr
    assert "the right to write" in failed.stderr and "started" not in failed.stderr
    assert bad.number < 10, "who is refused is not asked again"
    bad.begin(good)
    assert not RemotePath.of(f"{bucket}/denied").listing()


@pytest.mark.parametrize("how", [NO_TOKEN, CUT])
def test_a_listing_that_is_cut_is_never_taken_for_a_whole_one(server: Bad, how: str) -> None:
    bucket, bad = server
    folder = RemotePath.of(f"{bucket}/cut/{how.replace(' ', '-')}")
    bad.begin(good)
    for number in range(20):
        (folder / f"{number}.bin").write_bytes(b"x")
    bad.begin(lambda asked: how if asked.listing and asked.number < 4 else None)
    assert len(folder.listing()) == 20 and bad.spoilt == 3


SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t which, struct timespec *now) {
    static int (*there)(clockid_t, struct timespec *);
    if (!there) there = dlsym(RTLD_NEXT, "clock_gettime");
    int said = there(which, now);
    if (which == CLOCK_REALTIME) now->tv_sec += atol(getenv("SHIFTED_SECONDS"));
    return said;
}
"""


@pytest.fixture(scope="module")
def shifted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that shifts the clock of the programs that load it."""
    if sys.platform != "linux" or shutil.which("cc") is None:
        pytest.skip("a clock is shifted by a library, which needs a C compiler on Linux")
    library = tmp_path_factory.mktemp("clock") / "shifted.so"
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-x", "c", "-o", str(library), "-", "-ldl"], input=SHIM.encode(), check=True
    )
    return library


@pytest.mark.parametrize("seconds", [3600, -3600])
def test_a_driver_whose_clock_is_wrong_goes_by_the_clock_of_the_store(
    server: Bad, disk: dict[str, bytes], tmp_path: Path, shifted: Path, seconds: int
) -> None:
    bucket, bad = server
    address = f"{bucket}/clock{seconds}/demo"
    moved = {**environment(tmp_path), "LD_PRELOAD": str(shifted), "SHIFTED_SECONDS": str(seconds)}
    words = [sys.executable, "-m", "pipeline.commands.cli", "demo", "-o", address, "--until", "ingest"]
    bad.begin(good)
    bad.clock = True
    try:
        refused = subprocess.run(words, env=moved, capture_output=True, text=True)
    finally:
        bad.clock = False
    assert refused.returncode == 1 and "RequestTimeTooSkewed" in refused.stderr, refused.stderr
    assert "set the clock of this machine" in refused.stderr
    # A store that does not mind is gone by: whoever holds the folder is told by its clock.
    holder = subprocess.Popen(words, env=moved, stderr=subprocess.PIPE, text=True)
    assert holder.stderr is not None
    for line in holder.stderr:
        if line.startswith("ingest: started"):
            break
    held = Lease(RemotePath.of(f"{address}/run")).holder()
    assert held is not None and held.pid == holder.pid
    holder.communicate()
    assert holder.returncode == 0
    there = bytes_of(bad, address, "ingest/")
    assert there and there == {name: data for name, data in disk.items() if name.startswith("ingest/")}


_HASTY = """
import sys
from pipeline.storage.places import lease
lease.Lease.__init__.__defaults__ = 0.3, 60.0
from pipeline.commands.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_run_whose_lease_is_taken_stops_and_writes_nothing_more(
    server: Bad, disk: dict[str, bytes], tmp_path: Path
) -> None:
    bucket, bad = server
    address = f"{bucket}/stolen/demo"
    bad.begin(good)
    running = subprocess.Popen(
        [sys.executable, "-c", _HASTY, "demo", "-o", address, "--until", "screen"],
        env=environment(tmp_path),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stderr is not None
    for line in running.stderr:
        if line.startswith("ingest: started"):
            break
    run = RemotePath.of(f"{address}/run")
    thief = b'{"owner": "x", "machine": "elsewhere", "pid": 7, "began": "2026-01-01T00:00:00+00:00", "released": false}'
    assert (run / ".lease" / "000002.json").create(thief)
    _, said = running.communicate()
    assert running.returncode == 1 and "Traceback" not in said, said
    assert "the lease of the output folder was lost: process 7 on elsewhere holds it" in said
    note = (run / ".run.json").read_text()
    assert '"state": "running"' in note, "how it ended is not noted over what the other run notes"
    assert not (run / "screen" / "_done.json").exists()
    as_if_a_minute_had_passed(bad, address)
    command("demo", "-o", address, "--until", "ingest", machine=tmp_path)
    assert bytes_of(bad, address, "ingest/") == {n: d for n, d in disk.items() if n.startswith("ingest/")}
