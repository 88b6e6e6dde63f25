"""What a run at an address costs beside one on a disk: CPU of the client, and requests by kind, stage by stage.

    python -m tests.performance.bench_bucket [--rounds N] [--rows ROWS ...]

The demo is run on a disk and into a bucket of an S3 server of this machine (moto, in a process of its own, whose CPU is
not counted), in turn; each with a cache that is empty. Requests are those that the server logged, by the stage that the
run had begun last. Tables and checksums of both runs are compared. `--rows`: generated tables of so many rows are run
until `screen` as well, with requests and files for a million rows.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from pipeline.storage.stores import open_store
from tests.s3_server import logged_s3_server

KINDS = ("GET", "HEAD", "LIST", "PUT", "POST", "DELETE")
_STARTED = re.compile(r"(\w+): started")
_ENDED = re.compile(r"catalog: done")
_REQUEST = re.compile(r'"(?:\x1b\[\d+m)*(?P<method>[A-Z]+) (?P<target>\S+) HTTP')


@dataclass(slots=True)
class Cost:
    """What one command took."""

    cpu_s: float = 0.0
    """User and system time of the process and those that it started."""
    requests: dict[str, Counter[str]] = field(default_factory=dict)
    """Requests by kind, by stage."""

    def all_requests(self) -> Counter[str]:
        """Return requests by kind."""
        return sum(self.requests.values(), Counter[str]())


def requests_in(log: bytes) -> Counter[str]:
    """Return the requests by kind that a server of Werkzeug logged.

    >>> requests_in(b'- - [x] "GET /b?list-type=2 HTTP/1.1" 200 -\\n- - [x] "HEAD /b/a HTTP/1.1" 404 -')
    Counter({'LIST': 1, 'HEAD': 1})
    """
    found: Counter[str] = Counter()
    for match in _REQUEST.finditer(log.decode(errors="replace")):
        listing = match["method"] == "GET" and ("list-type=" in match["target"] or "?prefix=" in match["target"])
        found["LIST" if listing else match["method"]] += 1
    return found


def measured(words: list[str], machine: Path, log: Path | None) -> Cost:
    """Run a command on a machine of its own (an empty cache), and return its CPU and the requests that were logged."""
    machine.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "BIOMILL_CACHE": str(machine / "cache"), "PYTHONPATH": str(Path.cwd())}
    cost, stage = Cost(), "before"
    at = log.stat().st_size if log else 0

    def note() -> None:
        nonlocal at
        if log:
            with log.open("rb") as file:
                file.seek(at)
                data = file.read()
            cost.requests[stage] = cost.requests.get(stage, Counter()) + requests_in(data)
            at += len(data)

    running = subprocess.Popen(
        [sys.executable, "-m", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment
    )
    assert running.stderr is not None
    said = []
    for line in running.stderr:
        said.append(line)
        if (started := _STARTED.match(line)) or _ENDED.match(line):
            note()
            stage = started[1] if started else "after"
    _, status, used = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    note()
    if running.returncode:
        raise SystemExit("".join(said))
    cost.cpu_s = used.ru_utime + used.ru_stime
    return cost


def told(cost: Cost, records: int) -> None:
    """Print requests by kind, by stage and for a thousand records."""
    print(f"{'stage':<12}" + "".join(f"{kind:>8}" for kind in (*KINDS, "all")))
    total = cost.all_requests()
    rows = [*cost.requests.items(), ("whole run", total)]
    for name, found in rows:
        print(f"{name:<12}" + "".join(f"{number:>8,}" for number in (*(found[k] for k in KINDS), found.total())))
    each = [1000 * number / records for number in (*(total[kind] for kind in KINDS), total.total())]
    print(f"{'per 1,000':<12}" + "".join(f"{number:>8,.0f}" for number in each) + f"   ({records:,} records)")


def grown(rows: int, bucket: str, home: Path, log: Path) -> None:
    """Run generated tables into the bucket until screen; print requests and files, and what a million rows take."""
    from pipeline.demo import generate_records

    recipe, address = generate_records(home / "bulk", rows), f"{bucket}/rows-{rows}"
    cost = measured(["pipeline.commands.cli", "run", str(recipe), "-o", address, "--until", "screen"], home / "m", log)
    files = Counter(name.split("/")[0] for name in open_store(address).listing() if "/" in name)
    print(f"{rows:,} rows until screen: {cost.cpu_s:.1f} CPU s, {files.total():,} files")
    told(cost, rows)
    print(
        f"for a million rows, if both grew as the rows: {1e6 * cost.all_requests().total() / rows:,.0f} requests, "
        f"{1e6 * files.total() / rows:,.0f} files ({', '.join(f'{k} {v}' for k, v in sorted(files.items()))})"
    )


def compared(disk: Path, address: str) -> str:
    """Return how many tables, shards and checksums both runs have; exits when they are not the same."""
    store = open_store(address)
    kept = (".parquet", ".tar", "checksums.sha256")
    there = sorted(name for name in store.listing() if name.endswith(kept))
    here = sorted(p.relative_to(disk).as_posix() for p in disk.rglob("*") if p.name.endswith(kept))
    if there != here or any(store.read(name) != (disk / name).read_bytes() for name in there):
        raise SystemExit("the run in the bucket is not that of the disk")
    return f"{len(there)} tables, shards and checksums are equal"


def main() -> None:
    """Run the demo on a disk and in a bucket, in turn."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=2, help="how often each is run")
    parser.add_argument("--rows", type=int, nargs="*", default=[20_000], help="rows of generated tables")
    options = parser.parse_args()
    ratios, cost, same = [], Cost(), ""
    with tempfile.TemporaryDirectory() as temporary, logged_s3_server(Path(temporary, "log")) as bucket:
        for turn in range(options.rounds):
            here, folder = Path(temporary, str(turn)), Path(temporary, str(turn), "demo")
            address = f"{bucket}/{turn}/demo"
            command = ["pipeline.commands.cli", "demo", "-o"]
            disk = measured([*command, str(folder)], here / "disk", None)
            cost = measured([*command, address], here / "bucket", Path(temporary, "log"))
            same = compared(folder / "run", f"{address}/run")
            ratios.append(cost.cpu_s / disk.cpu_s)
            print(f"demo: disk {disk.cpu_s:.1f} CPU s, bucket {cost.cpu_s:.1f} CPU s, ratio {ratios[-1]:.2f}")
            shutil.rmtree(here)
        for rows in options.rows:
            grown(rows, bucket, Path(temporary, f"rows-{rows}"), Path(temporary, "log"))
    if not ratios:
        return
    told(cost, 714)
    print(same)
    print(f"ratio of CPU, median of {len(ratios)}: {statistics.median(ratios):.2f} (bar 1.5)")


if __name__ == "__main__":
    main()
