"""Measure how zips of many members are listed and searched: `python -m tests.performance.bench_archives --help`.

Each piece of work runs in a process of its own; CPU seconds leave imports out, peaks hold them.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

META = """<archive xmlns="http://rs.tdwg.org/dwc/text/"><core rowType="http://rs.tdwg.org/dwc/terms/Occurrence"
fieldsTerminatedBy="," ignoreHeaderLines="1"><files><location>o.csv</location></files><id index="0"/>
<field index="1" term="http://rs.tdwg.org/dwc/terms/scientificName"/></core></archive>"""
READS = 1000


def write_zip(path: Path, members: int) -> Path:
    """A Darwin Core Archive with this many images beside its table."""
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(members):
            archive.writestr(f"release/images/{number % 100:02d}/{number:07d}.jpg", b"%d" % number)
        archive.writestr("meta.xml", META)
        archive.writestr("o.csv", "id,scientificName\n1,Puma concolor\n")
    return path


def standard(path: Path) -> int:
    """zipfile alone: the floor that the pipeline used to stand on, once per reading."""
    with zipfile.ZipFile(path) as archive:
        return len(archive.infolist())


def listed(path: Path) -> int:
    from pipeline.sources.release.archive import open_archive

    return len(open_archive(path).members)


def inspected(path: Path) -> int:
    from pipeline.inspection import inspect_release

    return inspect_release(path).core_rows


def held(path: Path) -> int:
    from pipeline.media import open_store

    with open_store(path) as store:
        return sum(store.read(f"{number % 100:02d}/{number:07d}.jpg", 100).outcome is None for number in range(READS))


WORK: dict[str, Callable[[Path], int]] = {
    "zipfile, listed once": standard,
    "release, listed": listed,
    "release, inspected": inspected,
    f"media store, opened and {READS:,} read": held,
}


def child(work: str, path: Path) -> None:
    WORK[work](path.parent / "warm.zip")  # imports are not what is measured
    start = time.process_time()
    WORK[work](path)
    took = time.process_time() - start
    print(json.dumps({"cpu": took, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--members", type=int, nargs="*", default=[15_000, 150_000])
    parser.add_argument("--child", nargs=2, metavar=("WORK", "ARCHIVE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child[0], Path(options.child[1]))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_zip(folder / "warm.zip", READS)
        for members in options.members:
            path = write_zip(folder / f"{members}.zip", members)
            for work in WORK:
                command = [sys.executable, "-m", "tests.performance.bench_archives", "--child", work, str(path)]
                found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
                print(f"{members:,} members: {work}: {found['cpu']:.2f} CPU s, peak {found['peak_mb']:.0f} MB")


if __name__ == "__main__":
    main()
