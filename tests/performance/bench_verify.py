"""CPU and peak memory of `verify`, check by check, as the number of samples grows.

    python -m tests.performance.bench_verify [SIZE ...] [--folder FOLDER]

Runs of generated records are made as `bench_growth` makes them: the pipeline's own stages, with a stand-in for fetch
that gives every record one small picture and random hashes, so that four records in five are kept. Each run is verified
in a process of its own; growth is the ratio of CPU per sample between the last size and the first. With a folder the
runs stay there and are used again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from manifests import load_recipe
from pipeline.demo import generate_records
from pipeline.run.driver import run
from pipeline.stages.base import Context
from pipeline.storage.run_folder import RunFolder
from pipeline.verify import verify
from tests.performance.stand_ins import answer


def make(root: Path, size: int) -> Path:
    """Return the folder of a finished run of so many records, made where it is not there."""
    out = root / "out"
    if not (out / "catalog" / "_done.json").exists():
        recipe = load_recipe(generate_records(root / "bulk", size))
        run(recipe, out, until="screen", progress=lambda line: None)
        if not (out / "fetch").exists():
            answer(Context(recipe, RunFolder(out), print))
        run(recipe, out, progress=lambda line: None)
    return out


def peak_mb() -> float:
    """Return the peak resident memory of this program alone; getrusage would count the process it was forked from."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def one(out: Path) -> None:
    """Verify a run; print a line per check, and a last one as JSON."""
    samples = json.loads((out / "shards" / "_done.json").read_text())["facts"]["samples"]
    before = begun = time.process_time()
    for check in verify(out):
        now = time.process_time()
        peak = peak_mb()
        said = "" if check.ok else f"  FAIL {check.detail[:300]}"
        print(
            f"{samples:>9,} {check.name:<22} {1e6 * (now - before) / samples:>8.1f} us a sample {peak:>6.0f} MB{said}"
        )
        before = now
    spent = before - begun
    print(json.dumps({"samples": samples, "cpu_s": spent, "us": 1e6 * spent / samples, "peak_mb": peak}), flush=True)


def main() -> None:
    """Make and verify every size."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("sizes", type=int, nargs="*", default=[10_000, 100_000], help="records of the runs")
    parser.add_argument("--folder", type=Path, help="where the runs lie and stay; a temporary folder without it")
    parser.add_argument("--one", type=Path, help="verify this run in this process")
    options = parser.parse_args()
    if options.one:
        one(options.one)
        return
    found = []
    with tempfile.TemporaryDirectory() as temporary:
        for size in options.sizes:
            out = make((options.folder or Path(temporary)) / str(size), size)
            command = [sys.executable, "-m", "tests.performance.bench_verify", "--one", str(out)]
            said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
            print(*said[:-1], sep="\n")
            found.append(json.loads(said[-1]))
            print("{samples:,} samples: {cpu_s:.1f} CPU s, {us:.0f} us a sample, {peak_mb:.0f} MB".format(**found[-1]))
    print(f"growth of CPU per sample: {found[-1]['us'] / found[0]['us']:.2f}")


if __name__ == "__main__":
    main()
