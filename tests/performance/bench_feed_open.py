"""What it costs to open a feed: time, and memory of every rank of a machine, as the manifest grows.

    python -m tests.performance.bench_feed_open [ROWS ...] [--ranks N ...] [--folder FOLDER]

Manifests of drawn rows, without shards: opening reads none. For each size and each kind of rules a first process opens
the feed with an empty cache, then groups of ranks open it at the same time; all of a group stay until the last has
measured. Memory is what the kernel says (smaps_rollup): private memory that cannot be given back (dirty), and the
proportional share, both without what the imports alone take; and the peak of the first process. What ranks share are
pages of files, counted once for the machine in the last column.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[2]))

from pipeline.feed import Feed, Rules

KINDS: dict[str, dict[str, object]] = {
    "uniform": {},
    "cap": {"sampler": "cap", "cap": 20},
    "sqrt": {"sampler": "sqrt"},
    "stream": {"mode": "stream"},
    "stream, cap": {"mode": "stream", "sampler": "cap", "cap": 20},
}
BATCH, STEPS, ROWS_PER_SHARD, ROWS_PER_TAXON = 4096, 4, 10_000, 25
_WRITTEN = 1 << 18


def manifest(folder: Path, rows: int) -> Path:
    """Write a manifest of so many rows, of taxa whose counts fall off as in nature, and give its folder."""
    out = folder / str(rows)
    if (out / "manifest.parquet").exists():
        return out
    out.mkdir(parents=True)
    random = np.random.default_rng(rows)
    taxa = max(2, rows // ROWS_PER_TAXON)
    partial = out / "partial"
    writer = None
    for start in range(0, rows, _WRITTEN):
        row = np.arange(start, min(rows, start + _WRITTEN))
        table = _rows(row, (taxa ** random.random(row.size)).astype(np.int64) - 1, random)
        writer = writer or pq.ParquetWriter(partial, table.schema, compression="zstd")
        writer.write_table(table)
    assert writer is not None
    writer.close()
    partial.rename(out / "manifest.parquet")
    return out


def _rows(row: np.ndarray, taxon: np.ndarray, random: np.random.Generator) -> pa.Table:
    def named(name: str, per: int) -> pa.Array:
        numbers, codes = np.unique(taxon // per, return_inverse=True)
        words = pa.array([f"{name.title()}{number:07d}" for number in numbers.tolist()])
        return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), words).cast(pa.string())

    high = random.integers(0, 2**63, row.size)
    ranks = ("kingdom", "phylum", "class", "order", "family", "genus", "species")
    return pa.table(
        {
            "key": pa.array([f"{a:016x}{b:016x}" for a, b in zip(high.tolist(), row.tolist(), strict=True)]),
            "shard": pa.array([f"bench-train-{number:06d}.tar" for number in (row // ROWS_PER_SHARD).tolist()]),
            "jpg_offset": pa.array(row % ROWS_PER_SHARD * 60_000 + 512),
            "jpg_length": pa.array(random.integers(10_000, 58_000, row.size)),
            "sha256": pa.array([random.bytes(32).hex() for _ in row]),
            "accepted_id": named("t", 1),
            "split": pa.array(np.where(random.random(row.size) < 0.95, "train", "val")),
            **{rank: named(rank, 7 ** (6 - place)) for place, rank in enumerate(ranks)},
            "vernacular_name": named("common", 3),
        }
    )


def memory() -> dict[str, float]:
    """Return this process's private dirty memory, proportional share and peak, in MB."""
    rollup = dict(line.split(":") for line in Path("/proc/self/smaps_rollup").read_text().splitlines()[1:])
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    found = {"private": rollup["Private_Dirty"], "share": rollup["Pss"], "peak": status["VmHWM"]}
    return {name: int(text.split()[0]) / 1024 for name, text in found.items()}


def one(folder: Path, kind: str, rank: int, world: int) -> None:
    """Open the feed as one rank, find the samples of some steps, and say what it cost."""
    # What opening and reading import is there before anything is measured.
    import duckdb  # noqa: F401
    import pyarrow.compute  # noqa: F401

    bare = memory()
    print("ready", flush=True)
    sys.stdin.readline()
    begun, cpu = time.perf_counter(), time.process_time()
    feed = Feed(folder, Rules(BATCH, **KINDS[kind]))  # type: ignore[arg-type]
    opened, open_cpu = time.perf_counter(), time.process_time()
    for step in range(STEPS):
        assert feed.keys(step, rank, world)
    steps = time.process_time() - open_cpu
    print("open", flush=True)
    sys.stdin.readline()
    now = memory()
    said = {name: now[name] - bare[name] for name in now}
    print(
        json.dumps(
            {**said, "open_s": opened - begun, "open_cpu": open_cpu - cpu, "steps_s": steps, "digest": feed.digest}
        ),
        flush=True,
    )
    sys.stdin.readline()


def group(folder: Path, kind: str, world: int, cache: Path) -> list[dict[str, float]]:
    """Open the feed as so many ranks at once."""
    command = [sys.executable, "-m", "tests.performance.bench_feed_open", "--one", str(folder), kind]
    env = {**os.environ, "BIOMILL_CACHE": str(cache), "OPENBLAS_NUM_THREADS": "1"}
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": env}
    ranks = [subprocess.Popen([*command, str(rank), str(world)], **pipes) for rank in range(world)]
    found = []
    for turn in range(3):
        said = []
        for rank in ranks:
            assert rank.stdout is not None
            said.append(rank.stdout.readline())
            if not said[-1]:
                raise SystemExit(f"rank {len(said) - 1} of {folder} ended")
        if turn == 2:
            found = [json.loads(line) for line in said]
        for rank in ranks:
            assert rank.stdin is not None
            rank.stdin.write("\n")
            rank.stdin.flush()
    for rank in ranks:
        rank.wait()
    return found


def main() -> None:
    """Measure every size, kind and number of ranks."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("rows", type=int, nargs="*", default=[100_000, 1_000_000], help="rows of the manifests")
    parser.add_argument("--ranks", type=int, nargs="*", default=[1, 4, 8])
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--folder", type=Path, help="where the manifests lie and stay; a temporary folder without it")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        folder, kind, rank, world = options.one
        one(Path(folder), kind, int(rank), int(world))
        return
    with tempfile.TemporaryDirectory() as temporary:
        for rows in options.rows:
            folder = manifest(options.folder or Path(temporary), rows)
            size = (folder / "manifest.parquet").stat().st_size
            print(f"{rows:,} rows, a manifest of {size / 1e6:,.0f} MB")
            for kind in options.kinds:
                with tempfile.TemporaryDirectory(dir=temporary) as cache:
                    said = group(folder, kind, 1, Path(cache))
                    print(f"  {kind}, first: {_told(said, rows)}, peak {said[0]['peak']:,.0f} MB", flush=True)
                    for world in options.ranks:
                        said = group(folder, kind, world, Path(cache))
                        print(f"  {kind}, {world} ranks: {_told(said, rows)}", flush=True)


def _told(found: list[dict[str, float]], rows: int) -> str:
    assert len({each["digest"] for each in found}) == 1
    most = {name: max(each[name] for each in found) for name in ("open_s", "open_cpu", "steps_s", "private", "share")}
    machine = sum(each["share"] for each in found)
    each_row = most["private"] * 2**20 / rows
    return (
        f"open {most['open_s']:.2f} s ({most['open_cpu']:.2f} CPU s), {STEPS} steps {most['steps_s']:.2f} CPU s, "
        f"private {most['private']:,.1f} MB a rank ({each_row:,.0f} B a row), share {most['share']:,.1f} MB, "
        f"machine {machine:,.0f} MB"
    )


if __name__ == "__main__":
    main()
